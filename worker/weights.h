/* Trained weights as a safetensors file, and back. */
#ifndef LIPSWEEP_WORKER_WEIGHTS_H
#define LIPSWEEP_WORKER_WEIGHTS_H

#include "common/job.h"
#include "worker/state.h"

#define WEIGHTS_FILE "weights.safetensors"

/* Writes FOLDER/NAME, whole or not at all. `job`, unless NULL, stands in the file's metadata as
 * "lipsweep.job", with a default test: what was trained, whichever of the jobs that share it comes
 * first. */
WARN_UNUSED bool weights_write(const struct weights *weights, const struct job *job,
                               const char *folder, const char *name, struct error *error);

/* Reads a file's tensors into `weights`: just these names, with these shapes. `digest`, unless NULL
 * or "", is the BLAKE2b-256 that its bytes must have. */
WARN_UNUSED bool weights_read(const struct weights *weights, const char *path, const char *digest,
                              struct error *error);

/* Whether the file's bytes have this BLAKE2b-256. */
bool weights_are(const char *path, const char *digest);

/* Fills in the digest of the file that the job starts from, where there is one and the job does not
 * say. */
WARN_UNUSED bool weights_find_digest(struct job *job, struct error *error);

/* What was trained, from the file's metadata; job_init's when it does not say (another program's).
 */
WARN_UNUSED bool weights_read_job(const char *path, struct job *job, struct error *error);

#endif
