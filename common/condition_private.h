/* A condition as a tree. Private to condition*.c. */
#ifndef LIPSWEEP_COMMON_CONDITION_PRIVATE_H
#define LIPSWEEP_COMMON_CONDITION_PRIVATE_H

#include "common/condition.h"

enum condition_operation {
    OPERATION_NUMBER,
    OPERATION_TEXT,
    OPERATION_PARAMETER,
    OPERATION_OR,
    OPERATION_AND,
    OPERATION_NOT,
    OPERATION_LESS,
    OPERATION_LESS_EQUAL,
    OPERATION_GREATER,
    OPERATION_GREATER_EQUAL,
    OPERATION_EQUAL,
    OPERATION_NOT_EQUAL,
    OPERATION_ADD,
    OPERATION_SUBTRACT,
    OPERATION_MULTIPLY,
    OPERATION_DIVIDE,
    OPERATION_NEGATE,
};

enum condition_kind { KIND_NUMBER, KIND_TEXT, KIND_TRUTH };

struct condition_node {
    enum condition_operation operation;
    enum condition_kind kind;
    int left, right; /* nodes; -1: none */
    double number;
    enum parameter parameter;
    char text[JOB_NAME_MAX + 1];
};

struct condition {
    int root, count;
    struct condition_node nodes[CONDITION_NODE_MAX];
};

#endif
