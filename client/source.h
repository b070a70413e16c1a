/* Where rows come from: a database on this machine, read-only, or a coordinator. The same named
 * queries either way, and so the same tables. */
#ifndef LIPSWEEP_CLIENT_SOURCE_H
#define LIPSWEEP_CLIENT_SOURCE_H

#include "client/arguments.h"
#include "client/connection.h"
#include "client/rows.h"

struct source;

/* What the user named: --db or --connect, else $LIPSWEEP_DB or $LIPSWEEP_CONNECT, else nothing:
 * this user's own coordinator. */
struct source_choice {
    const char *database; /* NULL: none */
    const char *endpoint; /* NULL: none; never both */
    const char *join;     /* join file: keys, and the endpoint unless one was said */
    bool insecure_loopback;
};

WARN_UNUSED bool source_choose(const struct arguments *arguments, struct source_choice *choice,
                               struct error *error);

WARN_UNUSED bool source_open(struct source **source, const struct arguments *arguments,
                             struct error *error);
WARN_UNUSED bool source_open_database(struct source **source, const char *path,
                                      struct error *error);
void source_close(struct source *source); /* takes NULL */

/* Connects to the chosen coordinator, or this user's own; says what to do when nobody is there. */
WARN_UNUSED bool source_connect(const struct source_choice *choice, struct connection **connection,
                                struct error *error);

/* The chosen database's file, for commands that read it as a whole: of a coordinator, the one that
 * it names, which has to run on this machine. Free it. */
WARN_UNUSED bool source_database_file(const struct source_choice *choice, char **path,
                                      struct error *error);

WARN_UNUSED bool source_query(struct source *source, const char *name,
                              const struct value *parameters, size_t parameter_count,
                              struct rows **rows, struct error *error);

/* The same rows some at a time, for answers that need not lie in memory whole. */
WARN_UNUSED bool source_each(struct source *source, const char *name,
                             const struct value *parameters, size_t parameter_count,
                             rows_visit *visit, void *context, struct error *error);

/* Trained weights by their digest: a safetensors file, checked; free it. ERROR_NOT_FOUND when they
 * are not kept. */
WARN_UNUSED bool source_weights(struct source *source, const char *digest, uint8_t **bytes,
                                size_t *length, struct error *error);

/* What is in the coordinator's memory alone. *reply is NULL when no coordinator is there, as on a
 * database that nobody writes; free it otherwise. */
void source_live(struct source *source, Wire__Envelope **reply);

/* SWEEP: a number, a name or "last". `name` gets its name (may be NULL; the caller frees it). */
WARN_UNUSED bool source_find_sweep(struct source *source, const char *text, int64_t *sweep,
                                   char **name, struct error *error);

/* JOB: j17 or 17. */
WARN_UNUSED bool source_parse_job(const char *text, int64_t *job, struct error *error);

static inline struct value value_integer(int64_t integer)
{
    return (struct value){.type = VALUE_INTEGER, .integer = integer};
}

static inline struct value value_null(void)
{
    return (struct value){.type = VALUE_NULL};
}

/* NULL is VALUE_NULL; the bytes stay the caller's. */
struct value value_text(const char *text);

#endif
