#include "common/yaml.h"

#include "common/number.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { TAG_DIRECTIVE_MAX = 64 };

struct reader {
    yaml_parser_t parser;
    struct yaml_tree *tree;
    struct diagnostics *diagnostics;
    struct open {
        struct yaml_node *node, *last; /* list or mapping, and its newest item or key */
        bool wants_value;              /* the newest key has none yet */
    } open[YAML_DEPTH_MAX];
    int depth;
    bool document_seen;
};

static struct place place_of(yaml_mark_t mark)
{
    return (struct place){(int)mark.line + 1, (int)mark.column + 1};
}

static struct yaml_node *new_node(struct reader *reader, const yaml_event_t *event,
                                  const char *text)
{
    struct place place = place_of(event->start_mark);
    size_t length = text ? strlen(text) : 0;
    if (reader->tree->node_count >= YAML_NODE_MAX) {
        diagnostics_error(reader->diagnostics, place, "more than %d keys and values",
                          YAML_NODE_MAX);
        return NULL;
    }
    struct yaml_node *node = calloc(1, sizeof *node + length + 1);
    if (!node) {
        diagnostics_error(reader->diagnostics, place, "out of memory");
        return NULL;
    }
    node->place = place;
    if (text)
        node->text = memcpy(node + 1, text, length + 1);
    node->owned = reader->tree->owned;
    reader->tree->owned = node;
    reader->tree->node_count++;
    return node;
}

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0)
            return true;
    }
    return false;
}

#define IS_ONE_OF(text, ...)                                                                       \
    is_one_of(text, (const char *const[]){__VA_ARGS__},                                            \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* Forms that the core schema has beside decimal numbers: 0o17, 0x1f, .inf, .nan. */
static bool parse_special_number(const char *text, double *value)
{
    const char *unsigned_text = text + (*text == '-' || *text == '+');
    if (IS_ONE_OF(unsigned_text, ".inf", ".Inf", ".INF")) {
        *value = *text == '-' ? -INFINITY : INFINITY;
        return true;
    }
    if (IS_ONE_OF(text, ".nan", ".NaN", ".NAN")) {
        *value = NAN;
        return true;
    }
    bool octal = strncmp(text, "0o", 2) == 0;
    if (!octal && strncmp(text, "0x", 2) != 0)
        return false;
    const char *digits = text + 2;
    size_t count = strspn(digits, octal ? "01234567" : "0123456789abcdefABCDEF");
    if (count == 0 || digits[count] != '\0' || count > 13)
        return false;
    *value = (double)strtoull(digits, NULL, octal ? 8 : 16);
    return true;
}

static void resolve(struct yaml_node *node, bool is_plain)
{
    node->type = YAML_TEXT;
    if (!is_plain)
        return;
    if (IS_ONE_OF(node->text, "", "~", "null", "Null", "NULL")) {
        node->type = YAML_NULL;
    } else if (IS_ONE_OF(node->text, "true", "True", "TRUE", "false", "False", "FALSE")) {
        node->type = YAML_BOOLEAN;
        node->boolean = node->text[0] == 't' || node->text[0] == 'T';
    } else if (number_parse(node->text, &node->number) ||
               parse_special_number(node->text, &node->number)) {
        node->type = YAML_NUMBER;
    }
}

static bool is_second_key(const struct yaml_node *map, const char *text, struct place *first)
{
    for (const struct yaml_node *key = map->first; key; key = key->next) {
        if (strcmp(key->text, text) == 0) {
            *first = key->place;
            return true;
        }
    }
    return false;
}

static bool add_key(struct reader *reader, struct open *open, struct yaml_node *key)
{
    char quoted[QUOTE_TEXT];
    struct place first;
    if (!key->text) {
        diagnostics_error(reader->diagnostics, key->place, "a key must be a word, not %s",
                          yaml_type_text(key->type));
        return false;
    }
    if (open->node->count >= YAML_KEY_COUNT_MAX) {
        diagnostics_error(reader->diagnostics, key->place, "more than %d keys in one mapping",
                          YAML_KEY_COUNT_MAX);
        return false;
    }
    if (is_second_key(open->node, key->text, &first))
        diagnostics_error(reader->diagnostics, key->place,
                          "the key %s stands here twice (first "
                          "on line %d)",
                          quote_text(key->text, quoted), first.line);
    return true;
}

/* Puts a new value where it belongs: root, item of a list, key or value of a mapping. */
static bool place_node(struct reader *reader, struct yaml_node *node)
{
    if (reader->depth == 0) {
        reader->tree->root = node;
        return true;
    }
    struct open *open = &reader->open[reader->depth - 1];
    if (open->wants_value) {
        open->last->value = node;
        open->wants_value = false;
        return true;
    }
    if (open->node->type == YAML_MAP && !add_key(reader, open, node))
        return false;
    *(open->last ? &open->last->next : &open->node->first) = node;
    open->last = node;
    open->node->count++;
    open->wants_value = open->node->type == YAML_MAP;
    return true;
}

static bool refuse(struct reader *reader, const yaml_event_t *event, const char *message)
{
    diagnostics_error(reader->diagnostics, place_of(event->start_mark), "%s", message);
    return false;
}

static bool check_plainness(struct reader *reader, const yaml_event_t *event,
                            const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor)
        return refuse(reader, event, "anchors (&) are not supported here");
    if (tag)
        return refuse(reader, event, "tags (!) are not supported here");
    return true;
}

static bool on_scalar(struct reader *reader, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    if (!check_plainness(reader, event, event->data.scalar.anchor, event->data.scalar.tag))
        return false;
    if (event->data.scalar.length > YAML_SCALAR_MAX) {
        diagnostics_error(reader->diagnostics, place_of(event->start_mark),
                          "a value of %zu bytes; at most %d are read", event->data.scalar.length,
                          YAML_SCALAR_MAX);
        return false;
    }
    if (strlen(text) != event->data.scalar.length)
        return refuse(reader, event, "a NUL character in a value");
    struct yaml_node *node = new_node(reader, event, text);
    if (!node)
        return false;
    resolve(node, event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
    return place_node(reader, node);
}

static bool on_open(struct reader *reader, const yaml_event_t *event, enum yaml_type type)
{
    bool is_list = type == YAML_LIST;
    if (!check_plainness(reader, event,
                         is_list ? event->data.sequence_start.anchor
                                 : event->data.mapping_start.anchor,
                         is_list ? event->data.sequence_start.tag : event->data.mapping_start.tag))
        return false;
    if (reader->depth == YAML_DEPTH_MAX) {
        diagnostics_error(reader->diagnostics, place_of(event->start_mark),
                          "lists and mappings are nested deeper than %d", YAML_DEPTH_MAX);
        return false;
    }
    struct yaml_node *node = new_node(reader, event, NULL);
    if (!node)
        return false;
    node->type = type;
    if (!place_node(reader, node))
        return false;
    reader->open[reader->depth++] = (struct open){.node = node};
    return true;
}

static bool on_event(struct reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (reader->document_seen)
            return refuse(reader, event, "a second document; one file holds one");
        reader->document_seen = true;
        return true;
    case YAML_ALIAS_EVENT:
        return refuse(reader, event, "aliases (*) are not supported here");
    case YAML_SCALAR_EVENT:
        return on_scalar(reader, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(reader, event, YAML_LIST);
    case YAML_MAPPING_START_EVENT:
        return on_open(reader, event, YAML_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        assert(reader->depth > 0);
        reader->depth--;
        return true;
    default:
        return true;
    }
}

static bool is_tab_indent(const struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    return strcmp(parser->problem, "found character that cannot start any token") == 0 &&
           parser->buffer.pointer < parser->buffer.last && *parser->buffer.pointer == '\t';
}

/* libyaml's marks are those of the scanner, which runs ahead; damaged bytes are known by their
 * offset alone. */
static void report_problem(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem ? parser->problem : "unreadable";
    if (parser->error == YAML_READER_ERROR) {
        struct place place = diagnostics_place(reader->diagnostics, parser->problem_offset);
        if (parser->problem_value != -1)
            diagnostics_error(reader->diagnostics, place, "%s (0x%02x)", problem,
                              (unsigned)parser->problem_value);
        else
            diagnostics_error(reader->diagnostics, place, "%s", problem);
    } else if (parser->error == YAML_MEMORY_ERROR) {
        diagnostics_error(reader->diagnostics, (struct place){0}, "out of memory");
    } else if (parser->problem && is_tab_indent(reader)) {
        diagnostics_error(reader->diagnostics, place_of(parser->problem_mark),
                          "a tab cannot indent YAML; use spaces");
    } else if (parser->context) {
        diagnostics_error(reader->diagnostics, place_of(parser->problem_mark), "%s (%s, line %d)",
                          problem, parser->context, (int)parser->context_mark.line + 1);
    } else {
        diagnostics_error(reader->diagnostics, place_of(parser->problem_mark), "%s", problem);
    }
}

static bool read_events(struct reader *reader)
{
    for (bool ended = false; !ended;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&reader->parser, &event)) {
            report_problem(reader);
            return false;
        }
        ended = event.type == YAML_STREAM_END_EVENT;
        bool good = on_event(reader, &event);
        yaml_event_delete(&event);
        if (!good)
            return false;
    }
    return true;
}

/* libyaml compares each %TAG directive with all before it, and shows none of them to its caller. */
static bool has_many_tag_directives(const char *text, size_t length)
{
    static const char directive[] = "%TAG";
    const char *end = text + length;
    for (int count = 0; count < TAG_DIRECTIVE_MAX; count++) {
        text = memmem(text, (size_t)(end - text), directive, sizeof directive - 1);
        if (!text)
            return false;
        text += sizeof directive - 1;
    }
    return true;
}

bool yaml_parse(struct yaml_tree *tree, const char *text, size_t length,
                struct diagnostics *diagnostics)
{
    struct reader reader = {.tree = tree, .diagnostics = diagnostics};
    *tree = (struct yaml_tree){0};
    if (length > YAML_SIZE_MAX) {
        diagnostics_error(diagnostics, (struct place){0}, "%zu bytes; at most %d are read", length,
                          YAML_SIZE_MAX);
        return false;
    }
    if (has_many_tag_directives(text, length)) {
        diagnostics_error(diagnostics, (struct place){0}, "tags (%%TAG) are not supported here");
        return false;
    }
    if (!yaml_parser_initialize(&reader.parser)) {
        diagnostics_error(diagnostics, (struct place){0}, "out of memory");
        return false;
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
    bool good = read_events(&reader);
    yaml_parser_delete(&reader.parser);
    return good;
}

void yaml_finish(struct yaml_tree *tree)
{
    for (struct yaml_node *node = tree->owned, *next; node; node = next) {
        next = node->owned;
        free(node);
    }
    *tree = (struct yaml_tree){0};
}

const char *yaml_type_text(enum yaml_type type)
{
    static const char *const texts[] = {
        [YAML_NULL] = "nothing", [YAML_BOOLEAN] = "true or false", [YAML_NUMBER] = "a number",
        [YAML_TEXT] = "text",    [YAML_LIST] = "a list",           [YAML_MAP] = "a mapping",
    };
    return texts[type];
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    for (const struct yaml_node *node = map->first; node; node = node->next) {
        if (strcmp(node->text, key) == 0)
            return node->value;
    }
    return NULL;
}
