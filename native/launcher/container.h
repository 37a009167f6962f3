// The state directory of a container, as far as it can be trusted.
#pragma once
#include "../init/plan.h"
#include "place.h"
#include "request.h"

struct container {
    char path[PATH_SIZE]; // ROOT/ID
    int directory;
    struct plan plan; // of the file `verbs`, or of an exec
};

// Whether there is a container whose verbs the launcher may execute; what was opened is closed by
// close_container.
bool open_container(const struct request *request, char **environment, struct container *container);
void close_container(struct container *container);
// Locks it, and makes sure that it is still the one that was opened.
bool lock_container(const struct container *container);
// The value of an environment variable, or NULL.
const char *variable(char **environment, const char *name);
