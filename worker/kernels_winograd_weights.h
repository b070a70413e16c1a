/* Winograd's transforms of the weights, once a pass, and of their gradient, once a call: part of
 * kernels_level.c. In double, so that they round once. */

enum { KERNEL_AREA = WINOGRAD_KERNEL * WINOGRAD_KERNEL };

typedef double doubles __attribute__((vector_size(LANES * sizeof(double))));

/* Each point's part is divided by the product of its distances to the other points. */
static const double OVER_ZERO = 1 / (0.625 * 0.625 * 1.5 * 1.5),
                    OVER_A = 1 / (2 * 0.625 * 0.625 * (0.625 * 0.625 - 1.5 * 1.5)),
                    OVER_B = 1 / (2 * 1.5 * 1.5 * (1.5 * 1.5 - 0.625 * 0.625));

INLINE void three_to_points(doubles y[WINOGRAD_IN], doubles x0, doubles x1, doubles x2)
{
    const double a = (double)WINOGRAD_A, b = (double)WINOGRAD_B;
    doubles even_a = (x0 + x2 * (a * a)) * OVER_A, odd_a = x1 * (a * OVER_A);
    doubles even_b = (x0 + x2 * (b * b)) * OVER_B, odd_b = x1 * (b * OVER_B);
    y[0] = x0 * OVER_ZERO;
    y[1] = even_a + odd_a;
    y[2] = even_a - odd_a;
    y[3] = even_b + odd_b;
    y[4] = even_b - odd_b;
    y[5] = x2;
}

/* Its transpose. */
INLINE void three_from_points(doubles y[WINOGRAD_KERNEL], const doubles x[WINOGRAD_IN])
{
    const double a = (double)WINOGRAD_A, b = (double)WINOGRAD_B;
    doubles sum_a = (x[1] + x[2]) * OVER_A, difference_a = (x[1] - x[2]) * OVER_A;
    doubles sum_b = (x[3] + x[4]) * OVER_B, difference_b = (x[3] - x[4]) * OVER_B;
    y[0] = x[0] * OVER_ZERO + sum_a + sum_b;
    y[1] = difference_a * a + difference_b * b;
    y[2] = sum_a * (a * a) + sum_b * (b * b) + x[5];
}

/* Kernels side by side to the points. */
static void kernels_to_points(real *to, size_t point_step, const doubles kernel[KERNEL_AREA])
{
    doubles columns[WINOGRAD_KERNEL][WINOGRAD_IN], row[WINOGRAD_IN];
    for (int x = 0; x < WINOGRAD_KERNEL; x++) {
        three_to_points(columns[x], kernel[x], kernel[3 + x], kernel[6 + x]);
    }
    for (int i = 0; i < WINOGRAD_IN; i++) {
        three_to_points(row, columns[0][i], columns[1][i], columns[2][i]);
        for (int j = 0; j < WINOGRAD_IN; j++, to += point_step) {
            store(to, __builtin_convertvector(row[j], vector));
        }
    }
}

static void kernels_from_points(doubles kernel[KERNEL_AREA], const real *from, size_t point_step)
{
    doubles rows[WINOGRAD_IN][WINOGRAD_KERNEL];
    for (int i = 0; i < WINOGRAD_IN; i++) {
        doubles row[WINOGRAD_IN];
        for (int j = 0; j < WINOGRAD_IN; j++, from += point_step) {
            row[j] = __builtin_convertvector(load(from), doubles);
        }
        three_from_points(rows[i], row);
    }
    for (int x = 0; x < WINOGRAD_KERNEL; x++) {
        doubles column[WINOGRAD_IN], y[WINOGRAD_KERNEL];
        for (int i = 0; i < WINOGRAD_IN; i++) {
            column[i] = rows[i][x];
        }
        three_from_points(y, column);
        for (int i = 0; i < WINOGRAD_KERNEL; i++) {
            kernel[3 * i + x] = y[i];
        }
    }
}

/* weight [out_channels][in_channels][3][3] to `to`, [point][output block][input channel][lane]; or,
 * turned by half a turn and with inputs and outputs exchanged, to [point][input block][output
 * channel][lane]. */
static void winograd_weights(real *to, const real *weight, bool is_turned,
                             const struct conv_shape *s)
{
    const size_t step = s->in_channels * s->out_channels;
    const size_t rows = is_turned ? s->out_channels : s->in_channels;
    const size_t row_step = KERNEL_AREA * (is_turned ? s->in_channels : 1);
    const size_t lane_step = KERNEL_AREA * (is_turned ? 1 : s->in_channels);
    for (size_t first = 0; first < step / rows; first += LANES) {
        for (size_t row = 0; row < rows; row++, to += LANES) {
            const real *from = weight + first * lane_step + row * row_step;
            doubles kernel[KERNEL_AREA];
            for (size_t lane = 0; lane < LANES; lane++) {
                for (size_t k = 0; k < KERNEL_AREA; k++) {
                    kernel[is_turned ? KERNEL_AREA - 1 - k : k][lane] =
                        (double)from[lane * lane_step + k];
                }
            }
            kernels_to_points(to, step, kernel);
        }
    }
}

/* The turned weights' gradient at the points, [point][input block][output channel][lane], to that
 * of the weights, [3][3][out_channels][in_channels]. */
INLINE void bring_back(double *dweight, bool adds, const real *from, const struct conv_shape *s)
{
    const size_t step = s->in_channels * s->out_channels;
    for (size_t c = 0; c < s->in_channels; c += LANES) {
        for (size_t o = 0; o < s->out_channels; o++, from += LANES) {
            doubles kernel[KERNEL_AREA], sum;
            kernels_from_points(kernel, from, step);
            for (size_t k = 0; k < KERNEL_AREA; k++) {
                double *to = dweight + k * step + o * s->in_channels + c;
                memcpy(&sum, to, sizeof sum);
                sum = adds ? sum + kernel[KERNEL_AREA - 1 - k] : kernel[KERNEL_AREA - 1 - k];
                memcpy(to, &sum, sizeof sum);
            }
        }
    }
}

static void winograd_end_dweight(const struct conv_gradients *to, const real *from,
                                 const struct conv_shape *s)
{
    if (to->adds_sums) {
        bring_back(to->sums, true, from, s);
    } else {
        bring_back(to->sums, false, from, s);
    }
}
