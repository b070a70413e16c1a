#include "common/safetensors.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint8_t *bytes;
static size_t length;

static void write_two(const char *metadata)
{
    static const float weight[] = {1, -2.5F, 0, 3e-40F, 5, 6}, bias[] = {7, 8};
    struct safetensor list[] = {
        {.name = "fc.weight", .shape = {2, 3}, .rank = 2, .data = weight},
        {.name = "fc.bias", .shape = {2}, .rank = 1, .data = bias},
    };
    struct safetensors file = {.count = 2, .list = list};
    assert_true(safetensors_write(&file, metadata, &bytes, &length, NULL));
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct safetensors file;
    float numbers[6];
    write_two("format\0pt\0");
    char *format = safetensors_metadata(bytes, length, "format");
    assert_string_equal(format, "pt");
    free(format);
    assert_null(safetensors_metadata(bytes, length, "else"));
    assert_null(safetensors_metadata(bytes, 7, "format"));
    assert_int_equal((length - 32) % 8, 0);
    assert_true(safetensors_read(&file, bytes, length, NULL));
    assert_int_equal(file.count, 2);
    assert_string_equal(file.list[0].name, "fc.weight");
    assert_null(safetensors_find(&file, "fc"));
    const struct safetensor *bias = safetensors_find(&file, "fc.bias");
    assert_int_equal(bias->rank, 1);
    assert_int_equal(bias->shape[0], 2);
    safetensors_numbers(&file, bias, numbers);
    assert_true(numbers[0] == 7 && numbers[1] == 8);
    safetensors_numbers(&file, safetensors_find(&file, "fc.weight"), numbers);
    assert_true(numbers[1] == -2.5F && numbers[3] == 3e-40F && numbers[5] == 6);
    safetensors_finish(&file);
    free(bytes);
}

/* Metadata is no part of what weights are known by; equal weights are equal files. */
static void digest_is_of_the_numbers(void **state)
{
    (void)state;
    char first[HASH_TEXT], second[HASH_TEXT];
    struct safetensors file;
    write_two(NULL);
    assert_true(safetensors_read(&file, bytes, length, NULL));
    safetensors_digest(&file, first);
    safetensors_finish(&file);
    uint8_t *kept = bytes;
    size_t kept_length = length;
    write_two(NULL);
    assert_int_equal(length, kept_length);
    assert_memory_equal(bytes, kept, length);
    free(kept);
    free(bytes);
    write_two("format\0pt\0");
    assert_true(safetensors_read(&file, bytes, length, NULL));
    safetensors_digest(&file, second);
    safetensors_finish(&file);
    assert_string_equal(first, second);
    free(bytes);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    write_two(NULL);
    for (size_t n = 0; n < length; n++) {
        uint8_t *part = malloc(n + 1); /* of just that size: a read beyond it is found */
        assert_non_null(part);
        part = realloc(part, n ? n : 1);
        memcpy(part, bytes, n);
        struct safetensors file;
        struct error error = {0};
        assert_false(safetensors_read(&file, part, n, &error));
        assert_int_equal(error.code, ERROR_DATA);
        free(part);
    }
    free(bytes);
}

/* A header as text, and `data` bytes after it. */
static void refuses(const char *header, size_t data, const char *words)
{
    size_t text = strlen(header), size = 8 + text + data;
    uint8_t *made = calloc(1, size);
    assert_non_null(made);
    made[0] = (uint8_t)text;
    made[1] = (uint8_t)(text >> 8);
    for (size_t i = 0; i < text; i++)
        made[8 + i] = (uint8_t)header[i];
    struct safetensors file;
    struct error error = {0};
    bool read = safetensors_read(&file, made, size, &error);
    if (!words) {
        assert_true(read);
        safetensors_finish(&file);
    } else {
        assert_false(read);
        assert_int_equal(error.code, ERROR_DATA);
        if (!strstr(error.message, words))
            fail_msg("'%s' does not say '%s'", error.message, words);
    }
    free(made);
}

#define TENSOR(name, shape, from, to)                                                              \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"

static void hostile_headers_are_refused(void **state)
{
    (void)state;
    refuses("{}", 0, NULL);
    refuses("{" TENSOR("a", "[2]", "0", "8") "}", 8, NULL);
    refuses("{" TENSOR("a", "[]", "0", "4") "}", 4, NULL);
    refuses("{" TENSOR("a", "[0, 7]", "0", "0") "," TENSOR("b", "[1]", "0", "4") "}", 4, NULL);
    refuses("[]", 0, "not a JSON object");
    refuses("{", 0, "no JSON");
    refuses("{\"a\":1}", 0, "of type (none)");
    refuses("{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "type F16");
    refuses("{" TENSOR("a", "[2]", "0", "8") "," TENSOR("a", "[2]", "0", "8") "}", 8, "no JSON");
    refuses("{" TENSOR("", "[2]", "0", "8") "}", 8, "name");
    refuses("{" TENSOR("a", "[3]", "0", "8") "}", 8, "offsets");
    refuses("{" TENSOR("a", "[2]", "0", "8") "}", 4, "offsets");
    refuses("{" TENSOR("a", "[2]", "8", "0") "}", 8, "offsets");
    refuses("{" TENSOR("a", "[2]", "-8", "0") "}", 8, "offsets");
    refuses("{" TENSOR("a", "[2]", "0.0", "8") "}", 8, "offsets");
    refuses("{" TENSOR("a", "[2]", "0", "99999999999999999999") "}", 8, "no JSON");
    refuses("{" TENSOR("a", "[-2]", "0", "8") "}", 8, "shape");
    refuses("{" TENSOR("a", "2", "0", "8") "}", 8, "shape");
    refuses("{" TENSOR("a", "[65536,65536,65536,65536]", "0", "0") "}", 0, "shape");
    refuses("{" TENSOR("a", "[1,1,1,1,1,1,1,1,1]", "0", "4") "}", 4, "shape");
    refuses("{" TENSOR("a", "[1]", "0", "4") "," TENSOR("b", "[1]", "0", "4") "}", 8, "overlaps");
    refuses("{" TENSOR("a", "[1]", "0", "4") "," TENSOR("b", "[1]", "8", "12") "}", 12, "gap");
    refuses("{" TENSOR("a", "[1]", "0", "4") "}", 8, "belong to no tensor");
    refuses("{\"a\\u0000b\":{}}", 0, "no JSON");
}

static void header_lengths_are_checked(void **state)
{
    (void)state;
    struct safetensors file;
    struct error error;
    uint8_t huge[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    assert_false(safetensors_read(&file, huge, sizeof huge, &error));
    size_t size = 8 + SAFETENSORS_HEADER_MAX + 16;
    uint8_t *large = calloc(1, size);
    assert_non_null(large);
    uint32_t header = SAFETENSORS_HEADER_MAX + 1;
    for (int i = 0; i < 4; i++)
        large[i] = (uint8_t)(header >> (8 * i));
    assert_false(safetensors_read(&file, large, size, &error));
    assert_non_null(strstr(error.message, "limit"));
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(digest_is_of_the_numbers),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(header_lengths_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
