// tmpcopyup: what the image has in a directory is copied into the tmpfs that will hide it.
#include <linux/time_types.h>

#include "ops.h"
#include "paths.h"
#include "report.h"
#include "slots.h"

#define MAX_DEPTH 64
#define CHUNK (1 << 20)
#define DT_BYTES 4096

struct directory_entry {
    uint64_t inode;
    int64_t next; // where reading goes on after this entry
    uint16_t bytes;
    uint8_t type;
    char name[];
};

struct level {
    int from, to;
    int64_t next;
    struct statx facts;
};

static struct level levels[MAX_DEPTH];
static _Alignas(8) char entries[DT_BYTES];

static void times_of(const struct statx *facts, struct __kernel_timespec times[2]) {
    times[0].tv_sec = facts->stx_atime.tv_sec;
    times[0].tv_nsec = facts->stx_atime.tv_nsec;
    times[1].tv_sec = facts->stx_mtime.tv_sec;
    times[1].tv_nsec = facts->stx_mtime.tv_nsec;
}

// chown first: it clears the set-user-id bits.
static int set_facts(int fd, const struct statx *facts) {
    struct __kernel_timespec times[2];
    times_of(facts, times);
    long result = sys(fchown, fd, facts->stx_uid, facts->stx_gid);
    if (result == 0)
        result = sys(fchmod, fd, facts->stx_mode & 07777);
    if (result == 0)
        result = sys(utimensat, fd, NULL, times, 0);
    return (int)result;
}

static int set_facts_of_name(int parent, const char *name, const struct statx *facts) {
    struct __kernel_timespec times[2];
    times_of(facts, times);
    long result = sys(fchownat, parent, name, facts->stx_uid, facts->stx_gid, AT_SYMLINK_NOFOLLOW);
    if (result == 0)
        result = sys(utimensat, parent, name, times, AT_SYMLINK_NOFOLLOW);
    return (int)result;
}

static int copy_content(int from, int to) {
    long copied;
    do {
        copied = sys(sendfile, to, from, NULL, CHUNK);
    } while (copied > 0 || copied == -EINTR);
    return (int)copied;
}

static int copy_file(const struct level *level, const char *name, const struct statx *facts) {
    int from = (int)sys(openat, level->from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (from < 0)
        return from;
    int to = (int)sys(openat, level->to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                      0600);
    int result = to < 0 ? to : copy_content(from, to);
    if (result == 0)
        result = set_facts(to, facts);
    if (to >= 0)
        sys(close, to);
    sys(close, from);
    return result;
}

static int copy_link(const struct level *level, const char *name, const struct statx *facts) {
    static char link[PATH_SIZE];
    long bytes = sys(readlinkat, level->from, name, link, sizeof link - 1);
    if (bytes < 0)
        return (int)bytes;
    link[bytes] = '\0';
    int result = (int)sys(symlinkat, link, level->to, name);
    return result < 0 ? result : set_facts_of_name(level->to, name, facts);
}

static int copy_node(const struct level *level, const char *name, const struct statx *facts) {
    unsigned minor = facts->stx_rdev_minor;
    unsigned number = (minor & 0xff) | facts->stx_rdev_major << 8 | (minor & ~0xffu) << 12;
    int result = (int)sys(mknodat, level->to, name, facts->stx_mode, number);
    return result < 0 ? result : set_facts_of_name(level->to, name, facts);
}

static int enter_directory(int depth, const char *name, const struct statx *facts) {
    const unsigned flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if (depth + 1 >= MAX_DEPTH)
        return -ENAMETOOLONG;
    long result = sys(mkdirat, levels[depth].to, name, 0700);
    if (result < 0)
        return (int)result;
    struct level *inner = &levels[depth + 1];
    *inner = (struct level){.facts = *facts};
    inner->from = (int)sys(openat, levels[depth].from, name, flags, 0);
    if (inner->from < 0)
        return inner->from;
    inner->to = (int)sys(openat, levels[depth].to, name, flags, 0);
    if (inner->to >= 0)
        return 1;
    sys(close, inner->from);
    return inner->to;
}

// 1: the entry is a directory, which is on the next level now.
static int copy_entry(int depth, const char *name) {
    struct level *level = &levels[depth];
    struct statx facts;
    int result = (int)sys(statx, level->from, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                          STATX_BASIC_STATS, &facts);
    if (result < 0)
        return result;
    switch (facts.stx_mode & S_IFMT) {
    case S_IFDIR: return enter_directory(depth, name, &facts);
    case S_IFREG: return copy_file(level, name, &facts);
    case S_IFLNK: return copy_link(level, name, &facts);
    default: return copy_node(level, name, &facts);
    }
}

static bool is_dots(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

// Copies entries until a directory is entered (1) or all are done (0).
static int copy_entries(int depth) {
    struct level *level = &levels[depth];
    sys(lseek, level->from, level->next, 0);
    for (;;) {
        long bytes = sys(getdents64, level->from, entries, sizeof entries);
        if (bytes <= 0)
            return (int)bytes;
        for (long at = 0; at < bytes;) {
            const struct directory_entry *entry = (const void *)(entries + at);
            at += entry->bytes;
            level->next = entry->next;
            int result = is_dots(entry->name) ? 0 : copy_entry(depth, entry->name);
            if (result != 0)
                return result;
        }
    }
}

static int copy_tree(void) {
    int depth = 0, result = 0;
    while (depth >= 0) {
        if (result == 0)
            result = copy_entries(depth);
        if (result > 0) {
            depth++;
            result = 0;
            continue;
        }
        // The top directory is the tmpfs itself: its owner and mode come from its options.
        if (result == 0 && depth > 0)
            result = set_facts(levels[depth].to, &levels[depth].facts);
        sys(close, levels[depth].from);
        sys(close, levels[depth].to);
        depth--;
    }
    return result;
}

int op_copy_up(unsigned target, unsigned slot) {
    const unsigned flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    levels[0] = (struct level){0};
    levels[0].from = (int)sys(openat, slot_fd(target), ".", flags, 0);
    if (levels[0].from < 0)
        return fail(levels[0].from, "open", slot_name(target));
    levels[0].to = (int)sys(openat, slot_fd(slot), ".", flags, 0);
    if (levels[0].to < 0) {
        sys(close, levels[0].from);
        return fail(levels[0].to, "open", slot_name(slot));
    }
    int result = copy_tree();
    return result < 0 ? fail(result, "copy up", slot_name(target)) : 0;
}
