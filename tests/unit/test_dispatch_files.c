/* What workers send in pieces: logs, weights, checkpoints. */
#include "coordinator_harness.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "coordinator/store_weights.h"
#include "coordinator/weights.h"

#define SWEEP                                                                                      \
    "name: s\ndataset: glyphs\nmodel: mnist-cnn\ntrain: {epochs: 1, batch: 100, lr: 0.05}\n"       \
    "grid: {k: [0.1, 0.2, 0.3]}\nloss: {lambda: 1, sigma: 0.1}\nseeds: 1\nbaseline: false\n"       \
    "test: {sigma: [0], seed: 1}\n"

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
        TEST(logs_keep_their_head_and_tail),
        TEST(weights_that_come_together_keep_to_the_limit),
        TEST(half_a_checkpoint_does_not_stay),
        TEST(half_a_checkpoint_goes_when_its_attempt_is_over),
        TEST(checkpoints_that_come_at_once_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
