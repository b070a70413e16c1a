#include "client/connection.h"

#include <stdlib.h>
#include <string.h>

#include "client/memory.h"
#include "client/packed_rows.h"
#include "common/hash.h"
#include "common/query.h"
#include "common/safetensors.h"

enum { QUERY_TIMEOUT_MS = 30000 };

struct connection {
    struct socket *socket;
    char *endpoint, *database;
};

bool connection_open(struct connection **connection, const struct connection_options *options,
                     struct error *error)
{
    struct connection *made = memory_allocate(1, sizeof *made);
    made->endpoint = memory_text(options->endpoint);
    Wire__Envelope *welcome = NULL;
    if (!key_connect(options->join, &made->socket, options->endpoint, options->insecure_loopback,
                     error) ||
        !wire_hello(made->socket, options->timeout_ms, &welcome, error)) {
        connection_close(made);
        return false;
    }
    made->database = memory_text(welcome->welcome->database);
    wire__envelope__free_unpacked(welcome, NULL);
    *connection = made;
    return true;
}

const char *connection_database(const struct connection *connection)
{
    return connection->database;
}

void connection_close(struct connection *connection)
{
    if (!connection)
        return;
    if (connection->socket)
        socket_close(connection->socket);
    free(connection->endpoint);
    free(connection->database);
    free(connection);
}

bool connection_request(struct connection *connection, Wire__Envelope *request, int timeout_ms,
                        Wire__Envelope__BodyCase expected, Wire__Envelope **reply,
                        struct error *error)
{
    if (!wire_request(connection->socket, request, timeout_ms, reply, error))
        return false;
    if ((*reply)->body_case == expected)
        return true;
    wire__envelope__free_unpacked(*reply, NULL);
    *reply = NULL;
    return error_set(error, ERROR_DATA, "the coordinator at %s answered something else than asked",
                     connection->endpoint);
}

static void value_to_wire(const struct value *value, Wire__Value *wire)
{
    wire__value__init(wire);
    switch (value->type) {
    case VALUE_NULL:
        break;
    case VALUE_INTEGER:
        wire->value_case = WIRE__VALUE__VALUE_INTEGER;
        wire->integer = value->integer;
        break;
    case VALUE_REAL:
        wire->value_case = WIRE__VALUE__VALUE_REAL;
        wire->real = value->real;
        break;
    case VALUE_TEXT:
        wire->value_case = WIRE__VALUE__VALUE_TEXT;
        wire->text = value->bytes;
        break;
    case VALUE_BLOB:
        wire->value_case = WIRE__VALUE__VALUE_BLOB;
        wire->blob.data = (uint8_t *)value->bytes;
        wire->blob.len = value->length;
        break;
    }
}

static bool add_page(struct rows *rows, const Wire__Rows *page, const char *endpoint,
                     struct error *error)
{
    for (size_t i = 0; rows->column_count < page->n_columns; i++)
        rows_add_column(rows, page->columns[i]);
    return (page->packed && packed_rows_read(rows, page->packed)) ||
           error_set(error, ERROR_DATA, "the coordinator at %s sent damaged rows", endpoint);
}

/* One page; *offset becomes the next one's, -1 after the last. */
static bool query_page(struct connection *connection, Wire__Query *query, struct rows *rows,
                       struct error *error)
{
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT, *reply;
    envelope.body_case = WIRE__ENVELOPE__BODY_QUERY;
    envelope.query = query;
    if (!connection_request(connection, &envelope, QUERY_TIMEOUT_MS, WIRE__ENVELOPE__BODY_ROWS,
                            &reply, error))
        return false;
    const Wire__Rows *page = reply->rows;
    bool good = add_page(rows, page, connection->endpoint, error);
    if (good && !page->last && page->next_offset <= query->offset)
        good = error_set(error, ERROR_DATA, "the coordinator at %s repeats itself",
                         connection->endpoint);
    query->offset = page->last ? -1 : page->next_offset;
    wire__envelope__free_unpacked(reply, NULL);
    return good;
}

bool connection_each(struct connection *connection, const char *name,
                     const struct value *parameters, size_t parameter_count, rows_visit *visit,
                     void *context, struct error *error)
{
    Wire__Value values[QUERY_PARAMETER_MAX], *pointers[QUERY_PARAMETER_MAX];
    Wire__Query query = WIRE__QUERY__INIT;
    for (size_t i = 0; i < parameter_count; i++) {
        value_to_wire(&parameters[i], &values[i]);
        pointers[i] = &values[i];
    }
    char *name_copy = memory_text(name);
    query.name = name_copy;
    query.parameters = pointers;
    query.n_parameters = parameter_count;
    query.packed = true;
    struct rows *rows = rows_create();
    bool good = true;
    while (good && query.offset >= 0) {
        good = query_page(connection, &query, rows, error) && visit(context, rows, error);
        rows_clear(rows);
    }
    free(name_copy);
    rows_destroy(rows);
    return good;
}

/* Appends a page; the first one says how many bytes there are. */
static bool weights_page(struct connection *connection, Wire__WeightsRequest *request,
                         uint8_t **bytes, size_t *length, uint64_t *size, struct error *error)
{
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT, *reply;
    envelope.body_case = WIRE__ENVELOPE__BODY_WEIGHTS_REQUEST;
    envelope.weights_request = request;
    request->offset = *length;
    if (!connection_request(connection, &envelope, QUERY_TIMEOUT_MS,
                            WIRE__ENVELOPE__BODY_WEIGHTS_PART, &reply, error))
        return false;
    const Wire__WeightsPart *part = reply->weights_part;
    if (!*bytes && part->size <= SAFETENSORS_FILE_MAX) {
        *bytes = memory_allocate((size_t)part->size + 1, 1);
        *size = part->size;
    }
    bool good = *bytes && part->size == *size && part->data.len > 0 &&
                part->data.len <= part->size - *length;
    if (good) {
        memcpy(*bytes + *length, part->data.data, part->data.len);
        *length += part->data.len;
    }
    wire__envelope__free_unpacked(reply, NULL);
    return good || error_set(error, ERROR_DATA, "the coordinator at %s sent damaged weights",
                             connection->endpoint);
}

bool connection_weights(struct connection *connection, const char *digest, uint8_t **bytes,
                        size_t *length, struct error *error)
{
    uint8_t hash[HASH_BYTES];
    Wire__WeightsRequest request = WIRE__WEIGHTS_REQUEST__INIT;
    if (!hash_parse(digest, hash))
        return error_set(error, ERROR_INVALID, "'%.80s' is no digest of weights", digest);
    request.digest.data = hash;
    request.digest.len = sizeof hash;
    uint64_t size = 1;
    *bytes = NULL;
    *length = 0;
    while (*length < size) {
        if (!weights_page(connection, &request, bytes, length, &size, error)) {
            free(*bytes);
            return false;
        }
    }
    return true;
}

bool connection_live(struct connection *connection, int timeout_ms, Wire__Envelope **reply,
                     struct error *error)
{
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    Wire__Live live = WIRE__LIVE__INIT;
    envelope.body_case = WIRE__ENVELOPE__BODY_LIVE;
    envelope.live = &live;
    return connection_request(connection, &envelope, timeout_ms, WIRE__ENVELOPE__BODY_LIVE_REPLY,
                              reply, error);
}
