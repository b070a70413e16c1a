#include "common/condition_private.h"

#include "common/number.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void condition_destroy(struct condition *condition)
{
    free(condition);
}

/* NAN where it has no meaning. */
static double number_of(const struct job *job, enum parameter parameter, bool is_baseline)
{
    const struct parameter_info *info = parameter_info(parameter);
    const char *member = (const char *)job + info->offset;
    if (is_baseline && (parameter == PARAMETER_LAMBDA || parameter == PARAMETER_K))
        return NAN;
    if (info->type == PARAMETER_REAL)
        return *(const double *)member;
    int64_t count = *(const int64_t *)member;
    bool is_absent =
        count == 0 && (parameter == PARAMETER_EPOCHS || parameter == PARAMETER_STEPS ||
                       parameter == PARAMETER_TRAIN_COUNT || parameter == PARAMETER_RESIZE ||
                       parameter == PARAMETER_CLASSES);
    return is_absent ? NAN : (double)count;
}

/* Constant expressions overflow; nothing here needs to be told apart from unknown then. */
static double number_value(const struct condition *condition, int index, const struct job *job,
                           bool is_baseline)
{
    const struct condition_node *node = &condition->nodes[index];
    double a = node->left >= 0 ? number_value(condition, node->left, job, is_baseline) : 0;
    double b = node->right >= 0 ? number_value(condition, node->right, job, is_baseline) : 0;
    switch (node->operation) {
    case OPERATION_NUMBER:
        return node->number;
    case OPERATION_PARAMETER:
        return number_of(job, node->parameter, is_baseline);
    case OPERATION_ADD:
        return a + b;
    case OPERATION_SUBTRACT:
        return a - b;
    case OPERATION_MULTIPLY:
        return a * b;
    case OPERATION_DIVIDE:
        return a / b;
    default:
        assert(node->operation == OPERATION_NEGATE);
        return -a;
    }
}

/* NULL where it has no meaning. */
static const char *text_value(const struct condition_node *node, const struct job *job,
                              bool is_baseline)
{
    if (node->operation == OPERATION_TEXT)
        return node->text;
    const struct parameter_info *info = parameter_info(node->parameter);
    const void *member = (const char *)job + info->offset;
    if (is_baseline && node->parameter == PARAMETER_CONTROL)
        return NULL;
    return info->type == PARAMETER_TEXT
               ? member
               : parameter_choice_name(node->parameter, *(const int *)member);
}

static enum truth truth_of(bool is_true)
{
    return is_true ? TRUTH_TRUE : TRUTH_FALSE;
}

/* Values of axes have 12 digits, so sums of them are compared with as many. */
static enum truth compare_numbers(enum condition_operation operation, double a, double b)
{
    if (isnan(a) || isnan(b))
        return TRUTH_UNKNOWN;
    a = isfinite(a) ? number_round12(a) : a;
    b = isfinite(b) ? number_round12(b) : b;
    switch (operation) {
    case OPERATION_LESS:
        return truth_of(a < b);
    case OPERATION_LESS_EQUAL:
        return truth_of(a <= b);
    case OPERATION_GREATER:
        return truth_of(a > b);
    case OPERATION_GREATER_EQUAL:
        return truth_of(a >= b);
    case OPERATION_EQUAL:
        return truth_of(a == b);
    default:
        return truth_of(a != b);
    }
}

static enum truth compare(const struct condition *condition, const struct condition_node *node,
                          const struct job *job, bool is_baseline)
{
    const struct condition_node *left = &condition->nodes[node->left];
    const struct condition_node *right = &condition->nodes[node->right];
    if (left->kind == KIND_NUMBER)
        return compare_numbers(node->operation,
                               number_value(condition, node->left, job, is_baseline),
                               number_value(condition, node->right, job, is_baseline));
    const char *a = text_value(left, job, is_baseline), *b = text_value(right, job, is_baseline);
    if (!a || !b)
        return TRUTH_UNKNOWN;
    return truth_of((strcmp(a, b) == 0) == (node->operation == OPERATION_EQUAL));
}

static enum truth value(const struct condition *condition, int index, const struct job *job,
                        bool is_baseline)
{
    const struct condition_node *node = &condition->nodes[index];
    bool is_and = node->operation == OPERATION_AND;
    if (node->operation == OPERATION_NOT) {
        enum truth inner = value(condition, node->left, job, is_baseline);
        return inner == TRUTH_UNKNOWN ? TRUTH_UNKNOWN : truth_of(inner == TRUTH_FALSE);
    }
    if (!is_and && node->operation != OPERATION_OR)
        return compare(condition, node, job, is_baseline);
    enum truth decides = is_and ? TRUTH_FALSE : TRUTH_TRUE;
    enum truth left = value(condition, node->left, job, is_baseline);
    enum truth right = value(condition, node->right, job, is_baseline);
    if (left == decides || right == decides)
        return decides;
    return left == TRUTH_UNKNOWN ? left : right;
}

enum truth condition_test(const struct condition *condition, const struct job *job,
                          bool is_baseline)
{
    return value(condition, condition->root, job, is_baseline);
}
