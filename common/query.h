/* The read-only queries behind every table that lipsweep prints, by name. A client with --db runs
 * them itself; with
 * --connect the coordinator runs them and streams the rows: one text, the same rows. */
#ifndef LIPSWEEP_COMMON_QUERY_H
#define LIPSWEEP_COMMON_QUERY_H

enum { QUERY_PARAMETER_MAX = 8 };

struct query {
    const char *name;
    int parameter_count; /* ?1, ?2, … */
    const char *sql;     /* one SELECT, with an ORDER BY that makes pages stable */
};

/* NULL when there is none of that name. */
const struct query *query_find(const char *name);

#endif
