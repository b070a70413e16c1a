#include "coordinator/store_adaptive.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/grid.h"
#include "common/job_lines.h"
#include "common/metric.h"
#include "common/stein.h"
#include "coordinator/store_key.h"
#include "coordinator/store_sweep.h"

/* What the sweep's newest text asks for. */
struct rule {
    int64_t sweep, point, text_number;
    struct metric metric;
    double half_width;
    int64_t first_count, most, next_seed;
    bool independent, reuse;
};

/* A point's first stage. */
struct stage {
    int64_t sources[STEIN_COUNT_MAX]; /* whose measurements count, in order of the seeds */
    size_t done;
    int64_t diverged;
};

/* *undecided is false too where nothing is ever decided. */
static bool read_rule(struct store *store, struct rule *rule, bool *undecided, struct error *error)
{
    struct statement *statement;
    struct error unknown;
    if (!db_prepare(store->db,
                    "SELECT text_number, adaptive_metric, adaptive_half_width, adaptive_max,"
                    " adaptive_n0, adaptive_next_seed, independent_seeds > 0, reuse <> 'false'"
                    " FROM sweep s WHERE id = ?1 AND adaptive_metric <> '' AND deleting = 0"
                    " AND NOT EXISTS (SELECT 1 FROM seed_decision d"
                    "  WHERE d.sweep = ?1 AND d.point = ?2 AND d.reason IS NULL)",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, rule->sweep);
    statement_bind_integer(statement, 2, rule->point);
    if (!statement_step(statement, undecided, error))
        return false;
    if (!*undecided)
        return true;
    rule->text_number = statement_integer(statement, 0);
    *undecided = metric_parse(&rule->metric, statement_text(statement, 1), &unknown);
    rule->half_width = statement_real(statement, 2);
    rule->most = statement_integer(statement, 3);
    rule->first_count = statement_integer(statement, 4);
    rule->next_seed = statement_integer(statement, 5);
    rule->independent = statement_integer(statement, 6) != 0;
    rule->reuse = statement_integer(statement, 7) != 0;
    statement_reset(statement);
    return true;
}

#define FIRST_STAGE                                                                                \
    " sweep = ?1 AND point = ?2 AND text_number = ?3 AND extra = 0 AND withdrawn = 0"              \
    " AND superseded_by IS NULL"

static void bind_point(struct statement *statement, const struct rule *rule)
{
    statement_bind_integer(statement, 1, rule->sweep);
    statement_bind_integer(statement, 2, rule->point);
    statement_bind_integer(statement, 3, rule->text_number);
}

static bool find_done(struct store *store, const struct rule *rule, struct stage *stage,
                      struct error *error)
{
    struct statement *statement;
    bool row;
    if (!db_prepare(store->db,
                    "SELECT coalesce(result_of, id) FROM job INDEXED BY job_done_by_point"
                    " WHERE state = 'done' AND" FIRST_STAGE " ORDER BY seed LIMIT ?4",
                    &statement, error))
        return false;
    bind_point(statement, rule);
    statement_bind_integer(statement, 4, STEIN_COUNT_MAX);
    for (stage->done = 0;;) {
        if (!statement_step(statement, &row, error))
            return false;
        if (!row)
            return true;
        stage->sources[stage->done++] = statement_integer(statement, 0);
    }
}

static bool count_diverged(struct store *store, const struct rule *rule, struct stage *stage,
                           struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "SELECT count(*) FROM job INDEXED BY job_by_sweep"
                    " WHERE state = 'diverged' AND" FIRST_STAGE,
                    &statement, error))
        return false;
    bind_point(statement, rule);
    return store_integer(statement, 0, &stage->diverged, error);
}

/* *over: every job of the first stage is done or diverged. */
static bool look_at_stage(struct store *store, const struct rule *rule, struct stage *stage,
                          bool *over, struct error *error)
{
    stage->diverged = 0;
    if (!find_done(store, rule, stage, error) ||
        ((int64_t)stage->done < rule->first_count && !count_diverged(store, rule, stage, error)))
        return false;
    *over = (int64_t)stage->done + stage->diverged == rule->first_count;
    return true;
}

/* Of one training; NAN when the metric has none. */
static bool measure(struct store *store, const struct rule *rule, int64_t source, double *value,
                    struct error *error)
{
    struct statement *statement;
    double levels[JOB_TEST_SIGMA_MAX], values[JOB_TEST_SIGMA_MAX];
    size_t count = 0;
    const char *column = metric_column(&rule->metric);
    bool row = true;
    if (!db_prepare(store->db,
                    column ? "SELECT a.test_sigma, " METRIC_MEASURE_SQL " FROM accuracy a"
                             " LEFT JOIN quotient q ON q.job = a.job"
                             "  AND q.test_sigma = a.test_sigma"
                             " WHERE a.job = ?1 ORDER BY a.test_sigma"
                           : "SELECT test_sigma, accuracy FROM accuracy WHERE job = ?1"
                             " ORDER BY test_sigma",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, source);
    if (column)
        statement_bind_text(statement, 2, column);
    while (count < JOB_TEST_SIGMA_MAX) {
        if (!statement_step(statement, &row, error))
            return false;
        if (!row)
            break;
        levels[count] = statement_real(statement, 0);
        values[count++] = statement_real(statement, 1);
    }
    statement_reset(statement);
    *value = metric_value(&rule->metric, levels, values, count);
    return true;
}

/* *missing values are NAN. */
static bool measure_all(struct store *store, const struct rule *rule, const struct stage *stage,
                        double values[STEIN_COUNT_MAX], size_t *missing, struct error *error)
{
    *missing = 0;
    for (size_t i = 0; i < stage->done; i++) {
        if (!measure(store, rule, stage->sources[i], &values[i], error))
            return false;
        *missing += isnan(values[i]);
    }
    return true;
}

static bool write_decision(struct store *store, const struct rule *rule, const struct stein *stein,
                           const char *reason, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT OR REPLACE INTO seed_decision"
                    " (sweep, point, n0, variance, n, reached_max, reason, decided_at)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, nullif(?7, ''), ?8)",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, rule->sweep);
    statement_bind_integer(statement, 2, rule->point);
    statement_bind_integer(statement, 3, rule->first_count);
    statement_bind_real(statement, 4, stein->variance);
    statement_bind_integer(statement, 5, stein->count);
    statement_bind_integer(statement, 6, stein->capped);
    statement_bind_text(statement, 7, reason);
    statement_bind_integer(statement, 8, clock_wall_ms());
    return statement_run(statement, error);
}

/* Any job of the first stage, to make others from: they differ in the seed alone. */
static bool read_template(struct store *store, const struct rule *rule, struct job *job,
                          int64_t *shape, bool *found, struct error *error)
{
    struct statement *statement;
    struct error unreadable;
    if (!db_prepare(store->db,
                    "SELECT description, shape FROM job INDEXED BY job_done_by_point"
                    " WHERE state = 'done' AND" FIRST_STAGE " ORDER BY seed LIMIT 1",
                    &statement, error))
        return false;
    bind_point(statement, rule);
    if (!statement_step(statement, found, error))
        return false;
    if (!*found)
        return true;
    const char *text = statement_text(statement, 0);
    *found = job_parse(text, strlen(text), job, &unreadable);
    *shape = statement_integer(statement, 1);
    statement_reset(statement);
    return true;
}

/* One more seed of the point. It may be there: the text before asked for it too. */
static bool place(struct store *store, const struct rule *rule, struct placing_request *request,
                  struct adaptive_added *added, struct error *error)
{
    struct placement placement;
    int64_t standing;
    if (!store_next_job(store, &request->id, error) ||
        !store_sweep_place(store, request, &placement, error))
        return false;
    added->fresh += placement.placing == PLACE_NEW;
    added->reused += placement.placing == PLACE_REUSED;
    return (placement.was_asked || store_sweep_grow(store, rule->sweep, 1, error)) &&
           (!placement.added ||
            store_key_add(store, placement.hash, rule->sweep, request->id, &standing, error));
}

/* `count` seeds more. */
static bool add_seeds(struct store *store, const struct rule *rule, int64_t count,
                      struct adaptive_added *added, bool *readable, struct error *error)
{
    struct job_lines lines;
    struct job job;
    uint64_t unbound = UINT64_MAX; /* a submission may have bound its own */
    struct placing_request request = {
        .sweep = rule->sweep,
        .was_there = true,
        .text_number = rule->text_number,
        .point = rule->point,
        .extra = true,
        .reuse = rule->reuse,
        .finished = true,
        .lines = &lines,
        .unbound = &unbound,
    };
    if (!read_template(store, rule, &job, &request.shape, readable, error))
        return false;
    if (!*readable)
        return true;
    job_lines_init(&lines);
    for (int64_t seed = rule->next_seed; seed < rule->next_seed + count; seed++) {
        job.seed = rule->independent ? grid_own_seed(&job, seed) : seed;
        unbound |= job_lines_write(&lines, &job);
        if (!place(store, rule, &request, added, error))
            return false;
    }
    return true;
}

static bool tell(struct store *store, const struct rule *rule, const struct stein *stein,
                 struct error *error)
{
    char text[STORE_REASON_MAX];
    snprintf(text, sizeof text, "point %lld: %lld seeds more for %s, %lld in all%s",
             (long long)rule->point, (long long)(stein->count - rule->first_count),
             rule->metric.name, (long long)stein->count,
             stein->capped ? ", as many as max allows" : "");
    return store_event(store, "seeds_added", (struct event_subject){.sweep = rule->sweep}, text,
                       error);
}

/* Nothing can be said of the spread. */
static bool decline(struct store *store, const struct rule *rule, const char *reason,
                    struct error *error)
{
    const struct stein nothing = {.variance = NAN, .count = rule->first_count};
    return write_decision(store, rule, &nothing, reason, error);
}

static bool decide(struct store *store, const struct rule *rule, const struct stage *stage,
                   struct adaptive_added *added, struct error *error)
{
    double values[STEIN_COUNT_MAX];
    size_t missing;
    char reason[128];
    bool readable = true;
    if (stage->diverged > 0) {
        snprintf(reason, sizeof reason, "%lld of its %lld first trainings diverged",
                 (long long)stage->diverged, (long long)rule->first_count);
        return decline(store, rule, reason, error);
    }
    if (!measure_all(store, rule, stage, values, &missing, error))
        return false;
    if (missing > 0) {
        snprintf(reason, sizeof reason, "%zu of its %zu first trainings have no %s", missing,
                 stage->done, rule->metric.name);
        return decline(store, rule, reason, error);
    }
    struct stein stein = stein_decide(values, stage->done, rule->half_width, rule->most);
    int64_t count = stein.count - rule->first_count;
    if (count > 0 && !add_seeds(store, rule, count, added, &readable, error))
        return false;
    if (!readable)
        return decline(store, rule, "its jobs' own description cannot be read", error);
    return write_decision(store, rule, &stein, "", error) &&
           (count == 0 || tell(store, rule, &stein, error));
}

bool store_adaptive_point(struct store *store, int64_t sweep, int64_t point,
                          struct adaptive_added *added, struct error *error)
{
    struct rule rule = {.sweep = sweep, .point = point};
    struct stage stage;
    bool undecided, over;
    if (!read_rule(store, &rule, &undecided, error))
        return false;
    if (!undecided)
        return true;
    return look_at_stage(store, &rule, &stage, &over, error) &&
           (!over || decide(store, &rule, &stage, added, error));
}

/* A job's point, if its end may be what a decision waits for. */
static bool find_point(struct store *store, int64_t job, int64_t *sweep, int64_t *point,
                       bool *found, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "SELECT j.sweep, j.point FROM job j JOIN sweep s ON s.id = j.sweep"
                    " WHERE j.id = ?1 AND s.adaptive_metric <> '' AND j.extra = 0"
                    " AND j.text_number = s.text_number",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    if (!statement_step(statement, found, error))
        return false;
    if (!*found)
        return true;
    *sweep = statement_integer(statement, 0);
    *point = statement_integer(statement, 1);
    statement_reset(statement);
    return true;
}

bool store_adaptive_ended(struct store *store, int64_t job, struct error *error)
{
    struct adaptive_added added = {0};
    int64_t sweep, point;
    bool found;
    return find_point(store, job, &sweep, &point, &found, error) &&
           (!found || store_adaptive_point(store, sweep, point, &added, error));
}

bool store_adaptive_shared(struct store *store, int64_t job, struct error *error)
{
    for (int64_t twin = 0;;) {
        struct statement *statement;
        if (!db_prepare(store->db, "SELECT min(id) FROM job WHERE result_of = ?1 AND id > ?2",
                        &statement, error))
            return false;
        statement_bind_integer(statement, 1, job);
        statement_bind_integer(statement, 2, twin);
        if (!store_integer(statement, 0, &twin, error))
            return false;
        if (twin == 0)
            return true;
        if (!store_adaptive_ended(store, twin, error))
            return false;
    }
}

bool store_adaptive_forget(struct store *store, int64_t sweep, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db, "DELETE FROM seed_decision WHERE sweep = ?1", &statement, error))
        return false;
    statement_bind_integer(statement, 1, sweep);
    return statement_run(statement, error);
}
