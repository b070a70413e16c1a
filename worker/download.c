#include "worker/download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"

enum {
    ANSWER_MS = 20000, /* no answer so far: ask again */
    LATER_MS = 300,
    RESTS_MS = 3000, /* nobody asked for it in so long */
};

void download_init(struct download *download)
{
    *download = (struct download){.lock = -1, .incoming = {.descriptor = -1}};
}

void download_drop(struct download *download)
{
    uint64_t progress = download->progress;
    incoming_close(&download->incoming);
    if (download->lock >= 0) {
        if (download->cache)
            rmdir(download->folder); /* refused unless it is empty */
        close(download->lock);
    }
    download_init(download);
    download->progress = progress;
}

static void fail(struct download *download, const struct error *error)
{
    incoming_close(&download->incoming);
    download->failed = true;
    download->failure = *error;
    download->due_ms = INT64_MAX;
}

/* False while another worker on this cache brings the set: when it is gone, what it left is gone on
 * with. */
static bool lock_folder(struct download *download, struct error *error)
{
    if (download->lock >= 0)
        return true;
    if (!disk_make_folders(download->folder, error))
        return false;
    download->lock = open(download->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (download->lock < 0)
        return error_set_errno(error, errno, "cannot open %s", download->folder);
    if (flock(download->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    close(download->lock);
    download->lock = -1;
    return error_set(error, ERROR_BUSY, "another worker brings %s", download->folder);
}

void download_begin(struct download *download, enum download_kind kind, const char *digest,
                    const char *name, struct data_cache *cache, int64_t now_ms)
{
    char folder[JOB_DIGEST_LENGTH + 8];
    struct error error;
    download_drop(download);
    download->kind = kind;
    download->cache = cache;
    download->due_ms = now_ms;
    snprintf(download->digest, sizeof download->digest, "%s", digest);
    snprintf(download->name, sizeof download->name, "%s", name);
    snprintf(folder, sizeof folder, "%s.part", digest);
    if (!disk_join(download->folder, cache->path, folder, &error))
        fail(download, &error);
    else
        log_info("%s is not here: asking the coordinator for it", download->name);
}

void download_begin_file(struct download *download, const struct download_file *file,
                         const char *folder, int64_t now_ms)
{
    download_drop(download);
    download->kind = DOWNLOAD_CHECKPOINT;
    download->due_ms = now_ms;
    download->file_count = 1;
    download->files[0] = *file;
    hash_text(file->sha256, HASH_BYTES, download->digest);
    snprintf(download->folder, sizeof download->folder, "%s", folder);
}

bool download_is_of(const struct download *download, const char *digest)
{
    return strcmp(download->digest, digest) == 0;
}

bool download_is_busy(const struct download *download, int64_t now_ms)
{
    return download->digest[0] && now_ms < download->wanted_ms + RESTS_MS;
}

bool download_want(struct download *download, const struct attempt_id *id, int64_t now_ms,
                   struct error *error)
{
    bool is_refused = attempt_equal(id, &download->refused);
    if (!download->failed && !is_refused) {
        download->id = *id;
        download->wanted_ms = now_ms;
        return true;
    }
    *error = download->failure;
    download->refused = (struct attempt_id){.job = 0};
    if (download->failed || download->id.job == 0)
        download_drop(download);
    return false;
}

/* The next file that is not here; true when there is none. */
static bool next_file(struct download *download, struct error *error)
{
    for (; download->file < download->file_count; download->file++) {
        const struct download_file *file = &download->files[download->file];
        struct incoming *incoming = &download->incoming;
        *incoming =
            (struct incoming){.descriptor = -1, .folder = download->folder, .size = file->size};
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

/* Unless another worker on this cache was faster. */
static bool keep_whole(const struct download *download, char whole[DISK_PATH_MAX],
                       struct error *error)
{
    if (rename(download->folder, whole) == 0)
        return true;
    int number = errno;
    return data_cache_has(download->cache, download->digest, whole) ||
           error_set_errno(error, number, "cannot keep %s", whole);
}

static void complete(struct download *download)
{
    struct error error;
    char whole[DISK_PATH_MAX];
    if (!download->cache) {
        download_drop(download);
        return;
    }
    if (!disk_join(whole, download->cache->path, download->digest, &error) ||
        !keep_whole(download, whole, &error) || !file_sync_folder(download->cache->path, &error)) {
        fail(download, &error);
        return;
    }
    log_info("%s came from the coordinator, it is kept in %s", download->name, whole);
    download_drop(download);
}

/* On to the next file, or to the end. */
static void advance(struct download *download)
{
    struct error error;
    if (!next_file(download, &error))
        fail(download, &error);
    else if (download->file == download->file_count)
        complete(download);
}

/* --- what the coordinator says --- */

/* Perhaps for a reason that is the asking attempt's alone, such as that it is over: others that
 * wait for the same ask for themselves. */
static void take_refusal(struct download *download, const char *reason, int64_t now_ms)
{
    error_set(&download->failure, ERROR_NOT_FOUND, "the coordinator cannot send it: %s", reason);
    download->refused = download->asked;
    download->asked = (struct attempt_id){.job = 0};
    if (attempt_equal(&download->id, &download->refused))
        download->id = (struct attempt_id){.job = 0};
    download->due_ms = now_ms;
}

static bool take_list(struct download *download, const Wire__DataPart *part, struct error *error)
{
    uint64_t bytes = 0;
    if (part->n_files == 0 || part->n_files > DATASET_FILE_MAX)
        return error_set(error, ERROR_DATA, "%zu files were offered", part->n_files);
    for (size_t i = 0; i < part->n_files; i++) {
        const Wire__DataFile *from = part->files[i];
        struct download_file *file = &download->files[i];
        if (!incoming_is_plain(from->name) || from->sha256.len != HASH_BYTES)
            return error_set(error, ERROR_DATA, "a file has no good name or digest");
        *file = (struct download_file){.size = from->size};
        snprintf(file->name, sizeof file->name, "%s", from->name);
        memcpy(file->sha256, from->sha256.data, HASH_BYTES);
        bytes += from->size;
    }
    if (!data_cache_make_room(download->cache, download->name, bytes, error))
        return false;
    download->file_count = part->n_files;
    download->file = 0;
    advance(download);
    return true;
}

static bool take_bytes(struct download *download, const Wire__DataPart *part, struct error *error)
{
    struct incoming *incoming = &download->incoming;
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
    advance(download);
    return true;
}

/* One that is no answer to what was asked last was asked for twice: it is left alone, or two would
 * be under way from then on. */
static bool is_for(const struct download *download, const Wire__DataPart *part)
{
    const struct incoming *incoming = &download->incoming;
    struct attempt_id id;
    if (!download->digest[0] || download->failed || download->lock < 0 ||
        !attempt_from_wire(part->attempt, &id) || !attempt_equal(&id, &download->asked))
        return false;
    if (download->file_count == 0)
        return part->file.len == 0;
    return part->file.len == HASH_BYTES && part->offset == incoming->length &&
           memcmp(part->file.data, incoming->sha256, HASH_BYTES) == 0;
}

void download_take(struct download *download, const Wire__DataPart *part, int64_t now_ms)
{
    struct error error;
    if (!is_for(download, part))
        return;
    download->progress++;
    download->due_ms = now_ms + (part->later ? LATER_MS : 0);
    if (part->later)
        return;
    if (part->refused[0]) {
        take_refusal(download, part->refused, now_ms);
        return;
    }
    bool good = download->file_count == 0 ? take_list(download, part, &error)
                                          : take_bytes(download, part, &error);
    if (!good)
        fail(download, &error);
}

/* --- asking --- */

void download_wake(struct download *download, int64_t now_ms)
{
    if (!download->failed)
        download->due_ms = now_ms;
}

static bool is_resting(const struct download *download, int64_t now_ms)
{
    return download->digest[0] && now_ms >= download->wanted_ms + RESTS_MS;
}

static bool is_wanted(const struct download *download)
{
    return download->digest[0] && !download->failed && download->id.job != 0;
}

int64_t download_due_ms(const struct download *download)
{
    return is_wanted(download) ? download->due_ms : INT64_MAX;
}

/* Another worker on this cache was faster. */
static bool came_otherwise(const struct download *download)
{
    char whole[DISK_PATH_MAX];
    return download->cache && data_cache_has(download->cache, download->digest, whole);
}

static void ask(struct download *download, struct session *session, int64_t now_ms)
{
    Wire__DataRequest request = WIRE__DATA_REQUEST__INIT;
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    Wire__AttemptId attempt;
    download->asked = download->id;
    attempt_to_wire(&download->asked, &attempt);
    request.attempt = &attempt;
    request.checkpoint = download->kind == DOWNLOAD_CHECKPOINT;
    request.weights = download->kind == DOWNLOAD_WEIGHTS;
    if (download->file_count > 0) {
        request.file.data = download->incoming.sha256;
        request.file.len = HASH_BYTES;
        request.offset = download->incoming.length;
    }
    envelope.body_case = WIRE__ENVELOPE__BODY_DATA_REQUEST;
    envelope.data_request = &request;
    download->due_ms = now_ms + (session_send(session, &envelope) ? ANSWER_MS : LATER_MS);
}

void download_tick(struct download *download, struct session *session, int64_t now_ms)
{
    struct error error;
    if (is_resting(download, now_ms)) {
        download_drop(download); /* what came of it stays */
        return;
    }
    if (!is_wanted(download) || now_ms < download->due_ms)
        return;
    if (came_otherwise(download)) {
        download_drop(download);
        return;
    }
    if (lock_folder(download, &error)) {
        if (!download->cache && download->incoming.descriptor < 0)
            advance(download);
        if (download->digest[0] && !download->failed)
            ask(download, session, now_ms);
        return;
    }
    download->due_ms = now_ms + LATER_MS;
    download->progress++;
    if (error.code != ERROR_BUSY)
        fail(download, &error);
}
