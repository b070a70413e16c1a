#include "coordinator/sweep_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dataset.h"

enum { FILE_MAX = 1024, DIGESTS_MAX = 16384 };

/* Value of `name` in "name=digest" lines; false when it is not there. */
static bool find_line(const char *lines, const char *name, char digest[JOB_DIGEST_LENGTH + 1])
{
    size_t length = strlen(name);
    for (const char *line = lines; *line;) {
        size_t line_length = strcspn(line, "\n");
        if (line_length == length + 1 + JOB_DIGEST_LENGTH && strncmp(line, name, length) == 0 &&
            line[length] == '=') {
            snprintf(digest, JOB_DIGEST_LENGTH + 1, "%.*s", JOB_DIGEST_LENGTH, line + length + 1);
            return true;
        }
        line += line_length + (line[line_length] == '\n');
    }
    return false;
}

static bool is_digest(const char *text)
{
    return strlen(text) == JOB_DIGEST_LENGTH &&
           strspn(text, "0123456789abcdef") == JOB_DIGEST_LENGTH;
}

static char *join_digests(const Wire__Submit *submit, struct error *error)
{
    char *lines = calloc(1, DIGESTS_MAX);
    if (!lines) {
        error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    size_t used = 0;
    for (size_t i = 0; i < submit->n_digests; i++) {
        const Wire__DatasetDigest *item = submit->digests[i];
        if (!is_digest(item->digest) || strlen(item->name) > JOB_NAME_MAX ||
            strpbrk(item->name, "=\n") ||
            used + JOB_NAME_MAX + JOB_DIGEST_LENGTH + 3 > DIGESTS_MAX) {
            free(lines);
            error_set(error, ERROR_INVALID, "a data set's digest in the submission is no digest");
            return NULL;
        }
        used +=
            (size_t)snprintf(lines + used, DIGESTS_MAX - used, "%s=%s\n", item->name, item->digest);
    }
    return lines;
}

static bool fill_init_digest(struct sweep_text *text, char *line, size_t size, struct error *error)
{
    char digest[JOB_DIGEST_LENGTH + 1];
    if (!find_line(text->digests, SWEEP_INIT, digest))
        return error_set(error, ERROR_INVALID,
                         "the submission does not say what %s, which model.init names, holds",
                         text->sweep.base.init);
    if (snprintf(line, size, "%s=%s\n", SWEEP_INIT, digest) >= (int)size)
        return error_set(error, ERROR_INVALID, "too many data sets");
    return sweep_set_init_digest(&text->sweep, digest, error);
}

/* Every data set of the sweep, and its model.init, gets its digest; `text->digests` becomes exactly
 * those. */
static bool fill_digests(struct sweep_text *text, struct error *error)
{
    char *lines = calloc(1, DIGESTS_MAX);
    if (!lines)
        return error_set(error, ERROR_MEMORY, "out of memory");
    size_t used = 0;
    bool good = true;
    const char *name;
    for (size_t i = 0; good && (name = sweep_dataset(&text->sweep, i)); i++) {
        char digest[JOB_DIGEST_LENGTH + 1];
        const char *known = dataset_known_digest(name);
        if (!find_line(text->digests, name, digest) && known)
            snprintf(digest, sizeof digest, "%s", known);
        else if (!find_line(text->digests, name, digest))
            good = error_set(error, ERROR_INVALID,
                             "the data set '%s' is not known here by its content: submit from a "
                             "machine that has it (--data DIR)",
                             name);
        good = good && sweep_set_digest(&text->sweep, name, digest, error);
        if (good)
            used += (size_t)snprintf(lines + used, DIGESTS_MAX - used, "%s=%s\n", name, digest);
    }
    if (good && text->sweep.base.init[0])
        good = fill_init_digest(text, lines + used, DIGESTS_MAX - used, error);
    free(text->digests);
    text->digests = lines;
    return good;
}

static char *print_report(struct diagnostics *diagnostics)
{
    char *report = NULL;
    size_t size;
    FILE *stream = open_memstream(&report, &size);
    if (!stream)
        return NULL;
    diagnostics_print(diagnostics, stream);
    fclose(stream);
    return report;
}

/* `text` has its strings; reads the rest, or frees all. */
static bool read_sweep(struct sweep_text *text, size_t length, char **report, struct error *error)
{
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics, text->file, text->text, length);
    bool parsed = sweep_parse(&text->sweep, &diagnostics);
    if (!parsed) {
        if (report)
            *report = print_report(&diagnostics);
        if (diagnostics_result(&diagnostics, error))
            error_set(error, ERROR_INVALID, "%s cannot be read", text->file);
    }
    diagnostics_finish(&diagnostics);
    if (parsed && fill_digests(text, error) && grid_init(&text->grid, &text->sweep, error))
        return true;
    if (parsed)
        sweep_finish(&text->sweep);
    free(text->file);
    free(text->text);
    free(text->digests);
    return false;
}

bool sweep_text_read(struct sweep_text *text, const Wire__Submit *submit, char **report,
                     struct error *error)
{
    *report = NULL;
    *text = (struct sweep_text){.file = NULL};
    if (submit->text.len > 0 && memchr(submit->text.data, '\0', submit->text.len))
        return error_set(error, ERROR_INVALID, "the sweep file holds a NUL byte: it is no text");
    if (strlen(submit->file) > FILE_MAX)
        return error_set(error, ERROR_INVALID, "the file's name is longer than %d bytes", FILE_MAX);
    if (!(text->digests = join_digests(submit, error)))
        return false;
    text->file = strdup(submit->file);
    text->text = calloc(1, submit->text.len + 1);
    if (text->text && submit->text.len > 0)
        memcpy(text->text, submit->text.data, submit->text.len);
    if (!text->file || !text->text) {
        free(text->file);
        free(text->text);
        free(text->digests);
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    return read_sweep(text, submit->text.len, report, error);
}

bool sweep_text_read_stored(struct sweep_text *text, const struct stored_sweep *stored,
                            struct error *error)
{
    *text = (struct sweep_text){.file = strdup(stored->file),
                                .text = strdup(stored->text),
                                .digests = strdup(stored->digests)};
    if (text->file && text->text && text->digests)
        return read_sweep(text, strlen(text->text), NULL, error);
    free(text->file);
    free(text->text);
    free(text->digests);
    return error_set(error, ERROR_MEMORY, "out of memory");
}

void sweep_text_finish(struct sweep_text *text)
{
    grid_finish(&text->grid);
    sweep_finish(&text->sweep);
    free(text->file);
    free(text->text);
    free(text->digests);
}

static bool same_value(enum parameter parameter, const struct job *a, const struct job *b)
{
    const struct parameter_info *info = parameter_info(parameter);
    const void *x = (const char *)a + info->offset, *y = (const char *)b + info->offset;
    switch (info->type) {
    case PARAMETER_REAL: {
        double u = *(const double *)x, v = *(const double *)y;
        return u == v || (isnan(u) && isnan(v));
    }
    case PARAMETER_COUNT_:
        return *(const int64_t *)x == *(const int64_t *)y;
    case PARAMETER_TEXT:
        return strcmp(x, y) == 0;
    case PARAMETER_CHOICE:
        return *(const int *)x == *(const int *)y;
    default: /* lists belong to the test */
        return true;
    }
}

bool sweep_text_is_another(const struct sweep_text *before, const struct sweep_text *after,
                           const char **name)
{
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        enum parameter parameter = (enum parameter)i;
        const struct parameter_info *info = parameter_info(parameter);
        /* A digest goes with its data set. */
        enum parameter axis = parameter == PARAMETER_DATASET_DIGEST ? PARAMETER_DATASET : parameter;
        if (parameter == PARAMETER_INIT) /* where it lies changes nothing */
            continue;
        if (info->part == PART_TEST || parameter == PARAMETER_SEED ||
            sweep_axis(&before->sweep, axis) || sweep_axis(&after->sweep, axis) ||
            same_value(parameter, &before->sweep.base, &after->sweep.base))
            continue;
        *name = info->dotted;
        return true;
    }
    return false;
}
