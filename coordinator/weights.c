#include "coordinator/weights.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/safetensors.h"

static const char part_suffix[] = ".part";

/* FILE.db.d and the folder in it. */
static bool make_folder(const char *database, char path[WEIGHTS_PATH_MAX], struct error *error)
{
    if (!weights_folder(database, path, error))
        return false;
    char *last = strrchr(path, '/');
    *last = '\0';
    bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
    *last = '/';
    if (!made || (mkdir(path, 0777) != 0 && errno != EEXIST))
        return error_set_errno(error, errno, "cannot make the folder %s", path);
    return true;
}

/* Appends what is new of the piece. */
static bool append(int file, const char *path, const struct weights_piece *piece, uint64_t *size,
                   struct error *error)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return error_set_errno(error, errno, "cannot look at %s", path);
    *size = (uint64_t)status.st_size;
    if (piece->offset != *size)
        return true; /* sent again, or one before it was lost: the answer says what is wanted */
    if (!file_write_at(file, piece->data, piece->length, piece->offset))
        return error_set_errno(error, errno, "cannot write %s", path);
    *size += piece->length;
    return true;
}

static bool finish(int file, const char *part, const char *path, const char *folder,
                   const char *digest, struct error *error)
{
    uint8_t *bytes;
    size_t length;
    if (!file_read(part, SAFETENSORS_FILE_MAX, &bytes, &length, error))
        return false;
    bool good = weights_folder_check(bytes, length, digest, error);
    free(bytes);
    if (!good)
        return false;
    if (fsync(file) != 0 || rename(part, path) != 0)
        return error_set_errno(error, errno, "cannot keep %s", path);
    return file_sync_folder(folder, error);
}

static bool take_open(int file, const char *part, const char *path, const char *folder,
                      const struct weights_piece *piece, struct weights_answer *answer,
                      struct error *error)
{
    if (!append(file, part, piece, &answer->next_offset, error))
        return false;
    if (answer->next_offset < piece->size)
        return true;
    answer->stored = finish(file, part, path, folder, piece->digest, error);
    return answer->stored;
}

static bool check_piece(const struct weights_piece *piece, struct error *error)
{
    if (piece->size == 0 || piece->size > SAFETENSORS_FILE_MAX)
        return error_set(error, ERROR_INVALID, "weights of %llu bytes: at most %d are taken",
                         (unsigned long long)piece->size, SAFETENSORS_FILE_MAX);
    if (piece->length == 0 || piece->length > WEIGHTS_PIECE_MAX || piece->offset > piece->size ||
        piece->length > piece->size - piece->offset)
        return error_set(error, ERROR_INVALID, "a piece of %zu bytes at %llu of %llu",
                         piece->length, (unsigned long long)piece->offset,
                         (unsigned long long)piece->size);
    return true;
}

bool weights_take(const char *database, const struct weights_piece *piece,
                  struct weights_answer *answer, struct error *error)
{
    char folder[WEIGHTS_PATH_MAX], path[WEIGHTS_PATH_MAX], part[WEIGHTS_PATH_MAX];
    *answer = (struct weights_answer){.next_offset = 0};
    if (!check_piece(piece, error) ||
        !weights_folder_file(database, piece->digest, WEIGHTS_SUFFIX, path, error) ||
        !weights_folder_file(database, piece->digest, part_suffix, part, error) ||
        !make_folder(database, folder, error))
        return false;
    if (access(path, F_OK) == 0) {
        *answer = (struct weights_answer){.next_offset = piece->size, .stored = true};
        return true;
    }
    int file = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (file < 0)
        return error_set_errno(error, errno, "cannot open %s", part);
    bool good = take_open(file, part, path, folder, piece, answer, error);
    close(file);
    if (!good)
        unlink(part); /* whoever tries again begins anew */
    return good;
}

void weights_remove_part(const char *database, const char *digest)
{
    char part[WEIGHTS_PATH_MAX];
    if (weights_folder_file(database, digest, part_suffix, part, NULL))
        unlink(part);
}

void weights_remove_parts(const char *database)
{
    char folder[WEIGHTS_PATH_MAX];
    DIR *directory = weights_folder(database, folder, NULL) ? opendir(folder) : NULL;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        size_t length = strlen(entry->d_name), suffix = sizeof part_suffix - 1;
        if (length > suffix && strcmp(entry->d_name + length - suffix, part_suffix) == 0)
            unlinkat(dirfd(directory), entry->d_name, 0);
    }
    if (directory)
        closedir(directory);
}

static bool read_name(const char *name, struct weights_file *file)
{
    uint8_t bytes[HASH_BYTES];
    const char *end = name + strnlen(name, HASH_TEXT - 1);
    file->is_part = strcmp(end, part_suffix) == 0;
    if (!file->is_part && strcmp(end, WEIGHTS_SUFFIX) != 0)
        return false;
    snprintf(file->digest, sizeof file->digest, "%.*s", (int)(end - name), name);
    return hash_parse(file->digest, bytes);
}

bool weights_each(const char *database, weights_visit *visit, void *context, struct error *error)
{
    char folder[WEIGHTS_PATH_MAX];
    bool good = weights_folder(database, folder, error);
    DIR *directory = good ? opendir(folder) : NULL;
    for (struct dirent *entry; good && directory && (entry = readdir(directory));) {
        struct weights_file file;
        struct stat status;
        if (!read_name(entry->d_name, &file) ||
            fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        file.bytes = (uint64_t)status.st_size;
        good = visit(context, &file, error);
    }
    if (directory)
        closedir(directory);
    return good;
}

bool weights_remove(const char *database, const char *digest, struct error *error)
{
    static const char *const suffixes[] = {part_suffix, WEIGHTS_SUFFIX};
    char path[WEIGHTS_PATH_MAX];
    for (size_t i = 0; i < 2; i++) {
        if (!weights_folder_file(database, digest, suffixes[i], path, error))
            return false;
        if (unlink(path) != 0 && errno != ENOENT)
            return error_set_errno(error, errno, "cannot remove %s", path);
    }
    return true;
}

bool weights_page(const char *database, const char *digest, uint64_t offset, uint8_t **data,
                  size_t *length, uint64_t *size, struct error *error)
{
    char path[WEIGHTS_PATH_MAX];
    struct stat status;
    if (!weights_folder_file(database, digest, WEIGHTS_SUFFIX, path, error))
        return false;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0) {
        if (file >= 0)
            close(file);
        return error_set(error, ERROR_NOT_FOUND, "the weights %.16s… are not kept here", digest);
    }
    *size = (uint64_t)status.st_size;
    offset = offset < *size ? offset : *size;
    *length = (size_t)(*size - offset);
    *length = *length < WEIGHTS_PIECE_MAX ? *length : WEIGHTS_PIECE_MAX;
    *data = malloc(*length + 1);
    ssize_t got = *data ? pread(file, *data, *length, (off_t)offset) : -1;
    close(file);
    if (got == (ssize_t)*length)
        return true;
    free(*data);
    return error_set(error, ERROR_DATA, "the weights %.16s… cannot be read", digest);
}
