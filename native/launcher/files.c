#include <linux/openat2.h>
#include <linux/poll.h>
#include <linux/signal.h>

#include "../init/text.h"
#include "effects.h"

#define NANOSECONDS 1000000000u
#define FILE_TYPE 0170000
#define REGULAR 0100000

// Like Node, so that whoever reads no more is an error to report and not the end.
void ignore_broken_pipes(void) {
    struct sigaction action = {.sa_handler = SIG_IGN};
    sys(rt_sigaction, SIGPIPE, &action, NULL, sizeof action.sa_mask);
}

static bool wait_for_room(void) {
    struct pollfd entry = {.fd = 1, .events = POLLOUT};
    long ready = sys(ppoll, &entry, 1, NULL, NULL, 0);
    return ready == 1 || ready == -EINTR;
}

bool print_text(const char *text) {
    ignore_broken_pipes();
    for (size_t left = strlen(text); left > 0;) {
        long written = sys(write, 1, text, left);
        if (written >= 0) {
            text += written;
            left -= (size_t)written;
        } else if (written != -EINTR && (written != -EAGAIN || !wait_for_room())) {
            return false;
        }
    }
    return true;
}

bool holds_line(const char *path, const char *line, bool *holds) {
    char buffer[256];
    *holds = false;
    long fd = sys(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd == -ENOENT;
    long bytes = sys(read, fd, buffer, sizeof buffer - 1);
    sys(close, fd);
    if (bytes < 0)
        return bytes == -ENODEV;
    buffer[bytes] = '\0';
    if (bytes > 0 && buffer[bytes - 1] == '\n')
        buffer[bytes - 1] = '\0';
    *holds = strcmp(buffer, line) == 0;
    return true;
}

bool open_gate(int directory, const char *name) {
    const int flags = O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
    long fd = sys(openat, directory, name, flags, 0);
    if (fd < 0)
        return false;
    // A fifo that is full opens the gate as well: init reads what is there.
    long written = sys(write, fd, "", 1);
    sys(close, fd);
    return (written == 1 || written == -EAGAIN) && sys(unlinkat, directory, name, 0) == 0;
}

bool kill_cgroup(const char *path) {
    static char file[4096 + sizeof "/cgroup.kill"];
    struct text text = TEXT_IN(file);
    text_add(&text, path);
    text_add(&text, "/cgroup.kill");
    long fd = text.full ? -ENAMETOOLONG : sys(openat, AT_FDCWD, file, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    long written = sys(write, fd, "1", 1);
    sys(close, fd);
    return written == 1 || written == -ENODEV;
}

bool is_regular(int fd) {
    struct statx facts;
    return sys(statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &facts) == 0 &&
           (facts.stx_mode & FILE_TYPE) == REGULAR;
}

uint64_t changed_at(const struct statx *facts) {
    return (uint64_t)facts->stx_ctime.tv_sec * NANOSECONDS + facts->stx_ctime.tv_nsec;
}

bool is_file_below(uint64_t pid, const char *path, const struct file_identity *file) {
    char root[64];
    struct text text = TEXT_IN(root);
    text_add(&text, "/proc/");
    text_add_number(&text, pid, 10);
    text_add(&text, "/root");
    long directory = sys(openat, AT_FDCWD, root, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (directory < 0)
        return false;
    // Only looked at: what it is, the image decides.
    const struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    long fd = sys(openat2, directory, path, &how, sizeof how);
    sys(close, directory);
    if (fd < 0)
        return fd == -ENOENT && file->inode == 0;
    struct statx facts = {.stx_ino = 0};
    long result = sys(statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &facts);
    sys(close, fd);
    return result == 0 && facts.stx_ino == file->inode && changed_at(&facts) == file->changed &&
           facts.stx_size == file->bytes;
}
