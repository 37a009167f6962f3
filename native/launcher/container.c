#include "container.h"

#include <linux/mman.h>
#include <linux/stat.h>

#include "../init/text.h"
#include "build-id.h"
#include "command-line.h"
#include "effects.h"

#define MAX_VERBS_BYTES (16u << 20)
#define GROUP_OR_OTHERS_WRITE 0022
#define GROUP_OR_OTHERS 0077
#define FILE_TYPE 0170000
#define REGULAR 0100000
#define DIRECTORY 0040000
#define LOCK_EX_NB 6

const char *variable(char **environment, const char *name) {
    size_t length = strlen(name);
    for (; *environment != NULL; environment++)
        if (starts_with(*environment, name) && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

static bool is_set(char **environment, const char *name) {
    const char *value = variable(environment, name);
    return value != NULL && value[0] != '\0';
}

// Whether the path means the same to the kernel as it does with its ".." taken out, and is not "/".
static bool is_plain_root(const char *path) {
    bool named = false;
    while (*path != '\0') {
        size_t length = 0;
        while (path[length] != '\0' && path[length] != '/')
            length++;
        bool dots = path[0] == '.' && (length == 1 || (length == 2 && path[1] == '.'));
        if (dots && length == 2)
            return false;
        named = named || (length > 0 && !dots);
        path += length;
        while (*path == '/')
            path++;
    }
    return named;
}

// As src/cli/root.ts; whoever may have a root below XDG_RUNTIME_DIR is the engine's.
static const char *state_root(const struct request *request, char **environment) {
    if (request->root != NULL)
        return is_plain_root(request->root) ? request->root : NULL;
    if (!is_set(environment, "XDG_RUNTIME_DIR"))
        return STATE_ROOT;
    const char *user = variable(environment, "USER");
    bool real_root = sys(geteuid) == 0 && user != NULL && strcmp(user, "root") == 0;
    return real_root ? STATE_ROOT : NULL;
}

static bool is_own(const struct statx *facts, unsigned type, unsigned forbidden) {
    return (facts->stx_mode & FILE_TYPE) == type && (facts->stx_mode & forbidden) == 0 &&
           facts->stx_uid == (uint32_t)sys(geteuid);
}

static bool look(int directory, const char *name, struct statx *facts) {
    int flags = AT_SYMLINK_NOFOLLOW | (name[0] == '\0' ? AT_EMPTY_PATH : 0);
    return sys(statx, directory, name, flags, STATX_BASIC_STATS, facts) == 0;
}

// The programs are right for one state.json: the file of that inode and change time.
static bool is_made_with(const struct container *container) {
    const struct op *op = container->plan.first;
    if (container->plan.header->op_count == 0 || op->code != STEP_MADE_WITH)
        return false;
    struct statx facts;
    if (!look(container->directory, "state.json", &facts))
        return false;
    return op->word[MADE_WITH_INODE] == facts.stx_ino &&
           op->word[MADE_WITH_CHANGED] == changed_at(&facts) &&
           op->word[MADE_WITH_SIZE] == facts.stx_size;
}

static bool load_verbs(struct container *container, const char *name) {
    long fd = sys(openat, container->directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    struct statx facts;
    long memory = -1;
    if (look((int)fd, "", &facts) && is_own(&facts, REGULAR, GROUP_OR_OTHERS) &&
        facts.stx_nlink == 1 && facts.stx_size > 0 && facts.stx_size <= MAX_VERBS_BYTES)
        memory = sys(mmap, NULL, facts.stx_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd);
    sys(close, fd);
    return !is_error(memory) && check_plan((const void *)memory, facts.stx_size, TSRUN_BUILD_ID,
                                           &container->plan) == NULL;
}

bool open_container(const struct request *request, char **environment,
                    struct container *container) {
    const char *root = state_root(request, environment);
    if (root == NULL)
        return false;
    struct text path = TEXT_IN(container->path);
    text_add(&path, root);
    text_add(&path, "/");
    text_add(&path, request->id);
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    long fd = path.full ? -ENAMETOOLONG : sys(openat, AT_FDCWD, container->path, flags, 0);
    if (fd < 0)
        return false;
    container->directory = (int)fd;
    struct statx facts;
    // A descriptor that takes the place of one of stdio would be written to as such.
    if (fd > 2 && look((int)fd, "", &facts) && is_own(&facts, DIRECTORY, GROUP_OR_OTHERS_WRITE) &&
        load_verbs(container, request->programs) && is_made_with(container))
        return true;
    close_container(container);
    return false;
}

void close_container(struct container *container) {
    sys(close, container->directory);
}

bool lock_container(const struct container *container) {
    struct statx held, named;
    if (sys(flock, container->directory, LOCK_EX_NB) != 0)
        return false;
    return look(container->directory, "", &held) && look(AT_FDCWD, container->path, &named) &&
           held.stx_ino == named.stx_ino && held.stx_dev_major == named.stx_dev_major &&
           held.stx_dev_minor == named.stx_dev_minor && is_made_with(container);
}
