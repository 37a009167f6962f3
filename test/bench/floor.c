// floor CGROUP ROOTFS FILTER DEVICES PROGRAM ARGS...: what the kernel has to do for one container
// of containerd's default configuration, and nothing else: no JSON, no state, no checks. FILTER is
// a seccomp filter (struct sock_filter), DEVICES a device program (struct bpf_insn). Ends with the
// status of the program, or with 125 and the call that failed.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLONE_INTO_CGROUP_FLAG 0x200000000ULL
#define CAPABILITIES 0xa80425fbU // what containerd gives

struct bytes {
    char data[1 << 16];
    size_t length;
};
static struct bytes filter, devices;

static void must(long result, const char *what) {
    if (result >= 0)
        return;
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    _exit(125);
}

static void load(const char *path, struct bytes *bytes) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    must(fd, path);
    ssize_t length = read(fd, bytes->data, sizeof bytes->data);
    must(length, path);
    bytes->length = (size_t)length;
    close(fd);
}

static void put(const char *type, const char *target, unsigned long flags, const char *data) {
    must(mount(type, target, type, flags, data), target);
}

static void device(const char *path, unsigned major, unsigned minor) {
    must(mknod(path, S_IFCHR | 0666, makedev(major, minor)), path);
    must(chmod(path, 0666), path);
}

static void link_to(const char *target, const char *path) {
    must(symlink(target, path), path);
}

static void mount_all(const char *rootfs) {
    must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "slave");
    must(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), rootfs);
    must(chdir(rootfs), rootfs);
    const char *points[] = {"proc", "dev", "sys", "run"};
    for (int i = 0; i < 4; i++)
        mkdir(points[i], 0755);
    put("proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    put("tmpfs", "dev", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
    mkdir("dev/pts", 0755);
    mkdir("dev/shm", 0755);
    mkdir("dev/mqueue", 0755);
    put("devpts", "dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
    put("tmpfs", "dev/shm", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=65536k");
    put("mqueue", "dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    put("sysfs", "sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL);
    put("tmpfs", "run", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
    device("dev/null", 1, 3);
    device("dev/zero", 1, 5);
    device("dev/full", 1, 7);
    device("dev/random", 1, 8);
    device("dev/urandom", 1, 9);
    device("dev/tty", 5, 0);
    link_to("/proc/self/fd", "dev/fd");
    link_to("/proc/self/fd/0", "dev/stdin");
    link_to("/proc/self/fd/1", "dev/stdout");
    link_to("/proc/self/fd/2", "dev/stderr");
    link_to("pts/ptmx", "dev/ptmx");
}

static void enter_root(void) {
    must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(umount2(".", MNT_DETACH), "umount");
    must(chdir("/"), "chdir");
}

static void hide(void) {
    const char *readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                              "/proc/sysrq-trigger"};
    const char *masked[] = {"/proc/acpi",          "/proc/asound",
                            "/proc/kcore",         "/proc/keys",
                            "/proc/latency_stats", "/proc/timer_list",
                            "/proc/timer_stats",   "/proc/sched_debug",
                            "/sys/firmware",       "/sys/devices/virtual/powercap",
                            "/proc/scsi"};
    const unsigned long kept = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    for (size_t i = 0; i < sizeof readonly / sizeof *readonly; i++) {
        if (mount(readonly[i], readonly[i], NULL, MS_BIND | MS_REC, NULL) == 0)
            must(mount(NULL, readonly[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | kept, NULL),
                 readonly[i]);
    }
    for (size_t i = 0; i < sizeof masked / sizeof *masked; i++) {
        struct stat facts;
        if (stat(masked[i], &facts) < 0)
            continue;
        if (S_ISDIR(facts.st_mode))
            put("tmpfs", masked[i], MS_RDONLY, "nr_blocks=1,nr_inodes=1");
        else
            must(mount("/dev/null", masked[i], NULL, MS_BIND, NULL), masked[i]);
    }
}

static void give_up_rights(void) {
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    for (int capability = 0; capability <= 63; capability++)
        if (!(capability < 32 && (CAPABILITIES >> capability & 1)))
            if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno == EINVAL)
                break;
    gid_t none = 0;
    must(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keepcaps");
    must(setgroups(1, &none), "setgroups");
    must(setresgid(0, 0, 0), "setresgid");
    must(setresuid(0, 0, 0), "setresuid");
    umask(022);
    must(prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0), "keepcaps");
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2] = {{CAPABILITIES, CAPABILITIES, 0}, {0, 0, 0}};
    must(syscall(SYS_capset, &header, sets), "capset");
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct sock_fprog program = {(unsigned short)(filter.length / sizeof(struct sock_filter)),
                                 (struct sock_filter *)filter.data};
    must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), "seccomp");
}

static void restrict_devices(int cgroup) {
    union bpf_attr load_it = {0}, attach = {0};
    load_it.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    load_it.insns = (uint64_t)(uintptr_t)devices.data;
    load_it.insn_cnt = (uint32_t)(devices.length / sizeof(struct bpf_insn));
    load_it.license = (uint64_t)(uintptr_t) "Apache-2.0";
    int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load_it, sizeof load_it);
    must(program, "bpf(load)");
    attach.target_fd = (uint32_t)cgroup;
    attach.attach_bpf_fd = (uint32_t)program;
    attach.attach_type = BPF_CGROUP_DEVICE;
    attach.attach_flags = BPF_F_ALLOW_MULTI;
    must(syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach), "bpf(attach)");
    close(program);
}

static void become(char **argv) {
    must(setsid(), "setsid");
    must(unshare(CLONE_NEWCGROUP), "unshare");
    syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, "floor");
    mount_all(argv[2]);
    enter_root();
    hide();
    struct rlimit limit = {1024, 1024};
    must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
    syscall(SYS_close_range, 3U, ~0U, 0);
    give_up_rights();
    char *environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                           NULL};
    execve(argv[5], argv + 5, environment);
    must(-1, argv[5]);
}

int main(int argc, char **argv) {
    if (argc < 6)
        return 2;
    load(argv[3], &filter);
    load(argv[4], &devices);
    must(mkdir(argv[1], 0755), argv[1]);
    int cgroup = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
    must(cgroup, argv[1]);
    restrict_devices(cgroup);
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
        uint64_t set_tid, set_tid_size, cgroup;
    } arguments = {0};
    arguments.flags = CLONE_INTO_CGROUP_FLAG | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWNET |
                      CLONE_NEWPID | CLONE_NEWUTS;
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = (uint64_t)cgroup;
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    must(pid, "clone3");
    if (pid == 0)
        become(argv);
    int status = 0;
    while (waitpid((pid_t)pid, &status, 0) < 0 && errno == EINTR)
        ;
    while (rmdir(argv[1]) < 0 && errno == EBUSY)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
