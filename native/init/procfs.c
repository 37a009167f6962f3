#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/prctl.h>

#include "ops.h"
#include "paths.h"
#include "report.h"
#include "slots.h"
#include "text.h"

#define PROC_ROOT_INO 1

// Nothing that is mounted or linked somewhere in a procfs may divert a write.
#define STRICTLY_BELOW                                                                             \
    (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

static int write_file(int dir, const char *file, const char *value, const char *about) {
    int fd = openat2_path(dir, file, O_WRONLY, STRICTLY_BELOW);
    if (fd < 0)
        return fail(fd, "openat2", about);
    size_t bytes = strlen(value);
    long written = sys(write, fd, value, bytes);
    sys(close, fd);
    if (written < 0)
        return fail(written, "write", about);
    return (size_t)written == bytes ? 0 : fail(-EIO, "write", about);
}

// A process that is not dumpable owns nothing in its /proc/self: without root's rights it has to be
// for as long as the file is opened. There is no container yet that could make use of that.
static int open_own(int self, const char *file) {
    int fd = openat2_path(self, file, O_WRONLY, STRICTLY_BELOW);
    if (fd != -EACCES || sys(prctl, PR_GET_DUMPABLE) == 1)
        return fd;
    sys(prctl, PR_SET_DUMPABLE, 1);
    fd = openat2_path(self, file, O_WRONLY, STRICTLY_BELOW);
    sys(prctl, PR_SET_DUMPABLE, 0);
    return fd;
}

int op_write_proc_self(const char *file, const char *words) {
    static char about[PATH_SIZE];
    struct text text = TEXT_IN(about);
    text_add(&text, "/proc/self/");
    text_add(&text, file);
    int self = open_by_path("/proc/self", O_DIRECTORY);
    if (self < 0)
        return fail(self, "open", "/proc/self");
    if (!is_on_file_system(self, PROC_SUPER_MAGIC)) {
        sys(close, self);
        return refuse(ENOENT, "/proc is not a procfs");
    }
    int fd = open_own(self, file);
    sys(close, self);
    if (fd < 0)
        return fail(fd, "openat2", about);
    long written = sys(write, fd, words, strlen(words));
    sys(close, fd);
    return written < 0 ? fail(written, "write", about) : 0;
}

static int make_proc(void) {
    int fs = (int)sys(fsopen, "proc", FSOPEN_CLOEXEC);
    if (fs < 0)
        return fs;
    int result = (int)sys(fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    if (result >= 0)
        result = (int)sys(fsmount, fs, FSMOUNT_CLOEXEC,
                          MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    sys(close, fs);
    return result;
}

static int copy_host_proc(void) {
    // Not recursive: without what may be mounted over parts of it. The kernel refuses that to those
    // who may not look beneath.
    int fd = (int)sys(open_tree, AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    return fd >= 0 ? fd : open_by_path("/proc", O_DIRECTORY | O_NOFOLLOW);
}

int op_open_proc(unsigned slot) {
    int fd = make_proc();
    if (fd < 0)
        fd = copy_host_proc();
    if (fd < 0)
        return fail(fd, "open", "/proc");
    struct statx facts;
    if (!is_on_file_system(fd, PROC_SUPER_MAGIC) || look(fd, &facts) != 0 ||
        facts.stx_ino != PROC_ROOT_INO) {
        sys(close, fd);
        return refuse(ENOENT, "/proc is not a procfs");
    }
    slot_put(slot, fd, "/proc");
    return 0;
}

int op_sysctl(unsigned proc, const char *file, const char *value) {
    static char about[PATH_SIZE];
    struct text text = TEXT_IN(about);
    text_add(&text, "/proc/sys/");
    text_add(&text, file);
    int sys_directory = openat2_path(slot_fd(proc), "sys", O_PATH | O_DIRECTORY, STRICTLY_BELOW);
    if (sys_directory < 0)
        return fail(sys_directory, "openat2", "/proc/sys");
    int result = write_file(sys_directory, file, value, about);
    sys(close, sys_directory);
    return result;
}

// thread-self is a link, "PID/task/TID", whose text is read to walk without following links.
static int open_attributes(int proc) {
    static char path[128];
    long bytes = sys(readlinkat, proc, "thread-self", path, 64);
    if (bytes < 0 || bytes == 64)
        return bytes < 0 ? (int)bytes : -ENAMETOOLONG;
    struct text text = {path, sizeof path, (size_t)bytes, false};
    text_add(&text, "/attr");
    return openat2_path(proc, path, O_PATH | O_DIRECTORY, STRICTLY_BELOW);
}

int op_lsm_exec(unsigned proc, const char *lsm, const char *label) {
    static char value[PATH_SIZE];
    bool apparmor = strcmp(lsm, "apparmor") == 0;
    struct text text = TEXT_IN(value);
    text_add(&text, apparmor ? "exec " : "");
    text_add(&text, label);
    if (text.full)
        return fail(-ENAMETOOLONG, "label", lsm);
    int attributes = open_attributes(slot_fd(proc));
    if (attributes < 0)
        return fail(attributes, "open", "`/proc/thread-self/attr`");
    int result = -ENOENT;
    if (apparmor)
        result = write_file(attributes, "apparmor/exec", value,
                            "`/proc/thread-self/attr/apparmor/exec`");
    if (result == -ENOENT) // SELinux, and AppArmor before Linux 5.8
        result = write_file(attributes, "exec", value, "`/proc/thread-self/attr/exec`");
    sys(close, attributes);
    return result;
}
