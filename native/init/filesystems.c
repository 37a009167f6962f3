#include <linux/mount.h>

#include "ops.h"
#include "paths.h"
#include "report.h"
#include "slots.h"
#include "text.h"

// What the kernel says about a file system context: lines "e TEXT", "w TEXT", "i TEXT".
static const char *kernel_log(int fs) {
    static char line[512];
    for (;;) {
        long bytes = sys(read, fs, line, sizeof line - 1);
        if (bytes < 2)
            return NULL;
        while (bytes > 2 && line[bytes - 1] == '\n')
            bytes--;
        line[bytes] = '\0';
        if (line[0] == 'e')
            return line + 2;
    }
}

static int fail_of_fs(int fs, long error, const char *call, const char *about) {
    return fail_with(error, call, about, kernel_log(fs));
}

static int set_option(int fs, const char *option) {
    static char key[256];
    size_t length = 0;
    while (option[length] != '=' && option[length] != '\0')
        length++;
    if (length >= sizeof key)
        return fail(-ENAMETOOLONG, "fsconfig", option);
    memcpy(key, option, length);
    key[length] = '\0';
    long result = option[length] == '='
                      ? sys(fsconfig, fs, FSCONFIG_SET_STRING, key, option + length + 1, 0)
                      : sys(fsconfig, fs, FSCONFIG_SET_FLAG, key, NULL, 0);
    return result < 0 ? fail_of_fs(fs, result, "fsconfig", option) : 0;
}

static int set_mode_of(int fs, unsigned target) {
    struct statx facts;
    int result = look(slot_fd(target), &facts);
    if (result < 0)
        return fail(result, "statx", slot_name(target));
    char mode[16];
    struct text text = TEXT_IN(mode);
    text_add_number(&text, facts.stx_mode & 07777, 8);
    result = (int)sys(fsconfig, fs, FSCONFIG_SET_STRING, "mode", mode, 0);
    return result < 0 ? fail_of_fs(fs, result, "fsconfig mode", slot_name(target)) : 0;
}

static int configure(int fs, const struct new_mount *mount) {
    long result = 0;
    if (mount->source != NULL)
        result = sys(fsconfig, fs, FSCONFIG_SET_STRING, "source", mount->source, 0);
    if (result < 0)
        return fail_of_fs(fs, result, "fsconfig source", mount->source);
    for (size_t i = 0; i < mount->option_count; i++) {
        int set = set_option(fs, mount->data + mount->options[i]);
        if (set < 0)
            return set;
    }
    const struct slot *target = slot_at(mount->target);
    if (mount->copy_mode && target != NULL && !target->made) {
        int set = set_mode_of(fs, mount->target);
        if (set < 0)
            return set;
    }
    result = sys(fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    return result < 0 ? fail_of_fs(fs, result, "fsconfig create", mount->fstype) : 0;
}

int op_new_mount(const struct new_mount *mount) {
    if (mount->fstype == NULL)
        return fail(-EINVAL, "fsopen", "no file system type");
    int fs = (int)sys(fsopen, mount->fstype, FSOPEN_CLOEXEC);
    if (fs < 0)
        return fail(fs, "fsopen", mount->fstype);
    int result = configure(fs, mount);
    if (result == 0) {
        result = (int)sys(fsmount, fs, FSMOUNT_CLOEXEC, mount->attributes);
        if (result < 0)
            fail_of_fs(fs, result, "fsmount", mount->fstype);
        else
            slot_put(mount->slot, result, mount->fstype);
    }
    sys(close, fs);
    return result < 0 ? result : 0;
}
