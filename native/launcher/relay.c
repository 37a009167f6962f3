// As src/stdio/foreground.ts: pipes of the process's own, so that it can open /dev/stdout, and
// copies to ours.
#include "relay.h"

#include <linux/poll.h>
#include <linux/signal.h>
#include <linux/signalfd.h>

#include "effects.h"

#define CHUNK 65536
// What a pipe surely takes once it is writable: writing more could block, and signals would have to
// wait.
#define PIPE_ROOM 4096

struct copy {
    int from, to;
    size_t room; // how much may be written at once
    char *buffer;
    size_t start, end;
    bool open;
};

static char buffers[3][CHUNK];

static void close_all(int fds[3]) {
    for (int i = 0; i < 3; i++) {
        if (fds[i] >= 0)
            sys(close, fds[i]);
        fds[i] = -1;
    }
}

static bool open_pipes(struct relay *relay, uint32_t uid, uint32_t gid) {
    for (int i = 0; i < 3; i++) {
        int ends[2];
        if (sys(pipe2, ends, O_CLOEXEC) < 0)
            return false;
        relay->theirs[i] = ends[i == 0 ? 0 : 1];
        relay->ours[i] = ends[i == 0 ? 1 : 0];
        long result = sys(fchown, relay->theirs[i], uid, gid);
        if (result < 0 && result != -EPERM)
            return false;
    }
    return sys(fcntl, relay->ours[0], F_SETFL, O_WRONLY | O_NONBLOCK) >= 0;
}

bool open_relay(struct relay *relay, uint64_t forward, uint32_t uid, uint32_t gid) {
    *relay = (struct relay){.signals = -1, .theirs = {-1, -1, -1}, .ours = {-1, -1, -1}};
    sys(rt_sigprocmask, SIG_BLOCK, &forward, &relay->mask_before, sizeof forward);
    relay->signals = (int)sys(signalfd4, -1, &forward, sizeof forward, SFD_CLOEXEC | SFD_NONBLOCK);
    if (relay->signals > 2 && open_pipes(relay, uid, gid))
        return true;
    close_relay(relay);
    return false;
}

void close_theirs(struct relay *relay) {
    close_all(relay->theirs);
}

void close_relay(struct relay *relay) {
    close_all(relay->theirs);
    close_all(relay->ours);
    if (relay->signals >= 0)
        sys(close, relay->signals);
    relay->signals = -1;
    sys(rt_sigprocmask, SIG_SETMASK, &relay->mask_before, NULL, sizeof relay->mask_before);
}

static struct copy start_copy(int from, int to, char *buffer, bool own) {
    size_t room = own || is_regular(to) ? CHUNK : PIPE_ROOM;
    return (struct copy){.from = from, .to = to, .room = room, .buffer = buffer, .open = true};
}

// Whether there may be more.
static bool move(struct copy *copy) {
    long moved;
    if (copy->start < copy->end) {
        size_t bytes = copy->end - copy->start;
        moved = sys(write, copy->to, copy->buffer + copy->start,
                    bytes < copy->room ? bytes : copy->room);
        if (moved > 0)
            copy->start += (size_t)moved;
    } else {
        moved = sys(read, copy->from, copy->buffer, CHUNK);
        copy->start = 0;
        copy->end = moved > 0 ? (size_t)moved : 0;
    }
    return moved > 0 || moved == -EAGAIN || moved == -EINTR;
}

static struct pollfd waiting_for(const struct copy *copy) {
    bool writes = copy->start < copy->end;
    return (struct pollfd){
        .fd = !copy->open ? -1
              : writes    ? copy->to
                          : copy->from,
        .events = writes ? POLLOUT : POLLIN,
    };
}

static void forward_signals(int signals, int pidfd) {
    struct signalfd_siginfo info;
    while (sys(read, signals, &info, sizeof info) == sizeof info)
        sys(pidfd_send_signal, pidfd, info.ssi_signo, NULL, 0);
}

int stay(struct relay *relay, int pidfd) {
    ignore_broken_pipes();
    struct copy copies[3];
    for (int i = 0; i < 3; i++)
        copies[i] = i == 0 ? start_copy(0, relay->ours[0], buffers[0], true)
                           : start_copy(relay->ours[i], i, buffers[i], false);
    int status = -1;
    while (status < 0 || copies[1].open || copies[2].open) {
        struct pollfd entries[5] = {
            {.fd = relay->signals, .events = POLLIN},
            {.fd = status < 0 ? pidfd : -1, .events = POLLIN},
        };
        for (int i = 0; i < 3; i++)
            entries[2 + i] = waiting_for(&copies[i]);
        if (sys(ppoll, entries, 5, NULL, NULL, 0) <= 0)
            continue;
        if (entries[1].revents != 0)
            status = reap(pidfd);
        for (int i = 0; i < 3; i++) {
            if (entries[2 + i].revents == 0 || move(&copies[i]))
                continue;
            copies[i].open = false;
            // The other side sees the end of the stream, or a broken pipe.
            sys(close, relay->ours[i]);
            relay->ours[i] = -1;
        }
        if (entries[0].revents != 0)
            forward_signals(relay->signals, status < 0 ? pidfd : -1);
    }
    return status;
}
