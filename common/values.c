#include "common/values.h"

#include "common/number.h"
#include "common/suggest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double count_max = 1e15; /* doubles count exactly up to here, and beyond */

/* What people write for a number, with a way out. */
static const char *hint(const struct yaml_node *node)
{
    double number;
    if (node->type != YAML_TEXT || !node->text)
        return "";
    if (number_parse(node->text, &number))
        return " (without the quotes)";
    if (strchr(node->text, ','))
        return " (a decimal point, not a comma)";
    if (strchr(node->text, '_'))
        return " (digits without underscores)";
    return "";
}

static bool wrong_type(const char *name, const struct yaml_node *node,
                       struct diagnostics *diagnostics)
{
    char quoted[QUOTE_TEXT];
    const char *found = node->text && node->type != YAML_NULL ? quote_text(node->text, quoted)
                                                              : yaml_type_text(node->type);
    diagnostics_error(diagnostics, node->place, "%s must be a number, not %s%s", name, found,
                      hint(node));
    return false;
}

bool values_number(enum parameter parameter, const struct yaml_node *node, double *number,
                   struct diagnostics *diagnostics)
{
    struct error error;
    if (node->type != YAML_NUMBER)
        return wrong_type(parameter_name(parameter), node, diagnostics);
    if (!parameter_check_number(parameter, node->number, &error)) {
        diagnostics_error(diagnostics, node->place, "%s", error.message);
        return false;
    }
    *number = node->number;
    return true;
}

struct range_nodes {
    const struct yaml_node *from, *to, *count, *step, *scale;
};

static bool find_range_nodes(const struct yaml_node *map, struct range_nodes *nodes,
                             struct diagnostics *diagnostics)
{
    static const char *const names[] = {"from", "to", "count", "step", "scale"};
    const struct yaml_node **const found[] = {&nodes->from, &nodes->to, &nodes->count, &nodes->step,
                                              &nodes->scale};
    bool good = true;
    for (const struct yaml_node *key = map->first; key; key = key->next) {
        size_t i = 0;
        while (i < 5 && strcmp(key->text, names[i]) != 0)
            i++;
        if (i < 5) {
            *found[i] = key->value;
        } else {
            suggest_report(diagnostics, key->place, "key", key->text, names, 5);
            good = false;
        }
    }
    if (!good)
        return false;
    if (!nodes->from || !nodes->to || !nodes->count == !nodes->step) {
        diagnostics_error(diagnostics, map->place,
                          "a range needs 'from', 'to' and either 'count' or 'step'");
        return false;
    }
    return true;
}

static bool read_number(const char *name, const struct yaml_node *node, double *number,
                        struct diagnostics *diagnostics)
{
    if (!node)
        return true;
    if (node->type != YAML_NUMBER)
        return wrong_type(name, node, diagnostics);
    if (!isfinite(node->number)) {
        diagnostics_error(diagnostics, node->place, "%s must be a finite number, not %s", name,
                          node->text);
        return false;
    }
    *number = node->number;
    return true;
}

static bool read_scale(struct values *values, const struct yaml_node *node,
                       struct diagnostics *diagnostics)
{
    static const char *const names[] = {"linear", "log"};
    if (!node)
        return true;
    if (node->text && strcmp(node->text, "log") == 0) {
        values->logarithmic = true;
        return true;
    }
    if (node->text && strcmp(node->text, "linear") == 0)
        return true;
    suggest_report(diagnostics, node->place, "scale", node->text ? node->text : "", names, 2);
    return false;
}

static bool range_error(struct diagnostics *diagnostics, const struct yaml_node *node,
                        const char *message)
{
    diagnostics_error(diagnostics, node->place, "%s", message);
    return false;
}

/* The number of steps that fit, the last of which may miss `to` by rounding. */
static bool count_steps(struct values *values, const struct range_nodes *nodes,
                        struct diagnostics *diagnostics)
{
    if (values->logarithmic)
        return range_error(diagnostics, nodes->step, "'step' needs a linear scale; give 'count'");
    if (values->step <= 0)
        return range_error(diagnostics, nodes->step, "step must be greater than 0");
    double steps = (values->to - values->from) / values->step;
    values->count = floor(steps + 1e-9 * (1 + steps)) + 1;
    double missed = steps - (values->count - 1);
    if (missed > 1e-9 * (1 + steps)) {
        char last[NUMBER_TEXT];
        number_format(number_round12(values->from + (values->count - 1) * values->step), last);
        diagnostics_warning(diagnostics, nodes->step->place, "this step ends at %s, not at %s",
                            last, nodes->to->text);
    }
    return true;
}

static bool check_count(struct values *values, const struct range_nodes *nodes,
                        struct diagnostics *diagnostics)
{
    if (values->count < 1 || floor(values->count) != values->count)
        return range_error(diagnostics, nodes->count,
                           "count must be a whole number greater than 0");
    if (values->count == 1 && values->from != values->to)
        return range_error(diagnostics, nodes->count,
                           "a count of 1 needs 'from' and 'to' to be equal");
    if (values->count > 1 && values->from == values->to)
        return range_error(diagnostics, nodes->count,
                           "from equals to: that is one value; leave the range out");
    return true;
}

static bool open_range(struct values *values, struct diagnostics *diagnostics)
{
    struct range_nodes nodes = {0};
    if (!find_range_nodes(values->node, &nodes, diagnostics))
        return false;
    bool good = read_number("from", nodes.from, &values->from, diagnostics);
    good = read_number("to", nodes.to, &values->to, diagnostics) && good;
    good = read_number("count", nodes.count, &values->count, diagnostics) && good;
    good = read_number("step", nodes.step, &values->step, diagnostics) && good;
    good = read_scale(values, nodes.scale, diagnostics) && good;
    if (!good)
        return false;
    if (values->to < values->from)
        return range_error(diagnostics, nodes.to, "'to' must not be less than 'from'");
    if (values->logarithmic && values->from <= 0)
        return range_error(diagnostics, nodes.from, "a log scale starts above 0");
    good = nodes.step ? count_steps(values, &nodes, diagnostics)
                      : check_count(values, &nodes, diagnostics);
    if (good && values->count > count_max)
        return range_error(diagnostics, values->node, "a range of more than 1e15 values");
    return good;
}

bool values_open(struct values *values, enum parameter parameter, const struct yaml_node *node,
                 struct diagnostics *diagnostics)
{
    *values = (struct values){.parameter = parameter, .node = node, .count = 1};
    if (node->type == YAML_MAP) {
        values->count = 0;
        return open_range(values, diagnostics);
    }
    if (node->type == YAML_LIST)
        values->count = (double)node->count;
    if (values->count == 0 || node->type == YAML_NULL) {
        diagnostics_error(diagnostics, node->place, "%s has no value", parameter_name(parameter));
        return false;
    }
    return true;
}

double values_of_range(const struct values *values, size_t index)
{
    double place = (double)index, last = values->count - 1;
    if (index == 0)
        return values->from;
    if (values->step > 0) {
        double value = number_round12(values->from + place * values->step);
        return fabs(value - values->to) <= 1e-9 * values->step ? values->to : value;
    }
    if (place == last)
        return values->to;
    if (values->logarithmic)
        return number_round12(
            exp(log(values->from) + (log(values->to) - log(values->from)) * place / last));
    return number_round12(values->from + (values->to - values->from) * place / last);
}

struct ranked {
    double number;
    size_t index;
};

static int compare_ranked(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static bool check_distinct(const struct values *values, const double *numbers, size_t count,
                           const struct place *places, struct diagnostics *diagnostics)
{
    if (count < 2)
        return true;
    struct ranked *sorted = calloc(count, sizeof *sorted);
    bool good = sorted != NULL;
    if (!sorted)
        diagnostics_error(diagnostics, values->node->place, "out of memory");
    for (size_t i = 0; good && i < count; i++)
        sorted[i] = (struct ranked){numbers[i], i};
    if (good)
        qsort(sorted, count, sizeof *sorted, compare_ranked);
    bool distinct = good;
    for (size_t i = 1; good && i < count; i++) {
        if (sorted[i].number != sorted[i - 1].number)
            continue;
        char text[NUMBER_TEXT];
        number_format(sorted[i].number, text);
        diagnostics_error(diagnostics, places[sorted[i].index], "%s has the value %s twice",
                          parameter_name(values->parameter), text);
        distinct = false;
    }
    free(sorted);
    return distinct;
}

/* A number that is wrong by itself is left out, so that the others are still compared. */
static bool fill_list(const struct values *values, double *numbers, struct place *places,
                      struct diagnostics *diagnostics)
{
    bool is_list = values->node->type == YAML_LIST;
    const struct yaml_node *node = is_list ? values->node->first : values->node;
    bool good = true;
    size_t count = 0;
    for (; node; node = is_list ? node->next : NULL) {
        if (values_number(values->parameter, node, &numbers[count], diagnostics))
            places[count++] = node->place;
        else
            good = false;
    }
    return check_distinct(values, numbers, count, places, diagnostics) && good;
}

static bool fill_range(const struct values *values, double *numbers,
                       struct diagnostics *diagnostics)
{
    struct error error;
    for (size_t i = 0; i < (size_t)values->count; i++) {
        numbers[i] = values_of_range(values, i);
        if (!parameter_check_number(values->parameter, numbers[i], &error))
            return range_error(diagnostics, values->node, error.message);
        if (i > 0 && numbers[i] <= numbers[i - 1])
            return range_error(diagnostics, values->node,
                               "values of this range are equal to 12 digits");
    }
    return true;
}

bool values_numbers(const struct values *values, double *numbers, struct place *places,
                    struct diagnostics *diagnostics)
{
    bool is_range = values->node->type == YAML_MAP;
    if (is_range) {
        for (size_t i = 0; places && i < (size_t)values->count; i++)
            places[i] = values->node->place;
        return fill_range(values, numbers, diagnostics);
    }
    struct place *all = places ? places : calloc((size_t)values->count, sizeof *all);
    bool good = all && fill_list(values, numbers, all, diagnostics);
    if (!all)
        diagnostics_error(diagnostics, values->node->place, "out of memory");
    if (!places)
        free(all);
    return good;
}
