#include "client/publisher.h"

#include <string.h>

const struct publisher publishers[] = {
    {
        .dataset = "mnist",
        .mirrors = {"https://ossci-datasets.s3.amazonaws.com/mnist",
                    "https://storage.googleapis.com/cvdf-datasets/mnist"},
        .size_max = 64 << 20,
        .files = {{"train-images-idx3-ubyte.gz",
                   "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
                  {"train-labels-idx1-ubyte.gz",
                   "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
                  {"t10k-images-idx3-ubyte.gz",
                   "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
                  {"t10k-labels-idx1-ubyte.gz",
                   "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"}},
        .file_count = 4,
    },
    {
        .dataset = "cifar10",
        .mirrors = {"https://www.cs.toronto.edu/~kriz"},
        .archive = "cifar-10-binary.tar.gz",
        .size_max = 1 << 30,
        .files = {{"data_batch_1.bin",
                   "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"},
                  {"data_batch_2.bin",
                   "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"},
                  {"data_batch_3.bin",
                   "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"},
                  {"data_batch_4.bin",
                   "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"},
                  {"data_batch_5.bin",
                   "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"},
                  {"test_batch.bin",
                   "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"}},
        .file_count = 6,
    },
    {
        /* The archive is large for its unlabelled images, which stay in it. */
        .dataset = "stl10",
        .mirrors = {"https://ai.stanford.edu/~acoates/stl10"},
        .archive = "stl10_binary.tar.gz",
        .size_max = (int64_t)4 << 30,
        .files = {{"train_X.bin", NULL},
                  {"train_y.bin", NULL},
                  {"test_X.bin", NULL},
                  {"test_y.bin", NULL}},
        .file_count = 4,
    },
};
const size_t publisher_count = sizeof publishers / sizeof *publishers;

const struct publisher *publisher_find(const char *dataset)
{
    for (size_t i = 0; i < publisher_count; i++)
        if (strcmp(publishers[i].dataset, dataset) == 0)
            return &publishers[i];
    return NULL;
}
