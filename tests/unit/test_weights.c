#include "coordinator/weights.h"
#include "common/safetensors.h"
#include "folder.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static struct folder root;
static char database[256];
static uint8_t *bytes;
static size_t length;
static char digest[HASH_TEXT];

static int setup(void **state)
{
    (void)state;
    static float numbers[600000];
    for (size_t i = 0; i < 600000; i++)
        numbers[i] = (float)i;
    struct safetensor tensor = {.name = "a", .shape = {600000}, .rank = 1, .data = numbers};
    struct safetensors file = {.count = 1, .list = &tensor};
    folder_init(&root);
    snprintf(database, sizeof database, "%s/x.db", root.path);
    assert_true(safetensors_write(&file, NULL, &bytes, &length, NULL));
    safetensors_digest(&file, digest);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_finish(&root);
    free(bytes);
    return 0;
}

static struct weights_piece piece_at(uint64_t offset)
{
    struct weights_piece piece = {.size = length, .offset = offset, .data = bytes + offset};
    piece.length = length - offset < WEIGHTS_PIECE_MAX ? length - offset : WEIGHTS_PIECE_MAX;
    memcpy(piece.digest, digest, sizeof digest);
    return piece;
}

static struct weights_answer give(uint64_t offset)
{
    struct weights_piece piece = piece_at(offset);
    struct weights_answer answer;
    struct error error;
    if (!weights_take(database, &piece, &answer, &error))
        fail_msg("%s", error.message);
    return answer;
}

static bool is_stored(void)
{
    uint8_t *read;
    size_t read_length;
    if (!weights_folder_read(database, digest, &read, &read_length, NULL))
        return false;
    assert_int_equal(read_length, length);
    assert_memory_equal(read, bytes, length);
    free(read);
    return true;
}

static void pieces_become_a_file(void **state)
{
    (void)state;
    assert_false(is_stored());
    assert_int_equal(give(0).next_offset, WEIGHTS_PIECE_MAX);
    /* Sent again, and one too far: both are told what is wanted. */
    assert_int_equal(give(0).next_offset, WEIGHTS_PIECE_MAX);
    assert_int_equal(give(2 * WEIGHTS_PIECE_MAX).next_offset, WEIGHTS_PIECE_MAX);
    assert_int_equal(give(WEIGHTS_PIECE_MAX).next_offset, 2 * WEIGHTS_PIECE_MAX);
    assert_false(is_stored());
    struct weights_answer last = give(2 * WEIGHTS_PIECE_MAX);
    assert_true(last.stored);
    assert_true(is_stored());
    /* Who comes later with the same weights need not send them. */
    assert_true(give(0).stored);
}

static void a_restart_forgets_what_was_begun(void **state)
{
    (void)state;
    give(0);
    weights_remove_parts(database);
    assert_int_equal(give(WEIGHTS_PIECE_MAX).next_offset, 0);
    for (uint64_t offset = 0; offset < length; offset += WEIGHTS_PIECE_MAX)
        give(offset);
    weights_remove_parts(database);
    assert_true(is_stored());
}

static void refuses(struct weights_piece piece, const char *words)
{
    struct weights_answer answer;
    struct error error = {0};
    assert_false(weights_take(database, &piece, &answer, &error));
    if (!strstr(error.message, words))
        fail_msg("'%s' does not say '%s'", error.message, words);
    assert_false(answer.stored);
}

static void what_is_not_what_it_says_is_not_kept(void **state)
{
    (void)state;
    bytes[length - 1] ^= 1;
    give(0);
    give(WEIGHTS_PIECE_MAX);
    refuses(piece_at(2 * WEIGHTS_PIECE_MAX), "have the digest");
    assert_false(is_stored());
    bytes[length - 1] ^= 1;
    /* Nothing is left of it: from the start. */
    for (uint64_t offset = 0; offset < length; offset += WEIGHTS_PIECE_MAX)
        give(offset);
    assert_true(is_stored());
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    struct weights_piece piece = piece_at(0);
    piece.length = 0;
    refuses(piece, "a piece of 0 bytes");
    piece = piece_at(0);
    piece.length = WEIGHTS_PIECE_MAX + 1;
    refuses(piece, "a piece of");
    piece = piece_at(0);
    piece.offset = UINT64_MAX;
    refuses(piece, "a piece of");
    piece = piece_at(0);
    piece.size = (uint64_t)SAFETENSORS_FILE_MAX + 1;
    refuses(piece, "at most");
    piece = piece_at(0);
    memcpy(piece.digest, "../../../../etc/passwd", 23);
    refuses(piece, "no digest");
    piece = piece_at(0);
    piece.data = (const uint8_t *)"no safetensors";
    piece.length = piece.size = 14;
    refuses(piece, "header");
}

static void pages_make_up_the_file(void **state)
{
    (void)state;
    uint8_t *data;
    size_t part, done = 0;
    uint64_t size = 1;
    struct error error = {0};
    assert_false(weights_page(database, digest, 0, &data, &part, &size, &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    for (uint64_t offset = 0; offset < length; offset += WEIGHTS_PIECE_MAX)
        give(offset);
    while (done < size) {
        assert_true(weights_page(database, digest, done, &data, &part, &size, &error));
        assert_true(part > 0 && part <= WEIGHTS_PIECE_MAX);
        assert_memory_equal(data, bytes + done, part);
        done += part;
        free(data);
    }
    assert_int_equal(done, length);
    assert_true(weights_page(database, digest, UINT64_MAX, &data, &part, &size, &error));
    assert_int_equal(part, 0);
    free(data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pieces_become_a_file),
        TEST(a_restart_forgets_what_was_begun),
        TEST(what_is_not_what_it_says_is_not_kept),
        TEST(nonsense_is_refused),
        TEST(pages_make_up_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
