/* A network's numbers before the first step, and the digest of them after the last. */
#include "common/hash.h"
#include "common/rng.h"
#include "worker/network.h"

#include <math.h>
#include <string.h>

static void start_uniform(const struct tensor *tensor, const struct rng_stream *stream,
                          real *numbers)
{
    double bound = 1 / sqrt((double)tensor->fan_in);
    uint32_t words[4];
    for (size_t j = 0; j < tensor->count; j++) {
        if (j % 4 == 0) {
            rng_block(stream, (uint32_t)(j / 4), words);
        }
        numbers[j] = (real)(float)(bound * (2 * rng_uniform(words[j % 4]) - 1));
    }
}

/* Normals come in runs from a stream's beginning, so a tensor's are drawn in place: the array of
 * floats at the end of its own numbers is read before it is written over. */
static void start_he(const struct tensor *tensor, const struct rng_stream *stream, real *numbers)
{
    double deviation = sqrt(2 / (double)tensor->fan_in);
    float *z = (float *)(void *)(numbers + tensor->count) - tensor->count;
    rng_normals(stream, z, tensor->count);
    for (size_t j = 0; j < tensor->count; j++) {
        float normal;
        memcpy(&normal, z + j, sizeof normal);
        numbers[j] = (real)(float)(deviation * (double)normal);
    }
}

static void start_constant(const struct tensor *tensor, real value, real *numbers)
{
    for (size_t j = 0; j < tensor->count; j++) {
        numbers[j] = value;
    }
}

void network_initial_weights(const struct network *network, uint64_t seed, real *numbers)
{
    for (size_t t = 0; t < network->tensor_count; t++) {
        const struct tensor *tensor = &network->tensors[t];
        struct rng_stream stream = {seed, RNG_INITIAL_WEIGHTS, 0, (uint32_t)t};
        switch (tensor->start) {
        case START_UNIFORM:
            start_uniform(tensor, &stream, numbers + tensor->offset);
            break;
        case START_HE:
            start_he(tensor, &stream, numbers + tensor->offset);
            break;
        case START_ZERO:
        case START_ONE:
            start_constant(tensor, tensor->start == START_ONE, numbers + tensor->offset);
            break;
        }
    }
}

bool network_has_input(const struct network *network)
{
    return network->layers[0].kind == LAYER_STANDARDIZE;
}

void network_set_input(const struct network *network, const double *mean, const double *sd,
                       real *numbers)
{
    const struct layer *layer = &network->layers[0];
    for (size_t c = 0; network_has_input(network) && c < network->slots[0].channels; c++) {
        numbers[layer->mean + c] = (real)(float)mean[c];
        numbers[layer->variance + c] = sd[c] > 0 ? (real)(float)sd[c] : 1;
    }
}

void network_digest(const struct network *network, const real *numbers, char text[65])
{
    struct hash hash;
    uint8_t digest[HASH_BYTES];
    size_t count = network->number_count;
    for (size_t t = network->tensor_count; t-- > 0 && network->tensors[t].kind == TENSOR_INPUT;) {
        count = network->tensors[t].offset;
    }
    hash_init(&hash);
    for (size_t i = 0; i < count; i++) {
        float number = (float)numbers[i];
        uint32_t word;
        memcpy(&word, &number, sizeof word);
        const uint8_t bytes[4] = {(uint8_t)word, (uint8_t)(word >> 8), (uint8_t)(word >> 16),
                                  (uint8_t)(word >> 24)};
        hash_add(&hash, bytes, sizeof bytes);
    }
    hash_finish(&hash, digest);
    hash_text(digest, sizeof digest, text);
}
