#include "coordinator/packed_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 256 };

struct packed_value {
    Wire__PackedRows__Kind kind; /* SAME: there is none yet */
    int64_t integer;
    double real;
    size_t at, length; /* in `bytes` */
};

bool packed_rows_init(struct packed_rows *packed, size_t column_count)
{
    *packed = (struct packed_rows){.column_count = column_count};
    wire__packed_rows__init(&packed->wire);
    packed->before = calloc(column_count > 0 ? column_count : 1, sizeof *packed->before);
    return packed->before != NULL;
}

void packed_rows_finish(struct packed_rows *packed)
{
    free(packed->wire.kinds.data);
    free(packed->wire.integers);
    free(packed->wire.reals);
    free(packed->wire.lengths);
    free(packed->wire.bytes.data);
    free(packed->before);
}

/* `items` with room for `more` behind `count`; NULL: out of memory, and they stay as they are. */
static void *make_room(void *items, size_t count, size_t more, size_t *room, size_t item_bytes)
{
    if (items && *room - count >= more)
        return items;
    size_t wanted = *room > 0 ? *room : ROOM_FIRST;
    while (wanted - count < more)
        wanted *= 2;
    void *grown = reallocarray(items, wanted, item_bytes);
    if (grown)
        *room = wanted;
    return grown;
}

#define MAKE_ROOM(items, count, more, room)                                                        \
    do {                                                                                           \
        void *grown = make_room(items, count, more, room, sizeof *(items));                        \
        if (!grown)                                                                                \
            return false;                                                                          \
        (items) = grown;                                                                           \
    } while (0)

static bool add_integer(struct packed_rows *packed, int64_t integer)
{
    MAKE_ROOM(packed->wire.integers, packed->wire.n_integers, 1, &packed->integer_room);
    packed->wire.integers[packed->wire.n_integers++] = integer;
    return true;
}

static bool add_real(struct packed_rows *packed, double real)
{
    MAKE_ROOM(packed->wire.reals, packed->wire.n_reals, 1, &packed->real_room);
    packed->wire.reals[packed->wire.n_reals++] = real;
    return true;
}

static bool add_bytes(struct packed_rows *packed, const void *data, size_t length)
{
    ProtobufCBinaryData *bytes = &packed->wire.bytes;
    MAKE_ROOM(packed->wire.lengths, packed->wire.n_lengths, 1, &packed->length_room);
    MAKE_ROOM(bytes->data, bytes->len, length, &packed->byte_room);
    packed->wire.lengths[packed->wire.n_lengths++] = length;
    if (length > 0)
        memcpy(bytes->data + bytes->len, data, length);
    bytes->len += length;
    return true;
}

static bool pack_integer(struct packed_rows *packed, int64_t integer, struct packed_value *before,
                         Wire__PackedRows__Kind *kind)
{
    *kind = WIRE__PACKED_ROWS__KIND__SAME;
    if (before->kind == WIRE__PACKED_ROWS__KIND__INTEGER && before->integer == integer)
        return true;
    *kind = WIRE__PACKED_ROWS__KIND__INTEGER;
    *before = (struct packed_value){.kind = *kind, .integer = integer};
    return add_integer(packed, integer);
}

/* The same to the bit: 0 and -0 are told apart. */
static bool pack_real(struct packed_rows *packed, double real, struct packed_value *before,
                      Wire__PackedRows__Kind *kind)
{
    *kind = WIRE__PACKED_ROWS__KIND__SAME;
    if (before->kind == WIRE__PACKED_ROWS__KIND__REAL && before->real == real &&
        !signbit(before->real) == !signbit(real))
        return true;
    *kind = WIRE__PACKED_ROWS__KIND__REAL;
    *before = (struct packed_value){.kind = *kind, .real = real};
    return add_real(packed, real);
}

static bool pack_null(struct packed_value *before, Wire__PackedRows__Kind *kind)
{
    bool same = before->kind == WIRE__PACKED_ROWS__KIND__EMPTY;
    *kind = same ? WIRE__PACKED_ROWS__KIND__SAME : WIRE__PACKED_ROWS__KIND__EMPTY;
    before->kind = WIRE__PACKED_ROWS__KIND__EMPTY;
    return true;
}

static bool pack_bytes(struct packed_rows *packed, struct statement *statement, int column,
                       struct packed_value *before, Wire__PackedRows__Kind *kind)
{
    size_t length;
    const void *data = statement_blob(statement, column, &length);
    Wire__PackedRows__Kind own = statement_type(statement, column) == VALUE_TEXT
                                     ? WIRE__PACKED_ROWS__KIND__TEXT
                                     : WIRE__PACKED_ROWS__KIND__BLOB;
    *kind = WIRE__PACKED_ROWS__KIND__SAME;
    if (before->kind == own && before->length == length &&
        (length == 0 || memcmp(packed->wire.bytes.data + before->at, data, length) == 0))
        return true;
    *kind = own;
    *before = (struct packed_value){.kind = own, .at = packed->wire.bytes.len, .length = length};
    return add_bytes(packed, data, length);
}

static bool pack_value(struct packed_rows *packed, struct statement *statement, int column,
                       Wire__PackedRows__Kind *kind)
{
    struct packed_value *before = &packed->before[column];
    switch (statement_type(statement, column)) {
    case VALUE_INTEGER:
        return pack_integer(packed, statement_integer(statement, column), before, kind);
    case VALUE_REAL:
        return pack_real(packed, statement_real(statement, column), before, kind);
    case VALUE_TEXT:
    case VALUE_BLOB:
        return pack_bytes(packed, statement, column, before, kind);
    case VALUE_NULL:
        break;
    }
    return pack_null(before, kind);
}

bool packed_rows_add(struct packed_rows *packed, struct statement *statement)
{
    ProtobufCBinaryData *kinds = &packed->wire.kinds;
    MAKE_ROOM(kinds->data, kinds->len, packed->column_count, &packed->kind_room);
    for (size_t column = 0; column < packed->column_count; column++) {
        Wire__PackedRows__Kind kind;
        if (!pack_value(packed, statement, (int)column, &kind))
            return false;
        kinds->data[kinds->len++] = (uint8_t)kind;
    }
    packed->row_count++;
    return true;
}

size_t packed_rows_bytes(const struct packed_rows *packed)
{
    enum { INTEGER_BYTES = 4, LENGTH_BYTES = 2 };
    return packed->wire.kinds.len + INTEGER_BYTES * packed->wire.n_integers +
           sizeof(double) * packed->wire.n_reals + LENGTH_BYTES * packed->wire.n_lengths +
           packed->wire.bytes.len;
}
