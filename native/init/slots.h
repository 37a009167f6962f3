// Descriptors by the numbers that the plan gave them.
#pragma once
#include "sys.h"

// What a slot stands for, in error messages and for verifying mounts.
struct slot {
    int fd; // 0: empty. Descriptor 0 is never in a slot.
    uint16_t root;
    bool made; // by op target, which found nothing there
    const char *name;
};

void hand_slots(unsigned count, int first_fd);
// Closes what was there. `name` must outlive the slot: it is a string of the plan.
void slot_put(unsigned slot, int fd, const char *name);
// -1 when it is empty.
int slot_fd(unsigned slot);
const char *slot_name(unsigned slot);
struct slot *slot_at(unsigned slot);
int slot_close(unsigned slot);
// Moves descriptors of slots that are in the way of the program's descriptors 3 .. end-1.
int slots_move_from(int end);
// The lowest descriptor of a slot from `from` on; UINT32_MAX: there is none.
unsigned next_slot_fd(unsigned from);
void slots_close(void);
