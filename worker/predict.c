#include "worker/predict.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/number.h"
#include "common/rng.h"
#include "worker/gemm.h"
#include "worker/job_file.h"
#include "worker/lipschitz.h"
#include "worker/plan.h"
#include "worker/weights.h"

struct predict {
    const struct predict_options *options;
    struct job job;
    struct dataset dataset;
    struct plan plan;
    struct weights weights;
    float *noise;
    double *probabilities;               /* [draws][classes] */
    double *sorted;                      /* [draws] */
    double clean[UINT8_MAX + 1], margin; /* logits of the image without noise */
    double norms[EVALUATION_BATCH];      /* of the noise of each row; 0: none */
    double quotient_max;                 /* of the level's draws */
    double bound;                        /* NAN: not asked for */
};

/* --- what is predicted with what --- */

/* The job that trained the weights, as far as the file tells. */
static bool find_job(struct predict *predict, struct error *error)
{
    const struct predict_options *options = predict->options;
    struct job *job = &predict->job;
    if (!weights_read_job(options->weights, job, error))
        return false;
    if (options->model)
        snprintf(job->model, sizeof job->model, "%s", options->model);
    if (options->dataset) {
        snprintf(job->dataset, sizeof job->dataset, "%s", options->dataset);
        job->dataset_path[0] = '\0';
    }
    /* Another copy of the data may be asked for. */
    job->dataset_digest[0] = '\0';
    if (!job->model[0])
        return error_set(error, ERROR_USAGE, "%s does not say which network it is: say --model",
                         options->weights);
    if (!job->dataset[0])
        return error_set(error, ERROR_USAGE,
                         "%s does not say what it was trained on: say --dataset", options->weights);
    return true;
}

/* The weights' file does not hold the mean and standard deviation of the images that it was trained
 * on. */
static bool set_input(struct predict *predict, struct error *error)
{
    uint32_t *indices;
    size_t count;
    if (!network_has_input(&predict->plan.network))
        return true;
    if (!dataset_training_indices(&predict->dataset, &predict->job, &indices, &count, error))
        return false;
    plan_set_input(&predict->plan, &predict->dataset, indices, count);
    free(indices);
    return true;
}

static bool open_network(struct predict *predict, struct error *error)
{
    const struct dataset *dataset = &predict->dataset;
    struct plan_shape shape = {
        .image = {(size_t)dataset->channels, (size_t)dataset->height, (size_t)dataset->width},
        .class_count = (size_t)dataset->class_count,
        .train_count = 1,
        .test_count = 1};
    predict->job.batch = 1;
    if (!plan_init(&predict->plan, &predict->job, shape, error) ||
        !plan_place(&predict->plan, &predict->job, error) || !set_input(predict, error))
        return false;
    plan_weights(&predict->plan, &predict->weights);
    if (!weights_read(&predict->weights, predict->options->weights, NULL, error))
        return false;
    evaluation_use(&predict->plan.evaluation, predict->plan.parameters);
    return true;
}

static bool prepare(struct predict *predict, struct error *error)
{
    const struct predict_options *options = predict->options;
    if (!find_job(predict, error) ||
        !job_file_open_data(&predict->job, options->data, &predict->dataset, error))
        return false;
    if ((uint64_t)options->image >= predict->dataset.test.count)
        return error_set(error, ERROR_USAGE,
                         "--image %" PRId64 ": the test set of %s has %zu images, from 0",
                         options->image, predict->job.dataset, predict->dataset.test.count);
    if (!open_network(predict, error))
        return false;
    size_t classes = (size_t)predict->dataset.class_count, draws = (size_t)options->draws;
    predict->noise = calloc(image_size(predict->plan.shape.image), sizeof *predict->noise);
    predict->probabilities = calloc(draws * classes, sizeof *predict->probabilities);
    predict->sorted = calloc(draws, sizeof *predict->sorted);
    return (predict->noise && predict->probabilities && predict->sorted) ||
           error_set(error, ERROR_MEMORY, "out of memory for %zu draws", draws);
}

/* --- one noise level --- */

static void put_image(struct predict *predict, size_t row, double sigma, uint64_t seed)
{
    struct image_shape shape = predict->plan.shape.image;
    size_t size = image_size(shape), image = (size_t)predict->options->image;
    const uint8_t *bytes = predict->dataset.test.images + image * size;
    real *x = evaluation_images(&predict->plan.evaluation) + row * size;
    if (sigma == 0) {
        images_clean(x, bytes, shape);
        predict->norms[row] = 0;
        return;
    }
    struct rng_stream stream = {seed, RNG_TEST_NOISE, 0, (uint32_t)image};
    rng_normals(&stream, predict->noise, size);
    predict->norms[row] = images_noise(predict->noise, predict->noise, sigma, size);
    images_perturbed(x, bytes, predict->noise, shape);
}

static void see_quotient(struct predict *predict, const real *logits, size_t row)
{
    double square = 0;
    for (size_t i = 0; i < predict->plan.shape.class_count; i++)
        square += pow((double)logits[i] - predict->clean[i], 2);
    if (predict->norms[row] > 0)
        predict->quotient_max = fmax(predict->quotient_max, sqrt(square) / predict->norms[row]);
}

static void run_level(struct predict *predict, double sigma, size_t draws)
{
    size_t classes = predict->plan.shape.class_count;
    predict->quotient_max = 0;
    for (size_t first = 0; first < draws; first += EVALUATION_BATCH) {
        size_t count = draws - first < EVALUATION_BATCH ? draws - first : EVALUATION_BATCH;
        for (size_t i = 0; i < count; i++)
            put_image(predict, i, sigma, first + i + 1);
        const real *logits = evaluation_logits(&predict->plan.evaluation, count);
        for (size_t i = 0; i < count; i++) {
            see_quotient(predict, logits + i * classes, i);
            loss_softmax(logits + i * classes, classes,
                         predict->probabilities + (first + i) * classes);
        }
    }
}

static size_t largest(const double *values, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (values[i] > values[best])
            best = i;
    return best;
}

/* The class that most draws say, the first of equals. */
static size_t vote(const struct predict *predict, size_t draws, double *share)
{
    size_t classes = predict->plan.shape.class_count, best = 0;
    size_t votes[UINT8_MAX + 1] = {0};
    for (size_t i = 0; i < draws; i++)
        votes[largest(predict->probabilities + i * classes, classes)]++;
    for (size_t i = 1; i < classes; i++)
        if (votes[i] > votes[best])
            best = i;
    *share = (double)votes[best] / (double)draws;
    return best;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print_confidence(FILE *file, struct predict *predict, size_t class, size_t draws)
{
    double sum = 0;
    for (size_t i = 0; i < draws; i++) {
        predict->sorted[i] = predict->probabilities[i * predict->plan.shape.class_count + class];
        sum += predict->sorted[i];
    }
    qsort(predict->sorted, draws, sizeof *predict->sorted, compare);
    fprintf(file, "\t%.9g\t%.9g\t%.9g", sum / (double)draws,
            percentile(predict->sorted, draws, 2.5), percentile(predict->sorted, draws, 97.5));
}

static void print_level(FILE *file, struct predict *predict, double sigma)
{
    size_t draws = sigma == 0 ? 1 : (size_t)predict->options->draws;
    size_t label = predict->dataset.test.labels[predict->options->image];
    double share;
    char text[NUMBER_TEXT], label_name[JOB_NAME_MAX + 1], class_name[JOB_NAME_MAX + 1];
    run_level(predict, sigma, draws);
    size_t class = vote(predict, draws, &share);
    number_format(sigma, text);
    dataset_class_name(&predict->dataset, (int)label, label_name);
    dataset_class_name(&predict->dataset, (int)class, class_name);
    fprintf(file, "%s\t%zu\t%zu\t%s\t%zu\t%s\t%.9g", text, draws, label, label_name, class,
            class_name, share);
    print_confidence(file, predict, class, draws);
    print_confidence(file, predict, label, draws);
}

/* --- how far the image may move --- */

static void see_clean(struct predict *predict)
{
    size_t classes = predict->plan.shape.class_count;
    put_image(predict, 0, 0, 0);
    const real *logits =
        pass_forward(&predict->plan.evaluation.pass, predict->plan.parameters, 1, 1);
    for (size_t i = 0; i < classes; i++)
        predict->clean[i] = (double)logits[i];
    size_t best = largest(predict->clean, classes);
    predict->margin = INFINITY;
    for (size_t i = 0; i < classes; i++)
        if (i != best)
            predict->margin = fmin(predict->margin, predict->clean[best] - predict->clean[i]);
}

static void print_number(FILE *file, double value)
{
    if (isfinite(value))
        fprintf(file, "\t%.9g", value);
    else
        fputc('\t', file);
}

static void print_radius(FILE *file, const struct predict *predict)
{
    double q = predict->quotient_max > 0 ? predict->quotient_max : NAN;
    print_number(file, predict->margin);
    print_number(file, predict->bound);
    print_number(file, predict->margin / (sqrt(2) * predict->bound));
    print_number(file, q);
    print_number(file, predict->margin / (sqrt(2) * q));
}

static bool print_all(struct predict *predict, struct error *error)
{
    int descriptor = dup(predict->options->output);
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
    if (!file)
        return error_set(error, ERROR_SYSTEM, "cannot write the predictions");
    fputs("sigma\tdraws\tlabel\tlabel_name\tclass\tclass_name\tshare\tconfidence\tconfidence_low\t"
          "confidence_high\ttrue_confidence\ttrue_confidence_low\ttrue_confidence_high\tmargin\t"
          "lipschitz_bound\tradius_proved\tquotient_max\tradius_optimistic\n",
          file);
    see_clean(predict);
    for (size_t i = 0; i < predict->options->sigma_count; i++) {
        print_level(file, predict, predict->options->sigma[i]);
        print_radius(file, predict);
        fputc('\n', file);
    }
    bool good = ferror(file) == 0;
    return (fclose(file) == 0 && good) ||
           error_set(error, ERROR_SYSTEM, "cannot write the predictions");
}

bool predict_run(const struct predict_options *options, struct error *error)
{
    struct predict *predict = calloc(1, sizeof *predict);
    if (!predict)
        return error_set(error, ERROR_MEMORY, "out of memory");
    predict->options = options;
    gemm_init();
    predict->bound = NAN;
    bool good =
        prepare(predict, error) &&
        (!options->radius || lipschitz_bound(&predict->plan.network, predict->plan.parameters,
                                             &predict->bound, error)) &&
        print_all(predict, error);
    plan_finish(&predict->plan);
    dataset_close(&predict->dataset);
    free(predict->noise);
    free(predict->probabilities);
    free(predict->sorted);
    free(predict);
    return good;
}
