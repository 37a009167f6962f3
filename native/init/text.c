#include "text.h"

struct text text_in(char *buffer, size_t size) {
    buffer[0] = '\0';
    return (struct text){.buffer = buffer, .size = size};
}

void text_add_bytes(struct text *text, const char *more, size_t bytes) {
    size_t room = text->size - 1 - text->length;
    if (bytes > room) {
        bytes = room;
        text->full = true;
    }
    memcpy(text->buffer + text->length, more, bytes);
    text_cut(text, text->length + bytes);
}

void text_add(struct text *text, const char *more) {
    text_add_bytes(text, more, strlen(more));
}

void text_add_number(struct text *text, uint64_t number, unsigned base) {
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % base);
        number /= base;
    } while (number != 0);
    text_add_bytes(text, digits + at, sizeof digits - at);
}

void text_cut(struct text *text, size_t length) {
    text->length = length;
    text->buffer[length] = '\0';
}

bool starts_with(const char *text, const char *prefix) {
    while (*prefix != '\0')
        if (*text++ != *prefix++)
            return false;
    return true;
}

const char *error_words(int error) {
    switch (error) {
    case EPERM: return "operation not permitted";
    case ENOENT: return "no such file or directory";
    case EIO: return "input/output error";
    case E2BIG: return "argument list too long";
    case ENOEXEC: return "exec format error";
    case EBADF: return "bad file descriptor";
    case ENOMEM: return "cannot allocate memory";
    case EACCES: return "permission denied";
    case ENOTDIR: return "not a directory";
    case EISDIR: return "is a directory";
    case EINVAL: return "invalid argument";
    case EMFILE: return "too many open files";
    case ENFILE: return "too many open files in system";
    case ETXTBSY: return "text file busy";
    case ENAMETOOLONG: return "file name too long";
    case ENOSYS: return "function not implemented";
    case ELOOP: return "too many levels of symbolic links";
    case ELIBBAD: return "accessing a corrupted shared library";
    default: return NULL;
    }
}
