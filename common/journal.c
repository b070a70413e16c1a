#include "common/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

enum { CHECK_BYTES = 8 };

static const char head_format[] = "lipsweep-journal 1 ";

bool journal_path(const char *database, char path[JOURNAL_PATH_MAX], struct error *error)
{
    int length = snprintf(path, JOURNAL_PATH_MAX, "%s.d/results.journal", database);
    return length < JOURNAL_PATH_MAX ||
           error_set(error, ERROR_USAGE, "the database's path is too long");
}

void journal_write_head(const uint8_t id[JOURNAL_ID_BYTES], char line[JOURNAL_LINE_MAX])
{
    char text[2 * JOURNAL_ID_BYTES + 1];
    hash_text(id, JOURNAL_ID_BYTES, text);
    snprintf(line, JOURNAL_LINE_MAX, "%s%s\n", head_format, text);
}

static void check_of(const char *text, size_t length, char check[2 * CHECK_BYTES + 1])
{
    uint8_t digest[HASH_BYTES];
    hash_buffer(text, length, digest);
    hash_text(digest, CHECK_BYTES, check);
}

size_t journal_write_line(const struct journal_record *record, char line[JOURNAL_LINE_MAX])
{
    char digest[2 * JOURNAL_DIGEST_BYTES + 1], check[2 * CHECK_BYTES + 1];
    hash_text(record->digest, JOURNAL_DIGEST_BYTES, digest);
    int length = snprintf(line, JOURNAL_LINE_MAX, "j%" PRId64 " %" PRId64 " %s %s", record->job,
                          record->attempt, record->outcome, digest);
    check_of(line, (size_t)length, check);
    length += snprintf(line + length, JOURNAL_LINE_MAX - (size_t)length, " %s\n", check);
    return (size_t)length;
}

static bool parse_digest(const char *text, uint8_t digest[JOURNAL_DIGEST_BYTES])
{
    char whole[HASH_TEXT];
    uint8_t bytes[HASH_BYTES];
    snprintf(whole, sizeof whole, "%.32s%.32s", text, text);
    if (!hash_parse(whole, bytes))
        return false;
    memcpy(digest, bytes, JOURNAL_DIGEST_BYTES);
    return true;
}

/* `line` without its newline. */
static bool parse_line(char *line, size_t length, struct journal_record *record)
{
    char check[2 * CHECK_BYTES + 1], digest[2 * JOURNAL_DIGEST_BYTES + 1];
    if (length <= 2 * CHECK_BYTES + 1 || length >= JOURNAL_LINE_MAX)
        return false;
    size_t checked = length - 2 * CHECK_BYTES - 1;
    check_of(line, checked, check);
    if (line[checked] != ' ' || memcmp(line + checked + 1, check, 2 * CHECK_BYTES) != 0)
        return false;
    line[checked] = '\0';
    return sscanf(line, "j%" SCNd64 " %" SCNd64 " %15s %32s", &record->job, &record->attempt,
                  record->outcome, digest) == 4 &&
           parse_digest(digest, record->digest);
}

static bool read_head(FILE *file, const uint8_t id[JOURNAL_ID_BYTES])
{
    char line[JOURNAL_LINE_MAX], expected[JOURNAL_LINE_MAX];
    journal_write_head(id, expected);
    return fgets(line, sizeof line, file) && strcmp(line, expected) == 0;
}

static bool read_lines(FILE *file, journal_visit *visit, void *context,
                       struct journal_reading *reading, struct error *error)
{
    char *line = NULL;
    size_t room = 0;
    bool good = true;
    for (ssize_t length; good && (length = getline(&line, &room, file)) > 0;) {
        struct journal_record record;
        reading->torn = line[length - 1] != '\n';
        if (reading->torn)
            break;
        reading->end += length;
        line[length - 1] = '\0';
        if (parse_line(line, (size_t)length - 1, &record))
            good = visit(context, &record, error);
        else
            reading->damaged_count++;
    }
    free(line);
    return good;
}

static bool read_from(FILE *file, const uint8_t id[JOURNAL_ID_BYTES], int64_t from,
                      journal_visit *visit, void *context, struct journal_reading *reading,
                      struct error *error)
{
    if (!read_head(file, id)) {
        reading->state = JOURNAL_FOREIGN;
        return true;
    }
    if (from < JOURNAL_HEAD_BYTES)
        from = JOURNAL_HEAD_BYTES;
    fseeko(file, 0, SEEK_END);
    if (ftello(file) < from) {
        reading->state = JOURNAL_SHORT;
        return true;
    }
    fseeko(file, from, SEEK_SET);
    reading->end = from;
    return read_lines(file, visit, context, reading, error);
}

bool journal_read(const char *path, const uint8_t id[JOURNAL_ID_BYTES], int64_t from,
                  journal_visit *visit, void *context, struct journal_reading *reading,
                  struct error *error)
{
    *reading = (struct journal_reading){.state = JOURNAL_GOOD};
    FILE *file = fopen(path, "rbe");
    if (!file && errno != ENOENT)
        return error_set_errno(error, errno, "cannot open the journal %s", path);
    if (!file) {
        reading->state = JOURNAL_ABSENT;
        return true;
    }
    bool good = read_from(file, id, from, visit, context, reading, error);
    if (good && ferror(file))
        good = error_set(error, ERROR_SYSTEM, "cannot read the journal %s", path);
    fclose(file);
    return good;
}
