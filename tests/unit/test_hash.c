#include "common/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void expect_sha256(const char *data, size_t piece, const char *expected)
{
    struct hash_sha256 hash;
    uint8_t digest[HASH_BYTES];
    char text[HASH_TEXT];
    size_t length = strlen(data);
    hash_sha256_init(&hash);
    for (size_t done = 0; done < length; done += piece)
        hash_sha256_add(&hash, data + done, length - done < piece ? length - done : piece);
    hash_sha256_finish(&hash, digest);
    hash_text(digest, sizeof digest, text);
    assert_string_equal(text, expected);
}

/* FIPS 180-4's examples. */
static void sha256_is_that(void **state)
{
    (void)state;
    const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    for (size_t piece = 1; piece < 70; piece += 17) {
        expect_sha256("abc", piece,
                      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        expect_sha256(two_blocks, piece,
                      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    }
    expect_sha256("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 7693 has BLAKE2b-512 alone; this is the 256-bit one of its authors' b2sum. */
static void blake2b_is_that(void **state)
{
    (void)state;
    uint8_t digest[HASH_BYTES];
    char text[HASH_TEXT];
    hash_buffer("abc", 3, digest);
    hash_text(digest, sizeof digest, text);
    assert_string_equal(text, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_is_that),
        cmocka_unit_test(blake2b_is_that),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
