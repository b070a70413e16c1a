/* What a runner tells the worker that started it, as lines of text in a pipe. */
#ifndef LIPSWEEP_WORKER_PROGRESS_H
#define LIPSWEEP_WORKER_PROGRESS_H

#include "worker/training.h"

#include <stddef.h>

/* What a person or the coordinator hears of an attempt; numbers as in wire.proto's Progress. */
enum progress_phase {
    PROGRESS_STARTING,
    PROGRESS_TRAINING,
    PROGRESS_TESTING,
    PROGRESS_DELIVERING,
};

struct progress {
    uint64_t counter; /* rises with every layer call and evaluation batch */
    enum progress_phase phase;
    int64_t epoch, epoch_count, step, step_count;
    double images_per_s;
};

/* Runner's side. A pipe that nobody reads any more changes nothing. */
void progress_write(int descriptor, const struct progress *progress);
void progress_write_epoch(int descriptor, const struct epoch_metric *metric);
void progress_write_checkpoint(int descriptor, int64_t step);

/* Where the training goes on from, or why it begins anew though it had been under way. */
enum { PROGRESS_WORDS_MAX = 400 };
void progress_write_began(int descriptor, int64_t step, const char *words);

/* Worker's side: bytes in, lines out. Lines that are none of these, or too long, are skipped: a
 * runner can be broken in any way. */
struct progress_reader {
    size_t length;
    bool skipping; /* inside a line that was too long */
    char line[512];
};

struct progress_listener {
    void *context;
    void (*progress)(void *context, const struct progress *progress);
    void (*epoch)(void *context, const struct epoch_metric *metric);
    void (*checkpoint)(void *context, int64_t step);
    void (*began)(void *context, int64_t step, const char *words);
};

/* Reads what is there from a non-blocking descriptor. False at the end of the pipe. */
bool progress_read(struct progress_reader *reader, int descriptor,
                   const struct progress_listener *listener);

#endif
