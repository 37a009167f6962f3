#include "plan.h"

_Static_assert(sizeof(struct plan_header) == 40, "as in wire.def");
_Static_assert(sizeof(struct op) == 8, "as in wire.def");

static const struct op_def *find_def(unsigned code) {
    for (size_t i = 0; i < sizeof op_defs / sizeof op_defs[0]; i++)
        if (op_defs[i].code == code)
            return &op_defs[i];
    return NULL;
}

// `bytes` is the size of the data area; its last byte is known to be NUL.
static const char *check_list(const char *data, uint64_t bytes, uint64_t offset, uint64_t count) {
    if (count > bytes / sizeof(uint32_t) || offset > bytes - count * sizeof(uint32_t))
        return "a list is out of bounds";
    if (offset % sizeof(uint32_t) != 0)
        return "a list is not aligned";
    const uint32_t *offsets = (const uint32_t *)(data + offset);
    for (uint64_t i = 0; i < count; i++)
        if (offsets[i] == 0 || offsets[i] >= bytes)
            return "a string of a list is out of bounds";
    return NULL;
}

static const char *check_string(uint64_t offset, uint64_t bytes, bool optional) {
    if (offset == 0 && !optional)
        return "a string is missing";
    return offset >= bytes ? "a string is out of bounds" : NULL;
}

static const char *check_field(const char *data, uint64_t bytes, const uint64_t *word, char kind) {
    switch (kind) {
    case 'u': return NULL;
    case 'f': return word[0] < SLOT_COUNT || word[0] == WIRE_NO_SLOT ? NULL : "no such slot";
    case 's': return check_string(word[0], bytes, false);
    case 'o': return check_string(word[0], bytes, true);
    case 'b':
        return word[1] > bytes || word[0] > bytes - word[1] ? "a blob is out of bounds" : NULL;
    case 'v': return check_list(data, bytes, word[0], word[1]);
    default: return "unknown kind of field";
    }
}

static unsigned words_of(const char *kinds) {
    unsigned words = 0;
    for (; *kinds != '\0'; kinds++)
        words += *kinds == 'b' || *kinds == 'v' ? 2 : 1;
    return words;
}

static const char *check_op(const struct op *op, const char *data, uint64_t bytes) {
    const struct op_def *def = find_def(op->code);
    if (def == NULL)
        return "unknown op";
    if ((op->flags & ~FLAG_OPTIONAL) != 0)
        return "unknown flag of an op";
    if (op->words != words_of(def->kinds))
        return "an op has the wrong number of words";
    const uint64_t *word = op->word;
    for (const char *kind = def->kinds; *kind != '\0'; kind++) {
        const char *problem = check_field(data, bytes, word, *kind);
        if (problem != NULL)
            return problem;
        word += *kind == 'b' || *kind == 'v' ? 2 : 1;
    }
    return NULL;
}

static const char *check_ops(const struct plan *plan, uint64_t data_bytes) {
    const char *at = (const char *)plan->first;
    for (uint32_t i = 0; i < plan->header->op_count; i++) {
        size_t left = (size_t)(plan->data - at);
        const struct op *op = (const struct op *)at;
        if (left < sizeof *op || op->words > (left - sizeof *op) / sizeof op->word[0])
            return "an op is out of bounds";
        const char *problem = check_op(op, plan->data, data_bytes);
        if (problem != NULL)
            return problem;
        at = (const char *)next_op(op);
    }
    return at == plan->data ? NULL : "there is something between ops and data";
}

static bool same_build(const uint8_t id[16], const char *hex) {
    for (size_t i = 0; i < 16; i++) {
        static const char digits[] = "0123456789abcdef";
        if (hex[2 * i] != digits[id[i] >> 4] || hex[2 * i + 1] != digits[id[i] & 15])
            return false;
    }
    return true;
}

const char *check_plan(const void *bytes, size_t size, const char *build_id, struct plan *plan) {
    const struct plan_header *header = bytes;
    if (size < sizeof *header || memcmp(header->magic, "TSRP", 4) != 0)
        return "not a plan";
    if (header->format != WIRE_FORMAT)
        return "the plan is of another format";
    if (!same_build(header->build_id, build_id))
        return "the plan is of another build of tsrun";
    if (header->bytes != size)
        return "the plan is not complete";
    if (header->handed_count > SLOT_COUNT)
        return "too many descriptors";
    if (header->data_offset < sizeof *header || header->data_offset >= size ||
        header->data_offset % sizeof(uint64_t) != 0)
        return "the data area is out of bounds";
    *plan = (struct plan){
        .header = header,
        .data = (const char *)bytes + header->data_offset,
        .first = (const struct op *)(header + 1),
    };
    uint64_t data_bytes = size - header->data_offset;
    if (plan->data[0] != '\0' || plan->data[data_bytes - 1] != '\0')
        return "the data area is not terminated";
    return check_ops(plan, data_bytes);
}
