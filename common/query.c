#include "common/query.h"

#include <stddef.h>
#include <string.h>

static const struct query queries[] = {
    {"sweep-find", 1,
     "SELECT id, name FROM sweep WHERE name = ?1 OR id = ?1 OR (?1 = 'last' AND id = (SELECT "
     "max(id) FROM sweep))"
     " ORDER BY id"},
};

const struct query *query_find(const char *name)
{
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        if (strcmp(queries[i].name, name) == 0)
            return &queries[i];
    return NULL;
}
