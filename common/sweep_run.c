/* The section `run` of a sweep file. */
#include "common/sweep_reader.h"

#include "common/suggest.h"

#include <math.h>
#include <string.h>

static const char *const keep_names[SWEEP_KEEP_COUNT] = {
    [SWEEP_KEEP_ALL] = "all", [SWEEP_KEEP_BEST] = "best", [SWEEP_KEEP_NONE] = "none"};

const char *sweep_keep_text(enum sweep_keep keep)
{
    return keep_names[keep];
}

void sweep_read_whole(struct sweep_reader *reader, const char *key, const struct yaml_node *node,
                      int64_t least, int64_t most, int64_t *value)
{
    if (node->type == YAML_NUMBER && node->number >= (double)least &&
        node->number <= (double)most && floor(node->number) == node->number)
        *value = (int64_t)node->number;
    else
        diagnostics_error(reader->diagnostics, node->place,
                          "%s must be a whole number from %lld to %lld", key, (long long)least,
                          (long long)most);
}

static void read_max_attempts(struct sweep_reader *reader, const struct yaml_node *node)
{
    sweep_read_whole(reader, "max_attempts", node, 1, SWEEP_MAX_ATTEMPTS_LIMIT,
                     &reader->sweep->max_attempts);
}

static void read_priority(struct sweep_reader *reader, const struct yaml_node *node)
{
    sweep_read_whole(reader, "priority", node, -SWEEP_PRIORITY_MAX, SWEEP_PRIORITY_MAX,
                     &reader->sweep->priority);
}

static void read_max_running(struct sweep_reader *reader, const struct yaml_node *node)
{
    sweep_read_whole(reader, "max_running", node, 1, SWEEP_RUNNING_MAX,
                     &reader->sweep->max_running);
}

static void read_reuse(struct sweep_reader *reader, const struct yaml_node *node)
{
    if (node->type == YAML_BOOLEAN)
        reader->sweep->reuse = node->boolean;
    else if (node->text && strcmp(node->text, "same-build") == 0)
        diagnostics_error(reader->diagnostics, node->place,
                          "reuse: same-build is not supported by this version");
    else
        diagnostics_error(reader->diagnostics, node->place, "reuse must be true or false%s",
                          node->type == YAML_TEXT ? " (YAML 1.2 knows no other words for them)"
                                                  : "");
}

static void read_checkpoint_s(struct sweep_reader *reader, const struct yaml_node *node)
{
    if (node->type == YAML_NUMBER && node->number >= SWEEP_CHECKPOINT_LEAST_S &&
        node->number <= SWEEP_CHECKPOINT_MOST_S)
        reader->sweep->checkpoint_s = node->number;
    else
        diagnostics_error(reader->diagnostics, node->place,
                          "checkpoint_s must be a number of seconds from %g to %d",
                          SWEEP_CHECKPOINT_LEAST_S, SWEEP_CHECKPOINT_MOST_S);
}

/* One of a few words; their number in `names`, -1 with a message otherwise. */
static int read_word(struct sweep_reader *reader, const char *key, const struct yaml_node *node,
                     const char *const *names, size_t count)
{
    for (size_t i = 0; node->text && i < count; i++)
        if (strcmp(node->text, names[i]) == 0)
            return (int)i;
    suggest_report(reader->diagnostics, node->place, key,
                   node->text ? node->text : yaml_type_text(node->type), names, count);
    return -1;
}

static void read_continue(struct sweep_reader *reader, const struct yaml_node *node)
{
    static const char *const names[] = {"same", "any"};
    reader->sweep->continue_any = read_word(reader, "continue", node, names, 2) == 1;
}

static void read_keep(struct sweep_reader *reader, const struct yaml_node *node)
{
    int word = read_word(reader, "keep", node, keep_names, SWEEP_KEEP_COUNT);
    if (word >= 0)
        reader->sweep->keep = (enum sweep_keep)word;
}

static void read_keep_gib(struct sweep_reader *reader, const struct yaml_node *node)
{
    if (node->type == YAML_NUMBER && node->number > 0 && node->number <= SWEEP_KEEP_MOST_GIB)
        reader->sweep->keep_bytes = (int64_t)ceil(node->number * (1 << 30));
    else
        diagnostics_error(reader->diagnostics, node->place,
                          "keep_gib must be a number of GiB greater than 0 and at most %d",
                          SWEEP_KEEP_MOST_GIB);
}

/* {KEY: VALUE, …}: a value as it is written. */
static void read_requires(struct sweep_reader *reader, const struct yaml_node *node)
{
    struct error error;
    if (node->type != YAML_MAP || !node->first) {
        diagnostics_error(reader->diagnostics, node->place,
                          "requires must be a mapping of labels, {KEY: VALUE}, not %s",
                          node->type == YAML_MAP ? "empty" : yaml_type_text(node->type));
        return;
    }
    for (const struct yaml_node *key = node->first; key; key = key->next) {
        const char *value = key->value->text ? key->value->text : "";
        if (!labels_add(reader->sweep->requires, key->text, value, &error))
            diagnostics_error(reader->diagnostics, key->place, "%s", error.message);
    }
}

static const struct {
    const char *name;
    void (*read)(struct sweep_reader *reader, const struct yaml_node *node);
} keys[] = {
    {"max_attempts", read_max_attempts},
    {"reuse", read_reuse},
    {"checkpoint_s", read_checkpoint_s},
    {"continue", read_continue},
    {"keep", read_keep},
    {"priority", read_priority},
    {"max_running", read_max_running},
    {"keep_gib", read_keep_gib},
    {"requires", read_requires},
    {"adaptive_seeds", sweep_read_adaptive},
};
enum { KEY_COUNT = sizeof keys / sizeof *keys };

const char *sweep_run_key(size_t index)
{
    return index < KEY_COUNT ? keys[index].name : NULL;
}

static void read_key(struct sweep_reader *reader, const struct yaml_node *key)
{
    const char *names[KEY_COUNT];
    for (size_t i = 0; i < KEY_COUNT; i++) {
        names[i] = keys[i].name;
        if (strcmp(key->text, names[i]) == 0) {
            keys[i].read(reader, key->value);
            return;
        }
    }
    suggest_report(reader->diagnostics, key->place, "key", key->text, names, KEY_COUNT);
}

void sweep_read_run(struct sweep_reader *reader, const struct yaml_node *node)
{
    if (node->type != YAML_MAP) {
        diagnostics_error(reader->diagnostics, node->place, "'run' must be a mapping, not %s",
                          yaml_type_text(node->type));
        return;
    }
    for (const struct yaml_node *inner = node->first; inner; inner = inner->next)
        read_key(reader, inner);
}
