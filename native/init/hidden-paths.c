#include <linux/mount.h>
#include <linux/openat2.h>

#include "ops.h"
#include "paths.h"
#include "report.h"

static int clone_mount(int fd, unsigned flags) {
    return (int)sys(open_tree, fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | flags);
}

static int attach(int tree, int place) {
    return (int)sys(move_mount, tree, "", place, "",
                    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int open_place(const char *path) {
    return openat2_path(AT_FDCWD, path, O_PATH, RESOLVE_NO_MAGICLINKS);
}

static int make_readonly(int place, const char *path) {
    int tree = clone_mount(place, AT_RECURSIVE);
    if (tree < 0)
        return fail(tree, "open_tree", path);
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    long result = sys(mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
    if (result < 0)
        result = fail(result, "mount_setattr", path);
    else if ((result = attach(tree, place)) < 0)
        result = fail(result, "move_mount", path);
    sys(close, tree);
    return (int)result;
}

int op_readonly_path(const char *path) {
    int place = open_place(path);
    if (place == -ENOENT)
        return 0;
    if (place < 0)
        return fail(place, "open", path);
    int result = make_readonly(place, path);
    sys(close, place);
    return result;
}

// What masked files show: the container's /dev/null, opened once and held while paths are masked.
static int null_device = -1;
// What masked directories show: one empty file system for all, held where it was mounted first.
static int empty_directory = -1;

void end_masking(void) {
    if (null_device >= 0)
        sys(close, null_device);
    if (empty_directory >= 0)
        sys(close, empty_directory);
    null_device = empty_directory = -1;
}

static int open_null(void) {
    if (null_device >= 0)
        return 0;
    int fd = open_by_path("/dev/null", O_NOFOLLOW);
    if (fd < 0)
        return fail(fd, "open", "/dev/null");
    struct statx facts;
    if (look(fd, &facts) < 0 || !is_device(&facts, S_IFCHR, 1, 3)) {
        sys(close, fd);
        return fail(-ENODEV, "is not the null device:", "/dev/null");
    }
    null_device = fd;
    return 0;
}

static int make_empty(const char *inodes) {
    int fs = (int)sys(fsopen, "tmpfs", FSOPEN_CLOEXEC);
    if (fs < 0)
        return fs;
    sys(fsconfig, fs, FSCONFIG_SET_STRING, "source", "tmpfs", 0);
    sys(fsconfig, fs, FSCONFIG_SET_STRING, "nr_blocks", "1", 0);
    sys(fsconfig, fs, FSCONFIG_SET_STRING, "nr_inodes", inodes, 0);
    int result = (int)sys(fsconfig, fs, FSCONFIG_SET_FLAG, "ro", NULL, 0);
    if (result >= 0)
        result = (int)sys(fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    if (result >= 0)
        result = (int)sys(fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
    sys(close, fs);
    return result;
}

static int mask_directory(int place, const char *path) {
    bool first = empty_directory < 0;
    int tree = first ? make_empty("1") : clone_mount(empty_directory, 0);
    if (first && tree < 0) // kernels that count one more
        tree = make_empty("2");
    if (tree < 0)
        return fail(tree, "mount tmpfs", path);
    int result = attach(tree, place);
    if (result < 0 || !first)
        sys(close, tree);
    else
        empty_directory = tree;
    return result < 0 ? fail(result, "move_mount", path) : 0;
}

static int mask_file(int place, const char *path) {
    int result = open_null();
    if (result < 0)
        return result;
    int tree = clone_mount(null_device, 0);
    if (tree < 0)
        return fail(tree, "open_tree", "/dev/null");
    result = attach(tree, place);
    sys(close, tree);
    return result < 0 ? fail(result, "move_mount", path) : 0;
}

int op_masked_path(const char *path) {
    int place = open_place(path);
    if (place == -ENOENT)
        return 0;
    if (place < 0)
        return fail(place, "open", path);
    struct statx facts;
    int result = look(place, &facts);
    if (result < 0)
        fail(result, "statx", path);
    else
        result = is_directory(&facts) ? mask_directory(place, path) : mask_file(place, path);
    sys(close, place);
    return result;
}
