#include "training_fixture.h"
#include "worker/kernels.h"

static void learns_and_reports(void **state)
{
    (void)state;
    struct dataset dataset = fixture_dataset(100, 150);
    struct job job = fixture_job();
    job.epochs = 4;
    struct heard heard;
    struct training_result result = run(&job, &dataset, &heard);
    assert_int_equal(result.epoch_count, 4);
    assert_int_equal(result.step_count, 4 * 7);
    assert_int_equal(heard.epochs, 4);
    assert_int_equal(heard.progresses, 4 * 7 + 2); /* both levels at once */
    assert_int_equal(heard.progress.images, 2 * 150);
    assert_true(heard.ticks > 4 * 7 * 10);
    assert_int_equal(heard.progress.phase, TRAINING_PHASE_EVALUATE);
    assert_true(heard.last.accuracy > 0.8);
    assert_true(heard.last.active_share > 0);
    assert_true(fabs(heard.last.loss - heard.last.task_loss -
                     job.lambda * heard.last.lipschitz_loss) < 1e-12);
    assert_int_equal(result.accuracy_count, 2);
    assert_int_equal(result.quotient_count, 1);
    assert_int_equal(result.accuracy[0].image_count, 150);
    assert_true(result.accuracy[0].accuracy > 0.9);
    assert_int_equal(strlen(result.weights_digest), JOB_DIGEST_LENGTH);
    fixture_free(&dataset);
}

static void standard_training_has_no_lipschitz_numbers(void **state)
{
    (void)state;
    struct dataset dataset = fixture_dataset(20, 20);
    struct job job = fixture_job();
    job.lambda = 0;
    job.k = job.sigma = NAN;
    struct heard heard;
    struct training_result result = run(&job, &dataset, &heard);
    assert_true(isnan(heard.last.active_share) && isnan(heard.last.quotient_mean));
    assert_true(isnan(heard.last.lipschitz_loss) && heard.last.loss == heard.last.task_loss);
    assert_true(isnan(result.quotient[0].share_over_k));
    assert_true(result.quotient[0].mean > 0);
    fixture_free(&dataset);
}

static void same_job_same_bits(void **state)
{
    (void)state;
    struct dataset dataset = fixture_dataset(50, 30);
    struct job job = fixture_job();
    struct heard heard;
    struct training_result first = run(&job, &dataset, &heard);
    struct training_result second = run(&job, &dataset, &heard);
    assert_string_equal(first.weights_digest, second.weights_digest);
    assert_memory_equal(first.accuracy, second.accuracy, 2 * sizeof *first.accuracy);
    assert_memory_equal(first.quotient, second.quotient, sizeof *first.quotient);
    job.seed = 4;
    struct training_result other = run(&job, &dataset, &heard);
    assert_string_not_equal(first.weights_digest, other.weights_digest);
    fixture_free(&dataset);
}

/* The weights of noisy-bn are those of standard training but for rounding (matrix products of twice
 * as many rows); the statistics differ. */
static void noisy_bn_trains_the_standard_weights(void **state)
{
    (void)state;
    struct dataset dataset = fixture_dataset(43, 30);
    struct job job = residual_job("preresnet8");
    struct heard heard;
    job.lambda = 0;
    job.k = job.sigma = NAN;
    struct training_result standard = run(&job, &dataset, &heard);
    double loss = heard.last.loss;
    job.control = CONTROL_NOISY_BN;
    job.sigma = 0.3;
    struct training_result noisy = run(&job, &dataset, &heard);
    assert_true(fabs(loss - heard.last.loss) < 1e-4 * loss && isnan(heard.last.quotient_mean));
    assert_string_not_equal(standard.weights_digest, noisy.weights_digest);
    assert_true(standard.accuracy[0].negative_log_likelihood !=
                noisy.accuracy[0].negative_log_likelihood);
    fixture_free(&dataset);
}

static void residual_networks_learn(void **state)
{
    (void)state;
    struct dataset dataset = fixture_dataset(100, 150);
    struct job job = residual_job("resnet8");
    struct heard heard;
    job.epochs = 6;
    struct training_result first = run(&job, &dataset, &heard);
    assert_true(heard.last.active_share > 0);
    assert_true(heard.last.accuracy > 0.8 && first.accuracy[0].accuracy > 0.8);
    struct training_result second = run(&job, &dataset, &heard);
    assert_string_equal(first.weights_digest, second.weights_digest);
    fixture_free(&dataset);
}

static void last_short_batch_counts(void **state)
{
    (void)state;
    struct dataset dataset = fixture_dataset(43, 10);
    struct job job = fixture_job();
    job.epochs = 0;
    job.steps = 5;
    struct heard heard;
    struct training_result result = run(&job, &dataset, &heard);
    assert_int_equal(result.step_count, 5);
    assert_int_equal(result.epoch_count, 2);
    assert_int_equal(heard.progress.epoch_count, 2);
    assert_int_equal(heard.epochs, 2);
    double correct = heard.last.accuracy * 32; /* the second epoch saw 32 images */
    assert_true(fabs(correct - round(correct)) < 1e-9);
    fixture_free(&dataset);
}

static void diverges_with_epoch_and_step(void **state)
{
    (void)state;
    struct dataset dataset = fixture_dataset(43, 10);
    struct job job = fixture_job();
    job.lr = 1000;
    job.weight_decay = 0.9; /* each step multiplies the weights by about -900 */
    job.epochs = 50;
    struct training_result result;
    struct error error = {0};
    assert_false(training_run(&job, &dataset, 1, NULL, &result, &error));
    assert_int_equal(error.code, ERROR_DIVERGED);
    long long epoch = 0, step = 0;
    const char *place = strstr(error.message, "in epoch ");
    assert_non_null(place);
    assert_int_equal(sscanf(place, "in epoch %lld, step %lld", &epoch, &step), 2);
    assert_true(step > 1 && epoch == (step + 2) / 3);

    /* A step less, and only the test sees that the last step spoiled the weights. */
    job.epochs = 0;
    job.steps = step - 1;
    char words[64];
    snprintf(words, sizeof words, "after epoch %lld, step %lld", (step + 1) / 3, step - 1);
    assert_false(training_run(&job, &dataset, 1, NULL, &result, &error));
    assert_int_equal(error.code, ERROR_DIVERGED);
    assert_non_null(strstr(error.message, words));
    fixture_free(&dataset);
}

static void refuses(const struct job *job, size_t train_count, const char *words)
{
    struct dataset dataset = fixture_dataset(train_count, 10);
    struct training_result result;
    struct error error = {0};
    assert_false(training_run(job, &dataset, 1, NULL, &result, &error));
    assert_non_null(strstr(error.message, words));
    fixture_free(&dataset);
}

static void refuses_what_cannot_be_trained(void **state)
{
    (void)state;
    struct job job = fixture_job();
    refuses(&job, 15, "train.batch of 16 is larger than the 15 training images");
    job.epochs = 0;
    refuses(&job, 20, "train.epochs or train.steps");
    job.epochs = 1;
    job.k = NAN;
    refuses(&job, 20, "k is needed");
    job = fixture_job();
    strcpy(job.model, "no-such");
    refuses(&job, 20, "unknown network 'no-such'");

    job = fixture_job();
    struct dataset dataset = fixture_dataset(40, 10);
    dataset.height = 1;
    struct training_result result;
    struct error error = {0};
    assert_false(training_run(&job, &dataset, 1, NULL, &result, &error));
    assert_non_null(strstr(error.message, "too small"));
    fixture_free(&dataset);
}

static void cpu_class_names_its_parts(void **state)
{
    (void)state;
    assert_non_null(strstr(training_cpu_class(false), "OpenBLAS"));
    assert_non_null(strstr(training_cpu_class(false), kernels_get()->level));
    assert_non_null(strstr(training_cpu_class(false), "winograd F(4x4) convolution"));
    assert_non_null(strstr(training_cpu_class(true), "direct convolution"));
    setenv("LIPSWEEP_KERNEL_LEVEL", "generic", 1);
    assert_int_equal(strncmp(training_cpu_class(false), "generic", 7), 0);
    unsetenv("LIPSWEEP_KERNEL_LEVEL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_reports),
        cmocka_unit_test(standard_training_has_no_lipschitz_numbers),
        cmocka_unit_test(same_job_same_bits),
        cmocka_unit_test(noisy_bn_trains_the_standard_weights),
        cmocka_unit_test(residual_networks_learn),
        cmocka_unit_test(last_short_batch_counts),
        cmocka_unit_test(diverges_with_epoch_and_step),
        cmocka_unit_test(refuses_what_cannot_be_trained),
        cmocka_unit_test(cpu_class_names_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
