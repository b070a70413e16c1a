/* The short form of tests/analysis/coverage.c: bands wide enough for 200 sweeps (a fixed seed: it
 * gives the same every time), narrow enough for a wrong method to fall out of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/analysis/simulation.h"

enum { SWEEPS = 200 };

static void within(size_t count, double low, double high, enum simulation_row row)
{
    double percent = 100.0 * (double)count / SWEEPS;
    if (percent < low || percent > high)
        fail_msg("%s: %.1f %%, not %.0f to %.0f", simulation_texts[row], percent, low, high);
}

static void check(const struct scenario *scenario)
{
    size_t counts[SIMULATION_ROW_COUNT];
    simulation_run(scenario, SWEEPS, counts);
    for (int row = SIMULATION_MEAN; row <= SIMULATION_CONTRAST; row++)
        within(counts[row], 90, 99.5, row);
    for (int row = SIMULATION_SIZE_LARGE; row <= SIMULATION_SIZE_LARGE_4; row++)
        within(counts[row], 88, 100, row);
    for (int row = SIMULATION_FIRST_LARGE; row <= SIMULATION_OMEGA_ZERO; row++)
        within(counts[row], 89, 100, row);
    for (int row = SIMULATION_REJECT_HF_2; row <= SIMULATION_REJECT_HF_8; row++)
        within(counts[row], 0.5, 12.5, row);
}

static void shared_seeds(void **state)
{
    (void)state;
    check(&simulation_scenarios[0]);
}

static void seeds_that_tilt_effects(void **state)
{
    (void)state;
    check(&simulation_scenarios[1]);
}

static void independent_seeds(void **state)
{
    (void)state;
    check(&simulation_scenarios[2]);
}

/* Combinations of the other axes stand for seeds; there is no interval for a point. */
static void one_seed(void **state)
{
    (void)state;
    size_t counts[SIMULATION_ROW_COUNT];
    simulation_run(&simulation_scenarios[5], SWEEPS, counts);
    within(counts[SIMULATION_MEAN], 0, 0, SIMULATION_MEAN);
    within(counts[SIMULATION_CONTRAST], 90, 99.5, SIMULATION_CONTRAST);
    for (int row = SIMULATION_SIZE_LARGE; row <= SIMULATION_SIZE_LARGE_4; row++)
        within(counts[row], 88, 100, row);
    within(counts[SIMULATION_REJECT_HF_2], 1, 9, SIMULATION_REJECT_HF_2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_seeds),
        cmocka_unit_test(seeds_that_tilt_effects),
        cmocka_unit_test(independent_seeds),
        cmocka_unit_test(one_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
