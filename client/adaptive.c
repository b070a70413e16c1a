#include "client/adaptive.h"

#include <math.h>
#include <stdio.h>

static void print_points(const struct terminal *terminal, int64_t count, const char *words)
{
    if (count > 0)
        terminal_print(terminal, stdout, "; %lld point%s %s", (long long)count,
                       count == 1 ? "" : "s", words);
}

static void print_sweep(const struct terminal *terminal, const struct rows *rows, size_t row)
{
    int64_t added = rows_integer(rows, row, "added");
    terminal_print(
        terminal, stdout, "%s: adaptive_seeds: %lld of %lld points decided, %lld seed%s added",
        rows_text(rows, row, "name"), (long long)rows_integer(rows, row, "decided"),
        (long long)rows_integer(rows, row, "point_count"), (long long)added, added == 1 ? "" : "s");
    print_points(terminal, rows_integer(rows, row, "capped"), "at max, where more are needed");
    print_points(terminal, rows_integer(rows, row, "declined"), "without (lipsweep explain JOB)");
    print_points(terminal, rows_integer(rows, row, "stuck"),
                 "undecided, with jobs that failed or were cancelled");
    terminal_print(terminal, stdout, "\n");
}

bool adaptive_print_sweeps(struct source *source, int64_t sweep, struct error *error)
{
    struct terminal terminal = terminal_of(stdout);
    struct value parameter = sweep != 0 ? value_integer(sweep) : value_null();
    struct rows *rows;
    if (!source_query(source, "adaptive", &parameter, 1, &rows, error))
        return false;
    for (size_t row = 0; row < rows_count(rows); row++)
        print_sweep(&terminal, rows, row);
    rows_destroy(rows);
    return true;
}

static void print_decided(const struct terminal *terminal, const struct rows *rows)
{
    int64_t n = rows_integer(rows, 0, "n"), n0 = rows_integer(rows, 0, "n0");
    const char *metric = rows_text(rows, 0, "metric");
    terminal_print_wrapped(terminal, stdout,
                           "adaptive_seeds: over the %lld first seeds of its point %s has the "
                           "standard deviation %.3g, so ± %g "
                           "takes %s%lld seeds (Stein's rule of two stages): %lld %s added.",
                           (long long)n0, metric, sqrt(rows_real(rows, 0, "variance")),
                           rows_real(rows, 0, "half_width"),
                           rows_integer(rows, 0, "capped") ? "more than the max of "
                           : n == n0                       ? "no more than "
                                                           : "",
                           (long long)n, (long long)(n - n0), n - n0 == 1 ? "was" : "were");
}

static void print_job(const struct terminal *terminal, const struct rows *rows)
{
    if (rows_integer(rows, 0, "extra"))
        terminal_print(terminal, stdout, "Its seed was added to its point.\n");
    if (!rows_is_null(rows, 0, "reason"))
        terminal_print_wrapped(terminal, stdout,
                               "adaptive_seeds: its point gets no more seeds: %s.",
                               rows_text(rows, 0, "reason"));
    else if (!rows_is_null(rows, 0, "n"))
        print_decided(terminal, rows);
    else if (!rows_is_null(rows, 0, "stuck"))
        terminal_print_wrapped(
            terminal, stdout,
            "adaptive_seeds: whether its point gets more seeds is decided when j%lld "
            "is retried and done.",
            (long long)rows_integer(rows, 0, "stuck"));
    else
        terminal_print_wrapped(terminal, stdout,
                               "adaptive_seeds: whether its point gets more seeds is decided when "
                               "its %lld first ones are done.",
                               (long long)rows_integer(rows, 0, "n0"));
}

bool adaptive_print_job(struct source *source, int64_t job, struct error *error)
{
    struct terminal terminal = terminal_of(stdout);
    struct value parameter = value_integer(job);
    struct rows *rows;
    if (!source_query(source, "adaptive-job", &parameter, 1, &rows, error))
        return false;
    if (rows_count(rows) > 0)
        print_job(&terminal, rows);
    rows_destroy(rows);
    return true;
}
