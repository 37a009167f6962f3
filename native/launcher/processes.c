#include <linux/poll.h>
#include <linux/signal.h>
#include <linux/time_types.h>
#include <linux/wait.h>

#include "effects.h"

#define SIGKILL_NUMBER 9
#define FIELD_START_TIME 22
#define FIELD_STATE 3
#define KILLED_BY 128

#include "../init/text.h"

static bool read_stat(uint64_t pid, char *buffer, size_t size) {
    char path[64];
    struct text text = TEXT_IN(path);
    text_add(&text, "/proc/");
    text_add_number(&text, pid, 10);
    text_add(&text, "/stat");
    long fd = sys(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    long bytes = sys(read, fd, buffer, size - 1);
    sys(close, fd);
    if (bytes <= 0)
        return false;
    buffer[bytes] = '\0';
    return true;
}

// The name of the program, in parentheses, may hold anything: the fields begin behind the last one.
static const char *find_state(const char *stat) {
    const char *end = NULL;
    for (; *stat != '\0'; stat++)
        if (*stat == ')')
            end = stat;
    return end == NULL || end[1] != ' ' ? NULL : end + 2;
}

bool is_alive(uint64_t pid, uint64_t start_time) {
    char buffer[1024];
    const char *at = read_stat(pid, buffer, sizeof buffer) ? find_state(buffer) : NULL;
    if (at == NULL || *at == 'Z' || *at == 'X')
        return false;
    for (int field = FIELD_STATE; field < FIELD_START_TIME; field++) {
        while (*at != ' ' && *at != '\0')
            at++;
        if (*at++ == '\0')
            return false;
    }
    uint64_t number = 0;
    for (; *at >= '0' && *at <= '9'; at++)
        number = 10 * number + (uint64_t)(*at - '0');
    return number == start_time;
}

// A pidfd of exactly this process, or what the kernel says.
long open_process(uint64_t pid, uint64_t start_time) {
    long fd = sys(pidfd_open, pid, 0);
    if (fd < 0)
        return fd;
    // With the pidfd in hand the pid cannot change its meaning any more.
    if (is_alive(pid, start_time))
        return fd;
    sys(close, fd);
    return -ESRCH;
}

bool send_signal(uint64_t pid, uint64_t start_time, int number) {
    long fd = open_process(pid, start_time);
    if (fd < 0)
        return false;
    long result = sys(pidfd_send_signal, fd, number, NULL, 0);
    sys(close, fd);
    return result == 0;
}

static bool await_end(int fd, uint64_t wait_ms) {
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    struct __kernel_timespec time = {
        .tv_sec = (long long)(wait_ms / 1000),
        .tv_nsec = (long long)(wait_ms % 1000) * 1000000,
    };
    // The kernel counts the time down that is left, so a signal costs nothing.
    long ready;
    do {
        ready = sys(ppoll, &entry, 1, &time, NULL, 0);
    } while (ready == -EINTR);
    return ready == 1;
}

bool end_process(uint64_t pid, uint64_t start_time, uint64_t wait_ms) {
    long fd = open_process(pid, start_time);
    if (fd == -ESRCH || fd == -EINVAL)
        return true;
    if (fd < 0)
        return false;
    long result = sys(pidfd_send_signal, fd, SIGKILL_NUMBER, NULL, 0);
    bool ended = (result == 0 || result == -ESRCH) && await_end((int)fd, wait_ms);
    sys(close, fd);
    return ended;
}

int reap(int pidfd) {
    siginfo_t ended = {.si_signo = 0};
    long result;
    do {
        result = sys(waitid, P_PIDFD, pidfd, &ended, WEXITED | __WALL, NULL);
    } while (result == -EINTR);
    if (result < 0)
        return 1;
    return ended.si_code == CLD_EXITED ? ended.si_status : KILLED_BY + ended.si_status;
}
