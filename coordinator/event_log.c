#include "coordinator/event_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

enum { ROOM_MAX = 64 * 1024 * 1024 /* of lines that wait for their commit */ };

bool event_log_open(struct event_log *log, const char *path, struct error *error)
{
    *log = (struct event_log){.file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    return log->file >= 0 || error_set_errno(error, errno, "cannot write events to %s", path);
}

void event_log_close(struct event_log *log)
{
    if (log->file >= 0)
        close(log->file);
    free(log->lines);
    *log = (struct event_log){.file = -1};
}

/* JSON wants these escaped; the text is UTF-8 (text_clean). */
static void put_text(FILE *stream, const char *name, const char *text)
{
    fprintf(stream, ",\"%s\":\"", name);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(stream, "\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
            fprintf(stream, "\\u%04x", *c);
        else
            fputc(*c, stream);
    }
    fputc('"', stream);
}

static void put_number(FILE *stream, const char *name, int64_t number)
{
    if (number != 0)
        fprintf(stream, ",\"%s\":%" PRId64, name, number);
}

static void put_line(FILE *stream, int64_t wall_ms, const char *kind, struct event_subject subject,
                     const char *text)
{
    struct tm utc;
    char stamp[32];
    time_t seconds = (time_t)(wall_ms / 1000);
    gmtime_r(&seconds, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    fprintf(stream, "{\"at\":\"%s.%03dZ\"", stamp, (int)(wall_ms % 1000));
    put_text(stream, "kind", kind);
    put_number(stream, "sweep", subject.sweep);
    put_number(stream, "job", subject.job);
    put_number(stream, "attempt", subject.attempt);
    put_number(stream, "worker", subject.worker);
    if (text && *text)
        put_text(stream, "text", text);
    fputs("}\n", stream);
}

static bool append(struct event_log *log, const char *line, size_t length)
{
    if (log->length + length > log->room) {
        size_t room = 2 * (log->length + length);
        char *grown = room <= ROOM_MAX ? realloc(log->lines, room) : NULL;
        if (!grown)
            return false;
        log->lines = grown;
        log->room = room;
    }
    memcpy(log->lines + log->length, line, length);
    log->length += length;
    return true;
}

static void say_failed(struct event_log *log, const char *why)
{
    if (!log->failed)
        log_warning("events are missing in the file of events: %s", why);
    log->failed = true;
}

void event_log_add(struct event_log *log, int64_t wall_ms, const char *kind,
                   struct event_subject subject, const char *text)
{
    char *line = NULL;
    size_t length = 0;
    FILE *stream = log ? open_memstream(&line, &length) : NULL;
    if (stream) {
        put_line(stream, wall_ms, kind, subject, text);
        fclose(stream);
    }
    if (log && (!line || !append(log, line, length)))
        say_failed(log, "out of memory");
    free(line);
}

void event_log_flush(struct event_log *log)
{
    if (!log || log->length == 0)
        return;
    size_t done = 0;
    while (done < log->length) {
        ssize_t written = write(log->file, log->lines + done, log->length - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        done += (size_t)written;
    }
    if (done < log->length)
        say_failed(log, strerror(errno));
    else
        log->failed = false;
    log->length = 0;
}
