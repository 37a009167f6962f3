// lib/tsrun/prefault.so, which the launcher preloads into the engine: the memory that node will
// touch while it starts is mapped by a few calls instead of page fault by page fault. Where a fault
// is dear, as in a virtual machine with shadowed page tables, faults are most of its start.
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// What node's C++ side has allocated when its first script runs, and some more, in bytes (ADR 10).
#define HEAP_AT_START (4 << 20)
#define HEAP_GROWTH (6 << 20)
// The largest request that glibc still serves from the break, by default.
#define LARGEST_SMALL_REQUEST 130000

// V8 asks for its pages with room to align them, and returns what is too much.
#define V8_PAGE (256 << 10)
#define V8_SLACK (V8_PAGE - 4096)
#define V8_LARGEST (1 << 20)

// abseil, in V8, clears a table of this size when the first mutex is locked.
#define TABLE_SMALLEST (1 << 20)
#define TABLE_LARGEST (2 << 20)

#define EXPORTED __attribute__((visibility("default")))

// Failure is no matter: the pages come by faults then.
static void populate(uintptr_t from, size_t bytes) {
    int saved = errno;
    syscall(SYS_madvise, from, bytes, MADV_POPULATE_WRITE);
    errno = saved;
}

__attribute__((constructor)) static void grow_heap(void) {
    mallopt(M_TOP_PAD, HEAP_GROWTH);
    mallopt(M_MMAP_THRESHOLD, HEAP_GROWTH);
    uintptr_t page = (uintptr_t)getpagesize();
    uintptr_t from = (uintptr_t)sbrk(0);
    void *volatile grown = malloc(LARGEST_SMALL_REQUEST);
    free(grown);
    uintptr_t to = (uintptr_t)sbrk(0);
    if (to - from >= HEAP_AT_START)
        populate((from + page - 1) & -page, HEAP_AT_START);
}

// V8 marks each new page MADV_DONTFORK before it uses it, and writes nearly all of it soon after.
EXPORTED int madvise(void *address, size_t length, int advice) {
    long result = syscall(SYS_madvise, address, length, advice);
    if (result == 0 && advice == MADV_DONTFORK && length > V8_SLACK &&
        length - V8_SLACK <= V8_LARGEST) {
        uintptr_t page = ((uintptr_t)address + V8_PAGE - 1) & -(uintptr_t)V8_PAGE;
        populate(page, length - V8_SLACK);
    }
    return (int)result;
}

EXPORTED void *mmap64(void *address, size_t length, int access, int flags, int file, off_t offset) {
    bool table = address == NULL && length > TABLE_SMALLEST && length < TABLE_LARGEST &&
                 access == (PROT_READ | PROT_WRITE) && flags == (MAP_PRIVATE | MAP_ANONYMOUS);
    if (table)
        flags |= MAP_POPULATE;
    return (void *)syscall(SYS_mmap, address, length, access, flags, file, offset);
}
