// Mapping ahead: what the parts of prefault.so share.
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HUGE_PAGE ((uintptr_t)2 << 20)
#define EXPORTED __attribute__((visibility("default")))
#define AT_LOAD __attribute__((constructor)) static

static inline uintptr_t round_up(uintptr_t value, uintptr_t unit) {
    return (value + unit - 1) & -unit;
}

static inline uintptr_t round_down(uintptr_t value, uintptr_t unit) {
    return value & -unit;
}

// Advice for [from, to). Failure is no matter: the pages come by faults then.
static inline void advise(uintptr_t from, uintptr_t to, int advice) {
    int saved = errno;
    syscall(SYS_madvise, from, to - from, advice);
    errno = saved;
}
