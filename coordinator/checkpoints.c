#include "coordinator/checkpoints.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

enum { PATH_BYTES = 4096 };

static bool folder_of(const char *database, char path[PATH_BYTES], struct error *error)
{
    int length = snprintf(path, PATH_BYTES, "%s.d/checkpoints", database);
    return length < PATH_BYTES - HASH_TEXT - 8 ||
           error_set(error, ERROR_USAGE, "the database's path is too long");
}

static bool make_folder(const char *database, struct error *error)
{
    char path[PATH_BYTES];
    if (!folder_of(database, path, error))
        return false;
    char *last = strrchr(path, '/');
    *last = '\0';
    bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
    *last = '/';
    return (made && (mkdir(path, 0777) == 0 || errno == EEXIST)) ||
           error_set_errno(error, errno, "cannot make the folder %s", path);
}

static bool path_of(const char *database, const char *digest, const char *suffix,
                    char path[PATH_BYTES], struct error *error)
{
    uint8_t bytes[HASH_BYTES];
    if (!hash_parse(digest, bytes))
        return error_set(error, ERROR_INVALID, "'%.80s' is no digest of a checkpoint", digest);
    int length = snprintf(path, PATH_BYTES, "%s.d/checkpoints/%s%s", database, digest, suffix);
    return length < PATH_BYTES || error_set(error, ERROR_USAGE, "the database's path is too long");
}

/* --- from workers --- */

static bool check_piece(const struct checkpoint_piece *piece, struct error *error)
{
    if (piece->size == 0 || piece->size > CHECKPOINTS_SIZE_MAX)
        return error_set(error, ERROR_INVALID, "checkpoints of more than %d MiB do not travel",
                         CHECKPOINTS_SIZE_MAX >> 20);
    if (piece->length == 0 || piece->length > CHECKPOINTS_PIECE_MAX ||
        piece->offset > piece->size || piece->length > piece->size - piece->offset)
        return error_set(error, ERROR_INVALID, "a piece of %zu bytes at %llu of %llu",
                         piece->length, (unsigned long long)piece->offset,
                         (unsigned long long)piece->size);
    return true;
}

static struct checkpoint_coming *find_coming(struct checkpoints_coming *coming,
                                             const uint8_t digest[HASH_BYTES])
{
    for (size_t i = 0; i < CHECKPOINTS_COMING_MAX; i++)
        if (coming->list[i].used && memcmp(coming->list[i].digest, digest, HASH_BYTES) == 0)
            return &coming->list[i];
    return NULL;
}

/* A place for one that begins, or goes on and has lost its own: the one unheard of longest. */
static struct checkpoint_coming *place_for(struct checkpoints_coming *coming,
                                           const uint8_t digest[HASH_BYTES])
{
    struct checkpoint_coming *place = &coming->list[0];
    for (size_t i = 1; i < CHECKPOINTS_COMING_MAX && place->used; i++)
        if (!coming->list[i].used || coming->list[i].turn < place->turn)
            place = &coming->list[i];
    *place = (struct checkpoint_coming){.used = true};
    memcpy(place->digest, digest, HASH_BYTES);
    hash_sha256_init(&place->hash);
    return place;
}

static struct checkpoint_coming *hash_piece(struct checkpoints_coming *coming,
                                            const struct checkpoint_piece *piece)
{
    struct checkpoint_coming *one = find_coming(coming, piece->digest);
    if (one && piece->offset == 0)
        one->used = false; /* begun again */
    if (!one || !one->used)
        one = place_for(coming, piece->digest);
    one->sender = piece->sender;
    one->turn = ++coming->turn;
    if (one->hashed == piece->offset) {
        hash_sha256_add(&one->hash, piece->data, piece->length);
        one->hashed += piece->length;
    }
    return one;
}

/* What was not hashed as it came. */
static bool hash_rest(struct checkpoint_coming *one, int file, uint64_t size)
{
    uint8_t bytes[64 * 1024];
    while (one->hashed < size) {
        ssize_t got = pread(file, bytes, sizeof bytes, (off_t)one->hashed);
        if (got <= 0)
            return false;
        hash_sha256_add(&one->hash, bytes, (size_t)got);
        one->hashed += (uint64_t)got;
    }
    return one->hashed == size;
}

static bool digest_is_right(struct checkpoint_coming *one, int file, uint64_t size)
{
    uint8_t found[HASH_BYTES];
    one->used = false;
    if (!hash_rest(one, file, size))
        return false;
    hash_sha256_finish(&one->hash, found);
    return memcmp(found, one->digest, HASH_BYTES) == 0;
}

static bool take_open(int file, const char *part, struct checkpoints_coming *coming,
                      const struct checkpoint_piece *piece, uint64_t *next_offset, bool *whole,
                      struct error *error)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return error_set_errno(error, errno, "cannot look at %s", part);
    *next_offset = (uint64_t)status.st_size;
    if (piece->offset != *next_offset)
        return true; /* sent again, or one before it was lost */
    if (!file_write_at(file, piece->data, piece->length, piece->offset))
        return error_set_errno(error, errno, "cannot write %s", part);
    *next_offset += piece->length;
    struct checkpoint_coming *one = hash_piece(coming, piece);
    *whole = *next_offset == piece->size;
    return !*whole || digest_is_right(one, file, piece->size) ||
           error_set(error, ERROR_DATA, "the checkpoint came damaged: its digest is another");
}

bool checkpoints_take(const char *database, struct checkpoints_coming *coming,
                      const struct checkpoint_piece *piece, uint64_t *next_offset, bool *stored,
                      struct error *error)
{
    char digest[HASH_TEXT], path[PATH_BYTES], part[PATH_BYTES];
    *next_offset = 0;
    *stored = false;
    hash_text(piece->digest, HASH_BYTES, digest);
    if (!check_piece(piece, error) || !path_of(database, digest, "", path, error) ||
        !path_of(database, digest, ".part", part, error) || !make_folder(database, error))
        return false;
    if (access(path, F_OK) == 0) {
        *next_offset = piece->size;
        *stored = true;
        return true;
    }
    int file = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return error_set_errno(error, errno, "cannot open %s", part);
    bool whole = false, good = take_open(file, part, coming, piece, next_offset, &whole, error);
    close(file);
    *stored = good && whole && rename(part, path) == 0;
    if (good && whole && !*stored)
        good = error_set_errno(error, errno, "cannot keep %s", path);
    if (!good)
        unlink(part);
    return good;
}

/* --- to workers --- */

bool checkpoints_read(const char *database, const char *digest, uint64_t offset, uint8_t **data,
                      size_t *length, struct error *error)
{
    char path[PATH_BYTES];
    *data = NULL;
    *length = 0;
    if (!path_of(database, digest, "", path, error))
        return false;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    *data = malloc(CHECKPOINTS_PIECE_MAX);
    ssize_t got =
        file >= 0 && *data ? pread(file, *data, CHECKPOINTS_PIECE_MAX, (off_t)offset) : -1;
    if (file >= 0)
        close(file);
    if (got >= 0) {
        *length = (size_t)got;
        return true;
    }
    free(*data);
    *data = NULL;
    return error_set(error, ERROR_NOT_FOUND, "the checkpoint is not kept any more");
}

/* --- their end --- */

bool checkpoints_remove(const char *database, const char *digest, struct error *error)
{
    char path[PATH_BYTES];
    if (!path_of(database, digest, "", path, error))
        return false;
    return unlink(path) == 0 || errno == ENOENT ||
           error_set_errno(error, errno, "cannot remove %s", path);
}

static bool is_part(const char *name)
{
    size_t length = strlen(name);
    return length > 5 && strcmp(name + length - 5, ".part") == 0;
}

void checkpoints_remove_unsent(const char *database, struct checkpoints_coming *coming,
                               checkpoints_sends *sends, void *context)
{
    char digest[HASH_TEXT], part[PATH_BYTES];
    for (size_t i = 0; i < CHECKPOINTS_COMING_MAX; i++) {
        struct checkpoint_coming *one = &coming->list[i];
        if (!one->used || sends(context, &one->sender))
            continue;
        one->used = false;
        hash_text(one->digest, HASH_BYTES, digest);
        if (path_of(database, digest, ".part", part, NULL))
            unlink(part);
    }
}

void checkpoints_remove_parts(const char *database, int64_t before_s)
{
    char path[PATH_BYTES];
    struct stat status;
    DIR *directory = folder_of(database, path, NULL) ? opendir(path) : NULL;
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (is_part(entry->d_name) &&
            fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            status.st_mtim.tv_sec < before_s)
            unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory)
        closedir(directory);
}

void checkpoints_tidy(const char *database, checkpoints_known *is_known, void *context)
{
    char path[PATH_BYTES];
    uint8_t bytes[HASH_BYTES];
    DIR *directory = folder_of(database, path, NULL) ? opendir(path) : NULL;
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (is_part(entry->d_name) ||
            (hash_parse(entry->d_name, bytes) && !is_known(context, entry->d_name)))
            unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory)
        closedir(directory);
}
