#include "worker/norm.h"

#include <math.h>
#include <string.h>

void norm_init(struct norm *norm, size_t channels, const struct kernels *kernels, bool trains,
               struct arena *arena)
{
    *norm = (struct norm){.channels = channels, .kernels = kernels};
    size_t copies = trains ? NORM_COPIES : 1, count = copies * channels;
    norm->scale = arena_take(arena, count, sizeof(real));
    norm->shift = arena_take(arena, count, sizeof(real));
    if (!trains) {
        return;
    }
    double **wide[] = {&norm->mean, &norm->variance, &norm->own_mean, &norm->own_variance};
    real **narrow[] = {&norm->center, &norm->slope, &norm->offset};
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        *wide[i] = arena_take(arena, count, sizeof(double));
    }
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++) {
        *narrow[i] = arena_take(arena, count, sizeof(real));
    }
}

void norm_add_forward(const struct norm *norm, double *sums, const real *x, size_t pixels)
{
    norm->kernels->norm_sums(sums, sums + norm->channels, x, x, norm->channels, pixels);
}

/* Mean and biased variance of every copy alone. */
static void own_statistics(const struct norm *norm, const double *const *sums,
                           struct norm_copies copies, double pixels)
{
    for (size_t copy = copies.first; copy < copies.end; copy++) {
        for (size_t c = 0; c < norm->channels; c++) {
            double mean = sums[copy][c] / pixels, square = sums[copy][norm->channels + c] / pixels;
            norm->own_mean[copy * norm->channels + c] = mean;
            norm->own_variance[copy * norm->channels + c] = fmax(square - mean * mean, 0);
        }
    }
}

static void joint_statistics(const struct norm *norm, const double *const *sums, size_t copies,
                             double pixels)
{
    for (size_t c = 0; c < norm->channels; c++) {
        double sum = 0, square = 0, count = pixels * (double)copies;
        for (size_t copy = 0; copy < copies; copy++) {
            sum += sums[copy][c];
            square += sums[copy][norm->channels + c];
        }
        for (size_t i = c; i < copies * norm->channels; i += norm->channels) {
            norm->mean[i] = sum / count;
            norm->variance[i] = fmax(square / count - norm->mean[i] * norm->mean[i], 0);
        }
    }
}

static void set_scale(const struct norm *norm, size_t at, double weight, double bias, double mean,
                      double variance)
{
    double scale = weight / sqrt(variance + NORM_EPS);
    norm->scale[at] = (real)scale;
    norm->shift[at] = (real)(bias - mean * scale);
}

void norm_end_forward(struct norm *norm, const double *const *sums, const real *weight,
                      const real *bias, struct norm_copies copies, double pixels)
{
    size_t begin = copies.first * norm->channels, end = copies.end * norm->channels;
    own_statistics(norm, sums, copies, pixels);
    if (copies.is_joint) {
        joint_statistics(norm, sums, copies.end, pixels);
    } else {
        memcpy(norm->mean + begin, norm->own_mean + begin, (end - begin) * sizeof *norm->mean);
        memcpy(norm->variance + begin, norm->own_variance + begin,
               (end - begin) * sizeof *norm->variance);
    }
    norm->own_count = pixels;
    norm->count = copies.is_joint ? pixels * (double)copies.end : pixels;
    for (size_t first = begin; first < end; first += norm->channels) {
        for (size_t c = 0; c < norm->channels; c++) {
            set_scale(norm, first + c, (double)weight[c], (double)bias[c], norm->mean[first + c],
                      norm->variance[first + c]);
        }
    }
}

void norm_use_running(const struct norm *norm, const real *weight, const real *bias,
                      const real *mean, const real *variance)
{
    for (size_t c = 0; c < norm->channels; c++) {
        set_scale(norm, c, (double)weight[c], (double)bias[c], (double)mean[c],
                  (double)variance[c]);
    }
}

struct norm_line norm_line(const struct norm *norm, size_t copy, const real *added, bool activates)
{
    size_t at = copy * norm->channels;
    return (struct norm_line){norm->scale + at, norm->shift + at, added, activates};
}

void norm_forward(const struct norm *norm, size_t copy, real *y, const real *x, const real *added,
                  bool activates, size_t pixels)
{
    const struct norm_line line = norm_line(norm, copy, added, activates);
    norm->kernels->norm_forward(y, x, &line, norm->channels, pixels);
}

void norm_add_backward(const struct norm *norm, double *sums, real *dy, const real *y,
                       const real *x, size_t pixels)
{
    size_t channels = norm->channels;
    if (y) {
        norm->kernels->norm_relu_sums(sums, sums + channels, dy, y, x, channels, pixels);
    } else {
        norm->kernels->norm_sums(sums, sums + channels, dy, x, channels, pixels);
    }
}

/* One channel of one copy, from the sums of dy and dy x over what its statistics are of. With h =
 * (x
 * - mean) / root the normalised number, n numbers a channel, w the weight: dx = w / root (dy -
 * sum(dy) / n - h sum(dy h) / n). Returns sum(dy h). */
static double end_channel(const struct norm *norm, size_t at, double weight, double sum,
                          double product)
{
    double root = sqrt(norm->variance[at] + NORM_EPS), scale = weight / root;
    double turned = (product - norm->mean[at] * sum) / root;
    norm->center[at] = (real)norm->mean[at];
    norm->slope[at] = (real)(-scale * turned / (root * norm->count));
    norm->offset[at] = (real)(-scale * sum / norm->count);
    return turned;
}

void norm_end_backward(const struct norm *norm, const double *const *sums, const real *weight,
                       real *dweight, real *dbias, struct norm_copies copies)
{
    bool joint = copies.is_joint;
    for (size_t copy = copies.end; copy-- > copies.first;) {
        for (size_t c = 0; c < norm->channels; c++) {
            double sum = 0, product = 0;
            for (size_t i = joint ? 0 : copy; i < (joint ? copies.end : copy + 1); i++) {
                sum += sums[i][c];
                product += sums[i][norm->channels + c];
            }
            double turned =
                end_channel(norm, copy * norm->channels + c, (double)weight[c], sum, product);
            if (!joint || copy == 0) {
                dweight[c] += (real)turned;
                dbias[c] += (real)sum;
            }
        }
    }
}

struct norm_slopes norm_slopes(const struct norm *norm, size_t copy)
{
    size_t at = copy * norm->channels;
    return (struct norm_slopes){norm->scale + at, norm->center + at, norm->slope + at,
                                norm->offset + at};
}

void norm_backward(const struct norm *norm, size_t copy, real *dx, bool adds, const real *dy,
                   const real *x, size_t pixels)
{
    const struct norm_slopes slopes = norm_slopes(norm, copy);
    norm->kernels->norm_backward(dx, dy, x, &slopes, adds, norm->channels, pixels);
}

void norm_move_running(const struct norm *norm, size_t copy, bool alone, real *mean, real *variance)
{
    double count = alone ? norm->own_count : norm->count;
    double unbiased = count > 1 ? count / (count - 1) : 1;
    for (size_t c = 0; c < norm->channels; c++) {
        size_t at = copy * norm->channels + c;
        double new_mean = alone ? norm->own_mean[at] : norm->mean[at];
        double new_variance = unbiased * (alone ? norm->own_variance[at] : norm->variance[at]);
        mean[c] = (real)((1 - NORM_MOMENTUM) * (double)mean[c] + NORM_MOMENTUM * new_mean);
        variance[c] =
            (real)((1 - NORM_MOMENTUM) * (double)variance[c] + NORM_MOMENTUM * new_variance);
    }
}
