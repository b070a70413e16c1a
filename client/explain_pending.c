#include "client/explain_pending.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/labels.h"

/* The workers that may take jobs of this sweep at all. */
struct fitting {
    size_t count, slots, drained; /* the last: of all workers */
    double largest;               /* bytes */
    char missing[LABEL_MAX];      /* a label that no worker has; "": each is had by one */
};

static double gib(double bytes)
{
    return bytes / (1 << 30);
}

static bool anybody_has(const Wire__LiveReply *live, const char *label)
{
    for (size_t i = 0; i < live->n_workers; i++)
        if (labels_have(live->workers[i]->labels, label))
            return true;
    return false;
}

static struct fitting find_fitting(const Wire__LiveReply *live, const char *wanted)
{
    struct fitting fitting = {.count = 0};
    for (size_t i = 0; i < live->n_workers; i++) {
        const Wire__LiveWorker *worker = live->workers[i];
        bool is_drained = worker->drained[0] && strcmp(worker->drained, "no") != 0;
        fitting.drained += is_drained;
        if (is_drained || !labels_meet(worker->labels, wanted))
            continue;
        fitting.count++;
        fitting.slots += worker->slots;
        fitting.largest = fmax(fitting.largest, (double)worker->memory_bytes);
    }
    while (labels_next(&wanted, fitting.missing))
        if (!anybody_has(live, fitting.missing))
            return fitting;
    fitting.missing[0] = '\0';
    return fitting;
}

/* Workers are there, but none for this job. */
static void explain_misfit(const struct terminal *terminal, const Wire__LiveReply *live,
                           const struct fitting *fitting)
{
    if (fitting->missing[0])
        terminal_print(terminal, stdout,
                       "It waits because no connected worker has the label %s, which its sweep "
                       "requires (lipsweep-worker --label %s).\n",
                       fitting->missing, fitting->missing);
    else if (fitting->drained == live->n_workers)
        terminal_print(terminal, stdout,
                       "It waits because every connected worker is drained or quarantined "
                       "(lipsweep workers says why).\n");
    else
        terminal_print(terminal, stdout,
                       "It waits because no connected worker that takes jobs has all the labels "
                       "that its sweep requires.\n");
}

static size_t running_of(const Wire__LiveReply *live, int64_t sweep)
{
    size_t count = 0;
    for (size_t i = 0; i < live->n_attempts; i++)
        count += live->attempts[i]->sweep == sweep;
    return count;
}

/* Its turn has not come. */
static void explain_turn(const struct terminal *terminal, const struct rows *job,
                         const Wire__LiveReply *live, size_t slots)
{
    int64_t before = rows_integer(job, 0, "pending_before");
    int64_t limit = rows_integer(job, 0, "max_running");
    size_t running = running_of(live, rows_integer(job, 0, "sweep"));
    const char *text = rows_text(job, 0, "refused");
    char *refused = text ? terminal_escape(text, strlen(text)) : NULL;
    if (limit > 0 && running >= (size_t)limit)
        terminal_print(terminal, stdout,
                       "It waits because %zu jobs of its sweep run, as many as its max_running "
                       "allows; %lld jobs stand before it.\n",
                       running, (long long)before);
    else if (refused)
        terminal_print(terminal, stdout,
                       "It waits for a worker that can run it: the last one could not (%s).\n",
                       refused);
    else
        terminal_print(terminal, stdout,
                       "It waits for a slot: %zu of %zu are taken, %lld jobs stand before it.\n",
                       live->n_attempts, slots, (long long)before);
    free(refused);
}

static void explain_workers(const struct terminal *terminal, const struct rows *job,
                            const Wire__LiveReply *live)
{
    const struct fitting fitting = find_fitting(live, rows_text(job, 0, "requires"));
    double memory = rows_real(job, 0, "memory_bytes");
    if (live->n_workers == 0)
        terminal_print(terminal, stdout,
                       "It waits because no worker is connected; start lipsweep-worker.\n");
    else if (fitting.count == 0)
        explain_misfit(terminal, live, &fitting);
    else if (memory > fitting.largest)
        terminal_print(terminal, stdout,
                       "It waits because it needs %.2f GiB and the largest worker has %.2f GiB.\n",
                       gib(memory), gib(fitting.largest));
    else
        explain_turn(terminal, job, live, fitting.slots);
}

void explain_pending(const struct terminal *terminal, const struct rows *job,
                     const Wire__LiveReply *live)
{
    char name[32];
    snprintf(name, sizeof name, "j%lld", (long long)rows_integer(job, 0, "id"));
    if (strcmp(rows_text(job, 0, "sweep_state"), "active") != 0)
        terminal_print(terminal, stdout, "It waits because its sweep is still being stored.\n");
    else if (rows_integer(job, 0, "held") || rows_integer(job, 0, "sweep_held"))
        terminal_print(terminal, stdout, "It waits because it is held: lipsweep resume %s\n",
                       rows_integer(job, 0, "sweep_held") ? rows_text(job, 0, "sweep_name") : name);
    else if (!live)
        terminal_print(terminal, stdout,
                       "It waits because nobody works on this database now; lipsweep run continues "
                       "it.\n");
    else
        explain_workers(terminal, job, live);
}
