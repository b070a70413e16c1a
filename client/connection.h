/* A conversation with a coordinator: one request, one answer. */
#ifndef LIPSWEEP_CLIENT_CONNECTION_H
#define LIPSWEEP_CLIENT_CONNECTION_H

#include "client/rows.h"
#include "common/key.h"
#include "common/wire.h"

struct connection;

struct connection_options {
    const char *endpoint;
    bool insecure_loopback;
    const struct key *join; /* keys of both ends; NULL: none */
    int timeout_ms;         /* for the greeting */
};

/* Connects and greets. ERROR_UNREACHABLE when nobody is there. */
WARN_UNUSED bool connection_open(struct connection **connection,
                                 const struct connection_options *options, struct error *error);
void connection_close(struct connection *connection); /* takes NULL */

/* The coordinator's database file, as its machine names it. */
const char *connection_database(const struct connection *connection);

/* Sends `request` and waits for an answer of kind `expected`; the caller frees it. */
WARN_UNUSED bool connection_request(struct connection *connection, Wire__Envelope *request,
                                    int timeout_ms, Wire__Envelope__BodyCase expected,
                                    Wire__Envelope **reply, struct error *error);

/* A named query (common/query.h), page by page. */
WARN_UNUSED bool connection_each(struct connection *connection, const char *name,
                                 const struct value *parameters, size_t parameter_count,
                                 rows_visit *visit, void *context, struct error *error);

/* Trained weights by their digest: the whole file, unchecked; free it. */
WARN_UNUSED bool connection_weights(struct connection *connection, const char *digest,
                                    uint8_t **bytes, size_t *length, struct error *error);

/* Running attempts and connected workers; free the envelope. */
WARN_UNUSED bool connection_live(struct connection *connection, int timeout_ms,
                                 Wire__Envelope **reply, struct error *error);

#endif
