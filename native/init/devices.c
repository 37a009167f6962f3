#include <linux/mount.h>

#include "ops.h"
#include "paths.h"
#include "report.h"
#include "slots.h"

static unsigned device_number(unsigned major, unsigned minor) {
    return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

static int open_here(int parent, const char *name) {
    return (int)sys(openat, parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
}

static int open_file(int parent, const char *name) {
    int fd = open_here(parent, name);
    if (fd != -ENOENT)
        return fd;
    long made =
        sys(openat, parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (made >= 0)
        sys(close, made);
    return made < 0 && made != -EEXIST ? (int)made : open_here(parent, name);
}

int bind_on_file(int parent, const char *name, int tree, const char *about) {
    int place = open_file(parent, name);
    if (place < 0)
        return fail(place, "open", about);
    struct statx facts;
    int result = look(place, &facts);
    if (result == 0 && S_ISLNK(facts.stx_mode))
        result = -ELOOP;
    if (result == 0)
        result = (int)sys(move_mount, tree, "", place, "",
                          MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    sys(close, place);
    if (result < 0)
        return fail(result, "move_mount", about);
    int found = open_here(parent, name);
    bool same = found >= 0 && is_same_place(found, tree);
    if (found >= 0)
        sys(close, found);
    return same ? 0 : fail(-ESTALE, "the mount is not where it should be:", about);
}

static int open_parent(unsigned root, const char *path, const char **name) {
    int parent = find_parent(slot_fd(root), path, name);
    return parent < 0 ? fail(parent, "openat2", path) : parent;
}

// What lies at the name now must be the node; only then are its mode and owner touched.
static int settle_node(int parent, const char *name, const struct node *node) {
    int fd = open_here(parent, name);
    if (fd < 0)
        return fail(fd, "open", node->path);
    struct statx facts;
    long result = look(fd, &facts);
    unsigned type = node->mode & S_IFMT;
    bool numbered = type == S_IFCHR || type == S_IFBLK;
    if (result == 0 && (numbered ? !is_device(&facts, type, node->major, node->minor)
                                 : (facts.stx_mode & S_IFMT) != type)) {
        sys(close, fd);
        return fail(-EEXIST, "another file is in the place of device", node->path);
    }
    if (result == 0 && (facts.stx_uid != node->uid || facts.stx_gid != node->gid))
        result = sys(fchownat, fd, "", node->uid, node->gid, AT_EMPTY_PATH);
    if (result == 0 && (facts.stx_mode & 07777) != (node->mode & 07777))
        result = set_mode(fd, node->mode & 07777);
    sys(close, fd);
    return result < 0 ? fail(result, "chown or chmod", node->path) : 0;
}

// Where mknod is not permitted the runtime's own node of that path will do, if it is the same
// device.
static int bind_host_node(int parent, const char *name, const struct node *node) {
    int tree = (int)sys(open_tree, AT_FDCWD, node->path,
                        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
    if (tree < 0)
        return fail(-EPERM, "mknod", node->path);
    struct statx facts;
    int result = look(tree, &facts);
    if (result < 0 || !is_device(&facts, node->mode & S_IFMT, node->major, node->minor))
        result = fail(-EPERM, "mknod", node->path);
    else
        result = bind_on_file(parent, name, tree, node->path);
    sys(close, tree);
    return result;
}

static int make_node(int parent, const char *name, const struct node *node) {
    long result = sys(mknodat, parent, name, node->mode, device_number(node->major, node->minor));
    if (result == -EPERM)
        return bind_host_node(parent, name, node);
    if (result < 0 && result != -EEXIST)
        return fail(result, "mknod", node->path);
    return settle_node(parent, name, node);
}

int op_mknod(const struct node *node) {
    const char *name;
    int parent = open_parent(node->root, node->path, &name);
    if (parent < 0)
        return parent;
    int result = make_node(parent, name, node);
    sys(close, parent);
    return result;
}

int op_symlink(unsigned root, const char *path, const char *to) {
    const char *name;
    int parent = open_parent(root, path, &name);
    if (parent < 0)
        return parent;
    long result = sys(symlinkat, to, parent, name);
    sys(close, parent);
    return result < 0 && result != -EEXIST ? fail(result, "symlink", path) : 0;
}

static bool is_link_to(int parent, const char *name, const char *to) {
    static char found[PATH_SIZE];
    long bytes = sys(readlinkat, parent, name, found, sizeof found - 1);
    if (bytes < 0)
        return false;
    found[bytes] = '\0';
    return strcmp(found, to) == 0;
}

int op_replace_link(unsigned root, const char *path, const char *to) {
    const char *name;
    int parent = open_parent(root, path, &name);
    if (parent < 0)
        return parent;
    long result = 0;
    if (!is_link_to(parent, name, to)) {
        result = sys(unlinkat, parent, name, 0);
        if (result >= 0 || result == -ENOENT)
            result = sys(symlinkat, to, parent, name);
    }
    sys(close, parent);
    return result < 0 ? fail(result, "replace by a link", path) : 0;
}

int op_bind_device(unsigned root, const char *path, unsigned slot) {
    const char *name;
    int parent = open_parent(root, path, &name);
    if (parent < 0)
        return parent;
    int result = bind_on_file(parent, name, slot_fd(slot), path);
    sys(close, parent);
    return result;
}
