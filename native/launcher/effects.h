// What steps do. Each returns whether all went as it should.
#pragma once
#include "../init/sys.h"

// processes.c
bool is_alive(uint64_t pid, uint64_t start_time);
bool send_signal(uint64_t pid, uint64_t start_time, int number);
bool end_process(uint64_t pid, uint64_t start_time, uint64_t wait_ms);

// An open pidfd, or a negative errno: -ESRCH when it is another process by now.
long open_process(uint64_t pid, uint64_t start_time);
// Waits for the end of a child, and takes it; its exit status as shells have it.
int reap(int pidfd);

// files.c
bool is_regular(int fd);
// When the inode last changed, in nanoseconds.
uint64_t changed_at(const struct statx *facts);
struct file_identity {
    uint64_t inode, changed, bytes; // inode 0: no file
};
// Whether the file at a path in the root of this process is that one.
bool is_file_below(uint64_t pid, const char *path, const struct file_identity *file);
void ignore_broken_pipes(void);
bool print_text(const char *text);
// Sets *holds when the file is that line and nothing else; a file that is not there holds nothing.
bool holds_line(const char *path, const char *line, bool *holds);
bool open_gate(int directory, const char *name);
bool kill_cgroup(const char *path);

// removal.c
bool remove_cgroup(const char *path, uint64_t wait_ms);
bool remove_state(int directory, const char *path);
