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
    double **wide[] = {&norm->sum,      &norm->product,  &norm->mean,
                       &norm->variance, &norm->own_mean, &norm->own_variance};
    real **narrow[] = {&norm->center, &norm->slope, &norm->offset};
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        *wide[i] = arena_take(arena, count, sizeof(double));
    }
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++) {
        *narrow[i] = arena_take(arena, count, sizeof(real));
    }
}

void norm_begin_sums(const struct norm *norm)
{
    memset(norm->sum, 0, NORM_COPIES * norm->channels * sizeof *norm->sum);
    memset(norm->product, 0, NORM_COPIES * norm->channels * sizeof *norm->product);
}

void norm_add_forward(const struct norm *norm, size_t copy, const real *x, size_t pixels)
{
    size_t at = copy * norm->channels;
    norm->kernels->norm_sums(norm->sum + at, norm->product + at, x, x, norm->channels, pixels);
}

/* Mean and biased variance of every copy alone. */
static void own_statistics(const struct norm *norm, size_t copies, double pixels)
{
    for (size_t i = 0; i < copies * norm->channels; i++) {
        double mean = norm->sum[i] / pixels;
        norm->own_mean[i] = mean;
        norm->own_variance[i] = fmax(norm->product[i] / pixels - mean * mean, 0);
    }
}

static void joint_statistics(const struct norm *norm, size_t copies, double pixels)
{
    for (size_t c = 0; c < norm->channels; c++) {
        double sum = 0, square = 0, count = pixels * (double)copies;
        for (size_t i = c; i < copies * norm->channels; i += norm->channels) {
            sum += norm->sum[i];
            square += norm->product[i];
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

void norm_end_sums(struct norm *norm, const real *weight, const real *bias, size_t copies,
                   bool joint, double pixels)
{
    size_t count = copies * norm->channels;
    own_statistics(norm, copies, pixels);
    if (joint) {
        joint_statistics(norm, copies, pixels);
    } else {
        memcpy(norm->mean, norm->own_mean, count * sizeof *norm->mean);
        memcpy(norm->variance, norm->own_variance, count * sizeof *norm->variance);
    }
    norm->own_count = pixels;
    norm->count = joint ? pixels * (double)copies : pixels;
    for (size_t first = 0; first < count; first += norm->channels) {
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

void norm_forward(const struct norm *norm, size_t copy, real *y, const real *x, size_t pixels)
{
    size_t at = copy * norm->channels;
    norm->kernels->norm_forward(y, x, norm->scale + at, norm->shift + at, norm->channels, pixels);
}

void norm_add_backward(const struct norm *norm, size_t copy, const real *dy, const real *x,
                       size_t pixels)
{
    size_t at = copy * norm->channels;
    norm->kernels->norm_sums(norm->sum + at, norm->product + at, dy, x, norm->channels, pixels);
}

/* One channel of one copy. With h = (x - mean) / root the normalised number, n numbers a channel, w
 * the weight: dx = w / root (dy - sum(dy) / n - h sum(dy h) / n). Sums are over the copies that the
 * statistics are of, `first` up to `end`. */
static void end_channel(const struct norm *norm, size_t at, size_t first, size_t end, double weight,
                        double *dweight, double *dbias)
{
    double sum = 0, product = 0, root = sqrt(norm->variance[at] + NORM_EPS);
    for (size_t i = first; i < end; i += norm->channels) {
        sum += norm->sum[i];
        product += norm->product[i];
    }
    double turned = (product - norm->mean[at] * sum) / root; /* sum(dy h) */
    double scale = weight / root;
    norm->center[at] = (real)norm->mean[at];
    norm->slope[at] = (real)(-scale * turned / (root * norm->count));
    norm->offset[at] = (real)(-scale * sum / norm->count);
    *dweight = turned;
    *dbias = sum;
}

void norm_end_backward(const struct norm *norm, const real *weight, real *dweight, real *dbias,
                       size_t copies, bool joint)
{
    size_t all = copies * norm->channels;
    for (size_t first = 0; first < all; first += norm->channels) {
        for (size_t c = 0; c < norm->channels; c++) {
            size_t at = first + c;
            double weight_part, bias_part;
            end_channel(norm, at, joint ? c : at, joint ? all : at + 1, (double)weight[c],
                        &weight_part, &bias_part);
            if (!joint || first == 0) {
                dweight[c] += (real)weight_part;
                dbias[c] += (real)bias_part;
            }
        }
    }
}

void norm_backward(const struct norm *norm, size_t copy, real *dx, bool adds, const real *dy,
                   const real *x, size_t pixels)
{
    size_t at = copy * norm->channels;
    const struct norm_slopes slopes = {norm->scale + at, norm->center + at, norm->slope + at,
                                       norm->offset + at};
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
