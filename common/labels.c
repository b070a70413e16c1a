#include "common/labels.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool is_good(const char *text, bool digit_first)
{
    unsigned char first = (unsigned char)text[0];
    if (!isalpha(first) && !(digit_first && isdigit(first)))
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("._-", *text))
            return false;
    return true;
}

bool labels_next(const char **cursor, char label[LABEL_MAX])
{
    const char *end = strchr(*cursor, '\n');
    if (!end)
        return false;
    snprintf(label, LABEL_MAX, "%.*s", (int)(end - *cursor), *cursor);
    *cursor = end + 1;
    return true;
}

bool labels_have(const char *labels, const char *label)
{
    char other[LABEL_MAX];
    while (labels_next(&labels, other))
        if (strcmp(other, label) == 0)
            return true;
    return false;
}

bool labels_meet(const char *labels, const char *wanted)
{
    char label[LABEL_MAX];
    while (labels_next(&wanted, label))
        if (!labels_have(labels, label))
            return false;
    return true;
}

static bool check(const char *labels, const char *key, const char *value, struct error *error)
{
    char label[LABEL_MAX];
    size_t count = 0, length = strlen(key);
    if (!is_good(key, false) || !is_good(value, true) || length + strlen(value) + 2 > LABEL_MAX)
        return error_set(error, ERROR_INVALID,
                         "a label is KEY=VALUE of letters, digits, '.', '_' and '-', at most %d "
                         "bytes, and its key begins with a letter",
                         LABEL_MAX - 1);
    for (; labels_next(&labels, label); count++)
        if (strncmp(label, key, length) == 0 && label[length] == '=')
            return error_set(error, ERROR_INVALID, "the label %s is there twice", key);
    return count < LABEL_COUNT_MAX ||
           error_set(error, ERROR_INVALID, "more than %d labels", LABEL_COUNT_MAX);
}

/* Copies them with the new one at its place. */
static void insert(char labels[LABELS_MAX], const char *label)
{
    char before[LABELS_MAX], other[LABEL_MAX];
    const char *cursor = before;
    size_t used = 0;
    bool is_in = false;
    snprintf(before, sizeof before, "%s", labels);
    while (labels_next(&cursor, other)) {
        if (!is_in && strcmp(label, other) < 0) {
            used += (size_t)snprintf(labels + used, LABELS_MAX - used, "%s\n", label);
            is_in = true;
        }
        used += (size_t)snprintf(labels + used, LABELS_MAX - used, "%s\n", other);
    }
    if (!is_in)
        snprintf(labels + used, LABELS_MAX - used, "%s\n", label);
}

bool labels_add(char labels[LABELS_MAX], const char *key, const char *value, struct error *error)
{
    char label[LABEL_MAX];
    if (!check(labels, key, value, error))
        return false;
    snprintf(label, sizeof label, "%s=%s", key, value);
    insert(labels, label);
    return true;
}

bool labels_add_pair(char labels[LABELS_MAX], const char *pair, struct error *error)
{
    char key[LABEL_MAX];
    const char *sign = strchr(pair, '=');
    int length = sign ? (int)(sign - pair) : 0;
    snprintf(key, sizeof key, "%.*s", length < LABEL_MAX ? length : 0, pair);
    return labels_add(labels, key, sign ? sign + 1 : "", error);
}
