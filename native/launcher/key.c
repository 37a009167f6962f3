// What an exec asks for, as src/lifecycle/exec-verb.ts writes it: "p" and the file of --process, or
// "a" and the words of the program, each with its NUL. It chooses one of few files, and has to be
// in it.
#include "request.h"

#include "../init/text.h"
#include "command-line.h"
#include "effects.h"

#define MAX_KEY_BYTES (256u << 10)
#define FNV_OFFSET 2166136261u
#define FNV_PRIME 16777619u

static char key[MAX_KEY_BYTES];

static bool add(struct request *request, const void *bytes, size_t count) {
    if (count > sizeof key - request->key_bytes)
        return false;
    memcpy(key + request->key_bytes, bytes, count);
    request->key_bytes += count;
    return true;
}

static bool read_all(struct request *request, int fd) {
    for (;;) {
        size_t room = sizeof key - request->key_bytes;
        long bytes = room == 0 ? -EFBIG : sys(read, fd, key + request->key_bytes, room);
        if (bytes <= 0)
            return bytes == 0;
        request->key_bytes += (size_t)bytes;
    }
}

// A pipe could be read only once, and then the engine would have nothing.
static bool add_file(struct request *request) {
    const int flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
    long fd = sys(openat, AT_FDCWD, request->process_file, flags, 0);
    if (fd < 0)
        return false;
    bool read = fd > 2 && is_regular((int)fd) && read_all(request, (int)fd);
    sys(close, fd);
    return read;
}

static bool add_words(struct request *request) {
    for (char **word = request->program; *word != NULL; word++)
        if (!add(request, *word, strlen(*word) + 1))
            return false;
    return true;
}

static const char *name_file(const struct request *request) {
    static char name[16];
    uint32_t hash = (FNV_OFFSET ^ (uint32_t)request->flags) * FNV_PRIME;
    for (size_t i = 0; i < request->key_bytes; i++)
        hash = (hash ^ (uint8_t)key[i]) * FNV_PRIME;
    struct text text = TEXT_IN(name);
    text_add(&text, EXEC_FILE);
    text_add_number(&text, hash % EXEC_FILES, 10);
    return name;
}

bool find_programs(struct request *request) {
    request->programs = "verbs";
    if (request->program == NULL)
        return true;
    request->key = key;
    bool file = request->process_file != NULL;
    if (file == (request->program[0] != NULL) || !add(request, file ? "p" : "a", 1) ||
        !(file ? add_file(request) : add_words(request)))
        return false;
    request->programs = name_file(request);
    return true;
}
