/* Batch normalisation, CONV_BLOCK channels at a time: part of kernels_level.c. */

enum { SUM_LANES = VECTOR_BYTES / sizeof(double), BLOCK_SUMS = CONV_BLOCK / SUM_LANES };

typedef double sums __attribute__((vector_size(VECTOR_BYTES)));
typedef real part __attribute__((vector_size(SUM_LANES * sizeof(real))));

static inline sums load_sums(const real *from)
{
    part loaded;
    memcpy(&loaded, from, sizeof loaded);
    return __builtin_convertvector(loaded, sums);
}

static inline void add_sums(double *to, sums value)
{
    sums old;
    memcpy(&old, to, sizeof old);
    old += value;
    memcpy(to, &old, sizeof old);
}

static void norm_sums_block(double *sum, double *product, const real *a, const real *b,
                            size_t channels, size_t pixels)
{
    sums s[BLOCK_SUMS] = {0}, p[BLOCK_SUMS] = {0};
    for (size_t i = 0; i < pixels; i++) {
        for (int v = 0; v < BLOCK_SUMS; v++) {
            sums x = load_sums(a + i * channels + (size_t)v * SUM_LANES);
            s[v] += x;
            p[v] += x * load_sums(b + i * channels + (size_t)v * SUM_LANES);
        }
    }
    for (int v = 0; v < BLOCK_SUMS; v++) {
        add_sums(sum + v * SUM_LANES, s[v]);
        add_sums(product + v * SUM_LANES, p[v]);
    }
}

static void norm_sums(double *sum, double *product, const real *a, const real *b, size_t channels,
                      size_t pixels)
{
    size_t c = 0;
    for (; c + CONV_BLOCK <= channels; c += CONV_BLOCK) {
        norm_sums_block(sum + c, product + c, a + c, b + c, channels, pixels);
    }
    for (; c < channels; c++) {
        double s = 0, p = 0;
        for (size_t i = c; i < pixels * channels; i += channels) {
            s += (double)a[i];
            p += (double)a[i] * (double)b[i];
        }
        sum[c] += s;
        product[c] += p;
    }
}

static void norm_forward_block(real *out, const real *in, const real *scale, const real *shift,
                               size_t channels, size_t pixels)
{
    for (int v = 0; v < CONV_BLOCK; v += LANES) {
        vector a = load(scale + v), b = load(shift + v);
        for (size_t i = (size_t)v; i < pixels * channels; i += channels) {
            store(out + i, load(in + i) * a + b);
        }
    }
}

static void norm_forward(real *out, const real *in, const real *scale, const real *shift,
                         size_t channels, size_t pixels)
{
    size_t c = 0;
    for (; c + CONV_BLOCK <= channels; c += CONV_BLOCK) {
        norm_forward_block(out + c, in + c, scale + c, shift + c, channels, pixels);
    }
    for (; c < channels; c++) {
        for (size_t i = c; i < pixels * channels; i += channels) {
            out[i] = in[i] * scale[c] + shift[c];
        }
    }
}

static void norm_backward_block(real *din, const real *dout, const real *in,
                                const struct norm_slopes *slopes, size_t first, bool adds,
                                size_t channels, size_t pixels)
{
    for (size_t v = first; v < first + CONV_BLOCK; v += LANES) {
        vector scale = load(slopes->scale + v), center = load(slopes->center + v);
        vector slope = load(slopes->slope + v), offset = load(slopes->offset + v);
        for (size_t i = v; i < pixels * channels; i += channels) {
            vector d = load(dout + i) * scale + (load(in + i) - center) * slope + offset;
            store(din + i, adds ? load(din + i) + d : d);
        }
    }
}

static void norm_backward(real *din, const real *dout, const real *in,
                          const struct norm_slopes *slopes, bool adds, size_t channels,
                          size_t pixels)
{
    size_t c = 0;
    for (; c + CONV_BLOCK <= channels; c += CONV_BLOCK) {
        norm_backward_block(din, dout, in, slopes, c, adds, channels, pixels);
    }
    for (; c < channels; c++) {
        for (size_t i = c; i < pixels * channels; i += channels) {
            real d = dout[i] * slopes->scale[c] + (in[i] - slopes->center[c]) * slopes->slope[c] +
                     slopes->offset[c];
            din[i] = adds ? din[i] + d : d;
        }
    }
}
