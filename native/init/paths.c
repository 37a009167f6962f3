#include "paths.h"

#include <asm/statfs.h>
#include <linux/openat2.h>

#include "text.h"

#define MAX_LINKS 40

// The part of the path that was walked: in it there are no symbolic links, "." or "..".
static char walked_buffer[PATH_SIZE];
// The part that is still to be walked; two, as a link puts its target before the rest of the other.
static char rest_buffers[2][2 * PATH_SIZE];

int look(int fd, struct statx *facts) {
    return (int)sys(statx, fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT,
                    STATX_BASIC_STATS | STATX_MNT_ID, facts);
}

int open_by_path(const char *path, unsigned flags) {
    return (int)sys(openat, AT_FDCWD, path, O_PATH | O_CLOEXEC | flags, 0);
}

int openat2_path(int dir, const char *path, uint64_t flags, uint64_t resolve) {
    struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
    long fd;
    do {
        fd = sys(openat2, dir, path, &how, sizeof how);
    } while (fd == -EAGAIN); // a rename or mount somewhere raced with ".."
    return (int)fd;
}

bool is_directory(const struct statx *facts) {
    return S_ISDIR(facts->stx_mode);
}

bool is_device(const struct statx *facts, unsigned type, unsigned major, unsigned minor) {
    return (facts->stx_mode & S_IFMT) == type && facts->stx_rdev_major == major &&
           facts->stx_rdev_minor == minor;
}

bool is_same_place(int a, int b) {
    struct statx one, other;
    return look(a, &one) == 0 && look(b, &other) == 0 && one.stx_mnt_id == other.stx_mnt_id &&
           one.stx_ino == other.stx_ino && one.stx_dev_major == other.stx_dev_major &&
           one.stx_dev_minor == other.stx_dev_minor;
}

bool is_on_file_system(int fd, long magic) {
    struct statfs facts;
    return sys(fstatfs, fd, &facts) == 0 && (long)facts.f_type == magic;
}

const char *fd_path(int fd, char buffer[FD_PATH_SIZE]) {
    struct text text = text_in(buffer, FD_PATH_SIZE);
    text_add(&text, "/proc/self/fd/");
    text_add_number(&text, (uint64_t)fd, 10);
    return buffer;
}

int set_mode(int fd, unsigned mode) {
    long result = sys(fchmodat2, fd, "", mode, AT_EMPTY_PATH);
    if (result == -ENOSYS) { // before Linux 6.6
        char path[FD_PATH_SIZE];
        result = sys(fchmodat, AT_FDCWD, fd_path(fd, path), mode);
    }
    return (int)result;
}

static int open_walked(int root, const char *walked, unsigned flags) {
    return openat2_path(root, *walked == '\0' ? "." : walked, O_PATH | flags,
                        RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

static int make_in(int parent, const char *name, bool last, const struct making *making) {
    unsigned mode = last ? making->mode : 0755;
    long result;
    if (last && making->file) {
        result = sys(openat, parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                     mode & ~0111u);
        if (result >= 0)
            sys(close, result);
    } else {
        result = sys(mkdirat, parent, name, mode);
    }
    if (result < 0)
        return result == -EEXIST ? 0 : (int)result;
    if (last && making->made != NULL)
        *making->made = true;
    if (last && (making->uid != KEEP_OWNER || making->gid != KEEP_OWNER))
        result = sys(fchownat, parent, name, making->uid, making->gid, AT_SYMLINK_NOFOLLOW);
    return result < 0 ? (int)result : 0;
}

static int make_walked(int root, const char *walked, const char *name, bool last,
                       const struct making *making) {
    int parent = open_walked(root, walked, O_DIRECTORY);
    if (parent < 0)
        return parent;
    int result = make_in(parent, name, last, making);
    sys(close, parent);
    return result;
}

// Replaces `*rest` by the target of the link and what was left.
static int follow_link(int link, struct text *walked, char **rest) {
    char *buffer = rest_buffers[*rest < rest_buffers[1] ? 1 : 0];
    long bytes = sys(readlinkat, link, "", buffer, PATH_SIZE);
    if (bytes < 0)
        return (int)bytes;
    if (bytes == PATH_SIZE)
        return -ENAMETOOLONG;
    struct text text = {buffer, sizeof rest_buffers[0], (size_t)bytes, false};
    text_add(&text, "/");
    text_add(&text, *rest);
    if (text.full)
        return -ENAMETOOLONG;
    if (buffer[0] == '/')
        text_cut(walked, 0);
    *rest = buffer;
    return 0;
}

static char *take_component(char **rest) {
    char *name = *rest;
    while (*name == '/')
        name++;
    char *end = name;
    while (*end != '/' && *end != '\0')
        end++;
    if (*end == '/')
        *end++ = '\0';
    while (*end == '/')
        end++;
    *rest = end;
    return name;
}

static void walk_up(struct text *walked) {
    size_t length = walked->length;
    while (length > 0 && walked->buffer[length - 1] != '/')
        length--;
    text_cut(walked, length > 0 ? length - 1 : 0);
}

// Opens walked/name, making it when it is missing.
static int step_into(int root, struct text *walked, const char *name, bool last,
                     const struct making *making) {
    size_t before = walked->length;
    text_add(walked, "/");
    text_add(walked, name);
    if (walked->full)
        return -ENAMETOOLONG;
    int fd = open_walked(root, walked->buffer, O_NOFOLLOW);
    if (fd != -ENOENT || making == NULL)
        return fd;
    text_cut(walked, before);
    int result = make_walked(root, walked->buffer, name, last, making);
    if (result < 0)
        return result;
    text_add(walked, "/");
    text_add(walked, name);
    return open_walked(root, walked->buffer, O_NOFOLLOW);
}

// Component by component, as a missing one may be the target of a link that leads nowhere yet.
static int walk(int root, const char *path, const struct making *making) {
    struct text walked = TEXT_IN(walked_buffer);
    struct text start = TEXT_IN(rest_buffers[0]);
    text_add(&start, path);
    if (start.full)
        return -ENAMETOOLONG;
    char *rest = start.buffer;
    int links = 0;
    for (;;) {
        char *name = take_component(&rest);
        if (*name == '\0')
            return open_walked(root, walked.buffer, 0);
        if (strcmp(name, ".") == 0)
            continue;
        if (strcmp(name, "..") == 0) {
            walk_up(&walked);
            continue;
        }
        int fd = step_into(root, &walked, name, *rest == '\0', making);
        if (fd < 0)
            return fd;
        struct statx facts;
        int result = look(fd, &facts);
        if (result == 0 && S_ISLNK(facts.stx_mode)) {
            walk_up(&walked);
            result = ++links > MAX_LINKS ? -ELOOP : follow_link(fd, &walked, &rest);
        }
        sys(close, fd);
        if (result < 0)
            return result;
    }
}

int find_below(int root, const char *path, const struct making *making) {
    int fd = openat2_path(root, *path == '\0' ? "." : path, O_PATH,
                          RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (fd != -ENOENT || making == NULL)
        return fd;
    return walk(root, path, making);
}

int find_directly(int root, const char *path) {
    return open_walked(root, path, O_NOFOLLOW);
}

int find_parent(int root, const char *path, const char **name) {
    static char parent[PATH_SIZE];
    size_t slash = 0;
    for (size_t i = 0; path[i] != '\0'; i++)
        if (path[i] == '/')
            slash = i;
    *name = path[slash] == '/' ? path + slash + 1 : path;
    if (**name == '\0' || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
        return -EINVAL;
    struct text text = TEXT_IN(parent);
    text_add_bytes(&text, path, slash);
    if (text.full)
        return -ENAMETOOLONG;
    static const struct making directory = {.mode = 0755, .uid = KEEP_OWNER, .gid = KEEP_OWNER};
    return find_below(root, parent, &directory);
}
