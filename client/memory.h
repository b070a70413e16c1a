/* Allocation for a command line that has nothing to save: without memory the program says so and
 * ends with exit code 1. */
#ifndef LIPSWEEP_CLIENT_MEMORY_H
#define LIPSWEEP_CLIENT_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

/* Zeroed. */
void *memory_allocate(size_t count, size_t size);

/* Room for one more of `*size` items of `item_bytes`, doubling. */
void *memory_grow(void *items, size_t count, size_t *size, size_t item_bytes);

char *memory_text(const char *text);
char *memory_bytes(const void *data, size_t length); /* with a NUL after them */
char *memory_format(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

#endif
