// Signals as something to read.
//
// Not by signalfd(2): it needs the signals blocked in every thread, and Node has threads of its own
// that would take them. A handler, on whichever thread, writes the signal's number into a pipe.
#include "addon.h"
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace {

std::atomic<int> signal_pipe{-1};

void Announce(int signal) {
    const int saved = errno;
    const uint8_t number = static_cast<uint8_t>(signal);
    // A full pipe has more than enough to say already.
    if (write(signal_pipe.load(), &number, 1) < 0) {
    }
    errno = saved;
}

Napi::Value Signalfd(Arguments info) {
    std::vector<int> signals = ToInts(info[0]);
    if (Failed(info))
        return info.Env().Undefined();
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return Throw(info.Env(), errno, "pipe2");
    if (int before = signal_pipe.exchange(ends[1]); before >= 0)
        close(before);
    struct sigaction action = {};
    action.sa_handler = Announce;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    sigset_t caught;
    sigemptyset(&caught);
    for (int signal : signals) {
        if (sigaction(signal, &action, nullptr) < 0) {
            int error = errno;
            close(ends[0]);
            return Throw(info.Env(), error, "sigaction");
        }
        sigaddset(&caught, signal);
    }
    sigprocmask(SIG_UNBLOCK, &caught, nullptr);
    return Napi::Number::New(info.Env(), ends[0]);
}

Napi::Value ReadSignals(Arguments info) {
    int fd = ToInt(info[0]);
    if (Failed(info))
        return info.Env().Undefined();
    uint8_t numbers[256];
    ssize_t length = Restarting([&] { return read(fd, numbers, sizeof numbers); });
    if (length < 0 && errno != EAGAIN)
        return Throw(info.Env(), errno, "read");
    std::vector<int> signals;
    for (ssize_t i = 0; i < length; i++)
        signals.push_back(numbers[i]);
    return FromInts(info.Env(), signals);
}

} // namespace

void DefineSignals(Napi::Object exports) {
    Define(exports, "signalfd", Signalfd);
    Define(exports, "readSignals", ReadSignals);
}
