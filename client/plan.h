/* What `lipsweep plan` found out (plan.c), and how it is shown (plan_print.c). */
#ifndef LIPSWEEP_CLIENT_PLAN_H
#define LIPSWEEP_CLIENT_PLAN_H

#include "client/forecast.h"
#include "client/plan_known.h"
#include "client/sweep_input.h"
#include "client/table.h"
#include "common/grid.h"

struct plan {
    const struct sweep_input *input;
    const struct sweep *sweep;
    const char *directory; /* of data sets; NULL: the default places */
    struct grid grid;
    struct rows *speeds, *quotients; /* NULL without a database */
    struct plan_known known;
    struct dataset_facts own_facts; /* of the user's own data set, where it is here */
    bool has_own_facts;
    struct forecast forecast;
    int64_t slots;
    bool is_compared; /* with a database: without the data's digest no hash means anything */
    int64_t new_count, tested_count, finished_count, running_count, reused_count, retrained_count;
    struct plan_left left;
};

void plan_print_people(const struct plan *plan);
WARN_UNUSED bool plan_print_programs(const struct plan *plan, const struct table_options *options,
                                     struct error *error);

#endif
