#include <linux/mount.h>

#include "ops.h"
#include "paths.h"
#include "report.h"
#include "slots.h"
#include "text.h"

#define MNT_DETACH 2
#define LINE_SIZE 8192
#define MAX_FULL_MOUNTS 1024

static int enter(unsigned root) {
    long result = sys(fchdir, slot_fd(root));
    return result < 0 ? fail(result, "fchdir", slot_name(root)) : 0;
}

// The old root lies on top of the new one after pivot_root(".", "."), and is taken away from there.
static int drop_old_root(int old) {
    long result = sys(fchdir, old);
    if (result < 0)
        return fail(result, "fchdir", "old root");
    // Taking it away must not reach the mounts of the host.
    result = sys(mount, NULL, ".", NULL, MS_SLAVE | MS_REC, NULL);
    if (result < 0)
        return fail(result, "mount", "old root");
    result = sys(umount2, ".", MNT_DETACH);
    if (result < 0)
        return fail(result, "umount2", "old root");
    result = sys(chdir, "/");
    return result < 0 ? fail(result, "chdir", "/") : 0;
}

int op_pivot(unsigned root) {
    int old = open_by_path("/", O_DIRECTORY);
    if (old < 0)
        return fail(old, "open", "/");
    int result = enter(root);
    if (result == 0) {
        long pivoted = sys(pivot_root, ".", ".");
        result = pivoted < 0 ? fail(pivoted, "pivot_root", slot_name(root)) : drop_old_root(old);
    }
    sys(close, old);
    return result;
}

int op_chroot(unsigned root) {
    int result = enter(root);
    if (result < 0)
        return result;
    long changed = sys(chroot, ".");
    if (changed == 0)
        changed = sys(chdir, "/");
    return changed < 0 ? fail(changed, "chroot", slot_name(root)) : 0;
}

// -- move_root: without pivot_root the mounts of the host stay reachable for the kernel, and with a
// complete procfs or sysfs among them a container that makes a user namespace could mount new ones.

struct mount_line {
    char *root, *point, *fstype;
};

// Cuts "ID PARENT MAJ:MIN ROOT POINT OPTIONS TAGS... - FSTYPE SOURCE OPTIONS" into what is needed.
static bool read_mount_line(char *line, struct mount_line *mount) {
    *mount = (struct mount_line){0};
    char *field = line;
    bool after_tags = false;
    for (int index = 0; *field != '\0'; index++) {
        char *end = field;
        while (*end != ' ' && *end != '\0')
            end++;
        bool last = *end == '\0';
        *end = '\0';
        if (index == 3)
            mount->root = field;
        else if (index == 4)
            mount->point = field;
        else if (after_tags) {
            mount->fstype = field;
            return true;
        } else if (index > 5 && strcmp(field, "-") == 0)
            after_tags = true;
        field = last ? end : end + 1;
    }
    return false;
}

// Blanks and backslashes are written as three octal digits.
static void unescape(char *path) {
    char *out = path;
    while (*path != '\0') {
        if (path[0] == '\\' && path[1] >= '0' && path[1] <= '3' && path[2] != '\0' &&
            path[3] != '\0') {
            *out++ = (char)((path[1] - '0') << 6 | (path[2] - '0') << 3 | (path[3] - '0'));
            path += 4;
        } else {
            *out++ = *path++;
        }
    }
    *out = '\0';
}

static bool is_below(const char *path, const char *directory) {
    size_t length = strlen(directory);
    return starts_with(path, directory) && (path[length] == '/' || path[length] == '\0');
}

static bool is_full_outside(const struct mount_line *mount, const char *rootfs) {
    if (strcmp(mount->fstype, "proc") != 0 && strcmp(mount->fstype, "sysfs") != 0)
        return false;
    return strcmp(mount->root, "/") == 0 && !is_below(mount->point, rootfs);
}

// Finds the full mount number `index`; 1: found, 0: there are no more.
static int find_full_mount(int mountinfo, const char *rootfs, int index, char point[PATH_SIZE]) {
    static char buffer[LINE_SIZE];
    size_t filled = 0;
    sys(lseek, mountinfo, 0, 0);
    for (;;) {
        long got = sys(read, mountinfo, buffer + filled, sizeof buffer - 1 - filled);
        if (got <= 0)
            return (int)got;
        filled += (size_t)got;
        size_t start = 0;
        for (size_t i = 0; i < filled; i++) {
            if (buffer[i] != '\n')
                continue;
            buffer[i] = '\0';
            struct mount_line mount;
            bool read = read_mount_line(buffer + start, &mount);
            start = i + 1;
            if (!read)
                continue;
            unescape(mount.point);
            if (!is_full_outside(&mount, rootfs) || index-- > 0)
                continue;
            struct text text = text_in(point, PATH_SIZE);
            text_add(&text, mount.point);
            return 1;
        }
        if (start == 0 && filled == sizeof buffer - 1)
            return -E2BIG;
        memmove(buffer, buffer + start, filled - start);
        filled -= start;
    }
}

static int hide_mount(const char *point, int *covered) {
    long result = sys(mount, NULL, point, NULL, MS_SLAVE | MS_REC, NULL);
    if (result < 0)
        return fail(result, "mount", point);
    if (sys(umount2, point, MNT_DETACH) == 0)
        return 0;
    // Locked by a user namespace, or busy: covered instead, and then still in the list.
    ++*covered;
    result = sys(mount, "tmpfs", point, "tmpfs", MS_RDONLY, "nr_blocks=1,nr_inodes=2");
    return result < 0 ? fail(result, "mount tmpfs", point) : 0;
}

static int hide_full_mounts(int mountinfo, const char *rootfs) {
    static char point[PATH_SIZE];
    int covered = 0;
    for (int i = 0; i < MAX_FULL_MOUNTS; i++) {
        int found = find_full_mount(mountinfo, rootfs, covered, point);
        if (found < 0)
            return fail(found, "read", "/proc/self/mountinfo");
        if (found == 0)
            return 0;
        int result = hide_mount(point, &covered);
        if (result < 0)
            return result;
    }
    return refuse(ELOOP, "the mounts of procfs and sysfs on the host cannot be hidden");
}

static int hide_host_mounts(unsigned root) {
    static char rootfs[PATH_SIZE];
    char path[FD_PATH_SIZE];
    long bytes = sys(readlinkat, AT_FDCWD, fd_path(slot_fd(root), path), rootfs, sizeof rootfs - 1);
    if (bytes < 0)
        return fail(bytes, "readlink", path);
    // Held open: what hides /proc hides the file itself.
    long mountinfo = sys(openat, AT_FDCWD, "/proc/self/mountinfo", O_RDONLY | O_CLOEXEC, 0);
    if (mountinfo < 0)
        return fail(mountinfo, "open", "/proc/self/mountinfo");
    int result = hide_full_mounts((int)mountinfo, rootfs);
    sys(close, mountinfo);
    return result;
}

int op_move_root(unsigned root) {
    int result = hide_host_mounts(root);
    if (result == 0)
        result = enter(root);
    if (result < 0)
        return result;
    long moved = sys(mount, ".", "/", NULL, MS_MOVE, NULL);
    return moved < 0 ? fail(moved, "mount", slot_name(root)) : op_chroot(root);
}

int op_root_attributes(uint64_t set) {
    struct mount_attr attributes = {.attr_set = set};
    long result = sys(mount_setattr, AT_FDCWD, "/", 0, &attributes, sizeof attributes);
    return result < 0 ? fail(result, "mount_setattr", "/") : 0;
}

int op_root_propagation(unsigned flags) {
    long result = sys(mount, NULL, "/", NULL, flags, NULL);
    return result < 0 ? fail(result, "mount", "/") : 0;
}
