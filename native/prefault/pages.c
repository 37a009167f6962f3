// V8's pages are cut from huge ones. V8 would have each of its pages mapped at a random place by
// four calls, and fill it by faults.
#include <stdbool.h>

#include "memory.h"

// V8 asks for its pages with room to align them, and returns what is too much.
#define V8_PAGE ((uintptr_t)256 << 10)
#define V8_SLACK (V8_PAGE - 4096)
#define V8_LARGEST ((size_t)1 << 20)

// Far more than V8 asks for in a create: what is never given away is never touched. What comes
// later is mapped as ever.
#define ARENA_SIZE (16 * HUGE_PAGE)

// abseil, in V8, clears a table of this size when the first mutex is locked.
#define TABLE_SMALLEST ((size_t)1 << 20)
#define TABLE_LARGEST ((size_t)2 << 20)

// [start, next) is given away; none of it is ever given twice, so it is clear.
static struct {
    uintptr_t start;
    uintptr_t next;
    uintptr_t end;
} arena;

static void *map(void *address, size_t length, int access, int flags, int file, off_t offset) {
    return (void *)syscall(SYS_mmap, address, length, access, flags, file, offset);
}

AT_LOAD void reserve_arena(void) {
    void *got = map(NULL, ARENA_SIZE + HUGE_PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (got == MAP_FAILED)
        return;
    arena.start = arena.next = round_up((uintptr_t)got, HUGE_PAGE);
    arena.end = arena.start + ARENA_SIZE;
    advise(arena.start, arena.end, MADV_HUGEPAGE);
}

static bool is_of_arena(const void *address) {
    return (uintptr_t)address >= arena.start && (uintptr_t)address < arena.end;
}

// An aligned piece, or NULL. The room that V8 asked for lies in the arena, too: it is given back
// there.
static void *cut_piece(size_t length) {
    uintptr_t piece = __atomic_load_n(&arena.next, __ATOMIC_RELAXED);
    uintptr_t end;
    do {
        if (piece + length > arena.end)
            return NULL;
        end = piece + round_up(length - V8_SLACK, V8_PAGE);
    } while (!__atomic_compare_exchange_n(&arena.next, &piece, end, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    advise(piece, piece + length - V8_SLACK, MADV_POPULATE_WRITE);
    return (void *)piece;
}

EXPORTED void *mmap64(void *address, size_t length, int access, int flags, int file, off_t offset) {
    bool memory =
        access == (PROT_READ | PROT_WRITE) && flags == (MAP_PRIVATE | MAP_ANONYMOUS) && file == -1;
    if (memory && address == NULL && length > TABLE_SMALLEST && length < TABLE_LARGEST)
        flags |= MAP_POPULATE;
    // V8's pages are what has an address in mind.
    if (memory && address != NULL && length > V8_SLACK && length - V8_SLACK <= V8_LARGEST) {
        void *piece = cut_piece(length);
        if (piece != NULL)
            return piece;
    }
    return map(address, length, access, flags, file, offset);
}

// A piece stays: a hole in a huge page would break it up, and the engine does not live long.
EXPORTED int munmap(void *address, size_t length) {
    return is_of_arena(address) ? 0 : (int)syscall(SYS_munmap, address, length);
}

// V8 has each of its pages left out of forks, which would cut the arena into as many mappings.
EXPORTED int madvise(void *address, size_t length, int advice) {
    if (is_of_arena(address) && advice == MADV_DONTFORK)
        return 0;
    return (int)syscall(SYS_madvise, address, length, advice);
}
