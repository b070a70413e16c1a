#include "common/glyphs.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "common/glyph_shapes.h"
#include "common/rng.h"

/* How much digits differ (spreads are standard deviations). Tuned so that mnist-cnn, after three
 * epochs on 10,000 images, is right for 98 % of the clean test images, 87 % at test σ 0.4 and 68 %
 * at 0.7. Every number here is part of the data set: its digest changes with it. */
static const double JITTER = 0.4; /* pixels that a point of a stroke is off */
static const double SCALE_LOW = 0.72, SCALE_HIGH = 0.96; /* of the shape as it is listed */
static const double ASPECT = 0.08;                       /* of the width's own scale */
static const double SHEAR = 0.14;                        /* pixels across, a pixel down */
static const double TURN = 0.07;                         /* radians, about */
static const double SHIFT = 0.6;                         /* pixels, each way */
static const double ELASTIC = 0.65;                   /* pixels, at a node of the elastic field */
static const double REACH_LOW = 1.25, REACH_HIGH = 2; /* pixels from a stroke's middle to no ink */
static const double EDGE_LOW = 0.9, EDGE_HIGH = 1.5;  /* pixels over which the ink fades: blur */
static const double INK_LOW = 0.45, INK_HIGH = 1;     /* of the darkest pixel */
static const double PRESSURE = 0.15; /* by which the reach changes over a longest stroke */

enum {
    GENERATOR_SEED = 1,
    LABEL_BLOCK = 1 << 16, /* the digits of ten images: a part of the first one's stream that no
                              image reaches */
    FIELD = 4,             /* nodes of the elastic field along a side */
    SPAN_STEPS = 4,        /* line segments between two points of a stroke */
    LINE_POINTS = GLYPH_STROKES * (GLYPH_POINTS * SPAN_STEPS + 1),
};

static const double MIDDLE = 0.5 * (GLYPHS_SIDE - 1); /* pixel centres are whole numbers */

struct draws {
    struct rng_stream stream;
    uint32_t block, words[4];
    int used; /* of words */
};

struct point {
    double x, y;
};

/* A glyph as line segments: from point i to point i + 1 where `joined` says so. */
struct line {
    int count;
    struct point points[LINE_POINTS];
    double reach[LINE_POINTS]; /* of the segment's ink, pixels from its middle */
    bool joined[LINE_POINTS];
};

static struct draws draws_start(enum glyphs_set set, uint32_t index, uint32_t block)
{
    return (struct draws){
        .stream = {GENERATOR_SEED, RNG_GLYPHS, (uint32_t)set, index}, .block = block, .used = 4};
}

static double draw_uniform(struct draws *draws)
{
    if (draws->used == 4) {
        rng_block(&draws->stream, draws->block++, draws->words);
        draws->used = 0;
    }
    return rng_uniform(draws->words[draws->used++]);
}

static double draw_between(struct draws *draws, double low, double high)
{
    return low + (high - low) * draw_uniform(draws);
}

static int draw_below(struct draws *draws, int count)
{
    return (int)floor(draw_uniform(draws) * count);
}

/* Bell-shaped around 0 with standard deviation 1, within ±3: twice the sum of three uniforms, each
 * of variance 1/12. */
static double draw_bell(struct draws *draws)
{
    double sum = -1.5;
    for (int i = 0; i < 3; i++)
        sum += draw_uniform(draws);
    return 2 * sum;
}

/* Each ten images show a permutation of the digits. */
static uint8_t draw_digit(enum glyphs_set set, uint32_t index)
{
    struct draws draws = draws_start(set, index - index % GLYPH_DIGITS, LABEL_BLOCK);
    uint8_t digits[GLYPH_DIGITS];
    for (int i = 0; i < GLYPH_DIGITS; i++) {
        int j = draw_below(&draws, i + 1);
        digits[i] = digits[j];
        digits[j] = (uint8_t)i;
    }
    return digits[index % GLYPH_DIGITS];
}

/* Catmull–Rom: the curve through b and c, with neighbours a and d, at t in [0, 1]. */
static double spline(double a, double b, double c, double d, double t)
{
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

static void line_add(struct line *line, struct point point, double reach, bool joined)
{
    assert(line->count < LINE_POINTS);
    line->points[line->count] = point;
    line->reach[line->count] = reach;
    line->joined[line->count++] = joined;
}

static void add_stroke(struct line *line, struct draws *draws, const struct glyph_stroke *stroke,
                       double reach)
{
    int count = stroke->point_count;
    struct point points[GLYPH_POINTS];
    for (int i = 0; i < count; i++) {
        points[i].x = stroke->points[i][0] + JITTER * draw_bell(draws);
        points[i].y = stroke->points[i][1] + JITTER * draw_bell(draws);
    }
    double pressure = 1, change = PRESSURE * draw_bell(draws) / (SPAN_STEPS * GLYPH_POINTS);
    for (int i = 0; i + 1 < count; i++) {
        const struct point a = points[i > 0 ? i - 1 : 0], b = points[i], c = points[i + 1],
                           d = points[i + 2 < count ? i + 2 : i + 1];
        for (int step = 0; step < SPAN_STEPS; step++) {
            double t = (double)step / SPAN_STEPS;
            line_add(line,
                     (struct point){spline(a.x, b.x, c.x, d.x, t), spline(a.y, b.y, c.y, d.y, t)},
                     reach * pressure, true);
            pressure += change;
        }
    }
    line_add(line, points[count - 1], reach, false);
}

/* Scale, shear, then rotation; angles as tangents of their halves, whose sine and cosine are
 * rational. */
static void transform(struct line *line, struct draws *draws)
{
    double scale = draw_between(draws, SCALE_LOW, SCALE_HIGH);
    double across = scale * (1 + ASPECT * draw_bell(draws));
    double shear = SHEAR * draw_bell(draws);
    double half = 0.5 * TURN * draw_bell(draws);
    double cosine = (1 - half * half) / (1 + half * half), sine = 2 * half / (1 + half * half);
    for (int i = 0; i < line->count; i++) {
        struct point *point = &line->points[i];
        double y = scale * point->y, x = across * point->x - shear * y;
        point->x = cosine * x - sine * y;
        point->y = sine * x + cosine * y;
    }
}

static double smooth(double t)
{
    return t * t * (3 - 2 * t);
}

/* A field of displacements, drawn at the nodes of a coarse net over the image and smooth between.
 */
static void distort(struct line *line, struct draws *draws)
{
    struct point nodes[FIELD][FIELD];
    for (int row = 0; row < FIELD; row++) {
        for (int column = 0; column < FIELD; column++) {
            nodes[row][column].x = ELASTIC * draw_bell(draws);
            nodes[row][column].y = ELASTIC * draw_bell(draws);
        }
    }
    for (int i = 0; i < line->count; i++) {
        struct point *point = &line->points[i];
        double v = fmin(fmax((point->y + MIDDLE) * (FIELD - 1) / GLYPHS_SIDE, 0), FIELD - 1.001);
        double u = fmin(fmax((point->x + MIDDLE) * (FIELD - 1) / GLYPHS_SIDE, 0), FIELD - 1.001);
        int row = (int)v, column = (int)u;
        double down = smooth(v - row), right = smooth(u - column);
        const struct point a = nodes[row][column], b = nodes[row][column + 1],
                           c = nodes[row + 1][column], d = nodes[row + 1][column + 1];
        point->x += (1 - down) * ((1 - right) * a.x + right * b.x) +
                    down * ((1 - right) * c.x + right * d.x);
        point->y += (1 - down) * ((1 - right) * a.y + right * b.y) +
                    down * ((1 - right) * c.y + right * d.y);
    }
}

/* Puts the middle of the glyph's bounding box near the middle of the image. */
static void place(struct line *line, struct draws *draws)
{
    struct point low = line->points[0], high = low;
    for (int i = 1; i < line->count; i++) {
        low.x = fmin(low.x, line->points[i].x);
        low.y = fmin(low.y, line->points[i].y);
        high.x = fmax(high.x, line->points[i].x);
        high.y = fmax(high.y, line->points[i].y);
    }
    double x = MIDDLE - 0.5 * (low.x + high.x) + SHIFT * draw_bell(draws);
    double y = MIDDLE - 0.5 * (low.y + high.y) + SHIFT * draw_bell(draws);
    for (int i = 0; i < line->count; i++) {
        line->points[i].x += x;
        line->points[i].y += y;
    }
}

/* First and last pixel of a row or column that lie between `low` and `high`. */
static void pixel_range(double low, double high, int *first, int *last)
{
    *first = low < 0 ? 0 : (int)floor(low) + 1;
    *last = high > GLYPHS_SIDE - 1 ? GLYPHS_SIDE - 1 : (int)floor(high);
}

/* Lowers field[pixel] to (distance / reach)² where the segment from a to b is nearer than its
 * reach. */
static void mark_segment(double field[GLYPHS_PIXELS], struct point a, struct point b, double reach)
{
    double dx = b.x - a.x, dy = b.y - a.y, length2 = dx * dx + dy * dy;
    double per_length2 = length2 > 0 ? 1 / length2 : 0, per_reach2 = 1 / (reach * reach);
    int left, right, top, bottom;
    pixel_range(fmin(a.x, b.x) - reach, fmax(a.x, b.x) + reach, &left, &right);
    pixel_range(fmin(a.y, b.y) - reach, fmax(a.y, b.y) + reach, &top, &bottom);
    for (int y = top; y <= bottom; y++) {
        for (int x = left; x <= right; x++) {
            double px = x - a.x, py = y - a.y;
            double along = (px * dx + py * dy) * per_length2;
            along = along < 0 ? 0 : along > 1 ? 1 : along;
            double ex = px - along * dx, ey = py - along * dy;
            double near = (ex * ex + ey * ey) * per_reach2;
            double *old = &field[y * GLYPHS_SIDE + x];
            *old = near < *old ? near : *old;
        }
    }
}

/* Full ink inside, fading to none over `edge` (a share of the reach) towards the reach. */
static void ink(const double field[GLYPHS_PIXELS], double level, double edge,
                uint8_t pixels[GLYPHS_PIXELS])
{
    for (int i = 0; i < GLYPHS_PIXELS; i++) {
        double depth = field[i] < 1 ? (1 - sqrt(field[i])) / edge : 0;
        pixels[i] = (uint8_t)floor(255 * level * smooth(depth < 1 ? depth : 1) + 0.5);
    }
}

uint8_t glyphs_draw(enum glyphs_set set, uint32_t index, uint8_t pixels[GLYPHS_PIXELS])
{
    struct draws draws = draws_start(set, index, 0);
    uint8_t digit = draw_digit(set, index);
    const struct glyph_shape *shape = &glyph_shapes[digit][draw_below(&draws, GLYPH_SHAPES)];
    double reach = draw_between(&draws, REACH_LOW, REACH_HIGH);
    double edge = draw_between(&draws, EDGE_LOW, EDGE_HIGH) / reach;
    double level = draw_between(&draws, INK_LOW, INK_HIGH);
    struct line line = {0};
    for (int i = 0; i < GLYPH_STROKES; i++)
        if (shape->strokes[i].point_count > 0)
            add_stroke(&line, &draws, &shape->strokes[i], reach);
    transform(&line, &draws);
    distort(&line, &draws);
    place(&line, &draws);
    double field[GLYPHS_PIXELS];
    for (int i = 0; i < GLYPHS_PIXELS; i++)
        field[i] = 1;
    for (int i = 0; i + 1 < line.count; i++)
        if (line.joined[i])
            mark_segment(field, line.points[i], line.points[i + 1], line.reach[i]);
    ink(field, level, edge, pixels);
    return digit;
}

static bool make_split(struct dataset_split *split, enum glyphs_set set, size_t count,
                       struct error *error)
{
    split->images = malloc(count * GLYPHS_PIXELS);
    split->labels = malloc(count);
    if (!split->images || !split->labels)
        return error_set(error, ERROR_MEMORY, "no memory for %zu glyphs", count);
    split->count = count;
    for (size_t i = 0; i < count; i++)
        split->labels[i] = glyphs_draw(set, (uint32_t)i, split->images + i * GLYPHS_PIXELS);
    return true;
}

bool glyphs_make(struct dataset *dataset, const struct dataset_source *source, struct error *error)
{
    size_t limit = source->train_limit;
    dataset->channels = 1;
    dataset->height = dataset->width = GLYPHS_SIDE;
    dataset->class_count = GLYPHS_CLASS_COUNT;
    return make_split(&dataset->train, GLYPHS_TRAIN,
                      limit > 0 && limit < GLYPHS_TRAIN_COUNT ? limit : GLYPHS_TRAIN_COUNT,
                      error) &&
           make_split(&dataset->test, GLYPHS_TEST, GLYPHS_TEST_COUNT, error);
}
