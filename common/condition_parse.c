/* The text of a condition, by recursive descent. */
#include "common/condition_private.h"

#include "common/number.h"
#include "common/suggest.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    struct condition *condition;
    const char *text, *at;
    struct place place;
    struct diagnostics *diagnostics;
    int depth;
    bool failed; /* and reported */
};

static int fail(struct parser *parser, const char *format, ...) PRINTF_LIKE(2, 3);

/* One complaint a condition is enough. */
static int fail(struct parser *parser, const char *format, ...)
{
    char message[400], quoted[QUOTE_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (!parser->failed)
        diagnostics_error(parser->diagnostics, parser->place, "condition %s: %s",
                          quote_text(parser->text, quoted), message);
    parser->failed = true;
    return -1;
}

/* --- words --- */

static void skip_space(struct parser *parser)
{
    while (*parser->at == ' ' || *parser->at == '\n' || *parser->at == '\t')
        parser->at++;
}

static bool is_word(char letter)
{
    return isalnum((unsigned char)letter) || letter == '_' || letter == '.';
}

static bool take(struct parser *parser, const char *token)
{
    size_t length = strlen(token);
    skip_space(parser);
    if (strncmp(parser->at, token, length) != 0 ||
        (isalpha((unsigned char)token[0]) && is_word(parser->at[length])))
        return false;
    parser->at += length;
    return true;
}

static int add(struct parser *parser, enum condition_operation operation, enum condition_kind kind,
               int left, int right)
{
    struct condition *condition = parser->condition;
    if (parser->failed)
        return -1;
    if (condition->count == CONDITION_NODE_MAX)
        return fail(parser, "more than %d operators and values", CONDITION_NODE_MAX);
    condition->nodes[condition->count] =
        (struct condition_node){.operation = operation, .kind = kind, .left = left, .right = right};
    return condition->count++;
}

static struct condition_node *node_at(struct parser *parser, int index)
{
    return &parser->condition->nodes[index];
}

/* --- values --- */

static int parse_or(struct parser *parser);

static int parse_number(struct parser *parser)
{
    char text[NUMBER_TEXT + 16];
    size_t length = strspn(parser->at, "0123456789.");
    const char *exponent = parser->at + length;
    if (*exponent == 'e' || *exponent == 'E') {
        size_t sign = exponent[1] == '-' || exponent[1] == '+';
        length += 1 + sign + strspn(exponent + 1 + sign, "0123456789");
    }
    double number;
    if (length >= sizeof text)
        return fail(parser, "a number of %zu digits", length);
    memcpy(text, parser->at, length);
    text[length] = '\0';
    if (!number_parse(text, &number) || is_word(parser->at[length]))
        return fail(parser, "'%s%.1s' is no number", text, parser->at + length);
    parser->at += length;
    int index = add(parser, OPERATION_NUMBER, KIND_NUMBER, -1, -1);
    if (index >= 0)
        node_at(parser, index)->number = number;
    return index;
}

static int add_text(struct parser *parser, const char *text, size_t length)
{
    if (length > JOB_NAME_MAX)
        return fail(parser, "a text of more than %d bytes", JOB_NAME_MAX);
    int index = add(parser, OPERATION_TEXT, KIND_TEXT, -1, -1);
    if (index >= 0)
        memcpy(node_at(parser, index)->text, text, length);
    return index;
}

static int parse_text(struct parser *parser)
{
    char quote = *parser->at++;
    const char *end = strchr(parser->at, quote);
    if (!end)
        return fail(parser, "a text without its closing quote");
    const char *start = parser->at;
    parser->at = end + 1;
    return add_text(parser, start, (size_t)(end - start));
}

static int unknown_name(struct parser *parser, const char *name)
{
    const char *names[PARAMETER_COUNT];
    size_t count = 0;
    for (int i = 0; i < PARAMETER_COUNT; i++)
        names[count++] = parameter_name((enum parameter)i);
    const char *nearest = suggest_name(name, names, count);
    if (nearest)
        return fail(parser, "unknown parameter '%s' (did you mean '%s'?)", name, nearest);
    return fail(parser, "unknown parameter '%s' (a text is written in quotes)", name);
}

static int add_parameter(struct parser *parser, enum parameter parameter)
{
    enum parameter_type type = parameter_info(parameter)->type;
    bool is_number = type == PARAMETER_REAL || type == PARAMETER_COUNT_;
    bool is_text =
        type == PARAMETER_CHOICE || parameter == PARAMETER_DATASET || parameter == PARAMETER_MODEL;
    if (parameter == PARAMETER_SEED)
        return fail(parser, "every point has every seed, so conditions cannot be about it");
    if (!is_number && !is_text)
        return fail(parser, "%s is no number and no name of a choice", parameter_name(parameter));
    int index = add(parser, OPERATION_PARAMETER, is_number ? KIND_NUMBER : KIND_TEXT, -1, -1);
    if (index >= 0)
        node_at(parser, index)->parameter = parameter;
    return index;
}

static int parse_name(struct parser *parser)
{
    char name[64];
    size_t length = 0;
    while (is_word(parser->at[length]))
        length++;
    if (length >= sizeof name)
        return fail(parser, "a name of %zu letters", length);
    memcpy(name, parser->at, length);
    name[length] = '\0';
    parser->at += length;
    if (strcmp(name, "true") == 0 || strcmp(name, "false") == 0)
        return add_text(parser, name, length);
    enum parameter parameter = parameter_find(name);
    return parameter == PARAMETER_COUNT ? unknown_name(parser, name)
                                        : add_parameter(parser, parameter);
}

static int parse_value(struct parser *parser)
{
    if (take(parser, "(")) {
        int inner = parse_or(parser);
        if (inner >= 0 && !take(parser, ")"))
            return fail(parser, "')' is missing");
        return inner;
    }
    skip_space(parser);
    if (*parser->at == '\'' || *parser->at == '"')
        return parse_text(parser);
    if (isdigit((unsigned char)*parser->at) || *parser->at == '.')
        return parse_number(parser);
    if (is_word(*parser->at))
        return parse_name(parser);
    if (*parser->at == '\0')
        return fail(parser, "something is missing at the end");
    return fail(parser, "'%.1s' cannot stand here", parser->at);
}

/* --- operators --- */

static bool need(struct parser *parser, int index, enum condition_kind kind, const char *operator)
{
    static const char *const names[] = {"numbers", "texts", "what is true or false"};
    if (index < 0)
        return false;
    if (node_at(parser, index)->kind == kind)
        return true;
    fail(parser, "'%s' takes %s", operator, names[kind]);
    return false;
}

static bool enter(struct parser *parser)
{
    if (++parser->depth <= CONDITION_DEPTH_MAX)
        return true;
    fail(parser, "nested deeper than %d", CONDITION_DEPTH_MAX);
    return false;
}

static int parse_unary(struct parser *parser)
{
    int index = -1;
    if (!enter(parser))
        return -1;
    if (take(parser, "-")) {
        int inner = parse_unary(parser);
        if (need(parser, inner, KIND_NUMBER, "-"))
            index = add(parser, OPERATION_NEGATE, KIND_NUMBER, inner, -1);
    } else {
        index = parse_value(parser);
    }
    parser->depth--;
    return index;
}

struct operator
{
    const char *token;
    enum condition_operation operation;
};

/* A chain of operators of one rank, from the left. */
static int parse_chain(struct parser *parser, int (*inner)(struct parser *parser),
                       const struct operator* operators, size_t count, enum condition_kind kind)
{
    int left = inner(parser);
    while (left >= 0) {
        size_t i = 0;
        while (i < count && !take(parser, operators[i].token))
            i++;
        if (i == count)
            return left;
        if (!need(parser, left, kind, operators[i].token))
            return -1;
        int right = inner(parser);
        if (!need(parser, right, kind, operators[i].token))
            return -1;
        left = add(parser, operators[i].operation, kind, left, right);
    }
    return left;
}

static int parse_product(struct parser *parser)
{
    static const struct operator operators[] = {{"*", OPERATION_MULTIPLY}, {"/", OPERATION_DIVIDE}};
    return parse_chain(parser, parse_unary, operators, 2, KIND_NUMBER);
}

static int parse_sum(struct parser *parser)
{
    static const struct operator operators[] = {{"+", OPERATION_ADD}, {"-", OPERATION_SUBTRACT}};
    return parse_chain(parser, parse_product, operators, 2, KIND_NUMBER);
}

/* A name that a parameter never has is a slip of the pen. */
static bool check_choice(struct parser *parser, const struct condition_node *name,
                         const struct condition_node *text)
{
    const char *names[32];
    bool is_choice = name->operation == OPERATION_PARAMETER && text->operation == OPERATION_TEXT &&
                     parameter_info(name->parameter)->type == PARAMETER_CHOICE;
    if (!is_choice || parameter_choice_find(name->parameter, text->text) >= 0)
        return true;
    int count = parameter_choice_count(name->parameter);
    for (int i = 0; i < count; i++)
        names[i] = parameter_choice_name(name->parameter, i);
    const char *nearest = suggest_name(text->text, names, (size_t)count);
    fail(parser, "%s is never '%s'%s%s%s", parameter_name(name->parameter), text->text,
         nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
    return false;
}

static int parse_comparison(struct parser *parser)
{
    static const struct operator operators[] = {
        {"<=", OPERATION_LESS_EQUAL}, {">=", OPERATION_GREATER_EQUAL}, {"==", OPERATION_EQUAL},
        {"!=", OPERATION_NOT_EQUAL},  {"<", OPERATION_LESS},           {">", OPERATION_GREATER}};
    int left = parse_sum(parser);
    size_t i = 0, count = sizeof operators / sizeof *operators;
    while (left >= 0 && i < count && !take(parser, operators[i].token))
        i++;
    if (left < 0 || i == count) {
        skip_space(parser);
        return left >= 0 && *parser->at == '=' ? fail(parser, "equality is '=='") : left;
    }
    int right = parse_sum(parser);
    if (right < 0)
        return -1;
    const struct condition_node *a = node_at(parser, left), *b = node_at(parser, right);
    bool is_order =
        operators[i].operation != OPERATION_EQUAL && operators[i].operation != OPERATION_NOT_EQUAL;
    if (a->kind == KIND_TRUTH || b->kind == KIND_TRUTH)
        return fail(parser, "'%s' compares numbers or texts; comparisons are joined by 'and'",
                    operators[i].token);
    if (a->kind != b->kind)
        return fail(parser, "'%s' between a number and a text", operators[i].token);
    if (is_order && a->kind == KIND_TEXT)
        return fail(parser, "'%s' takes numbers", operators[i].token);
    if (!check_choice(parser, a, b) || !check_choice(parser, b, a))
        return -1;
    return add(parser, operators[i].operation, KIND_TRUTH, left, right);
}

static int parse_not(struct parser *parser)
{
    int index = -1;
    if (!enter(parser))
        return -1;
    if (take(parser, "not")) {
        int inner = parse_not(parser);
        if (need(parser, inner, KIND_TRUTH, "not"))
            index = add(parser, OPERATION_NOT, KIND_TRUTH, inner, -1);
    } else {
        index = parse_comparison(parser);
    }
    parser->depth--;
    return index;
}

static int parse_and(struct parser *parser)
{
    static const struct operator operators[] = {{"and", OPERATION_AND}};
    return parse_chain(parser, parse_not, operators, 1, KIND_TRUTH);
}

static int parse_or(struct parser *parser)
{
    static const struct operator operators[] = {{"or", OPERATION_OR}};
    return parse_chain(parser, parse_and, operators, 1, KIND_TRUTH);
}

static bool parse_all(struct parser *parser)
{
    if (strlen(parser->text) > CONDITION_TEXT_MAX)
        return fail(parser, "longer than %d bytes", CONDITION_TEXT_MAX) >= 0;
    int root = parse_or(parser);
    skip_space(parser);
    if (root >= 0 && *parser->at != '\0')
        root = fail(parser, "'%.12s' is left over", parser->at);
    if (root >= 0 && node_at(parser, root)->kind != KIND_TRUTH)
        root = fail(parser, "it compares nothing");
    parser->condition->root = root;
    return root >= 0;
}

struct condition *condition_create(const char *text, struct place place,
                                   struct diagnostics *diagnostics)
{
    struct condition *condition = calloc(1, sizeof *condition);
    struct parser parser = {.condition = condition,
                            .text = text,
                            .at = text,
                            .place = place,
                            .diagnostics = diagnostics};
    if (!condition) {
        diagnostics_error(diagnostics, place, "out of memory");
        return NULL;
    }
    if (parse_all(&parser))
        return condition;
    free(condition);
    return NULL;
}
