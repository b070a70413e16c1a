#include "coordinator/parameter_columns.h"

void parameter_columns_bind(struct statement *statement, int first, const struct job *job)
{
    int mark = first;
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        enum parameter parameter = (enum parameter)i;
        const struct parameter_info *info = parameter_info(parameter);
        const void *member = (const char *)job + info->offset;
        switch (info->type) {
        case PARAMETER_REAL:
            statement_bind_real(statement, mark++, *(const double *)member);
            break;
        case PARAMETER_COUNT_:
            statement_bind_integer(statement, mark++, *(const int64_t *)member);
            break;
        case PARAMETER_TEXT:
            statement_bind_literal(statement, mark++, member);
            break;
        case PARAMETER_CHOICE:
            statement_bind_literal(statement, mark++,
                                   parameter_choice_name(parameter, *(const int *)member));
            break;
        case PARAMETER_REALS:
        case PARAMETER_COUNTS:
        case PARAMETER_NAMES:
            break;
        }
    }
}
