#include "worker/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/attempt_log.h"
#include "worker/disk.h"
#include "worker/memory_limit.h"

enum { ARGUMENTS_MAX = 28, BITS_PER_MIB = 20 };

static void add_option(const char **arguments, size_t *count, const char *name, const char *value)
{
    if (!value)
        return;
    arguments[(*count)++] = name;
    arguments[(*count)++] = value;
}

/* The runner inherits the pipe's write end and the log; both are closed here afterwards. */
static bool spawn(struct slot *slot, const struct slot_start *start, int pipe_write, int log,
                  struct error *error)
{
    char job[DISK_PATH_MAX], descriptor[16], attempt[ATTEMPT_TEXT_MAX], seconds[32], threads[16];
    char cores[CORES_TEXT_MAX], memory[32], images[16];
    if (!disk_join(job, start->folder, "job.yaml", error))
        return false;
    snprintf(descriptor, sizeof descriptor, "%d", pipe_write);
    attempt_text(start->id, attempt);
    snprintf(seconds, sizeof seconds, "%.17g", start->checkpoint_s);
    snprintf(threads, sizeof threads, "%d", start->threads);
    snprintf(memory, sizeof memory, "%" PRIu64, start->memory_bytes);
    snprintf(images, sizeof images, "%d", start->images);
    cores_text(&slot->cores, cores);
    const char *arguments[ARGUMENTS_MAX] = {
        start->program, "train",     job,     "-o",       start->folder, "--progress-fd",
        descriptor,     "--attempt", attempt, "--memory", memory};
    size_t count = 11;
    add_option(arguments, &count, "--data", start->data);
    add_option(arguments, &count, "--images-fd", start->images >= 0 ? images : NULL);
    add_option(arguments, &count, "--threads", start->threads > 1 ? threads : NULL);
    add_option(arguments, &count, "--checkpoints", start->checkpoints);
    add_option(arguments, &count, "--cpus", cores[0] ? cores : NULL);
    if (start->checkpoint_s > 0)
        add_option(arguments, &count, "--checkpoint-s", seconds);
    if (start->continue_any)
        arguments[count++] = "--continue-any";
    if (start->keep_weights)
        arguments[count++] = "--weights";
    if (start->has_stored)
        arguments[count++] = "--stored-weights";
    /* A matrix product stays on the thread that asks for it: more would change its bits. */
    const char *const environment[] = {"OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1", NULL};
    struct child_options options = {
        .arguments = arguments,
        .output = log,
        .keep = {pipe_write, start->images},
        .keep_count = start->images >= 0 ? 2 : 1,
        .environment = environment,
    };
    return child_start(&slot->child, &options, error);
}

bool slot_start(struct slot *slot, const struct slot_start *start, struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set_errno(error, errno, "cannot make a pipe for a runner");
    /* Only our end: the runner's writes wait, so no line of it is torn or lost. */
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *slot = (struct slot){.pipe = ends[0],
                          .id = *start->id,
                          .memory_bytes = start->memory_bytes,
                          .shares_images = start->images >= 0,
                          .kill_count = memory_kill_count()};
    if (start->cores)
        cores_take(start->cores, start->threads, &slot->cores);
    snprintf(slot->folder, sizeof slot->folder, "%s", start->folder);
    if (start->checkpoints)
        snprintf(slot->checkpoints, sizeof slot->checkpoints, "%s", start->checkpoints);
    int log = attempt_log_create(start->folder, error);
    slot->busy = log >= 0 && spawn(slot, start, ends[1], log, error);
    if (log >= 0)
        close(log);
    close(ends[1]);
    if (slot->busy) {
        slot->lease = start->lease;
        return true;
    }
    close(ends[0]);
    cores_give_back(&slot->cores);
    *slot = (struct slot){.pipe = -1};
    return false;
}

void slot_hold(struct slot *slot, const struct attempt_id *id, Wire__Lease *lease)
{
    *slot = (struct slot){.pipe = -1,
                          .busy = true,
                          .waiting = true,
                          .id = *id,
                          .lease = lease,
                          .memory_bytes = lease->memory_bytes};
}

struct reading { /* the slot and its listener, as one context */
    struct slot *slot;
    const struct slot_listener *listener;
};

static void take_progress(void *context, const struct progress *progress)
{
    struct reading *reading = context;
    reading->slot->progress = *progress;
}

static void take_epoch(void *context, const struct epoch_metric *metric)
{
    struct reading *reading = context;
    reading->listener->epoch(reading->listener->context, reading->slot, metric);
}

static void take_checkpoint(void *context, int64_t step)
{
    struct reading *reading = context;
    reading->slot->checkpoint = step;
}

static void take_began(void *context, int64_t step, const char *words)
{
    struct slot *slot = ((struct reading *)context)->slot;
    slot->began_step = step;
    snprintf(slot->began, sizeof slot->began, "%s", words);
}

void slot_read(struct slot *slot, const struct slot_listener *listener)
{
    struct reading reading = {slot, listener};
    struct progress_listener lines = {&reading, take_progress, take_epoch, take_checkpoint,
                                      take_began};
    if (slot->pipe < 0 || progress_read(&slot->reader, slot->pipe, &lines))
        return;
    close(slot->pipe);
    slot->pipe = -1;
}

void slot_stop(struct slot *slot)
{
    slot->leaving = true;
    if (slot->busy && !slot->waiting)
        kill(slot->child.pid, SIGTERM);
}

void slot_kill(struct slot *slot)
{
    if (slot->busy && !slot->waiting)
        kill(slot->child.pid, SIGKILL);
}

/* The kernel kills by SIGKILL, as others do, but it counts. */
static bool may_be_for_memory(const struct slot *slot, const struct slot_ending *ending)
{
    return ending->signal == SIGKILL && memory_kill_count() > slot->kill_count;
}

static void describe(const struct slot *slot, int status, struct slot_ending *ending)
{
    char words[300];
    size_t size = sizeof ending->text;
    int length = 0;
    if (WIFSIGNALED(status))
        length = snprintf(ending->text, size, "the runner was killed by SIG%s (%s)%s",
                          sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?",
                          strsignal(WTERMSIG(status)),
                          may_be_for_memory(slot, ending)
                              ? ", when the machine or its control group was out of memory"
                              : "");
    else
        length =
            snprintf(ending->text, size, "the runner ended with exit code %d and without a result",
                     WEXITSTATUS(status));
    length += snprintf(ending->text + length, size - (size_t)length,
                       "; it took %" PRIu64 " MiB of memory, its share was %" PRIu64,
                       ending->peak_bytes >> BITS_PER_MIB, slot->memory_bytes >> BITS_PER_MIB);
    if (attempt_log_tail(slot->folder, words, sizeof words))
        snprintf(ending->text + length, size - (size_t)length, "; its last words: %s", words);
}

bool slot_reap(struct slot *slot, const struct slot_listener *listener, struct slot_ending *ending)
{
    struct rusage usage;
    int status;
    if (!slot->busy || slot->waiting ||
        wait4(slot->child.pid, &status, WNOHANG, &usage) != slot->child.pid)
        return false;
    while (slot->pipe >= 0) {
        /* Its end is closed, unless a stranger inherited it: one that says nothing is not waited
         * for. */
        uint64_t counter = slot->progress.counter;
        size_t length = slot->reader.length;
        slot_read(slot, listener);
        if (counter == slot->progress.counter && length == slot->reader.length)
            break;
    }
    child_release(&slot->child);
    ending->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    ending->interrupted =
        WIFEXITED(status) && WEXITSTATUS(status) == error_exit_code(ERROR_INTERRUPTED);
    ending->refused = WIFEXITED(status) && WEXITSTATUS(status) == error_exit_code(ERROR_REFUSED);
    ending->peak_bytes = (uint64_t)usage.ru_maxrss * 1024;
    describe(slot, status, ending);
    return true;
}

void slot_clear(struct slot *slot)
{
    if (slot->pipe >= 0)
        close(slot->pipe);
    cores_give_back(&slot->cores);
    wire__lease__free_unpacked(slot->lease, NULL);
    *slot = (struct slot){.pipe = -1};
}
