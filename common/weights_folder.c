#include "common/weights_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/safetensors.h"

bool weights_folder(const char *database, char path[WEIGHTS_PATH_MAX], struct error *error)
{
    int length = snprintf(path, WEIGHTS_PATH_MAX, "%s.d/weights", database);
    return length < WEIGHTS_PATH_MAX ||
           error_set(error, ERROR_USAGE, "the database's path is too long");
}

bool weights_folder_file(const char *database, const char *digest, const char *suffix,
                         char path[WEIGHTS_PATH_MAX], struct error *error)
{
    uint8_t bytes[HASH_BYTES];
    if (!hash_parse(digest, bytes))
        return error_set(error, ERROR_INVALID, "'%.80s' is no digest of weights", digest);
    int length = snprintf(path, WEIGHTS_PATH_MAX, "%s.d/weights/%s%s", database, digest, suffix);
    return length < WEIGHTS_PATH_MAX ||
           error_set(error, ERROR_USAGE, "the database's path is too long");
}

bool weights_folder_check(const uint8_t *bytes, size_t length, const char *digest,
                          struct error *error)
{
    struct safetensors file;
    char text[HASH_TEXT];
    if (!safetensors_read(&file, bytes, length, error))
        return false;
    safetensors_digest(&file, text);
    safetensors_finish(&file);
    return strcmp(text, digest) == 0 ||
           error_set(error, ERROR_DATA, "the weights have the digest %.16s…, not %.16s…", text,
                     digest);
}

bool weights_folder_read(const char *database, const char *digest, uint8_t **bytes, size_t *length,
                         struct error *error)
{
    char path[WEIGHTS_PATH_MAX];
    if (!weights_folder_file(database, digest, WEIGHTS_SUFFIX, path, error) ||
        !file_read(path, SAFETENSORS_FILE_MAX, bytes, length, error))
        return false;
    if (weights_folder_check(*bytes, *length, digest, error))
        return true;
    free(*bytes);
    *bytes = NULL;
    return error_prefix(error, "%s", path);
}
