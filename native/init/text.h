// Strings in fixed buffers.
#pragma once
#include "sys.h"

// What does not fit is left out, and `full` says so. Always NUL-terminated.
struct text {
    char *buffer;
    size_t size, length;
    bool full;
};

#define TEXT_IN(array) text_in(array, sizeof(array))

struct text text_in(char *buffer, size_t size);
void text_add(struct text *text, const char *more);
void text_add_bytes(struct text *text, const char *more, size_t bytes);
void text_add_number(struct text *text, uint64_t number, unsigned base);
void text_cut(struct text *text, size_t length);
bool starts_with(const char *text, const char *prefix);
// Words for an errno value, as Go has them: "no such file or directory".
const char *error_words(int error);
