// dist/tsrun: what callers execute. Does itself what was compiled when the container was made
// (verbs.c); everything else is the engine's: cleans the environment of what would steer node,
// notes the caller's limit on open files (node raises its own) and how many descriptors from 3 on
// it passes (node opens more of its own, wherever there is room), and becomes the engine with
// prefault.so.
#include <linux/resource.h>

#include "../init/sys.h"
#include "../init/text.h"
#include "place.h"
#include "verbs.h"

#define MAX_ENVIRONMENT 65536
#define ENGINE "lib/tsrun/engine"
#define PREFAULT "lib/tsrun/prefault.so"
#define PRELOAD "LD_PRELOAD="

// What node, its libraries, the dynamic linker and the C library look at. Of the last only what
// makes it load code or changes how it works.
static const char *const removed[] = {
    "NODE_",  "LD_",        "OPENSSL_", "SSL_",           "UV_",
    "TSRUN_", "GCONV_PATH", "LOCPATH",  "GLIBC_TUNABLES", "MALLOC_",
};

static char engine[PATH_SIZE + sizeof ENGINE];
static char limit_note[64], descriptors_note[32],
    preload[sizeof PRELOAD + PATH_SIZE + sizeof PREFAULT];
static char *environment[MAX_ENVIRONMENT];
static size_t environment_count;

static _Noreturn void give_up(const char *what, const char *path, long error) {
    static char line[2 * PATH_SIZE];
    struct text text = TEXT_IN(line);
    const char *words = error_words((int)-error);
    text_add(&text, "tsrun: ");
    text_add(&text, what);
    text_add(&text, " ");
    text_add(&text, path);
    text_add(&text, ": ");
    text_add(&text, words == NULL ? "error " : words);
    if (words == NULL)
        text_add_number(&text, (uint64_t)-error, 10);
    text_add(&text, "\n");
    sys(write, 2, line, text.length);
    exit_now(1);
}

// The dynamic linker takes a space or colon for the end of a path, and $ for a name to expand; it
// complains of a file that is not there.
static void preload_from(size_t directory) {
    environment[environment_count] = NULL;
    struct text text = TEXT_IN(preload);
    text_add(&text, PRELOAD);
    text_add_bytes(&text, own_path, directory);
    text_add(&text, "/" PREFAULT);
    const char *path = preload + sizeof PRELOAD - 1;
    for (const char *at = path; *at != 0; at++)
        if (*at == ' ' || *at == ':' || *at == '$')
            return;
    if (sys(faccessat, AT_FDCWD, path, 0) == 0)
        environment[environment_count] = preload;
}

static long execute_below(size_t directory, char **argv) {
    preload_from(directory);
    struct text text = TEXT_IN(engine);
    text_add_bytes(&text, own_path, directory);
    text_add(&text, "/" ENGINE);
    return sys(execve, engine, argv, environment);
}

static bool is_removed(const char *variable) {
    for (size_t i = 0; i < sizeof removed / sizeof removed[0]; i++)
        if (starts_with(variable, removed[i]))
            return true;
    return false;
}

static char *note_open_files(void) {
    struct rlimit64 limit;
    long result = sys(prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
    if (result < 0)
        give_up("cannot read", "RLIMIT_NOFILE", result);
    struct text text = TEXT_IN(limit_note);
    text_add(&text, "TSRUN_NOFILE=");
    text_add_number(&text, limit.rlim_cur, 10);
    text_add(&text, ":");
    text_add_number(&text, limit.rlim_max, 10);
    return limit_note;
}

static char *note_descriptors(void) {
    uint64_t count = 0;
    while (sys(fcntl, 3 + count, F_GETFD) >= 0)
        count++;
    struct text text = TEXT_IN(descriptors_note);
    text_add(&text, "TSRUN_FDS=");
    text_add_number(&text, count, 10);
    return descriptors_note;
}

static void clean_environment(char **from) {
    size_t count = 0;
    for (; *from != NULL; from++) {
        if (is_removed(*from))
            continue;
        if (count == MAX_ENVIRONMENT - 4)
            give_up("cannot start", "the engine", -E2BIG);
        environment[count++] = *from;
    }
    environment[count++] = note_open_files();
    environment[count++] = note_descriptors();
    environment_count = count;
}

int main(int argc, char **argv, char **envp) {
    int status = argc > 1 ? run_verb(argv + 1, envp) : FOR_THE_ENGINE;
    if (status != FOR_THE_ENGINE)
        return status;
    clean_environment(envp);
    long bytes = read_own_path();
    if (bytes < 0)
        give_up("cannot read", "/proc/self/exe", bytes);
    // Beside this file (dist/lib/tsrun), or one directory up (/usr/bin/tsrun, /usr/lib/tsrun).
    size_t beside = directory_length(own_path, (size_t)bytes);
    long result = execute_below(beside, argv);
    if (result == -ENOENT || result == -ENOTDIR) {
        long above = execute_below(directory_length(own_path, beside), argv);
        if (above != -ENOENT && above != -ENOTDIR)
            give_up("cannot start", engine, above);
        execute_below(beside, argv);
    }
    give_up("cannot start", engine, result);
}
