#include <linux/time_types.h>

#include "effects.h"

#define DEEPEST 64
#define PASSES 3
#define DT_DIR 4
#define ENTRIES_BYTES 2048

struct entry {
    uint64_t inode;
    int64_t next;
    uint16_t bytes;
    uint8_t type;
    char name[];
};

// Calls `each` with every name of a directory that can be removed while it is read.
typedef bool (*visit)(int directory, const struct entry *entry, int depth);

static bool is_dots(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool visit_all(int directory, visit each, int depth) {
    _Alignas(struct entry) char buffer[ENTRIES_BYTES];
    for (;;) {
        long bytes = sys(getdents64, directory, buffer, sizeof buffer);
        if (bytes <= 0)
            return bytes == 0;
        for (long at = 0; at < bytes;) {
            const struct entry *entry = (const struct entry *)(buffer + at);
            if (!is_dots(entry->name) && !each(directory, entry, depth))
                return false;
            at += entry->bytes;
        }
    }
}

static bool visit_below(int parent, const char *name, visit each, int depth) {
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    long fd = depth > DEEPEST ? -ELOOP : sys(openat, parent, name, flags, 0);
    if (fd < 0)
        return fd == -ENOENT;
    bool all = visit_all((int)fd, each, depth);
    sys(close, fd);
    return all;
}

static void pause_for(uint64_t milliseconds) {
    struct __kernel_timespec time = {.tv_nsec = (long long)milliseconds * 1000000};
    sys(nanosleep, &time, NULL);
}

static bool is_busy(long result) {
    return result == -EBUSY || result == -ENOTEMPTY || result == -EINTR;
}

static uint64_t patience;

static bool remove_group(int parent, const char *name, int depth);

static bool remove_group_below(int directory, const struct entry *entry, int depth) {
    return entry->type != DT_DIR || remove_group(directory, entry->name, depth);
}

// Deepest first. Dead processes leave a cgroup a moment after they have ended.
static bool remove_group(int parent, const char *name, int depth) {
    long result = sys(unlinkat, parent, name, AT_REMOVEDIR);
    if (is_busy(result) && !visit_below(parent, name, remove_group_below, depth + 1))
        return false;
    uint64_t delay = 1;
    for (uint64_t waited = 0; is_busy(result) && waited < patience; waited += delay, delay *= 2) {
        pause_for(delay);
        result = sys(unlinkat, parent, name, AT_REMOVEDIR);
    }
    return result == 0 || result == -ENOENT;
}

bool remove_cgroup(const char *path, uint64_t wait_ms) {
    patience = wait_ms;
    return remove_group(AT_FDCWD, path, 0);
}

static bool remove_entry(int directory, const struct entry *entry, int depth) {
    if (entry->type != DT_DIR) {
        long result = sys(unlinkat, directory, entry->name, 0);
        return result == 0 || result == -ENOENT;
    }
    return visit_below(directory, entry->name, remove_entry, depth + 1) &&
           sys(unlinkat, directory, entry->name, AT_REMOVEDIR) == 0;
}

// A pass may miss what moves while it reads: then the directory is not empty yet.
bool remove_state(int directory, const char *path) {
    long result = -ENOTEMPTY;
    for (int pass = 0; pass < PASSES && result == -ENOTEMPTY; pass++) {
        if (sys(lseek, directory, 0, 0) != 0 || !visit_all(directory, remove_entry, 0))
            return false;
        result = sys(unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
    }
    return result == 0;
}
