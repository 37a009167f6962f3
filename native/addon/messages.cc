// AF_UNIX sockets and the descriptors that travel through them.
#include "addon.h"
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

constexpr size_t kMaxDescriptors = 253; // SCM_MAX_FD

Napi::Value Socketpair(Arguments info) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return Throw(info.Env(), errno, "socketpair");
    return FromInts(info.Env(), {ends[0], ends[1]});
}

// An address holds 107 bytes; a longer path is reached through its directory's descriptor.
// Returns that descriptor (or -1) in `directory`.
bool ToAddress(const std::string &path, sockaddr_un *address, int *directory) {
    std::string name = path;
    if (name.size() >= sizeof address->sun_path) {
        size_t slash = path.rfind('/');
        std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
        *directory = open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (*directory < 0)
            return false;
        std::string base = slash == std::string::npos ? path : path.substr(slash + 1);
        name = "/proc/self/fd/" + std::to_string(*directory) + "/" + base;
    }
    if (name.size() >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name.c_str(), name.size() + 1);
    return true;
}

// Makes a socket and gives it with its address to `use`, which connects or binds it.
template <typename Use>
Napi::Value OpenSocket(Arguments info, int type, const char *call, Use use) {
    std::string path = ToText(info[0]);
    if (Failed(info))
        return info.Env().Undefined();
    sockaddr_un address = {};
    int directory = -1, error = 0;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return Throw(info.Env(), errno, "socket");
    if (!ToAddress(path, &address, &directory) || use(fd, &address) < 0)
        error = errno;
    if (directory >= 0)
        close(directory);
    if (error == 0)
        return Napi::Number::New(info.Env(), fd);
    close(fd);
    return Throw(info.Env(), error, call, path);
}

const sockaddr *Generic(const sockaddr_un *address) {
    return reinterpret_cast<const sockaddr *>(address);
}

Napi::Value ConnectUnix(Arguments info) {
    return OpenSocket(info, SOCK_STREAM, "connect", [](int fd, sockaddr_un *address) {
        return Restarting([&] { return connect(fd, Generic(address), sizeof *address); });
    });
}

Napi::Value ListenUnix(Arguments info) {
    return OpenSocket(info, SOCK_STREAM | SOCK_NONBLOCK, "bind", [](int fd, sockaddr_un *address) {
        int result = bind(fd, Generic(address), sizeof *address);
        return result < 0 ? result : listen(fd, SOMAXCONN);
    });
}

Napi::Value Accept(Arguments info) {
    int fd = ToInt(info[0]);
    if (Failed(info))
        return info.Env().Undefined();
    int accepted = Restarting([&] { return accept4(fd, nullptr, nullptr, SOCK_CLOEXEC); });
    if (accepted < 0)
        return errno == EAGAIN ? info.Env().Null() : Throw(info.Env(), errno, "accept4");
    return Napi::Number::New(info.Env(), accepted);
}

Napi::Value BindDatagram(Arguments info) {
    return OpenSocket(info, SOCK_DGRAM, "bind", [](int fd, sockaddr_un *address) {
        int result = bind(fd, Generic(address), sizeof *address);
        // Whoever the container's processes are, they may write to it.
        return result < 0 ? result : chmod(address->sun_path, 0777);
    });
}

Napi::Value ConnectDatagram(Arguments info) {
    return OpenSocket(info, SOCK_DGRAM, "connect", [](int fd, sockaddr_un *address) {
        socklen_t length = sizeof *address;
        if (address->sun_path[0] == '@') {
            // The abstract namespace: the name begins with NUL, and its length counts.
            length =
                static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + strlen(address->sun_path));
            address->sun_path[0] = '\0';
        }
        return connect(fd, Generic(address), length);
    });
}

// A socket belongs to the network namespace that its thread is in when it is made.
Napi::Value NetlinkSocket(Arguments info) {
    int netns = ToInt(info[0]);
    if (Failed(info))
        return info.Env().Undefined();
    int own = -1, error = 0;
    if (netns >= 0) {
        own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        if (own < 0 || setns(netns, CLONE_NEWNET) < 0) {
            error = errno;
            if (own >= 0)
                close(own);
            return Throw(info.Env(), error, "setns");
        }
    }
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        error = errno;
    if (own >= 0) {
        if (setns(own, CLONE_NEWNET) < 0)
            abort(); // nothing may be done in the wrong namespace
        close(own);
    }
    if (error != 0)
        return Throw(info.Env(), error, "socket");
    return Napi::Number::New(info.Env(), fd);
}

Napi::Value SendMessage(Arguments info) {
    int fd = ToInt(info[0]);
    Napi::Uint8Array data = ToBytes(info[1]);
    std::vector<int> fds = ToInts(info[2]);
    if (Failed(info))
        return info.Env().Undefined();
    iovec part = {data.Data(), data.ByteLength()};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    std::vector<char> control(fds.empty() ? 0 : CMSG_SPACE(fds.size() * sizeof(int)));
    if (!fds.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
        memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
    }
    if (Restarting([&] { return sendmsg(fd, &message, MSG_NOSIGNAL); }) < 0)
        Throw(info.Env(), errno, "sendmsg");
    return info.Env().Undefined();
}

std::vector<int> TakeDescriptors(msghdr *message) {
    std::vector<int> fds;
    for (cmsghdr *header = CMSG_FIRSTHDR(message); header != nullptr;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        size_t before = fds.size();
        fds.resize(before + count);
        memcpy(fds.data() + before, CMSG_DATA(header), count * sizeof(int));
    }
    return fds;
}

// Null: the end of the stream. A peer that died with something unread counts as that, too.
Napi::Value ReceiveNow(Napi::Env env, int fd, uint32_t max_bytes) {
    std::vector<uint8_t> data(std::max(max_bytes, 1u));
    std::vector<char> control(CMSG_SPACE(kMaxDescriptors * sizeof(int)));
    iovec part = {data.data(), data.size()};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t length = Restarting([&] { return recvmsg(fd, &message, MSG_CMSG_CLOEXEC); });
    if (length < 0)
        return errno == ECONNRESET ? env.Null() : Throw(env, errno, "recvmsg");
    std::vector<int> fds = TakeDescriptors(&message);
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        for (int received : fds)
            close(received);
        return Throw(env, EMSGSIZE, "recvmsg");
    }
    if (length == 0 && fds.empty())
        return env.Null();
    Napi::Object result = Napi::Object::New(env);
    result.Set("data", FromBytes(env, data.data(), static_cast<size_t>(length)));
    result.Set("fds", FromInts(env, fds));
    return result;
}

Napi::Value ReceiveMessage(Arguments info) {
    int fd = ToInt(info[0]);
    uint32_t max_bytes = ToUint(info[1]);
    int timeout = ToInt(info[2]);
    if (Failed(info))
        return info.Env().Undefined();
    if (timeout >= 0) {
        pollfd entry = {fd, POLLIN, 0};
        if (int error = PollUntil(&entry, 1, timeout))
            return Throw(info.Env(), error, "poll");
        if (entry.revents == 0)
            return info.Env().Undefined();
    }
    return ReceiveNow(info.Env(), fd, max_bytes);
}

} // namespace

void DefineMessages(Napi::Object exports) {
    Define(exports, "socketpair", Socketpair);
    Define(exports, "connectUnix", ConnectUnix);
    Define(exports, "listenUnix", ListenUnix);
    Define(exports, "accept", Accept);
    Define(exports, "bindDatagram", BindDatagram);
    Define(exports, "connectDatagram", ConnectDatagram);
    Define(exports, "netlinkSocket", NetlinkSocket);
    Define(exports, "sendMessage", SendMessage);
    Define(exports, "receiveMessage", ReceiveMessage);
}
