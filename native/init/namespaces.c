#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/sched.h>

#include "ops.h"
#include "report.h"
#include "slots.h"
#include "text.h"
#include "wire.h"

int op_unshare(unsigned flags) {
    long result = sys(unshare, flags);
    return result < 0 ? fail(result, "unshare", NULL) : 0;
}

int op_setns(unsigned slot, unsigned flags) {
    long result = sys(setns, slot_fd(slot), flags);
    return result < 0 ? fail(result, "setns", NULL) : 0;
}

// The child must not speak to the runtime before the runtime knows its pid: it waits for a byte.
int op_fork(void) {
    int pipe[2];
    long result = sys(pipe2, pipe, O_CLOEXEC);
    if (result < 0)
        return fail(result, "pipe2", NULL);
    // With CLONE_PARENT the exit signal is that of this process, and must not be given.
    struct clone_args args = {.flags = CLONE_PARENT};
    long pid = sys(clone3, &args, sizeof args);
    if (pid < 0)
        return fail(pid, "clone3", NULL);
    char byte = 0;
    if (pid > 0) {
        if (send_message(MSG_PID, (uint32_t)pid, -1) < 0)
            exit_now(1);
        sys(write, pipe[1], &byte, 1);
        exit_now(0);
    }
    sys(close, pipe[1]);
    do {
        result = sys(read, pipe[0], &byte, 1);
    } while (result == -EINTR);
    if (result != 1)
        exit_now(1);
    sys(close, pipe[0]);
    return 0;
}

int op_become_root(bool clear_groups) {
    long result = sys(setresgid, 0, 0, 0);
    if (result < 0)
        return fail(result, "setresgid", "0");
    if (clear_groups && (result = sys(setgroups, 0, NULL)) < 0)
        return fail(result, "setgroups", NULL);
    result = sys(setresuid, 0, 0, 0);
    if (result < 0)
        return fail(result, "setresuid", "0");
    return op_dumpable(false);
}

int op_dumpable(bool on) {
    long result = sys(prctl, PR_SET_DUMPABLE, on);
    return result < 0 ? fail(result, "prctl", "PR_SET_DUMPABLE") : 0;
}

int op_setsid(void) {
    long result = sys(setsid);
    return result < 0 ? fail(result, "setsid", NULL) : 0;
}

// "keyring;UID;GID;PERMISSION;NAME", the permission in hexadecimal.
static bool read_permission(const char *description, uint32_t *permission) {
    int fields = 0;
    uint32_t value = 0;
    for (; *description != '\0' && fields < 4; description++) {
        char c = *description;
        if (c == ';')
            fields++;
        else if (fields == 3 && c >= '0' && c <= '9')
            value = value << 4 | (uint32_t)(c - '0');
        else if (fields == 3 && c >= 'a' && c <= 'f')
            value = value << 4 | (uint32_t)(c - 'a' + 10);
    }
    *permission = value;
    return fields == 4;
}

int op_session_keyring(const char *name, uint32_t mask, uint32_t permission) {
    long key = sys(keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
    if (key == -ENOSYS)
        return 0;
    if (key < 0)
        return fail(key, "keyctl join", name);
    static char description[512];
    long bytes = sys(keyctl, KEYCTL_DESCRIBE, key, description, sizeof description - 1);
    if (bytes < 0)
        return fail(bytes, "keyctl describe", name);
    uint32_t current;
    if (!read_permission(description, &current))
        return fail(-EPROTO, "keyctl describe", name);
    long result = sys(keyctl, KEYCTL_SETPERM, key, (current & mask) | permission);
    return result < 0 ? fail(result, "keyctl setperm", name) : 0;
}

int op_hostname(const char *name) {
    long result = sys(sethostname, name, strlen(name));
    return result < 0 ? fail(result, "sethostname", name) : 0;
}

int op_domainname(const char *name) {
    long result = sys(setdomainname, name, strlen(name));
    return result < 0 ? fail(result, "setdomainname", name) : 0;
}
