/* The analysis against R on the designs of tests/analysis/designs.txt: every number of expected.csv
 * (tests/analysis/reference.R, which needs no R to be compared with) to 1e-8 relative. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/analysis/anova.h"
#include "client/analysis/comparison.h"
#include "client/analysis/contrast.h"
#include "client/analysis/main_effect.h"
#include "client/analysis/shares.h"

enum { DESIGNS_MAX = 64, LINE = 256, SEEDS_MAX = 16, LEVELS_MAX = 8 };

struct analysed {
    struct design design;
    struct anova anova;
    struct shares shares;
    struct brown_forsythe spread;
    struct estimate *differences; /* [cell], to the first that is there */
    double *adjusted;
};

static struct analysed all[DESIGNS_MAX];
static size_t design_count;

static FILE *open_file(const char *name)
{
    char path[LINE * 2];
    snprintf(path, sizeof path, "%s/tests/analysis/%s", SOURCE_ROOT, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    return file;
}

/* "D id name independent levels...": every axis has the levels 0.1, 0.3, 0.9, … */
static void begin_design(struct design *design, char *line)
{
    char *rest = NULL;
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    static const double numbers[LEVELS_MAX] = {0.1, 0.3, 0.9, 2.7, 8.1, 24.3, 72.9, 218.7};
    design_init(design);
    strtok_r(line, " ", &rest);
    strtok_r(NULL, " ", &rest);
    strtok_r(NULL, " ", &rest);
    design->independent = atoi(strtok_r(NULL, " ", &rest)) != 0;
    for (char *word; (word = strtok_r(NULL, " \n", &rest));) {
        const char *name = names[design->axis_count];
        design_add_axis(design, name, name, numbers, NULL, (size_t)atoi(word));
    }
}

/* The seeds that a design has are known at its end. */
static void end_design(struct design *design, double values[][SEEDS_MAX], size_t seed_count)
{
    design_set_seeds(design, NULL, seed_count);
    for (size_t cell = 0; cell < design->cell_count; cell++)
        for (size_t seed = 0; seed < seed_count; seed++)
            *design_at(design, cell, seed) = values[cell][seed];
}

static int read_designs(void **state)
{
    (void)state;
    enum { CELLS_MAX = 128 };
    static double values[CELLS_MAX][SEEDS_MAX];
    FILE *file = open_file("designs.txt");
    char line[LINE];
    size_t seeds = 0;
    struct design *design = NULL;
    while (fgets(line, sizeof line, file)) {
        unsigned cell, seed, value;
        if (line[0] == 'D') {
            if (design)
                end_design(design, values, seeds);
            design = &all[design_count++].design;
            begin_design(design, line);
            seeds = 0;
            for (size_t i = 0; i < (size_t)CELLS_MAX * SEEDS_MAX; i++)
                values[i / SEEDS_MAX][i % SEEDS_MAX] = NAN;
        } else if (sscanf(line, "R %u %u %u", &cell, &seed, &value) == 3) { // NOLINT(cert-err34-c)
            values[cell][seed - 1] = value / 10000.0;
            seeds = seed > seeds ? seed : seeds;
        }
    }
    if (design)
        end_design(design, values, seeds);
    fclose(file);
    return 0;
}

static void compare_cells(struct analysed *a)
{
    size_t count = a->design.cell_count, first = 0;
    double *p = malloc(count * sizeof *p);
    a->differences = malloc(count * sizeof *a->differences);
    a->adjusted = malloc(count * sizeof *a->adjusted);
    while (!design_has_cell(&a->design, first))
        first++;
    for (size_t cell = 0; cell < count; cell++) {
        a->differences[cell] = design_difference(&a->design, cell, first);
        p[cell] = cell > first ? a->differences[cell].p : NAN;
    }
    comparison_holm(p, count, a->adjusted);
    free(p);
}

static int analyse(void **state)
{
    read_designs(state);
    for (size_t i = 0; i < design_count; i++) {
        struct analysed *a = &all[i];
        anova_fit(&a->anova, &a->design);
        shares_estimate(&a->shares, &a->anova, &a->design);
        a->spread = comparison_brown_forsythe(&a->design);
        compare_cells(a);
    }
    return 0;
}

static int forget(void **state)
{
    (void)state;
    for (size_t i = 0; i < design_count; i++) {
        shares_finish(&all[i].shares);
        anova_finish(&all[i].anova);
        design_finish(&all[i].design);
        free(all[i].differences);
        free(all[i].adjusted);
    }
    return 0;
}

/* "a:c": 1 << 0 | 1 << 2. */
static unsigned axes_of(const char *name)
{
    unsigned axes = 0;
    for (; *name; name++)
        if (*name != ':')
            axes |= 1u << (*name - 'a');
    return axes;
}

static double of_effect(const struct analysed *a, const char *quantity, const char *name)
{
    const struct anova_effect *effect = anova_find(&a->anova, axes_of(name));
    assert_non_null(effect);
    const struct {
        const char *name;
        double value;
    } values[] = {
        {"rank", (double)effect->rank},
        {"f", effect->f},
        {"df2", effect->degrees2},
        {"p", effect->p},
        {"p_gg", effect->p_gg},
        {"p_hf", effect->p_hf},
        {"epsilon_gg", effect->epsilon_gg},
        {"epsilon_hf", effect->epsilon_hf},
        {"size", effect->size},
        {"size_low", effect->size_low},
        {"size_high", effect->size_high},
        {"share", a->shares.effects ? a->shares.effects[effect - a->anova.effects].value : NAN},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (strcmp(values[i].name, quantity) == 0)
            return values[i].value;
    fail_msg("no quantity %s", quantity);
    return NAN;
}

static double of_cell(const struct analysed *a, const char *quantity, size_t cell)
{
    struct estimate mean = statistics_values(design_at(&a->design, cell, 0), a->design.seed_count);
    if (strcmp(quantity, "mean") == 0)
        return mean.mean;
    if (strcmp(quantity, "sd") == 0)
        return mean.sd;
    if (strcmp(quantity, "half_width") == 0)
        return mean.half_width;
    if (strcmp(quantity, "difference") == 0)
        return a->differences[cell].mean;
    if (strcmp(quantity, "difference_half_width") == 0)
        return a->differences[cell].half_width;
    return strcmp(quantity, "difference_p") == 0 ? a->differences[cell].p : a->adjusted[cell];
}

static double ours(const struct analysed *a, const char *quantity, const char *name)
{
    bool per_decade;
    if (strcmp(quantity, "refused") == 0)
        return a->anova.refusal != NULL;
    if (strcmp(quantity, "brown_forsythe") == 0)
        return strcmp(name, "f") == 0 ? a->spread.f : a->spread.p;
    if (strcmp(quantity, "total") == 0)
        return a->shares.total[name[0] - 'a'].value;
    if (strncmp(quantity, "ends", 4) == 0) {
        size_t axis = (size_t)(name[0] - 'a');
        struct estimate ends =
            main_effect_difference(&a->design, axis, 0, a->design.axes[axis].level_count - 1);
        return !quantity[4]                      ? ends.mean
               : strcmp(quantity, "ends_p") == 0 ? ends.p
                                                 : ends.half_width;
    }
    if (strncmp(quantity, "trend", 5) == 0) {
        struct estimate trend = main_effect_trend(&a->design, (size_t)(name[0] - 'a'), &per_decade);
        return quantity[5] ? trend.half_width : trend.mean;
    }
    if (name[0] >= '0' && name[0] <= '9')
        return of_cell(a, quantity, (size_t)atoi(name));
    return of_effect(a, quantity, name);
}

static bool agrees(double value, double expected)
{
    const double RELATIVE = 1e-8, ABSOLUTE = 1e-12;
    if (isnan(expected))
        return isnan(value);
    return fabs(value - expected) <= RELATIVE * fabs(expected) + ABSOLUTE;
}

static void numbers_of_r(void **state)
{
    (void)state;
    FILE *file = open_file("expected.csv");
    char line[LINE];
    size_t count = 0, wrong = 0;
    assert_non_null(fgets(line, sizeof line, file));
    while (fgets(line, sizeof line, file)) {
        char *rest = line;
        size_t design = (size_t)atoi(strsep(&rest, ",")) - 1;
        const char *quantity = strsep(&rest, ","), *name = strsep(&rest, ",");
        double expected = strncmp(rest, "NA", 2) == 0 ? NAN : strtod(rest, NULL);
        assert_in_range(design, 0, design_count - 1);
        double value = ours(&all[design], quantity, name);
        count++;
        if (!agrees(value, expected)) {
            wrong++;
            print_error("design %zu %s %s: %.12g, R has %.12g\n", design + 1, quantity, name, value,
                        expected);
        }
    }
    fclose(file);
    assert_true(design_count >= 30);
    assert_true(count > 5000);
    assert_int_equal(wrong, 0);
}

/* R itself, where it is installed: the committed numbers are what it says today. */
static void r_again(void **state)
{
    (void)state;
    char script[LINE * 2], designs[LINE * 2], expected[LINE * 2];
    snprintf(script, sizeof script, "%s/tests/analysis/reference.R", SOURCE_ROOT);
    snprintf(designs, sizeof designs, "%s/tests/analysis/designs.txt", SOURCE_ROOT);
    snprintf(expected, sizeof expected, "%s/tests/analysis/expected.csv", SOURCE_ROOT);
    char program[] = "Rscript", check[] = "check";
    char *const arguments[] = {program, script, check, designs, expected, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status;
    /* What R prints is no test's output. */
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    int error = posix_spawnp(&child, "Rscript", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error == ENOENT)
        skip();
    assert_int_equal(error, 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A share without an interval is there with one seed a point alone; zeros of noise have none. */
static void intervals_hold_their_estimates(void **state)
{
    (void)state;
    size_t with = 0;
    for (size_t i = 0; i < design_count; i++) {
        const struct shares *shares = &all[i].shares;
        for (size_t e = 0; !shares->refusal && e < shares->effect_count; e++) {
            if (!shares->noise_removed)
                assert_true(isnan(shares->effects[e].low));
            if (isnan(shares->effects[e].low))
                continue;
            assert_true(shares->effects[e].low <= shares->effects[e].high);
            with++;
        }
    }
    assert_true(with > 50);
}

/* The basis spans what it says: orthonormal, and orthogonal to every effect that does not contain
 * it. */
static void spaces_of_an_incomplete_grid(void **state)
{
    (void)state;
    struct design design;
    design_init(&design);
    const double numbers[] = {1, 2, 3};
    design_add_axis(&design, "a", "a", numbers, NULL, 3);
    design_add_axis(&design, "b", "b", numbers, NULL, 3);
    const size_t cells[] = {0, 1, 2, 3, 5, 6, 7, 8};
    size_t rank;
    double *basis = contrast_type2(&design, cells, 8, NULL, 3, &rank);
    assert_int_equal(rank, 3); /* 4 on the full grid */
    for (size_t i = 0; i < rank; i++) {
        double length = 0, row = 0, column = 0;
        for (size_t j = 0; j < 8; j++) {
            double value = basis[i * 8 + j];
            length += value * value;
            row += cells[j] / 3 == 1 ? value : 0;
            column += cells[j] % 3 == 1 ? value : 0;
        }
        assert_true(fabs(length - 1) < 1e-12);
        assert_true(fabs(row) < 1e-12 && fabs(column) < 1e-12);
    }
    free(basis);
    design_finish(&design);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_r),
        cmocka_unit_test(r_again),
        cmocka_unit_test(intervals_hold_their_estimates),
        cmocka_unit_test(spaces_of_an_incomplete_grid),
    };
    return cmocka_run_group_tests(tests, analyse, forget);
}
