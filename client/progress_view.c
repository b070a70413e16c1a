#include "client/progress_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/memory.h"

enum {
    BAR_WIDTH = 24,
    RUNNING_LINES_MAX = 8,
    REDRAW_MS = 500,
    POLL_PLAIN_MS = 1000,
    PLAIN_PERIOD_MS = 10000,
    LINE_MAX_BYTES = 512
};

struct progress_view progress_view_on(FILE *file)
{
    return (struct progress_view){.file = file,
                                  .terminal = terminal_of(file),
                                  .clock = clock_system(),
                                  .printed_ms = INT64_MIN,
                                  .printed_done = -1};
}

int progress_view_period_ms(const struct progress_view *view)
{
    return view->terminal.interactive ? REDRAW_MS : POLL_PLAIN_MS;
}

/* Cut to the width: a line that wraps could not be redrawn. */
static void put_line(struct progress_view *view, const char *text)
{
    char *spelt = terminal_spell(&view->terminal, text);
    size_t used = 0;
    int width = 0;
    while (spelt[used] && width < view->terminal.width - 1) {
        size_t step = terminal_character_length(spelt + used, strlen(spelt + used));
        used += step > 0 ? step : 1;
        width++;
    }
    fprintf(view->file, "%.*s\033[K\n", (int)used, spelt);
    free(spelt);
    view->drawn_lines++;
}

/* "41,234 images/s" */
static void format_rate(double rate, char text[48])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%.0f", rate);
    size_t used = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    snprintf(text + used, 48 - used, " images/s");
}

static void format_problems(const struct progress *progress, char *text, size_t size)
{
    const struct {
        int64_t count;
        const char *word;
    } problems[] = {{progress->failed, "failed"},
                    {progress->diverged, "diverged"},
                    {progress->cancelled, "cancelled"}};
    text[0] = '\0';
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++)
        if (problems[i].count > 0)
            snprintf(text + strlen(text), size - strlen(text), " · %lld %s",
                     (long long)problems[i].count, problems[i].word);
}

static void format_summary(const struct progress *progress, char *text, size_t size)
{
    char rate[48], eta[32], problems[128];
    int64_t ended = progress->done + progress->failed + progress->diverged + progress->cancelled;
    format_problems(progress, problems, sizeof problems);
    snprintf(text, size, "%lld/%lld jobs · %zu running%s", (long long)ended,
             (long long)progress->jobs, progress->running_count, problems);
    if (progress->images_per_s > 0) {
        format_rate(progress->images_per_s, rate);
        snprintf(text + strlen(text), size - strlen(text), " · %s", rate);
    }
    if (!isnan(progress_eta_s(progress)) && !progress_is_finished(progress)) {
        progress_format_duration(progress_eta_s(progress), eta);
        snprintf(text + strlen(text), size - strlen(text), " · ETA %s", eta);
    }
}

static void format_bar(double share, char *text, size_t size)
{
    int full = (int)(share * BAR_WIDTH);
    size_t used = 0;
    for (int i = 0; i < BAR_WIDTH; i++)
        used += (size_t)snprintf(text + used, size - used, "%s", i < full ? "█" : "░");
}

static void draw_job(struct progress_view *view, const struct progress_job *job)
{
    char line[LINE_MAX_BYTES], rate[48] = "";
    static const char *const phases[] = {"starting", "training", "testing",
                                         "delivering its result"};
    const char *phase = job->phase < 4 ? phases[job->phase] : "";
    int length = snprintf(line, sizeof line, "  j%-5lld %s", (long long)job->job, phase);
    if (job->phase == 1 && job->epoch_count > 0) {
        format_rate(job->images_per_s, rate);
        snprintf(line + length, sizeof line - (size_t)length,
                 "  epoch %lld/%lld  step %lld/%lld  %s", (long long)job->epoch,
                 (long long)job->epoch_count, (long long)job->step, (long long)job->step_count,
                 rate);
    }
    put_line(view, line);
}

static void redraw(struct progress_view *view, const struct progress *progress)
{
    char summary[LINE_MAX_BYTES], bar[4 * BAR_WIDTH + 1], line[2 * LINE_MAX_BYTES];
    progress_view_clear(view);
    format_summary(progress, summary, sizeof summary);
    format_bar(progress_share(progress), bar, sizeof bar);
    snprintf(line, sizeof line, "%s %s %3.0f %%  %s", progress->name, bar,
             floor(100 * progress_share(progress)), summary);
    put_line(view, line);
    for (size_t i = 0; i < progress->running_count && i < RUNNING_LINES_MAX; i++)
        draw_job(view, &progress->running[i]);
    if (progress->trouble[0])
        put_line(view, progress->trouble);
    if (progress->too_large_count > 0) {
        char text[128];
        progress_format_too_large(progress, text);
        put_line(view, text);
    }
    fflush(view->file);
}

/* Once, at once: it may be what all waits for. */
static void print_too_large(struct progress_view *view, const struct progress *progress)
{
    char text[128];
    if (progress->too_large_job == view->told_job)
        return;
    view->told_job = progress->too_large_job;
    progress_format_too_large(progress, text);
    if (text[0])
        terminal_print(&view->terminal, view->file, "%s: %s\n", progress->name, text);
    fflush(view->file);
}

/* The first at once, then not more than one in ten seconds, and none that says nothing new. */
static void print_plain(struct progress_view *view, const struct progress *progress)
{
    bool in_trouble = progress->trouble[0] != '\0';
    if (in_trouble && !view->told_trouble)
        terminal_print(&view->terminal, view->file, "%s\n", progress->trouble);
    view->told_trouble = in_trouble;
    print_too_large(view, progress);
    int64_t now_ms = clock_now_ms(&view->clock);
    int64_t ended = progress->jobs - progress->pending - progress->leased;
    bool first = view->printed_ms == INT64_MIN;
    if (!first && now_ms - view->printed_ms < PLAIN_PERIOD_MS)
        return;
    if (!first && ended == view->printed_done && progress->running_count == 0)
        return;
    char summary[LINE_MAX_BYTES];
    format_summary(progress, summary, sizeof summary);
    terminal_print(&view->terminal, view->file, "%s: %.0f %% · %s\n", progress->name,
                   floor(100 * progress_share(progress)), summary);
    fflush(view->file);
    view->printed_ms = now_ms;
    view->printed_done = ended;
}

void progress_view_draw(struct progress_view *view, const struct progress *progress)
{
    if (view->terminal.interactive)
        redraw(view, progress);
    else
        print_plain(view, progress);
}

void progress_view_clear(struct progress_view *view)
{
    if (view->drawn_lines > 0)
        fprintf(view->file, "\033[%dA\r\033[J", view->drawn_lines);
    view->drawn_lines = 0;
    fflush(view->file);
}
