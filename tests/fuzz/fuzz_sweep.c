/* Any bytes as a sweep file and as a job: nothing but a report may come of it, and what is accepted
 * is sound. Built with -Dfuzz=true; start it from the sweeps there are:
 *
 *     build-fuzz/tests/fuzz/fuzz_sweep -max_total_time=60 CORPUS sweeps */
#include "common/grid.h"
#include "common/sweep.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A point is a valid job whose text gives it back. */
static void check_point(const struct grid *grid, size_t point)
{
    struct job job, back;
    struct error error;
    char text[JOB_TEXT_MAX];
    uint8_t hash[32], hash_back[32];
    grid_point(grid, point, &job);
    bool good = job_check(&job, NULL, &error) && job_text(&job, text, &error) &&
                job_parse(text, strlen(text), &back, &error);
    if (!good) {
        fprintf(stderr, "point %zu: %s\n", point, error.message);
        abort();
    }
    job_hash(&job, hash);
    job_hash(&back, hash_back);
    assert(memcmp(hash, hash_back, sizeof hash) == 0);
}

static void check_sweep(const struct sweep *sweep)
{
    struct grid grid;
    struct error error;
    if (!grid_init(&grid, sweep, &error)) /* conditions may leave nothing */
        return;
    assert(grid.point_count > 0);
    for (size_t i = 0; i < 8; i++)
        check_point(&grid, (grid.point_count - 1) * i / 7);
    grid_finish(&grid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    if (!nowhere)
        nowhere = fopen("/dev/null", "w");
    assert(nowhere);
    char *text = malloc(size + (size == 0)); /* its own end, so that reading past it is seen */
    assert(text);
    memcpy(text, data, size);
    struct diagnostics diagnostics;
    struct sweep sweep;
    struct job job;
    struct error error;
    diagnostics_init(&diagnostics, "fuzz", text, size);
    if (sweep_parse(&sweep, &diagnostics)) {
        check_sweep(&sweep);
        sweep_finish(&sweep);
    }
    diagnostics_print(&diagnostics, nowhere);
    diagnostics_finish(&diagnostics);
    if (job_parse(text, size, &job, &error))
        assert(job_check(&job, NULL, &error));
    free(text);
    return 0;
}
