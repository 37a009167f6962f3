// Rights are given up in this order (src/plan/program.ts), each as late as what follows allows:
//
//  1. lsm_exec       the label is written to procfs, which takes descriptors and rights; it takes
//                    effect at execve alone, so nothing after it is hindered
//  2. no_new_privs   cannot be taken back, and hinders none of the rest
//  3. close          no descriptor of the host is there when a path is next resolved (chdir)
//  4. cap_bounding   takes CAP_SETPCAP, which a change of user or capset may take away
//  5. chdir          as root: a directory that only root may enter; a second time as the user
//  6. seccomp        only here when no_new_privs is off: it takes CAP_SYS_ADMIN then
//  7. groups, user   groups before the group and the user, as CAP_SETGID goes with the user; the
//                    permitted capabilities are kept over it (keep_caps)
//  8. capset         and ambient after it, which have to be permitted and inheritable; the last
//                    right that is left
//  9. find_program   with the rights that the program will have
// 10. seccomp        with no_new_privs: after all that a profile need not allow
//
// What init still calls after 6 and after 10 is listed in docs/hardening.md, which
// test/integration/78-giving-up-rights.test.ts holds it to.
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>

#include "ops.h"
#include "report.h"
#include "wire.h"

#define ALL_CAPABILITIES 64

int op_no_new_privs(void) {
    long result = sys(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return result < 0 ? fail(result, "prctl", "PR_SET_NO_NEW_PRIVS") : 0;
}

int op_seccomp(const void *filter, size_t bytes, unsigned flags, bool notify) {
    size_t count = bytes / sizeof(struct sock_filter);
    if (bytes % sizeof(struct sock_filter) != 0 || count == 0 || count > BPF_MAXINSNS)
        return fail(-EINVAL, "seccomp", "size of the filter");
    struct sock_fprog program = {
        .len = (unsigned short)count,
        .filter = (struct sock_filter *)filter,
    };
    long result = sys(seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    if (result < 0)
        return fail(result, "seccomp", "SECCOMP_SET_MODE_FILTER");
    if (!notify)
        return 0;
    int sent = send_message(MSG_LISTENER, 0, (int)result);
    sys(close, result);
    return sent;
}

int op_cap_bounding(uint64_t keep) {
    for (int capability = 0; capability < ALL_CAPABILITIES; capability++) {
        if ((keep >> capability & 1) != 0)
            continue;
        long result = sys(prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
        if (result == -EINVAL) // past the last one of this kernel
            return 0;
        if (result < 0)
            return fail(result, "prctl", "PR_CAPBSET_DROP");
    }
    return 0;
}

int op_keep_caps(bool on) {
    long result = sys(prctl, PR_SET_KEEPCAPS, on, 0, 0, 0);
    return result < 0 ? fail(result, "prctl", "PR_SET_KEEPCAPS") : 0;
}

int op_set_groups(const void *groups, size_t bytes) {
    long result =
        bytes % sizeof(uint32_t) != 0 ? -EINVAL : sys(setgroups, bytes / sizeof(uint32_t), groups);
    return result < 0 ? fail(result, "setgroups", NULL) : 0;
}

int op_set_user(uint64_t uid, uint64_t gid) {
    // 2^32-1 would mean "leave as it is", that is root.
    if (uid >= UINT32_MAX || gid >= UINT32_MAX)
        return fail(-EINVAL, "setresuid", "no such user or group id");
    long result = sys(setresgid, gid, gid, gid);
    if (result < 0)
        return fail(result, "setresgid", NULL);
    result = sys(setresuid, uid, uid, uid);
    // What a change of user makes of this flag depends on a sysctl of the host.
    return result < 0 ? fail(result, "setresuid", NULL) : op_dumpable(false);
}

int op_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
        {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
    };
    long result = sys(capset, &header, data);
    return result < 0 ? fail(result, "capset", NULL) : 0;
}

int op_cap_ambient(uint64_t set) {
    long result = sys(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (result < 0)
        return fail(result, "prctl", "PR_CAP_AMBIENT_CLEAR_ALL");
    for (int capability = 0; capability < ALL_CAPABILITIES; capability++) {
        if ((set >> capability & 1) == 0)
            continue;
        result = sys(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
        if (result < 0)
            return fail(result, "prctl", "PR_CAP_AMBIENT_RAISE");
    }
    return 0;
}
