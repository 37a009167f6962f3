// Finding and making places below a root, without ever leaving it.
#pragma once
#include "sys.h"

#define PATH_SIZE 4096

// What is made when it is missing; NULL: nothing is.
struct making {
    unsigned mode;     // of what is made last; directories on the way have 0755
    bool file;         // the last one is an empty file
    uint32_t uid, gid; // owner of the last one; KEEP_OWNER leaves it
    bool *made;        // set when the last one was missing; may be NULL
};
#define KEEP_OWNER UINT32_MAX

int look(int fd, struct statx *facts);
int open_by_path(const char *path, unsigned flags);
int openat2_path(int dir, const char *path, uint64_t flags, uint64_t resolve);
// An O_PATH descriptor or a negative errno. Symbolic links are followed as if root were "/".
int find_below(int root, const char *path, const struct making *making);
// As find_below, but no component may be a symbolic link.
int find_directly(int root, const char *path);
// As find_below, for the directory that holds the last component; `name` points to that in `path`.
int find_parent(int root, const char *path, const char **name);
// Whether both are the same object at the same mount.
bool is_same_place(int a, int b);
bool is_directory(const struct statx *facts);
bool is_device(const struct statx *facts, unsigned type, unsigned major, unsigned minor);
// "/proc/self/fd/N" of the old root's procfs; only for what has no call by descriptor.
#define FD_PATH_SIZE 32
const char *fd_path(int fd, char buffer[FD_PATH_SIZE]);
int set_mode(int fd, unsigned mode);
bool is_on_file_system(int fd, long magic);
