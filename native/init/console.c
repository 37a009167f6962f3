#include <asm/ioctls.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/termios.h>

#include "ops.h"
#include "paths.h"
#include "report.h"
#include "slots.h"
#include "wire.h"

#define PTMX "dev/pts/ptmx"
#define PTMX_INO 2
#define PTMX_MAJOR 5
#define PTMX_MINOR 2

static int open_ptmx(int root, unsigned flags) {
    int fd = openat2_path(root, PTMX, flags | O_NOFOLLOW, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (fd < 0)
        return fail(fd, "open", "/" PTMX);
    struct statx facts;
    if (is_on_file_system(fd, DEVPTS_SUPER_MAGIC) && look(fd, &facts) == 0 &&
        facts.stx_ino == PTMX_INO && is_device(&facts, S_IFCHR, PTMX_MAJOR, PTMX_MINOR))
        return fd;
    sys(close, fd);
    return fail(-ENODEV, "is not the multiplexer of a devpts:", "/" PTMX);
}

// A pty of the container's own devpts. The image could have put anything there: it is looked at
// before it is opened for real, and again after.
static int open_master(int root) {
    int fd = open_ptmx(root, O_PATH);
    if (fd < 0)
        return fd;
    sys(close, fd);
    return open_ptmx(root, O_RDWR | O_NOCTTY);
}

static int set_up_master(int master, const struct console *console) {
    int unlock = 0;
    long result = sys(ioctl, master, TIOCSPTLCK, &unlock);
    if (result < 0)
        return fail(result, "ioctl TIOCSPTLCK", "/" PTMX);
    if (console->width != 0 && console->height != 0) {
        struct winsize size = {
            .ws_row = (unsigned short)console->height,
            .ws_col = (unsigned short)console->width,
        };
        result = sys(ioctl, master, TIOCSWINSZ, &size);
    }
    return result < 0 ? fail(result, "ioctl TIOCSWINSZ", "/" PTMX) : 0;
}

static int bind_console(int root, int peer) {
    int tree = (int)sys(open_tree, peer, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    if (tree < 0)
        return fail(tree, "open_tree", "terminal");
    const char *name;
    int dev = find_parent(root, "/dev/console", &name);
    int result =
        dev < 0 ? fail(dev, "open", "/dev") : bind_on_file(dev, name, tree, "/dev/console");
    if (dev >= 0)
        sys(close, dev);
    sys(close, tree);
    return result;
}

static int become_terminal(int peer) {
    long result = sys(ioctl, peer, TIOCSCTTY, 0);
    if (result < 0)
        return fail(result, "ioctl TIOCSCTTY", "terminal");
    for (int fd = 0; fd <= 2; fd++)
        if ((result = sys(dup3, peer, fd, 0)) < 0)
            return fail(result, "dup3", "terminal");
    return 0;
}

static int hand_out_terminal(int root, int master, int peer, const struct console *console) {
    // Not every user of the container can own a terminal (unmapped ids): it works without.
    sys(fchown, peer, console->uid, -1);
    int result = console->bind ? bind_console(root, peer) : 0;
    if (result == 0)
        result = send_message(MSG_CONSOLE, 0, master);
    return result == 0 ? become_terminal(peer) : result;
}

int op_console(const struct console *console) {
    int root = slot_fd(console->root);
    int master = open_master(root);
    if (master < 0)
        return master;
    int result = set_up_master(master, console);
    if (result == 0) {
        int peer = (int)sys(ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (peer < 0) {
            result = fail(peer, "ioctl TIOCGPTPEER", "/" PTMX);
        } else {
            result = hand_out_terminal(root, master, peer, console);
            sys(close, peer);
        }
    }
    sys(close, master);
    return result;
}
