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
};

/* Reads what is there from a non-blocking descriptor. False at the end of the pipe. */
bool progress_read(struct progress_reader *reader, int descriptor,
                   const struct progress_listener *listener);

#endif
