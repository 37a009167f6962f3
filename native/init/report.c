#include "report.h"

#include "message.h"
#include "text.h"
#include "wire.h"

#define FIRST_SYNC_FD 4
#define SOL_SOCKET 1
#define SCM_RIGHTS 1
#define MSG_NOSIGNAL 0x4000

struct io_vector {
    void *base;
    size_t bytes;
};

struct control_message {
    size_t bytes;
    int level, type;
    int fd, padding;
};

struct socket_message {
    void *name;
    int name_bytes;
    struct io_vector *vectors;
    size_t vector_count;
    void *control;
    size_t control_bytes;
    int flags;
};

static int sync_fd = FIRST_SYNC_FD;
static uint32_t about_op;
static struct message failure;
static struct text failure_words;

void report_about(uint32_t op_index) {
    about_op = op_index;
}

struct text *failure_text(void) {
    failure_words = TEXT_IN(failure.text);
    return &failure_words;
}

int fail_as_written(long error, bool complete) {
    failure.error = (int32_t)-error;
    failure.value = complete;
    return (int)error;
}

int fail_with(long error, const char *call, const char *about, const char *detail) {
    struct text *text = failure_text();
    text_add(text, call);
    if (about != NULL && *about != '\0') {
        text_add(text, " ");
        text_add(text, about);
    }
    if (detail != NULL && *detail != '\0') {
        text_add(text, ": ");
        text_add(text, detail);
    }
    return fail_as_written(error, false);
}

int fail(long error, const char *call, const char *about) {
    return fail_with(error, call, about, NULL);
}

int refuse(int error, const char *words) {
    text_add(failure_text(), words);
    return fail_as_written(-error, true);
}

static int send_fd(struct io_vector *vector, int fd) {
    struct control_message control = {
        .bytes = offsetof(struct control_message, padding),
        .level = SOL_SOCKET,
        .type = SCM_RIGHTS,
        .fd = fd,
    };
    struct socket_message message = {
        .vectors = vector,
        .vector_count = 1,
        .control = &control,
        .control_bytes = sizeof control,
    };
    return (int)sys(sendmsg, sync_fd, &message, MSG_NOSIGNAL);
}

int send_message(uint32_t kind, uint32_t value, int fd) {
    struct message message = {.kind = kind, .op = about_op, .value = value};
    struct io_vector vector = {&message, offsetof(struct message, text)};
    // write(2): the one way that every seccomp profile leaves open.
    long sent = fd >= 0 ? send_fd(&vector, fd) : sys(write, sync_fd, &message, vector.bytes);
    return sent < 0 ? fail(sent, "write", "sync socket") : 0;
}

static void send_failure(uint32_t kind, int error) {
    failure.kind = kind;
    failure.op = about_op;
    failure.error = -error;
    size_t bytes = offsetof(struct message, text) + failure_words.length;
    if (sync_fd >= 0)
        sys(write, sync_fd, &failure, bytes);
}

void send_warning(int error) {
    send_failure(MSG_WARN, error);
}

static void write_error(int error) {
    const char *words = failure.value == 0 ? error_words(error) : NULL;
    text_add(&failure_words, words == NULL ? "" : ": ");
    text_add(&failure_words, words == NULL ? "" : words);
    text_add(&failure_words, "\n");
    sys(write, 2, failure.text, failure_words.length);
}

void die(int error) {
    // After `ready` nobody listens on the socket.
    if (sync_fd < 0)
        write_error(-error);
    send_failure(MSG_FAIL, error);
    exit_now(1);
}

int wait_for_go(void) {
    struct message message;
    long got;
    do {
        got = sys(read, sync_fd, &message, sizeof message);
    } while (got == -EINTR);
    if (got <= 0)
        exit_now(1);
    if (got < (long)offsetof(struct message, text) || message.kind != MSG_GO)
        return refuse(EPROTO, "the runtime sent something else than go");
    return 0;
}

int sync_descriptor(void) {
    return sync_fd;
}

void close_sync(void) {
    if (sync_fd >= 0)
        sys(close, sync_fd);
    sync_fd = -1;
}

int move_sync_from(int end) {
    if (sync_fd < 0 || sync_fd >= end)
        return 0;
    long moved = sys(fcntl, sync_fd, F_DUPFD_CLOEXEC, end);
    if (moved < 0)
        return (int)moved;
    sys(close, sync_fd);
    sync_fd = (int)moved;
    return 0;
}
