/* lipsweep data: what data sets there are, and how they come here. */
#include "client/data.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/command.h"
#include "client/interrupt.h"
#include "client/table.h"
#include "common/suggest.h"

enum { TIMEOUT_S = 30, TIMEOUT_MAX_S = 3600 };

static const char *const names[] = {"mnist", "cifar10", "stl10", "glyphs"};
enum { NAME_COUNT = sizeof names / sizeof *names };

static const struct table_column columns[] = {
    {"name", NULL, 0},
    {"state", NULL, 0},
    {"official", NULL, TABLE_HIDE_EMPTY},
    {"train_images", "training images", TABLE_RIGHT | TABLE_HIDE_EMPTY},
    {"test_images", "test images", TABLE_RIGHT | TABLE_HIDE_EMPTY},
    {"bytes", "size", TABLE_RIGHT | TABLE_HIDE_EMPTY},
    {"digest", NULL, TABLE_HIDE_EMPTY},
    {"folder", NULL, TABLE_HIDE_EMPTY},
};

static int64_t size_on_disk(const struct dataset_origin *origin)
{
    char path[PATH_MAX];
    int64_t bytes = 0;
    struct error error;
    struct stat status;
    for (size_t i = 0; i < origin->file_count; i++)
        if (data_store_path(path, origin->folder, origin->files[i], &error) &&
            stat(path, &status) == 0)
            bytes += status.st_size;
    return bytes;
}

static void add_dataset(struct table *table, const struct dataset *dataset)
{
    const char *known = dataset_known_digest(dataset->name);
    int64_t bytes = size_on_disk(&dataset->origin);
    table_text(table, dataset->name);
    table_text(table, dataset->origin.file_count > 0 ? "here" : "built in");
    if (known)
        table_boolean(table, strcmp(known, dataset->digest) == 0);
    else
        table_null(table);
    table_show(table, "%s",
               !known                                ? "not known"
               : strcmp(known, dataset->digest) == 0 ? "yes"
                                                     : "no");
    table_integer(table, (int64_t)dataset->train.count);
    table_integer(table, (int64_t)dataset->test.count);
    table_integer(table, bytes);
    table_show(table, bytes > 0 ? "%.1f MiB" : "", (double)bytes / (1 << 20));
    table_text(table, dataset->digest);
    table_show(table, "%.16s…", dataset->digest);
    table_text(table, dataset->origin.folder[0] ? dataset->origin.folder : NULL);
}

static void add_missing(struct table *table, const char *name, const char *state)
{
    table_text(table, name);
    table_text(table, state);
    for (size_t i = 2; i < sizeof columns / sizeof *columns; i++)
        table_null(table);
}

/* A generated set is drawn anew: what is known of it must still be true of this build. */
static bool check_generated(struct dataset *dataset, struct error *error)
{
    char digest[JOB_DIGEST_LENGTH + 1];
    if (dataset->origin.file_count > 0)
        return true;
    dataset_digest(dataset, digest);
    return strcmp(digest, dataset->digest) == 0 ||
           error_set(error, ERROR_DATA, "%s as drawn here has digest %s, expected %s",
                     dataset->name, digest, dataset->digest);
}

/* One row, all of whose files are read. False when it is there and damaged. */
static bool add_row(const struct data_store *store, struct table *table, const char *name,
                    bool *is_missing)
{
    struct dataset dataset;
    struct error error;
    *is_missing = false;
    if (data_store_read(store, name, &dataset, &error)) {
        bool good = check_generated(&dataset, &error);
        add_dataset(table, &dataset);
        if (dataset.note[0])
            fprintf(stderr, "note: %s\n", dataset.note);
        if (!good)
            fprintf(stderr, "%s: %s\n", name, error.message);
        dataset_close(&dataset);
        return good;
    }
    *is_missing = error.code == ERROR_NOT_FOUND;
    add_missing(table, name, *is_missing ? "not here" : "damaged");
    if (!*is_missing)
        fprintf(stderr, "%s: %s\n", name, error.message);
    return *is_missing;
}

/* `only` NULL: all. */
static bool show(const struct arguments *arguments, const struct data_store *store,
                 const char *only, size_t *damaged, size_t *missing, struct error *error)
{
    struct table_options options;
    if (!table_options_read(arguments, &options, error))
        return false;
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    *damaged = *missing = 0;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        bool is_missing = false;
        if (only && strcmp(only, names[i]) != 0)
            continue;
        *damaged += !add_row(store, table, names[i], &is_missing);
        *missing += is_missing;
    }
    bool good = table_print(table, &options, 0, error);
    if (good && *missing > 0 && options.format == TABLE_FORMAT_PEOPLE)
        printf("lipsweep data fetch NAME brings what is not here into %s\n", store->place);
    table_destroy(table);
    return good;
}

static bool check_name(const char *name, struct error *error)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    const char *nearest = suggest_name(name, names, NAME_COUNT);
    return error_set(error, ERROR_USAGE, "unknown data set '%.60s'%s%s%s", name,
                     nearest ? " (did you mean '" : "", nearest ? nearest : "",
                     nearest ? "'?)" : " (known: mnist, cifar10, stl10, glyphs)");
}

bool data_look(const struct data_request *request, const char *name, const char *digest,
               bool *is_there, struct error *error)
{
    struct dataset dataset;
    *is_there = false;
    if (!data_store_read(request->store, name, &dataset, error)) {
        if (error->code == ERROR_DATA)
            fprintf(stderr, "what is here is damaged: %s\n", error->message);
        return error->code == ERROR_DATA || error->code == ERROR_NOT_FOUND;
    }
    *is_there = !digest || strcmp(dataset.digest, digest) == 0;
    bool may = *is_there || request->replace ||
               error_set(error, ERROR_REFUSED,
                         "%s has another %s (digest %.16s…) than this one (%.16s…); --replace puts "
                         "it aside",
                         dataset.origin.folder, name, dataset.digest, digest);
    if (*is_there)
        printf("%s is there already: %s, %zu training and %zu test images\n", name,
               dataset.origin.folder, dataset.train.count, dataset.test.count);
    dataset_close(&dataset);
    return may;
}

bool data_install(const struct data_request *request, const char *name, const char *digest,
                  struct error *error)
{
    char old[PATH_MAX];
    struct dataset dataset;
    if (!data_store_install(request->store, name, digest, old, error) ||
        !data_store_read(request->store, name, &dataset, error))
        return false;
    const char *known = dataset_known_digest(name);
    printf("%s: %zu training and %zu test images in %s%s\n", name, dataset.train.count,
           dataset.test.count, dataset.origin.folder,
           !known                               ? ""
           : strcmp(known, dataset.digest) == 0 ? ", the official set"
                                                : ", not the official set");
    if (dataset.note[0])
        fprintf(stderr, "note: %s\n", dataset.note);
    if (old[0])
        printf("what was there is now %s\n", old);
    dataset_close(&dataset);
    return true;
}

static bool run_list(const struct arguments *arguments, const struct data_store *store,
                     bool verifies, int *exit_code, struct error *error)
{
    const char *only = arguments->positional_count > 1 ? arguments->positional[1] : NULL;
    size_t damaged, missing;
    if (only && !check_name(only, error))
        return false;
    if (!show(arguments, store, only, &damaged, &missing, error))
        return false;
    if (verifies && (damaged > 0 || (only && missing > 0)))
        *exit_code = error_exit_code(ERROR_FAILED);
    return true;
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    static const char *const actions[] = {"list", "fetch", "import", "verify"};
    const char *action = arguments->positional[0];
    const char *what = arguments->positional_count > 1 ? arguments->positional[1] : NULL;
    struct data_store store;
    struct data_request request = {.store = &store,
                                   .from = arguments_value(arguments, "from"),
                                   .timeout_s = TIMEOUT_S,
                                   .replace = arguments_flag(arguments, "replace")};
    if (!data_store_open(&store, arguments_value(arguments, "data"), error) ||
        !arguments_integer(arguments, "timeout", 1, TIMEOUT_MAX_S, &request.timeout_s, error))
        return false;
    if (strcmp(action, "list") == 0 || strcmp(action, "verify") == 0)
        return run_list(arguments, &store, *action == 'v', exit_code, error);
    bool fetches = strcmp(action, "fetch") == 0;
    if (!fetches && strcmp(action, "import") != 0) {
        const char *nearest = suggest_name(action, actions, 4);
        return error_set(error, ERROR_USAGE, "data: unknown action '%.60s' (%s%s%s)", action,
                         nearest ? "did you mean '" : "list, fetch, import or verify",
                         nearest ? nearest : "", nearest ? "'?" : "");
    }
    if (!what)
        return error_set(error, ERROR_USAGE, "usage: lipsweep data %s",
                         fetches ? "fetch NAME" : "import DIR");
    interrupt_catch();
    return fetches ? data_fetch(&request, what, error) : data_import(&request, what, error);
}

const struct command command_data = {
    .name = "data",
    .group = "Starting",
    .arguments = "ACTION [NAME|DIR]",
    .summary = "data sets: list, fetch NAME, import DIR, verify",
    .details = "  list          mnist, cifar10, stl10 and glyphs (built in): what is here, and "
               "whether its\n"
               "                images are the official ones\n"
               "  fetch NAME    from its publisher; interrupted, the same command continues\n"
               "  import DIR    copies the data sets that lie in DIR, or in DIR/mnist and so on\n"
               "  verify [NAME] reads every file again; exit 1 when one is damaged\n"
               "\n"
               "They lie in the folder of --data, else of $LIPSWEEP_DATA, else in\n"
               "$XDG_DATA_HOME/lipsweep (~/.local/share/lipsweep).",
    .example = "lipsweep data fetch cifar10",
    .options =
        (const struct option_info[]){
            {"data", "DIR", "where data sets are"},
            {"from", "URL", "fetch: another folder on the web than the publisher's"},
            {"timeout", "SECONDS", "fetch: give up a server that sends nothing for so long (30)"},
            {"replace", NULL, "put another data set of that name aside"},
            {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_TABLE,
    .positional_min = 1,
    .positional_max = 2,
    .run = run,
};
