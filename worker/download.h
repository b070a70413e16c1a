/* A transfer from the coordinator: files that come in parts, into one folder. Which they are it
 * says itself (a data set's; the weights that a training starts from), or the lease has said (a
 * checkpoint). Nothing waits: parts are asked for in download_tick, and taken when they come. */
#ifndef LIPSWEEP_WORKER_DOWNLOAD_H
#define LIPSWEEP_WORKER_DOWNLOAD_H

#include "common/dataset_files.h"
#include "common/job.h"
#include "worker/attempt.h"
#include "worker/data_cache.h"
#include "worker/incoming.h"
#include "worker/session.h"

enum download_kind { DOWNLOAD_DATA, DOWNLOAD_WEIGHTS, DOWNLOAD_CHECKPOINT };

struct download_file {
    char name[INCOMING_NAME_MAX];
    uint64_t size;
    uint8_t sha256[HASH_BYTES];
};

struct download {
    enum download_kind kind;
    char digest[JOB_DIGEST_LENGTH + 1]; /* "": there is no transfer */
    char name[JOB_NAME_MAX + 16];       /* for messages: "data set mnist" */
    struct data_cache *cache;           /* what it becomes a part of; NULL: a checkpoint */
    struct attempt_id id;               /* whose lease allows it; job 0: nobody's now */
    struct attempt_id asked;            /* which of them the last question named */
    struct attempt_id refused;  /* who was answered no, and has not heard it; job 0: nobody */
    char folder[DISK_PATH_MAX]; /* CACHE/DIGEST.part, or a checkpoint's */
    int lock;                   /* -1: not locked; another worker may bring it */
    int64_t wanted_ms, due_ms;  /* asked for last; to be asked for next */
    struct download_file files[DATASET_FILE_MAX];
    size_t file_count, file; /* 0: not known yet; the one under way */
    struct incoming incoming;
    uint64_t progress; /* rises as parts come */
    bool failed;
    struct error failure;
};

void download_init(struct download *download);

/* What the cache lacks, under the digest of its content. */
void download_begin(struct download *download, enum download_kind kind, const char *digest,
                    const char *name, struct data_cache *cache, int64_t now_ms);

/* A file that is known, into `folder`. */
void download_begin_file(struct download *download, const struct download_file *file,
                         const char *folder, int64_t now_ms);

/* What came of it stays. */
void download_drop(struct download *download);

bool download_is_of(const struct download *download, const char *digest);

/* Whether another must wait: somebody still wants this one. */
bool download_is_busy(const struct download *download, int64_t now_ms);

/* This attempt wants it. False when it failed; others may still want it then. */
WARN_UNUSED bool download_want(struct download *download, const struct attempt_id *id,
                               int64_t now_ms, struct error *error);

void download_take(struct download *download, const Wire__DataPart *part, int64_t now_ms);

/* A coordinator is (again) there: what was under way is asked for anew. */
void download_wake(struct download *download, int64_t now_ms);

/* Asks for what is due. */
void download_tick(struct download *download, struct session *session, int64_t now_ms);
int64_t download_due_ms(const struct download *download); /* INT64_MAX: nothing is */

#endif
