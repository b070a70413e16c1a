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

/* How many elements a list has; 0 for what is none. */
static size_t list_count(const struct job *job, enum parameter parameter)
{
    switch (parameter) {
    case PARAMETER_TEST_SIGMA:
        return job->test_sigma_count;
    case PARAMETER_TEST_SEED:
        return job->test_seed_count;
    case PARAMETER_SCHEDULE_AT:
        return job->schedule_at_count;
    default:
        return 0;
    }
}

/* Whether a parameter has the same value in both, to the bit: then its line is the same. Texts are
 * long arrays with little in them. */
static bool is_same(const struct job *a, const struct job *b, enum parameter parameter)
{
    const struct parameter_info *info = parameter_info(parameter);
    const char *left = (const char *)a + info->offset, *right = (const char *)b + info->offset;
    size_t count = list_count(a, parameter);
    switch (info->type) {
    case PARAMETER_TEXT:
    case PARAMETER_NAMES:
        return strcmp(left, right) == 0;
    case PARAMETER_REALS:
        return count == list_count(b, parameter) &&
               memcmp(left, right, count * sizeof(double)) == 0;
    case PARAMETER_COUNTS:
        return count == list_count(b, parameter) &&
               memcmp(left, right, count * sizeof(int64_t)) == 0;
    default:
        return memcmp(left, right, info->size) == 0;
    }
}

static void copy_value(struct job *to, const struct job *from, enum parameter parameter)
{
    const struct parameter_info *info = parameter_info(parameter);
    memcpy((char *)to + info->offset, (const char *)from + info->offset, info->size);
    if (parameter == PARAMETER_TEST_SIGMA)
        to->test_sigma_count = from->test_sigma_count;
    else if (parameter == PARAMETER_TEST_SEED)
        to->test_seed_count = from->test_seed_count;
    else if (parameter == PARAMETER_SCHEDULE_AT)
        to->schedule_at_count = from->schedule_at_count;
}

void job_lines_init(struct job_lines *lines)
{
    memset(&lines->job, 0, sizeof lines->job);
    memset(lines->starts, 0, sizeof lines->starts);
    lines->text[0] = 0;
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

/* A line in the place of the one that stands there. */
static void replace_line(struct job_lines *lines, int place, const char *line, size_t length)
{
    size_t start = lines->starts[place], behind = lines->starts[place + 1];
    size_t end = lines->starts[PARAMETER_COUNT];
    assert(end - (behind - start) + length < sizeof lines->text);
    memmove(lines->text + start + length, lines->text + behind, end - behind + 1);
    memcpy(lines->text + start, line, length);
    for (int i = place + 1; i <= PARAMETER_COUNT; i++)
        lines->starts[i] += start + length - behind;
}

static void write_line(struct job_lines *lines, int place)
{
    char text[JOB_TEXT_MAX];
    struct buffer buffer = {.text = text, .size = sizeof text};
    enum parameter parameter = lines->order[place];
    append(&buffer, "%s: ", parameter_info(parameter)->dotted);
    size_t value = buffer.length;
    append_value(&buffer, &lines->job, parameter);
    lines->is_default[place] = says_default(lines, parameter, text + value);
    append(&buffer, "\n");
    assert(!buffer.full);
    replace_line(lines, place, text, buffer.length);
}

static_assert(PARAMETER_COUNT <= 64, "a bit each");

uint64_t job_lines_write(struct job_lines *lines, const struct job *job)
{
    uint64_t changed = 0;
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        if (lines->is_written && is_same(&lines->job, job, lines->order[i]))
            continue;
        copy_value(&lines->job, job, lines->order[i]);
        write_line(lines, i);
        changed |= UINT64_C(1) << lines->order[i];
    }
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
