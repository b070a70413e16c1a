#include "worker/keeper.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker/checkpoint_folder.h"

enum {
    LOCK_TRIES = 50, /* a killed worker's runner is gone within two seconds */
    LOCK_PAUSE_MS = 100,
};

struct keeper {
    struct keeper_options options;
    struct training_keeper hooks;
    struct checkpoint_folder folder;
    int64_t due_ms;
    uint8_t *bytes; /* of the checkpoint on its way to the disk */
    size_t size, length;
    int64_t step;
    /* The writing thread and what it shares. */
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    char refused[300]; /* the newest checkpoint that could not be continued, and why; "": none */
    bool full, ending; /* `bytes` is the thread's while it is full */
};

static volatile sig_atomic_t stop_wanted;

static void want_stop(int number)
{
    (void)number;
    stop_wanted = 1;
}

/* What the program ignores stays ignored. */
static void handle_stop(void (*handler)(int))
{
    const int numbers[] = {SIGTERM, SIGINT};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, before;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
}

static int64_t now_ms(void)
{
    struct clock clock = clock_system();
    return clock_now_ms(&clock);
}

/* --- the writing thread --- */

static void write_out(struct keeper *keeper)
{
    struct error error;
    checkpoint_seal(keeper->bytes, keeper->length);
    if (checkpoint_folder_write(&keeper->folder, keeper->step, keeper->bytes, keeper->length,
                                &error))
        keeper->options.written(keeper->options.context, keeper->step);
    else
        log_warning("no checkpoint after step %" PRId64 ": %s; the training goes on", keeper->step,
                    error.message);
}

static void *write_when_full(void *argument)
{
    struct keeper *keeper = argument;
    pthread_mutex_lock(&keeper->mutex);
    for (;;) {
        while (!keeper->full && !keeper->ending)
            pthread_cond_wait(&keeper->changed, &keeper->mutex);
        if (!keeper->full)
            break;
        pthread_mutex_unlock(&keeper->mutex);
        write_out(keeper);
        pthread_mutex_lock(&keeper->mutex);
        keeper->full = false;
        pthread_cond_broadcast(&keeper->changed);
    }
    pthread_mutex_unlock(&keeper->mutex);
    return NULL;
}

/* Signals are the training thread's. */
static bool start_thread(struct keeper *keeper, struct error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&keeper->thread, NULL, write_when_full, keeper);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    keeper->started = number == 0;
    return keeper->started ||
           error_set_errno(error, number, "cannot start the thread that writes checkpoints");
}

static bool is_writing(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->mutex);
    bool full = keeper->full;
    pthread_mutex_unlock(&keeper->mutex);
    return full;
}

static void set_full(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->mutex);
    keeper->full = true;
    pthread_cond_broadcast(&keeper->changed);
    pthread_mutex_unlock(&keeper->mutex);
}

static void wait_until_written(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->mutex);
    while (keeper->full)
        pthread_cond_wait(&keeper->changed, &keeper->mutex);
    pthread_mutex_unlock(&keeper->mutex);
}

/* --- what the training calls --- */

static void report_refused(void *context, const char *file, const struct error *reason)
{
    struct keeper *keeper = context;
    if (!keeper->refused[0])
        snprintf(keeper->refused, sizeof keeper->refused, "%s: %.200s", file, reason->message);
    log_warning("checkpoint %s/%s is not continued: %s", keeper->folder.path, file,
                reason->message);
}

static void restore(void *context, struct training_state *state)
{
    struct keeper *keeper = context;
    keeper->size = checkpoint_size_max(&keeper->options.origin, state);
    keeper->bytes = malloc(keeper->size);
    if (!keeper->bytes)
        log_warning("no memory for checkpoints of %zu bytes: none are written", keeper->size);
    const struct checkpoint_search search = {
        .origin = &keeper->options.origin,
        .any = keeper->options.any,
        /* Another build's text may be longer. */
        .length_max = keeper->size + 2 * (size_t)CHECKPOINT_TEXT_MAX,
        .context = keeper,
        .refused = report_refused,
    };
    keeper->due_ms = now_ms() + (int64_t)(1000 * keeper->options.interval_s);
    char words[400];
    bool loaded = checkpoint_folder_load(&keeper->folder, &search, state);
    if (loaded)
        snprintf(words, sizeof words, "continued after step %" PRId64 ", in epoch %" PRId64,
                 state->step, state->epoch);
    else
        snprintf(words, sizeof words, "begun anew: %s", keeper->refused);
    if (loaded || keeper->refused[0])
        keeper->options.began(keeper->options.context, loaded ? state->step : 0, words);
    if (!loaded)
        return;
    log_info("continuing after step %" PRId64 ", in epoch %" PRId64, state->step, state->epoch);
    keeper->options.continued(keeper->options.context, state);
}

static enum keep_wish wish(void *context)
{
    struct keeper *keeper = context;
    if (stop_wanted)
        return KEEP_AND_STOP;
    return keeper->bytes && now_ms() >= keeper->due_ms && !is_writing(keeper) ? KEEP : KEEP_NOTHING;
}

static void copy_state(struct keeper *keeper, const struct training_state *state)
{
    wait_until_written(keeper);
    keeper->length = checkpoint_encode(&keeper->options.origin, state, keeper->bytes);
    keeper->step = state->step;
    set_full(keeper);
}

/* The last checkpoint is on disk before the test begins, which nothing interrupts; so from there on
 * a signal may end the process as it is. */
static bool keep(void *context, const struct training_state *state, bool last)
{
    struct keeper *keeper = context;
    bool stopping = stop_wanted;
    if (keeper->bytes)
        copy_state(keeper, state);
    keeper->due_ms = now_ms() + (int64_t)(1000 * keeper->options.interval_s);
    if (last || stopping)
        wait_until_written(keeper);
    if (last)
        handle_stop(SIG_DFL);
    return last ? stop_wanted != 0 : stopping;
}

/* --- its life --- */

static bool open_folder(struct keeper *keeper, struct error *error)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (checkpoint_folder_open(&keeper->folder, keeper->options.folder, error))
            return true;
        if (error->code != ERROR_BUSY)
            return false;
        poll(NULL, 0, LOCK_PAUSE_MS);
    }
    return false;
}

bool keeper_create(struct keeper **result, const struct keeper_options *options,
                   struct error *error)
{
    *result = NULL;
    struct keeper *keeper = calloc(1, sizeof *keeper);
    if (!keeper)
        return error_set(error, ERROR_MEMORY, "out of memory");
    keeper->options = *options;
    keeper->hooks = (struct training_keeper){keeper, restore, wish, keep};
    keeper->folder.lock = -1;
    pthread_mutex_init(&keeper->mutex, NULL);
    pthread_cond_init(&keeper->changed, NULL);
    stop_wanted = 0;
    if (!open_folder(keeper, error) || !start_thread(keeper, error)) {
        keeper_destroy(keeper);
        return false;
    }
    handle_stop(want_stop);
    *result = keeper;
    return true;
}

void keeper_destroy(struct keeper *keeper)
{
    if (!keeper)
        return;
    pthread_mutex_lock(&keeper->mutex);
    keeper->ending = true;
    pthread_cond_broadcast(&keeper->changed);
    pthread_mutex_unlock(&keeper->mutex);
    if (keeper->started)
        pthread_join(keeper->thread, NULL);
    pthread_cond_destroy(&keeper->changed);
    pthread_mutex_destroy(&keeper->mutex);
    checkpoint_folder_close(&keeper->folder);
    free(keeper->bytes);
    free(keeper);
}

const struct training_keeper *keeper_hooks(const struct keeper *keeper)
{
    return &keeper->hooks;
}
