/* How far a download is, on standard error: a bar redrawn in place on a terminal, else nothing. */
#ifndef LIPSWEEP_CLIENT_DATA_BAR_H
#define LIPSWEEP_CLIENT_DATA_BAR_H

#include "client/fetch.h"
#include "client/terminal.h"
#include "common/clock.h"

struct data_bar {
    const char *label;
    struct terminal terminal;
    struct clock clock;
    int64_t drawn_ms;
};

struct data_bar data_bar_on(const char *label);

/* For struct fetch_request, with a data_bar. */
void data_bar_draw(void *drawn, const struct fetch_progress *progress);

/* Removes the drawing. */
void data_bar_clear(const struct data_bar *bar);

#endif
