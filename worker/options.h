/* The worker's command line: what was asked for, with defaults filled in. */
#ifndef LIPSWEEP_WORKER_OPTIONS_H
#define LIPSWEEP_WORKER_OPTIONS_H

#include "common/labels.h"
#include "worker/disk.h"
#include "worker/dump.h"
#include "worker/measure.h"
#include "worker/predict.h"
#include "worker/runner.h"
#include "worker/spool.h"
#include "worker/supervisor.h"

enum options_verb {
    OPTIONS_WORK,
    OPTIONS_TRAIN,
    OPTIONS_DUMP,
    OPTIONS_PREDICT,
    OPTIONS_MEASURE,
    OPTIONS_PRINTED
};

struct options {
    enum options_verb verb;
    struct supervisor_options work; /* OPTIONS_WORK */
    struct runner_options train;    /* OPTIONS_TRAIN */
    struct dump_options dump;       /* OPTIONS_DUMP */
    struct predict_options predict; /* OPTIONS_PREDICT */
    struct measure_options measure; /* OPTIONS_MEASURE */
    struct key join;
    char labels[LABELS_MAX];
    char endpoint[256]; /* what these point to where a default was taken */
    char spool[SPOOL_PATH_MAX];
    char cache[DISK_PATH_MAX];
};

/* OPTIONS_PRINTED: --help or --version was asked for and answered. */
WARN_UNUSED bool options_read(struct options *options, int argc, char **argv, struct error *error);

#endif
