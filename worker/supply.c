#include "worker/supply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/dataset_files.h"
#include "common/log.h"
#include "worker/checkpoint_folder.h"
#include "worker/data_cache.h"
#include "worker/incoming.h"

enum {
    ANSWER_MS = 20000, /* no answer so far: ask again */
    LATER_MS = 300,
    RESTS_MS = 3000, /* nobody asked for it in so long */
};

struct transfer_file {
    char name[INCOMING_NAME_MAX];
    uint64_t size;
    uint8_t sha256[HASH_BYTES];
};

struct supply {
    struct data_cache cache;
    uint64_t progress;
    /* The transfer. */
    char digest[JOB_DIGEST_LENGTH + 1]; /* "": there is none */
    char name[JOB_NAME_MAX + 1];
    bool is_checkpoint;
    struct attempt_id id;       /* whose lease allows it; job 0: nobody's now */
    struct attempt_id asked;    /* which of them the last question named */
    struct attempt_id refused;  /* who was answered no, and has not heard it yet; job 0: nobody */
    char folder[DISK_PATH_MAX]; /* CACHE/DIGEST.part */
    int lock;                   /* -1: another worker brings it */
    int64_t wanted_ms, due_ms;  /* asked for last; to be asked for next */
    struct transfer_file files[DATASET_FILE_MAX];
    size_t file_count, file; /* 0: not known yet; the one under way */
    struct incoming incoming;
    bool failed;
    struct error failure;
};

/* --- the cache --- */

bool supply_create(struct supply **result, const char *cache, struct error *error)
{
    struct supply *supply = calloc(1, sizeof *supply);
    *result = supply;
    if (!supply)
        return error_set(error, ERROR_MEMORY, "out of memory");
    supply->lock = -1;
    supply->incoming.descriptor = -1;
    data_cache_init(&supply->cache, cache);
    return true;
}

/* What is there of it stays. */
static void drop(struct supply *supply)
{
    incoming_close(&supply->incoming);
    if (supply->lock >= 0) {
        if (!supply->is_checkpoint)
            rmdir(supply->folder); /* refused unless it is empty */
        close(supply->lock);
    }
    supply->lock = -1;
    supply->digest[0] = '\0';
    supply->file_count = 0;
    supply->file = 0;
    supply->failed = false;
    supply->is_checkpoint = false;
    supply->asked = supply->refused = (struct attempt_id){.job = 0};
}

void supply_destroy(struct supply *supply)
{
    if (supply)
        drop(supply);
    free(supply);
}

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

bool supply_has(const struct supply *supply, const struct job *job, char folder[DISK_PATH_MAX])
{
    return data_cache_has(&supply->cache, job->dataset_digest, folder);
}

bool supply_is_spoiled(const struct supply *supply, const struct job *job)
{
    return data_cache_is_spoiled(&supply->cache, job->dataset_digest);
}

void supply_spoiled(struct supply *supply, const struct job *job)
{
    data_cache_spoil(&supply->cache, job->dataset_digest);
}

uint64_t supply_progress(const struct supply *supply)
{
    return supply->progress;
}

/* --- the transfer --- */

static void fail(struct supply *supply, const struct error *error)
{
    incoming_close(&supply->incoming);
    supply->failed = true;
    supply->failure = *error;
    supply->due_ms = INT64_MAX;
}

/* False while another worker on this cache brings the set: when it is gone, what it left is gone on
 * with. */
static bool lock_folder(struct supply *supply, struct error *error)
{
    if (supply->lock >= 0)
        return true;
    if (!disk_make_folders(supply->folder, error))
        return false;
    supply->lock = open(supply->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (supply->lock < 0)
        return error_set_errno(error, errno, "cannot open %s", supply->folder);
    if (flock(supply->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    close(supply->lock);
    supply->lock = -1;
    return error_set(error, ERROR_BUSY, "another worker brings %s", supply->folder);
}

static void begin(struct supply *supply, const struct job *job, int64_t now_ms)
{
    char name[JOB_DIGEST_LENGTH + 8];
    struct error error;
    snprintf(supply->digest, sizeof supply->digest, "%s", job->dataset_digest);
    snprintf(supply->name, sizeof supply->name, "%s", job->dataset);
    snprintf(name, sizeof name, "%s.part", job->dataset_digest);
    supply->due_ms = now_ms;
    if (!disk_join(supply->folder, supply->cache.path, name, &error))
        fail(supply, &error);
    else
        log_info("data set %s is not here: asking the coordinator for it", supply->name);
}

/* After the one that is under way, unless nobody wants that any more. */
static bool must_wait(const struct supply *supply, bool mine, int64_t now_ms)
{
    return supply->digest[0] && !mine && now_ms < supply->wanted_ms + RESTS_MS;
}

static enum supply_state progress_of(struct supply *supply, const struct attempt_id *id,
                                     int64_t now_ms, struct error *error)
{
    bool is_refused = attempt_equal(id, &supply->refused);
    if (!supply->failed && !is_refused) {
        supply->id = *id;
        supply->wanted_ms = now_ms;
        return SUPPLY_COMING;
    }
    *error = supply->failure;
    supply->refused = (struct attempt_id){.job = 0};
    if (supply->failed || supply->id.job == 0)
        drop(supply);
    return SUPPLY_FAILED;
}

enum supply_state supply_want(struct supply *supply, const struct attempt_id *id,
                              const struct job *job, int64_t now_ms, struct error *error)
{
    char folder[DISK_PATH_MAX];
    uint8_t digest[HASH_BYTES];
    bool mine = strcmp(supply->digest, job->dataset_digest) == 0;
    if (supply_has(supply, job, folder)) {
        if (mine)
            drop(supply);
        return SUPPLY_HERE;
    }
    if (!hash_parse(job->dataset_digest, digest)) {
        error_set(error, ERROR_REFUSED, "the job does not say which data it wants");
        return SUPPLY_FAILED;
    }
    if (must_wait(supply, mine, now_ms))
        return SUPPLY_COMING;
    if (!mine) {
        drop(supply);
        begin(supply, job, now_ms);
    }
    return progress_of(supply, id, now_ms, error);
}

enum supply_state supply_want_checkpoint(struct supply *supply, const struct attempt_id *id,
                                         const Wire__Checkpoint *checkpoint, const char *folder,
                                         int64_t now_ms, struct error *error)
{
    char digest[HASH_TEXT], path[DISK_PATH_MAX];
    hash_text(checkpoint->file.data, HASH_BYTES, digest);
    bool mine = strcmp(supply->digest, digest) == 0;
    if (!checkpoint_folder_file(folder, checkpoint->step, path, error))
        return SUPPLY_FAILED;
    if (is_file(path)) {
        if (mine)
            drop(supply);
        return SUPPLY_HERE;
    }
    if (must_wait(supply, mine, now_ms))
        return SUPPLY_COMING;
    if (!mine) {
        drop(supply);
        supply->is_checkpoint = true;
        supply->due_ms = now_ms;
        supply->file_count = 1;
        snprintf(supply->digest, sizeof supply->digest, "%s", digest);
        snprintf(supply->folder, sizeof supply->folder, "%s", folder);
        supply->files[0] = (struct transfer_file){.size = checkpoint->size};
        snprintf(supply->files[0].name, sizeof supply->files[0].name, "%s", strrchr(path, '/') + 1);
        memcpy(supply->files[0].sha256, checkpoint->file.data, HASH_BYTES);
    }
    return progress_of(supply, id, now_ms, error);
}

/* The next file that is not here; true when there is none. */
static bool next_file(struct supply *supply, struct error *error)
{
    for (; supply->file < supply->file_count; supply->file++) {
        const struct transfer_file *file = &supply->files[supply->file];
        struct incoming *incoming = &supply->incoming;
        *incoming =
            (struct incoming){.descriptor = -1, .folder = supply->folder, .size = file->size};
        snprintf(incoming->name, sizeof incoming->name, "%s", file->name);
        memcpy(incoming->sha256, file->sha256, HASH_BYTES);
        if (incoming_is_here(incoming))
            continue;
        if (!incoming_open(incoming, error))
            return false;
        if (incoming->length > 0)
            log_info("%s goes on at %llu of %llu bytes", incoming->name,
                     (unsigned long long)incoming->length, (unsigned long long)incoming->size);
        return true;
    }
    return true;
}

static void complete(struct supply *supply)
{
    struct error error;
    char whole[DISK_PATH_MAX];
    if (supply->is_checkpoint) {
        drop(supply);
        return;
    }
    if (!disk_join(whole, supply->cache.path, supply->digest, &error) ||
        (rename(supply->folder, whole) != 0 &&
         !data_cache_has(&supply->cache, supply->digest, whole) &&
         !error_set_errno(&error, errno, "cannot keep %s", whole)) ||
        !disk_sync_folder(supply->cache.path, &error)) {
        fail(supply, &error);
        return;
    }
    log_info("data set %s came from the coordinator, it is kept in %s", supply->name, whole);
    drop(supply);
}

/* On to the next file, or to the end. */
static void advance(struct supply *supply)
{
    struct error error;
    if (!next_file(supply, &error))
        fail(supply, &error);
    else if (supply->file == supply->file_count)
        complete(supply);
}

/* --- what the coordinator says --- */

/* Perhaps for a reason that is the asking attempt's alone, such as that it is over: others that
 * wait for the same ask for themselves. */
static void take_refusal(struct supply *supply, const char *reason, int64_t now_ms)
{
    error_set(&supply->failure, ERROR_NOT_FOUND, "the coordinator cannot send it: %s", reason);
    supply->refused = supply->asked;
    supply->asked = (struct attempt_id){.job = 0};
    if (attempt_equal(&supply->id, &supply->refused))
        supply->id = (struct attempt_id){.job = 0};
    supply->due_ms = now_ms;
}

static bool take_list(struct supply *supply, const Wire__DataPart *part, struct error *error)
{
    uint64_t bytes = 0;
    if (part->n_files == 0 || part->n_files > DATASET_FILE_MAX)
        return error_set(error, ERROR_DATA, "a data set of %zu files was offered", part->n_files);
    for (size_t i = 0; i < part->n_files; i++) {
        const Wire__DataFile *from = part->files[i];
        struct transfer_file *file = &supply->files[i];
        if (!incoming_is_plain(from->name) || from->sha256.len != HASH_BYTES)
            return error_set(error, ERROR_DATA, "a data set's file has no good name or digest");
        *file = (struct transfer_file){.size = from->size};
        snprintf(file->name, sizeof file->name, "%s", from->name);
        memcpy(file->sha256, from->sha256.data, HASH_BYTES);
        bytes += from->size;
    }
    if (!data_cache_has_room(&supply->cache, supply->name, bytes, error))
        return false;
    supply->file_count = part->n_files;
    supply->file = 0;
    advance(supply);
    return true;
}

static bool take_bytes(struct supply *supply, const Wire__DataPart *part, struct error *error)
{
    struct incoming *incoming = &supply->incoming;
    if (part->data.len > incoming->size - incoming->length ||
        (part->data.len == 0 && incoming->length < incoming->size))
        return error_set(error, ERROR_DATA, "%s has another length than was told", incoming->name);
    if (!incoming_add(incoming, part->data.data, part->data.len, error))
        return false;
    if (incoming->length < incoming->size)
        return true;
    /* What an earlier transfer left may be another file's: then it comes anew. */
    bool resumed = incoming->resumed;
    if (!incoming_finish(incoming, error) && !(resumed && error->code == ERROR_DATA))
        return false;
    advance(supply);
    return true;
}

/* One that is no answer to what was asked last was asked for twice: it is left alone, or two would
 * be under way from then on. */
static bool is_for(const struct supply *supply, const Wire__DataPart *part)
{
    const struct incoming *incoming = &supply->incoming;
    struct attempt_id id;
    if (!supply->digest[0] || supply->failed || supply->lock < 0 ||
        !attempt_from_wire(part->attempt, &id) || !attempt_equal(&id, &supply->asked))
        return false;
    if (supply->file_count == 0)
        return part->file.len == 0;
    return part->file.len == HASH_BYTES && part->offset == incoming->length &&
           memcmp(part->file.data, incoming->sha256, HASH_BYTES) == 0;
}

void supply_take(struct supply *supply, const Wire__DataPart *part, int64_t now_ms)
{
    struct error error;
    if (!is_for(supply, part))
        return;
    supply->progress++;
    supply->due_ms = now_ms + (part->later ? LATER_MS : 0);
    if (part->later)
        return;
    if (part->refused[0]) {
        take_refusal(supply, part->refused, now_ms);
        return;
    }
    bool good = supply->file_count == 0 ? take_list(supply, part, &error)
                                        : take_bytes(supply, part, &error);
    if (!good)
        fail(supply, &error);
}

/* --- asking --- */

void supply_wake(struct supply *supply, int64_t now_ms)
{
    if (!supply->failed)
        supply->due_ms = now_ms;
}

static bool is_resting(const struct supply *supply, int64_t now_ms)
{
    return supply->digest[0] && now_ms >= supply->wanted_ms + RESTS_MS;
}

static bool is_wanted(const struct supply *supply)
{
    return supply->digest[0] && !supply->failed && supply->id.job != 0;
}

int64_t supply_due_ms(const struct supply *supply)
{
    return is_wanted(supply) ? supply->due_ms : INT64_MAX;
}

/* Another worker on this cache was faster. */
static bool came_otherwise(const struct supply *supply)
{
    char whole[DISK_PATH_MAX];
    return !supply->is_checkpoint && data_cache_has(&supply->cache, supply->digest, whole);
}

static void ask(struct supply *supply, struct session *session, int64_t now_ms)
{
    Wire__DataRequest request = WIRE__DATA_REQUEST__INIT;
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    Wire__AttemptId attempt;
    supply->asked = supply->id;
    attempt_to_wire(&supply->asked, &attempt);
    request.attempt = &attempt;
    request.checkpoint = supply->is_checkpoint;
    if (supply->file_count > 0) {
        request.file.data = supply->incoming.sha256;
        request.file.len = HASH_BYTES;
        request.offset = supply->incoming.length;
    }
    envelope.body_case = WIRE__ENVELOPE__BODY_DATA_REQUEST;
    envelope.data_request = &request;
    supply->due_ms = now_ms + (session_send(session, &envelope) ? ANSWER_MS : LATER_MS);
}

void supply_tick(struct supply *supply, struct session *session, int64_t now_ms)
{
    struct error error;
    if (is_resting(supply, now_ms)) {
        drop(supply); /* what came of it stays */
        return;
    }
    if (!is_wanted(supply) || now_ms < supply->due_ms)
        return;
    if (came_otherwise(supply)) {
        drop(supply);
        return;
    }
    if (lock_folder(supply, &error)) {
        if (supply->is_checkpoint && supply->incoming.descriptor < 0)
            advance(supply);
        if (supply->digest[0] && !supply->failed)
            ask(supply, session, now_ms);
        return;
    }
    supply->due_ms = now_ms + LATER_MS;
    supply->progress++;
    if (error.code != ERROR_BUSY)
        fail(supply, &error);
}
