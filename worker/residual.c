#include "worker/residual.h"

#include <string.h>

bool add_is_plain(const struct add_shape *s)
{
    return s->stride == 1 && s->channels == s->other_channels;
}

static size_t front(const struct add_shape *s)
{
    return (s->channels - s->other_channels) / 2;
}

/* Runs of a fixed length become vector instructions. One number at a time took twice as long where
 * the two arrays lie a multiple of 4 KiB apart. */
static void add_numbers(real *restrict out, const real *restrict other, size_t count)
{
    enum { RUN = 64 };
    size_t i = 0;
    for (; i + RUN <= count; i += RUN) {
        for (size_t j = 0; j < RUN; j++) {
            out[i + j] += other[i + j];
        }
    }
    for (; i < count; i++) {
        out[i] += other[i];
    }
}

void add_forward(real *out, const real *other, const struct add_shape *s)
{
    if (add_is_plain(s)) {
        add_numbers(out, other, s->height * s->width * s->channels);
        return;
    }
    for (size_t p = 0; p < s->height * s->width; p++) {
        size_t y = p / s->width * s->stride, x = p % s->width * s->stride;
        const real *from = other + (y * s->other_width + x) * s->other_channels;
        for (size_t c = 0; c < s->other_channels; c++) {
            out[p * s->channels + front(s) + c] += from[c];
        }
    }
}

void add_backward(real *dother, bool adds, const real *dout, const struct add_shape *s)
{
    if (!adds) {
        memset(dother, 0, s->other_height * s->other_width * s->other_channels * sizeof *dother);
    }
    for (size_t p = 0; p < s->height * s->width; p++) {
        size_t y = p / s->width * s->stride, x = p % s->width * s->stride;
        real *to = dother + (y * s->other_width + x) * s->other_channels;
        for (size_t c = 0; c < s->other_channels; c++) {
            to[c] += dout[p * s->channels + front(s) + c];
        }
    }
}

void average_forward(real *out, const real *in, size_t channels, size_t pixels)
{
    for (size_t c = 0; c < channels; c++) {
        double sum = 0;
        for (size_t p = 0; p < pixels; p++) {
            sum += (double)in[p * channels + c];
        }
        out[c] = (real)(sum / (double)pixels);
    }
}

void average_backward(real *din, bool adds, const real *dout, size_t channels, size_t pixels)
{
    for (size_t p = 0; p < pixels; p++) {
        for (size_t c = 0; c < channels; c++) {
            real d = dout[c] / (real)pixels;
            din[p * channels + c] = adds ? din[p * channels + c] + d : d;
        }
    }
}

void standardize(real *out, const real *in, const real *mean, const real *sd, size_t channels,
                 size_t pixels)
{
    for (size_t p = 0; p < pixels; p++) {
        for (size_t c = 0; c < channels; c++) {
            out[p * channels + c] = (in[p * channels + c] - mean[c]) / sd[c];
        }
    }
}
