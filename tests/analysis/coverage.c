/* analysis_coverage [SWEEPS]: simulates that many sweeps a scenario (2000) and prints, as the table
 * of docs/analysis.md, how often in percent intervals cover and tests reject. */
#include <stdio.h>
#include <stdlib.h>

#include "common/stein.h"
#include "tests/analysis/simulation.h"

enum { SCENARIOS_MAX = 16 };

/* What one seed, or few for Stein's rule, have no interval or test for has never been counted. */
static void print_share(size_t count, size_t row, size_t sweeps, size_t seed_count)
{
    size_t least = row == SIMULATION_STEIN ? STEIN_FIRST_MIN : 2;
    if (seed_count < least && count == 0)
        printf(" – |");
    else
        printf(" %.1f |", 100 * (double)count / (double)sweeps);
}

int main(int argc, char **argv)
{
    static size_t counts[SCENARIOS_MAX][SIMULATION_ROW_COUNT];
    size_t sweeps = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000, scenarios = 0;
    if (sweeps == 0) {
        fputs("usage: analysis_coverage [SWEEPS]\n", stderr);
        return 2;
    }
    printf("| percent of %zu sweeps |", sweeps);
    for (; simulation_scenarios[scenarios].name; scenarios++) {
        printf(" %s |", simulation_scenarios[scenarios].name);
        simulation_run(&simulation_scenarios[scenarios], sweeps, counts[scenarios]);
    }
    printf("\n|---|");
    for (size_t i = 0; i < scenarios; i++)
        printf("---|");
    for (size_t row = 0; row < SIMULATION_ROW_COUNT; row++) {
        printf("\n| %s |", simulation_texts[row]);
        for (size_t i = 0; i < scenarios; i++)
            print_share(counts[i][row], row, sweeps, simulation_scenarios[i].seed_count);
    }
    printf("\n");
    return 0;
}
