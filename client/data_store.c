#include "client/data_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"

enum { PIECE = 1 << 18, OLD_MAX = 100 };

bool data_store_path(char path[PATH_MAX], const char *folder, const char *name, struct error *error)
{
    int length = snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return (length > 0 && length < PATH_MAX) ||
           error_set(error, ERROR_INVALID, "%s/%s is longer than a path can be", folder, name);
}

bool data_store_open(struct data_store *store, const char *directory, struct error *error)
{
    store->lock = -1;
    if (!directory && !dataset_files_home(store->place, error))
        return false;
    if (directory && snprintf(store->place, PATH_MAX, "%s", directory) >= PATH_MAX)
        return error_set(error, ERROR_USAGE, "--data is longer than a path can be");
    return data_store_path(store->incoming, store->place, ".incoming", error);
}

/* Every folder on the way, as mkdir -p. */
static bool make_folders(const char *path, struct error *error)
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    memcpy(part, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return error_set_errno(error, errno, "cannot make the folder %s", part);
        part[i] = path[i];
    }
    return true;
}

bool data_store_take(struct data_store *store, struct error *error)
{
    if (!make_folders(store->incoming, error))
        return false;
    store->lock = open(store->incoming, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->lock < 0)
        return error_set_errno(error, errno, "cannot open %s", store->incoming);
    if (flock(store->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    int number = errno;
    close(store->lock);
    store->lock = -1;
    if (number == EWOULDBLOCK)
        return error_set(error, ERROR_BUSY, "another lipsweep is bringing data to %s",
                         store->place);
    return error_set_errno(error, number, "cannot lock %s", store->incoming);
}

void data_store_release(struct data_store *store, const char *name)
{
    char staged[PATH_MAX];
    struct error error;
    if (store->lock < 0)
        return;
    if (data_store_path(staged, store->incoming, name, &error))
        rmdir(staged);
    rmdir(store->incoming);
    close(store->lock);
    store->lock = -1;
}

bool data_store_stage(const struct data_store *store, const char *name, char folder[PATH_MAX],
                      struct error *error)
{
    if (!data_store_path(folder, store->incoming, name, error))
        return false;
    return mkdir(folder, 0777) == 0 || errno == EEXIST ||
           error_set_errno(error, errno, "cannot make the folder %s", folder);
}

bool data_store_read(const struct data_store *store, const char *name, struct dataset *dataset,
                     struct error *error)
{
    return dataset_open(dataset, name, &(struct dataset_options){.directory = store->place}, error);
}

static bool check_staged(const struct data_store *store, const char *name, const char *digest,
                         struct error *error)
{
    const struct dataset_options options = {.directory = store->incoming};
    struct dataset dataset;
    if (!dataset_open(&dataset, name, &options, error))
        return false;
    bool good = !digest || strcmp(dataset.digest, digest) == 0 ||
                error_set(error, ERROR_DATA, "%s: the images have digest %s, expected %s",
                          dataset.origin.folder, dataset.digest, digest);
    dataset_close(&dataset);
    return good;
}

/* Puts PLACE/NAME out of the way. */
static bool keep_old(const char *path, char aside[PATH_MAX], struct error *error)
{
    aside[0] = '\0';
    if (!file_exists(path))
        return true;
    for (int i = 1; i < OLD_MAX; i++) {
        char number[16] = "";
        if (i > 1)
            snprintf(number, sizeof number, "%d", i);
        int length = snprintf(aside, PATH_MAX, "%s.old%s", path, number);
        if (length >= PATH_MAX || file_exists(aside))
            continue;
        return rename(path, aside) == 0 || error_set_errno(error, errno, "cannot rename %s", path);
    }
    return error_set(error, ERROR_REFUSED, "%s.old and its like are in the way", path);
}

bool data_store_install(const struct data_store *store, const char *name, const char *digest,
                        char aside[PATH_MAX], struct error *error)
{
    char staged[PATH_MAX], path[PATH_MAX];
    if (!data_store_path(staged, store->incoming, name, error) ||
        !data_store_path(path, store->place, name, error) ||
        !check_staged(store, name, digest, error) || !keep_old(path, aside, error))
        return false;
    return rename(staged, path) == 0 ||
           error_set_errno(error, errno, "cannot move %s to %s", staged, path);
}

/* Reads a file piece by piece. */
static bool each_piece(const char *path, bool (*take)(void *context, const char *, size_t),
                       void *context, struct error *error)
{
    static char piece[PIECE];
    bool good = true;
    FILE *file = fopen(path, "rbe");
    if (!file)
        return error_set_errno(error, errno, "cannot read %s", path);
    for (size_t count; good && (count = fread(piece, 1, sizeof piece, file)) > 0;)
        good = take(context, piece, count);
    if (good && ferror(file))
        good = error_set_errno(error, errno, "cannot read %s", path);
    else if (!good)
        error_set_errno(error, errno, "cannot copy %s", path);
    fclose(file);
    return good;
}

static bool add_piece(void *context, const char *bytes, size_t count)
{
    hash_sha256_add(context, bytes, count);
    return true;
}

bool data_store_sha256(const char *path, char text[JOB_DIGEST_LENGTH + 1], struct error *error)
{
    struct hash_sha256 hash;
    uint8_t digest[HASH_BYTES];
    hash_sha256_init(&hash);
    if (!each_piece(path, add_piece, &hash, error))
        return false;
    hash_sha256_finish(&hash, digest);
    hash_text(digest, sizeof digest, text);
    return true;
}

static bool write_piece(void *context, const char *bytes, size_t count)
{
    return fwrite(bytes, 1, count, context) == count;
}

bool data_store_copy(const char *from, const char *to, struct error *error)
{
    FILE *file = fopen(to, "wbe");
    if (!file)
        return error_set_errno(error, errno, "cannot write %s", to);
    bool good = each_piece(from, write_piece, file, error);
    if (fclose(file) != 0 && good)
        good = error_set_errno(error, errno, "cannot write %s", to);
    return good;
}
