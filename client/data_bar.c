#include "client/data_bar.h"

#include <stdio.h>
#include <string.h>

enum { PERIOD_MS = 100, BAR_WIDTH = 24 };

struct data_bar data_bar_on(const char *label)
{
    return (struct data_bar){
        .label = label, .terminal = terminal_of(stderr), .clock = clock_system()};
}

void data_bar_draw(void *drawn, const struct fetch_progress *progress)
{
    struct data_bar *bar = drawn;
    int64_t now_ms = clock_now_ms(&bar->clock);
    if (!bar->terminal.interactive || now_ms < bar->drawn_ms + PERIOD_MS)
        return;
    bar->drawn_ms = now_ms;
    double mib = 1024.0 * 1024.0, here = (double)progress->bytes / mib;
    double rate = progress->elapsed_s > 0
                      ? (double)(progress->bytes - progress->resumed) / mib / progress->elapsed_s
                      : 0;
    char cells[3 * BAR_WIDTH + 1];
    if (progress->total <= 0) {
        terminal_print(&bar->terminal, stderr, "\r\033[K%s  %.1f MiB  %.1f MiB/s", bar->label, here,
                       rate);
        return;
    }
    double share = (double)progress->bytes / (double)progress->total;
    for (int i = 0; i < BAR_WIDTH; i++)
        memcpy(cells + 3 * i, i < (int)(share * BAR_WIDTH) ? "█" : "░", 4);
    terminal_print(&bar->terminal, stderr, "\r\033[K%s  %s %3.0f %%  %.1f of %.1f MiB  %.1f MiB/s",
                   bar->label, cells, 100 * share, here, (double)progress->total / mib, rate);
}

void data_bar_clear(const struct data_bar *bar)
{
    if (bar->terminal.interactive)
        fputs("\r\033[K", stderr);
}
