// Staying with a process in the foreground.
#pragma once
#include "../init/sys.h"

struct relay {
    int signals;   // signalfd, or -1 when there is no relay
    int theirs[3]; // stdio of the process
    int ours[3];
    uint64_t mask_before;
};

// Makes the pipes, and holds back the signals that are to be passed on.
bool open_relay(struct relay *relay, uint64_t forward, uint32_t uid, uint32_t gid);
// Closes everything, and takes signals as before.
void close_relay(struct relay *relay);
void close_theirs(struct relay *relay);
// Copies and forwards until the process has ended and all it wrote is passed on; its exit status as
// shells have it.
int stay(struct relay *relay, int pidfd);
