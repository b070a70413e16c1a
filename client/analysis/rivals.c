#include "client/analysis/rivals.h"

#include <string.h>

#include "client/analysis/point_index.h"
#include "client/memory.h"

size_t *rivals_find(const struct point *points, size_t count, const char *control)
{
    uint64_t loss = UINT64_C(1) << POINT_lambda | UINT64_C(1) << POINT_k |
                    UINT64_C(1) << POINT_sigma | UINT64_C(1) << POINT_control;
    if (strcmp(control, "none") != 0)
        loss &= ~(UINT64_C(1) << POINT_sigma);
    struct point_index index;
    point_index_init(&index, POINT_INDEX_ALL & ~loss);
    for (size_t i = 0; i < count; i++)
        if (point_real(&points[i], POINT_lambda) == 0 &&
            strcmp(points[i].parameters[POINT_control]->bytes, control) == 0)
            point_index_add(&index, points, &points[i], i);
    size_t *rivals = memory_allocate(count, sizeof *rivals);
    for (size_t i = 0; i < count; i++) {
        size_t rival = point_index_find(&index, points, &points[i]);
        rivals[i] = rival == i ? SIZE_MAX : rival;
    }
    point_index_finish(&index);
    return rivals;
}
