/* Strips of tiles, and what they read: part of kernels_level.c.
 *
 * A convolution may begin with batch normalisation of what it reads (norm_first): of a strip's rows
 * right before the strip, while the rows of the next are fetched during its products. */

/* A batch of images as the transforms see it. */
struct picture {
    const real *numbers; /* NULL where they are written alone */
    size_t height, width, channels;
    size_t ring; /* so many images lie there at a time; 0: all */
};

static size_t image_start(const struct picture *p, size_t image)
{
    return (p->ring ? image % p->ring : image) * p->height * p->width * p->channels;
}

struct strip {
    size_t count; /* of tiles */
    struct {
        size_t image, y, x; /* of the upper left output */
    } tile[STRIP];
};

/* The strip that begins with this tile of the batch. */
static void strip_init(struct strip *strip, size_t first, size_t tiles, const struct picture *out)
{
    size_t columns = (out->width + WINOGRAD_OUT - 1) / WINOGRAD_OUT;
    size_t rows = (out->height + WINOGRAD_OUT - 1) / WINOGRAD_OUT;
    strip->count = tiles - first < STRIP ? tiles - first : STRIP;
    for (size_t t = 0; t < strip->count; t++) {
        size_t row = (first + t) / columns;
        strip->tile[t].image = row / rows;
        strip->tile[t].y = row % rows * WINOGRAD_OUT;
        strip->tile[t].x = (first + t) % columns * WINOGRAD_OUT;
    }
}

static size_t tile_count(const struct picture *out, size_t images)
{
    return images * ((out->width + WINOGRAD_OUT - 1) / WINOGRAD_OUT) *
           ((out->height + WINOGRAD_OUT - 1) / WINOGRAD_OUT);
}

static int at_most(size_t count, int most)
{
    return count < (size_t)most ? (int)count : most;
}

/* Images that a strip of so many tiles may touch. */
static size_t images_touched(const struct picture *out)
{
    size_t tiles = tile_count(out, 1);
    return tiles % STRIP == 0 ? 1 : STRIP % tiles == 0 ? STRIP / tiles : (STRIP - 1) / tiles + 2;
}

/* An array that strips read, row by row of all images. */
struct feed {
    struct picture picture;
    const struct norm_first *first; /* what makes it; both NULL: it is there */
    const struct norm_back_first *back_first;
    const real *from[3]; /* what is fetched, each as large as the array; NULL: nothing */
    real *kept;          /* what is made, where more than this convolution reads it; or NULL */
    size_t reach;        /* rows that a tile reads from its first row of outputs on */
    size_t ready;        /* rows that are there */
    size_t next;         /* rows that will have to be for the next strip */
};

static struct feed feed_of_inputs(const struct picture *picture, const struct norm_first *first,
                                  size_t reach)
{
    struct feed feed = {.picture = *picture, .from = {picture->numbers}, .reach = reach};
    if (first->in) {
        feed.first = first;
        feed.from[0] = first->in;
        feed.from[1] = first->line.added;
        feed.kept = first->is_brief ? NULL : first->out;
    }
    return feed;
}

static struct feed feed_of_gradient(const struct picture *picture,
                                    const struct norm_back_first *first, size_t reach)
{
    struct feed feed = {.picture = *picture, .from = {picture->numbers}, .reach = reach};
    if (first->in) {
        feed.back_first = first;
        feed.from[0] = first->in;
        feed.from[1] = first->dout;
        feed.from[2] = first->adds ? first->din : NULL;
    }
    return feed;
}

/* The rows that are read up to a strip that begins with this tile. */
static size_t rows_read(const struct feed *feed, const struct picture *out, size_t first,
                        size_t tiles)
{
    size_t columns = (out->width + WINOGRAD_OUT - 1) / WINOGRAD_OUT;
    size_t rows = (out->height + WINOGRAD_OUT - 1) / WINOGRAD_OUT;
    size_t end = first + STRIP < tiles ? first + STRIP : tiles, row = (end - 1) / columns;
    size_t below = row % rows * WINOGRAD_OUT + feed->reach, height = feed->picture.height;
    return row / rows * height + (below < height ? below : height);
}

/* Rows of one image. */
static void make_rows(const struct feed *feed, size_t end)
{
    const struct picture *p = &feed->picture;
    size_t row = p->width * p->channels, pixels = (end - feed->ready) * p->width;
    size_t at = feed->ready * row;
    size_t to = image_start(p, feed->ready / p->height) + feed->ready % p->height * row;
    if (feed->first) {
        struct norm_line line = feed->first->line;
        line.added = line.added ? line.added + at : NULL;
        norm_forward(feed->first->out + to, feed->first->in + at, &line, p->channels, pixels);
    } else if (feed->back_first) {
        const struct norm_back_first *b = feed->back_first;
        norm_backward(b->din + to, b->dout + at, b->in + at, &b->slopes, b->adds, p->channels,
                      pixels);
    }
}

/* Makes what the strip reads and is not there yet. */
static void feed_strip(struct feed *feed, const struct picture *out, size_t first, size_t tiles)
{
    size_t end = rows_read(feed, out, first, tiles), height = feed->picture.height;
    while (feed->ready < end) {
        size_t image_end = (feed->ready / height + 1) * height,
               to = end < image_end ? end : image_end;
        make_rows(feed, to);
        feed->ready = to;
    }
    feed->next = rows_read(feed, out, first + STRIP, tiles + STRIP); /* or of the next call */
}

/* So many rows from a row on, as number `index` of what is fetched. */
static void fetch_rows(struct fetch *fetch, int index, const real *from, const struct picture *p,
                       size_t row, size_t end)
{
    size_t size = p->width * p->channels;
    if (from) {
        fetch->at[index] = from + row * size;
        fetch->lines[index] = (end - row) * size / LINE;
    }
}

/* Of what the next strip reads. */
static void fetch_feed(struct fetch *fetch, int index, const struct feed *feed, const real *from)
{
    fetch_rows(fetch, index, from, &feed->picture, feed->ready, feed->next);
}

/* Of the rows of the strip itself. */
static void fetch_strip(struct fetch *fetch, int index, const real *from, const struct picture *p,
                        const struct strip *strip)
{
    size_t last = strip->count - 1, y = strip->tile[last].y + WINOGRAD_OUT;
    size_t end = strip->tile[last].image * p->height + (y < p->height ? y : p->height);
    fetch_rows(fetch, index, from, p, strip->tile[0].image * p->height + strip->tile[0].y, end);
}

/* Nothing but what is at hand: numbers that the caller may write. */
static struct fetch fetch_nothing(const real *numbers)
{
    return (struct fetch){{numbers, numbers, numbers, numbers}, {0}};
}
