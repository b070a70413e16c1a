#include "client/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *memory)
{
    if (!memory) {
        fputs("lipsweep: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return memory;
}

void *memory_allocate(size_t count, size_t size)
{
    return check(calloc(count > 0 ? count : 1, size));
}

void *memory_grow(void *items, size_t count, size_t *size, size_t item_bytes)
{
    if (count < *size)
        return items;
    *size = *size > 0 ? 2 * *size : 16;
    return check(reallocarray(items, *size, item_bytes));
}

char *memory_text(const char *text)
{
    return check(strdup(text));
}

char *memory_bytes(const void *data, size_t length)
{
    char *copy = memory_allocate(length + 1, 1);
    if (length > 0)
        memcpy(copy, data, length);
    return copy;
}

char *memory_format(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    return check(text);
}
