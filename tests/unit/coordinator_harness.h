/* A coordinator without sockets: the real dispatch, store and leases on a temporary database and a
 * clock that tests move. Included by one test each. */
#ifndef LIPSWEEP_TESTS_COORDINATOR_HARNESS_H
#define LIPSWEEP_TESTS_COORDINATOR_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/job.h"
#include "common/log.h"
#include "coordinator/dispatch.h"
#include "tests/unit/good.h"

enum { LEASE_MS = 60000, HEARTBEAT_MS = 10000, STUCK_MS = 300000, INBOX_MAX = 4096 };

static struct harness {
    char folder[64], path[80];
    int64_t now_ms, step_ms; /* step_ms: every look at the clock takes so long */
    struct store store;
    struct db *reader;
    struct dispatch dispatch;
    struct {
        uint8_t peer;
        Wire__Envelope *envelope;
    } inbox[INBOX_MAX]; /* what left the outbox, in order; NULL: taken */
    size_t inbox_count;
} harness;

static inline int64_t harness_now(void *context)
{
    (void)context;
    return harness.now_ms += harness.step_ms;
}

static inline void harness_open(void)
{
    struct dispatch_options options = {.lease_ms = LEASE_MS,
                                       .heartbeat_ms = HEARTBEAT_MS,
                                       .no_progress_ms = STUCK_MS,
                                       .database = harness.path};
    GOOD(store_open(&harness.store, harness.path, &error));
    GOOD(db_open_read_only(&harness.reader, harness.path, &error));
    dispatch_init(&harness.dispatch, &options, (struct clock){.now_ms = harness_now},
                  &harness.store, NULL);
    GOOD(store_begin(&harness.store, &error));
    GOOD(dispatch_recover(&harness.dispatch, &error));
    GOOD(store_commit(&harness.store, &error));
}

/* Also what a crash does: whatever is not committed is gone, and all memory. */
static inline void harness_close(void)
{
    dispatch_finish(&harness.dispatch);
    db_close(harness.reader);
    store_close(&harness.store);
    for (size_t i = 0; i < harness.inbox_count; i++)
        wire__envelope__free_unpacked(harness.inbox[i].envelope, NULL);
    harness.inbox_count = 0;
}

static inline int harness_setup(void **state)
{
    (void)state;
    memset(&harness, 0, sizeof harness);
    log_set_level(LOG_LEVEL_ERROR);
    snprintf(harness.folder, sizeof harness.folder, "/tmp/lipsweep-store-XXXXXX");
    if (!mkdtemp(harness.folder))
        return -1;
    snprintf(harness.path, sizeof harness.path, "%s/a.db", harness.folder);
    harness.now_ms = 1000000;
    harness_open();
    return 0;
}

static inline int harness_teardown(void **state)
{
    (void)state;
    static const char *const endings[] = {"", "-wal", "-shm", ".lock", ".d/results.journal"};
    harness_close();
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", harness.path, endings[i]);
        unlink(path);
    }
    char beside[128];
    snprintf(beside, sizeof beside, "%s.d", harness.path);
    rmdir(beside);
    return rmdir(harness.folder);
}

/* Peers are numbered; a worker's instance is its peer's number at first, 16 times. */
static inline struct peer harness_peer(uint8_t number)
{
    return (struct peer){.length = 5, .id = {0, number}};
}

static inline bool harness_collect(void *context, const struct peer *peer, const void *data,
                                   size_t length, bool *sent, struct error *error)
{
    (void)context;
    (void)error;
    assert_true(harness.inbox_count < INBOX_MAX);
    harness.inbox[harness.inbox_count].peer = peer->id[1];
    harness.inbox[harness.inbox_count++].envelope = wire_unpack(data, length);
    *sent = true;
    return true;
}

static inline void harness_flush(void)
{
    GOOD(outbox_flush(&harness.dispatch.outbox, harness_collect, NULL, harness.now_ms, &error));
}

static inline void harness_commit(void)
{
    bool more;
    GOOD(dispatch_leases(&harness.dispatch, 1000, &more, &error));
    GOOD(store_commit(&harness.store, &error));
    outbox_seal(&harness.dispatch.outbox, harness.store.journal.end);
    outbox_release(&harness.dispatch.outbox, harness.store.journal.size);
    harness_flush();
}

static inline void harness_put(uint8_t peer_number, const Wire__Envelope *envelope)
{
    size_t length = wire__envelope__get_packed_size(envelope);
    uint8_t *data = malloc(length);
    struct peer peer = harness_peer(peer_number);
    wire__envelope__pack(envelope, data);
    GOOD(dispatch_message(&harness.dispatch, &peer, NULL, data, length, &error));
    free(data);
}

/* One message, as the loop does it. */
static inline void harness_send(uint8_t peer_number, const Wire__Envelope *envelope)
{
    GOOD(store_begin(&harness.store, &error));
    harness_put(peer_number, envelope);
    harness_commit();
}

#define SEND(peer, BODY, member, message)                                                          \
    do {                                                                                           \
        Wire__Envelope envelope_ = WIRE__ENVELOPE__INIT;                                           \
        envelope_.body_case = WIRE__ENVELOPE__BODY_##BODY;                                         \
        envelope_.member = (message);                                                              \
        harness_send((peer), &envelope_);                                                          \
    } while (0)

static inline void harness_tick(int64_t pass_ms)
{
    harness.now_ms += pass_ms;
    GOOD(store_begin(&harness.store, &error));
    GOOD(dispatch_tick(&harness.dispatch, &error));
    harness_commit();
}

/* The next message of this kind to this peer; NULL when there is none. Lives until the end. */
static inline Wire__Envelope *harness_take(uint8_t peer_number, Wire__Envelope__BodyCase body)
{
    for (size_t i = 0; i < harness.inbox_count; i++) {
        Wire__Envelope *envelope = harness.inbox[i].envelope;
        if (harness.inbox[i].peer != peer_number || envelope->body_case != body)
            continue;
        harness.inbox[i].peer = 0;
        return envelope;
    }
    return NULL;
}

#define TAKE(peer, BODY) harness_take((peer), WIRE__ENVELOPE__BODY_##BODY)

static inline void harness_hello(uint8_t peer_number, Wire__Role role, uint8_t instance)
{
    uint8_t bytes[INSTANCE_BYTES];
    memset(bytes, instance, sizeof bytes);
    Wire__Hello hello = WIRE__HELLO__INIT;
    hello.protocol = WIRE_PROTOCOL;
    hello.role = role;
    hello.instance.data = bytes;
    hello.instance.len = sizeof bytes;
    hello.slots = 4;
    SEND(peer_number, HELLO, hello, &hello);
    assert_non_null(TAKE(peer_number, WELCOME));
}

static inline Wire__Envelope *harness_ask_submit(uint8_t peer_number, const char *text,
                                                 bool confirmed, bool plan_only)
{
    Wire__Submit submit = WIRE__SUBMIT__INIT;
    submit.file = (char *)(uintptr_t) "t.yaml";
    submit.text.data = (uint8_t *)(uintptr_t)text;
    submit.text.len = strlen(text);
    submit.confirmed = confirmed;
    submit.plan_only = plan_only;
    SEND(peer_number, SUBMIT, submit, &submit);
    while (harness.dispatch.submissions.count > 0) {
        GOOD(store_begin(&harness.store, &error));
        GOOD(dispatch_tasks(&harness.dispatch, harness.now_ms, &error));
        harness_commit();
    }
    Wire__Envelope *reply = TAKE(peer_number, SUBMIT_REPLY);
    return reply ? reply : TAKE(peer_number, REFUSED);
}

static inline Wire__SubmitReply *harness_submit(const char *text)
{
    harness_hello(200, WIRE__ROLE__ROLE_CLIENT, 200);
    Wire__Envelope *reply = harness_ask_submit(200, text, false, false);
    if (reply->body_case == WIRE__ENVELOPE__BODY_REFUSED)
        fail_msg("%s", reply->refused->reason);
    return reply->submit_reply;
}

/* `count` attempts at `first`, all at the same counter. */
static inline void harness_heartbeat(uint8_t peer_number, uint64_t sequence, uint32_t free_slots,
                                     Wire__Lease **leases, size_t count, uint64_t counter)
{
    Wire__Progress progress[16], *list[16];
    for (size_t i = 0; i < count; i++) {
        progress[i] = (Wire__Progress)WIRE__PROGRESS__INIT;
        progress[i].attempt = leases[i]->attempt;
        progress[i].counter = counter;
        progress[i].phase = 1;
        list[i] = &progress[i];
    }
    Wire__Heartbeat heartbeat = WIRE__HEARTBEAT__INIT;
    heartbeat.running = list;
    heartbeat.n_running = count;
    heartbeat.free_slots = free_slots;
    heartbeat.free_memory_bytes = 1 << 30;
    heartbeat.sequence = sequence;
    SEND(peer_number, HEARTBEAT, heartbeat, &heartbeat);
}

/* A worker that joins with one slot and gets a job. */
static inline Wire__Lease *harness_lease(uint8_t worker, uint64_t sequence)
{
    harness_hello(worker, WIRE__ROLE__ROLE_WORKER, worker);
    harness_heartbeat(worker, sequence, 1, NULL, 0, 0);
    Wire__Envelope *envelope = TAKE(worker, LEASE);
    return envelope ? envelope->lease : NULL;
}

/* A result that fits the lease's job, with made-up numbers. */
struct made_result {
    Wire__Result result;
    Wire__Accuracy accuracies[JOB_TEST_SIGMA_MAX], *accuracy_list[JOB_TEST_SIGMA_MAX];
    Wire__Quotient quotients[JOB_TEST_SIGMA_MAX], *quotient_list[JOB_TEST_SIGMA_MAX];
    Wire__EpochMetric epoch, *epoch_list[1];
    struct job job;
    uint8_t train_hash[32];
};

static double harness_percentiles[] = {1, 2, 3, 4, 5, 6};

static inline void harness_fill_levels(struct made_result *made)
{
    for (size_t i = 0; i < made->job.test_sigma_count; i++) {
        Wire__Accuracy *accuracy = made->accuracy_list[i] = &made->accuracies[i];
        wire__accuracy__init(accuracy);
        accuracy->test_sigma = made->job.test_sigma[i];
        accuracy->image_count = 100;
        accuracy->correct_count = 90;
        accuracy->accuracy = 0.9;
        accuracy->n_margin_percentile = 6;
        accuracy->margin_percentile = harness_percentiles;
        if (made->job.test_sigma[i] <= 0)
            continue;
        size_t number = made->result.n_quotients++;
        Wire__Quotient *quotient = made->quotient_list[number] = &made->quotients[number];
        wire__quotient__init(quotient);
        quotient->test_sigma = made->job.test_sigma[i];
        quotient->n_percentile = quotient->n_margin_over_quotient_percentile = 6;
        quotient->percentile = quotient->margin_over_quotient_percentile = harness_percentiles;
    }
}

static inline void harness_make_result(struct made_result *made, const Wire__Lease *lease,
                                       Wire__Outcome outcome)
{
    memset(made, 0, sizeof *made);
    wire__result__init(&made->result);
    GOOD(job_parse(lease->description, strlen(lease->description), &made->job, &error));
    job_train_hash(&made->job, made->train_hash);
    harness_fill_levels(made);
    wire__epoch_metric__init(&made->epoch);
    made->epoch.epoch = 1;
    made->epoch_list[0] = &made->epoch;
    made->result.attempt = lease->attempt;
    made->result.outcome = outcome;
    made->result.reason = (char *)(uintptr_t)(outcome == WIRE__OUTCOME__OUTCOME_DONE ? "" : "why");
    made->result.epochs = made->epoch_list;
    made->result.n_epochs = 1;
    made->result.accuracies = made->accuracy_list;
    made->result.n_accuracies = made->job.test_sigma_count;
    made->result.quotients = made->quotient_list;
    made->result.weights_digest = (char *)(uintptr_t) "w";
    made->result.dataset_digest = made->job.dataset_digest;
    made->result.train_hash.data = made->train_hash;
    made->result.train_hash.len = sizeof made->train_hash;
}

/* Sends it and returns what was answered. */
static inline bool harness_result(uint8_t peer_number, const Wire__Lease *lease,
                                  Wire__Outcome outcome)
{
    struct made_result made;
    harness_make_result(&made, lease, outcome);
    SEND(peer_number, RESULT, result, &made.result);
    Wire__Envelope *ack = TAKE(peer_number, RESULT_ACK);
    assert_non_null(ack);
    return ack->result_ack->accepted;
}

/* First column of the first row. */
static inline int64_t harness_integer(const char *sql)
{
    struct statement *statement;
    int64_t value;
    GOOD(db_prepare(harness.reader, sql, &statement, &error));
    GOOD(store_integer(statement, -1, &value, &error));
    return value;
}

static inline void harness_expect(const char *sql, const char *expected)
{
    struct statement *statement;
    bool row;
    GOOD(db_prepare(harness.reader, sql, &statement, &error));
    GOOD(statement_step(statement, &row, &error));
    const char *text = row ? statement_text(statement, 0) : "no row";
    if (!text || strcmp(text, expected) != 0)
        fail_msg("%s gives %s, not %s", sql, text ? text : "NULL", expected);
    statement_reset(statement);
}

#define STATE(job) "SELECT state FROM job WHERE id = " #job
#define OUTCOMES(job)                                                                              \
    "SELECT group_concat(outcome, ' ') FROM (SELECT outcome FROM attempt WHERE job = " #job        \
    " ORDER BY number)"

#endif
