// driver ROUNDS WARMUP CASES: times commands in interleaved rounds and prints one line for each
// timed run: case, wall ns, cpu us, peak KiB, exit status, monotonic ns of its start. CASES is a
// file of lines
//
//   case NAME          a new case
//   pre WORDS...       run before, not timed         post WORDS...   run after, not timed
//   time WORDS...      the timed command             reap            wait for every orphan
//   cold FILES...      put these files out of the page cache, as far as nobody has them mapped
//
// Words are split at blanks; %i is the number of the round. Orphans come to the driver, as they do
// to a shim.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_LINES 1024
#define MAX_WORDS 64

static char *lines[MAX_LINES];
static int line_count;
static int null_fd, log_fd;

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void expand(char *out, size_t size, const char *word, int round) {
    const char *mark = strstr(word, "%i");
    if (mark == NULL)
        snprintf(out, size, "%s", word);
    else
        snprintf(out, size, "%.*s%d%s", (int)(mark - word), word, round, mark + 2);
}

static int run(const char *command, int round, struct rusage *usage, long long *start,
               long long *elapsed) {
    static char copy[8192], words[MAX_WORDS][512];
    char *argv[MAX_WORDS + 1];
    int argc = 0;
    snprintf(copy, sizeof copy, "%s", command);
    for (char *word = strtok(copy, " "); word && argc < MAX_WORDS; word = strtok(NULL, " ")) {
        expand(words[argc], sizeof words[argc], word, round);
        argv[argc] = words[argc];
        argc++;
    }
    argv[argc] = NULL;
    *start = now();
    pid_t pid = vfork();
    if (pid == 0) {
        dup2(null_fd, 0);
        dup2(null_fd, 1);
        dup2(log_fd, 2);
        execvp(argv[0], argv);
        _exit(127);
    }
    int status = 0;
    while (wait4(pid, &status, 0, usage) < 0 && errno == EINTR)
        ;
    *elapsed = now() - *start;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void forget(const char *files) {
    static char copy[8192];
    snprintf(copy, sizeof copy, "%s", files);
    for (char *file = strtok(copy, " "); file; file = strtok(NULL, " ")) {
        int fd = open(file, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            perror(file);
            exit(1);
        }
        // What is still to be written stays.
        fsync(fd);
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        close(fd);
    }
}

static void reap(void) {
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
}

static void run_case(int at, int round, int print) {
    const char *name = lines[at] + 5;
    for (int i = at + 1; i < line_count && strncmp(lines[i], "case ", 5) != 0; i++) {
        struct rusage usage;
        long long start, elapsed;
        if (strcmp(lines[i], "reap") == 0)
            reap();
        else if (strncmp(lines[i], "cold ", 5) == 0)
            forget(lines[i] + 5);
        else if (strncmp(lines[i], "pre ", 4) == 0)
            run(lines[i] + 4, round, &usage, &start, &elapsed);
        else if (strncmp(lines[i], "post ", 5) == 0)
            run(lines[i] + 5, round, &usage, &start, &elapsed);
        else if (strncmp(lines[i], "time ", 5) == 0) {
            int status = run(lines[i] + 5, round, &usage, &start, &elapsed);
            long cpu = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000L +
                       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
            if (print)
                printf("%s\t%lld\t%ld\t%ld\t%d\t%lld\n", name, elapsed, cpu, usage.ru_maxrss,
                       status, start);
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 4)
        return 2;
    int rounds = atoi(argv[1]), warmup = atoi(argv[2]);
    FILE *file = fopen(argv[3], "r");
    if (file == NULL)
        return perror(argv[3]), 2;
    char *line = NULL;
    size_t size = 0;
    while (line_count < MAX_LINES && getline(&line, &size, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (*line != '\0')
            lines[line_count++] = strdup(line);
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    log_fd = open("/tmp/bench.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    for (int round = 0; round < warmup + rounds; round++)
        for (int i = 0; i < line_count; i++)
            if (strncmp(lines[i], "case ", 5) == 0)
                run_case(i, round, round >= warmup);
    return 0;
}
