#include "common/safetensors.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, NUMBER_BYTES = 4, ALIGNMENT = 8 };

/* --- numbers --- */

static void put_little(uint8_t *bytes, uint64_t value, int length)
{
    for (int i = 0; i < length; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_little(const uint8_t *bytes, int length)
{
    uint64_t value = 0;
    for (int i = 0; i < length; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static void put_numbers(uint8_t *bytes, const float *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, &numbers[i], sizeof word);
        put_little(bytes + NUMBER_BYTES * i, word, NUMBER_BYTES);
    }
}

void safetensors_numbers(const struct safetensors *file, const struct safetensor *tensor,
                         float *numbers)
{
    for (size_t i = 0; i < tensor->count; i++) {
        uint32_t word =
            (uint32_t)get_little(file->data + tensor->offset + NUMBER_BYTES * i, NUMBER_BYTES);
        memcpy(&numbers[i], &word, sizeof word);
    }
}

/* The product of a shape; false when it does not fit in a file. */
static bool multiply(const struct safetensor *tensor, size_t *count)
{
    *count = 1;
    for (int i = 0; i < tensor->rank; i++) {
        if (tensor->shape[i] != 0 && *count > SAFETENSORS_FILE_MAX / tensor->shape[i])
            return false;
        *count *= tensor->shape[i];
    }
    return *count <= SAFETENSORS_FILE_MAX / NUMBER_BYTES;
}

/* --- writing --- */

static json_t *describe(const struct safetensor *tensor)
{
    json_t *shape = json_array();
    for (int i = 0; i < tensor->rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)tensor->shape[i]));
    size_t end = tensor->offset + NUMBER_BYTES * tensor->count;
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape, "data_offsets",
                     (json_int_t)tensor->offset, (json_int_t)end);
}

static json_t *describe_metadata(const char *metadata)
{
    json_t *object = json_object();
    while (*metadata) {
        const char *value = metadata + strlen(metadata) + 1;
        json_object_set_new(object, metadata, json_string(value));
        metadata = value + strlen(value) + 1;
    }
    return object;
}

static char *make_header(const struct safetensors *file, const char *metadata)
{
    json_t *header = json_object();
    if (metadata)
        json_object_set_new(header, "__metadata__", describe_metadata(metadata));
    for (size_t i = 0; i < file->count; i++)
        json_object_set_new(header, file->list[i].name, describe(&file->list[i]));
    bool whole = json_object_size(header) == file->count + (metadata != NULL);
    char *text = whole ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    return text;
}

static bool place(struct safetensors *file, struct error *error)
{
    file->data_length = 0;
    for (size_t i = 0; i < file->count; i++) {
        struct safetensor *tensor = &file->list[i];
        if (!multiply(tensor, &tensor->count))
            return error_set(error, ERROR_INVALID, "the tensor %s is too large for a file",
                             tensor->name);
        tensor->offset = file->data_length;
        file->data_length += NUMBER_BYTES * tensor->count;
        if (file->data_length > SAFETENSORS_FILE_MAX / 2)
            return error_set(error, ERROR_INVALID, "%zu bytes of weights are too many for a file",
                             file->data_length);
    }
    return true;
}

bool safetensors_write(struct safetensors *file, const char *metadata, uint8_t **bytes,
                       size_t *length, struct error *error)
{
    if (!place(file, error))
        return false;
    char *header = make_header(file, metadata);
    size_t text_length = header ? strlen(header) : 0;
    /* Spaces up to a multiple of eight: the data can be mapped. */
    size_t header_length = (text_length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    *length = LENGTH_BYTES + header_length + file->data_length;
    *bytes = header ? malloc(*length) : NULL;
    if (!*bytes) {
        free(header);
        return error_set(error, ERROR_MEMORY, "out of memory for a file of weights");
    }
    put_little(*bytes, header_length, LENGTH_BYTES);
    memset(*bytes + LENGTH_BYTES, ' ', header_length);
    memcpy(*bytes + LENGTH_BYTES, header, text_length);
    free(header);
    file->data = *bytes + LENGTH_BYTES + header_length;
    for (size_t i = 0; i < file->count; i++)
        put_numbers(*bytes + LENGTH_BYTES + header_length + file->list[i].offset,
                    file->list[i].data, file->list[i].count);
    return true;
}

/* --- reading --- */

static bool read_size(const json_t *value, size_t *size)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > SAFETENSORS_FILE_MAX)
        return false;
    *size = (size_t)json_integer_value(value);
    return true;
}

static bool read_shape(const json_t *shape, struct safetensor *tensor)
{
    if (!json_is_array(shape) || json_array_size(shape) > SAFETENSORS_RANK_MAX)
        return false;
    tensor->rank = (int)json_array_size(shape);
    for (int i = 0; i < tensor->rank; i++)
        if (!read_size(json_array_get(shape, (size_t)i), &tensor->shape[i]))
            return false;
    return multiply(tensor, &tensor->count);
}

static bool read_tensor(const struct safetensors *file, const char *name, const json_t *value,
                        struct safetensor *tensor, struct error *error)
{
    const json_t *offsets = json_object_get(value, "data_offsets");
    const char *type = json_string_value(json_object_get(value, "dtype"));
    size_t end;
    *tensor = (struct safetensor){.rank = 0};
    if (strlen(name) == 0 || strlen(name) > SAFETENSORS_NAME_MAX)
        return error_set(error, ERROR_DATA, "a tensor's name has 1 to %d bytes, not %zu",
                         SAFETENSORS_NAME_MAX, strlen(name));
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
    if (!type || strcmp(type, "F32") != 0)
        return error_set(error, ERROR_DATA, "the tensor %s is of type %.16s, not F32", name,
                         type ? type : "(none)");
    if (!read_shape(json_object_get(value, "shape"), tensor))
        return error_set(error, ERROR_DATA, "the tensor %s has no usable shape", name);
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !read_size(json_array_get(offsets, 0), &tensor->offset) ||
        !read_size(json_array_get(offsets, 1), &end) || end < tensor->offset ||
        end > file->data_length || end - tensor->offset != NUMBER_BYTES * tensor->count)
        return error_set(error, ERROR_DATA, "the tensor %s has offsets that do not fit", name);
    return true;
}

static bool read_tensors(struct safetensors *file, json_t *header, struct error *error)
{
    const char *name;
    json_t *value;
    if (!json_is_object(header))
        return error_set(error, ERROR_DATA, "the header is not a JSON object");
    size_t entries = json_object_size(header);
    if (entries > SAFETENSORS_TENSOR_MAX)
        return error_set(error, ERROR_DATA, "%zu tensors are more than the limit of %d", entries,
                         SAFETENSORS_TENSOR_MAX);
    file->list = calloc(entries + 1, sizeof *file->list);
    if (!file->list)
        return error_set(error, ERROR_MEMORY, "out of memory for %zu tensors", entries);
    json_object_foreach(header, name, value)
    {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        if (!read_tensor(file, name, value, &file->list[file->count], error))
            return false;
        file->count++;
    }
    return true;
}

static int by_offset(const void *left, const void *right)
{
    const struct safetensor *a = left, *b = right;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return (a->count > b->count) - (a->count < b->count); /* empty ones first */
}

static bool check_gaps(struct safetensors *file, struct error *error)
{
    size_t end = 0;
    qsort(file->list, file->count, sizeof *file->list, by_offset);
    for (size_t i = 0; i < file->count; i++) {
        if (file->list[i].offset != end)
            return error_set(error, ERROR_DATA, "the tensor %s overlaps another or follows a gap",
                             file->list[i].name);
        end += NUMBER_BYTES * file->list[i].count;
    }
    return end == file->data_length ||
           error_set(error, ERROR_DATA, "%zu bytes at the end belong to no tensor",
                     file->data_length - end);
}

/* The header, and how long it is; the caller gives it back. */
static json_t *load_header(const uint8_t *bytes, size_t length, uint64_t *header_length,
                           struct error *error)
{
    *header_length = length >= LENGTH_BYTES ? get_little(bytes, LENGTH_BYTES) : 0;
    if (length < LENGTH_BYTES || *header_length > length - LENGTH_BYTES) {
        error_set(error, ERROR_DATA, "no safetensors file: it is shorter than its header");
        return NULL;
    }
    if (*header_length > SAFETENSORS_HEADER_MAX) {
        error_set(error, ERROR_DATA, "a header of %llu bytes is longer than the limit of %d",
                  (unsigned long long)*header_length, SAFETENSORS_HEADER_MAX);
        return NULL;
    }
    json_error_t reason;
    json_t *header = json_loadb((const char *)bytes + LENGTH_BYTES, (size_t)*header_length,
                                JSON_REJECT_DUPLICATES, &reason);
    if (!header)
        error_set(error, ERROR_DATA, "the header is no JSON: %.100s", reason.text);
    return header;
}

char *safetensors_metadata(const uint8_t *bytes, size_t length, const char *key)
{
    uint64_t header_length;
    json_t *header = load_header(bytes, length, &header_length, NULL);
    const char *text =
        json_string_value(json_object_get(json_object_get(header, "__metadata__"), key));
    char *copy = text ? strdup(text) : NULL;
    json_decref(header);
    return copy;
}

bool safetensors_read(struct safetensors *file, const uint8_t *bytes, size_t length,
                      struct error *error)
{
    uint64_t header_length;
    *file = (struct safetensors){.count = 0};
    json_t *header = load_header(bytes, length, &header_length, error);
    if (!header)
        return false;
    file->data = bytes + LENGTH_BYTES + header_length;
    file->data_length = length - LENGTH_BYTES - (size_t)header_length;
    bool good = read_tensors(file, header, error) && check_gaps(file, error);
    json_decref(header);
    if (!good)
        safetensors_finish(file);
    return good;
}

void safetensors_finish(struct safetensors *file)
{
    free(file->list);
    *file = (struct safetensors){.count = 0};
}

const struct safetensor *safetensors_find(const struct safetensors *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->list[i].name, name) == 0)
            return &file->list[i];
    return NULL;
}

void safetensors_digest(const struct safetensors *file, char text[HASH_TEXT])
{
    uint8_t digest[HASH_BYTES];
    hash_buffer(file->data, file->data_length, digest);
    hash_text(digest, sizeof digest, text);
}
