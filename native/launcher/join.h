// One more process in a container.
#pragma once
#include "../init/sys.h"

struct joining {
    uint64_t pid, start_time; // the container's init
    const char *cgroup;
    const void *plan;
    size_t plan_bytes;
    const char *pid_file; // or NULL
    bool detach;
    uint32_t owner_uid, owner_gid; // of the pipes when it is not detached
    uint64_t forward;              // the signals that are passed on then: bit N-1 is signal N
};

// The exit status of the command, or FOR_THE_ENGINE: then there is no such process.
int join_container(const struct joining *joining);
