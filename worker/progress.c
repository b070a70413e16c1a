#include "worker/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { READ_MAX = 64 * 1024 }; /* bytes taken at one go: no runner keeps the worker busy */

#define PROGRESS_WRITE                                                                             \
    "progress %d %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %.9g\n"
#define PROGRESS_SCAN "progress %d %" SCNu64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %lf"
#define EPOCH_WRITE "epoch %" PRId64 " %.17g %.17g %.17g %.17g %.17g %.17g %.17g\n"
#define EPOCH_SCAN "epoch %" SCNd64 " %lf %lf %lf %lf %lf %lf %lf"

/* A line is shorter than PIPE_BUF, so it is written whole. */
static void write_line(int descriptor, const char *line, int length)
{
    ssize_t written;
    do
        written = write(descriptor, line, (size_t)length);
    while (written < 0 && errno == EINTR);
}

void progress_write(int descriptor, const struct progress *progress)
{
    char line[512];
    int length = snprintf(line, sizeof line, PROGRESS_WRITE, (int)progress->phase,
                          progress->counter, progress->epoch, progress->epoch_count, progress->step,
                          progress->step_count, progress->images_per_s);
    write_line(descriptor, line, length);
}

void progress_write_epoch(int descriptor, const struct epoch_metric *metric)
{
    char line[512];
    int length = snprintf(line, sizeof line, EPOCH_WRITE, metric->epoch, metric->loss,
                          metric->task_loss, metric->lipschitz_loss, metric->accuracy,
                          metric->active_share, metric->quotient_mean, metric->images_per_s);
    write_line(descriptor, line, length);
}

void progress_write_checkpoint(int descriptor, int64_t step)
{
    char line[64];
    int length = snprintf(line, sizeof line, "checkpoint %" PRId64 "\n", step);
    write_line(descriptor, line, length);
}

void progress_write_began(int descriptor, int64_t step, const char *words)
{
    char line[PROGRESS_WORDS_MAX + 64], plain[PROGRESS_WORDS_MAX];
    snprintf(plain, sizeof plain, "%s", words);
    for (char *letter = plain; *letter; letter++)
        if (*letter == '\n')
            *letter = ' ';
    int length = snprintf(line, sizeof line, "began %" PRId64 " %s\n", step, plain);
    write_line(descriptor, line, length);
}

static void take_line(const char *line, const struct progress_listener *listener)
{
    struct progress progress;
    struct epoch_metric metric;
    int64_t step;
    int phase, words = 0;
    if (sscanf(line, PROGRESS_SCAN, &phase, &progress.counter, &progress.epoch,
               &progress.epoch_count, &progress.step, &progress.step_count,
               &progress.images_per_s) == 7 &&
        phase >= PROGRESS_STARTING && phase <= PROGRESS_TESTING) {
        progress.phase = (enum progress_phase)phase;
        listener->progress(listener->context, &progress);
    } else if (sscanf(line, EPOCH_SCAN, &metric.epoch, &metric.loss, &metric.task_loss,
                      &metric.lipschitz_loss, &metric.accuracy, &metric.active_share,
                      &metric.quotient_mean, &metric.images_per_s) == 8) {
        listener->epoch(listener->context, &metric);
    } else if (sscanf(line, "checkpoint %" SCNd64, &step) == 1 && step > 0) {
        listener->checkpoint(listener->context, step);
    } else if (sscanf(line, "began %" SCNd64 " %n", &step, &words) == 1 && words > 0) {
        listener->began(listener->context, step, line + words);
    }
}

static void take_byte(struct progress_reader *reader, char byte,
                      const struct progress_listener *listener)
{
    if (byte == '\n') {
        reader->line[reader->length] = '\0';
        if (!reader->skipping)
            take_line(reader->line, listener);
        reader->length = 0;
        reader->skipping = false;
    } else if (reader->length + 1 < sizeof reader->line) {
        reader->line[reader->length++] = byte;
    } else {
        reader->skipping = true;
    }
}

bool progress_read(struct progress_reader *reader, int descriptor,
                   const struct progress_listener *listener)
{
    char bytes[4096];
    for (size_t taken = 0; taken < READ_MAX;) {
        ssize_t length = read(descriptor, bytes, sizeof bytes);
        if (length == 0)
            return false;
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return errno == EAGAIN;
        for (ssize_t i = 0; i < length; i++)
            take_byte(reader, bytes[i], listener);
        taken += (size_t)length;
    }
    return true;
}
