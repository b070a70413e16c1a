/* Grids whose points must be listed: with conditions, zipped axes, joined parts. */
#include "grid_fixture.h"

static void conditions_leave_points_out(void **state)
{
    (void)state;
    ASSERT_JOBS("grid: {lambda: [1, 2], k: [0.1, 0.2], sigma: [0.1, 0.3], only: k < sigma}\n",
                "1 0.1 0.3 none 1", "1 0.2 0.3 none 1", "2 0.1 0.3 none 1", "2 0.2 0.3 none 1");
    ASSERT_JOBS("grid: {lambda: [1, 2], k: [0.1, 0.2], sigma: [0.1, 0.3],\n"
                "  exclude: [lambda == 2 and k > 0.1, sigma == 0.3 and lambda == 1]}\nseeds: 2\n",
                "1 0.1 0.1 none 1", "1 0.2 0.1 none 1", "2 0.1 0.1 none 1", "2 0.1 0.3 none 1",
                "1 0.1 0.1 none 2", "1 0.2 0.1 none 2", "2 0.1 0.1 none 2", "2 0.1 0.3 none 2");
    /* Baselines know no lambda and no k; what leaves out a sigma leaves out its control. */
    ASSERT_JOBS("grid: {lambda: [1, 2], k: [0.1], sigma: [0.1, 0.3], only: [lambda > 1, sigma < "
                "0.2]}\nbaseline: [standard, noise-augmentation]\n",
                "0 nan nan none 1", "0 nan 0.1 noise-augmentation 1", "2 0.1 0.1 none 1");
}

static void zipped_axes_move_together(void **state)
{
    (void)state;
    ASSERT_JOBS("grid: {lambda: [1, 2], k: [0.1, 0.2], sigma: [0.3, 0.4], zip: [k, sigma]}\n",
                "1 0.1 0.3 none 1", "1 0.2 0.4 none 1", "2 0.1 0.3 none 1", "2 0.2 0.4 none 1");
    ASSERT_JOBS("grid: {lambda: [1, 2], k: [0.1, 0.2], sigma: [0.3, 0.4],\n"
                "  zip: [[sigma, lambda, k]]}\nbaseline: [standard, noise-augmentation]\n",
                "0 nan nan none 1", "0 nan 0.3 noise-augmentation 1",
                "0 nan 0.4 noise-augmentation 1", "1 0.1 0.3 none 1", "2 0.2 0.4 none 1");
    /* Where a member has no meaning, its group has fewer points. */
    ASSERT_JOBS("grid: {lambda: [0, 1], k: [0.1, 0.2], sigma: 0.3, train.momentum: [0, 0.9],\n"
                "  zip: [[k, train.momentum]]}\nbaseline: true\n",
                "0 nan nan none 1", "0 nan nan none 1", "1 0.1 0.3 none 1", "1 0.2 0.3 none 1");
}

static void grids_and_points_are_joined(void **state)
{
    (void)state;
    ASSERT_JOBS("loss: {k: 0.1, sigma: 0.1}\n"
                "grids:\n- {lambda: [1, 2, 3]}\n- {lambda: 2, axes: {k: [0.1, 0.2, 0.3]}}\n"
                "- {lambda: 2, sigma: [0.1, 0.2]}\n"
                "include: [{lambda: 9, k: 0.5}, {lambda: 3}, {lambda: 0}]\nbaseline: true\n",
                "0 nan nan none 1", "1 0.1 0.1 none 1", "2 0.1 0.1 none 1", "3 0.1 0.1 none 1",
                "2 0.2 0.1 none 1", "2 0.3 0.1 none 1", "2 0.1 0.2 none 1", "9 0.5 0.1 none 1");
    ASSERT_JOBS("include: [{lambda: 1, k: 2, sigma: 3}]\n", "1 2 3 none 1");
}

/* Every axis has all values that any part gives it: what tables and the database show. */
static void axes_hold_the_values_of_all_parts(void **state)
{
    (void)state;
    struct sweep sweep;
    parse("name: x\ndataset: mnist\ntrain: {epochs: 1}\nloss: {sigma: 0.1}\ngrids:\n"
          "- {model: [resnet20], lambda: [1, 10], k: 0.2}\n"
          "- {dataset: [cifar10], model: [resnet8, resnet20], k: [0.3, 0.1], lambda: 1}\n",
          &sweep);
    const struct sweep_axis *k = sweep_axis(&sweep, PARAMETER_K);
    const double numbers[] = {0.1, 0.2, 0.3};
    assert_int_equal(k->count, 3);
    assert_memory_equal(k->numbers, numbers, sizeof numbers);
    const struct sweep_axis *model = sweep_axis(&sweep, PARAMETER_MODEL);
    assert_int_equal(model->count, 2);
    assert_string_equal(sweep_axis_label(model, 0), "resnet20");
    assert_string_equal(sweep_dataset(&sweep, 0), "cifar10");
    assert_string_equal(sweep_dataset(&sweep, 1), "mnist");
    assert_null(sweep_dataset(&sweep, 2));
    assert_string_equal(sweep_dataset_digest(&sweep, "mnist"), digest);
    assert_string_equal(sweep_dataset_digest(&sweep, "cifar10"), digest);
    sweep_finish(&sweep);
}

static void conditions_may_leave_nothing(void **state)
{
    (void)state;
    struct sweep sweep;
    struct grid grid;
    struct error error;
    parse_rest("grid: {lambda: [1, 2], k: 0.1, sigma: 0.1, only: lambda > 2}\n", &sweep);
    assert_false(grid_init(&grid, &sweep, &error));
    assert_string_equal(error.message, "the conditions of the sweep leave no point");
    sweep_finish(&sweep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_leave_points_out),
        cmocka_unit_test(zipped_axes_move_together),
        cmocka_unit_test(grids_and_points_are_joined),
        cmocka_unit_test(axes_hold_the_values_of_all_parts),
        cmocka_unit_test(conditions_may_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
