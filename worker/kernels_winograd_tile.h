/* Winograd's transforms of one tile, a vector of channels at a time: part of kernels_level.c.
 *
 * Each is the same one-dimensional transform down the columns, then along the rows, in parts that
 * fit the registers. The six points come in the order 0, A, -A, B, -B, infinity. */

#define INLINE __attribute__((always_inline)) static inline
#define NEVER_INLINE __attribute__((noinline)) static
#define SQUARE_A (WINOGRAD_A * WINOGRAD_A)
#define SQUARE_B (WINOGRAD_B * WINOGRAD_B)

/* The part of an image that a tile covers. */
struct window {
    const real *row[WINOGRAD_IN]; /* of the image, or zeros */
    ptrdiff_t first;              /* number in its row at which the window begins */
    ptrdiff_t step;               /* numbers from one pixel to the next */
    int begin, end;               /* columns of the window that lie in the image */
};

/* Which of them do, where the compiler is to know. */
struct inside {
    int begin, end;
};

/* What it points to: the window's upper left corner; of its pixels only so many exist. */
struct target {
    real *corner;
    const real *added; /* the same corner of what is added; NULL: nothing */
    size_t row_step, step;
    int rows, columns;
};

INLINE vector at(const struct window *w, int row, int column)
{
    return load(w->row[row] + w->first + column * w->step);
}

INLINE vector at_or_zero(const struct window *w, struct inside inside, int row, int column)
{
    return column >= inside.begin && column < inside.end ? at(w, row, column) : (vector){0};
}

/* The window with zeros where it lies outside the image, in `numbers`. */
INLINE struct window window_filled(const struct window *w, int side, real *numbers)
{
    struct window filled = {.step = LANES, .end = side};
    for (int y = 0; y < side; y++) {
        for (int x = 0; x < side; x++, numbers += LANES) {
            if (x == 0) {
                filled.row[y] = numbers;
            }
            store(numbers, at_or_zero(w, (struct inside){w->begin, w->end}, y, x));
        }
    }
    return filled;
}

/* --- the input: from 6 numbers to their values at the points --- */

INLINE vector at_zero(vector x0, vector x2, vector x4)
{
    return x0 * (SQUARE_A * SQUARE_B) + (x4 - x2 * (SQUARE_A + SQUARE_B));
}

/* The values at +-`own`, from the part even in it and the part odd in it; `other` is the square of
 * the other pair of points. */
INLINE void at_pair(vector *plus, vector *minus, real own, real other, vector x1, vector x2,
                    vector x3, vector x4)
{
    vector even = x4 - x2 * other, odd = x3 - x1 * other;
    *plus = even + odd * own;
    *minus = even - odd * own;
}

INLINE void store_six(real *to, size_t point_step, const vector x[WINOGRAD_IN])
{
    vector y[WINOGRAD_IN];
    y[0] = at_zero(x[0], x[2], x[4]);
    at_pair(&y[1], &y[2], WINOGRAD_A, SQUARE_B, x[1], x[2], x[3], x[4]);
    at_pair(&y[3], &y[4], WINOGRAD_B, SQUARE_A, x[1], x[2], x[3], x[4]);
    y[5] = at_zero(x[1], x[3], x[5]);
    for (int j = 0; j < WINOGRAD_IN; j++) {
        store(to + (size_t)j * point_step, y[j]);
    }
}

INLINE void six_ends(real *to, size_t point_step, const struct window *w, struct inside inside)
{
    vector first[WINOGRAD_IN], last[WINOGRAD_IN];
#pragma GCC unroll 6
    for (int j = 0; j < WINOGRAD_IN; j++) {
        first[j] = at_zero(at_or_zero(w, inside, 0, j), at_or_zero(w, inside, 2, j),
                           at_or_zero(w, inside, 4, j));
        last[j] = at_zero(at_or_zero(w, inside, 1, j), at_or_zero(w, inside, 3, j),
                          at_or_zero(w, inside, 5, j));
    }
    store_six(to, point_step, first);
    store_six(to + 5 * WINOGRAD_IN * point_step, point_step, last);
}

INLINE void six_pair(real *to, size_t point_step, const struct window *w, struct inside inside,
                     real own, real other)
{
    vector plus[WINOGRAD_IN], minus[WINOGRAD_IN];
#pragma GCC unroll 6
    for (int j = 0; j < WINOGRAD_IN; j++) {
        at_pair(&plus[j], &minus[j], own, other, at_or_zero(w, inside, 1, j),
                at_or_zero(w, inside, 2, j), at_or_zero(w, inside, 3, j),
                at_or_zero(w, inside, 4, j));
    }
    store_six(to, point_step, plus);
    store_six(to + WINOGRAD_IN * point_step, point_step, minus);
}

INLINE void six(real *to, size_t point_step, const struct window *w, int begin, int end)
{
    const struct inside inside = {begin, end};
    six_ends(to, point_step, w, inside);
    six_pair(to + WINOGRAD_IN * point_step, point_step, w, inside, WINOGRAD_A, SQUARE_B);
    six_pair(to + 3 * WINOGRAD_IN * point_step, point_step, w, inside, WINOGRAD_B, SQUARE_A);
}

/* A window of 6 x 6 to its values at the 36 points: inside the image, at its left or right edge,
 * and any. */
NEVER_INLINE void six_inner(real *to, size_t point_step, const struct window *w)
{
    six(to, point_step, w, 0, 6);
}

NEVER_INLINE void six_left(real *to, size_t point_step, const struct window *w)
{
    six(to, point_step, w, 1, 6);
}

NEVER_INLINE void six_right(real *to, size_t point_step, const struct window *w)
{
    six(to, point_step, w, 0, 5);
}

NEVER_INLINE void six_any(real *to, size_t point_step, const struct window *w)
{
    _Alignas(VECTOR_BYTES) real numbers[WINOGRAD_POINTS * LANES];
    const struct window filled = window_filled(w, WINOGRAD_IN, numbers);
    six_inner(to, point_step, &filled);
}

/* --- a tile of 4 x 4 as a polynomial --- */

INLINE void polynomial_pair(vector *plus, vector *minus, real own, vector x0, vector x1, vector x2,
                            vector x3)
{
    vector even = x0 + x2 * (own * own), odd = x1 + x3 * (own * own);
    *plus = even + odd * own;
    *minus = even - odd * own;
}

INLINE void store_polynomial(real *to, size_t point_step, const vector x[WINOGRAD_OUT])
{
    vector y[WINOGRAD_IN] = {x[0]};
    polynomial_pair(&y[1], &y[2], WINOGRAD_A, x[0], x[1], x[2], x[3]);
    polynomial_pair(&y[3], &y[4], WINOGRAD_B, x[0], x[1], x[2], x[3]);
    y[5] = x[3];
    for (int j = 0; j < WINOGRAD_IN; j++) {
        store(to + (size_t)j * point_step, y[j]);
    }
}

INLINE void four_end(real *to, size_t point_step, const struct window *w, int row)
{
    vector x[WINOGRAD_OUT];
#pragma GCC unroll 4
    for (int j = 0; j < WINOGRAD_OUT; j++) {
        x[j] = at(w, row, j);
    }
    store_polynomial(to, point_step, x);
}

INLINE void four_pair(real *to, size_t point_step, const struct window *w, real own)
{
    vector plus[WINOGRAD_OUT], minus[WINOGRAD_OUT];
#pragma GCC unroll 4
    for (int j = 0; j < WINOGRAD_OUT; j++) {
        polynomial_pair(&plus[j], &minus[j], own, at(w, 0, j), at(w, 1, j), at(w, 2, j),
                        at(w, 3, j));
    }
    store_polynomial(to, point_step, plus);
    store_polynomial(to + WINOGRAD_IN * point_step, point_step, minus);
}

/* The transpose of the way back below, a window of 4 x 4 to 36 points: inside the image, and any.
 */
NEVER_INLINE void four_inner(real *to, size_t point_step, const struct window *w)
{
    four_end(to, point_step, w, 0);
    four_pair(to + WINOGRAD_IN * point_step, point_step, w, WINOGRAD_A);
    four_pair(to + 3 * WINOGRAD_IN * point_step, point_step, w, WINOGRAD_B);
    four_end(to + 5 * WINOGRAD_IN * point_step, point_step, w, 3);
}

NEVER_INLINE void four_any(real *to, size_t point_step, const struct window *w)
{
    _Alignas(VECTOR_BYTES) real numbers[WINOGRAD_OUT * WINOGRAD_OUT * LANES];
    const struct window filled = window_filled(w, WINOGRAD_OUT, numbers);
    four_inner(to, point_step, &filled);
}

/* --- from the points back to a tile of outputs --- */

/* Numbers 0 and 2, or 1 and 3, of the four: from sums, or from differences, of the pairs. */
INLINE void even_two(vector *y0, vector *y2, vector m0, vector sum_a, vector sum_b)
{
    *y0 = m0 + sum_a + sum_b;
    *y2 = sum_a * SQUARE_A + sum_b * SQUARE_B;
}

INLINE void odd_two(vector *y1, vector *y3, vector m5, vector difference_a, vector difference_b)
{
    vector a = difference_a * WINOGRAD_A, b = difference_b * WINOGRAD_B;
    *y1 = a + b;
    *y3 = a * SQUARE_A + (b * SQUARE_B + m5);
}

INLINE void store_row(const struct target *t, int row, const vector m[WINOGRAD_IN], vector bias,
                      bool adds, bool activates)
{
    vector y[WINOGRAD_OUT];
    even_two(&y[0], &y[2], m[0], m[1] + m[2], m[3] + m[4]);
    odd_two(&y[1], &y[3], m[5], m[1] - m[2], m[3] - m[4]);
    size_t to = (size_t)row * t->row_step;
    for (int j = 0; j < WINOGRAD_OUT && row < t->rows; j++) {
        if (j < t->columns) {
            vector x = adds ? y[j] + bias + load(t->added + to) : y[j] + bias;
            store(t->corner + to, activates ? positive_part(x) : x);
            to += t->step;
        }
    }
}

INLINE vector point(const real *from, size_t point_step, int row, int column)
{
    return load(from + (size_t)(row * WINOGRAD_IN + column) * point_step);
}

/* 36 points to a tile of outputs. */
INLINE void output_tile(const struct target *t, const real *from, size_t point_step, vector bias,
                        bool adds, bool activates)
{
    vector top[WINOGRAD_IN], bottom[WINOGRAD_IN];
#pragma GCC unroll 6
    for (int j = 0; j < WINOGRAD_IN; j++) {
        vector sum_a = point(from, point_step, 1, j) + point(from, point_step, 2, j);
        vector sum_b = point(from, point_step, 3, j) + point(from, point_step, 4, j);
        even_two(&top[j], &bottom[j], point(from, point_step, 0, j), sum_a, sum_b);
    }
    store_row(t, 0, top, bias, adds, activates);
    store_row(t, 2, bottom, bias, adds, activates);
#pragma GCC unroll 6
    for (int j = 0; j < WINOGRAD_IN; j++) {
        vector difference_a = point(from, point_step, 1, j) - point(from, point_step, 2, j);
        vector difference_b = point(from, point_step, 3, j) - point(from, point_step, 4, j);
        odd_two(&top[j], &bottom[j], point(from, point_step, 5, j), difference_a, difference_b);
    }
    store_row(t, 1, top, bias, adds, activates);
    store_row(t, 3, bottom, bias, adds, activates);
}

typedef void tile_output(const struct target *t, const real *from, size_t point_step, vector bias);

#define OUTPUT(NAME, ADDS, ACTIVATES)                                                              \
    NEVER_INLINE void NAME(const struct target *t, const real *from, size_t point_step,            \
                           vector bias)                                                            \
    {                                                                                              \
        const struct target own = *t; /* which no store can change */                              \
        output_tile(&own, from, point_step, bias, ADDS, ACTIVATES);                                \
    }
OUTPUT(output_plain, false, false)
OUTPUT(output_added, true, false)
OUTPUT(output_active, false, true)
OUTPUT(output_added_active, true, true)

static tile_output *output_of(bool adds, bool activates)
{
    return adds ? (activates ? output_added_active : output_added)
                : (activates ? output_active : output_plain);
}

/* Adds so many outputs of a tile and their squares: the sums of even and odd columns on their own,
 * which are then in registers. */
INLINE void sum_tile(double *sum, double *product, const struct target *t, int rows, int columns)
{
    vector even = {0}, odd = {0}, even_square = {0}, odd_square = {0};
    for (int i = 0; i < rows; i++) {
        const real *row = t->corner + (size_t)i * t->row_step;
        int j = 0;
        for (; j + 2 <= columns; j += 2, row += 2 * t->step) {
            vector x = load(row), y = load(row + t->step);
            even += x;
            odd += y;
            even_square += x * x;
            odd_square += y * y;
        }
        vector last = j < columns ? load(row) : (vector){0};
        even += last;
        even_square += last * last;
    }
    add_wide(sum, even + odd);
    add_wide(product, even_square + odd_square);
}

NEVER_INLINE void sum_whole_tile(double *sum, double *product, const struct target *t)
{
    sum_tile(sum, product, t, WINOGRAD_OUT, WINOGRAD_OUT);
}

NEVER_INLINE void sum_any_tile(double *sum, double *product, const struct target *t)
{
    sum_tile(sum, product, t, t->rows, t->columns);
}

/* The way back through a ReLU, of a tile that is still in the nearest cache. */
INLINE void relu_tile(double *sum, double *product, const struct target *t, const real *out,
                      const real *in, int rows, int columns)
{
    vector s[2] = {0}, p[2] = {0};
    for (int i = 0; i < rows; i++) {
        size_t at = (size_t)i * t->row_step;
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++, at += t->step) {
            vector x = keep(load(t->corner + at), load(out + at) > (vector){0});
            store(t->corner + at, x);
            s[j % 2] += x;
            p[j % 2] += x * load(in + at);
        }
    }
    add_wide(sum, s[0] + s[1]);
    add_wide(product, p[0] + p[1]);
}

NEVER_INLINE void relu_whole_tile(double *sum, double *product, const struct target *t,
                                  const real *out, const real *in)
{
    relu_tile(sum, product, t, out, in, WINOGRAD_OUT, WINOGRAD_OUT);
}

NEVER_INLINE void relu_any_tile(double *sum, double *product, const struct target *t,
                                const real *out, const real *in)
{
    relu_tile(sum, product, t, out, in, t->rows, t->columns);
}

INLINE bool is_whole(const struct target *t)
{
    return t->rows == WINOGRAD_OUT && t->columns == WINOGRAD_OUT;
}

static void tile_sums(double *sum, double *product, const struct target *t)
{
    (is_whole(t) ? sum_whole_tile : sum_any_tile)(sum, product, t);
}
