#include "client/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/interrupt.h"

enum {
    DEATHS_MAX = 5,
    PAUSE_FIRST_MS = 200,
    BUSY_RETRY_MS = 10000, /* a run that was killed may take a while to be gone */
    BUSY_PAUSE_MS = 100,
    WORKER_STOP_MS = 30000,
    /* The worker is a process beside us: it cannot be out of reach, only dead, and then its jobs
     * should not wait long. More heartbeats also show how jobs get on. */
    LEASE_MS = 10000,
    HEARTBEAT_MS = 1000,
    POLL_MS = 20
};

bool supervisor_init(struct supervisor *supervisor, const struct supervisor_options *options,
                     struct error *error)
{
    *supervisor = (struct supervisor){.options = *options,
                                      .clock = clock_system(),
                                      .log_descriptor = -1,
                                      .worker = {.lifeline = -1},
                                      .coordinator = {.child = {.lifeline = -1}},
                                      .coordinator_fate = {.name = "coordinator"},
                                      .worker_fate = {.name = "worker"}};
    if (database_files_prepare(&supervisor->files, options->database, &supervisor->log_descriptor,
                               error) &&
        coordinator_private_init(&supervisor->coordinator, options->database,
                                 supervisor->log_descriptor, error)) {
        supervisor->coordinator.lease_ms = LEASE_MS;
        supervisor->coordinator.heartbeat_ms = HEARTBEAT_MS;
        return true;
    }
    supervisor_finish(supervisor);
    return false;
}

bool supervisor_start_coordinator(struct supervisor *supervisor, struct error *error)
{
    int64_t end_ms = clock_now_ms(&supervisor->clock) + BUSY_RETRY_MS;
    supervisor->coordinator_fate.wanted = true;
    while (!coordinator_private_start(&supervisor->coordinator, error)) {
        if (error->code != ERROR_BUSY || clock_now_ms(&supervisor->clock) > end_ms)
            return false;
        poll(NULL, 0, BUSY_PAUSE_MS);
    }
    supervisor->coordinator_fate.restart_ms = 0;
    return true;
}

bool supervisor_start_worker(struct supervisor *supervisor, struct error *error)
{
    const struct supervisor_options *options = &supervisor->options;
    char program[4096], slots[24], threads[24];
    if (!child_program_path("lipsweep-worker", program, error))
        return false;
    char labels[LABEL_COUNT_MAX][LABEL_MAX];
    const char *cursor = options->labels;
    const char *arguments[16 + 2 * LABEL_COUNT_MAX] = {
        program, "--connect", supervisor->coordinator.endpoint, "--spool", supervisor->files.spool};
    size_t count = 5;
    if (options->slots > 0) {
        snprintf(slots, sizeof slots, "%lld", (long long)options->slots);
        arguments[count++] = "--slots";
        arguments[count++] = slots;
    }
    if (options->threads > 0) {
        snprintf(threads, sizeof threads, "%lld", (long long)options->threads);
        arguments[count++] = "--threads";
        arguments[count++] = threads;
    }
    if (options->data_directory) {
        arguments[count++] = "--data";
        arguments[count++] = options->data_directory;
    }
    for (size_t i = 0; i < LABEL_COUNT_MAX && labels_next(&cursor, labels[i]); i++) {
        arguments[count++] = "--label";
        arguments[count++] = labels[i];
    }
    struct child_options child = {
        .arguments = arguments, .new_group = true, .output = supervisor->log_descriptor};
    supervisor->worker_fate.wanted = true;
    if (!child_start(&supervisor->worker, &child, error))
        return false;
    supervisor->worker_fate.restart_ms = 0;
    return true;
}

static void describe_death(int status, char text[64])
{
    if (WIFSIGNALED(status))
        snprintf(text, 64, "was killed (%s)", strsignal(WTERMSIG(status)));
    else
        snprintf(text, 64, "ended with code %d", WEXITSTATUS(status));
}

/* Notices a child's death and plans its return. */
static bool check_child(struct supervisor *supervisor, struct child *child, struct supervised *fate,
                        char event[256], struct error *error)
{
    int status;
    char death[64];
    if (child->pid == 0 || waitpid(child->pid, &status, WNOHANG) != child->pid)
        return true;
    child_release(child);
    describe_death(status, death);
    if (++fate->deaths >= DEATHS_MAX)
        return error_set(error, ERROR_FAILED,
                         "the %s %s, for the %dth time in a row; its log is %s", fate->name, death,
                         fate->deaths, supervisor->files.log);
    int64_t pause_ms = (int64_t)PAUSE_FIRST_MS << (fate->deaths - 1);
    fate->restart_ms = clock_now_ms(&supervisor->clock) + pause_ms;
    snprintf(event, 256, "the %s %s; starting it again", fate->name, death);
    return true;
}

static bool is_due(const struct supervisor *supervisor, const struct supervised *fate)
{
    return fate->wanted && fate->restart_ms != 0 &&
           clock_now_ms(&supervisor->clock) >= fate->restart_ms;
}

/* A start that fails counts as a death. */
static bool start_failed(struct supervisor *supervisor, struct supervised *fate,
                         struct error *error)
{
    if (++fate->deaths >= DEATHS_MAX)
        return false;
    fate->restart_ms = clock_now_ms(&supervisor->clock) + ((int64_t)PAUSE_FIRST_MS << fate->deaths);
    (void)error;
    return true;
}

bool supervisor_check(struct supervisor *supervisor, char event[256], struct error *error)
{
    struct supervised *coordinator = &supervisor->coordinator_fate;
    struct supervised *worker = &supervisor->worker_fate;
    event[0] = '\0';
    if (!check_child(supervisor, &supervisor->coordinator.child, coordinator, event, error) ||
        !check_child(supervisor, &supervisor->worker, worker, event, error))
        return false;
    if (is_due(supervisor, coordinator) && !supervisor_start_coordinator(supervisor, error) &&
        !start_failed(supervisor, coordinator, error))
        return false;
    if (is_due(supervisor, worker) && !supervisor_start_worker(supervisor, error) &&
        !start_failed(supervisor, worker, error))
        return false;
    return true;
}

bool supervisor_is_coordinator_dead(const struct supervisor *supervisor)
{
    pid_t pid = supervisor->coordinator.child.pid;
    siginfo_t info = {.si_pid = 0};
    return pid == 0 || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == pid;
}

void supervisor_forgive(struct supervisor *supervisor)
{
    supervisor->coordinator_fate.deaths = 0;
    supervisor->worker_fate.deaths = 0;
}

static void stop_worker(struct supervisor *supervisor)
{
    struct child *worker = &supervisor->worker;
    int interrupts = interrupt_count();
    int64_t end_ms = clock_now_ms(&supervisor->clock) + WORKER_STOP_MS;
    if (worker->pid == 0)
        return;
    kill(worker->pid, SIGTERM);
    while (waitpid(worker->pid, NULL, WNOHANG) == 0) {
        if (interrupt_count() > interrupts || clock_now_ms(&supervisor->clock) > end_ms)
            kill(worker->pid, SIGKILL);
        interrupt_wait_ms(POLL_MS);
    }
    child_release(worker);
}

void supervisor_stop(struct supervisor *supervisor)
{
    supervisor->worker_fate.wanted = false;
    supervisor->coordinator_fate.wanted = false;
    stop_worker(supervisor);
    coordinator_private_finish(&supervisor->coordinator);
}

void supervisor_finish(struct supervisor *supervisor)
{
    supervisor_stop(supervisor);
    if (supervisor->log_descriptor >= 0)
        close(supervisor->log_descriptor);
    supervisor->log_descriptor = -1;
}
