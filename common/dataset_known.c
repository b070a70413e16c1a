#include "common/dataset_known.h"

#include <string.h>

#include "common/cifar.h"
#include "common/glyphs.h"
#include "common/idx_dataset.h"
#include "common/stl.h"

static const struct dataset_known table[] = {
    {
        .name = "mnist",
        .digest = "07de78c008867af305d54bed01ca1915b231fbf309e799dbd32a04e5a6822d26",
        .train_count = 60000,
        .test_count = 10000,
        .channels = 1,
        .side = MNIST_SIDE,
        .class_count = MNIST_CLASS_COUNT,
        .read = idx_dataset_read,
        .folders = {"mnist"},
        .class_names = "",
    },
    {
        .name = "cifar10",
        .digest = "96e3c290d70c334a2a026b9d83db2744027662f4180344ec4abc66a929d26413",
        .train_count = 50000,
        .test_count = 10000,
        .channels = CIFAR_CHANNELS,
        .side = CIFAR_SIDE,
        .class_count = CIFAR10_CLASS_COUNT,
        .read = cifar_read,
        .folders = {"cifar10", "cifar-10", "cifar-10-batches-bin"},
        .class_names = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck",
    },
    {
        .name = "stl10",
        .digest = NULL,
        .train_count = 5000,
        .test_count = 8000,
        .channels = STL_CHANNELS,
        .side = STL_SIDE,
        .class_count = STL10_CLASS_COUNT,
        .read = stl_read,
        .folders = {"stl10", "stl-10", "stl10_binary"},
        .class_names = "airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck",
    },
    {
        .name = "glyphs",
        .digest = "042d05856cd9d61257036f8d84a587232fce4781833b19202c9fc29df2d16aaf",
        .train_count = GLYPHS_TRAIN_COUNT,
        .test_count = GLYPHS_TEST_COUNT,
        .channels = 1,
        .side = GLYPHS_SIDE,
        .class_count = GLYPHS_CLASS_COUNT,
        .read = glyphs_make,
        .is_generated = true,
        .class_names = "",
    },
};

const char dataset_known_names[] = "mnist, cifar10, stl10, glyphs";

const struct dataset_known *dataset_known_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}
