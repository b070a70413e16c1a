/* Results on the worker's disk, from the moment they are known until the coordinator has them.
 *
 *   SPOOL/INSTANCE/lock                      held (flock) while that worker lives
 *   SPOOL/INSTANCE/jJOB-aATTEMPT-INSTANCE/   one attempt:
 *       job.yaml      what to run                database   of the coordinator that leased it
 *       log           the runner's output        result.pb  how it ended: whole, or not there
 *   SPOOL/damaged/…                          attempts whose result cannot be read, kept for people
 *   SPOOL/checkpoints/TRAINHASH/             what an interrupted training continues from, whichever
 *                                            worker on this spool gets its next attempt
 *
 * Workers on one spool never touch each other's folders; those of a dead worker (its lock is free)
 * are taken over by the next one that is connected to the same database. */
#ifndef LIPSWEEP_WORKER_SPOOL_H
#define LIPSWEEP_WORKER_SPOOL_H

#include "worker/attempt.h"

enum { SPOOL_PATH_MAX = 4096 };

struct spool;

/* Makes the folder when it is not there, and this worker's own in it. */
WARN_UNUSED bool spool_open(struct spool **spool, const char *path,
                            const uint8_t instance[WIRE_INSTANCE_BYTES], struct error *error);
void spool_close(struct spool *spool);
const char *spool_path(const struct spool *spool); /* absolute */

/* A fresh folder for an attempt, with its job and the database that it belongs to. */
WARN_UNUSED bool spool_make_folder(struct spool *spool, const struct attempt_id *id,
                                   const char *job_text, const char *database,
                                   char folder[SPOOL_PATH_MAX], struct error *error);
void spool_remove_folder(const char *folder);

/* The folder of a training's checkpoints; it need not be there. */
WARN_UNUSED bool spool_checkpoints(const struct spool *spool, const uint8_t train_hash[32],
                                   char path[SPOOL_PATH_MAX], struct error *error);

/* Removes the checkpoints that nobody came back for in SPOOL_CHECKPOINT_DAYS. */
enum { SPOOL_CHECKPOINT_DAYS = 14 };
void spool_sweep_checkpoints(const struct spool *spool);

/* On disk, synced, before it returns. The file is the packed message; its last field, unknown to
 * the schema, is the BLAKE2b-256 of what comes before. */
WARN_UNUSED bool spool_write_result(const char *folder, const Wire__Result *result,
                                    struct error *error);

bool spool_has_result(const char *folder);

/* ERROR_NOT_FOUND when there is none, ERROR_DATA when it is damaged. Free with
 * wire__result__free_unpacked(result, NULL). */
WARN_UNUSED bool spool_read_result(const char *folder, Wire__Result **result, struct error *error);

/* Keeps a damaged attempt for people to look at; `moved` gets where. */
WARN_UNUSED bool spool_set_aside(struct spool *spool, const char *folder,
                                 char moved[SPOOL_PATH_MAX], struct error *error);

/* Takes over what dead workers left for this database: each result's folder becomes this worker's
 * and is handed to `found`, attempts without a result are removed, damaged ones set aside and
 * handed to `damaged`. Results for other databases stay where they are. */
struct spool_finder {
    void *context;
    void (*found)(void *context, const char *folder, Wire__Result *result); /* owns result */
    void (*damaged)(void *context, const char *moved, const struct error *error);
};
WARN_UNUSED bool spool_adopt(struct spool *spool, const char *database,
                             const struct spool_finder *finder, struct error *error);

#endif
