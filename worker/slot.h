/* Room for one job at a time: the runner process that works on it, and what it says. A slot knows
 * nothing of the coordinator. */
#ifndef LIPSWEEP_WORKER_SLOT_H
#define LIPSWEEP_WORKER_SLOT_H

#include "common/child.h"
#include "worker/cores.h"
#include "worker/progress.h"
#include "worker/spool.h"

struct slot {
    bool busy;
    bool waiting; /* leased, its data are on their way: no runner yet */
    bool doomed;  /* its lease is over: killed, waits to be reaped, nothing of it is kept */
    bool again;   /* its data turned out to be no good: to be begun again with others */
    bool leaving; /* asked to write a checkpoint and end */
    struct attempt_id id;
    Wire__Lease *lease; /* as it came */
    char folder[SPOOL_PATH_MAX];
    char checkpoints[SPOOL_PATH_MAX]; /* folder; "": it keeps none */
    uint64_t memory_bytes;            /* what the job was let in with */
    bool shares_images;               /* uses the worker's, see shared_images.h */
    uint64_t kill_count;              /* memory_kill_count when it began */
    struct cores_taken cores;
    struct child child;
    int pipe; /* read end; -1: closed by the runner */
    struct progress_reader reader;
    struct progress progress;
    int64_t checkpoint; /* the newest one is of after this step; 0: none so far */
    /* What the coordinator is to hear of where it began; "": nothing (any more). */
    char began[PROGRESS_WORDS_MAX];
    int64_t began_step;
    uint64_t log_sent; /* bytes of the log that were handed on */
};

struct slot_start {
    const char *program; /* …/lipsweep-worker */
    const char *data;    /* --data; NULL */
    const struct attempt_id *id;
    Wire__Lease *lease; /* the slot's, unless it fails */
    const char *folder; /* with job.yaml in it */
    uint64_t memory_bytes;
    int images;                /* shared_images.h; -1 */
    const struct cores *cores; /* to take its own from */
    const char *checkpoints;   /* folder; NULL: none */
    int threads;
    double checkpoint_s;
    bool continue_any, keep_weights;
    bool has_stored; /* it waits for stored weights, to test them (stored_weights.h) */
};

WARN_UNUSED bool slot_start(struct slot *slot, const struct slot_start *start, struct error *error);

/* Takes a slot for a lease whose data are not here yet. */
void slot_hold(struct slot *slot, const struct attempt_id *id, Wire__Lease *lease);

/* Takes what the runner wrote; `epoch` is called for every finished epoch. */
struct slot_listener {
    void *context;
    void (*epoch)(void *context, const struct slot *slot, const struct epoch_metric *metric);
};
void slot_read(struct slot *slot, const struct slot_listener *listener);

/* SIGTERM: the runner writes a checkpoint and ends without a result, or with one that it was just
 * finishing. */
void slot_stop(struct slot *slot);

/* SIGKILL; the slot stays busy until it is reaped. */
void slot_kill(struct slot *slot);

struct slot_ending {
    char text[768];      /* "the runner was killed by SIGKILL (Killed); its last words: …" */
    int signal;          /* that killed it; 0: it ended by itself */
    bool interrupted;    /* it says that it was stopped */
    bool refused;        /* it says that it cannot run here */
    uint64_t peak_bytes; /* resident, by wait4 */
};

/* Takes the last words of a runner that has ended; false while it runs. The slot is free after
 * slot_clear. */
bool slot_reap(struct slot *slot, const struct slot_listener *listener, struct slot_ending *ending);
void slot_clear(struct slot *slot);

#endif
