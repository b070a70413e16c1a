/* Files that this machine lacks, brought from the coordinator (download.h): checkpoints, into the
 * folder of their training, data sets and weights to start from, into a cache:
 *
 *     CACHE/DIGEST/        a whole data set, under the digest of its images, or a file of weights
 *     CACHE/DIGEST.part/   one on its way: its owner holds a lock on the folder
 *         NAME             a file that is whole: its SHA-256 was right, and it was synced
 *         NAME.part        one that is not: it goes on where it ends
 *
 * One transfer at a time, shared by all slots; several workers may share the cache, and one brings
 * a set for all. Nothing waits: the worker asks again whether its data are here. */
#ifndef LIPSWEEP_WORKER_SUPPLY_H
#define LIPSWEEP_WORKER_SUPPLY_H

#include "common/job.h"
#include "worker/attempt.h"
#include "worker/disk.h"
#include "worker/session.h"

struct supply;

/* The folder is made when something comes, and kept to so many bytes. */
WARN_UNUSED bool supply_create(struct supply **supply, const char *cache, uint64_t cache_bytes,
                               struct error *error);
void supply_destroy(struct supply *supply);

/* True when the cache has this job's data set: `folder` gets where. */
bool supply_has(const struct supply *supply, const struct job *job, char folder[DISK_PATH_MAX]);

/* The copies of this data set on this machine are no good: they are not to be used, and one in the
 * cache is thrown away. */
void supply_spoiled(struct supply *supply, const struct job *job);
bool supply_is_spoiled(const struct supply *supply, const struct job *job);

/* What a job uses of the cache stays there. All zero: nothing. */
struct supply_use {
    int count;
    int lock[2];
};
void supply_use(struct supply *supply, const struct job *job, struct supply_use *use);
void supply_use_end(struct supply_use *use);

/* Brings the data set of a job that is leased here; to be called again until it is no longer
 * SUPPLY_COMING. What nobody asked for in a while rests. */
enum supply_state { SUPPLY_COMING, SUPPLY_HERE, SUPPLY_FAILED };
enum supply_state supply_want(struct supply *supply, const struct attempt_id *id,
                              const struct job *job, int64_t now_ms, struct error *error);

/* The same for the weights that the job starts from: `path` gets where they are. */
enum supply_state supply_want_weights(struct supply *supply, const struct attempt_id *id,
                                      const struct job *job, char path[DISK_PATH_MAX],
                                      int64_t now_ms, struct error *error);

/* The same for a checkpoint, into the folder of its training. */
enum supply_state supply_want_checkpoint(struct supply *supply, const struct attempt_id *id,
                                         const Wire__Checkpoint *checkpoint, const char *folder,
                                         int64_t now_ms, struct error *error);

/* Rises as parts come. */
uint64_t supply_progress(const struct supply *supply);

void supply_take(struct supply *supply, const Wire__DataPart *part, int64_t now_ms);

/* A coordinator is (again) there: what was under way is asked for anew. */
void supply_wake(struct supply *supply, int64_t now_ms);

/* Asks for what is due. */
void supply_tick(struct supply *supply, struct session *session, int64_t now_ms);
int64_t supply_due_ms(const struct supply *supply); /* INT64_MAX: nothing is */

#endif
