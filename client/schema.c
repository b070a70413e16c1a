/* lipsweep schema: the sweep file's JSON Schema, from the tables that the reader itself reads by,
 * so that an editor completes and checks. What a schema cannot say (rules between parameters) is
 * `plan`'s. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "client/command.h"
#include "common/number.h"
#include "common/stein.h"
#include "common/sweep.h"

/* --- one value --- */

static void print_number_type(enum parameter parameter, bool is_whole)
{
    const struct parameter_bounds *bounds = parameter_bounds(parameter);
    char minimum[NUMBER_TEXT], maximum[NUMBER_TEXT];
    bool is_sigma = parameter == PARAMETER_SIGMA || parameter == PARAMETER_K;
    number_format(bounds->minimum, minimum);
    number_format(bounds->maximum, maximum);
    printf("{\"type\": %s, \"%s\": %s, \"%s\": %s}",
           is_sigma   ? "[\"number\", \"null\"]"
           : is_whole ? "\"integer\""
                      : "\"number\"",
           bounds->above_minimum ? "exclusiveMinimum" : "minimum", minimum,
           bounds->below_maximum ? "exclusiveMaximum" : "maximum", maximum);
}

/* true and false are no texts in YAML. */
static bool is_toggle(enum parameter parameter)
{
    return parameter_choice_count(parameter) == 2 &&
           strcmp(parameter_choice_name(parameter, 0), "false") == 0;
}

static void print_choice_type(enum parameter parameter)
{
    if (is_toggle(parameter)) {
        fputs("{\"type\": \"boolean\"}", stdout);
        return;
    }
    fputs("{\"enum\": [", stdout);
    for (int i = 0; i < parameter_choice_count(parameter); i++)
        printf("%s\"%s\"", i > 0 ? ", " : "", parameter_choice_name(parameter, i));
    fputs("]}", stdout);
}

/* Of one value, also where the parameter is a list. */
static void print_one_type(enum parameter parameter)
{
    const struct parameter_info *info = parameter_info(parameter);
    switch (info->type) {
    case PARAMETER_REAL:
    case PARAMETER_REALS:
        print_number_type(parameter, false);
        break;
    case PARAMETER_COUNT_:
    case PARAMETER_COUNTS:
        print_number_type(parameter, true);
        break;
    case PARAMETER_CHOICE:
        print_choice_type(parameter);
        break;
    case PARAMETER_TEXT:
        printf("{\"type\": \"string\", \"minLength\": 1, \"maxLength\": %zu}", info->size - 1);
        break;
    case PARAMETER_NAMES:
        fputs("{\"type\": [\"string\", \"number\", \"boolean\"]}", stdout);
        break;
    }
}

/* One value, a list, or a range where there are numbers. */
static void print_values_type(enum parameter parameter)
{
    enum parameter_type type = parameter_info(parameter)->type;
    fputs("{\"anyOf\": [", stdout);
    print_one_type(parameter);
    fputs(", {\"type\": \"array\", \"items\": ", stdout);
    print_one_type(parameter);
    fputs("}", stdout);
    if (type != PARAMETER_TEXT && type != PARAMETER_CHOICE && type != PARAMETER_NAMES)
        fputs(", {\"$ref\": \"#/$defs/range\"}", stdout);
    fputs("]}", stdout);
}

static bool is_list(enum parameter parameter)
{
    enum parameter_type type = parameter_info(parameter)->type;
    return type == PARAMETER_REALS || type == PARAMETER_COUNTS || type == PARAMETER_NAMES;
}

/* --- sections --- */

/* The part of a dotted name behind "train."; NULL when it is another section's. */
static const char *key_in(enum parameter parameter, const char *section)
{
    const char *dotted = parameter_info(parameter)->dotted;
    size_t length = strlen(section);
    bool here = strncmp(dotted, section, length) == 0 && dotted[length] == '.';
    return here && parameter != PARAMETER_INIT_DIGEST ? dotted + length + 1 : NULL;
}

static void print_section(const char *section);

/* A key of the section, or the section in it whose first key this is; whether anything was printed.
 */
static bool print_key(enum parameter parameter, const char *section, char last_inner[64])
{
    const char *key = key_in(parameter, section), *dot = key ? strchr(key, '.') : NULL;
    char inner[64];
    if (!key)
        return false;
    if (!dot) {
        printf("\"%s\": ", key);
        (is_list(parameter) ? print_values_type : print_one_type)(parameter);
        return true;
    }
    snprintf(inner, sizeof inner, "%s.%.*s", section, (int)(dot - key), key);
    if (strcmp(inner, last_inner) == 0)
        return false;
    memcpy(last_inner, inner, sizeof inner);
    printf("\"%s\": ", strrchr(inner, '.') + 1);
    print_section(inner);
    return true;
}

static bool has_key(enum parameter parameter, const char *section, const char *last_inner)
{
    const char *key = key_in(parameter, section), *dot = key ? strchr(key, '.') : NULL;
    char inner[64];
    if (!dot)
        return key != NULL;
    snprintf(inner, sizeof inner, "%s.%.*s", section, (int)(dot - key), key);
    return strcmp(inner, last_inner) != 0;
}

static void print_section(const char *section)
{
    char last_inner[64] = "";
    bool is_first = true;
    fputs("{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {", stdout);
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        if (!has_key((enum parameter)i, section, last_inner))
            continue;
        fputs(is_first ? "" : ", ", stdout);
        is_first = !print_key((enum parameter)i, section, last_inner) && is_first;
    }
    fputs("}}", stdout);
}

static void print_named_section(const char *section)
{
    fputs("{\"anyOf\": [{\"type\": \"string\"}, ", stdout);
    print_section(section);
    fputs("]}", stdout);
}

/* --- axes --- */

static bool can_be_axis(enum parameter parameter)
{
    return sweep_can_be_axis(parameter) || parameter == PARAMETER_SEED;
}

static void print_axis(const char *name, enum parameter parameter,
                       void (*print_type)(enum parameter parameter), bool *is_first)
{
    printf("%s\"%s\": ", *is_first ? "" : ", ", name);
    print_type(parameter);
    *is_first = false;
}

/* Every axis by its dotted name and its short one. */
static void print_axes(void (*print_type)(enum parameter parameter))
{
    bool is_first = true;
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        const struct parameter_info *info = parameter_info((enum parameter)i);
        if (!can_be_axis((enum parameter)i))
            continue;
        print_axis(info->dotted, (enum parameter)i, print_type, &is_first);
        if (info->axis[0] && strcmp(info->axis, info->dotted) != 0)
            print_axis(info->axis, (enum parameter)i, print_type, &is_first);
    }
}

static void print_definitions(void)
{
    fputs(" \"$defs\": {\n"
          "  \"range\": {\"type\": \"object\", \"additionalProperties\": false, \"required\": "
          "[\"from\", \"to\"], \"properties\": {\"from\": {\"type\": \"number\"}, \"to\": "
          "{\"type\": \"number\"}, \"count\": {\"type\": \"integer\", \"minimum\": 1}, \"step\": "
          "{\"type\": \"number\", \"exclusiveMinimum\": 0}, \"scale\": {\"enum\": [\"linear\", "
          "\"log\"]}}, \"oneOf\": [{\"required\": [\"count\"]}, {\"required\": [\"step\"]}]},\n"
          "  \"condition\": {\"anyOf\": [{\"type\": \"string\"}, {\"type\": \"array\", \"items\": "
          "{\"type\": \"string\"}}]},\n"
          "  \"zip\": {\"type\": \"array\", \"minItems\": 1, \"items\": {\"anyOf\": [{\"type\": "
          "\"string\"}, {\"type\": \"array\", \"minItems\": 2, \"items\": {\"type\": "
          "\"string\"}}]}},\n"
          "  \"axes\": {\"type\": \"object\", \"additionalProperties\": false, \"properties\": {",
          stdout);
    print_axes(print_values_type);
    fputs("}},\n  \"grid\": {\"type\": \"object\", \"additionalProperties\": "
          "false, \"properties\": {",
          stdout);
    print_axes(print_values_type);
    fputs(
        ", \"axes\": {\"$ref\": \"#/$defs/axes\"}, \"zip\": {\"$ref\": \"#/$defs/zip\"}, \"only\": "
        "{\"$ref\": \"#/$defs/condition\"}, \"exclude\": {\"$ref\": \"#/$defs/condition\"}}},\n"
        "  \"point\": {\"type\": \"object\", \"additionalProperties\": false, \"minProperties\": "
        "1, \"properties\": {",
        stdout);
    print_axes(print_one_type);
    fputs("}},\n  \"baseline\": {\"enum\": [\"standard\"", stdout);
    for (int i = CONTROL_NONE + 1; i < CONTROL_COUNT; i++)
        printf(", \"%s\"", parameter_choice_name(PARAMETER_CONTROL, i));
    fputs("]}\n }\n", stdout);
}

/* --- the top level --- */

static void print_name(const char *key)
{
    (void)key;
    printf("{\"type\": \"string\", \"pattern\": \"^[A-Za-z][A-Za-z0-9._-]{0,%d}$\"}",
           SWEEP_NAME_MAX - 1);
}

static void print_grids(const char *key)
{
    bool is_many = strcmp(key, "grids") == 0, is_points = strcmp(key, "include") == 0;
    if (!is_many && !is_points)
        fputs("{\"$ref\": \"#/$defs/grid\"}", stdout);
    else
        printf("{\"type\": \"array\", \"minItems\": %d, \"items\": {\"$ref\": \"#/$defs/%s\"}}",
               is_many, is_many ? "grid" : "point");
}

static void print_baseline(const char *key)
{
    (void)key;
    fputs("{\"anyOf\": [{\"type\": \"boolean\"}, {\"$ref\": \"#/$defs/baseline\"}, {\"type\": "
          "\"array\", \"minItems\": 1, \"items\": {\"$ref\": \"#/$defs/baseline\"}}]}",
          stdout);
}

static void print_seeds(const char *key)
{
    (void)key;
    fputs("{\"anyOf\": [{\"type\": \"integer\", \"minimum\": 1}, {\"type\": \"array\", "
          "\"minItems\": 1, \"items\": ",
          stdout);
    print_one_type(PARAMETER_SEED);
    fputs("}, {\"type\": \"object\", \"additionalProperties\": false, \"required\": "
          "[\"count\"], \"properties\": {\"count\": {\"type\": \"integer\", \"minimum\": 1}, "
          "\"independent\": {\"type\": \"boolean\"}}}]}",
          stdout);
}

/* A metric's name, of those that have a t interval. */
static void print_metric(void)
{
    const char *names[METRIC_NAME_COUNT];
    metric_names(names);
    fputs("{\"type\": \"string\", \"pattern\": \"^(logit:)?(", stdout);
    for (size_t i = 0; i < METRIC_NAME_COUNT; i++)
        if (i != METRIC_REACH)
            printf("%s%s", i > 0 ? "|" : "", names[i]);
    fputs(")(@.+)?$\"}", stdout);
}

static void print_adaptive(void)
{
    fputs("{\"type\": \"object\", \"additionalProperties\": false, \"required\": [\"metric\", "
          "\"half_width\", \"max\"], \"properties\": {\"metric\": ",
          stdout);
    print_metric();
    printf(", \"half_width\": {\"type\": \"number\", \"exclusiveMinimum\": 0}, \"max\": "
           "{\"type\": \"integer\", \"minimum\": %d, \"maximum\": %d}}}",
           STEIN_FIRST_MIN, STEIN_COUNT_MAX);
}

static void print_run(const char *key)
{
    const char *name;
    (void)key;
    fputs("{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {", stdout);
    for (size_t i = 0; (name = sweep_run_key(i)); i++) {
        printf("%s\"%s\": ", i > 0 ? ", " : "", name);
        if (strcmp(name, "adaptive_seeds") == 0)
            print_adaptive();
        else
            fputs("true", stdout);
    }
    fputs("}}", stdout);
}

static void print_top_key(const char *key)
{
    static const struct {
        const char *key;
        void (*print)(const char *key);
    } kinds[] = {
        {"name", print_name},           {"dataset", print_named_section},
        {"model", print_named_section}, {"loss", print_section},
        {"train", print_section},       {"test", print_section},
        {"grid", print_grids},          {"grids", print_grids},
        {"include", print_grids},       {"baseline", print_baseline},
        {"seeds", print_seeds},         {"run", print_run},
    };
    printf("  \"%s\": ", key);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].key, key) == 0) {
            kinds[i].print(key);
            fputs(",\n", stdout);
            return;
        }
    }
    fputs("true,\n", stdout); /* a key that is newer than this table */
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    const char *key;
    (void)arguments;
    *exit_code = 0;
    fputs("{\n \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
          " \"title\": \"a lipsweep sweep file\",\n"
          " \"type\": \"object\",\n \"additionalProperties\": false,\n"
          " \"required\": [\"name\"],\n \"properties\": {\n",
          stdout);
    for (size_t i = 0; (key = sweep_key(i)); i++)
        print_top_key(key);
    fputs("  \"base\": {\"type\": \"string\", \"minLength\": 1}\n },\n", stdout);
    print_definitions();
    fputs("}\n", stdout);
    return (fflush(stdout) == 0 && !ferror(stdout)) ||
           error_set(error, ERROR_SYSTEM, "cannot write the schema");
}

const struct command command_schema = {
    .name = "schema",
    .group = "Starting",
    .arguments = "",
    .summary = "JSON Schema of the sweep file, for editors",
    .details = "An editor with a YAML language server completes and checks a sweep file with it, "
               "when its first\nline is: # yaml-language-server: $schema=lipsweep.schema.json",
    .example = "lipsweep schema > lipsweep.schema.json",
    .options = NULL,
    .run = run,
};
