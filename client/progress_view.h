/* The live picture of a sweep: a bar and its running jobs, redrawn in place on a terminal; plain
 * lines at a calm rate elsewhere. */
#ifndef LIPSWEEP_CLIENT_PROGRESS_VIEW_H
#define LIPSWEEP_CLIENT_PROGRESS_VIEW_H

#include "client/progress.h"
#include "client/terminal.h"
#include "common/clock.h"

struct progress_view {
    FILE *file;
    struct terminal terminal;
    struct clock clock;
    int drawn_lines;    /* to go back over */
    int64_t printed_ms; /* when the last plain line was printed */
    int64_t printed_done;
    int64_t told_job;  /* that no worker is large enough for */
    bool told_trouble; /* that the coordinator is in */
};

struct progress_view progress_view_on(FILE *file);

/* How long to wait between two drawings. */
int progress_view_period_ms(const struct progress_view *view);

void progress_view_draw(struct progress_view *view, const struct progress *progress);

/* Removes the drawing, so that other output can follow. */
void progress_view_clear(struct progress_view *view);

#endif
