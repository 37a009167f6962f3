// Where tsrun is installed.
#pragma once
#include "../init/sys.h"

#define PATH_SIZE 4096

extern char own_path[PATH_SIZE];

// Reads own_path; its length, or a negative errno.
long read_own_path(void);
// The length of the directory of a path.
size_t directory_length(const char *path, size_t length);
// Opens lib/tsrun/NAME for reading; a descriptor or a negative errno.
int open_installed(const char *name);
