#include "place.h"

#include "../init/text.h"

char own_path[PATH_SIZE];

long read_own_path(void) {
    return sys(readlinkat, AT_FDCWD, "/proc/self/exe", own_path, sizeof own_path - 1);
}

size_t directory_length(const char *path, size_t length) {
    while (length > 0 && path[length - 1] != '/')
        length--;
    return length > 0 ? length - 1 : 0;
}

static int open_below(size_t directory, const char *name) {
    static char path[2 * PATH_SIZE];
    struct text text = TEXT_IN(path);
    text_add_bytes(&text, own_path, directory);
    text_add(&text, "/lib/tsrun/");
    text_add(&text, name);
    return (int)sys(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
}

int open_installed(const char *name) {
    long bytes = read_own_path();
    if (bytes < 0)
        return (int)bytes;
    // Beside this file, or one directory up: as main.c finds the engine.
    size_t beside = directory_length(own_path, (size_t)bytes);
    int fd = open_below(beside, name);
    return fd == -ENOENT ? open_below(directory_length(own_path, beside), name) : fd;
}
