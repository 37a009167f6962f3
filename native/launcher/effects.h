// What steps do. Each returns whether all went as it should.
#pragma once
#include "../init/sys.h"

// processes.c
bool is_alive(uint64_t pid, uint64_t start_time);
bool send_signal(uint64_t pid, uint64_t start_time, int number);
bool end_process(uint64_t pid, uint64_t start_time, uint64_t wait_ms);

// files.c
bool print_text(const char *text);
// Sets *holds when the file is that line and nothing else; a file that is not there holds nothing.
bool holds_line(const char *path, const char *line, bool *holds);
bool open_gate(int directory, const char *name);
bool kill_cgroup(const char *path);

// removal.c
bool remove_cgroup(const char *path, uint64_t wait_ms);
bool remove_state(int directory, const char *path);
