#include "common/job_lines.h"

#include "common/number.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

/* Whether a parameter has the same value in both, to the bit: then its line is the same. */
static bool is_same(const struct job *a, const struct job *b, enum parameter parameter)
{
    const struct parameter_info *info = parameter_info(parameter);
    if (parameter == PARAMETER_TEST_SIGMA && a->test_sigma_count != b->test_sigma_count)
        return false;
    if (parameter == PARAMETER_TEST_SEED && a->test_seed_count != b->test_seed_count)
        return false;
    if (parameter == PARAMETER_SCHEDULE_AT && a->schedule_at_count != b->schedule_at_count)
        return false;
    return memcmp((const char *)a + info->offset, (const char *)b + info->offset, info->size) == 0;
}

void job_lines_init(struct job_lines *lines)
{
    memset(&lines->job, 0, sizeof lines->job);
    memset(lines->starts, 0, sizeof lines->starts);
    lines->is_written = false;
    job_init(&lines->defaults);
    sorted_by_name(lines->order);
}

/* Whether a line says what it would say of the defaults. Numbers are written in digits that give
 * them back, so they need not be. */
static bool says_default(const struct job_lines *lines, enum parameter parameter, const char *value)
{
    const struct parameter_info *info = parameter_info(parameter);
    if (info->type == PARAMETER_REAL) {
        double real = *(const double *)(const void *)((const char *)&lines->job + info->offset);
        double omitted =
            *(const double *)(const void *)((const char *)&lines->defaults + info->offset);
        return real == omitted || (isnan(real) && isnan(omitted));
    }
    char text[JOB_TEXT_MAX];
    struct buffer buffer = {.text = text, .size = sizeof text};
    append_value(&buffer, &lines->defaults, parameter);
    return strcmp(value, text) == 0;
}

static void write_line(struct job_lines *lines, struct buffer *buffer, int place)
{
    enum parameter parameter = lines->order[place];
    append(buffer, "%s: ", parameter_info(parameter)->dotted);
    size_t value = buffer->length;
    append_value(buffer, &lines->job, parameter);
    lines->is_default[place] = says_default(lines, parameter, buffer->text + value);
    append(buffer, "\n");
}

static void keep_line(struct buffer *buffer, const char *line, size_t length)
{
    memcpy(buffer->text + buffer->length, line, length);
    buffer->length += length;
}

bool job_lines_write(struct job_lines *lines, const struct job *job)
{
    char before[JOB_LINES_MAX];
    size_t starts[PARAMETER_COUNT + 1];
    struct job job_before = lines->job;
    bool changed = false;
    memcpy(before, lines->text, lines->starts[PARAMETER_COUNT]);
    memcpy(starts, lines->starts, sizeof starts);
    lines->job = *job;
    struct buffer buffer = {.text = lines->text, .size = sizeof lines->text};
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        size_t start = starts[i];
        bool same = lines->is_written && is_same(&job_before, job, lines->order[i]);
        lines->starts[i] = buffer.length;
        if (same)
            keep_line(&buffer, before + start, starts[i + 1] - start);
        else
            write_line(lines, &buffer, i);
        changed = changed || !same;
    }
    assert(!buffer.full);
    lines->starts[PARAMETER_COUNT] = buffer.length;
    lines->text[buffer.length] = 0;
    lines->is_written = true;
    return changed;
}

static size_t copy_lines(const struct job_lines *lines, bool all_parts, enum parameter_part last,
                         char *text)
{
    size_t length = 0;
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        enum parameter_part part = parameter_info(lines->order[i])->part;
        if (lines->is_default[i] || (!all_parts && (part == PART_NONE || part > last)))
            continue;
        size_t size = lines->starts[i + 1] - lines->starts[i];
        memcpy(text + length, lines->text + lines->starts[i], size);
        length += size;
    }
    text[length] = 0;
    return length;
}

size_t job_lines_telling(const struct job_lines *lines, char *text)
{
    return copy_lines(lines, true, PART_TEST, text);
}

size_t job_lines_hashed(const struct job_lines *lines, enum parameter_part last, char *text)
{
    return copy_lines(lines, false, last, text);
}
