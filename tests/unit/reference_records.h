/* Numbers of an independent implementation, as tests/reference/ wrote them: records of a 32-byte
 * name, a uint64 count, and so many float64 numbers. The includer defines REFERENCE_FILE. */
#ifndef LIPSWEEP_TESTS_REFERENCE_RECORDS_H
#define LIPSWEEP_TESTS_REFERENCE_RECORDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct record {
    size_t count;
    double *values;
};

/* The record of that name; its values are the caller's. */
static inline struct record record_read(const char *case_name, const char *part)
{
    char wanted[32], name[32];
    uint64_t count;
    snprintf(wanted, sizeof wanted, "%s/%s", case_name, part);
    FILE *file = fopen(REFERENCE_FILE, "rb");
    assert_non_null(file);
    while (fread(name, sizeof name, 1, file) == 1 && fread(&count, sizeof count, 1, file) == 1) {
        if (strncmp(name, wanted, sizeof name) == 0) {
            double *values = malloc(count * sizeof *values);
            assert_non_null(values);
            assert_int_equal(fread(values, sizeof *values, count, file), count);
            fclose(file);
            return (struct record){count, values};
        }
        fseek(file, (long)(count * sizeof(double)), SEEK_CUR);
    }
    fclose(file);
    print_error("%s has no record %s\n", REFERENCE_FILE, wanted);
    abort();
}

static inline double number_read(const char *case_name, const char *part)
{
    struct record record = record_read(case_name, part);
    assert_int_equal(record.count, 1);
    double number = record.values[0];
    free(record.values);
    return number;
}

#endif
