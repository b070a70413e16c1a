#include "client/analysis/anova.h"

#include <math.h>
#include <stdlib.h>

#include "client/analysis/anova_private.h"
#include "client/analysis/contrast.h"
#include "client/memory.h"

double anova_p(const struct anova_effect *effect)
{
    return effect->p_hf;
}

const struct anova_effect *anova_find(const struct anova *anova, unsigned axes)
{
    for (size_t i = 0; i < anova->effect_count; i++)
        if (anova->effects[i].axes == axes)
            return &anova->effects[i];
    return NULL;
}

double anova_negligible(const struct design *design, size_t terms)
{
    const double ROUNDING = 1e-13;
    double largest = 0;
    for (size_t i = 0; i < design->cell_count * design->seed_count; i++)
        if (!isnan(design->response[i]))
            largest = fmax(largest, fabs(design->response[i]));
    return ROUNDING * largest * ROUNDING * largest * (double)(terms * design->cell_count);
}

static bool has_all_cells(const struct design *design, const struct anova *anova, size_t seed)
{
    for (size_t i = 0; i < anova->cell_count; i++)
        if (isnan(*design_at(design, anova->cells[i], seed)))
            return false;
    return true;
}

static void gather(struct anova *anova, const struct design *design)
{
    anova->cells = memory_allocate(design->cell_count, sizeof *anova->cells);
    anova->seeds = memory_allocate(design->seed_count, sizeof *anova->seeds);
    anova->left_out = memory_allocate(design->seed_count, sizeof *anova->left_out);
    for (size_t cell = 0; cell < design->cell_count; cell++)
        if (design_has_cell(design, cell))
            anova->cells[anova->cell_count++] = cell;
    for (size_t seed = 0; seed < design->seed_count; seed++)
        if (has_all_cells(design, anova, seed))
            anova->seeds[anova->seed_count++] = seed;
        else
            anova->left_out[anova->left_out_count++] = seed;
    anova->complete = anova->cell_count == design->cell_count;
    anova->equal = anova->complete && anova->left_out_count == 0;
}

static void find_pure_error(struct anova *anova, const struct design *design)
{
    double sum = 0, degrees = 0;
    for (size_t i = 0; i < anova->cell_count; i++) {
        struct estimate cell =
            statistics_values(design_at(design, anova->cells[i], 0), design->seed_count);
        if (cell.n > 1)
            sum += cell.sd * cell.sd * (double)(cell.n - 1);
        degrees += (double)(cell.n - 1);
    }
    anova->pure_degrees = degrees;
    anova->pure_mean_square = degrees > 0 ? sum / degrees : NAN;
}

/* NULL: can be done. Settles what the error is. */
static const char *judge(struct anova *anova, const struct design *design)
{
    if (design->axis_count == 0)
        return "no axis has two values";
    if (anova->cell_count < 2)
        return "fewer than two points of the grid have results";
    if (!anova->complete && design->cell_count > CONTRAST_INCOMPLETE_MAX)
        return "the grid is incomplete and too large for type II tests";
    if (design->independent) {
        find_pure_error(anova, design);
        if (!anova->equal && anova->pure_degrees > 0 &&
            design->cell_count > CONTRAST_INCOMPLETE_MAX)
            return "the grid is unbalanced and too large for type II tests";
        anova->error = anova->pure_degrees > 0 ? ANOVA_ERROR_PURE : ANOVA_ERROR_HIGHEST;
        return NULL;
    }
    if (design->seed_count == 1) {
        anova->error = ANOVA_ERROR_HIGHEST;
        return NULL;
    }
    anova->error = ANOVA_ERROR_SEED;
    return anova->seed_count < 2 ? "fewer than two seeds have every point of the grid" : NULL;
}

static int compare_effects(const void *a, const void *b)
{
    unsigned x = ((const struct anova_effect *)a)->axes, y = ((const struct anova_effect *)b)->axes;
    int order = __builtin_popcount(x) - __builtin_popcount(y);
    return order != 0 ? order : (x > y) - (x < y);
}

static void list_effects(struct anova *anova, const struct design *design)
{
    anova->effect_count = (1u << design->axis_count) - 1;
    anova->effects = memory_allocate(anova->effect_count, sizeof *anova->effects);
    for (size_t i = 0; i < anova->effect_count; i++)
        anova->effects[i] = (struct anova_effect){.axes = (unsigned)i + 1};
    qsort(anova->effects, anova->effect_count, sizeof *anova->effects, compare_effects);
}

void anova_fit(struct anova *anova, const struct design *design)
{
    *anova = (struct anova){0};
    gather(anova, design);
    anova->refusal = judge(anova, design);
    if (anova->refusal)
        return;
    list_effects(anova, design);
    for (size_t i = 0; i < anova->effect_count; i++)
        if (anova->error == ANOVA_ERROR_SEED)
            anova_test_by_seed(anova, design, &anova->effects[i]);
        else
            anova_sum_squares(anova, design, &anova->effects[i]);
    if (anova->error != ANOVA_ERROR_SEED)
        anova_test_pooled(anova, design);
}

void anova_finish(struct anova *anova)
{
    free(anova->cells);
    free(anova->seeds);
    free(anova->left_out);
    free(anova->effects);
    *anova = (struct anova){0};
}
