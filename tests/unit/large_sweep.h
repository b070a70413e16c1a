/* A sweep that is stored in many pieces: 100 points, each with so many seeds. */
#ifndef LIPSWEEP_TESTS_UNIT_LARGE_SWEEP_H
#define LIPSWEEP_TESTS_UNIT_LARGE_SWEEP_H

#include "tests/unit/coordinator_harness.h"

#define LARGE(seeds)                                                                               \
    "name: large\ndataset: glyphs\nmodel: mnist-cnn\n"                                             \
    "train: {epochs: 1, batch: 100, lr: 0.05}\ngrid: {k: {from: 0.01, to: 1, count: 100}}\n"       \
    "loss: {lambda: 1, sigma: 0.1}\nseeds: " #seeds                                                \
    "\nbaseline: false\ntest: {sigma: [0], seed: 1}\n"

/* A client's request; what is stored comes with dispatch_tasks. */
static inline void large_submit(const char *text)
{
    harness_hello(200, WIRE__ROLE__ROLE_CLIENT, 200);
    Wire__Submit submit = WIRE__SUBMIT__INIT;
    submit.file = (char *)(uintptr_t) "large.yaml";
    submit.text.data = (uint8_t *)(uintptr_t)text;
    submit.text.len = strlen(text);
    SEND(200, SUBMIT, submit, &submit);
}

/* In few transactions: each waits for the disk. */
static inline void large_store(void)
{
    while (harness.dispatch.submissions.count > 0) {
        GOOD(store_begin(&harness.store, &error));
        GOOD(dispatch_tasks(&harness.dispatch, INT64_MAX, &error));
        harness_commit();
    }
}

#endif
