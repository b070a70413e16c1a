#include "client/packed_rows.h"

/* How far the values have been read. */
struct position {
    const Wire__PackedRows *packed;
    size_t integer, real, length, byte;
};

static bool read_bytes(struct position *position, struct rows *rows, enum value_type type)
{
    const Wire__PackedRows *packed = position->packed;
    if (position->length == packed->n_lengths)
        return false;
    uint64_t length = packed->lengths[position->length++];
    if (length > packed->bytes.len - position->byte)
        return false;
    rows_add_bytes(rows, type, packed->bytes.data + position->byte, (size_t)length);
    position->byte += (size_t)length;
    return true;
}

static bool read_value(struct position *position, struct rows *rows, uint8_t kind)
{
    const Wire__PackedRows *packed = position->packed;
    switch (kind) {
    case WIRE__PACKED_ROWS__KIND__SAME:
        if (rows->value_count < rows->column_count)
            return false;
        rows_add_again(rows);
        return true;
    case WIRE__PACKED_ROWS__KIND__EMPTY:
        rows_add_null(rows);
        return true;
    case WIRE__PACKED_ROWS__KIND__INTEGER:
        if (position->integer == packed->n_integers)
            return false;
        rows_add_integer(rows, packed->integers[position->integer++]);
        return true;
    case WIRE__PACKED_ROWS__KIND__REAL:
        if (position->real == packed->n_reals)
            return false;
        rows_add_real(rows, packed->reals[position->real++]);
        return true;
    case WIRE__PACKED_ROWS__KIND__TEXT:
        return read_bytes(position, rows, VALUE_TEXT);
    case WIRE__PACKED_ROWS__KIND__BLOB:
        return read_bytes(position, rows, VALUE_BLOB);
    default:
        return false;
    }
}

bool packed_rows_read(struct rows *rows, const Wire__PackedRows *packed)
{
    struct position position = {.packed = packed};
    size_t count = packed->kinds.len;
    if (rows->column_count == 0 ? count > 0 : count % rows->column_count != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!read_value(&position, rows, packed->kinds.data[i]))
            return false;
    return position.integer == packed->n_integers && position.real == packed->n_reals &&
           position.length == packed->n_lengths && position.byte == packed->bytes.len;
}
