// The command line, as far as the launcher has to understand it.
#pragma once
#include "../init/sys.h"

struct request {
    const char *verb, *id, *argument; // argument: behind the id, or NULL
    uint64_t arguments, flags;        // flags: bits of command-line.h
    const char *root, *log;           // root: NULL when not given; log: NULL or a file
};

// Whether the words ask for one of the verbs in a way that needs no engine.
bool read_request(char **words, struct request *request);
// The number of a signal as people write it; -1 for anything unusual.
int signal_number(const char *word);
