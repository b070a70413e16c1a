/* The plans of the networks: tensors as PyTorch names and shapes them, initial weights, digest. */
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
    assert_true(network_init(&network, "mnist-cnn", SHORTCUT_A, MNIST, 10, NULL));
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
    assert_true(
        network_init(&network, "mnist-cnn", SHORTCUT_A, (struct image_shape){3, 9, 6}, 4, NULL));
    assert_int_equal(network.tensors[0].shape[1], 3);
    assert_int_equal(network.tensors[2].shape[1], 16 * 4 * 3);
    assert_int_equal(network.tensors[5].shape[0], 4);

    struct error error = {0};
    assert_false(network_init(&network, "mnist-cnn", SHORTCUT_A, (struct image_shape){1, 1, 28}, 10,
                              &error));
    assert_non_null(strstr(error.message, "too small"));
    assert_false(network_init(&network, "resnet99", SHORTCUT_A, MNIST, 10, &error));
    assert_string_equal(error.message, "unknown network 'resnet99' (known: "
                                       "mnist-cnn, resnet20, preresnet20, preresnet32)");
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

static struct network plan(const char *name, enum shortcut shortcut, size_t side)
{
    struct network network;
    struct error error = {0};
    struct image_shape image = {3, side, side};
    if (!network_init(&network, name, shortcut, image, 10, &error)) {
        fail_msg("%s", error.message);
    }
    return network;
}

/* Trained numbers as published, whatever the image's size. */
static void residual_networks_have_their_parameter_counts(void **state)
{
    (void)state;
    const struct {
        const char *name;
        enum shortcut shortcut;
        size_t parameters, norms, statistics;
    } expected[] = {
        {"resnet20", SHORTCUT_A, 269722, 19, 2 * 688 + 6},
        {"preresnet20", SHORTCUT_A, 269722, 19, 2 * 688 + 6},
        {"preresnet32", SHORTCUT_A, 464154, 31, 2 * 1136 + 6},
        {"resnet20", SHORTCUT_B, 269722 + 512 + 2048 + 64 + 128, 21, 2 * 784 + 6},
        {"preresnet20", SHORTCUT_B, 269722 + 512 + 2048, 19, 2 * 688 + 6},
    };
    const size_t sides[] = {28, 32, 96};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        for (size_t j = 0; j < 3; j++) {
            struct network network = plan(expected[i].name, expected[i].shortcut, sides[j]);
            assert_int_equal(network.parameter_count, expected[i].parameters);
            assert_int_equal(network.norm_count, expected[i].norms);
            assert_int_equal(network.number_count - network.parameter_count,
                             expected[i].statistics);
            const struct slot *last = &network.slots[network.slot_count - 2];
            assert_int_equal(slot_size(last), 64);
        }
    }
    struct network deepest = plan("resnet110", SHORTCUT_B, 32);
    assert_int_equal(deepest.norm_count, 109 + 2);
}

static size_t find(const struct network *network, const char *name)
{
    size_t t = 0;
    while (t < network->tensor_count && strcmp(network->tensors[t].name, name) != 0) {
        t++;
    }
    return t;
}

static void residual_tensors_have_a_state_dicts_names(void **state)
{
    (void)state;
    static const char *const names[] = {
        "conv1.weight",          "bn1.weight",          "bn1.bias",
        "layer1.0.conv1.weight", "layer1.0.bn1.weight", "layer1.0.bn1.bias",
        "layer3.2.bn2.bias",     "fc.weight",           "fc.bias",
        "bn1.running_mean",      "bn1.running_var",     "layer2.0.bn2.running_var",
        "layer3.2.conv2.weight"};
    struct network network = plan("resnet20", SHORTCUT_A, 32);
    struct network pre = plan("preresnet20", SHORTCUT_B, 32);
    size_t offset = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(find(&network, names[i]) < network.tensor_count);
    }
    for (size_t t = 0; t < network.tensor_count; t++) {
        const struct tensor *tensor = &network.tensors[t];
        assert_int_equal(tensor->offset, offset);
        assert_int_equal(tensor->kind == TENSOR_TRAINED, offset < network.parameter_count);
        assert_int_equal(tensor->is_norm, strstr(tensor->name, "bn") && tensor->kind == 0);
        offset += tensor->count;
    }
    assert_int_equal(offset, network.number_count);
    assert_int_equal(find(&network, "bn.weight"), network.tensor_count);
    assert_true(find(&pre, "bn.running_mean") < pre.tensor_count);
    assert_true(find(&pre, "layer2.0.shortcut.weight") < pre.tensor_count);
    assert_int_equal(find(&pre, "layer1.0.shortcut.weight"), pre.tensor_count);
    const struct tensor *shortcut = &pre.tensors[find(&pre, "layer3.0.shortcut.weight")];
    const size_t shape[] = {64, 32, 1, 1};
    assert_memory_equal(shortcut->shape, shape, sizeof shape);
}

static void residual_networks_start_as_he_says(void **state)
{
    (void)state;
    struct network network = plan("resnet20", SHORTCUT_A, 32);
    real *numbers = malloc(network.number_count * sizeof *numbers);
    assert_non_null(numbers);
    network_initial_weights(&network, 17, numbers);
    for (uint32_t t = 0; t < network.tensor_count; t++) {
        const struct tensor *tensor = &network.tensors[t];
        const real *x = numbers + tensor->offset;
        if (tensor->rank == 4) {
            static float z[64 * 64 * 9];
            struct rng_stream stream = {17, RNG_INITIAL_WEIGHTS, 0, t};
            rng_normals(&stream, z, tensor->count);
            double sum = 0, deviation = sqrt(2 / (9.0 * (double)tensor->shape[1]));
            for (size_t j = 0; j < tensor->count; j++) {
                assert_true(x[j] == (float)(deviation * (double)z[j]));
                sum += (double)x[j] * (double)x[j];
            }
            double off = sum / ((double)tensor->count * deviation * deviation) - 1;
            assert_true(fabs(off) < 5 * sqrt(2 / (double)tensor->count));
        } else if (tensor->rank == 1 && strcmp(tensor->name, "fc.bias") != 0) {
            bool one = (tensor->is_norm && strstr(tensor->name, "weight")) ||
                       strstr(tensor->name, "var") || strstr(tensor->name, "std");
            assert_true(x[0] == one && x[tensor->count - 1] == one);
        }
    }
    const double mean[] = {0.5, 0.25, 0.125}, sd[] = {0.5, 0, 0.75};
    network_set_input(&network, mean, sd, numbers);
    const real *input = numbers + network.tensors[find(&network, "input.mean")].offset;
    assert_true(input[0] == 0.5 && input[1] == 0.25 && input[2] == 0.125);
    assert_true(input[3] == 0.5 && input[4] == 1 && input[5] == 0.75);
    free(numbers);
}

static void only_depths_of_6n_plus_2_are_networks(void **state)
{
    (void)state;
    static const char *const bad[] = {"resnet",    "resnet2",   "resnet18",           "resnet116",
                                      "resnet020", "resnet20x", "preresnet",          "preresnet21",
                                      "Resnet20",  "resnet-20", "resnet1000000000000"};
    struct network network;
    struct error error = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(network_init(&network, bad[i], SHORTCUT_A, MNIST, 10, &error));
        assert_non_null(strstr(error.message, "unknown network"));
    }
    assert_true(network_init(&network, "resnet8", SHORTCUT_A, MNIST, 10, &error));
    assert_true(network_init(&network, "preresnet56", SHORTCUT_A, MNIST, 10, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_named_and_shaped_as_a_state_dict),
        cmocka_unit_test(adapts_to_images_and_classes),
        cmocka_unit_test(initial_weights_follow_their_streams),
        cmocka_unit_test(digest_covers_every_parameter),
        cmocka_unit_test(residual_networks_have_their_parameter_counts),
        cmocka_unit_test(residual_tensors_have_a_state_dicts_names),
        cmocka_unit_test(residual_networks_start_as_he_says),
        cmocka_unit_test(only_depths_of_6n_plus_2_are_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
