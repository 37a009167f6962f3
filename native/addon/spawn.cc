// spawn: a child straight into its namespaces and its cgroup, at the price of a vfork.
//
// The child shares our memory while the calling thread is suspended (CLONE_VM|CLONE_VFORK), so
// nothing of Node's heap is copied. Until it executes it must not touch libc state: errno and
// everything else that is thread-local belongs to the suspended thread. It makes raw system calls
// only, on a stack of its own, and leaves what went wrong in the Child it was given.
#include "addon.h"
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

namespace {

// struct clone_args as of Linux 5.7; the header of the build host may be older.
struct CloneArguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    uint64_t set_tid, set_tid_size, cgroup;
};

// The kernel's struct sigaction: with a restorer on x86_64, without on arm64; a default action is
// all zeroes.
struct KernelSigaction {
    uint64_t words[4];
};

constexpr size_t kStackSize = 64 * 1024;
constexpr int kSignals = 64;

struct Child {
    int file; // or -1: path is executed
    const char *path;
    char *const *argv;
    char *const *env;
    int *fds; // written by the child: the copies made on the way
    int count;
    const char *cwd;
    const rlimit *nofile;
    bool new_session;
    // what went wrong, for the parent
    int error;
    const char *step;
};

#if defined(__x86_64__)

inline long Raw(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

// clone3 whose child runs `entry(child)` and exits; returns to the parent only.
__attribute__((noinline)) long Clone(CloneArguments *arguments, int (*entry)(Child *),
                                     Child *child) {
    long result;
    register int (*r8)(Child *) __asm__("r8") = entry;
    register Child *r9 __asm__("r9") = child;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %%r9, %%rdi\n\t"
                     "call *%%r8\n\t"
                     "mov %%eax, %%edi\n\t"
                     "mov %[exit], %%eax\n\t"
                     "syscall\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(result)
                     : "a"(SYS_clone3), "D"(arguments), "S"(sizeof *arguments), "r"(r8),
                       "r"(r9), [exit] "i"(SYS_exit)
                     : "rcx", "r11", "memory");
    return result;
}

#elif defined(__aarch64__)

inline long Raw(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}

__attribute__((noinline)) long Clone(CloneArguments *arguments, int (*entry)(Child *),
                                     Child *child) {
    register long x8 __asm__("x8") = SYS_clone3;
    register long x0 __asm__("x0") = reinterpret_cast<long>(arguments);
    register long x1 __asm__("x1") = sizeof *arguments;
    register int (*x9)(Child *) __asm__("x9") = entry;
    register Child *x10 __asm__("x10") = child;
    __asm__ volatile("svc #0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, #0\n\t"
                     "mov x30, #0\n\t"
                     "mov x0, x10\n\t"
                     "blr x9\n\t"
                     "mov x8, %[exit]\n\t"
                     "svc #0\n\t"
                     "brk #1\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x9), "r"(x10), [exit] "i"(SYS_exit)
                     : "memory");
    return x0;
}

#else
#error "tsrun runs on x86_64 and aarch64"
#endif

int Fail(Child *child, const char *step, long result) {
    child->error = static_cast<int>(-result);
    child->step = step;
    return 127;
}

// Node ignores SIGPIPE, and what is ignored stays so over an exec.
void ResetSignals() {
    KernelSigaction standard = {};
    for (int signal = 1; signal <= kSignals; signal++)
        if (signal != SIGKILL && signal != SIGSTOP)
            Raw(SYS_rt_sigaction, signal, reinterpret_cast<long>(&standard), 0, kSignals / 8);
}

// Puts fds[i] on i, the program's file on `count`, and closes everything above. All sources go
// above the targets first, so that none is overwritten before it was copied.
int ArrangeDescriptors(Child *child) {
    const int first = child->count + 1;
    for (int i = 0; i < child->count; i++) {
        if (child->fds[i] < 0)
            continue;
        long copy = Raw(SYS_fcntl, child->fds[i], F_DUPFD, first);
        if (copy < 0)
            return Fail(child, "fcntl", copy);
        child->fds[i] = static_cast<int>(copy);
    }
    if (child->file >= 0) {
        long copy = Raw(SYS_fcntl, child->file, F_DUPFD, first);
        if (copy >= 0)
            copy = Raw(SYS_dup3, copy, child->count, O_CLOEXEC);
        if (copy < 0)
            return Fail(child, "fcntl", copy);
        child->file = child->count;
    }
    for (int i = 0; i < child->count; i++) {
        if (child->fds[i] < 0)
            Raw(SYS_close, i);
        else if (long result = Raw(SYS_dup3, child->fds[i], i, 0); result < 0)
            return Fail(child, "dup3", result);
    }
    long result = Raw(SYS_close_range, child->file >= 0 ? first : child->count, UINT_MAX, 0);
    return result < 0 ? Fail(child, "close_range", result) : 0;
}

int Become(Child *child) {
    ResetSignals();
    if (int failed = ArrangeDescriptors(child))
        return failed;
    if (child->new_session)
        if (long result = Raw(SYS_setsid); result < 0)
            return Fail(child, "setsid", result);
    if (child->cwd != nullptr)
        if (long result = Raw(SYS_chdir, reinterpret_cast<long>(child->cwd)); result < 0)
            return Fail(child, "chdir", result);
    if (child->nofile != nullptr) {
        long limit = reinterpret_cast<long>(child->nofile);
        if (long result = Raw(SYS_prlimit64, 0, RLIMIT_NOFILE, limit); result < 0)
            return Fail(child, "prlimit", result);
    }
    uint64_t none = 0;
    Raw(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&none), 0, sizeof none);
    const char *path = child->file >= 0 ? "" : child->path;
    const int directory = child->file >= 0 ? child->file : AT_FDCWD;
    const int flags = child->file >= 0 ? AT_EMPTY_PATH : 0;
    long result =
        Raw(SYS_execveat, directory, reinterpret_cast<long>(path),
            reinterpret_cast<long>(child->argv), reinterpret_cast<long>(child->env), flags);
    return Fail(child, "execve", result);
}

struct Options {
    int file = -1;
    std::string path;
    std::vector<std::string> argv, env;
    std::vector<int> fds;
    uint32_t clone_flags = 0;
    int cgroup = -1;
    std::string cwd;
    bool has_limit = false;
    rlimit nofile = {};
    bool new_session = false;
};

Options ReadOptions(Napi::Value object) {
    Options options;
    Napi::Value file = Field(object, "file");
    if (file.IsString())
        options.path = ToText(file);
    else
        options.file = ToInt(file);
    options.argv = ToTexts(Field(object, "argv"));
    options.env = ToTexts(Field(object, "env"));
    options.fds = ToInts(Field(object, "fds"));
    options.clone_flags = ToUint(Field(object, "cloneFlags"));
    options.cgroup = ToInt(Field(object, "cgroupFd"));
    if (Napi::Value cwd = Field(object, "cwd"); !cwd.IsUndefined())
        options.cwd = ToText(cwd);
    if (Napi::Value limit = Field(object, "nofile"); !limit.IsUndefined()) {
        options.has_limit = true;
        options.nofile.rlim_cur = ToUint64(Element(limit, 0));
        options.nofile.rlim_max = ToUint64(Element(limit, 1));
    }
    if (Napi::Value session = Field(object, "newSession"); !session.IsUndefined())
        options.new_session = ToBool(session);
    return options;
}

std::vector<char *> ToPointers(std::vector<std::string> &texts) {
    std::vector<char *> pointers;
    for (std::string &text : texts)
        pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

void Reap(int pidfd) {
    siginfo_t ended;
    Restarting([&] {
        return waitid(static_cast<idtype_t>(3 /* P_PIDFD */), pidfd, &ended, WEXITED | __WALL);
    });
    close(pidfd);
}

// The clone itself, with every signal blocked: a handler must not run in the child, on shared
// memory.
long CloneBlocked(CloneArguments *arguments, Child *child) {
    uint64_t all = ~uint64_t{0}, before = 0;
    Raw(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&all),
        reinterpret_cast<long>(&before), sizeof all);
    long pid = Clone(arguments, Become, child);
    Raw(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&before), 0, sizeof before);
    return pid;
}

Napi::Value Spawn(Arguments info) {
    Napi::Env env = info.Env();
    Options options = ReadOptions(info[0]);
    if (Failed(info))
        return env.Undefined();
    std::vector<char *> argv = ToPointers(options.argv), environment = ToPointers(options.env);
    Child child = {};
    child.file = options.path.empty() ? options.file : -1;
    child.path = options.path.c_str();
    child.argv = argv.data();
    child.env = environment.data();
    child.fds = options.fds.data();
    child.count = static_cast<int>(options.fds.size());
    child.cwd = options.cwd.empty() ? nullptr : options.cwd.c_str();
    child.nofile = options.has_limit ? &options.nofile : nullptr;
    child.new_session = options.new_session;

    void *stack = mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return Throw(env, errno, "mmap");
    int pidfd = -1;
    CloneArguments arguments = {};
    arguments.flags =
        CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND | options.clone_flags;
    arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
    arguments.exit_signal = SIGCHLD;
    arguments.stack = reinterpret_cast<uint64_t>(stack);
    arguments.stack_size = kStackSize;
    if (options.cgroup >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = static_cast<uint64_t>(options.cgroup);
    }
    long pid = CloneBlocked(&arguments, &child);
    munmap(stack, kStackSize);
    if (pid < 0)
        return Throw(env, static_cast<int>(-pid), "clone3");
    if (child.error != 0) {
        Reap(pidfd);
        std::string path = strcmp(child.step, "execve") == 0  ? options.path
                           : strcmp(child.step, "chdir") == 0 ? options.cwd
                                                              : "";
        return Throw(env, child.error, child.step, path);
    }
    Napi::Object spawned = Napi::Object::New(env);
    spawned.Set("pid", Napi::Number::New(env, static_cast<double>(pid)));
    spawned.Set("pidfd", Napi::Number::New(env, pidfd));
    return spawned;
}

} // namespace

void DefineSpawn(Napi::Object exports) {
    Define(exports, "spawn", Spawn);
}
