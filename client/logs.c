/* lipsweep logs: what a job's newest attempt wrote. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/interrupt.h"
#include "client/source.h"
#include "client/terminal.h"

enum { FOLLOW_PERIOD_MS = 500 };

/* Where the printing of one attempt's log stands. */
struct log_position {
    int64_t attempt;
    int64_t printed; /* bytes of the whole log that were printed or are lost */
    bool escape;
};

/* As it is into a file; on a terminal line by line without what would command it. */
static void print_bytes(const struct log_position *position, const char *text, size_t length)
{
    if (!position->escape) {
        fwrite(text, 1, length, stdout);
        return;
    }
    while (length > 0) {
        const char *newline = memchr(text, '\n', length);
        size_t line = newline ? (size_t)(newline - text) : length;
        char *escaped = terminal_escape(text, line);
        fputs(escaped, stdout);
        free(escaped);
        if (newline)
            fputc('\n', stdout);
        text += line + (newline ? 1 : 0);
        length -= line + (newline ? 1 : 0);
    }
}

/* The part of `piece`, which begins at byte `start` of the log, that was not printed yet. */
static void print_piece(struct log_position *position, const struct value *piece, int64_t start)
{
    int64_t end = start + (int64_t)piece->length;
    if (end <= position->printed)
        return;
    if (start > position->printed) {
        printf("[%lld bytes were not kept]\n", (long long)(start - position->printed));
        position->printed = start;
    }
    print_bytes(position, piece->bytes + (position->printed - start),
                (size_t)(end - position->printed));
    position->printed = end;
}

/* `number`: which attempt's; 0: the newest one's. */
static bool print_new(struct source *source, int64_t job, int64_t number,
                      struct log_position *position, struct error *error)
{
    struct value parameters[] = {value_integer(job),
                                 number > 0 ? value_integer(number) : value_null()};
    struct rows *rows;
    if (!source_query(source, "log", parameters, 2, &rows, error))
        return false;
    if (rows_count(rows) > 0) {
        const struct value *head = rows_value(rows, 0, "head"), *tail = rows_value(rows, 0, "tail");
        int64_t attempt = rows_integer(rows, 0, "attempt");
        if (attempt != position->attempt && position->attempt != 0)
            printf("[attempt %lld]\n", (long long)attempt);
        if (attempt != position->attempt)
            *position = (struct log_position){.attempt = attempt, .escape = position->escape};
        print_piece(position, head, 0);
        print_piece(position, tail, rows_integer(rows, 0, "length") - (int64_t)tail->length);
    }
    rows_destroy(rows);
    fflush(stdout);
    return true;
}

static bool job_is_over(struct source *source, int64_t job, bool *over, struct error *error)
{
    struct value parameter = value_integer(job);
    struct rows *rows;
    if (!source_query(source, "job", &parameter, 1, &rows, error))
        return false;
    bool found = rows_count(rows) > 0;
    const char *state = found ? rows_text(rows, 0, "state") : "";
    *over = strcmp(state, "pending") != 0 && strcmp(state, "leased") != 0;
    rows_destroy(rows);
    return found || error_set(error, ERROR_NOT_FOUND, "there is no job j%lld", (long long)job);
}

static bool print_log(struct source *source, int64_t job, int64_t number, bool follow,
                      struct error *error)
{
    struct log_position position = {.escape = isatty(STDOUT_FILENO) == 1};
    bool over = false;
    if (follow)
        interrupt_catch();
    for (;;) {
        if (!job_is_over(source, job, &over, error) ||
            !print_new(source, job, number, &position, error))
            return false;
        if (over || !follow || interrupt_count() > 0)
            break;
        interrupt_wait_ms(FOLLOW_PERIOD_MS);
    }
    if (position.attempt == 0 && number > 0)
        return error_set(error, ERROR_NOT_FOUND, "attempt %lld of j%lld has no log",
                         (long long)number, (long long)job);
    if (position.attempt == 0)
        fprintf(stderr, "j%lld has no log%s\n", (long long)job, over ? "" : " yet");
    return interrupt_count() == 0 || error_set(error, ERROR_INTERRUPTED, "interrupted");
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    int64_t job, number = 0;
    struct source *source;
    if (!source_parse_job(arguments->positional[0], &job, error) ||
        !arguments_integer(arguments, "attempt", 1, INT32_MAX, &number, error) ||
        !source_open(&source, arguments, error))
        return false;
    bool good = print_log(source, job, number, arguments_flag(arguments, "follow"), error);
    source_close(source);
    return good;
}

const struct command command_logs = {
    .name = "logs",
    .group = "Looking closer",
    .arguments = "JOB",
    .summary = "what the newest attempt of a job wrote, or another one",
    .example = "lipsweep logs j17 --follow --db quickstart.db",
    .options = (const struct option_info[]){{"attempt", "N",
                                             "that attempt's (lipsweep explain JOB lists them)"},
                                            {"follow", NULL, "go on until the job is over"},
                                            {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
