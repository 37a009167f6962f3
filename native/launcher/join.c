// As src/lifecycle/join.ts, for plans that need nothing of the runtime but its patience. What goes
// wrong before the user's program runs is undone, and the engine does it anew to say why.
#include "join.h"

#include <linux/sched.h>
#include <linux/signal.h>

#include "../init/message.h"
#include "../init/text.h"
#include "../init/wire.h"
#include "effects.h"
#include "place.h"
#include "relay.h"
#include "verbs.h"

#define AF_UNIX 1
#define SOCK_SEQPACKET 5
#define SOCK_CLOEXEC O_CLOEXEC
#define MAX_INIT_BYTES (1 << 20)
#define MFD_CLOEXEC 1u
#define MFD_ALLOW_SEALING 2u
#define MFD_NOEXEC_SEAL 8u
#define MFD_EXEC 16u
#define SEALS 0x2f // seal, shrink, grow, write, exec
#define SEALS_BEFORE_EXEC 0x0f
#define PID_FILE_BYTES 32

enum { IN, OUT, ERR, PLAN, SYNC, CONTAINER, PROGRAM, TARGETS };

// Above all targets, so that none is overwritten before it was copied.
#define ASIDE 16

struct joined {
    int fds[TARGETS]; // what becomes 0, 1, ... of init
    int socket, cgroup, pidfd;
    uint64_t pid;
};

static int sealed(const char *name, const void *bytes, size_t count, bool executable) {
    const unsigned common = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    long fd = sys(memfd_create, name, common | (executable ? MFD_EXEC : MFD_NOEXEC_SEAL));
    int seals = SEALS;
    if (fd == -EINVAL) {
        // Before Linux 6.3
        fd = sys(memfd_create, name, common);
        seals = SEALS_BEFORE_EXEC;
    }
    if (fd < 0)
        return -1;
    if (sys(write, fd, bytes, count) == (long)count && sys(fcntl, fd, F_ADD_SEALS, seals) == 0 &&
        sys(lseek, fd, 0, 0) == 0)
        return (int)fd;
    sys(close, fd);
    return -1;
}

// A copy, so that no file of the host is /proc/self/exe in the container.
static int copy_init(void) {
    static char program[MAX_INIT_BYTES];
    int fd = open_installed("init");
    if (fd < 0)
        return -1;
    long bytes = sys(read, fd, program, sizeof program);
    sys(close, fd);
    if (bytes <= 0 || bytes == sizeof program)
        return -1;
    return sealed("tsrun-init", program, (size_t)bytes, true);
}

static bool open_all(struct joined *joined, const struct joining *joining, const int stdio[3]) {
    for (int i = 0; i < 3; i++)
        joined->fds[i] = stdio[i];
    const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    int pair[2];
    joined->cgroup = (int)sys(openat, AT_FDCWD, joining->cgroup, flags, 0);
    joined->fds[CONTAINER] = (int)open_process(joining->pid, joining->start_time);
    joined->fds[PLAN] = sealed("tsrun-plan", joining->plan, joining->plan_bytes, false);
    joined->fds[PROGRAM] = copy_init();
    if (joined->cgroup < 0 || joined->fds[CONTAINER] < 0 || joined->fds[PLAN] < 0 ||
        joined->fds[PROGRAM] < 0 ||
        sys(socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return false;
    joined->socket = pair[0];
    joined->fds[SYNC] = pair[1];
    return true;
}

static void close_one(int *fd) {
    if (*fd >= 0)
        sys(close, *fd);
    *fd = -1;
}

// What only init needed.
static void close_handed(struct joined *joined) {
    for (int i = PLAN; i < TARGETS; i++)
        close_one(&joined->fds[i]);
    close_one(&joined->cgroup);
}

static void standard_signals(void) {
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number <= 64; number++)
        if (number != SIGKILL && number != SIGSTOP)
            sys(rt_sigaction, number, &standard, NULL, sizeof standard.sa_mask);
    const uint64_t none = 0;
    sys(rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
}

static _Noreturn void become_init(const struct joined *joined) {
    standard_signals();
    long copies[TARGETS];
    for (int i = 0; i < TARGETS; i++)
        copies[i] = sys(fcntl, joined->fds[i], F_DUPFD, ASIDE);
    bool placed = true;
    for (int i = 0; i < TARGETS; i++)
        placed = placed && sys(dup3, copies[i], i, i == PROGRAM ? O_CLOEXEC : 0) == i;
    if (placed && sys(close_range, TARGETS, ~0u, 0) == 0) {
        char *const arguments[] = {"tsrun", "init", NULL}, *const none[] = {NULL};
        sys(execveat, PROGRAM, "", arguments, none, AT_EMPTY_PATH);
    }
    exit_now(127);
}

static bool spawn(struct joined *joined) {
    const struct clone_args args = {
        .flags = CLONE_PIDFD | CLONE_INTO_CGROUP,
        .pidfd = (uint64_t)(uintptr_t)&joined->pidfd,
        .exit_signal = SIGCHLD,
        .cgroup = (uint64_t)joined->cgroup,
    };
    long pid = sys(clone3, &args, sizeof args);
    if (pid == 0)
        become_init(joined);
    joined->pid = (uint64_t)pid;
    return pid > 0;
}

// The second stage is our child from here on, and the first one ends.
static bool adopt(struct joined *joined, uint32_t pid) {
    long pidfd = sys(pidfd_open, pid, 0);
    if (pidfd < 0)
        return false;
    reap(joined->pidfd);
    sys(close, joined->pidfd);
    joined->pidfd = (int)pidfd;
    joined->pid = pid;
    return true;
}

static long receive(const struct joined *joined, struct message *message) {
    long bytes;
    do {
        bytes = sys(read, joined->socket, message, sizeof *message);
    } while (bytes == -EINTR);
    return bytes;
}

// Until it waits to become the user's program. Whatever else it says, a warning too, is for the
// engine.
static bool await_start(struct joined *joined) {
    struct message message;
    const long header = offsetof(struct message, text);
    while (receive(joined, &message) >= header) {
        if (message.kind == MSG_SYNC && message.value == POINT_START)
            return true;
        if (message.kind != MSG_PID || !adopt(joined, message.value))
            return false;
    }
    return false;
}

// Whole at once: callers wait for it. As src/lifecycle/pid-file.ts.
static bool write_pid(const char *file, uint64_t pid) {
    static char temporary[PATH_SIZE];
    size_t start = strlen(file);
    while (start > 0 && file[start - 1] != '/')
        start--;
    struct text path = TEXT_IN(temporary);
    text_add_bytes(&path, file, start);
    text_add(&path, ".");
    text_add(&path, file + start);
    char digits[PID_FILE_BYTES];
    struct text number = TEXT_IN(digits);
    text_add_number(&number, pid, 10);
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    long fd = path.full || file[start] == '\0' ? -1 : sys(openat, AT_FDCWD, temporary, flags, 0666);
    if (fd < 0)
        return false;
    bool written = sys(write, fd, digits, number.length) == (long)number.length;
    sys(close, fd);
    if (written && sys(renameat, AT_FDCWD, temporary, AT_FDCWD, file) == 0)
        return true;
    sys(unlinkat, AT_FDCWD, temporary, 0);
    return false;
}

// The end of the stream says that the program runs.
static bool let_run(const struct joined *joined) {
    struct message message = {.kind = MSG_GO};
    const size_t header = offsetof(struct message, text);
    return sys(write, joined->socket, &message, header) == (long)header &&
           receive(joined, &message) == 0;
}

static void abandon(struct joined *joined) {
    if (joined->pidfd >= 0) {
        sys(pidfd_send_signal, joined->pidfd, SIGKILL, NULL, 0);
        reap(joined->pidfd);
    }
    close_one(&joined->pidfd);
}

static bool start_joined(struct joined *joined, const struct joining *joining, const int stdio[3]) {
    bool started = open_all(joined, joining, stdio) && spawn(joined);
    close_handed(joined);
    started = started && await_start(joined) &&
              (joining->pid_file == NULL || write_pid(joining->pid_file, joined->pid)) &&
              let_run(joined);
    close_one(&joined->socket);
    if (!started)
        abandon(joined);
    return started;
}

int join_container(const struct joining *joining) {
    struct joined joined = {.socket = -1, .cgroup = -1, .pidfd = -1};
    for (int i = 0; i < TARGETS; i++)
        joined.fds[i] = -1;
    const int own[3] = {0, 1, 2};
    if (joining->detach)
        return start_joined(&joined, joining, own) ? 0 : FOR_THE_ENGINE;
    struct relay relay;
    if (!open_relay(&relay, joining->forward, joining->owner_uid, joining->owner_gid))
        return FOR_THE_ENGINE;
    int status = FOR_THE_ENGINE;
    if (start_joined(&joined, joining, relay.theirs)) {
        close_theirs(&relay);
        status = stay(&relay, joined.pidfd);
    }
    close_relay(&relay);
    return status;
}
