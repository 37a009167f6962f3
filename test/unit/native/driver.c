// Stands in for the runtime in the tests of init: starts it with a plan, answers its sync points,
// and prints what it says, one JSON object a line.
//
//   driver INIT PLAN CLONE_FLAGS [HANDED ...]
//
// HANDED: "pipe" is a pipe that gets its byte when init is ready, anything else a file to be
// opened.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define POINT_MAP 1
#define MSG_SYNC 1
#define MSG_PID 2
#define MSG_CONSOLE 3
#define MSG_READY 5
#define MSG_GO 8

struct message {
    uint32_t kind, op;
    int32_t error;
    uint32_t value;
    char text[1025];
};

static int start_pipe = -1, console = -1;
static pid_t container;

static void die(const char *what) {
    perror(what);
    exit(2);
}

static void print_json(const char *text) {
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text < ' ')
            printf("\\u%04x", *text);
        else
            putchar(*text);
    }
    putchar('"');
}

static int sealed_plan(const char *path) {
    static char bytes[1 << 20];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(file, bytes, sizeof bytes);
    int plan = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0 || size < 0 || plan < 0 || write(plan, bytes, (size_t)size) != size)
        die(path);
    close(file);
    if (getenv("DRIVER_UNSEALED") == NULL &&
        fcntl(plan, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
        die("seal");
    return plan;
}

static int open_handed(const char *what) {
    int ends[2];
    if (strcmp(what, "pipe") != 0) {
        int fd = open(what, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? open(what, O_PATH | O_CLOEXEC) : fd;
    }
    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe");
    start_pipe = ends[1];
    return ends[0];
}

#define MAX_FDS 64

// fds: the plan, the socket, what is handed over.
static void start_init(const char *init, int *fds, int count) {
    // Out of the way of the numbers they are to have.
    for (int i = 0; i < count; i++)
        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 100);
    for (int i = 0; i < count; i++)
        if (dup2(fds[i], 3 + i) < 0)
            die("dup2");
    dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
    dup2(2, 1);
    // Opened before: another user may not get to the path.
    int program = fcntl(open(init, O_PATH | O_CLOEXEC), F_DUPFD_CLOEXEC, 100);
    const char *uid = getenv("DRIVER_UID");
    if (uid != NULL && (setgroups(0, NULL) != 0 || setresgid(1000, 1000, 1000) != 0 ||
                        setresuid(atoi(uid), atoi(uid), atoi(uid)) != 0))
        die("setresuid");
    syscall(SYS_execveat, program, "", (char *[]){"tsrun", "init", NULL},
            (char *[]){"LEAKED=1", NULL}, AT_EMPTY_PATH);
    die(init);
}

static int receive(int socket, struct message *message, int *fd) {
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec vector = {message, sizeof *message - 1};
    struct msghdr header = {
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };
    *fd = -1;
    ssize_t got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    if (got < 16)
        return 0;
    ((char *)message)[got] = '\0';
    struct cmsghdr *first = CMSG_FIRSTHDR(&header);
    if (first != NULL && first->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(first), sizeof *fd);
    return 1;
}

static void write_to(const char *file, const char *text) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", container, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        die(path);
    close(fd);
}

static void write_maps(void) {
    write_to("uid_map", "0 100000 65536");
    write_to("gid_map", "0 100000 65536");
}

static void print_memory(void) {
    char path[64], line[256];
    unsigned long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", container);
    FILE *status = fopen(path, "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        sscanf(line, "VmHWM: %lu", &kib);
    if (status != NULL)
        fclose(status);
    printf("{\"kind\":\"memory\",\"value\":%lu}\n", kib);
}

static void answer(int socket, const struct message *message, int fd) {
    static const char *const names[] = {"",         "sync",  "pid",  "console",
                                        "listener", "ready", "fail", "warn"};
    printf("{\"kind\":\"%s\",\"op\":%u,\"errno\":%d,\"value\":%u,\"fd\":%s,\"text\":",
           names[message->kind & 7], message->op, message->error, message->value,
           fd >= 0 ? "true" : "false");
    print_json(message->text);
    puts("}");
    if (message->kind == MSG_PID)
        container = (pid_t)message->value;
    if (message->kind == MSG_CONSOLE)
        console = fd;
    if (message->kind == MSG_READY)
        print_memory();
    if (message->kind == MSG_READY && start_pipe >= 0 && write(start_pipe, "", 1) != 1)
        die("start");
    if (message->kind == MSG_SYNC && message->value == POINT_MAP)
        write_maps();
    struct message go = {.kind = MSG_GO};
    if (message->kind == MSG_SYNC && send(socket, &go, 16, MSG_NOSIGNAL) != 16)
        perror("go");
}

static void print_console(void) {
    char text[4096] = "";
    ssize_t length = 0, got;
    struct pollfd waiting = {console, POLLIN, 0};
    while (poll(&waiting, 1, 100) > 0 &&
           (got = read(console, text + length, sizeof text - 1 - (size_t)length)) > 0)
        length += got;
    text[length] = '\0';
    fputs("{\"kind\":\"terminal\",\"text\":", stdout);
    print_json(text);
    puts("}");
}

int main(int argc, char **argv) {
    if (argc < 4)
        return 2;
    int sockets[2];
    int plan = sealed_plan(argv[2]);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
        die("socketpair");
    int fds[MAX_FDS] = {plan, sockets[1]}, count = 2;
    for (int i = 4; i < argc && count < MAX_FDS; i++)
        if ((fds[count++] = open_handed(argv[i])) < 0)
            die(argv[i]);
    unsigned long flags = strtoul(argv[3], NULL, 0);
    pid_t first = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0);
    if (first < 0)
        die("clone");
    if (first == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(sockets[0]);
        start_init(argv[1], fds, count);
    }
    container = first;
    close(sockets[1]);
    if (getenv("DRIVER_DIES") != NULL)
        close(sockets[0]);
    struct message message;
    for (int fd; receive(sockets[0], &message, &fd);)
        answer(sockets[0], &message, fd);
    int status, last = -1;
    for (pid_t pid; (pid = wait(&status)) > 0;)
        if (pid == container)
            last = status;
    if (console >= 0)
        print_console();
    if (WIFSIGNALED(last))
        printf("{\"kind\":\"signal\",\"value\":%d}\n", WTERMSIG(last));
    else
        printf("{\"kind\":\"exit\",\"value\":%d}\n", WEXITSTATUS(last));
    return 0;
}
