/* The parts of `lipsweep data`. */
#ifndef LIPSWEEP_CLIENT_DATA_H
#define LIPSWEEP_CLIENT_DATA_H

#include "client/data_store.h"

struct data_request {
    struct data_store *store;
    const char *from;  /* fetch: a mirror instead of the publisher's; NULL: those */
    int64_t timeout_s; /* fetch: a server that sends nothing for so long is given up */
    bool replace;      /* another set of that name may be put aside */
};

/* Brings data set `name` from its publisher. */
WARN_UNUSED bool data_fetch(const struct data_request *request, const char *name,
                            struct error *error);

/* Copies every data set that lies in `folder`. */
WARN_UNUSED bool data_import(const struct data_request *request, const char *folder,
                             struct error *error);

/* Whether the set that is to be brought, with this digest (NULL: any), lies in the store already.
 * Fails when a sound one with another digest does and may not be replaced. */
WARN_UNUSED bool data_look(const struct data_request *request, const char *name, const char *digest,
                           bool *is_there, struct error *error);

/* Moves the staged set, which must have this digest (NULL: any), into its place and says so. */
WARN_UNUSED bool data_install(const struct data_request *request, const char *name,
                              const char *digest, struct error *error);

#endif
