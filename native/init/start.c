// What a C library would bring: the entry point and the memory functions that compilers call by
// themselves. Not part of builds with one (INIT_HOSTED: the sanitizers need it).
#include "sys.h"

#ifndef INIT_HOSTED

#if defined(__x86_64__)
__asm__(".globl _start\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    mov %rsp, %rdi\n"
        "    and $-16, %rsp\n"
        "    call start_main\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
        "_start:\n"
        "    mov x29, #0\n"
        "    mov x0, sp\n"
        "    and x1, x0, #-16\n"
        "    mov sp, x1\n"
        "    bl start_main\n");
#endif

__attribute__((used)) _Noreturn void start_main(long *stack);

_Noreturn void start_main(long *stack) {
    int argc = (int)stack[0];
    char **argv = (char **)(stack + 1);
    exit_now(main(argc, argv, argv + argc + 1));
}

__attribute__((used)) void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    char *out = to;
    const char *in = from;
    while (bytes-- > 0)
        *out++ = *in++;
    return to;
}

__attribute__((used)) void *memmove(void *to, const void *from, size_t bytes) {
    char *out = to;
    const char *in = from;
    if (out < in)
        for (size_t i = 0; i < bytes; i++)
            out[i] = in[i];
    else
        for (size_t i = bytes; i > 0; i--)
            out[i - 1] = in[i - 1];
    return to;
}

__attribute__((used)) void *memset(void *to, int byte, size_t bytes) {
    char *out = to;
    while (bytes-- > 0)
        *out++ = (char)byte;
    return to;
}

__attribute__((used)) int memcmp(const void *a, const void *b, size_t bytes) {
    const unsigned char *left = a, *right = b;
    for (size_t i = 0; i < bytes; i++)
        if (left[i] != right[i])
            return left[i] - right[i];
    return 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length] != '\0')
        length++;
    return length;
}

int strcmp(const char *a, const char *b) {
    while (*a != '\0' && *a == *b)
        a++, b++;
    return (unsigned char)*a - (unsigned char)*b;
}

#endif
