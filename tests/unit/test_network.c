/* The plan of mnist-cnn: tensors as PyTorch names and shapes them, initial weights, digest. */
#include "common/hash.h"
#include "common/rng.h"
#include "worker/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct image_shape MNIST = {1, 28, 28};

static struct network mnist_cnn(void)
{
    struct network network;
    assert_true(network_init(&network, "mnist-cnn", MNIST, 10, NULL));
    return network;
}

static void tensors_are_named_and_shaped_as_a_state_dict(void **state)
{
    (void)state;
    const struct {
        const char *name;
        int rank;
        size_t shape[4], fan_in;
    } expected[] = {
        {"conv1.weight", 4, {16, 1, 5, 5}, 25}, {"conv1.bias", 1, {16}, 25},
        {"fc1.weight", 2, {128, 3136}, 3136},   {"fc1.bias", 1, {128}, 3136},
        {"fc2.weight", 2, {10, 128}, 128},      {"fc2.bias", 1, {10}, 128},
    };
    struct network network = mnist_cnn();
    assert_int_equal(network.tensor_count, 6);
    assert_int_equal(network.parameter_count, 403242);
    size_t offset = 0;
    for (size_t t = 0; t < 6; t++) {
        const struct tensor *tensor = &network.tensors[t];
        assert_string_equal(tensor->name, expected[t].name);
        assert_int_equal(tensor->rank, expected[t].rank);
        assert_memory_equal(tensor->shape, expected[t].shape, sizeof tensor->shape);
        assert_int_equal(tensor->fan_in, expected[t].fan_in);
        assert_int_equal(tensor->offset, offset);
        offset += tensor->count;
    }
    assert_int_equal(offset, network.parameter_count);
}

static void adapts_to_images_and_classes(void **state)
{
    (void)state;
    struct network network;
    assert_true(network_init(&network, "mnist-cnn", (struct image_shape){3, 9, 6}, 4, NULL));
    assert_int_equal(network.tensors[0].shape[1], 3);
    assert_int_equal(network.tensors[2].shape[1], 16 * 4 * 3);
    assert_int_equal(network.tensors[5].shape[0], 4);

    struct error error = {0};
    assert_false(network_init(&network, "mnist-cnn", (struct image_shape){1, 1, 28}, 10, &error));
    assert_non_null(strstr(error.message, "too small"));
    assert_false(network_init(&network, "resnet99", MNIST, 10, &error));
    assert_string_equal(error.message, "unknown network 'resnet99' (known: mnist-cnn)");
}

static void initial_weights_follow_their_streams(void **state)
{
    (void)state;
    struct network network = mnist_cnn();
    real *parameters = malloc(network.parameter_count * sizeof *parameters);
    assert_non_null(parameters);
    network_initial_weights(&network, 12345678901, parameters);
    for (uint32_t t = 0; t < network.tensor_count; t++) {
        const struct tensor *tensor = &network.tensors[t];
        const real *numbers = parameters + tensor->offset;
        double bound = 1 / sqrt((double)tensor->fan_in), sum = 0;
        for (size_t j = 0; j < tensor->count; j++) {
            assert_true(fabs(numbers[j]) <= bound);
            sum += numbers[j];
        }
        /* five standard errors of a uniform's mean */
        assert_true(fabs(sum) < 5 * bound * sqrt((double)tensor->count / 3));

        uint32_t last = (uint32_t)tensor->count - 1, words[4];
        struct rng_stream stream = {12345678901, RNG_INITIAL_WEIGHTS, 0, t};
        rng_block(&stream, last / 4, words);
        assert_true(numbers[last] == (float)(bound * (2 * rng_uniform(words[last % 4]) - 1)));
    }
    free(parameters);
}

static void digest_covers_every_parameter(void **state)
{
    (void)state;
    struct network network = mnist_cnn();
    real *parameters = calloc(network.parameter_count, sizeof *parameters);
    uint8_t *bytes = calloc(network.parameter_count, 4);
    assert_true(parameters && bytes);
    parameters[1] = 1;                            /* 0x3f800000 */
    parameters[network.parameter_count - 1] = -2; /* 0xc0000000 */
    memcpy(bytes + 4, (const uint8_t[]){0, 0, 0x80, 0x3f}, 4);
    memcpy(bytes + 4 * (network.parameter_count - 1), (const uint8_t[]){0, 0, 0, 0xc0}, 4);
    uint8_t hash[HASH_BYTES];
    char expected[HASH_TEXT], digest[HASH_TEXT];
    hash_buffer(bytes, 4 * network.parameter_count, hash);
    hash_text(hash, HASH_BYTES, expected);
    network_digest(&network, parameters, digest);
    assert_string_equal(digest, expected);
    free(parameters);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_named_and_shaped_as_a_state_dict),
        cmocka_unit_test(adapts_to_images_and_classes),
        cmocka_unit_test(initial_weights_follow_their_streams),
        cmocka_unit_test(digest_covers_every_parameter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
