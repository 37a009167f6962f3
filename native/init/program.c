// The last steps: the program is found, init waits, and becomes it.
//
// After `seccomp` a profile may forbid, or even punish, anything: what is used from there on is
// listed in docs/hardening.md. So descriptors are put in order, and arrays made, before.
#include <linux/mman.h>

#include "ops.h"
#include "paths.h"
#include "plan.h"
#include "report.h"
#include "slots.h"
#include "text.h"

#define EXEC_FAILED 255
#define FIRST_KEPT 3

static const char **arguments, **environment;
static const char *program;
static int kept_end = FIRST_KEPT;

static const struct op *find_exec(const struct plan *plan) {
    const struct op *op = plan->first;
    for (uint32_t i = 0; i < plan->header->op_count; i++, op = next_op(op))
        if (op->code == OP_EXEC)
            return op;
    return NULL;
}

static void fill(const char **array, const struct plan *plan, const struct op *op, unsigned word) {
    for (size_t i = 0; i < op->word[word + 1]; i++)
        array[i] = list_string(plan, op, word, i);
}

int prepare_exec(const struct plan *plan) {
    const struct op *op = find_exec(plan);
    if (op == NULL)
        return 0;
    size_t argc = op->word[EXEC_ARGS + 1], envc = op->word[EXEC_ENV + 1];
    if (argc == 0)
        return refuse(EINVAL, "the plan has no program to execute");
    long memory = sys(mmap, NULL, (argc + envc + 2) * sizeof(char *), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (is_error(memory))
        return fail(memory, "mmap", "arguments");
    arguments = (const char **)memory;
    environment = arguments + argc + 1;
    fill(arguments, plan, op, EXEC_ARGS);
    fill(environment, plan, op, EXEC_ENV);
    program = arguments[0];
    return 0;
}

// Closes all but what is kept for the program, the slots in use and the socket.
static void close_others(void) {
    unsigned from = (unsigned)kept_end;
    for (;;) {
        unsigned next = next_slot_fd(from);
        unsigned sync = (unsigned)sync_descriptor();
        if (sync >= from && sync < next)
            next = sync;
        if (next > from)
            sys(close_range, from, next == UINT32_MAX ? next : next - 1, 0);
        if (next == UINT32_MAX)
            return;
        from = next + 1;
    }
}

static int keep(unsigned slot, int as) {
    int fd = slot_fd(slot);
    if (fd < 0)
        return fail(-EBADF, "keep", "descriptor");
    long result = sys(dup3, fd, as, 0);
    if (result < 0)
        return fail(result, "dup3", "descriptor");
    slot_close(slot);
    return 0;
}

int op_keep_fds(const void *slots, size_t bytes) {
    size_t count = bytes / sizeof(uint32_t);
    if (count > SLOT_COUNT || bytes % sizeof(uint32_t) != 0)
        return fail(-EINVAL, "keep", "descriptors");
    kept_end = FIRST_KEPT + (int)count;
    int result = slots_move_from(kept_end);
    if (result == 0)
        result = move_sync_from(kept_end);
    if (result < 0)
        return fail(result, "fcntl", "F_DUPFD_CLOEXEC");
    for (size_t i = 0; i < count; i++) {
        uint32_t slot;
        memcpy(&slot, (const char *)slots + i * sizeof slot, sizeof slot);
        result = keep(slot, FIRST_KEPT + (int)i);
        if (result < 0)
            return result;
    }
    close_others();
    return 0;
}

// -- finding the program as Go's exec.LookPath does, whose words the engines know

static int fail_program(int error, const char *file, const char *call, const char *path,
                        const char *words) {
    struct text *text = failure_text();
    text_add(text, "exec: \"");
    for (; *file != '\0'; file++) {
        if (*file == '"' || *file == '\\')
            text_add(text, "\\");
        text_add_bytes(text, file, 1);
    }
    text_add(text, "\"");
    if (call != NULL) {
        text_add(text, ": ");
        text_add(text, call);
        text_add(text, path);
    }
    if (words != NULL) {
        text_add(text, ": ");
        text_add(text, words);
    }
    return fail_as_written(-error, words != NULL);
}

static int check_program(const char *path, bool *seen) {
    struct statx facts;
    int result = (int)sys(statx, AT_FDCWD, path, 0, STATX_BASIC_STATS, &facts);
    *seen = result == 0;
    if (result < 0)
        return result;
    if (is_directory(&facts))
        return -EISDIR;
    result = (int)sys(faccessat2, AT_FDCWD, path, 1 /* X_OK */, AT_EACCESS);
    if (result == -ENOSYS || result == -EPERM)
        result = (facts.stx_mode & 0111) != 0 ? 0 : -EACCES;
    return result;
}

// 1: found, 0: not here.
static int find_in(const char *file, const char *directory, size_t bytes) {
    static char path[PATH_SIZE];
    struct text text = TEXT_IN(path);
    text_add_bytes(&text, directory, bytes);
    if (bytes > 0)
        text_add(&text, directory[bytes - 1] == '/' ? "" : "/");
    text_add(&text, file);
    bool seen;
    if (text.full || check_program(path, &seen) < 0)
        return 0;
    if (path[0] != '/')
        return fail_program(ENOENT, file, NULL, NULL,
                            "cannot run executable found relative to current directory");
    program = path;
    return 1;
}

static int search_program(const char *file, const char *search) {
    while (*file != '\0' && *search != '\0') {
        size_t bytes = 0;
        while (search[bytes] != ':' && search[bytes] != '\0')
            bytes++;
        int result = find_in(file, search, bytes);
        if (result != 0)
            return result < 0 ? result : 0;
        search += bytes;
        search += *search == ':' ? 1 : 0;
    }
    return fail_program(ENOENT, file, NULL, NULL, "executable file not found in $PATH");
}

static bool has_slash(const char *file) {
    for (; *file != '\0'; file++)
        if (*file == '/')
            return true;
    return false;
}

int op_find_program(const char *file, const char *search) {
    if (!has_slash(file))
        return search_program(file, search == NULL ? "" : search);
    bool seen;
    int result = check_program(file, &seen);
    if (result < 0)
        return fail_program(-result, file, seen ? NULL : "stat ", file, NULL);
    program = file;
    return 0;
}

// -- waiting and becoming it

int op_wait_start(unsigned slot) {
    char byte;
    long got;
    do {
        got = sys(read, slot_fd(slot), &byte, 1);
    } while (got == -EINTR);
    if (got == 0)
        exit_now(1);
    return got < 0 ? fail(got, "read", "exec fifo") : 0;
}

void op_exec(void) {
    static char line[PATH_SIZE + 256];
    slots_close();
    close_sync();
    restore_umask();
    long result = sys(execve, program, arguments, environment);
    struct text text = TEXT_IN(line);
    text_add(&text, "exec ");
    text_add(&text, program);
    text_add(&text, ": ");
    const char *words = error_words((int)-result);
    text_add(&text, words == NULL ? "error " : words);
    if (words == NULL)
        text_add_number(&text, (uint64_t)-result, 10);
    text_add(&text, "\n");
    sys(write, 2, line, text.length);
    exit_now(EXEC_FAILED);
}
