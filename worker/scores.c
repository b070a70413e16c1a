#include "worker/scores.h"
#include "worker/loss.h"
#include "worker/sort.h"

#include <assert.h>
#include <math.h>

const double percentile_levels[PERCENTILE_COUNT] = {10, 50, 90, 95, 99, 100};

double percentile(const double *sorted, size_t count, double level)
{
    if (count == 0) {
        return NAN;
    }
    double at = (double)(count - 1) * level / 100;
    size_t below = (size_t)at;
    size_t above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
}

static void percentiles(double *values, size_t count, double out[PERCENTILE_COUNT])
{
    sort_numbers(values, count);
    for (int i = 0; i < PERCENTILE_COUNT; i++) {
        out[i] = percentile(values, count, percentile_levels[i]);
    }
}

void scores_init(struct scores *scores, size_t classes, size_t capacity, struct arena *arena)
{
    *scores = (struct scores){.classes = classes};
    scores->margins = arena_take(arena, capacity, sizeof(double));
}

double scores_margin(const real *logits, size_t classes, uint8_t label)
{
    double largest = -INFINITY;
    for (size_t c = 0; c < classes; c++) {
        if (c != label && (double)logits[c] > largest) {
            largest = (double)logits[c];
        }
    }
    return (double)logits[label] - largest;
}

static void add_calibration(struct scores *scores, double confidence, bool correct)
{
    /* not a number, from a diverged network, goes to the first bin */
    double bin = ceil(confidence * CALIBRATION_BIN_COUNT) - 1;
    int at = bin > 0 ? (int)fmin(bin, CALIBRATION_BIN_COUNT - 1) : 0;
    scores->bin[at].count++;
    scores->bin[at].correct += correct;
    scores->bin[at].confidence += confidence;
}

void scores_add(struct scores *scores, const real *logits, uint8_t label)
{
    double probability[UINT8_MAX + 1];
    double log_sum = loss_softmax(logits, scores->classes, probability);
    size_t predicted = loss_largest(logits, scores->classes);
    double confidence = probability[predicted];
    bool correct = predicted == label;

    double margin = scores_margin(logits, scores->classes, label);
    scores->margins[scores->count++] = margin;
    scores->margin += margin;
    scores->correct += correct;
    scores->confidence_true += probability[label];
    scores->log_likelihood += (double)logits[label] - log_sum;
    for (size_t c = 0; c < scores->classes; c++) {
        double off = probability[c] - (c == label);
        scores->brier += off * off;
    }
    double deviation = confidence - scores->largest_mean;
    scores->largest_mean += deviation / (double)scores->count;
    scores->largest_square += deviation * (confidence - scores->largest_mean);
    add_calibration(scores, confidence, correct);
}

static double calibration_error(const struct scores *scores)
{
    double error = 0;
    for (int b = 0; b < CALIBRATION_BIN_COUNT; b++) {
        error += fabs((double)scores->bin[b].correct - scores->bin[b].confidence);
    }
    return error / (double)scores->count;
}

void scores_finish(struct scores *scores, struct accuracy *accuracy)
{
    double count = (double)scores->count;
    accuracy->image_count = (int64_t)scores->count;
    accuracy->correct_count = (int64_t)scores->correct;
    accuracy->accuracy = (double)scores->correct / count;
    accuracy->confidence_true = scores->confidence_true / count;
    accuracy->confidence_max = scores->largest_mean;
    accuracy->confidence_max_sd = count > 1 ? sqrt(scores->largest_square / (count - 1)) : 0;
    accuracy->negative_log_likelihood = -scores->log_likelihood / count;
    accuracy->brier = scores->brier / count;
    accuracy->calibration_error = calibration_error(scores);
    accuracy->margin_mean = scores->margin / count;
    percentiles(scores->margins, scores->count, accuracy->margin_percentile);
}

void quotients_init(struct quotients *quotients, double k, size_t capacity, struct arena *arena)
{
    *quotients = (struct quotients){.k = k};
    quotients->values = arena_take(arena, capacity, sizeof(double));
    quotients->ratios = arena_take(arena, capacity, sizeof(double));
}

void quotients_add(struct quotients *quotients, double quotient, double clean_margin)
{
    quotients->values[quotients->count++] = quotient;
    quotients->sum += quotient;
    quotients->over_k += quotient > quotients->k;
    if (quotient > 0) {
        quotients->ratios[quotients->ratio_count++] = clean_margin / quotient;
    }
}

void quotients_finish(struct quotients *quotients, struct quotient *quotient)
{
    double count = (double)quotients->count;
    quotient->mean = quotients->sum / count;
    quotient->share_over_k = isnan(quotients->k) ? NAN : (double)quotients->over_k / count;
    percentiles(quotients->values, quotients->count, quotient->percentile);
    percentiles(quotients->ratios, quotients->ratio_count,
                quotient->margin_over_quotient_percentile);
}
