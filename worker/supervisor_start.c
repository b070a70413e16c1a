/* From a lease to a runner: the data it needs, the memory, the slot. */
#include "worker/supervisor_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/dataset.h"
#include "common/log.h"
#include "worker/checkpoint_folder.h"
#include "worker/footprint.h"

/* A lease on its way to a runner. */
struct start {
    struct supervisor *supervisor;
    const struct attempt_id *id;
    Wire__Lease *lease;
    struct job job;
    const char *data; /* where its data set is; NULL: the default places */
    char cached[DISK_PATH_MAX];
    uint64_t memory_bytes;
    char began[PROGRESS_WORDS_MAX]; /* "": nothing to tell */
    struct handing_back back;       /* if it comes to nothing */
};

/* One that will fit later is no refusal: the coordinator, told what it needs, waits until then. */
static bool fits(struct start *start, struct error *error)
{
    const struct supervisor *supervisor = start->supervisor;
    uint64_t free = supervisor_free_memory(supervisor);
    if (!footprint_bytes(&start->job, start->data, (size_t)supervisor->options->threads,
                         &start->memory_bytes, error))
        return false;
    if (start->memory_bytes <= free)
        return true;
    start->back.memory_bytes = start->memory_bytes;
    if (start->memory_bytes <= supervisor->usable.memory_bytes)
        start->back.outcome = WIRE__OUTCOME__OUTCOME_PREEMPTED;
    return error_set(error, ERROR_REFUSED,
                     "it needs %" PRIu64 " MiB of memory, %" PRIu64 " of %" PRIu64
                     " MiB are free beside the %d running jobs",
                     start->memory_bytes >> 20, free >> 20, supervisor->usable.memory_bytes >> 20,
                     supervisor_busy_count(supervisor));
}

/* Two jobs that differ in their test alone are one training: the one that came first keeps it. */
static bool keeps_already(const struct supervisor *supervisor, const char *checkpoints)
{
    for (int i = 0; i < supervisor->options->slots; i++) {
        const struct slot *slot = &supervisor->slots[i];
        if (slot->busy && !slot->doomed && strcmp(slot->checkpoints, checkpoints) == 0)
            return true;
    }
    return false;
}

static struct slot *free_slot(struct supervisor *supervisor)
{
    struct slot *slot = supervisor->slots;
    while (slot->busy)
        slot++;
    return slot;
}

/* The training's folder of checkpoints, with the one that the lease names unless one is there that
 * came as far. False while it is on its way. One that cannot be had is said, and done without. */
static bool find_checkpoint(struct start *start)
{
    struct supervisor *supervisor = start->supervisor;
    const Wire__Checkpoint *checkpoint = start->lease->checkpoint;
    char folder[SPOOL_PATH_MAX];
    uint8_t train_hash[32];
    struct error error;
    job_train_hash(&start->job, train_hash);
    if (!checkpoint || checkpoint->file.len != HASH_BYTES ||
        start->lease->weights_digest.len == HASH_BYTES ||
        !spool_checkpoints(supervisor->spool, train_hash, folder, NULL) ||
        keeps_already(supervisor, folder) || checkpoint_folder_newest(folder) >= checkpoint->step)
        return true;
    enum supply_state state = supply_want_checkpoint(supervisor->supply, start->id, checkpoint,
                                                     folder, supervisor->now_ms, &error);
    if (state == SUPPLY_FAILED)
        snprintf(start->began, sizeof start->began,
                 "begun anew: the checkpoint after step %" PRId64 " cannot be had (%.200s)",
                 checkpoint->step, error.message);
    return state != SUPPLY_COMING;
}

/* The data set's images, which running jobs may use too. */
static int find_images(struct start *start)
{
    struct supervisor *supervisor = start->supervisor;
    bool is_used = false;
    for (int i = 0; i < supervisor->options->slots; i++)
        is_used = is_used || (supervisor->slots[i].busy && supervisor->slots[i].shares_images);
    return shared_images_for(&supervisor->images, &start->job, start->data, is_used);
}

static bool start_slot(struct start *start, struct error *error)
{
    struct supervisor *supervisor = start->supervisor;
    char folder[SPOOL_PATH_MAX], checkpoints[SPOOL_PATH_MAX], text[JOB_TEXT_MAX];
    uint8_t train_hash[32];
    job_train_hash(&start->job, train_hash);
    if (!job_text(&start->job, text, error) ||
        !spool_checkpoints(supervisor->spool, train_hash, checkpoints, error) ||
        !spool_make_folder(supervisor->spool, start->id, text,
                           session_database(supervisor->session), folder, error))
        return false;
    struct slot_start slot_options = {
        .program = supervisor->program,
        .data = start->data,
        .id = start->id,
        .lease = start->lease,
        .folder = folder,
        .memory_bytes = start->memory_bytes,
        .images = find_images(start),
        .cores = &supervisor->cores,
        .checkpoints = keeps_already(supervisor, checkpoints) ? NULL : checkpoints,
        .checkpoint_s = start->lease->checkpoint_s,
        .threads = supervisor->options->threads,
        .continue_any = start->lease->continue_any,
        .keep_weights = start->lease->keep_weights,
        .has_stored = start->lease->weights_digest.len == HASH_BYTES,
    };
    struct slot *slot = free_slot(supervisor);
    if (slot_start(slot, &slot_options, error)) {
        snprintf(slot->began, sizeof slot->began, "%s", start->began);
        supply_use(supervisor->supply, &start->job, &supervisor->uses[slot - supervisor->slots]);
        if (slot_options.has_stored)
            stored_weights_begin(&supervisor->stored[slot - supervisor->slots], slot->folder,
                                 start->lease->weights_digest.data);
        return true;
    }
    spool_remove_folder(folder);
    return false;
}

/* The user's own copy first, then what came from the coordinator. False when there is neither. */
static bool find_data(struct start *start, struct error *error)
{
    struct supervisor *supervisor = start->supervisor;
    start->data = supervisor->options->data;
    if (!supply_is_spoiled(supervisor->supply, &start->job) &&
        dataset_find(&start->job, start->data, NULL, error))
        return true;
    start->data = start->cached;
    return supply_has(supervisor->supply, &start->job, start->cached);
}

/* A user's own set is known by its path, which is another one here. */
static bool adapt_path(struct start *start, struct error *error)
{
    struct job *job = &start->job;
    if (start->data != start->cached || !job->dataset_path[0])
        return true;
    int length = snprintf(job->dataset_path, sizeof job->dataset_path, "%s", start->cached);
    return length < (int)sizeof job->dataset_path ||
           error_set(error, ERROR_REFUSED, "the path %.100s… is too long for a data set",
                     start->cached);
}

enum step { STEP_STARTED, STEP_WAITS, STEP_FAILED };

/* The weights to start from: the user's own copy, or one that comes from the coordinator. */
static enum supply_state find_weights(struct start *start, struct error *error)
{
    char path[DISK_PATH_MAX];
    struct supervisor *supervisor = start->supervisor;
    struct job *job = &start->job;
    if (!job->init[0] || start->lease->weights_digest.len == HASH_BYTES)
        return SUPPLY_HERE;
    enum supply_state state =
        supply_want_weights(supervisor->supply, start->id, job, path, supervisor->now_ms, error);
    if (state == SUPPLY_FAILED)
        error_prefix(error, "%s, from which the training starts, is not here", job->init);
    if (state == SUPPLY_HERE &&
        snprintf(job->init, sizeof job->init, "%s", path) >= (int)sizeof job->init) {
        error_set(error, ERROR_REFUSED, "the path %.100s… is too long", path);
        return SUPPLY_FAILED;
    }
    return state;
}

static enum step take_step(struct start *start, struct error *error)
{
    const Wire__Lease *lease = start->lease;
    struct supervisor *supervisor = start->supervisor;
    struct error here;
    if (!job_parse(lease->description, strlen(lease->description), &start->job, error)) {
        error_prefix(error, "the job's description cannot be read");
        return STEP_FAILED;
    }
    error_set(&here, ERROR_NOT_FOUND, "this machine's data set %s is no good", start->job.dataset);
    if (!find_data(start, &here)) {
        enum supply_state state =
            supply_want(supervisor->supply, start->id, &start->job, supervisor->now_ms, error);
        if (state == SUPPLY_COMING)
            return STEP_WAITS;
        if (state == SUPPLY_FAILED) {
            error_prefix(error, "%.400s", here.message);
            return STEP_FAILED;
        }
        if (!find_data(start, error))
            return STEP_FAILED;
    }
    enum supply_state weights = find_weights(start, error);
    if (weights != SUPPLY_HERE)
        return weights == SUPPLY_COMING ? STEP_WAITS : STEP_FAILED;
    if (!find_checkpoint(start))
        return STEP_WAITS;
    return adapt_path(start, error) && fits(start, error) && start_slot(start, error) ? STEP_STARTED
                                                                                      : STEP_FAILED;
}

/* Does what can be done now for a lease; its slot, if it had one, is free. */
static enum step go_on(struct supervisor *supervisor, const struct attempt_id *id,
                       Wire__Lease *lease)
{
    char label[ATTEMPT_LABEL_MAX];
    struct error error;
    struct start start = {.supervisor = supervisor,
                          .id = id,
                          .lease = lease,
                          .back = {WIRE__OUTCOME__OUTCOME_REFUSED, error.message, 0}};
    enum step step = take_step(&start, &error);
    attempt_label(id, label);
    if (step == STEP_STARTED)
        log_info("%s of sweep %s: started", label, lease->sweep);
    if (step != STEP_FAILED)
        return step;
    /* Whatever else it was may hold for the next job too. */
    if (start.back.memory_bytes == 0) {
        backoff_failed(&supervisor->backoff, supervisor->now_ms);
        supervisor_was_useless(supervisor, error.message);
    }
    supervisor_release(supervisor, id, &start.back);
    wire__lease__free_unpacked(lease, NULL);
    return step;
}

void supervisor_begin(struct supervisor *supervisor, const struct attempt_id *id,
                      Wire__Lease *lease)
{
    if (go_on(supervisor, id, lease) != STEP_WAITS)
        return;
    struct slot *slot = free_slot(supervisor);
    slot_hold(slot, id, lease);
    slot->progress.counter = supply_progress(supervisor->supply);
}

static void serve(struct supervisor *supervisor, struct slot *slot)
{
    const struct attempt_id id = slot->id;
    if (!slot->doomed && !slot->leaving) {
        Wire__Lease *lease = slot->lease;
        slot->lease = NULL;
        slot_clear(slot);
        supervisor_begin(supervisor, &id, lease);
        return;
    }
    if (slot->leaving && !slot->doomed)
        supervisor_hand_back_stopped(supervisor, slot);
    slot_clear(slot);
    supervisor_heartbeat_soon(supervisor);
}

void supervisor_serve_waiting(struct supervisor *supervisor)
{
    for (int i = 0; i < supervisor->options->slots; i++) {
        if (supervisor->slots[i].waiting)
            serve(supervisor, &supervisor->slots[i]);
    }
}

bool supervisor_replaces_data(struct supervisor *supervisor, struct slot *slot,
                              const Wire__Result *result)
{
    char label[ATTEMPT_LABEL_MAX];
    struct job job;
    struct dataset_origin origin;
    const char *text = slot->lease->description;
    if (!result->wants_data || supervisor->stopping || !job_parse(text, strlen(text), &job, NULL) ||
        supply_is_spoiled(supervisor->supply, &job))
        return false;
    /* One that the program makes is what this build makes of it. */
    if (dataset_find(&job, supervisor->options->data, &origin, NULL) && origin.file_count == 0)
        return false;
    attempt_label(&slot->id, label);
    log_warning("%s: %s; asking the coordinator for a good copy", label, result->reason);
    supply_spoiled(supervisor->supply, &job);
    spool_remove_folder(slot->folder);
    slot->again = true;
    return true;
}
