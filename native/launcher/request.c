#include "request.h"

#include "../init/text.h"
#include "command-line.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_ID 255
#define HIGHEST_SIGNAL 64

// The name of a flag, behind one or two dashes; NULL for what is no flag or ends the flags.
static const char *flag_of(const char *word) {
    if (word[0] != '-' || word[1] == '\0' || strcmp(word, "--") == 0)
        return NULL;
    return word + (word[1] == '-' ? 2 : 1);
}

// The value behind "name=", or NULL.
static const char *value_within(const char *flag, const char *name) {
    size_t length = strlen(name);
    return starts_with(flag, name) && flag[length] == '=' ? flag + length + 1 : NULL;
}

// A colon may name a place for records that is no file: src/cli/log-place.ts.
static bool keep_log(const char *value, struct request *request) {
    for (const char *at = value; *at != '\0'; at++)
        if (*at == ':')
            return false;
    request->log = value[0] == '\0' ? NULL : value;
    return true;
}

static bool keep_global(enum global_meaning meaning, const char *value, struct request *request) {
    switch (meaning) {
    case GLOBAL_ROOT: request->root = value; return true;
    case GLOBAL_LOG: return keep_log(value, request);
    case GLOBAL_LOG_FORMAT: return strcmp(value, "text") == 0 || strcmp(value, "json") == 0;
    case GLOBAL_SYSTEMD_CGROUP: return true; // the state has what was chosen
    }
    return false;
}

// Returns how many words a global flag takes; 0 for one that is the engine's.
static int read_global(char **words, struct request *request) {
    const char *flag = flag_of(words[0]);
    for (size_t i = 0; flag != NULL && i < COUNT(global_flags); i++) {
        const struct global_flag *known = &global_flags[i];
        bool alone = strcmp(flag, known->name) == 0;
        if (!known->has_value && alone)
            return keep_global(known->meaning, NULL, request) ? 1 : 0;
        const char *value = value_within(flag, known->name);
        if (known->has_value && value != NULL)
            return keep_global(known->meaning, value, request) ? 1 : 0;
        if (known->has_value && alone && words[1] != NULL)
            return keep_global(known->meaning, words[1], request) ? 2 : 0;
    }
    return 0;
}

static bool keep_value(enum flag_meaning meaning, const char *value, struct request *request) {
    // An empty value is as none, and what it means is the engine's.
    if (value[0] == '\0')
        return false;
    if (meaning == FLAG_PROCESS)
        request->process_file = value;
    else
        request->pid_file = value;
    return true;
}

// Returns how many words were taken, 0: not for the launcher.
static int read_verb_flag(char **words, struct request *request) {
    const char *flag = flag_of(words[0]);
    for (size_t i = 0; flag != NULL && i < COUNT(verb_flags); i++) {
        const struct verb_flag *known = &verb_flags[i];
        if (strcmp(known->verb, request->verb) != 0)
            continue;
        bool alone = strcmp(known->name, flag) == 0;
        if (known->meaning == FLAG_BIT) {
            if (!alone)
                continue;
            request->flags |= known->bit;
            return 1;
        }
        const char *value = value_within(flag, known->name);
        if (value != NULL)
            return keep_value(known->meaning, value, request) ? 1 : 0;
        if (alone && words[1] != NULL)
            return keep_value(known->meaning, words[1], request) ? 2 : 0;
    }
    return 0;
}

// What follows the container's name is then not this command's.
static bool takes_program(const char *verb) {
    return strcmp(verb, "exec") == 0;
}

static bool is_verb(const char *word) {
    for (size_t i = 0; i < COUNT(verb_names); i++)
        if (strcmp(verb_names[i], word) == 0)
            return true;
    return false;
}

static bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// As src/state/id.ts; the name of a directory, and no way out of the state root.
static bool is_id(const char *id) {
    size_t length = strlen(id);
    if (length == 0 || length > MAX_ID || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
        return false;
    for (; *id != '\0'; id++)
        if (!is_letter_or_digit(*id) && *id != '_' && *id != '+' && *id != '-' && *id != '.')
            return false;
    return true;
}

bool read_request(char **words, struct request *request) {
    *request = (struct request){.verb = NULL};
    while (words[0] != NULL && words[0][0] == '-') {
        int taken = read_global(words, request);
        if (taken == 0)
            return false;
        words += taken;
    }
    if (words[0] == NULL || !is_verb(words[0]))
        return false;
    request->verb = *words++;
    while (*words != NULL) {
        if (words[0][0] == '-') {
            int taken = read_verb_flag(words, request);
            if (taken == 0)
                return false;
            words += taken;
        } else if (request->id == NULL) {
            request->id = *words++;
            if (takes_program(request->verb)) {
                request->program = words;
                break;
            }
        } else {
            request->argument = *words++;
            request->arguments++;
        }
    }
    return request->id != NULL && is_id(request->id);
}

static char upper(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool same_in_any_case(const char *word, const char *name) {
    while (*word != '\0' && upper(*word) == *name)
        word++, name++;
    return *word == '\0' && *name == '\0';
}

static int decimal(const char *word) {
    int number = 0;
    size_t digits = 0;
    for (; *word >= '0' && *word <= '9' && digits < 3; word++, digits++)
        number = 10 * number + *word - '0';
    return *word == '\0' && digits > 0 && number <= HIGHEST_SIGNAL ? number : -1;
}

int signal_number(const char *word) {
    for (size_t i = 0; i < COUNT(signal_names); i++) {
        const char *name = signal_names[i].name; // SIG...
        if (same_in_any_case(word, name) || same_in_any_case(word, name + 3))
            return signal_names[i].number;
    }
    return decimal(word);
}
