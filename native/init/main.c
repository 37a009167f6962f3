// init: reads a plan and executes it, op by op. It decides nothing: native/wire.def says what each
// op means, src/plan which ones there are.
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/mman.h>

#include "build-id.h"
#include "ops.h"
#include "plan.h"
#include "report.h"
#include "slots.h"

#define PLAN_FD 3
#define FIRST_HANDED_FD 5
#define FIRST_PRIVATE_FD 3
#define CLOSE_RANGE_CLOEXEC 4
#define MAX_PLAN_BYTES (64u << 20)

#define U(at) (op->word[at])
#define SLOT(at) ((unsigned)op->word[at])
#define S(at) op_string(plan, op, at)
#define BYTES(at) op_bytes(plan, op, at)
#define COUNT(at) (op->word[(at) + 1])

static int do_new_mount(const struct plan *plan, const struct op *op) {
    return op_new_mount(&(struct new_mount){
        .fstype = S(NEW_MOUNT_FSTYPE),
        .source = S(NEW_MOUNT_SOURCE),
        .data = plan->data,
        .options = BYTES(NEW_MOUNT_OPTIONS),
        .option_count = COUNT(NEW_MOUNT_OPTIONS),
        .attributes = (unsigned)U(NEW_MOUNT_ATTRIBUTES),
        .target = SLOT(NEW_MOUNT_TARGET),
        .slot = SLOT(NEW_MOUNT_SLOT),
        .copy_mode = U(NEW_MOUNT_COPY_MODE) != 0,
    });
}

static int do_mknod(const struct plan *plan, const struct op *op) {
    return op_mknod(&(struct node){
        .root = SLOT(MKNOD_ROOT),
        .path = S(MKNOD_PATH),
        .mode = (unsigned)U(MKNOD_MODE),
        .major = (unsigned)U(MKNOD_MAJOR),
        .minor = (unsigned)U(MKNOD_MINOR),
        .uid = (uint32_t)U(MKNOD_UID),
        .gid = (uint32_t)U(MKNOD_GID),
    });
}

static int do_console(const struct op *op) {
    return op_console(&(struct console){
        .root = SLOT(CONSOLE_ROOT),
        .width = (unsigned)U(CONSOLE_WIDTH),
        .height = (unsigned)U(CONSOLE_HEIGHT),
        .uid = (uint32_t)U(CONSOLE_UID),
        .bind = U(CONSOLE_BIND) != 0,
    });
}

static int sync_with_runtime(unsigned point) {
    int result = send_message(MSG_SYNC, point, -1);
    return result < 0 ? result : wait_for_go();
}

static int ask_idmap(unsigned slot) {
    int result = send_message(MSG_IDMAP, 0, slot_fd(slot));
    return result < 0 ? result : wait_for_go();
}

static int tell_ready(void) {
    int result = send_message(MSG_READY, 0, -1);
    close_sync();
    return result;
}

static int run_op(const struct plan *plan, const struct op *op) {
    switch ((enum op_code)op->code) {
    case OP_SYNC: return sync_with_runtime((unsigned)U(SYNC_POINT));
    case OP_READY: return tell_ready();
    case OP_WAIT_START: return op_wait_start(SLOT(WAIT_START_SLOT));

    case OP_UNSHARE: return op_unshare((unsigned)U(UNSHARE_FLAGS));
    case OP_SETNS: return op_setns(SLOT(SETNS_SLOT), (unsigned)U(SETNS_FLAGS));
    case OP_FORK: return op_fork();
    case OP_BECOME_ROOT: return op_become_root(U(BECOME_ROOT_CLEAR_GROUPS) != 0);
    case OP_DUMPABLE: return op_dumpable(U(DUMPABLE_ON) != 0);
    case OP_SETSID: return op_setsid();
    case OP_SESSION_KEYRING:
        return op_session_keyring(S(SESSION_KEYRING_NAME), (uint32_t)U(SESSION_KEYRING_MASK),
                                  (uint32_t)U(SESSION_KEYRING_PERMISSION));
    case OP_HOSTNAME: return op_hostname(S(HOSTNAME_NAME));
    case OP_DOMAINNAME: return op_domainname(S(DOMAINNAME_NAME));
    case OP_WRITE_PROC_SELF:
        return op_write_proc_self(S(WRITE_PROC_SELF_FILE), S(WRITE_PROC_SELF_TEXT));

    case OP_PROPAGATE: return op_propagate(S(PROPAGATE_PATH), (unsigned)U(PROPAGATE_FLAGS));
    case OP_OPEN_TREE_BELOW:
        return op_open_tree_below(SLOT(OPEN_TREE_BELOW_ROOT), S(OPEN_TREE_BELOW_PATH),
                                  U(OPEN_TREE_BELOW_RECURSIVE) != 0, SLOT(OPEN_TREE_BELOW_SLOT));
    case OP_OPEN_TREE:
        return op_open_tree(S(OPEN_TREE_PATH), U(OPEN_TREE_RECURSIVE) != 0, SLOT(OPEN_TREE_SLOT));
    case OP_ATTACH_ROOT: return op_attach_root(SLOT(ATTACH_ROOT_SLOT), S(ATTACH_ROOT_PATH));
    case OP_OPEN_PROC: return op_open_proc(SLOT(OPEN_PROC_SLOT));
    case OP_TARGET:
        return op_target(SLOT(TARGET_ROOT), S(TARGET_PATH), SLOT(TARGET_LIKE),
                         (unsigned)U(TARGET_MODE), SLOT(TARGET_SLOT));
    case OP_NEW_MOUNT: return do_new_mount(plan, op);
    case OP_MOUNT_ATTRIBUTES:
        return op_mount_attributes(SLOT(MOUNT_ATTRIBUTES_SLOT), U(MOUNT_ATTRIBUTES_SET),
                                   U(MOUNT_ATTRIBUTES_CLEAR), U(MOUNT_ATTRIBUTES_PROPAGATION),
                                   U(MOUNT_ATTRIBUTES_RECURSIVE) != 0,
                                   SLOT(MOUNT_ATTRIBUTES_USERNS), U(MOUNT_ATTRIBUTES_LOCKED) != 0);
    case OP_ASK_IDMAP: return ask_idmap(SLOT(ASK_IDMAP_SLOT));
    case OP_MOVE_MOUNT: return op_move_mount(SLOT(MOVE_MOUNT_SLOT), SLOT(MOVE_MOUNT_TARGET));
    case OP_LEGACY_MOUNT:
        return op_legacy_mount(SLOT(LEGACY_MOUNT_TARGET), S(LEGACY_MOUNT_SOURCE),
                               S(LEGACY_MOUNT_FSTYPE), U(LEGACY_MOUNT_FLAGS), S(LEGACY_MOUNT_DATA));
    case OP_COPY_UP: return op_copy_up(SLOT(COPY_UP_TARGET), SLOT(COPY_UP_SLOT));
    case OP_CLOSE: return op_close(SLOT(CLOSE_SLOT));
    case OP_MKNOD: return do_mknod(plan, op);
    case OP_REPLACE_LINK:
        return op_replace_link(SLOT(REPLACE_LINK_ROOT), S(REPLACE_LINK_PATH), S(REPLACE_LINK_TO));
    case OP_SYMLINK: return op_symlink(SLOT(SYMLINK_ROOT), S(SYMLINK_PATH), S(SYMLINK_TO));
    case OP_BIND_DEVICE:
        return op_bind_device(SLOT(BIND_DEVICE_ROOT), S(BIND_DEVICE_PATH), SLOT(BIND_DEVICE_SLOT));
    case OP_CONSOLE: return do_console(op);
    case OP_PIVOT: return op_pivot(SLOT(PIVOT_ROOT));
    case OP_MOVE_ROOT: return op_move_root(SLOT(MOVE_ROOT_ROOT));
    case OP_CHROOT: return op_chroot(SLOT(CHROOT_ROOT));
    case OP_READONLY_PATH: return op_readonly_path(S(READONLY_PATH_PATH));
    case OP_MASKED_PATH: return op_masked_path(S(MASKED_PATH_PATH));
    case OP_ROOT_ATTRIBUTES: return op_root_attributes(U(ROOT_ATTRIBUTES_SET));
    case OP_ROOT_PROPAGATION: return op_root_propagation((unsigned)U(ROOT_PROPAGATION_FLAGS));
    case OP_OPEN_PATH: return op_open_path(S(OPEN_PATH_PATH), SLOT(OPEN_PATH_SLOT));

    case OP_SYSCTL: return op_sysctl(SLOT(SYSCTL_PROC), S(SYSCTL_FILE), S(SYSCTL_VALUE));
    case OP_LSM_EXEC: return op_lsm_exec(SLOT(LSM_EXEC_PROC), S(LSM_EXEC_LSM), S(LSM_EXEC_LABEL));
    case OP_NO_NEW_PRIVS: return op_no_new_privs();
    case OP_SECCOMP:
        return op_seccomp(BYTES(SECCOMP_FILTER), COUNT(SECCOMP_FILTER), (unsigned)U(SECCOMP_FLAGS),
                          U(SECCOMP_NOTIFY) != 0);
    case OP_CAP_BOUNDING: return op_cap_bounding(U(CAP_BOUNDING_KEEP));
    case OP_KEEP_CAPS: return op_keep_caps(U(KEEP_CAPS_ON) != 0);
    case OP_SET_GROUPS: return op_set_groups(BYTES(SET_GROUPS_GROUPS), COUNT(SET_GROUPS_GROUPS));
    case OP_SET_USER: return op_set_user(U(SET_USER_UID), U(SET_USER_GID));
    case OP_UMASK: return op_umask((unsigned)U(UMASK_MASK));
    case OP_CHDIR:
        return op_chdir(S(CHDIR_PATH), (unsigned)U(CHDIR_CREATE), (uint32_t)U(CHDIR_UID),
                        (uint32_t)U(CHDIR_GID));
    case OP_CAPSET:
        return op_capset(U(CAPSET_EFFECTIVE), U(CAPSET_PERMITTED), U(CAPSET_INHERITABLE));
    case OP_CAP_AMBIENT: return op_cap_ambient(U(CAP_AMBIENT_SET));
    case OP_STDIO_OWNER: return op_stdio_owner((uint32_t)U(STDIO_OWNER_UID));
    case OP_NULL_STDIO: return op_null_stdio();
    case OP_PERSONALITY: return op_personality((unsigned)U(PERSONALITY_PERSONA));
    case OP_SCHEDULER: return op_scheduler(BYTES(SCHEDULER_ATTR), COUNT(SCHEDULER_ATTR));
    case OP_IO_PRIORITY: return op_io_priority((int)U(IO_PRIORITY_VALUE));
    case OP_CPU_AFFINITY:
        return op_cpu_affinity(BYTES(CPU_AFFINITY_CPUS), COUNT(CPU_AFFINITY_CPUS));
    case OP_RLIMIT: return op_rlimit((unsigned)U(RLIMIT_RESOURCE), U(RLIMIT_SOFT), U(RLIMIT_HARD));
    case OP_MEMORY_POLICY:
        return op_memory_policy((int)U(MEMORY_POLICY_MODE), BYTES(MEMORY_POLICY_NODES),
                                COUNT(MEMORY_POLICY_NODES), U(MEMORY_POLICY_MAX_NODE));
    case OP_KEEP_FDS: return op_keep_fds(BYTES(KEEP_FDS_SLOTS), COUNT(KEEP_FDS_SLOTS));
    case OP_FIND_PROGRAM: return op_find_program(S(FIND_PROGRAM_FILE), S(FIND_PROGRAM_SEARCH));
    case OP_EXEC: op_exec();
    }
    return refuse(ENOSYS, "unknown op");
}

static int load_plan(struct plan *plan) {
    const int seals = F_SEAL_WRITE | F_SEAL_SHRINK;
    if ((sys(fcntl, PLAN_FD, F_GET_SEALS) & seals) != seals)
        return refuse(EINVAL, "the plan is not a sealed memfd");
    struct statx facts;
    long result = sys(statx, PLAN_FD, "", AT_EMPTY_PATH, STATX_SIZE, &facts);
    if (result < 0 || facts.stx_size == 0 || facts.stx_size > MAX_PLAN_BYTES)
        return refuse(EINVAL, "the plan has no usable size");
    long memory = sys(mmap, NULL, facts.stx_size, PROT_READ, MAP_PRIVATE, PLAN_FD, 0);
    sys(close, PLAN_FD);
    if (is_error(memory))
        return fail(memory, "mmap", "plan");
    const char *problem = check_plan((const void *)memory, facts.stx_size, TSRUN_BUILD_ID, plan);
    return problem == NULL ? prepare_exec(plan) : refuse(EINVAL, problem);
}

// What is opened later must not become standard input, output or error.
static void fill_stdio(void) {
    long fd;
    do {
        fd = sys(openat, AT_FDCWD, "/dev/null", O_RDWR, 0);
    } while (fd >= 0 && fd <= 2);
    if (fd >= 0)
        sys(close, fd);
}

int main(int argc, char **argv, char **envp) {
    (void)argc, (void)argv, (void)envp;
    // Whoever shares a namespace with this process must not look into it.
    op_dumpable(false);
    fill_stdio();
    sys(close_range, FIRST_PRIVATE_FD, UINT32_MAX, CLOSE_RANGE_CLOEXEC);
    set_process_defaults();
    report_about(NO_OP);
    struct plan plan;
    int result = load_plan(&plan);
    if (result < 0)
        die(result);
    hand_slots(plan.header->handed_count, FIRST_HANDED_FD);
    const struct op *op = plan.first;
    for (uint32_t index = 0; index < plan.header->op_count; index++, op = next_op(op)) {
        report_about(index);
        if (op->code != OP_MASKED_PATH)
            end_masking();
        result = run_op(&plan, op);
        if (result >= 0)
            continue;
        if ((op->flags & FLAG_OPTIONAL) == 0)
            die(result);
        send_warning(result);
    }
    return 0;
}
