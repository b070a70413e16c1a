#include "worker/checkpoint.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they lie here");

static const char magic[8] = {'L', 'I', 'P', 'S', 'C', 'K', 'P', 'T'};
enum { DIGEST_AT = sizeof magic + 4, CONTENT_AT = DIGEST_AT + HASH_BYTES, METRIC_NUMBERS = 7 };

/* --- writing: the same code counts the bytes and copies them --- */

struct writer {
    uint8_t *bytes; /* NULL: only counts */
    size_t length;
};

static void put(struct writer *writer, const void *data, size_t length)
{
    if (writer->bytes && length > 0)
        memcpy(writer->bytes + writer->length, data, length);
    writer->length += length;
}

static void put_u32(struct writer *writer, uint32_t value)
{
    put(writer, &value, sizeof value);
}

static void put_i64(struct writer *writer, int64_t value)
{
    put(writer, &value, sizeof value);
}

static void put_text(struct writer *writer, const char *text)
{
    size_t length = strnlen(text, CHECKPOINT_TEXT_MAX);
    put_u32(writer, (uint32_t)length);
    put(writer, text, length);
}

static void put_position(struct writer *writer, const struct training_state *state)
{
    const double numbers[] = {state->sums.task, state->sums.lipschitz, state->sums.quotient,
                              state->train_s, state->epoch_s};
    put_i64(writer, state->step);
    put_i64(writer, state->epoch);
    put_i64(writer, state->epoch_images);
    put_i64(writer, (int64_t)state->sums.correct);
    put_i64(writer, (int64_t)state->sums.active);
    put(writer, numbers, sizeof numbers);
}

static void put_metrics(struct writer *writer, const struct training_state *state)
{
    put_i64(writer, (int64_t)state->metric_count);
    for (size_t i = 0; i < state->metric_count; i++) {
        const struct epoch_metric *metric = &state->metrics[i];
        const double numbers[METRIC_NUMBERS] = {
            metric->loss,         metric->task_loss,     metric->lipschitz_loss, metric->accuracy,
            metric->active_share, metric->quotient_mean, metric->images_per_s};
        put_i64(writer, metric->epoch);
        put(writer, numbers, sizeof numbers);
    }
}

static void put_arrays(struct writer *writer, const struct training_state *state)
{
    put_i64(writer, (int64_t)state->array_count);
    for (size_t i = 0; i < state->array_count; i++) {
        const struct state_array *array = &state->arrays[i];
        put_text(writer, array->name);
        put_i64(writer, (int64_t)array->size);
        put_i64(writer, (int64_t)array->count);
        put(writer, array->data, array->size * array->count);
    }
}

static size_t write_all(struct writer *writer, const struct checkpoint_origin *origin,
                        const struct training_state *state)
{
    static const uint8_t no_digest[HASH_BYTES];
    put(writer, magic, sizeof magic);
    put_u32(writer, CHECKPOINT_VERSION);
    put(writer, no_digest, sizeof no_digest);
    put(writer, origin->train_hash, sizeof origin->train_hash);
    put_text(writer, origin->build);
    put_text(writer, origin->cpu_class);
    put_position(writer, state);
    put_metrics(writer, state);
    put_arrays(writer, state);
    return writer->length;
}

size_t checkpoint_size_max(const struct checkpoint_origin *origin,
                           const struct training_state *state)
{
    struct training_state full = *state;
    struct writer writer = {.bytes = NULL};
    full.metric_count = 0;
    return write_all(&writer, origin, &full) +
           state->metric_capacity * (sizeof(int64_t) + METRIC_NUMBERS * sizeof(double));
}

size_t checkpoint_encode(const struct checkpoint_origin *origin, const struct training_state *state,
                         uint8_t *bytes)
{
    struct writer writer = {.bytes = bytes};
    return write_all(&writer, origin, state);
}

void checkpoint_seal(uint8_t *bytes, size_t length)
{
    hash_buffer(bytes + CONTENT_AT, length - CONTENT_AT, bytes + DIGEST_AT);
}

/* --- reading --- */

struct reader {
    const uint8_t *bytes;
    size_t length, at;
    bool short_of; /* something was not there */
    bool apply;    /* the first time through only looks */
};

static void take(struct reader *reader, void *data, size_t length)
{
    if (reader->short_of || length > reader->length - reader->at) {
        reader->short_of = true;
        memset(data, 0, length);
        return;
    }
    memcpy(data, reader->bytes + reader->at, length);
    reader->at += length;
}

static int64_t take_i64(struct reader *reader)
{
    int64_t value;
    take(reader, &value, sizeof value);
    return value;
}

static bool take_text(struct reader *reader, char text[CHECKPOINT_TEXT_MAX + 1])
{
    uint32_t length;
    take(reader, &length, sizeof length);
    if (length > CHECKPOINT_TEXT_MAX)
        reader->short_of = true;
    if (!reader->short_of)
        take(reader, text, length);
    text[reader->short_of ? 0 : length] = '\0';
    return !reader->short_of;
}

static void take_position(struct reader *reader, struct training_state *state)
{
    double numbers[5];
    state->step = take_i64(reader);
    state->epoch = take_i64(reader);
    state->epoch_images = take_i64(reader);
    state->sums.correct = (size_t)take_i64(reader);
    state->sums.active = (size_t)take_i64(reader);
    take(reader, numbers, sizeof numbers);
    state->sums.task = numbers[0];
    state->sums.lipschitz = numbers[1];
    state->sums.quotient = numbers[2];
    state->train_s = numbers[3];
    state->epoch_s = numbers[4];
}

static bool take_metrics(struct reader *reader, struct training_state *state, struct error *error)
{
    int64_t count = take_i64(reader);
    if (count < 0 || (uint64_t)count > state->metric_capacity)
        return error_set(error, ERROR_REFUSED, "it has %lld epochs, the training %zu",
                         (long long)count, state->metric_capacity);
    for (size_t i = 0; i < (size_t)count; i++) {
        double n[METRIC_NUMBERS];
        struct epoch_metric metric = {.epoch = take_i64(reader)};
        take(reader, n, sizeof n);
        metric.loss = n[0];
        metric.task_loss = n[1];
        metric.lipschitz_loss = n[2];
        metric.accuracy = n[3];
        metric.active_share = n[4];
        metric.quotient_mean = n[5];
        metric.images_per_s = n[6];
        if (reader->apply)
            state->metrics[i] = metric;
    }
    state->metric_count = (size_t)count;
    return true;
}

static bool take_arrays(struct reader *reader, const struct training_state *state,
                        struct error *error)
{
    int64_t count = take_i64(reader);
    if (count != (int64_t)state->array_count)
        return error_set(error, ERROR_REFUSED, "it has %lld arrays, the training %zu",
                         (long long)count, state->array_count);
    for (size_t i = 0; i < state->array_count; i++) {
        const struct state_array *array = &state->arrays[i];
        char name[CHECKPOINT_TEXT_MAX + 1];
        bool named = take_text(reader, name);
        int64_t size = take_i64(reader), length = take_i64(reader);
        size_t bytes = array->size * array->count;
        if (!named || strcmp(name, array->name) != 0 || size != (int64_t)array->size ||
            length != (int64_t)array->count)
            return error_set(error, ERROR_REFUSED, "its array %.64s is not the training's %s",
                             named ? name : "", array->name);
        if (bytes > reader->length - reader->at)
            reader->short_of = true;
        else if (reader->apply)
            take(reader, array->data, bytes);
        else
            reader->at += bytes;
    }
    return true;
}

static bool check_origin(struct reader *reader, const struct checkpoint_origin *origin, bool any,
                         struct error *error)
{
    uint8_t train_hash[HASH_BYTES];
    char build[CHECKPOINT_TEXT_MAX + 1], cpu_class[CHECKPOINT_TEXT_MAX + 1];
    take(reader, train_hash, sizeof train_hash);
    if (!take_text(reader, build) || !take_text(reader, cpu_class))
        return error_set(error, ERROR_DATA, "it ends too early");
    if (memcmp(train_hash, origin->train_hash, HASH_BYTES) != 0)
        return error_set(error, ERROR_REFUSED, "it is another training's");
    if (!any && strcmp(build, origin->build) != 0)
        return error_set(error, ERROR_REFUSED, "it was written by another build (%.200s)", build);
    if (!any && strcmp(cpu_class, origin->cpu_class) != 0)
        return error_set(error, ERROR_REFUSED, "it was written on another CPU class (%.200s)",
                         cpu_class);
    return true;
}

static bool check_frame(const uint8_t *bytes, size_t length, struct error *error)
{
    uint32_t version;
    uint8_t digest[HASH_BYTES];
    if (length < CONTENT_AT || memcmp(bytes, magic, sizeof magic) != 0)
        return error_set(error, ERROR_DATA, "it is no checkpoint");
    memcpy(&version, bytes + sizeof magic, sizeof version);
    if (version != CHECKPOINT_VERSION)
        return error_set(error, ERROR_REFUSED, "its format has version %u, this program's %d",
                         version, CHECKPOINT_VERSION);
    hash_buffer(bytes + CONTENT_AT, length - CONTENT_AT, digest);
    return memcmp(digest, bytes + DIGEST_AT, HASH_BYTES) == 0 ||
           error_set(error, ERROR_DATA, "its digest does not match");
}

static bool read_content(struct reader *reader, const struct checkpoint_origin *origin, bool any,
                         struct training_state *state, struct error *error)
{
    reader->at = CONTENT_AT;
    reader->short_of = false;
    if (!check_origin(reader, origin, any, error))
        return false;
    take_position(reader, state);
    if (!take_metrics(reader, state, error) || !take_arrays(reader, state, error))
        return reader->short_of ? error_set(error, ERROR_DATA, "it does not end where it should")
                                : false;
    return (!reader->short_of && reader->at == reader->length) ||
           error_set(error, ERROR_DATA, "it does not end where it should");
}

bool checkpoint_decode(const uint8_t *bytes, size_t length, const struct checkpoint_origin *origin,
                       bool any, struct training_state *state, struct error *error)
{
    struct reader reader = {.bytes = bytes, .length = length};
    struct training_state read = *state;
    if (!check_frame(bytes, length, error) || !read_content(&reader, origin, any, &read, error))
        return false;
    reader.apply = true;
    return read_content(&reader, origin, any, state, error);
}
