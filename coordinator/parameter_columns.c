#include "coordinator/parameter_columns.h"

static bool has_column(const struct parameter_info *info)
{
    return info->type != PARAMETER_REALS && info->type != PARAMETER_COUNTS &&
           info->type != PARAMETER_NAMES;
}

static void bind(struct statement *statement, int mark, const struct job *job,
                 enum parameter parameter)
{
    const struct parameter_info *info = parameter_info(parameter);
    const void *member = (const char *)job + info->offset;
    if (info->type == PARAMETER_REAL)
        statement_bind_real(statement, mark, *(const double *)member);
    else if (info->type == PARAMETER_COUNT_)
        statement_bind_integer(statement, mark, *(const int64_t *)member);
    else if (info->type == PARAMETER_TEXT)
        statement_bind_text(statement, mark, member);
    else
        statement_bind_literal(statement, mark,
                               parameter_choice_name(parameter, *(const int *)member));
}

void parameter_columns_bind(struct statement *statement, int first, const struct job *job,
                            uint64_t parameters)
{
    int mark = first;
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        enum parameter parameter = (enum parameter)i;
        if (!has_column(parameter_info(parameter)))
            continue;
        if (parameters & UINT64_C(1) << i)
            bind(statement, mark, job, parameter);
        mark++;
    }
}
