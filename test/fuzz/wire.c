// libFuzzer target: the reader of plans (init) and, with -DWIRE_OF_LAUNCHER, of verbs (launcher).
// What it accepts is walked as init and launcher would, touching every string and blob.
#include <stdio.h>
#include <stdlib.h>

#include "../../native/init/plan.h"
#include "build-id.h"

#define HEX_DIGIT(c) ((c) <= '9' ? (c) - '0' : (c) - 'a' + 10)

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static unsigned long accepted, all;
static volatile size_t touched;

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

// A header that the reader gets past, so that what comes after it is reached.
static void mend_header(uint8_t *bytes, size_t size) {
    static const char hex[] = TSRUN_BUILD_ID;
    struct plan_header *header = (void *)bytes;
    memcpy(header->magic, "TSRP", 4);
    header->format = WIRE_FORMAT;
    header->bytes = (uint32_t)size;
    for (size_t i = 0; i < sizeof header->build_id; i++)
        header->build_id[i] = (uint8_t)(HEX_DIGIT(hex[2 * i]) << 4 | HEX_DIGIT(hex[2 * i + 1]));
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed) {
    size = LLVMFuzzerMutate(bytes, size, most);
    if (seed % 16 != 0 && size >= sizeof(struct plan_header))
        mend_header(bytes, size);
    return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    // A block of exactly its size, aligned as a mapping is; libFuzzer's own need not be.
    struct plan plan;
    uint8_t *copy = malloc(size > 0 ? size : 1);
    memcpy(copy, bytes, size);
    all++;
    if (check_plan(copy, size, TSRUN_BUILD_ID, &plan) == NULL) {
        accepted++;
        touched += touch(&plan);
    }
    free(copy);
    return 0;
}

__attribute__((destructor)) static void tell(void) {
    fprintf(stderr, "%lu of %lu were accepted\n", accepted, all);
}
