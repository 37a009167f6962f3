#include <asm/statfs.h>
#include <linux/magic.h>
#include <linux/mount.h>

#include "ops.h"
#include "paths.h"
#include "plan.h"
#include "report.h"
#include "slots.h"
#include "text.h"

#define TARGET_ORDINARY 0x10000u
#define MAX_DEPTH 4096

// What statfs(2) tells of a mount; the kernel's headers keep these to themselves.
#define ST_RDONLY 0x1
#define ST_NOSUID 0x2
#define ST_NODEV 0x4
#define ST_NOEXEC 0x8
#define ST_NOATIME 0x400
#define ST_NODIRATIME 0x800
#define ST_RELATIME 0x1000

int op_propagate(const char *path, unsigned flags) {
    long result = sys(mount, NULL, path, NULL, flags, NULL);
    return result < 0 ? fail(result, "mount", path) : 0;
}

int op_open_tree(const char *path, bool recursive, unsigned slot) {
    int fd = (int)sys(open_tree, AT_FDCWD, path,
                      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0));
    if (fd < 0)
        return fail(fd, "open_tree", path);
    slot_put(slot, fd, path);
    return 0;
}

int op_open_tree_below(unsigned root, const char *path, bool recursive, unsigned slot) {
    int place = find_below(slot_fd(root), path, NULL);
    if (place < 0)
        return fail(place, "openat2", path);
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
    int fd = (int)sys(open_tree, place, "", flags | (recursive ? AT_RECURSIVE : 0));
    sys(close, place);
    if (fd < 0)
        return fail(fd, "open_tree", path);
    slot_put(slot, fd, path);
    return 0;
}

// Climbs to the root of the mount that holds the directory. Takes the descriptor over.
static int climb_to_mount(int dir) {
    for (int depth = 0; dir >= 0 && depth < MAX_DEPTH; depth++) {
        struct statx facts;
        int result = look(dir, &facts);
        if (result == 0 && (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
            return dir;
        int up = result < 0 ? result : (int)sys(openat, dir, "..", O_PATH | O_CLOEXEC, 0);
        sys(close, dir);
        dir = up;
    }
    return dir < 0 ? dir : -ELOOP;
}

// pivot_root refuses a new root on a shared mount, and what is mounted there would reach the host.
static int make_holder_private(const char *path) {
    int dir = climb_to_mount(open_by_path(path, O_DIRECTORY | O_NOFOLLOW));
    if (dir < 0)
        return fail(dir, "open", path);
    struct mount_attr attributes = {.propagation = MS_PRIVATE};
    long result = sys(mount_setattr, dir, "", AT_EMPTY_PATH, &attributes, sizeof attributes);
    sys(close, dir);
    return result < 0 ? fail(result, "mount_setattr", path) : 0;
}

int op_attach_root(unsigned slot, const char *path) {
    int result = make_holder_private(path);
    if (result < 0)
        return result;
    long moved = sys(move_mount, slot_fd(slot), "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
    return moved < 0 ? fail(moved, "move_mount", path) : 0;
}

int op_open_path(const char *path, unsigned slot) {
    int fd = open_by_path(path, 0);
    if (fd < 0)
        return fail(fd, "open", path);
    slot_put(slot, fd, path);
    return 0;
}

// A symbolic link in the image must not choose where procfs and sysfs go.
static int refuse_links(int root, const char *path, int found) {
    struct statx facts;
    int result = look(found, &facts);
    if (result < 0)
        return fail(result, "statx", path);
    int direct = find_directly(root, path);
    bool ordinary = is_directory(&facts) && direct >= 0 && is_same_place(direct, found);
    if (direct >= 0)
        sys(close, direct);
    return ordinary ? 0 : fail(-ENOTDIR, "must be mounted on ordinary directory:", path);
}

// What may be mounted below /proc is said by the path in config.json; a link in the image must not
// lead anything else there.
static int refuse_procfs(int root, const char *path, int found) {
    if (strcmp(path, "/proc") == 0 || starts_with(path, "/proc/") ||
        !is_on_file_system(found, PROC_SUPER_MAGIC))
        return 0;
    int proc = find_directly(root, "proc");
    struct statx one, other;
    bool inside = proc >= 0 && look(proc, &one) == 0 && look(found, &other) == 0 &&
                  one.stx_mnt_id == other.stx_mnt_id;
    if (proc >= 0)
        sys(close, proc);
    return inside ? fail(-EPERM, "a link leads into /proc:", path) : 0;
}

int op_target(unsigned root, const char *path, unsigned like, unsigned mode, unsigned slot) {
    bool made = false;
    struct making making = {.mode = 0755, .uid = KEEP_OWNER, .gid = KEEP_OWNER, .made = &made};
    if (like != WIRE_NO_SLOT) {
        struct statx facts;
        int result = look(slot_fd(like), &facts);
        if (result < 0)
            return fail(result, "statx", slot_name(like));
        making.file = !is_directory(&facts);
    }
    int fd = find_below(slot_fd(root), path, &making);
    if (fd < 0)
        return fail(fd, "openat2", path);
    int result = 0;
    if (is_same_place(fd, slot_fd(root)))
        result = fail(-EINVAL, "cannot mount over the root of the container:", path);
    else if ((mode & TARGET_ORDINARY) != 0)
        result = refuse_links(slot_fd(root), path, fd);
    if (result == 0)
        result = refuse_procfs(slot_fd(root), path, fd);
    if (result < 0) {
        sys(close, fd);
        return result;
    }
    slot_put(slot, fd, path);
    if (slot_at(slot) != NULL)
        *slot_at(slot) =
            (struct slot){.fd = fd, .root = (uint16_t)root, .made = made, .name = path};
    return 0;
}

// Whether the change takes off what restricts, or changes access times: the kernel's rule for
// locked mounts.
static bool loosens(int mount, uint64_t set, uint64_t clear) {
    static const struct {
        uint64_t attribute;
        long flag;
    } lockable[] = {
        {MOUNT_ATTR_RDONLY, ST_RDONLY},
        {MOUNT_ATTR_NOSUID, ST_NOSUID},
        {MOUNT_ATTR_NODEV, ST_NODEV},
        {MOUNT_ATTR_NOEXEC, ST_NOEXEC},
    };
    struct statfs facts;
    if (sys(fstatfs, mount, &facts) < 0)
        return false;
    for (size_t i = 0; i < sizeof lockable / sizeof *lockable; i++)
        if ((clear & ~set & lockable[i].attribute) != 0 && (facts.f_flags & lockable[i].flag) != 0)
            return true;
    if ((clear & MOUNT_ATTR__ATIME) == 0)
        return false;
    uint64_t has = (facts.f_flags & ST_NOATIME) != 0    ? MOUNT_ATTR_NOATIME
                   : (facts.f_flags & ST_RELATIME) != 0 ? MOUNT_ATTR_RELATIME
                                                        : MOUNT_ATTR_STRICTATIME;
    return has != (set & MOUNT_ATTR__ATIME) ||
           ((facts.f_flags & ST_NODIRATIME) != 0) != ((set & MOUNT_ATTR_NODIRATIME) != 0);
}

int op_mount_attributes(unsigned slot, uint64_t set, uint64_t clear, uint64_t propagation,
                        bool recursive, unsigned userns, bool locked) {
    if (locked && loosens(slot_fd(slot), set, clear))
        return fail(-EPERM, "mount_setattr", slot_name(slot));
    struct mount_attr attributes = {
        .attr_set = set,
        .attr_clr = clear,
        .propagation = propagation,
    };
    if (userns != WIRE_NO_SLOT) {
        attributes.attr_set |= MOUNT_ATTR_IDMAP;
        attributes.userns_fd = (uint64_t)slot_fd(userns);
    }
    long result =
        sys(mount_setattr, slot_fd(slot), "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
            &attributes, sizeof attributes);
    return result < 0 ? fail(result, "mount_setattr", slot_name(slot)) : 0;
}

// Whoever walks to the target now must arrive at the mount.
static int verify_mount(int mount, const struct slot *target) {
    int found = find_below(slot_fd(target->root), target->name, NULL);
    bool same = found >= 0 && is_same_place(found, mount);
    if (found >= 0)
        sys(close, found);
    return same ? 0 : fail(-ESTALE, "the mount is not where it should be:", target->name);
}

static bool differ_in_kind(int a, int b) {
    struct statx one, other;
    return look(a, &one) == 0 && look(b, &other) == 0 && is_directory(&one) != is_directory(&other);
}

int op_move_mount(unsigned slot, unsigned target) {
    long result = sys(move_mount, slot_fd(slot), "", slot_fd(target), "",
                      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    // mount(2) says ENOTDIR for a directory onto a file and the reverse, and callers look for it.
    if (result == -EINVAL && differ_in_kind(slot_fd(slot), slot_fd(target)))
        result = -ENOTDIR;
    if (result < 0)
        return fail(result, "move_mount", slot_name(target));
    struct slot *place = slot_at(target);
    return place == NULL ? 0 : verify_mount(slot_fd(slot), place);
}

int op_legacy_mount(unsigned target, const char *source, const char *fstype, uint64_t flags,
                    const char *data) {
    char place[FD_PATH_SIZE];
    long result = sys(mount, source, fd_path(slot_fd(target), place), fstype, flags, data);
    return result < 0 ? fail(result, "mount", slot_name(target)) : 0;
}

int op_close(unsigned slot) {
    int result = slot_close(slot);
    return result < 0 ? fail(result, "close", NULL) : 0;
}
