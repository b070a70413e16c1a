#include "worker/loss.h"

#include <math.h>
#include <string.h>

size_t loss_largest(const real *logits, size_t classes)
{
    size_t largest = 0;
    for (size_t c = 1; c < classes; c++) {
        largest = logits[c] > logits[largest] ? c : largest;
    }
    return largest;
}

double loss_softmax(const real *logits, size_t classes, double *probabilities)
{
    double offset = (double)logits[loss_largest(logits, classes)], sum = 0;
    for (size_t c = 0; c < classes; c++) {
        probabilities[c] = exp((double)logits[c] - offset);
        sum += probabilities[c];
    }
    for (size_t c = 0; c < classes; c++) {
        probabilities[c] /= sum;
    }
    return offset + log(sum);
}

struct loss loss_of_job(const struct job *job)
{
    return (struct loss){.lambda = job->lambda,
                         .k = job->k,
                         .penalty = job->penalty,
                         .output = job->output,
                         .grad_through = job->grad_through,
                         .is_noisy_bn = job->control == CONTROL_NOISY_BN};
}

size_t loss_copies(const struct loss *loss)
{
    return loss->lambda > 0 || loss->is_noisy_bn ? 2 : 1;
}

double loss_distance(const double *perturbed, const double *clean, size_t classes)
{
    double sum = 0;
    for (size_t c = 0; c < classes; c++) {
        double difference = perturbed[c] - clean[c];
        sum += difference * difference;
    }
    return sqrt(sum);
}

void loss_output(enum output output, const real *logits, size_t classes, double *f)
{
    if (output == OUTPUT_SOFTMAX) {
        loss_softmax(logits, classes, f);
        return;
    }
    for (size_t c = 0; c < classes; c++) {
        f[c] = (double)logits[c];
    }
}

static void add_cross_entropy(const struct loss_input *input, real *dlogits, struct loss_sums *sums)
{
    for (size_t i = 0; i < input->images; i++) {
        const real *logits = input->logits + i * input->classes;
        real *d = dlogits + i * input->classes;
        uint8_t label = input->labels[i];
        double probability[UINT8_MAX + 1];
        sums->task += loss_softmax(logits, input->classes, probability) - (double)logits[label];
        sums->correct += loss_largest(logits, input->classes) == label;
        for (size_t c = 0; c < input->classes; c++) {
            d[c] = (real)((probability[c] - (c == label)) / (double)input->images);
        }
    }
}

/* From a gradient in f to one in the logits, in place. */
static void through_output(enum output output, const double *f, double *gradient, size_t classes)
{
    double mean = 0;
    for (size_t c = 0; c < classes && output == OUTPUT_SOFTMAX; c++) {
        mean += f[c] * gradient[c];
    }
    for (size_t c = 0; c < classes && output == OUTPUT_SOFTMAX; c++) {
        gradient[c] = f[c] * (gradient[c] - mean);
    }
}

/* phi and its derivative at an excess that is not idle. */
static double penalty(const struct loss *loss, double excess, double *slope)
{
    bool squared = loss->penalty == PENALTY_SQUARED_HINGE;
    *slope = squared ? 2 * excess : 1;
    return squared ? excess * excess : excess;
}

/* d q_i / d f(x'_i) = (f(x'_i) - f(x_i)) / (|f(x'_i) - f(x_i)| |n_i|), and minus that for f(x_i).
 */
static void add_lipschitz(const struct loss *loss, const struct loss_input *input, real *dlogits,
                          struct loss_sums *sums)
{
    size_t classes = input->classes, half = input->images * classes;
    for (size_t i = 0; i < input->images; i++) {
        double f[2][UINT8_MAX + 1], gradient[2][UINT8_MAX + 1];
        real *dclean = dlogits + i * classes, *dperturbed = dclean + half;
        loss_output(loss->output, input->logits + i * classes, classes, f[0]);
        loss_output(loss->output, input->logits + half + i * classes, classes, f[1]);
        double distance = loss_distance(f[1], f[0], classes);
        double quotient = distance / input->norms[i], excess = quotient - loss->k;
        double slope = 0;
        sums->quotient += quotient;
        if (!(excess <= 0)) { /* NaN must not be taken for an idle hinge */
            sums->lipschitz += penalty(loss, excess, &slope);
            sums->active++;
            slope *= distance > 0
                         ? loss->lambda / ((double)input->images * distance * input->norms[i])
                         : 0;
        }
        for (size_t c = 0; c < classes; c++) {
            gradient[1][c] = slope * (f[1][c] - f[0][c]);
            gradient[0][c] = -gradient[1][c];
        }
        through_output(loss->output, f[1], gradient[1], classes);
        through_output(loss->output, f[0], gradient[0], classes);
        for (size_t c = 0; c < classes; c++) {
            dperturbed[c] = (real)gradient[1][c];
            dclean[c] += loss->grad_through == GRAD_THROUGH_BOTH ? (real)gradient[0][c] : 0;
        }
    }
}

void loss_gradient(const struct loss *loss, const struct loss_input *input, real *dlogits,
                   struct loss_sums *sums)
{
    *sums = (struct loss_sums){0};
    add_cross_entropy(input, dlogits, sums);
    if (loss->lambda > 0) {
        add_lipschitz(loss, input, dlogits, sums);
    } else if (loss->is_noisy_bn) {
        size_t half = input->images * input->classes;
        memset(dlogits + half, 0, half * sizeof *dlogits);
    }
}

double loss_mean(const struct loss *loss, const struct loss_sums *sums, double images)
{
    double mean = sums->task / images;
    return loss->lambda > 0 ? mean + loss->lambda * (sums->lipschitz / images) : mean;
}
