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

enum { RUN = 16 }; /* numbers: loops of a fixed length become vector instructions */

/* One number at a time took twice as long where the two arrays lie a multiple of 4 KiB apart. */
static void add_numbers(real *restrict out, const real *restrict other, size_t count)
{
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

/* What comes by the shortcut to the p-th pixel; that of the row below is fetched, as no CPU fetches
 * every second pixel by itself. */
static inline const real *shortcut_pixel(const real *other, const struct add_shape *s, size_t p)
{
    size_t y = p / s->width * s->stride, x = p % s->width * s->stride;
    const real *at = other + (y * s->other_width + x) * s->other_channels;
    __builtin_prefetch(at + s->stride * s->other_width * s->other_channels);
    return at;
}

void add_forward(real *out, const real *other, const struct add_shape *s)
{
    if (add_is_plain(s)) {
        add_numbers(out, other, s->height * s->width * s->channels);
        return;
    }
    for (size_t p = 0; p < s->height * s->width; p++) {
        const real *from = shortcut_pixel(other, s, p);
        add_numbers(out + p * s->channels + front(s), from, s->other_channels);
    }
}

void add_begin(real *out, const real *other, const struct add_shape *s)
{
    for (size_t p = 0; p < s->height * s->width; p++) {
        const real *from = shortcut_pixel(other, s, p);
        for (size_t c = 0; c < s->channels; c++) {
            out[p * s->channels + c] = 0;
        }
        add_numbers(out + p * s->channels + front(s), from, s->other_channels);
    }
}

/* Rows from the y-th of the sum's are zeroed before what is added to the first of them. */
void add_backward(real *dother, bool adds, const real *dout, const struct add_shape *s)
{
    size_t row = s->other_width * s->other_channels;
    for (size_t y = 0; y < s->height; y++) {
        size_t first = y * s->stride, end = y + 1 < s->height ? first + s->stride : s->other_height;
        if (!adds) {
            memset(dother + first * row, 0, (end - first) * row * sizeof *dother);
        }
        for (size_t x = 0; x < s->width; x++, dout += s->channels) {
            real *to = dother + first * row + x * s->stride * s->other_channels;
            add_numbers(to, dout + front(s), s->other_channels);
        }
    }
}

/* Up to RUN channels. */
static void average_run(real *out, const real *in, size_t run, size_t channels, size_t pixels)
{
    double sum[RUN] = {0};
    for (size_t p = 0; p < pixels && run == RUN; p++) {
        for (size_t c = 0; c < RUN; c++) {
            sum[c] += (double)in[p * channels + c];
        }
    }
    for (size_t p = 0; p < pixels && run < RUN; p++) {
        for (size_t c = 0; c < run; c++) {
            sum[c] += (double)in[p * channels + c];
        }
    }
    for (size_t c = 0; c < run; c++) {
        out[c] = (real)(sum[c] / (double)pixels);
    }
}

void average_forward(real *out, const real *in, size_t channels, size_t pixels)
{
    for (size_t c = 0; c < channels; c += RUN) {
        average_run(out + c, in + c, channels - c < RUN ? channels - c : RUN, channels, pixels);
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

/* In runs of whole pixels of up to four channels: one number at a time, the divisions were 5 % of a
 * ResNet's test. */
void standardize(real *restrict out, const real *restrict in, const real *mean, const real *sd,
                 size_t channels, size_t pixels)
{
    enum { WHOLE = 48 }; /* a multiple of 1, 2, 3 and 4 */
    real means[WHOLE], sds[WHOLE];
    size_t count = pixels * channels, i = 0;
    for (size_t j = 0; j < WHOLE; j++) {
        means[j] = mean[j % channels];
        sds[j] = sd[j % channels];
    }
    for (; i + WHOLE <= count && WHOLE % channels == 0; i += WHOLE) {
        for (size_t j = 0; j < WHOLE; j++) {
            out[i + j] = (in[i + j] - means[j]) / sds[j];
        }
    }
    for (; i < count; i++) {
        out[i] = (in[i] - mean[i % channels]) / sd[i % channels];
    }
}
