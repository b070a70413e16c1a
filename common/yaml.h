/* A YAML text as a small tree in which every key and value knows its line and column.
 *
 * Stricter than YAML where YAML surprises: one document, no anchors, aliases and tags, no key
 * twice, keys are scalars, and nothing nests or grows without a bound. Plain scalars mean what the
 * 1.2 core schema says (1e-5 is a number, `yes` is text). */
#ifndef LIPSWEEP_COMMON_YAML_H
#define LIPSWEEP_COMMON_YAML_H

#include "common/diagnostics.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    YAML_SIZE_MAX = 1 << 20,   /* bytes of a file */
    YAML_DEPTH_MAX = 32,       /* lists and mappings in each other */
    YAML_NODE_MAX = 200000,    /* keys and values */
    YAML_SCALAR_MAX = 4096,    /* bytes of a scalar */
    YAML_KEY_COUNT_MAX = 1000, /* keys of one mapping */
};

enum yaml_type { YAML_NULL, YAML_BOOLEAN, YAML_NUMBER, YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_type type;
    struct place place;
    bool boolean;
    double number;
    const char *text;        /* a scalar as it was written, without quotes */
    size_t count;            /* of a list or a mapping */
    struct yaml_node *first; /* item of a list, key of a mapping */
    struct yaml_node *next;  /* item or key after this one */
    struct yaml_node *value; /* of a key */
    struct yaml_node *owned; /* the tree's list of all nodes */
};

struct yaml_tree {
    struct yaml_node *root; /* NULL for an empty text */
    struct yaml_node *owned;
    size_t node_count;
};

/* Parses `length` bytes; what is wrong goes to `diagnostics` (whose text this is). False when there
 * is no whole tree; keys that stand twice are reported and the tree goes on. The tree is the
 * caller's to finish either way. */
WARN_UNUSED bool yaml_parse(struct yaml_tree *tree, const char *text, size_t length,
                            struct diagnostics *diagnostics);
void yaml_finish(struct yaml_tree *tree);

/* "a list", "a number" …, for messages. */
const char *yaml_type_text(enum yaml_type type);

/* The value of `key` in a mapping, NULL when it is not there. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

#endif
