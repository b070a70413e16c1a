/* Why a job that waits does wait, in words. */
#ifndef LIPSWEEP_CLIENT_EXPLAIN_PENDING_H
#define LIPSWEEP_CLIENT_EXPLAIN_PENDING_H

#include "client/source.h"
#include "client/terminal.h"

/* `job` is the row of the query "job"; `live` NULL: nobody works on the database. */
void explain_pending(const struct terminal *terminal, const struct rows *job,
                     const Wire__LiveReply *live);

#endif
