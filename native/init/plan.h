// The plan as it lies in memory: native/wire.def. Everything in it is checked before the first op
// runs, so the accessors below need no checks of their own.
#pragma once
#include "sys.h"
#include "wire.h"

#define SLOT_COUNT 2048u
#define FLAG_OPTIONAL 1u
#define NO_OP UINT32_MAX

struct plan_header {
    char magic[4];
    uint32_t format;
    uint8_t build_id[16];
    uint32_t bytes, op_count, data_offset, handed_count;
};

struct op {
    uint16_t code, flags;
    uint32_t words;
    uint64_t word[];
};

struct plan {
    const struct plan_header *header;
    const char *data;
    const struct op *first;
};

// Returns NULL when all of it is in bounds, else what is not.
const char *check_plan(const void *bytes, size_t size, const char *build_id, struct plan *plan);

static inline const struct op *next_op(const struct op *op) {
    return (const struct op *)(op->word + op->words);
}

// NULL for "no string".
static inline const char *op_string(const struct plan *plan, const struct op *op, unsigned word) {
    return op->word[word] == 0 ? NULL : plan->data + op->word[word];
}

static inline const void *op_bytes(const struct plan *plan, const struct op *op, unsigned word) {
    return plan->data + op->word[word];
}

static inline const char *list_string(const struct plan *plan, const struct op *op, unsigned word,
                                      size_t index) {
    return plan->data + ((const uint32_t *)op_bytes(plan, op, word))[index];
}
