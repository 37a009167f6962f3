// Feeds mutations of a valid plan to the reader of init, under the sanitizers. What it accepts is
// walked as init would, touching every string and blob.
//
//   mutate-plan PLAN BUILD_ID ROUNDS
#include <stdio.h>
#include <stdlib.h>

#include "../../../native/init/plan.h"

#define MAX_BYTES (1 << 16)

static uint64_t state = 88172645463325252u;

static uint64_t next_random(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static const struct op_def *def_of(unsigned code) {
    for (size_t i = 0; i < sizeof op_defs / sizeof op_defs[0]; i++)
        if (op_defs[i].code == code)
            return &op_defs[i];
    abort();
}

static size_t touch_bytes(const unsigned char *bytes, size_t count) {
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += bytes[i];
    return sum;
}

static size_t touch_field(const struct plan *plan, const struct op *op, unsigned word, char kind) {
    size_t sum = 0;
    if (kind == 's' || kind == 'o')
        return op_string(plan, op, word) == NULL ? 0 : strlen(op_string(plan, op, word));
    if (kind == 'b')
        return touch_bytes(op_bytes(plan, op, word), op->word[word + 1]);
    if (kind == 'v')
        for (size_t i = 0; i < op->word[word + 1]; i++)
            sum += strlen(list_string(plan, op, word, i));
    return sum;
}

static size_t touch(const struct plan *plan) {
    size_t sum = 0;
    const struct op *op = plan->first;
    for (uint32_t i = 0; i < plan->header->op_count; i++, op = next_op(op)) {
        unsigned word = 0;
        for (const char *kind = def_of(op->code)->kinds; *kind != '\0'; kind++) {
            sum += touch_field(plan, op, word, *kind);
            word += *kind == 'b' || *kind == 'v' ? 2 : 1;
        }
    }
    return sum;
}

// Bytes and whole words, as offsets and counts are what matters; sometimes with a few bytes cut
// off.
static size_t mutate(unsigned char *bytes, size_t size) {
    static const uint64_t odd[] = {0, 1, 4, 4095, 0xffff, 0xffffffff, 0x100000000, UINT64_MAX};
    for (uint64_t changes = 1 + next_random() % 4; changes > 0; changes--) {
        size_t at = next_random() % size;
        uint64_t value = next_random() % 2 ? odd[next_random() % 8] : next_random() % (2 * size);
        size_t width = (size_t)1 << next_random() % 4;
        at -= at % width;
        if (at + width <= size)
            memcpy(bytes + at, &value, width);
    }
    return next_random() % 8 == 0 ? next_random() % (size + 1) : size;
}

int main(int argc, char **argv, char **envp) {
    (void)envp;
    static unsigned char original[MAX_BYTES];
    FILE *file = argc == 4 ? fopen(argv[1], "rb") : NULL;
    size_t size = file == NULL ? 0 : fread(original, 1, sizeof original, file);
    struct plan plan;
    unsigned long accepted = 0, sum = 0;
    for (long round = 0, rounds = size > 0 ? atol(argv[3]) : 0; round < rounds; round++) {
        // A block of exactly its size, so that any byte beyond it is caught.
        unsigned char *copy = malloc(size);
        memcpy(copy, original, size);
        size_t left = round == 0 ? size : mutate(copy, size);
        unsigned char *mutated = malloc(left > 0 ? left : 1);
        memcpy(mutated, copy, left);
        if (check_plan(mutated, left, argv[2], &plan) == NULL) {
            accepted++;
            sum += touch(&plan);
        } else if (round == 0) {
            fputs("the plan itself is refused\n", stderr);
            return 1;
        }
        free(mutated);
        free(copy);
    }
    printf("%lu accepted, %lu\n", accepted, sum);
    return size == 0;
}
