// Processes that exist: signalling, waiting, limits.
#include "addon.h"
#include <cerrno>
#include <csignal>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr auto kPidfd = static_cast<idtype_t>(3); // P_PIDFD, in glibc's headers since 2.36 only

Napi::Value PidfdOpen(Arguments info) {
    int pid = ToInt(info[0]);
    if (Failed(info))
        return info.Env().Undefined();
    long fd = syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return Throw(info.Env(), errno, "pidfd_open");
    return Napi::Number::New(info.Env(), static_cast<double>(fd));
}

Napi::Value PidfdSendSignal(Arguments info) {
    int pidfd = ToInt(info[0]), signal = ToInt(info[1]);
    if (!Failed(info) && syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) < 0)
        Throw(info.Env(), errno, "pidfd_send_signal");
    return info.Env().Undefined();
}

Napi::Value Kill(Arguments info) {
    int pid = ToInt(info[0]), signal = ToInt(info[1]);
    if (!Failed(info) && kill(pid, signal) < 0)
        Throw(info.Env(), errno, "kill");
    return info.Env().Undefined();
}

Napi::Object FromExit(Napi::Env env, const siginfo_t &ended) {
    Napi::Object exit = Napi::Object::New(env);
    exit.Set("pid", Napi::Number::New(env, ended.si_pid));
    exit.Set("code", Napi::Number::New(env, ended.si_status));
    exit.Set("signaled", Napi::Boolean::New(env, ended.si_code != CLD_EXITED));
    return exit;
}

double Milliseconds(const timeval &time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

Napi::Value WaitPidfd(Arguments info) {
    int pidfd = ToInt(info[0]);
    bool nohang = ToBool(info[1]);
    if (Failed(info))
        return info.Env().Undefined();
    siginfo_t ended = {};
    rusage usage = {};
    int flags = WEXITED | __WALL | (nohang ? WNOHANG : 0);
    // The call itself, as libc's leaves the times out.
    auto wait = [&] { return syscall(SYS_waitid, kPidfd, pidfd, &ended, flags, &usage); };
    if (Restarting(wait) < 0)
        return errno == EAGAIN ? info.Env().Null() : Throw(info.Env(), errno, "waitid");
    if (ended.si_pid == 0)
        return info.Env().Null();
    Napi::Object exit = FromExit(info.Env(), ended);
    exit.Set("userMs", Napi::Number::New(info.Env(), Milliseconds(usage.ru_utime)));
    exit.Set("systemMs", Napi::Number::New(info.Env(), Milliseconds(usage.ru_stime)));
    return exit;
}

Napi::Value ReapAny(Arguments info) {
    siginfo_t ended = {};
    int flags = WEXITED | __WALL | WNOHANG;
    if (Restarting([&] { return waitid(P_ALL, 0, &ended, flags); }) < 0)
        return errno == ECHILD ? info.Env().Null() : Throw(info.Env(), errno, "waitid");
    if (ended.si_pid == 0)
        return info.Env().Null();
    return FromExit(info.Env(), ended);
}

Napi::Value SetChildSubreaper(Arguments info) {
    bool on = ToBool(info[0]);
    if (!Failed(info) && prctl(PR_SET_CHILD_SUBREAPER, on ? 1 : 0, 0, 0, 0) < 0)
        Throw(info.Env(), errno, "prctl");
    return info.Env().Undefined();
}

Napi::Value SetRlimit(Arguments info) {
    int pid = ToInt(info[0]), resource = ToInt(info[1]);
    rlimit limit = {ToUint64(info[2]), ToUint64(info[3])};
    if (!Failed(info) && syscall(SYS_prlimit64, pid, resource, &limit, nullptr) < 0)
        Throw(info.Env(), errno, "prlimit");
    return info.Env().Undefined();
}

Napi::Value GetRlimit(Arguments info) {
    int resource = ToInt(info[0]);
    if (Failed(info))
        return info.Env().Undefined();
    rlimit limit = {};
    if (syscall(SYS_prlimit64, 0, resource, nullptr, &limit) < 0)
        return Throw(info.Env(), errno, "prlimit");
    Napi::Array pair = Napi::Array::New(info.Env(), 2);
    pair.Set(0u, Napi::BigInt::New(info.Env(), static_cast<uint64_t>(limit.rlim_cur)));
    pair.Set(1u, Napi::BigInt::New(info.Env(), static_cast<uint64_t>(limit.rlim_max)));
    return pair;
}

Napi::Value ExitNow(Arguments info) {
    int code = ToInt(info[0]);
    if (Failed(info))
        return info.Env().Undefined();
    _exit(code);
}

} // namespace

void DefineProcesses(Napi::Object exports) {
    Define(exports, "pidfdOpen", PidfdOpen);
    Define(exports, "pidfdSendSignal", PidfdSendSignal);
    Define(exports, "kill", Kill);
    Define(exports, "waitPidfd", WaitPidfd);
    Define(exports, "reapAny", ReapAny);
    Define(exports, "setChildSubreaper", SetChildSubreaper);
    Define(exports, "setRlimit", SetRlimit);
    Define(exports, "getRlimit", GetRlimit);
    Define(exports, "exitNow", ExitNow);
}
