// The command line, as far as the launcher has to understand it.
#pragma once
#include "../init/sys.h"

struct request {
    const char *verb, *id, *argument; // argument: behind the id, or NULL
    uint64_t arguments, flags;        // flags: bits of command-line.h
    const char *root, *log;           // root: NULL when not given; log: NULL or a file
    // exec: what is to be run there, or a file that says it; where the pid goes
    char **program;
    const char *process_file, *pid_file;
    const char *programs; // the file of the state directory that has programs for this
    const char *key;      // exec: what is asked for, as key.c has it
    size_t key_bytes;
};

// Whether the words ask for one of the verbs in a way that needs no engine.
bool read_request(char **words, struct request *request);
int signal_number(const char *word);
// Finds out which programs there could be for it.
bool find_programs(struct request *request);
