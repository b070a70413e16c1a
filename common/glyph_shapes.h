/* How the digits of the data set `glyphs` are written: a few ways each, as strokes. */
#ifndef LIPSWEEP_COMMON_GLYPH_SHAPES_H
#define LIPSWEEP_COMMON_GLYPH_SHAPES_H

#include <stdint.h>

enum {
    GLYPH_DIGITS = 10,
    GLYPH_SHAPES = 3,  /* ways to write a digit */
    GLYPH_STROKES = 3, /* at most */
    GLYPH_POINTS = 11, /* of a stroke, at most */
};

/* A smooth curve through its points. Pixels from the middle of the digit, x to the right, y down;
 * a digit is about 20 high. Corners are where one stroke ends and the next begins. */
struct glyph_stroke {
    int point_count; /* 0: no stroke */
    int8_t points[GLYPH_POINTS][2];
};

struct glyph_shape {
    struct glyph_stroke strokes[GLYPH_STROKES];
};

extern const struct glyph_shape glyph_shapes[GLYPH_DIGITS][GLYPH_SHAPES];

#endif
