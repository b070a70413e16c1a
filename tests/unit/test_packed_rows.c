/* Rows over the wire in little: what goes in comes out, and what is damaged is found out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/packed_rows.h"
#include "coordinator/packed_rows.h"

enum { COLUMNS = 3 };

/* Every kind after every other, and twice. */
#define ROWS                                                                                       \
    "WITH v (n, a) AS (VALUES (1, 1), (2, 1), (3, 1.0), (4, 1.0), (5, -0.0), (6, 0.0), (7, NULL)," \
    " (8, NULL), (9, '1'), (10, '1'), (11, ''), (12, ''), (13, x''), (14, x''), (15, x'31'),"      \
    " (16, x'31'), (17, NULL), (18, x'00ff'), (19, -9223372036854775807 - 1),"                     \
    " (20, 9223372036854775807), (21, 'λ'), (22, 'σ'), (23, 1e308))"                             \
    " SELECT v.a, w.a, 'the same' FROM v, v AS w ORDER BY v.n, w.n"

static char path[] = "/tmp/lipsweep-packed-XXXXXX";
static struct db *db;
static struct statement *statement;
static struct packed_rows packed;
static struct rows *rows;

static int open_database(void **state)
{
    (void)state;
    struct error error;
    snprintf(path, sizeof path, "/tmp/lipsweep-packed-XXXXXX");
    int file = mkstemp(path);
    close(file);
    if (file < 0 || !db_open(&db, path, true, &error) ||
        !db_prepare(db, ROWS, &statement, &error) || !packed_rows_init(&packed, COLUMNS))
        return -1;
    rows = rows_create();
    for (int i = 0; i < COLUMNS; i++)
        rows_add_column(rows, "column");
    bool row;
    while (statement_step(statement, &row, &error) && row)
        if (!packed_rows_add(&packed, statement))
            return -1;
    return row;
}

static int close_database(void **state)
{
    (void)state;
    rows_destroy(rows);
    packed_rows_finish(&packed);
    db_close(db);
    return unlink(path);
}

static void check_value(const struct value *value, int column)
{
    size_t length;
    assert_int_equal(value->type, statement_type(statement, column));
    switch (value->type) {
    case VALUE_NULL:
        break;
    case VALUE_INTEGER:
        assert_true(value->integer == statement_integer(statement, column));
        break;
    case VALUE_REAL:
        assert_true(value->real == statement_real(statement, column));
        assert_int_equal(!signbit(value->real), !signbit(statement_real(statement, column)));
        break;
    case VALUE_TEXT:
        assert_string_equal(value->bytes, statement_text(statement, column));
        break;
    case VALUE_BLOB: {
        const void *data = statement_blob(statement, column, &length);
        assert_int_equal(value->length, length);
        if (length > 0)
            assert_memory_equal(value->bytes, data, length);
        break;
    }
    }
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    struct error error;
    bool row;
    assert_true(packed_rows_read(rows, &packed.wire));
    assert_int_equal(rows_count(rows), packed.row_count);
    for (size_t i = 0; i < packed.row_count; i++) {
        assert_true(statement_step(statement, &row, &error) && row);
        for (int column = 0; column < COLUMNS; column++)
            check_value(rows_at(rows, i, (size_t)column), column);
    }
    statement_reset(statement);
    assert_int_equal(packed.wire.lengths[0], strlen("the same")); /* and never again */
    for (size_t i = 2 * COLUMNS - 1; i < packed.wire.kinds.len; i += COLUMNS)
        assert_int_equal(packed.wire.kinds.data[i], WIRE__PACKED_ROWS__KIND__SAME);
}

static bool reads(void)
{
    rows_clear(rows);
    return packed_rows_read(rows, &packed.wire);
}

/* One value too few or too many of each kind, in turn. */
static void damage_is_found_out(void **state)
{
    (void)state;
    size_t *const counts[] = {&packed.wire.kinds.len, &packed.wire.n_integers, &packed.wire.n_reals,
                              &packed.wire.n_lengths, &packed.wire.bytes.len};
    assert_true(reads());
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        size_t count = *counts[i];
        assert_true(count > 0);
        *counts[i] = count - 1;
        assert_false(reads());
        *counts[i] = count;
    }
    packed.wire.lengths[1] = UINT64_MAX;
    assert_false(reads());
}

static void kinds_that_cannot_be(void **state)
{
    (void)state;
    uint8_t *first = &packed.wire.kinds.data[0], kind = *first;
    *first = WIRE__PACKED_ROWS__KIND__SAME; /* as what? */
    assert_false(reads());
    *first = WIRE__PACKED_ROWS__KIND__BLOB + 1;
    assert_false(reads());
    *first = kind;
    assert_true(reads());
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_database, close_database)
    const struct CMUnitTest tests[] = {
        TEST(what_goes_in_comes_out),
        TEST(damage_is_found_out),
        TEST(kinds_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
