// The engine's own file: read and mapped by huge pages where the file system has it in such, and in
// few calls where not (ADR 10).
#include <link.h>
#include <stdbool.h>

#include "memory.h"

// What is not part of a whole huge page: before the first and after the last.
static void populate_edges(uintptr_t from, uintptr_t to) {
    uintptr_t first = round_up(from, HUGE_PAGE);
    uintptr_t last = round_down(to, HUGE_PAGE);
    if (first >= last) {
        advise(from, to, MADV_POPULATE_READ);
        return;
    }
    advise(from, first, MADV_POPULATE_READ);
    advise(last, to, MADV_POPULATE_READ);
}

static void prepare_segment(uintptr_t from, uintptr_t to, bool writable) {
    if (writable) {
        advise(from, to, MADV_POPULATE_WRITE);
    } else if (to - from >= HUGE_PAGE) {
        advise(from, to, MADV_HUGEPAGE);
        populate_edges(from, to);
    }
}

static int prepare_program(struct dl_phdr_info *object, size_t size, void *unused) {
    (void)size;
    (void)unused;
    uintptr_t page = (uintptr_t)getpagesize();
    uintptr_t relocated = 0; // the loader has written this part, and locked it
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type == PT_GNU_RELRO)
            relocated = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
    }
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD)
            continue;
        uintptr_t from = object->dlpi_addr + segment->p_vaddr;
        uintptr_t to = round_up(from + segment->p_memsz, page);
        bool writable = segment->p_flags & PF_W;
        if (writable && relocated > from)
            from = relocated;
        prepare_segment(round_down(from, page), to, writable);
    }
    return 1; // the first is the program; libraries are small
}

AT_LOAD void prepare(void) {
    dl_iterate_phdr(prepare_program, NULL);
}
