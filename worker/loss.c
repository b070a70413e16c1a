#include "worker/loss.h"

#include <math.h>

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

double loss_logit_distance(const real *perturbed, const real *clean, size_t classes)
{
    double sum = 0;
    for (size_t c = 0; c < classes; c++) {
        double difference = (double)perturbed[c] - (double)clean[c];
        sum += difference * difference;
    }
    return sqrt(sum);
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

/* d q_i / d f(x'_i) = (f(x'_i) - f(x_i)) / (|f(x'_i) - f(x_i)| |n_i|), and minus that for f(x_i).
 */
static void add_lipschitz(const struct loss *loss, const struct loss_input *input, real *dlogits,
                          struct loss_sums *sums)
{
    size_t half = input->images * input->classes;
    for (size_t i = 0; i < input->images; i++) {
        const real *clean = input->logits + i * input->classes, *perturbed = clean + half;
        real *dclean = dlogits + i * input->classes, *dperturbed = dclean + half;
        double distance = loss_logit_distance(perturbed, clean, input->classes);
        double quotient = distance / input->norms[i], excess = quotient - loss->k;
        double slope = 0;
        sums->quotient += quotient;
        if (!(excess <= 0)) { /* NaN must not be taken for an idle hinge */
            sums->lipschitz += excess;
            sums->active++;
            slope = distance > 0
                        ? loss->lambda / ((double)input->images * distance * input->norms[i])
                        : 0;
        }
        for (size_t c = 0; c < input->classes; c++) {
            double d = slope * ((double)perturbed[c] - (double)clean[c]);
            dperturbed[c] = (real)d;
            dclean[c] -= (real)d;
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
    }
}

double loss_mean(const struct loss *loss, const struct loss_sums *sums, double images)
{
    double mean = sums->task / images;
    return loss->lambda > 0 ? mean + loss->lambda * (sums->lipschitz / images) : mean;
}
