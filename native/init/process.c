#include <linux/ioprio.h>

#include "ops.h"
#include "paths.h"
#include "report.h"

#define SIGNAL_COUNT 64
#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGTERM 15
#define SA_RESTORER 0x04000000
#define SIG_SETMASK 2
#define MOST_CPUS 8192

#define CHDIR_CREATE 1u
#define CHDIR_TOLERANT 2u

static unsigned callers_umask;
static bool umask_is_callers;

struct signal_action {
    void (*handler)(int);
    uint64_t flags;
    void (*restorer)(void);
    uint64_t mask;
};

static void end_by_signal(int signal) {
    exit_now(128 + signal);
}

static void never_returned_to(void) {
    exit_now(1);
}

// The first process of a pid namespace is immune to signals that it does not catch, and a container
// that was created must be possible to end. The program gets the defaults back by its execve.
static void catch_signals(void) {
    static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    static const struct signal_action action = {end_by_signal, SA_RESTORER, never_returned_to, 0};
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        sys(rt_sigaction, ending[i], &action, NULL, sizeof action.mask);
}

void set_process_defaults(void) {
    // sigaction with everything zero is SIG_DFL; KILL and STOP refuse, and that is fine.
    static const struct signal_action defaults;
    static const uint64_t no_signals;
    for (int signal = 1; signal <= SIGNAL_COUNT; signal++)
        sys(rt_sigaction, signal, &defaults, NULL, sizeof no_signals);
    catch_signals();
    sys(rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof no_signals);
    // Files are made with the modes that the plan says.
    callers_umask = (unsigned)sys(umask, 0);
    umask_is_callers = true;
}

void restore_umask(void) {
    if (umask_is_callers)
        sys(umask, callers_umask);
}

int op_umask(unsigned mask) {
    sys(umask, mask);
    umask_is_callers = false;
    return 0;
}

static int make_directory(const char *path, uint32_t uid, uint32_t gid) {
    const struct making making = {.mode = 0755, .uid = uid, .gid = gid};
    int root = open_by_path("/", O_DIRECTORY);
    if (root < 0)
        return root;
    int directory = find_below(root, path, &making);
    sys(close, root);
    if (directory < 0)
        return directory;
    int result = (int)sys(fchdir, directory);
    sys(close, directory);
    return result;
}

// A directory that cannot be named from the root is one of the host, come in through a descriptor.
static int check_inside(void) {
    static char path[PATH_SIZE];
    long bytes = sys(getcwd, path, sizeof path);
    if (bytes == -ENOENT || (bytes > 0 && path[0] != '/'))
        return refuse(ENOENT, "current working directory is outside of container mount namespace "
                              "root -- possible container breakout detected");
    return bytes < 0 ? fail(bytes, "getcwd", NULL) : 0;
}

int op_chdir(const char *path, unsigned create, uint32_t uid, uint32_t gid) {
    // A directory that was entered as root stays entered, also where the user could not enter it.
    static bool entered;
    if (entered)
        return 0;
    int result = (int)sys(chdir, path);
    if (result == -ENOENT && (create & CHDIR_CREATE) != 0)
        result = make_directory(path, uid, gid);
    if ((result == -EACCES || result == -EPERM) && (create & CHDIR_TOLERANT) != 0)
        return 0;
    if (result < 0)
        return fail(result, "chdir", path);
    entered = true;
    return check_inside();
}

int op_stdio_owner(uint32_t uid) {
    for (int fd = 0; fd <= 2; fd++) {
        struct statx facts;
        if (look(fd, &facts) < 0 || facts.stx_uid == uid || is_device(&facts, S_IFCHR, 1, 3))
            continue;
        long result = sys(fchown, fd, uid, -1);
        // Read-only or foreign file systems and unmapped ids: the program has what it has.
        if (result < 0 && result != -EPERM && result != -EROFS && result != -EINVAL)
            return fail(result, "fchown", "stdio");
    }
    return 0;
}

int op_null_stdio(void) {
    for (int fd = 0; fd <= 2; fd++) {
        struct statx facts;
        if (look(fd, &facts) < 0 || !is_device(&facts, S_IFCHR, 1, 3))
            continue;
        long null = sys(openat, AT_FDCWD, "/dev/null", O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0);
        if (null < 0)
            return fail(null, "open", "/dev/null");
        long result = look((int)null, &facts);
        if (result == 0 && !is_device(&facts, S_IFCHR, 1, 3))
            result = -ENODEV;
        if (result == 0)
            result = sys(dup3, null, fd, 0);
        sys(close, null);
        if (result < 0)
            return fail(result, "open", "/dev/null");
    }
    return 0;
}

int op_personality(unsigned persona) {
    long result = sys(personality, persona);
    return result < 0 ? fail(result, "personality", NULL) : 0;
}

int op_scheduler(const void *attributes, size_t bytes) {
    uint32_t size = 0;
    memcpy(&size, attributes, bytes < sizeof size ? bytes : sizeof size);
    long result = size > bytes ? -EINVAL : sys(sched_setattr, 0, attributes, 0);
    return result < 0 ? fail(result, "sched_setattr", NULL) : 0;
}

int op_io_priority(int value) {
    long result = sys(ioprio_set, IOPRIO_WHO_PROCESS, 0, value);
    return result < 0 ? fail(result, "ioprio_set", NULL) : 0;
}

int op_cpu_affinity(const void *cpus, size_t bytes) {
    static uint64_t all[MOST_CPUS / 64];
    if (bytes == 0) {
        memset(all, 0xff, sizeof all);
        cpus = all;
        bytes = sizeof all;
    }
    long result = sys(sched_setaffinity, 0, bytes, cpus);
    return result < 0 ? fail(result, "sched_setaffinity", NULL) : 0;
}

int op_rlimit(unsigned resource, uint64_t soft, uint64_t hard) {
    const uint64_t limit[2] = {soft, hard};
    long result = sys(prlimit64, 0, resource, limit, NULL);
    return result < 0 ? fail(result, "prlimit", NULL) : 0;
}

int op_memory_policy(int mode, const void *nodes, size_t bytes, uint64_t max_node) {
    if (bytes == 0)
        nodes = NULL;
    // max_node counts one more bit than there are.
    long result = bytes < (max_node + 6) / 8 ? -EINVAL : sys(set_mempolicy, mode, nodes, max_node);
    return result < 0 ? fail(result, "set_mempolicy", NULL) : 0;
}
