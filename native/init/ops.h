// The effects, one function an op: native/wire.def says what each means. They return 0, or what
// `fail` returned.
#pragma once
#include "sys.h"

// namespaces.c
int op_unshare(unsigned flags);
int op_setns(unsigned slot, unsigned flags);
int op_fork(void);
int op_become_root(bool clear_groups);
int op_dumpable(bool on);
int op_setsid(void);
int op_session_keyring(const char *name, uint32_t mask, uint32_t permission);
int op_hostname(const char *name);
int op_domainname(const char *name);

// procfs.c
int op_write_proc_self(const char *file, const char *text);
int op_open_proc(unsigned slot);
int op_sysctl(unsigned proc, const char *file, const char *value);
int op_lsm_exec(unsigned proc, const char *lsm, const char *label);

// mounts.c
int op_propagate(const char *path, unsigned flags);
int op_open_tree(const char *path, bool recursive, unsigned slot);
int op_open_tree_below(unsigned root, const char *path, bool recursive, unsigned slot);
int op_attach_root(unsigned slot, const char *path);
int op_open_path(const char *path, unsigned slot);
int op_target(unsigned root, const char *path, unsigned like, unsigned mode, unsigned slot);
int op_mount_attributes(unsigned slot, uint64_t set, uint64_t clear, uint64_t propagation,
                        bool recursive, unsigned userns, bool locked);
int op_move_mount(unsigned slot, unsigned target);
int op_legacy_mount(unsigned target, const char *source, const char *fstype, uint64_t flags,
                    const char *data);
int op_close(unsigned slot);

// filesystems.c
struct new_mount {
    const char *fstype, *source;
    const char *data; // of the plan, for `options`
    const uint32_t *options;
    size_t option_count;
    unsigned attributes, target, slot;
    bool copy_mode;
};
int op_new_mount(const struct new_mount *mount);

// copy-up.c
int op_copy_up(unsigned target, unsigned slot);

// devices.c
struct node {
    unsigned root;
    const char *path;
    unsigned mode, major, minor;
    uint32_t uid, gid;
};
int op_mknod(const struct node *node);
int op_symlink(unsigned root, const char *path, const char *to);
int op_replace_link(unsigned root, const char *path, const char *to);
int op_bind_device(unsigned root, const char *path, unsigned slot);
// Mounts tree (a detached mount) on the file name in parent, which is made when missing.
int bind_on_file(int parent, const char *name, int tree, const char *about);

// console.c
struct console {
    unsigned root, width, height;
    uint32_t uid;
    bool bind;
};
int op_console(const struct console *console);

// root.c
int op_pivot(unsigned root);
int op_move_root(unsigned root);
int op_chroot(unsigned root);
int op_root_attributes(uint64_t set);
int op_root_propagation(unsigned flags);

// hidden-paths.c
int op_readonly_path(const char *path);
int op_masked_path(const char *path);
void end_masking(void);

// credentials.c
int op_no_new_privs(void);
int op_seccomp(const void *filter, size_t bytes, unsigned flags, bool notify);
int op_cap_bounding(uint64_t keep);
int op_keep_caps(bool on);
int op_set_groups(const void *groups, size_t bytes);
int op_set_user(uint64_t uid, uint64_t gid);
int op_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable);
int op_cap_ambient(uint64_t set);

// process.c
int op_umask(unsigned mask);
int op_chdir(const char *path, unsigned create, uint32_t uid, uint32_t gid);
int op_stdio_owner(uint32_t uid);
int op_null_stdio(void);
int op_personality(unsigned persona);
int op_scheduler(const void *attributes, size_t bytes);
int op_io_priority(int value);
int op_cpu_affinity(const void *cpus, size_t bytes);
int op_rlimit(unsigned resource, uint64_t soft, uint64_t hard);
int op_memory_policy(int mode, const void *nodes, size_t bytes, uint64_t max_node);
// What a program expects of its parent: no signal blocked or ignored, and only the descriptors it
// was given.
void set_process_defaults(void);
void restore_umask(void);

// program.c
struct plan;
struct op;
int prepare_exec(const struct plan *plan);
int op_keep_fds(const void *slots, size_t bytes);
int op_find_program(const char *file, const char *search);
_Noreturn void op_exec(void);
int op_wait_start(unsigned slot);
