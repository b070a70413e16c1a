/* lipsweep predict: what weights say of one image under noise. The network is computed by
 * lipsweep-worker; this prints its table. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/command.h"
#include "client/table.h"
#include "common/child.h"
#include "common/number.h"

enum { COLUMNS = 18, NEEDED = 13, LINE_MAX_BYTES = 1024, ARGUMENTS_MAX = 24 };

static const struct table_column columns[COLUMNS] = {
    {"sigma", "\u03c3", TABLE_RIGHT},
    {"draws", NULL, TABLE_PROGRAMS},
    {"label", NULL, TABLE_PROGRAMS},
    {"label_name", "true class", TABLE_HIDE_EMPTY},
    {"class", NULL, TABLE_PROGRAMS},
    {"class_name", "class", 0},
    {"share", "of draws", TABLE_RIGHT},
    {"confidence", NULL, TABLE_RIGHT},
    {"confidence_low", NULL, TABLE_PROGRAMS},
    {"confidence_high", NULL, TABLE_PROGRAMS},
    {"true_confidence", "in the true class", TABLE_RIGHT},
    {"true_confidence_low", NULL, TABLE_PROGRAMS},
    {"true_confidence_high", NULL, TABLE_PROGRAMS},
    {"margin", NULL, TABLE_PROGRAMS},
    {"lipschitz_bound", NULL, TABLE_PROGRAMS},
    {"radius_proved", NULL, TABLE_PROGRAMS},
    {"quotient_max", NULL, TABLE_PROGRAMS},
    {"radius_optimistic", NULL, TABLE_PROGRAMS},
};

/* --- the worker program --- */

static bool start(struct child *child, const struct arguments *arguments, int output,
                  struct error *error)
{
    static const char *const passed[] = {"dataset", "model", "data", "image", "sigma", "draws"};
    char program[4096], names[6][16], descriptor[16];
    if (!child_program_path("lipsweep-worker", program, error))
        return false;
    snprintf(descriptor, sizeof descriptor, "%d", output);
    const char *words[ARGUMENTS_MAX] = {program, "predict", arguments->positional[0], "--result-fd",
                                        descriptor};
    size_t count = 5;
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        const char *value = arguments_value(arguments, passed[i]);
        if (!value)
            continue;
        snprintf(names[i], sizeof names[i], "--%s", passed[i]);
        words[count++] = names[i];
        words[count++] = value;
    }
    if (arguments_flag(arguments, "radius"))
        words[count++] = "--radius";
    struct child_options options = {
        .arguments = words, .output = -1, .keep = {output}, .keep_count = 1};
    return child_start(child, &options, error);
}

/* It has told on standard error what was wrong. */
static bool wait_for(struct child *child, int *exit_code, struct error *error)
{
    int status;
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    child_release(child);
    if (WIFSIGNALED(status))
        return error_set(error, ERROR_FAILED, "lipsweep-worker was killed (%s)",
                         strsignal(WTERMSIG(status)));
    *exit_code = WEXITSTATUS(status);
    return true;
}

/* --- how far the image may move --- */

struct radius {
    double margin, bound, proved, quotient_max, optimistic; /* NAN: not known */
};

static void radius_add(struct radius *radius, const double *numbers)
{
    radius->margin = numbers[0];
    radius->bound = numbers[1];
    radius->proved = numbers[2];
    if (isnan(radius->quotient_max) || numbers[3] > radius->quotient_max) {
        radius->quotient_max = numbers[3];
        radius->optimistic = numbers[4];
    }
}

static void print_radius(const struct radius *radius)
{
    struct terminal terminal = terminal_of(stdout);
    if (isnan(radius->bound))
        return;
    terminal_print(
        &terminal, stdout,
        "\nmargin %.4g: the largest logit above the next, on the clean image\n"
        "radius_proved %.4g: no change of the image shorter than this (Euclidean, pixels "
        "0 to 1)\n"
        "changes its class. margin / (√2 · %.5g), the product over layers of bounds of "
        "their\nnorms; exact arithmetic assumed.\n",
        radius->margin, radius->proved, radius->bound);
    if (!isnan(radius->optimistic))
        terminal_print(&terminal, stdout,
                       "radius_optimistic %.4g: not a guarantee. margin / (√2 · %.4g), the largest "
                       "quotient of\nthe draws above; other directions are steeper.\n",
                       radius->optimistic, radius->quotient_max);
}

/* --- the table --- */

static void add_share(struct table *table, double value, double low, double high, bool one_draw)
{
    table_real(table, value, -1);
    if (one_draw)
        table_show(table, "%.1f %%", 100 * value);
    else
        table_show(table, "%.1f (%.1f\u2013%.1f) %%", 100 * value, 100 * low, 100 * high);
    table_real(table, low, -1);
    table_real(table, high, -1);
}

static bool add_row(struct table *table, struct radius *radius, char *line)
{
    char *cells[COLUMNS], *rest = line;
    double numbers[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
        cells[i] = strsep(&rest, "\t");
        if (!cells[i])
            return false;
        bool is_name = i == 3 || i == 5;
        if (is_name || number_parse(cells[i], &numbers[i]))
            continue;
        if (i < NEEDED || cells[i][0])
            return false;
        numbers[i] = NAN;
    }
    bool one_draw = numbers[1] == 1;
    table_real(table, numbers[0], -1);
    table_integer(table, (int64_t)numbers[1]);
    table_integer(table, (int64_t)numbers[2]);
    table_text(table, cells[3]);
    table_integer(table, (int64_t)numbers[4]);
    table_text(table, cells[5]);
    table_colour(table, numbers[2] == numbers[4] ? NULL : "red");
    table_real(table, numbers[6], -1);
    table_show(table, one_draw ? "" : "%.0f %%", 100 * numbers[6]);
    add_share(table, numbers[7], numbers[8], numbers[9], one_draw);
    add_share(table, numbers[10], numbers[11], numbers[12], one_draw);
    for (int i = NEEDED; i < COLUMNS; i++)
        table_real(table, numbers[i], -1);
    radius_add(radius, numbers + NEEDED);
    return true;
}

static bool read_table(FILE *file, struct table *table, struct radius *radius, struct error *error)
{
    char line[LINE_MAX_BYTES];
    if (!fgets(line, sizeof line, file))
        return true; /* it failed, and says why itself */
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (!add_row(table, radius, line))
            return error_set(error, ERROR_FAILED, "lipsweep-worker is of another version");
    }
    return true;
}

static bool predict(const struct arguments *arguments, struct table *table, struct radius *radius,
                    int *exit_code, struct error *error)
{
    int ends[2];
    struct child child = {.lifeline = -1};
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set_errno(error, errno, "cannot make a pipe");
    bool good = start(&child, arguments, ends[1], error);
    close(ends[1]);
    FILE *file = fdopen(ends[0], "r");
    if (!file)
        close(ends[0]);
    if (good && file)
        good = read_table(file, table, radius, error);
    if (file)
        fclose(file);
    struct error ending;
    if (child.pid == 0 || wait_for(&child, exit_code, &ending))
        return good;
    *error = ending;
    return false;
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    struct table_options options;
    if (!arguments_value(arguments, "image"))
        return error_set(error, ERROR_USAGE, "predict needs --image N");
    if (!table_options_read(arguments, &options, error))
        return false;
    struct table *table = table_create(columns, COLUMNS);
    struct radius radius = {NAN, NAN, NAN, NAN, NAN};
    bool good = predict(arguments, table, &radius, exit_code, error);
    if (good && *exit_code == 0)
        good = table_print(table, &options, 0, error);
    if (good && *exit_code == 0 && options.format == TABLE_FORMAT_PEOPLE)
        print_radius(&radius);
    table_destroy(table);
    return good;
}

const struct command command_predict = {
    .name = "predict",
    .group = "Looking closer",
    .arguments = "FILE --image N",
    .summary = "what weights say of one test image under noise",
    .details = "The class that most draws of the noise say, the confidence in it and in the true "
               "class: mean\nover the draws and the range of 95 % of them.",
    .example = "lipsweep predict j17.safetensors --image 3 --sigma 0,0.1,0.2",
    .options =
        (const struct option_info[]){
            {"image", "N", "number of the image in the test set, from 0"},
            {"sigma", "LIST", "noise levels, as in 0,0.1,0.2 (default: 0)"},
            {"draws", "N", "draws of the noise at each level (100)"},
            {"radius", NULL, "also how far the image may move before its class can change"},
            {"dataset", "NAME", "default: what the weights were trained on"},
            {"model", "NAME", "network of a file that another program wrote"},
            {"data", "DIR", "where data sets are looked for"},
            {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_TABLE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
