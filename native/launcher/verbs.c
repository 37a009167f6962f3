#include "verbs.h"

#include "container.h"
#include "effects.h"
#include "join.h"

#define NO_RULE 255

#define U(at) (op->word[at])
#define S(at) op_string(&run->container->plan, op, at)

struct run {
    const struct request *request;
    const struct container *container;
    char **environment;
    uint64_t facts;
    int signal;
    bool printed;
    int status; // the exit status, when the command is done
};

// Every command makes the log file, also when there is nothing to log.
static bool touch_log(const char *file) {
    if (file == NULL)
        return true;
    const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    long fd = sys(openat, AT_FDCWD, file, flags, 0644);
    if (fd >= 0)
        sys(close, fd);
    return fd > 2;
}

static bool note_fact(struct run *run, uint64_t fact, bool holds) {
    if (holds)
        run->facts |= fact;
    return true;
}

static bool note_line(struct run *run, const struct op *op) {
    bool holds;
    return holds_line(S(FACT_LINE_PATH), S(FACT_LINE_LINE), &holds) &&
           note_fact(run, U(FACT_LINE_FACT), holds);
}

static bool note_file(struct run *run, const struct op *op) {
    long result = sys(faccessat, run->container->directory, S(FACT_FILE_NAME), 0);
    return note_fact(run, U(FACT_FILE_FACT), result == 0);
}

static bool read_signal(struct run *run, const struct op *op) {
    const char *word = run->request->argument;
    run->signal = word == NULL ? (int)U(READ_SIGNAL_FALLBACK) : signal_number(word);
    if (run->signal < 0 || (uint64_t)run->signal == U(READ_SIGNAL_BUT))
        return false;
    return U(READ_SIGNAL_ONLY) == NO_RULE || (uint64_t)run->signal == U(READ_SIGNAL_ONLY);
}

static bool print_if(struct run *run, const struct op *op) {
    if (run->printed || (run->facts & U(PRINT_MASK)) != U(PRINT_FACTS))
        return true;
    run->printed = true;
    return print_text(S(PRINT_CONTENT));
}

static bool is_unset(struct run *run, const struct op *op) {
    const char *value = variable(run->environment, S(UNLESS_SET_VARIABLE));
    return value == NULL || value[0] == '\0';
}

static bool is_inode(const struct op *op, const struct run *run) {
    struct statx facts;
    return sys(statx, AT_FDCWD, S(IS_INODE_PATH), 0, STATX_INO, &facts) == 0 &&
           facts.stx_ino == U(IS_INODE_INODE);
}

static bool same_below(const struct op *op, const struct run *run) {
    const struct file_identity file = {
        .inode = U(SAME_BELOW_INODE),
        .changed = U(SAME_BELOW_CHANGED),
        .bytes = U(SAME_BELOW_SIZE),
    };
    return is_file_below(U(SAME_BELOW_PID), S(SAME_BELOW_PATH), &file);
}

static bool is_asked(const struct op *op, const struct run *run) {
    const struct request *request = run->request;
    return request->key != NULL && U(IS_ASKED_CONTENT + 1) == request->key_bytes &&
           memcmp(op_bytes(&run->container->plan, op, IS_ASKED_CONTENT), request->key,
                  request->key_bytes) == 0;
}

static bool join(struct run *run, const struct op *op) {
    const struct joining joining = {
        .pid = U(JOIN_PID),
        .start_time = U(JOIN_START_TIME),
        .cgroup = S(JOIN_CGROUP),
        .plan = op_bytes(&run->container->plan, op, JOIN_PLAN),
        .plan_bytes = U(JOIN_PLAN + 1),
        .pid_file = run->request->pid_file,
        .detach = U(JOIN_DETACH) != 0,
        .owner_uid = (uint32_t)U(JOIN_OWNER_UID),
        .owner_gid = (uint32_t)U(JOIN_OWNER_GID),
        .forward = U(JOIN_FORWARD),
    };
    run->status = join_container(&joining);
    return run->status != FOR_THE_ENGINE;
}

static bool run_step(struct run *run, const struct op *op) {
    const struct container *container = run->container;
    switch ((enum step_code)op->code) {
    case STEP_MADE_WITH:
    case STEP_VERB: return false;
    case STEP_UNLESS_SET: return is_unset(run, op);
    case STEP_LOCK: return lock_container(container);
    case STEP_FACT_ALIVE:
        return note_fact(run, U(FACT_ALIVE_FACT),
                         is_alive(U(FACT_ALIVE_PID), U(FACT_ALIVE_START_TIME)));
    case STEP_FACT_FILE: return note_file(run, op);
    case STEP_FACT_LINE: return note_line(run, op);
    case STEP_REFUSE: return (run->facts & U(REFUSE_MASK)) != U(REFUSE_FACTS);
    case STEP_PRINT: return print_if(run, op);
    case STEP_READ_SIGNAL: return read_signal(run, op);
    case STEP_SEND_SIGNAL:
        return send_signal(U(SEND_SIGNAL_PID), U(SEND_SIGNAL_START_TIME), run->signal);
    case STEP_END_PROCESS:
        return end_process(U(END_PROCESS_PID), U(END_PROCESS_START_TIME), U(END_PROCESS_WAIT_MS));
    case STEP_KILL_CGROUP: return kill_cgroup(S(KILL_CGROUP_PATH));
    case STEP_REMOVE_CGROUP: return remove_cgroup(S(REMOVE_CGROUP_PATH), U(REMOVE_CGROUP_WAIT_MS));
    case STEP_OPEN_GATE: return open_gate(container->directory, S(OPEN_GATE_NAME));
    case STEP_REMOVE_STATE: return remove_state(container->directory, container->path);
    case STEP_IS_INODE: return is_inode(op, run);
    case STEP_SAME_BELOW: return same_below(op, run);
    case STEP_IS_ASKED: return is_asked(op, run);
    case STEP_JOIN: return join(run, op);
    }
    return false;
}

static bool is_for(const struct run *run, const struct op *op) {
    const struct request *request = run->request;
    return op->code == STEP_VERB && strcmp(S(VERB_NAME), request->verb) == 0 &&
           U(VERB_FLAGS) == request->flags && request->arguments <= U(VERB_ARGUMENTS);
}

// Runs the program for the request; false when there is none or it does not come to its end.
static bool run_program(struct run *run) {
    const struct plan *plan = &run->container->plan;
    const struct op *op = plan->first;
    uint32_t left = plan->header->op_count;
    while (left > 0 && !is_for(run, op))
        op = next_op(op), left--;
    if (left == 0)
        return false;
    for (op = next_op(op), left--; left > 0 && op->code != STEP_VERB; op = next_op(op), left--)
        if (!run_step(run, op))
            return false;
    return true;
}

int run_verb(char **words, char **environment) {
    struct request request;
    static struct container container;
    if (!read_request(words, &request) || !touch_log(request.log) || !find_programs(&request) ||
        !open_container(&request, environment, &container))
        return FOR_THE_ENGINE;
    struct run run = {.request = &request, .container = &container, .environment = environment};
    bool done = run_program(&run);
    // What the engine gets must be as the caller left it; this also gives back the lock.
    close_container(&container);
    return done ? run.status : FOR_THE_ENGINE;
}
