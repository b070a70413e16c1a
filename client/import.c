/* lipsweep import: results measured elsewhere become a sweep. The file is read here, so that every
 * line that is wrong is told; the coordinator, which writes, reads it again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "client/memory.h"
#include "client/writer.h"
#include "common/file.h"
#include "common/import.h"
#include "common/sweep.h"

enum { IMPORT_TIMEOUT_MS = 60000 };

struct input {
    const char *file;
    char *name; /* of the sweep */
    char *text;
    size_t length;
};

static bool check(const struct input *input, struct error *error)
{
    struct diagnostics diagnostics;
    struct import import;
    diagnostics_init(&diagnostics, input->file, input->text, input->length);
    bool good = import_parse(&import, input->text, input->length, &diagnostics);
    diagnostics_print(&diagnostics, stderr);
    if (!good)
        error_set(error, ERROR_INVALID, "%zu error%s in %s; nothing was done",
                  diagnostics.error_count, diagnostics.error_count == 1 ? "" : "s", input->file);
    import_finish(&import);
    diagnostics_finish(&diagnostics);
    return good;
}

/* The file's name without its folder and ending. */
static char *name_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    char *name = memory_text(slash ? slash + 1 : file);
    char *point = strrchr(name, '.');
    if (point)
        *point = '\0';
    return name;
}

static bool read_input(struct input *input, const struct arguments *arguments, struct error *error)
{
    const char *name = arguments_value(arguments, "name");
    uint8_t *bytes;
    *input = (struct input){.file = arguments->positional[0]};
    if (!file_read(input->file, IMPORT_SIZE_MAX, &bytes, &input->length, error)) {
        error->code = ERROR_INVALID;
        return false;
    }
    input->text = (char *)bytes;
    input->name = name ? memory_text(name) : name_of(input->file);
    if (!sweep_check_name(input->name, error)) {
        error->code = ERROR_USAGE;
        return name ? false : error_prefix(error, "say --name, because of the file's name");
    }
    return check(input, error);
}

static bool send_text(struct connection *connection, const struct input *input, struct error *error)
{
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT, *reply;
    Wire__Import import = WIRE__IMPORT__INIT;
    import.name = input->name;
    import.file = (char *)(uintptr_t)input->file;
    import.text.data = (uint8_t *)input->text;
    import.text.len = input->length;
    envelope.body_case = WIRE__ENVELOPE__BODY_IMPORT;
    envelope.import = &import;
    if (!connection_request(connection, &envelope, IMPORT_TIMEOUT_MS,
                            WIRE__ENVELOPE__BODY_IMPORT_REPLY, &reply, error))
        return false;
    const Wire__ImportReply *answer = reply->import_reply;
    printf("sweep %lld, %s, imported: %lld points, %lld jobs, %lld results\n",
           (long long)answer->sweep, input->name, (long long)answer->point_count,
           (long long)answer->job_count, (long long)answer->row_count);
    wire__envelope__free_unpacked(reply, NULL);
    return true;
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    struct input input;
    struct source_choice choice;
    struct writer writer;
    bool good = read_input(&input, arguments, error) && source_choose(arguments, &choice, error) &&
                writer_open(&writer, &choice, true, error);
    if (good) {
        good = send_text(writer.connection, &input, error);
        writer_close(&writer);
    }
    free(input.name);
    free(input.text);
    return good;
}

const struct command command_import = {
    .name = "import",
    .group = "Results",
    .arguments = "FILE.csv",
    .summary = "results measured elsewhere, as a sweep that can be analysed",
    .details = "Long form, one row a training and test sigma. Columns: dataset, model, lambda, k,\n"
               "sigma, seed, test_sigma, accuracy, and others if there are any\n"
               "(docs/database.md). lambda, k and sigma may be labels, ordered as they come.",
    .example = "lipsweep import paper.csv --db paper.db",
    .options = (const struct option_info[]){{"name", "NAME", "of the sweep; else the file's"},
                                            {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
