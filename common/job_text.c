/* A job as text: for people and programs (job_text), and in the canonical form that is hashed. */
#include "common/job.h"

#include "common/hash.h"
#include "common/number.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Stands first in every hashed text: a new version makes every job new. */
static const char training_format[] = "lipsweep training 1\n";
static const char job_format[] = "lipsweep job 1\n";

struct buffer {
    char *text;
    size_t length, size;
    bool full;
};

static void append(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);

static void append(struct buffer *buffer, const char *format, ...)
{
    if (buffer->full)
        return;
    size_t room = buffer->size - buffer->length;
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(buffer->text + buffer->length, room, format, arguments);
    va_end(arguments);
    buffer->full = written < 0 || (size_t)written >= room;
    if (!buffer->full)
        buffer->length += (size_t)written;
}

static void append_real(struct buffer *buffer, double value)
{
    char text[NUMBER_TEXT];
    number_format(value, text);
    append(buffer, "%s", isnan(value) ? "null" : text);
}

static void append_reals(struct buffer *buffer, const double *values, size_t count)
{
    append(buffer, "[");
    for (size_t i = 0; i < count; i++) {
        append(buffer, "%s", i > 0 ? ", " : "");
        append_real(buffer, values[i]);
    }
    append(buffer, "]");
}

static void append_counts(struct buffer *buffer, const int64_t *values, size_t count)
{
    append(buffer, "[");
    for (size_t i = 0; i < count; i++)
        append(buffer, "%s%lld", i > 0 ? ", " : "", (long long)values[i]);
    append(buffer, "]");
}

static void append_quoted(struct buffer *buffer, const char *text, size_t length)
{
    append(buffer, "\"");
    for (size_t i = 0; i < length; i++)
        append(buffer, "%s%c", text[i] == '"' || text[i] == '\\' ? "\\" : "", text[i]);
    append(buffer, "\"");
}

/* Names are plain enough to stand without quotes, paths are not. */
static void append_text(struct buffer *buffer, enum parameter parameter, const char *text)
{
    if (text[0] && parameter != PARAMETER_DATASET_PATH && parameter != PARAMETER_INIT)
        append(buffer, "%s", text);
    else
        append_quoted(buffer, text, strlen(text));
}

static void append_names(struct buffer *buffer, const char *names)
{
    append(buffer, "[");
    for (const char *name = names; *name;) {
        size_t length = strcspn(name, "\n");
        append(buffer, "%s", name > names ? ", " : "");
        append_quoted(buffer, name, length);
        name += length;
        if (*name == '\n')
            name++;
    }
    append(buffer, "]");
}

static void append_value(struct buffer *buffer, const struct job *job, enum parameter parameter)
{
    const struct parameter_info *info = parameter_info(parameter);
    const void *member = (const char *)job + info->offset;
    switch (info->type) {
    case PARAMETER_REAL:
        append_real(buffer, *(const double *)member);
        break;
    case PARAMETER_COUNT_:
        append(buffer, "%lld", (long long)*(const int64_t *)member);
        break;
    case PARAMETER_TEXT:
        append_text(buffer, parameter, member);
        break;
    case PARAMETER_CHOICE:
        append(buffer, "%s", parameter_choice_name(parameter, *(const int *)member));
        break;
    case PARAMETER_REALS:
        append_reals(buffer, job->test_sigma, job->test_sigma_count);
        break;
    case PARAMETER_COUNTS:
        if (parameter == PARAMETER_SCHEDULE_AT)
            append_counts(buffer, job->schedule_at, job->schedule_at_count);
        else
            append_counts(buffer, job->test_seed, job->test_seed_count);
        break;
    case PARAMETER_NAMES:
        append_names(buffer, member);
        break;
    }
}

static void sorted_by_name(enum parameter order[PARAMETER_COUNT])
{
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        int place = i;
        const char *name = parameter_info((enum parameter)i)->dotted;
        for (; place > 0 && strcmp(parameter_info(order[place - 1])->dotted, name) > 0; place--)
            order[place] = order[place - 1];
        order[place] = (enum parameter)i;
    }
}

bool job_text(const struct job *job, char text[JOB_TEXT_MAX], struct error *error)
{
    struct buffer buffer = {.size = JOB_TEXT_MAX};
    enum parameter order[PARAMETER_COUNT];
    buffer.text = text;
    sorted_by_name(order);
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        append(&buffer, "%s: ", parameter_info(order[i])->dotted);
        append_value(&buffer, job, order[i]);
        append(&buffer, "\n");
    }
    if (buffer.full)
        return error_set(error, ERROR_INVALID, "the job's text is longer than %d bytes",
                         JOB_TEXT_MAX - 1);
    return true;
}

/* `dotted.name: value` of every parameter up to `part` that is not at its default, sorted. */
static void append_canonical(struct buffer *buffer, const struct job *job, enum parameter_part last)
{
    struct job defaults;
    enum parameter order[PARAMETER_COUNT];
    job_init(&defaults);
    sorted_by_name(order);
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        const struct parameter_info *info = parameter_info(order[i]);
        if (info->part == PART_NONE || info->part > last)
            continue;
        char value[JOB_TEXT_MAX], omitted[JOB_TEXT_MAX];
        struct buffer value_buffer = {.text = value, .size = sizeof value};
        struct buffer omitted_buffer = {.text = omitted, .size = sizeof omitted};
        append_value(&value_buffer, job, order[i]);
        append_value(&omitted_buffer, &defaults, order[i]);
        if (strcmp(value, omitted) != 0)
            append(buffer, "%s: %s\n", info->dotted, value);
    }
}

static void hash_canonical(const struct job *job, const char *format, enum parameter_part last,
                           uint8_t hash[32])
{
    char text[JOB_TEXT_MAX];
    struct job normal = *job;
    struct buffer buffer = {.text = text, .size = sizeof text};
    job_normalise(&normal);
    append(&buffer, "%s", format);
    append_canonical(&buffer, &normal, last);
    assert(!buffer.full); /* 64 noise levels of 25 bytes are the longest part hashed */
    hash_buffer(text, buffer.length, hash);
}

void job_train_hash(const struct job *job, uint8_t hash[32])
{
    hash_canonical(job, training_format, PART_TRAIN, hash);
}

void job_hash(const struct job *job, uint8_t hash[32])
{
    hash_canonical(job, job_format, PART_TEST, hash);
}

/* What only has to be there or not is put to one value; numbers that no array's size depends on,
 * too. */
void job_shape_hash(const struct job *job, uint8_t hash[32])
{
    struct job shape = *job;
    job_normalise(&shape);
    shape.lambda = shape.lambda > 0;
    shape.k = isnan(shape.k) ? shape.k : 1;
    shape.sigma = isnan(shape.sigma) ? shape.sigma : 1;
    shape.momentum = shape.momentum > 0;
    shape.lr = shape.weight_decay = shape.beta1 = shape.beta2 = shape.eps = 1;
    shape.seed = 1;
    hash_canonical(&shape, "lipsweep job shape 1\n", PART_TEST, hash);
}
