/* The data set `glyphs`: handwritten-looking digits drawn by the program, so that everything can be
 * tried and tested without a file.
 *
 * An image depends on the generator's seed, the set (training or test) and its number in it,
 * through Philox streams of purpose RNG_GLYPHS, and on nothing else. Only operations that IEEE 754
 * rounds exactly are used (+ - * / sqrt floor), so the bytes are the same on every machine. */
#ifndef LIPSWEEP_COMMON_GLYPHS_H
#define LIPSWEEP_COMMON_GLYPHS_H

#include "common/dataset.h"
#include "common/dataset_files.h"

enum {
    GLYPHS_SIDE = 28,
    GLYPHS_PIXELS = GLYPHS_SIDE * GLYPHS_SIDE,
    GLYPHS_CLASS_COUNT = 10,
    GLYPHS_TRAIN_COUNT = 20000,
    GLYPHS_TEST_COUNT = 4000,
};

enum glyphs_set { GLYPHS_TRAIN = 0, GLYPHS_TEST = 1 };

/* Draws image `index` of `set` and returns its digit. Ten images from a multiple of ten on show
 * each digit once. */
uint8_t glyphs_draw(enum glyphs_set set, uint32_t index, uint8_t pixels[GLYPHS_PIXELS]);

/* Fills `dataset` (all zero before): the test set and the first source->train_limit training
 * images. On failure the caller closes it. */
WARN_UNUSED bool glyphs_make(struct dataset *dataset, const struct dataset_source *source,
                             struct error *error);

#endif
