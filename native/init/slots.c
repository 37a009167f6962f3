#include "slots.h"

#include "plan.h"

static struct slot slots[SLOT_COUNT];

struct slot *slot_at(unsigned slot) {
    return slot < SLOT_COUNT && slots[slot].fd != 0 ? &slots[slot] : NULL;
}

void hand_slots(unsigned count, int first_fd) {
    for (unsigned i = 0; i < count; i++)
        slots[i] = (struct slot){.fd = first_fd + (int)i, .name = "handed descriptor"};
}

void slot_put(unsigned slot, int fd, const char *name) {
    if (slot >= SLOT_COUNT) {
        sys(close, fd);
        return;
    }
    slot_close(slot);
    slots[slot] = (struct slot){.fd = fd, .name = name};
}

int slot_fd(unsigned slot) {
    struct slot *found = slot_at(slot);
    return found == NULL ? -1 : found->fd;
}

const char *slot_name(unsigned slot) {
    struct slot *found = slot_at(slot);
    return found == NULL ? "empty slot" : found->name;
}

int slot_close(unsigned slot) {
    struct slot *found = slot_at(slot);
    if (found == NULL)
        return -EBADF;
    sys(close, found->fd);
    *found = (struct slot){0};
    return 0;
}

int slots_move_from(int end) {
    for (unsigned i = 0; i < SLOT_COUNT; i++) {
        if (slots[i].fd == 0 || slots[i].fd >= end)
            continue;
        long moved = sys(fcntl, slots[i].fd, F_DUPFD_CLOEXEC, end);
        if (moved == -EBADF) // handed over as closed
            continue;
        if (moved < 0)
            return (int)moved;
        sys(close, slots[i].fd);
        slots[i].fd = (int)moved;
    }
    return 0;
}

unsigned next_slot_fd(unsigned from) {
    unsigned lowest = UINT32_MAX;
    for (unsigned i = 0; i < SLOT_COUNT; i++) {
        unsigned fd = (unsigned)slots[i].fd;
        if (fd != 0 && fd >= from && fd < lowest)
            lowest = fd;
    }
    return lowest;
}

void slots_close(void) {
    for (unsigned i = 0; i < SLOT_COUNT; i++)
        slot_close(i);
}
