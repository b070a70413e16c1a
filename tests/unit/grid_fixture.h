/* A sweep file's grid, and its jobs in words. */
#ifndef LIPSWEEP_TESTS_GRID_FIXTURE_H
#define LIPSWEEP_TESTS_GRID_FIXTURE_H

#include "common/grid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const char digest[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static inline void parse(const char *text, struct sweep *sweep)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics, "f.yaml", text, strlen(text));
    bool good = sweep_parse(sweep, &diagnostics);
    if (!good)
        diagnostics_print(&diagnostics, stderr);
    assert_true(good);
    diagnostics_finish(&diagnostics);
    for (size_t i = 0; sweep_dataset(sweep, i); i++)
        assert_true(sweep_set_digest(sweep, sweep_dataset(sweep, i), digest, NULL));
}

#define HEAD "name: x\ndataset: mnist\nmodel: resnet20\ntrain: {epochs: 1}\n"

static inline void parse_rest(const char *rest, struct sweep *sweep)
{
    char text[4096];
    snprintf(text, sizeof text, "%s%s", HEAD, rest);
    parse(text, sweep);
}

/* "lambda k sigma control seed" of every job. */
static inline void assert_jobs(const char *rest, const char *const *expected, size_t count)
{
    struct sweep sweep;
    struct grid grid;
    parse_rest(rest, &sweep);
    assert_true(grid_init(&grid, &sweep, NULL));
    for (size_t i = 0; i < grid.job_count && i < count; i++) {
        struct job job;
        char text[200];
        grid_job(&grid, i, &job);
        assert_true(job_check(&job, NULL, NULL));
        snprintf(text, sizeof text, "%g %g %g %s %d", job.lambda, job.k, job.sigma,
                 parameter_choice_name(PARAMETER_CONTROL, (int)job.control), (int)job.seed);
        assert_string_equal(text, expected[i]);
    }
    assert_int_equal(grid.job_count, count);
    grid_finish(&grid);
    sweep_finish(&sweep);
}

#define ASSERT_JOBS(rest, ...)                                                                     \
    assert_jobs(rest, (const char *const[]){__VA_ARGS__},                                          \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

#endif
