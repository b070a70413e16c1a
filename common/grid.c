#include "common/grid.h"

#include <assert.h>
#include <string.h>

#include "common/hash.h"

/* A branch's number is made of these bits. */
enum { BRANCH_LIPSCHITZ = 1, BRANCH_AUGMENTED = 2, BRANCH_ADAM = 4 };

static bool has_meaning(enum parameter parameter, int branch)
{
    bool lipschitz = branch & BRANCH_LIPSCHITZ, augmented = branch & BRANCH_AUGMENTED;
    switch (parameter) {
    case PARAMETER_K:
        return lipschitz && !augmented;
    case PARAMETER_PENALTY:
    case PARAMETER_GRAD_THROUGH:
        return lipschitz;
    case PARAMETER_SIGMA:
    case PARAMETER_BN_PASSES:
    case PARAMETER_BN_RUNNING:
        return lipschitz || augmented;
    case PARAMETER_MOMENTUM:
    case PARAMETER_NESTEROV:
        return !(branch & BRANCH_ADAM);
    case PARAMETER_BETA1:
    case PARAMETER_BETA2:
    case PARAMETER_EPS:
        return branch & BRANCH_ADAM;
    default:
        return true;
    }
}

/* The bit that a switch decides; 0 for other parameters. */
static int bit_of(enum parameter parameter)
{
    switch (parameter) {
    case PARAMETER_LAMBDA:
        return BRANCH_LIPSCHITZ;
    case PARAMETER_CONTROL:
        return BRANCH_AUGMENTED;
    case PARAMETER_OPTIMIZER:
        return BRANCH_ADAM;
    default:
        return 0;
    }
}

static bool is_special_value(enum parameter parameter, double value)
{
    if (parameter == PARAMETER_CONTROL)
        return value != CONTROL_NONE;
    return value == (parameter == PARAMETER_LAMBDA ? 0 : OPTIMIZER_ADAM);
}

/* At most one value of an axis is special: the switch's lambda 0, a control or adam, or, on other
 * axes, the first one, which stands for all where the parameter has no meaning. */
static size_t special_index(const struct sweep_axis *axis)
{
    size_t index = 0;
    if (bit_of(axis->parameter) != 0) {
        while (index < axis->count && !is_special_value(axis->parameter, axis->numbers[index]))
            index++;
    }
    return index; /* axis->count: there is none */
}

/* The control of the branches that have one, outside of baselines. */
static enum control own_control(const struct sweep *sweep)
{
    const struct sweep_axis *axis = sweep_axis(sweep, PARAMETER_CONTROL);
    if (!axis)
        return sweep->base.control;
    size_t index = special_index(axis);
    return index < axis->count ? (enum control)axis->numbers[index] : CONTROL_NONE;
}

/* Whether a branch holds combinations with this axis at its special value, or at another. */
static bool allows(const struct sweep_axis *axis, int branch, bool is_special)
{
    int bit = bit_of(axis->parameter);
    if (bit == BRANCH_LIPSCHITZ)
        return is_special == !(branch & bit);
    if (bit != 0)
        return is_special == !!(branch & bit);
    return is_special || has_meaning(axis->parameter, branch);
}

/* A baseline sets lambda and the control itself; k and sigma follow from their meaning there. */
static bool is_used(const struct grid_part *part, enum parameter parameter)
{
    return !part->is_baseline || (parameter != PARAMETER_LAMBDA && parameter != PARAMETER_CONTROL);
}

static int base_branch(const struct sweep *sweep)
{
    const struct job *base = &sweep->base;
    return (base->lambda > 0 ? BRANCH_LIPSCHITZ : 0) |
           (base->control != CONTROL_NONE ? BRANCH_AUGMENTED : 0) |
           (base->optimizer == OPTIMIZER_ADAM ? BRANCH_ADAM : 0);
}

/* A branch exists in a part when every switch without an axis there stands so. */
static bool branch_exists(const struct sweep *sweep, const struct grid_part *part, int branch)
{
    int fixed = BRANCH_LIPSCHITZ | BRANCH_AUGMENTED | BRANCH_ADAM, own = base_branch(sweep);
    for (size_t i = 0; i < sweep->axis_count; i++) {
        if (is_used(part, sweep->axes[i].parameter))
            fixed &= ~bit_of(sweep->axes[i].parameter);
    }
    if (part->is_baseline) {
        own &= BRANCH_ADAM;
        own |= part->control == CONTROL_NONE ? 0 : BRANCH_AUGMENTED;
    }
    bool is_covered =
        !part->is_baseline && !(branch & BRANCH_LIPSCHITZ) &&
        sweep->baseline[branch & BRANCH_AUGMENTED ? own_control(sweep) : CONTROL_NONE];
    return !((own ^ branch) & fixed) && !is_covered;
}

static size_t values_in(const struct sweep_axis *axis, size_t special, int branch)
{
    bool has_special = special < axis->count;
    return (has_special && allows(axis, branch, true)) +
           (axis->count - has_special) * allows(axis, branch, false);
}

static void count_part(const struct grid *grid, struct grid_part *part)
{
    const struct sweep *sweep = grid->sweep;
    part->point_count = 0;
    for (int branch = 0; branch < GRID_BRANCH_COUNT; branch++) {
        part->alive[branch] = branch_exists(sweep, part, branch);
        part->rest[sweep->axis_count][branch] = 1;
        for (size_t i = sweep->axis_count; i-- > 0;) {
            const struct sweep_axis *axis = &sweep->axes[i];
            bool used = is_used(part, axis->parameter);
            part->rest[i][branch] =
                part->rest[i + 1][branch] * (used ? values_in(axis, grid->special[i], branch) : 1);
        }
        part->point_count += part->alive[branch] * part->rest[0][branch];
    }
}

static void add_part(struct grid *grid, struct grid_part part)
{
    count_part(grid, &part);
    grid->point_count += part.point_count;
    grid->parts[grid->part_count++] = part;
}

bool grid_init(struct grid *grid, const struct sweep *sweep, struct error *error)
{
    *grid = (struct grid){.sweep = sweep};
    if (sweep->part_count > 0) {
        if (!grid_list_init(&grid->list, sweep, error))
            return false;
        grid->point_count = grid->list.point_count;
        grid->job_count = grid->point_count * sweep->seed_count;
        return true;
    }
    for (size_t i = 0; i < sweep->axis_count; i++)
        grid->special[i] = special_index(&sweep->axes[i]);
    for (int i = 0; i < CONTROL_COUNT; i++) {
        if (sweep->baseline[i])
            add_part(grid, (struct grid_part){.is_baseline = true, .control = (enum control)i});
    }
    add_part(grid, (struct grid_part){.is_baseline = false});
    grid->job_count = grid->point_count * sweep->seed_count;
    return true;
}

void grid_finish(struct grid *grid)
{
    grid_list_finish(&grid->list);
}

/* Combinations left when this axis takes its special value, or one other value. */
static size_t weigh(const struct grid_part *part, size_t axis_index, const struct sweep_axis *axis,
                    const bool alive[GRID_BRANCH_COUNT], bool is_special)
{
    size_t weight = 0;
    for (int branch = 0; branch < GRID_BRANCH_COUNT; branch++) {
        if (alive[branch] && allows(axis, branch, is_special))
            weight += part->rest[axis_index + 1][branch];
    }
    return weight;
}

/* The value of one axis at combination `*ordinal` of those that are left; `*ordinal` becomes the
 * number among those with that value. */
static size_t choose(const struct grid *grid, const struct grid_part *part, size_t axis_index,
                     const bool alive[GRID_BRANCH_COUNT], size_t *ordinal)
{
    const struct sweep_axis *axis = &grid->sweep->axes[axis_index];
    size_t special = grid->special[axis_index];
    size_t weight = weigh(part, axis_index, axis, alive, false);
    size_t special_weight = special < axis->count ? weigh(part, axis_index, axis, alive, true) : 0;
    size_t before = special * weight;
    if (*ordinal >= before && *ordinal < before + special_weight) {
        *ordinal -= before;
        return special;
    }
    assert(weight > 0);
    bool is_after = *ordinal >= before;
    size_t other = is_after ? *ordinal - special_weight : *ordinal;
    *ordinal = other % weight;
    return other / weight + is_after;
}

static void part_point(const struct grid *grid, const struct grid_part *part, size_t ordinal,
                       struct job *job)
{
    const struct sweep *sweep = grid->sweep;
    bool alive[GRID_BRANCH_COUNT];
    for (int branch = 0; branch < GRID_BRANCH_COUNT; branch++)
        alive[branch] = part->alive[branch] != 0;
    for (size_t i = 0; i < sweep->axis_count; i++) {
        const struct sweep_axis *axis = &sweep->axes[i];
        if (!is_used(part, axis->parameter))
            continue;
        size_t index = choose(grid, part, i, alive, &ordinal);
        bool is_special = index == grid->special[i];
        for (int branch = 0; branch < GRID_BRANCH_COUNT; branch++)
            alive[branch] = alive[branch] && allows(axis, branch, is_special);
        sweep_axis_set(job, axis, index);
    }
    assert(ordinal == 0);
    if (part->is_baseline) {
        job->lambda = 0;
        job->control = part->control;
    }
}

void grid_point(const struct grid *grid, size_t point, struct job *job)
{
    const struct grid_part *part = grid->parts;
    assert(point < grid->point_count);
    if (grid->sweep->part_count > 0) {
        grid_list_point(&grid->list, point, job);
    } else {
        for (; point >= part->point_count; part++)
            point -= part->point_count;
        *job = grid->sweep->base;
        part_point(grid, part, point, job);
        job_normalise(job);
    }
    job->seed = grid->sweep->seeds[0];
}

/* Whole numbers to 2^53 are exact everywhere. */
int64_t grid_own_seed(const struct job *point, int64_t replicate)
{
    enum { SEED_BITS = 53 };
    uint8_t hash[HASH_BYTES];
    uint64_t seed = 0;
    struct job job = *point;
    job.seed = replicate;
    job.dataset_digest[0] = job.init_digest[0] = '\0'; /* not known everywhere */
    job_train_hash(&job, hash);
    for (size_t i = 0; i < sizeof seed; i++)
        seed = seed << 8 | hash[i];
    return (int64_t)(seed >> (64 - SEED_BITS));
}

void grid_job(const struct grid *grid, size_t ordinal, struct job *job)
{
    assert(ordinal < grid->job_count);
    grid_point(grid, grid_point_of(grid, ordinal), job);
    job->seed = grid->sweep->seeds[ordinal / grid->point_count];
    if (grid->sweep->independent_seeds)
        job->seed = grid_own_seed(job, job->seed);
}
