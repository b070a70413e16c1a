#include "worker/images.h"

#include <math.h>

void images_clean(real *x, const uint8_t *bytes, struct image_shape shape)
{
    size_t area = shape.height * shape.width;
    for (size_t c = 0; c < shape.channels; c++) {
        for (size_t p = 0; p < area; p++) {
            x[p * shape.channels + c] = (real)bytes[c * area + p] / 255;
        }
    }
}

void images_perturbed(real *x, const uint8_t *bytes, const float *noise, struct image_shape shape)
{
    size_t area = shape.height * shape.width;
    for (size_t c = 0; c < shape.channels; c++) {
        for (size_t p = 0; p < area; p++) {
            size_t at = c * area + p;
            x[p * shape.channels + c] = (real)bytes[at] / 255 + (real)noise[at];
        }
    }
}

double images_noise(float *noise, const float *z, double sigma, size_t count)
{
    double square = 0;
    for (size_t i = 0; i < count; i++) {
        noise[i] = (float)(sigma * (double)z[i]);
        square += (double)noise[i] * (double)noise[i];
    }
    return sqrt(square);
}

double images_draws(real *x, const float *z, struct image_shape shape)
{
    size_t area = shape.height * shape.width;
    double square = 0;
    for (size_t c = 0; c < shape.channels; c++) {
        for (size_t p = 0; p < area; p++) {
            x[p * shape.channels + c] = (real)z[c * area + p];
            square += (double)z[c * area + p] * (double)z[c * area + p];
        }
    }
    return sqrt(square);
}
