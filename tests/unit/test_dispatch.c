/* Time, order and memory of the coordinator: what the loop relies on. */
#include "coordinator_harness.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>

#include "coordinator/store_weights.h"
#include "coordinator/turn.h"
#include "coordinator/weights.h"

#define SWEEP                                                                                      \
    "name: s\ndataset: glyphs\nmodel: mnist-cnn\ntrain: {epochs: 1, batch: 100, lr: 0.05}\n"       \
    "grid: {k: [0.1, 0.2, 0.3]}\nloss: {lambda: 1, sigma: 0.1}\nseeds: 1\nbaseline: false\n"       \
    "test: {sigma: [0], seed: 1}\n"

/* Promise 1: what is acknowledged is committed; so nothing leaves before the commit. */
static void answers_wait_for_the_commit(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    struct made_result made;
    harness_make_result(&made, lease, WIRE__OUTCOME__OUTCOME_DONE);
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    envelope.body_case = WIRE__ENVELOPE__BODY_RESULT;
    envelope.result = &made.result;
    GOOD(store_begin(&harness.store, &error));
    harness_put(1, &envelope);
    harness_flush();
    assert_null(TAKE(1, RESULT_ACK));
    /* A crash here: the result was neither recorded nor acknowledged, and comes again. */
    assert_int_equal(harness_integer("SELECT count(*) FROM training"), 0);
    harness_close();
    harness_open();
    harness_expect(STATE(1), "leased");
    assert_int_equal(harness.dispatch.leases.by_job.count, 1);
}

/* A crash between the commit and the journal's line: the worker was not told, so it sends again. */
static void a_result_that_comes_again_is_in_the_journal(void **state)
{
    (void)state;
    char path[128];
    harness_submit(SWEEP);
    int64_t empty = harness.store.journal.size;
    struct made_result made;
    harness_make_result(&made, harness_lease(1, 1), WIRE__OUTCOME__OUTCOME_DONE);
    uint8_t instance[INSTANCE_BYTES]; /* the lease goes when the harness closes */
    memset(instance, 1, sizeof instance);
    Wire__AttemptId attempt = *made.result.attempt;
    attempt.instance.data = instance;
    made.result.attempt = &attempt;
    SEND(1, RESULT, result, &made.result);
    int64_t one = harness.store.journal.size;
    assert_true(one > empty);
    harness_close();
    snprintf(path, sizeof path, "%s.d/results.journal", harness.path);
    assert_int_equal(truncate(path, empty), 0);
    harness_open();
    assert_int_equal(harness.store.journal.size, empty);
    harness_hello(1, WIRE__ROLE__ROLE_WORKER, 1);
    SEND(1, RESULT, result, &made.result);
    assert_true(TAKE(1, RESULT_ACK)->result_ack->accepted);
    assert_int_equal(harness.store.journal.size, one);
    harness_expect(STATE(1), "done");
    assert_int_equal(harness_integer("SELECT count(*) FROM training"), 1);
    /* The same attempt with other numbers is no result that was recorded. */
    made.accuracies[0].accuracy /= 2;
    SEND(1, RESULT, result, &made.result);
    assert_int_equal(harness.store.journal.size, one);
}

static void one_bad_result_among_many_is_undone_alone(void **state)
{
    (void)state;
    harness_submit("name: s\ndataset: glyphs\nmodel: mnist-cnn\n"
                   "train: {epochs: 1, batch: 100, lr: 0.05}\ngrid: {k: [0.1, 0.2, 0.3]}\n"
                   "loss: {lambda: 1, sigma: 0.1}\nseeds: 1\nbaseline: false\n"
                   "test: {sigma: [0, 0.1], seed: 1}\n");
    static struct made_result made[3];
    double unfit[] = {1, 2, 3, NAN, 5, 6};
    for (uint8_t i = 0; i < 3; i++)
        harness_make_result(&made[i], harness_lease(i + 1, 1), WIRE__OUTCOME__OUTCOME_DONE);
    made[1].quotients[0].margin_over_quotient_percentile = unfit;
    GOOD(store_begin(&harness.store, &error));
    for (uint8_t i = 0; i < 3; i++) {
        Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
        envelope.body_case = WIRE__ENVELOPE__BODY_RESULT;
        envelope.result = &made[i].result;
        harness_put(i + 1, &envelope);
    }
    harness_commit();
    for (uint8_t i = 0; i < 3; i++) {
        assert_int_equal(TAKE(i + 1, RESULT_ACK) != NULL, i != 1);
        assert_null(TAKE(i + 1, RESULT_ACK)); /* once */
    }
    assert_non_null(TAKE(2, REFUSED));
    assert_int_equal(harness.dispatch.leases.by_job.count, 1);
    harness_expect(STATE(1), "done");
    harness_expect(STATE(2), "leased");
    harness_expect(STATE(3), "done");
    assert_int_equal(harness_integer("SELECT count(*) FROM training"), 2);
    assert_int_equal(harness_integer("SELECT count(*) FROM accuracy"), 4);
    assert_int_equal(harness_integer("SELECT count(*) FROM epoch_metric"), 2);
    made[1].quotients[0].margin_over_quotient_percentile = harness_percentiles;
    SEND(2, RESULT, result, &made[1].result);
    assert_non_null(TAKE(2, RESULT_ACK));
    harness_expect(STATE(2), "done");
}

/* As the loop does it: the transaction begins with the first message that stores something. */
static void heartbeats_alone_need_no_transaction(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    Wire__Heartbeat heartbeat = WIRE__HEARTBEAT__INIT;
    heartbeat.sequence = 2;
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    envelope.body_case = WIRE__ENVELOPE__BODY_HEARTBEAT;
    envelope.heartbeat = &heartbeat;
    store_begin_later(&harness.store);
    harness_put(1, &envelope);
    assert_true(harness.store.later);
    harness_commit();
    assert_non_null(TAKE(1, HEARTBEAT_ACK));
    struct made_result made;
    harness_make_result(&made, lease, WIRE__OUTCOME__OUTCOME_DONE);
    envelope.body_case = WIRE__ENVELOPE__BODY_RESULT;
    envelope.result = &made.result;
    store_begin_later(&harness.store);
    harness_put(1, &envelope);
    assert_false(harness.store.later);
    harness_expect(STATE(1), "leased"); /* for others, until the commit */
    harness_commit();
    harness_expect(STATE(1), "done");
    assert_non_null(TAKE(1, RESULT_ACK));
}

static void strangers_are_asked_who_they_are(void **state)
{
    (void)state;
    Wire__Heartbeat heartbeat = WIRE__HEARTBEAT__INIT;
    SEND(9, HEARTBEAT, heartbeat, &heartbeat);
    assert_non_null(TAKE(9, WHO_ARE_YOU));
    assert_null(TAKE(9, HEARTBEAT_ACK));
    Wire__Hello hello = WIRE__HELLO__INIT;
    hello.protocol = 99;
    hello.role = WIRE__ROLE__ROLE_CLIENT;
    SEND(9, HELLO, hello, &hello);
    Wire__Envelope *refused = TAKE(9, REFUSED);
    assert_int_equal(refused->refused->code, WIRE__REFUSED__CODE__PROTOCOL);
    assert_non_null(strstr(refused->refused->reason, "99"));
    assert_int_equal(refused->refused->protocol, WIRE_PROTOCOL);
    SEND(9, HEARTBEAT, heartbeat, &heartbeat);
    assert_non_null(TAKE(9, WHO_ARE_YOU));
}

static void roles_are_kept_apart(void **state)
{
    (void)state;
    harness_hello(1, WIRE__ROLE__ROLE_WORKER, 1);
    harness_hello(2, WIRE__ROLE__ROLE_CLIENT, 2);
    Wire__Heartbeat heartbeat = WIRE__HEARTBEAT__INIT;
    Wire__Live live = WIRE__LIVE__INIT;
    SEND(2, HEARTBEAT, heartbeat, &heartbeat);
    assert_non_null(TAKE(2, REFUSED));
    SEND(1, LIVE, live, &live);
    assert_non_null(TAKE(1, REFUSED));
    SEND(2, LIVE, live, &live);
    assert_int_equal(TAKE(2, LIVE_REPLY)->live_reply->n_workers, 1);
}

static void heartbeats_keep_a_lease_and_silence_loses_it(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    for (uint64_t i = 0; i < 20; i++) {
        harness_heartbeat(1, i + 2, 0, &lease, 1, i);
        harness_tick(LEASE_MS - 1);
        harness_expect(STATE(1), "leased");
    }
    harness_tick(1);
    harness_expect(STATE(1), "pending");
    harness_expect(OUTCOMES(1), "lost");
}

/* One that was lost, but not leased again, is let go on: its result still counts. */
static void a_late_worker_is_stopped_only_when_another_has_the_job(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    harness_tick(LEASE_MS);
    harness_heartbeat(1, 2, 0, &lease, 1, 1);
    assert_null(TAKE(1, ATTEMPT_OVER));
    assert_int_equal(harness_lease(2, 1)->attempt->job, 1);
    harness_heartbeat(1, 3, 0, &lease, 1, 2);
    assert_non_null(TAKE(1, ATTEMPT_OVER));
}

static void no_progress_ends_the_attempt(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    for (uint64_t i = 2; i < 2 + STUCK_MS / HEARTBEAT_MS; i++) {
        harness_heartbeat(1, i, 0, &lease, 1, 7);
        harness_tick(HEARTBEAT_MS);
    }
    harness_expect(OUTCOMES(1), "failed");
    harness_expect("SELECT reason FROM attempt", "no progress for 300 s");
    assert_non_null(TAKE(1, ATTEMPT_OVER));
}

static void a_restart_gives_every_lease_a_full_term(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    assert_non_null(harness_lease(1, 1));
    harness_tick(LEASE_MS - 1);
    harness_close();
    harness.now_ms += 1000000;
    harness_open();
    harness_tick(LEASE_MS - 1);
    harness_expect(STATE(1), "leased");
    harness_tick(1);
    harness_expect(STATE(1), "pending");
}

/* The lease was committed, its message lost with the crash. */
static void a_lease_that_never_arrived_is_sent_again(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    assert_int_equal(lease->after_heartbeat, 1);
    harness_heartbeat(1, 2, 0, NULL, 0, 0); /* may have crossed it */
    assert_null(TAKE(1, LEASE));
    harness_heartbeat(1, 3, 0, NULL, 0, 0);
    Wire__Envelope *again = TAKE(1, LEASE);
    assert_int_equal(again->lease->attempt->job, 1);
    assert_int_equal(again->lease->attempt->attempt, 1);
    harness_heartbeat(1, 4, 0, &again->lease, 1, 1);
    harness_heartbeat(1, 5, 0, &again->lease, 1, 2);
    assert_null(TAKE(1, LEASE));
    assert_int_equal(harness_integer("SELECT count(*) FROM attempt"), 1);
}

/* Free slots less the leases that the worker cannot know of yet. */
static void nobody_gets_more_than_it_has_room_for(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    harness_hello(1, WIRE__ROLE__ROLE_WORKER, 1);
    harness_heartbeat(1, 1, 2, NULL, 0, 0);
    Wire__Lease *leases[] = {TAKE(1, LEASE)->lease, TAKE(1, LEASE)->lease};
    assert_null(TAKE(1, LEASE));
    harness_heartbeat(1, 2, 2, NULL, 0, 0); /* sent before they arrived */
    assert_null(TAKE(1, LEASE));
    harness_heartbeat(1, 3, 0, leases, 2, 1);
    assert_null(TAKE(1, LEASE));
    harness_heartbeat(1, 4, 1, leases, 2, 2); /* a third slot */
    assert_int_equal(TAKE(1, LEASE)->lease->attempt->job, 3);
}

/* However many ask for a label that this worker has not. */
static void sweeps_for_others_hide_none(void **state)
{
    (void)state;
    char text[1000];
    struct error error;
    assert_true(db_execute(harness.store.db, "PRAGMA synchronous = OFF", &error));
    for (int i = 0; i <= TURNS_MAX; i++) {
        snprintf(text, sizeof text, "name: s%d%srun: {requires: {ecc: 1}}\n", i,
                 strchr(SWEEP, '\n'));
        harness_submit(text);
    }
    harness_submit(SWEEP);
    const Wire__Lease *lease = harness_lease(1, 1);
    assert_non_null(lease);
    assert_string_equal(lease->sweep, "s");
}

/* An idle worker that was killed has room for ever: a job leased to it would wait for its lease to
 * end, and lose an attempt. */
static void silent_workers_get_nothing(void **state)
{
    (void)state;
    harness_hello(1, WIRE__ROLE__ROLE_WORKER, 1);
    harness_heartbeat(1, 1, 1, NULL, 0, 0);
    harness_tick(3 * HEARTBEAT_MS + 1);
    harness_submit(SWEEP);
    assert_null(TAKE(1, LEASE));
    harness_heartbeat(1, 2, 1, NULL, 0, 0);
    assert_non_null(TAKE(1, LEASE));
}

static void a_reconnected_worker_is_the_same_one(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    harness_hello(5, WIRE__ROLE__ROLE_WORKER, 1);
    harness_heartbeat(5, 2, 0, &lease, 1, 1);
    assert_non_null(TAKE(5, HEARTBEAT_ACK));
    assert_int_equal(harness.dispatch.fleet.workers.count, 1);
    assert_true(harness_result(5, lease, WIRE__OUTCOME__OUTCOME_DONE));
    Wire__Heartbeat heartbeat = WIRE__HEARTBEAT__INIT;
    SEND(1, HEARTBEAT, heartbeat, &heartbeat); /* the old connection is a stranger's */
    assert_non_null(TAKE(1, WHO_ARE_YOU));
}

/* A restarted worker delivers what its earlier run spooled. */
static void another_instance_may_deliver_a_spooled_result(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    harness_hello(6, WIRE__ROLE__ROLE_WORKER, 6);
    assert_true(harness_result(6, lease, WIRE__OUTCOME__OUTCOME_DONE));
    assert_int_equal(harness_integer("SELECT count(*) FROM job WHERE state = 'done'"), 1);
}

static void goodbye_and_silence_end_a_worker(void **state)
{
    (void)state;
    harness_hello(1, WIRE__ROLE__ROLE_WORKER, 1);
    harness_hello(2, WIRE__ROLE__ROLE_WORKER, 2);
    Wire__Goodbye goodbye = WIRE__GOODBYE__INIT;
    SEND(1, GOODBYE, goodbye, &goodbye);
    assert_int_equal(harness_integer("SELECT count(*) FROM worker WHERE left_at IS NOT NULL"), 1);
    harness_tick(10 * LEASE_MS);
    assert_int_equal(harness_integer("SELECT count(*) FROM worker WHERE left_at IS NOT NULL"), 2);
    assert_int_equal(harness.dispatch.fleet.workers.count, 0);
    assert_int_equal(harness.dispatch.fleet.sessions.count, 0);
}

static void garbage_changes_nothing(void **state)
{
    (void)state;
    harness_hello(1, WIRE__ROLE__ROLE_WORKER, 1);
    const char *const garbage[] = {"", "\xff\xff\xff\xff", "GET / HTTP/1.1", "\x0a\x00"};
    struct peer peer = harness_peer(1);
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++)
        GOOD(dispatch_message(&harness.dispatch, &peer, NULL, garbage[i], strlen(garbage[i]),
                              &error));
    assert_true(harness.dispatch.malformed_count >= 3);
    Wire__Heartbeat heartbeat = WIRE__HEARTBEAT__INIT;
    heartbeat.sequence = 1;
    Wire__Progress progress = WIRE__PROGRESS__INIT, *list[] = {&progress};
    heartbeat.running = list; /* without an attempt */
    heartbeat.n_running = 1;
    SEND(1, HEARTBEAT, heartbeat, &heartbeat);
    assert_non_null(TAKE(1, HEARTBEAT_ACK));
    Wire__Result result = WIRE__RESULT__INIT;
    SEND(1, RESULT, result, &result);
    assert_non_null(TAKE(1, REFUSED));
    Wire__EpochReport report = WIRE__EPOCH_REPORT__INIT;
    SEND(1, EPOCH_REPORT, epoch_report, &report);
    assert_non_null(TAKE(1, REFUSED));
}

static void send_log(const Wire__Lease *lease, uint64_t offset, const char *text)
{
    Wire__LogChunk chunk = WIRE__LOG_CHUNK__INIT;
    chunk.attempt = lease->attempt;
    chunk.offset = offset;
    chunk.text.data = (uint8_t *)(uintptr_t)text;
    chunk.text.len = strlen(text);
    SEND(1, LOG_CHUNK, log_chunk, &chunk);
}

static void logs_keep_their_head_and_tail(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    send_log(lease, 0, "one ");
    send_log(lease, 0, "one "); /* again */
    send_log(lease, 2, "e two ");
    harness_expect("SELECT CAST(head AS TEXT) FROM attempt_log", "one two ");
    send_log(lease, 18, "four");
    harness_expect("SELECT CAST(head AS TEXT) FROM attempt_log",
                   "one two \n[10 bytes of the log never came]\nfour");
    enum { PIECE = 100000 };
    char *piece = malloc(PIECE + 1);
    piece[PIECE] = '\0';
    for (uint64_t i = 0; i < 20; i++) {
        memset(piece, 'a' + (int)i, PIECE);
        send_log(lease, 22 + i * PIECE, piece);
    }
    free(piece);
    assert_int_equal(harness_integer("SELECT length FROM attempt_log"), 22 + 20 * PIECE);
    assert_int_equal(harness_integer("SELECT length(head) FROM attempt_log"), 512 * 1024);
    assert_int_equal(harness_integer("SELECT length(tail) FROM attempt_log"), 512 * 1024);
    harness_expect("SELECT CAST(substr(tail, -3) AS TEXT) FROM attempt_log", "ttt");
    harness_expect("SELECT CAST(substr(head, 1, 3) AS TEXT) FROM attempt_log", "one");
    harness_tick(LEASE_MS);
    send_log(lease, 22 + 20 * PIECE, "too late");
    assert_int_equal(harness_integer("SELECT length FROM attempt_log"), 22 + 20 * PIECE);
}

static bool never_sent(void *context, const struct peer *peer, const void *data, size_t length,
                       bool *sent, struct error *error)
{
    (void)peer;
    (void)data;
    (void)length;
    (void)error;
    ++*(int *)context;
    *sent = false;
    return true;
}

static void a_peer_that_does_not_read_holds_nobody_up(void **state)
{
    (void)state;
    struct outbox outbox;
    struct peer slow = harness_peer(1);
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    Wire__WhoAreYou question = WIRE__WHO_ARE_YOU__INIT;
    envelope.body_case = WIRE__ENVELOPE__BODY_WHO_ARE_YOU;
    envelope.who_are_you = &question;
    outbox_init(&outbox);
    for (int i = 0; i < OUTBOX_MESSAGES_MAX + 5; i++)
        outbox_add(&outbox, &slow, &envelope, 0);
    assert_int_equal(outbox.dropped_count, 5);
    assert_false(outbox_is_waiting(&outbox));
    outbox_release(&outbox, 10);
    assert_false(outbox_is_waiting(&outbox)); /* its transaction is not committed */
    outbox_seal(&outbox, 10);
    outbox_release(&outbox, 9);
    assert_false(outbox_is_waiting(&outbox)); /* its line of the journal is not on disk */
    outbox_release(&outbox, 10);
    assert_true(outbox_is_waiting(&outbox));
    int tries = 0;
    GOOD(outbox_flush(&outbox, never_sent, &tries, 1, &error));
    assert_int_equal(tries, 1); /* once a round, not once a message */
    assert_int_equal(outbox.count, OUTBOX_MESSAGES_MAX);
    GOOD(outbox_flush(&outbox, never_sent, &tries, OUTBOX_AGE_MAX_MS + 1, &error));
    assert_int_equal(outbox.count, 0);
    assert_int_equal(outbox.bytes, 0);
    outbox_add(&outbox, &slow, &envelope, 0);
    outbox_seal(&outbox, 10);
    outbox_add(&outbox, &slow, &envelope, 0);
    outbox_seal(&outbox, 20);
    outbox_release(&outbox, 19);
    GOOD(outbox_flush(&outbox, never_sent, &tries, OUTBOX_AGE_MAX_MS + 1, &error));
    assert_int_equal(outbox.count, 1);
    outbox_finish(&outbox);
}

enum { PIECE = 100, WEIGHTS = 600000 };

static void send_first_piece(const Wire__Lease *lease, const uint8_t digest[HASH_BYTES])
{
    uint8_t bytes[PIECE] = {0};
    Wire__Checkpoint checkpoint = WIRE__CHECKPOINT__INIT;
    Wire__CheckpointChunk chunk = WIRE__CHECKPOINT_CHUNK__INIT;
    checkpoint.file.data = (uint8_t *)(uintptr_t)digest;
    checkpoint.file.len = HASH_BYTES;
    checkpoint.size = 2 * PIECE;
    checkpoint.step = 1;
    chunk.attempt = lease->attempt;
    chunk.checkpoint = &checkpoint;
    chunk.data.data = bytes;
    chunk.data.len = PIECE;
    SEND(1, CHECKPOINT_CHUNK, checkpoint_chunk, &chunk);
    Wire__Envelope *ack = TAKE(1, CHECKPOINT_ACK);
    assert_string_equal(ack->checkpoint_ack->refused, "");
    assert_int_equal(ack->checkpoint_ack->next_offset, PIECE);
}

static void remove_folder(void)
{
    char folder[256];
    snprintf(folder, sizeof folder, "%s.d/checkpoints", harness.path);
    assert_int_equal(rmdir(folder), 0); /* nothing is left in it */
}

static void part_path(const uint8_t digest[HASH_BYTES], char path[256])
{
    char text[HASH_TEXT];
    hash_text(digest, HASH_BYTES, text);
    snprintf(path, 256, "%s.d/checkpoints/%s.part", harness.path, text);
}

/* The answer: what it was refused for, "" when it was taken. */
static const char *send_weights(uint8_t worker, const Wire__Lease *lease, uint8_t name,
                                uint64_t offset)
{
    uint8_t digest[HASH_BYTES] = {name}, bytes[PIECE] = {0};
    Wire__WeightsChunk chunk = WIRE__WEIGHTS_CHUNK__INIT;
    chunk.attempt = lease->attempt;
    chunk.digest.data = digest;
    chunk.digest.len = HASH_BYTES;
    chunk.size = WEIGHTS;
    chunk.offset = offset;
    chunk.data.data = bytes;
    chunk.data.len = PIECE;
    SEND(worker, WEIGHTS_CHUNK, weights_chunk, &chunk);
    return TAKE(worker, WEIGHTS_ACK)->weights_ack->refused;
}

/* Each alone is within the limit of 0.001 GiB. */
static void weights_that_come_together_keep_to_the_limit(void **state)
{
    (void)state;
    char digest[HASH_TEXT], path[256];
    harness_submit(SWEEP "run: {keep_gib: 0.001}\n");
    const Wire__Lease *one = harness_lease(1, 1), *other = harness_lease(2, 1);
    assert_string_equal(send_weights(1, one, 1, 0), "");
    assert_string_equal(send_weights(2, other, 2, 0), "");
    hash_text((const uint8_t[HASH_BYTES]){1}, HASH_BYTES, digest);
    const struct attempt_id id = {.job = (int64_t)one->attempt->job, .number = 1};
    GOOD(store_weights_arrived(&harness.store, digest, WEIGHTS, &id, &error));
    assert_non_null(strstr(send_weights(2, other, 2, WEIGHTS - PIECE), "may take 1 MiB"));
    hash_text((const uint8_t[HASH_BYTES]){2}, HASH_BYTES, digest);
    snprintf(path, sizeof path, "%s.d/weights/%s.part", harness.path, digest);
    assert_int_equal(access(path, F_OK), -1);
    /* One that is sent again does not stand in its own way. */
    assert_string_equal(send_weights(1, one, 1, 0), "");
    hash_text((const uint8_t[HASH_BYTES]){1}, HASH_BYTES, digest);
    weights_remove_part(harness.path, digest);
    snprintf(path, sizeof path, "%s.d/weights", harness.path);
    assert_int_equal(rmdir(path), 0); /* nothing is left in it */
}

/* The job goes on, and has sent a newer one since. */
static void half_a_checkpoint_does_not_stay(void **state)
{
    (void)state;
    const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    const uint8_t digest[HASH_BYTES] = {1, 2, 3};
    char path[256];
    harness_submit(SWEEP);
    send_first_piece(harness_lease(1, 1), digest);
    part_path(digest, path);
    assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    harness_tick(1000);
    assert_int_equal(access(path, F_OK), -1);
    remove_folder();
}

static void half_a_checkpoint_goes_when_its_attempt_is_over(void **state)
{
    (void)state;
    const uint8_t digest[HASH_BYTES] = {1, 2, 3};
    char path[256];
    harness_submit(SWEEP);
    const Wire__Lease *lease = harness_lease(1, 1);
    send_first_piece(lease, digest);
    part_path(digest, path);
    harness_tick(1000);
    assert_int_equal(access(path, F_OK), 0); /* it may still grow */
    assert_true(harness_result(1, lease, WIRE__OUTCOME__OUTCOME_DONE));
    harness_tick(1000);
    assert_int_equal(access(path, F_OK), -1);
    remove_folder();
}

static bool take_piece(struct checkpoints_coming *coming, const uint8_t digest[HASH_BYTES],
                       const uint8_t *bytes, uint64_t offset, uint64_t *next_offset)
{
    bool stored;
    struct error error;
    struct checkpoint_piece piece = {
        .size = 2 * PIECE, .offset = offset, .data = bytes + offset, .length = PIECE};
    memcpy(piece.digest, digest, HASH_BYTES);
    if (!checkpoints_take(harness.path, coming, &piece, next_offset, &stored, &error)) {
        assert_non_null(strstr(error.message, "damaged"));
        return false;
    }
    assert_int_equal(stored, *next_offset == 2 * PIECE);
    return true;
}

static bool sends_no_more(void *context, const struct attempt_id *sender)
{
    (void)context;
    (void)sender;
    return false;
}

/* Hashed as it comes, or at the end where too many others came meanwhile. */
static void checkpoints_that_come_at_once_are_told_apart(void **state)
{
    (void)state;
    static struct checkpoints_coming coming;
    uint8_t bytes[2 * PIECE], digest[HASH_BYTES], other[HASH_BYTES] = {0};
    uint64_t next_offset;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    struct hash_sha256 hash;
    hash_sha256_init(&hash);
    hash_sha256_add(&hash, bytes, sizeof bytes);
    hash_sha256_finish(&hash, digest);
    for (int others = 0; others <= CHECKPOINTS_COMING_MAX; others += CHECKPOINTS_COMING_MAX) {
        assert_true(take_piece(&coming, digest, bytes, 0, &next_offset));
        for (int i = 0; i < others; i++) {
            other[0] = (uint8_t)i;
            assert_true(take_piece(&coming, other, bytes, 0, &next_offset));
        }
        assert_true(take_piece(&coming, digest, bytes, PIECE, &next_offset));
        assert_int_equal(next_offset, 2 * PIECE);
        char text[HASH_TEXT];
        struct error error;
        hash_text(digest, HASH_BYTES, text);
        assert_true(checkpoints_remove(harness.path, text, &error));
    }
    assert_false(take_piece(&coming, other, bytes, PIECE, &next_offset));
    assert_true(take_piece(&coming, other, bytes, PIECE, &next_offset));
    assert_int_equal(next_offset, 0); /* it begins again */
    checkpoints_remove_unsent(harness.path, &coming, sends_no_more, NULL);
    checkpoints_remove_parts(harness.path, INT64_MAX);
    remove_folder();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(answers_wait_for_the_commit),
        TEST(a_result_that_comes_again_is_in_the_journal),
        TEST(one_bad_result_among_many_is_undone_alone),
        TEST(heartbeats_alone_need_no_transaction),
        TEST(strangers_are_asked_who_they_are),
        TEST(roles_are_kept_apart),
        TEST(heartbeats_keep_a_lease_and_silence_loses_it),
        TEST(a_late_worker_is_stopped_only_when_another_has_the_job),
        TEST(no_progress_ends_the_attempt),
        TEST(a_restart_gives_every_lease_a_full_term),
        TEST(a_lease_that_never_arrived_is_sent_again),
        TEST(nobody_gets_more_than_it_has_room_for),
        TEST(sweeps_for_others_hide_none),
        TEST(silent_workers_get_nothing),
        TEST(a_reconnected_worker_is_the_same_one),
        TEST(another_instance_may_deliver_a_spooled_result),
        TEST(goodbye_and_silence_end_a_worker),
        TEST(garbage_changes_nothing),
        TEST(logs_keep_their_head_and_tail),
        TEST(a_peer_that_does_not_read_holds_nobody_up),
        TEST(weights_that_come_together_keep_to_the_limit),
        TEST(half_a_checkpoint_does_not_stay),
        TEST(half_a_checkpoint_goes_when_its_attempt_is_over),
        TEST(checkpoints_that_come_at_once_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
