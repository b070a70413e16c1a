#include "worker/sort.h"

/* Heapsort. */
#define DEFINE_SORT(name, type)                                                                    \
    static void name##_sink(type *heap, size_t at, size_t count)                                   \
    {                                                                                              \
        type value = heap[at];                                                                     \
        for (size_t child; (child = 2 * at + 1) < count; at = child) {                             \
            child += child + 1 < count && heap[child + 1] > heap[child];                           \
            if (heap[child] <= value) {                                                            \
                break;                                                                             \
            }                                                                                      \
            heap[at] = heap[child];                                                                \
        }                                                                                          \
        heap[at] = value;                                                                          \
    }                                                                                              \
    void name(type *values, size_t count)                                                          \
    {                                                                                              \
        for (size_t i = count / 2; i-- > 0;) {                                                     \
            name##_sink(values, i, count);                                                         \
        }                                                                                          \
        for (size_t end = count; end-- > 1;) {                                                     \
            type largest = values[0];                                                              \
            values[0] = values[end];                                                               \
            values[end] = largest;                                                                 \
            name##_sink(values, 0, end);                                                           \
        }                                                                                          \
    }

DEFINE_SORT(sort_words, uint64_t)
DEFINE_SORT(sort_numbers, double)
