/* A job's text, flat or nested, back into a job. */
#include "common/job.h"

#include "common/number.h"
#include "common/settings.h"
#include "common/suggest.h"
#include "common/yaml.h"

#include <string.h>

static bool is_flat_name(const char *name, enum parameter *parameter)
{
    *parameter = parameter_find(name);
    return *parameter != PARAMETER_COUNT && strcmp(name, parameter_info(*parameter)->dotted) == 0;
}

static void read_key(struct settings *settings, const struct yaml_node *key)
{
    static const char *const names[] = {"dataset", "model", "loss", "train", "test", "seed"};
    enum parameter parameter;
    if (settings_is_section(key->text))
        settings_read_section(settings, key);
    else if (is_flat_name(key->text, &parameter))
        settings_read_value(settings, parameter, key->value);
    else
        suggest_report(settings->diagnostics, key->place, "key", key->text, names, 6);
}

static void read_root(struct settings *settings, const struct yaml_node *root)
{
    enum parameter culprit;
    struct error error;
    if (!root || root->type != YAML_MAP) {
        diagnostics_error(settings->diagnostics, root ? root->place : (struct place){1, 1},
                          "a job is a mapping of its parameters");
        return;
    }
    for (const struct yaml_node *key = root->first; key; key = key->next)
        read_key(settings, key);
    job_name_dataset(settings->job);
    job_normalise(settings->job);
    if (settings->diagnostics->error_count == 0 && !job_check(settings->job, &culprit, &error))
        diagnostics_error(settings->diagnostics, settings->places[culprit], "%s", error.message);
}

bool job_parse(const char *text, size_t length, struct job *job, struct error *error)
{
    struct diagnostics diagnostics;
    struct yaml_tree tree;
    struct settings settings = {.job = job, .diagnostics = &diagnostics};
    job_init(job);
    diagnostics_init(&diagnostics, "job", text, length);
    if (yaml_parse(&tree, text, length, &diagnostics))
        read_root(&settings, tree.root);
    yaml_finish(&tree);
    bool good = diagnostics_result(&diagnostics, error);
    diagnostics_finish(&diagnostics);
    return good;
}

/* --- the noise levels alone --- */

static const char levels_name[] = "\ntest.sigma: [";

/* Of the line that job_text writes; false when there is none, or it is odd. */
static bool read_levels_line(const char *text, double levels[JOB_TEST_SIGMA_MAX], size_t *count)
{
    const char *line = strstr(text, levels_name);
    *count = 0;
    if (!line)
        return false;
    for (const char *at = line + sizeof levels_name - 1; *count < JOB_TEST_SIGMA_MAX;) {
        char number[NUMBER_TEXT];
        size_t length = strcspn(at, ",]\n");
        if (length == 0 || length >= sizeof number)
            return false;
        memcpy(number, at, length);
        number[length] = '\0';
        if (!number_parse(number, &levels[*count]) ||
            (*count > 0 && levels[*count] <= levels[*count - 1]))
            return false;
        ++*count;
        at += length;
        if (*at == ']')
            return at[1] == '\n' && !strstr(at, levels_name);
        if (strncmp(at, ", ", 2) != 0)
            return false;
        at += 2;
    }
    return false;
}

bool job_parse_levels(const char *text, double levels[JOB_TEST_SIGMA_MAX], size_t *count,
                      struct error *error)
{
    struct job job;
    if (read_levels_line(text, levels, count))
        return true;
    if (!job_parse(text, strlen(text), &job, error))
        return false;
    memcpy(levels, job.test_sigma, sizeof job.test_sigma);
    *count = job.test_sigma_count;
    return true;
}
