/* The folder that holds a training's checkpoints: the last two, under the step they were written
 * after. A runner writes only while it holds the folder's lock.
 *
 *     FOLDER/lock
 *     FOLDER/000000001200.checkpoint
 *     FOLDER/000000001350.checkpoint */
#ifndef LIPSWEEP_WORKER_CHECKPOINT_FOLDER_H
#define LIPSWEEP_WORKER_CHECKPOINT_FOLDER_H

#include "worker/checkpoint.h"
#include "worker/disk.h"

enum { CHECKPOINTS_KEPT = 2 };

struct checkpoint_folder {
    char path[DISK_PATH_MAX];
    int lock; /* -1: not open */
};

/* Makes it when it is not there, and locks it. ERROR_BUSY while another process holds the lock. */
WARN_UNUSED bool checkpoint_folder_open(struct checkpoint_folder *folder, const char *path,
                                        struct error *error);
void checkpoint_folder_close(struct checkpoint_folder *folder);

/* Whole or not at all, also when power fails; then removes all but the newest two. */
WARN_UNUSED bool checkpoint_folder_write(struct checkpoint_folder *folder, int64_t step,
                                         const uint8_t *bytes, size_t length, struct error *error);

/* Continues from the newest one that can be used; `refused` hears of each that cannot. False when
 * there is none. */
struct checkpoint_search {
    const struct checkpoint_origin *origin;
    bool any;          /* build and CPU class may differ */
    size_t length_max; /* a longer file is none of this training's */
    void *context;
    void (*refused)(void *context, const char *file, const struct error *reason);
};
bool checkpoint_folder_load(struct checkpoint_folder *folder,
                            const struct checkpoint_search *search, struct training_state *state);

/* Where the checkpoint after this step is, or would be. */
WARN_UNUSED bool checkpoint_folder_file(const char *folder, int64_t step, char path[DISK_PATH_MAX],
                                        struct error *error);

/* The step of the newest one; 0: there is none. */
int64_t checkpoint_folder_newest(const char *folder);

/* Removes a folder with all that it holds, unless a runner works in it. */
void checkpoint_folder_remove(const char *path);

#endif
