// The heap of node's C++ side grows in one step, and its first part is mapped.
#include <malloc.h>
#include <stdlib.h>

#include "memory.h"

// What is allocated when the first script runs, and some more, in bytes (ADR 10).
#define AT_START (4 << 20)
#define GROWTH (8 << 20)
// The largest request that glibc still serves from the break, by default.
#define LARGEST_SMALL_REQUEST 130000

AT_LOAD void grow_heap(void) {
    mallopt(M_TOP_PAD, GROWTH);
    mallopt(M_TRIM_THRESHOLD, 2 * GROWTH);
    mallopt(M_MMAP_THRESHOLD, GROWTH);
    // Node's threads allocate next to nothing: not worth a heap, grown like this, for each.
    mallopt(M_ARENA_MAX, 1);
    uintptr_t from = (uintptr_t)sbrk(0);
    void *volatile grown = malloc(LARGEST_SMALL_REQUEST);
    free(grown);
    uintptr_t to = (uintptr_t)sbrk(0);
    from = round_up(from, (uintptr_t)getpagesize());
    if (to < from + AT_START + HUGE_PAGE)
        return;
    advise(from, round_up(from + AT_START, HUGE_PAGE), MADV_HUGEPAGE);
    advise(from, from + AT_START, MADV_POPULATE_WRITE);
}
