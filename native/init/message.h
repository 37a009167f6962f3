// One message on the sync socket: native/wire.def.
#pragma once
#include <stdint.h>

struct message {
    uint32_t kind, op;
    int32_t error;
    uint32_t value;
    char text[1024];
};
