// Descriptors and the files behind them.
#include "addon.h"
#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>
#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4U
#endif

namespace {

// Before Linux 6.3 the kernel knows neither of the two execution flags.
int OpenMemfd(const std::string &name, bool executable, bool *seals_mode) {
    const unsigned common = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = memfd_create(name.c_str(), common | (executable ? MFD_EXEC : MFD_NOEXEC_SEAL));
    *seals_mode = fd >= 0;
    return fd < 0 && errno == EINVAL ? memfd_create(name.c_str(), common) : fd;
}

const char *FillAndSeal(int fd, const uint8_t *data, size_t length, bool seals_mode) {
    for (size_t done = 0; done < length;) {
        ssize_t written = Restarting([&] { return write(fd, data + done, length - done); });
        if (written < 0)
            return "write";
        done += static_cast<size_t>(written);
    }
    int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | (seals_mode ? F_SEAL_EXEC : 0);
    if (fcntl(fd, F_ADD_SEALS, seals | F_SEAL_SEAL) < 0)
        return "fcntl";
    return lseek(fd, 0, SEEK_SET) < 0 ? "lseek" : nullptr;
}

Napi::Value SealedMemfd(Arguments info) {
    Napi::Env env = info.Env();
    std::string name = ToText(info[0]);
    Napi::Uint8Array content = ToBytes(info[1]);
    bool executable = ToBool(info[2]), seals_mode = false;
    if (Failed(info))
        return env.Undefined();
    int fd = OpenMemfd(name, executable, &seals_mode);
    if (fd < 0)
        return Throw(env, errno, "memfd_create");
    if (const char *call = FillAndSeal(fd, content.Data(), content.ByteLength(), seals_mode)) {
        int error = errno;
        close(fd);
        return Throw(env, error, call);
    }
    return Napi::Number::New(env, fd);
}

int64_t Milliseconds() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

std::vector<pollfd> ToPollEntries(Napi::Value value) {
    std::vector<pollfd> entries;
    const uint32_t length = Length(value);
    for (uint32_t i = 0; i < length; i++) {
        Napi::Value entry = Element(value, i);
        short events = static_cast<short>(ToInt(Field(entry, "events")));
        entries.push_back({ToInt(Field(entry, "fd")), events, 0});
    }
    return entries;
}

Napi::Value Poll(Arguments info) {
    Napi::Env env = info.Env();
    std::vector<pollfd> entries = ToPollEntries(info[0]);
    int timeout = ToInt(info[1]);
    if (Failed(info))
        return env.Undefined();
    if (int error = PollUntil(entries.data(), entries.size(), timeout))
        return Throw(env, error, "poll");
    std::vector<int> events;
    for (const pollfd &entry : entries)
        events.push_back(entry.revents);
    return FromInts(env, events);
}

Napi::Value Pipe(Arguments info) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return Throw(info.Env(), errno, "pipe2");
    return FromInts(info.Env(), {ends[0], ends[1]});
}

Napi::Value SetNonblocking(Arguments info) {
    int fd = ToInt(info[0]);
    bool on = ToBool(info[1]);
    if (Failed(info))
        return info.Env().Undefined();
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) < 0)
        Throw(info.Env(), errno, "fcntl");
    return info.Env().Undefined();
}

Napi::Value CloseOnExecFrom(Arguments info) {
    unsigned first = ToUint(info[0]);
    if (!Failed(info) && syscall(SYS_close_range, first, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
        Throw(info.Env(), errno, "close_range");
    return info.Env().Undefined();
}

Napi::Value Openat2(Arguments info) {
    int directory = ToInt(info[0]);
    std::string path = ToText(info[1]);
    // struct open_how
    uint64_t how[3] = {ToUint(info[2]) | O_CLOEXEC, ToUint(info[3]), ToUint(info[4])};
    if (Failed(info))
        return info.Env().Undefined();
    long fd = -1;
    // EAGAIN: something was renamed while a path with "..", kept below a root, was walked.
    for (int attempt = 0; attempt < 128 && fd < 0; attempt++) {
        fd = Restarting(
            [&] { return syscall(SYS_openat2, directory, path.c_str(), how, sizeof how); });
        if (fd < 0 && errno != EAGAIN)
            break;
    }
    if (fd < 0)
        return Throw(info.Env(), errno, "openat2", path);
    return Napi::Number::New(info.Env(), static_cast<double>(fd));
}

Napi::Value Mkfifo(Arguments info) {
    std::string path = ToText(info[0]);
    mode_t mode = ToUint(info[1]);
    if (!Failed(info) && mkfifo(path.c_str(), mode) < 0)
        Throw(info.Env(), errno, "mkfifo", path);
    return info.Env().Undefined();
}

Napi::Value Flock(Arguments info) {
    int fd = ToInt(info[0]), operation = ToInt(info[1]);
    if (Failed(info))
        return info.Env().Undefined();
    if (Restarting([&] { return flock(fd, operation); }) == 0)
        return Napi::Boolean::New(info.Env(), true);
    if (errno == EWOULDBLOCK)
        return Napi::Boolean::New(info.Env(), false);
    return Throw(info.Env(), errno, "flock");
}

Napi::Value RenameNoReplace(Arguments info) {
    std::string from = ToText(info[0]), to = ToText(info[1]);
    if (Failed(info))
        return info.Env().Undefined();
    constexpr unsigned no_replace = 1; // RENAME_NOREPLACE
    if (syscall(SYS_renameat2, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), no_replace) == 0)
        return Napi::Boolean::New(info.Env(), true);
    if (errno == EEXIST)
        return Napi::Boolean::New(info.Env(), false);
    return Throw(info.Env(), errno, "renameat2", from);
}

Napi::Value IdmapMount(Arguments info) {
    int mount = ToInt(info[0]), userns = ToInt(info[1]);
    bool recursive = ToBool(info[2]);
    if (Failed(info))
        return info.Env().Undefined();
    mount_attr attributes = {};
    attributes.attr_set = MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<uint64_t>(userns);
    unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    if (syscall(SYS_mount_setattr, mount, "", flags, &attributes, sizeof attributes) < 0)
        return Throw(info.Env(), errno, "mount_setattr");
    return info.Env().Undefined();
}

} // namespace

int PollUntil(pollfd *entries, size_t count, int timeout) {
    const int64_t deadline = timeout < 0 ? 0 : Milliseconds() + timeout;
    for (;;) {
        if (poll(entries, count, timeout) >= 0)
            return 0;
        if (errno != EINTR)
            return errno;
        if (timeout >= 0)
            timeout = static_cast<int>(std::max<int64_t>(0, deadline - Milliseconds()));
    }
}

void DefineDescriptors(Napi::Object exports) {
    Define(exports, "sealedMemfd", SealedMemfd);
    Define(exports, "poll", Poll);
    Define(exports, "pipe", Pipe);
    Define(exports, "setNonblocking", SetNonblocking);
    Define(exports, "closeOnExecFrom", CloseOnExecFrom);
    Define(exports, "openat2", Openat2);
    Define(exports, "mkfifo", Mkfifo);
    Define(exports, "flock", Flock);
    Define(exports, "renameNoReplace", RenameNoReplace);
    Define(exports, "idmapMount", IdmapMount);
}
