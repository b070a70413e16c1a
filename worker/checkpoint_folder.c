#include "worker/checkpoint_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP_DIGITS = 12, NAME_MAX_BYTES = 64, FILES_MAX = 16 };
static const char suffix[] = ".checkpoint";

/* --- the lock --- */

/* ERROR_BUSY, or a system's error. A lock file without a link was removed between open and flock:
 * the folder is gone, and is made again. */
static bool try_lock(const char *path, int *lock, bool *again, struct error *error)
{
    char file[DISK_PATH_MAX];
    struct stat status;
    *again = false;
    if (!disk_make_folders(path, error) || !disk_join(file, path, "lock", error))
        return false;
    *lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*lock < 0) {
        *again = errno == ENOENT;
        return error_set_errno(error, errno, "cannot lock the folder %s", path);
    }
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0) {
        *again = fstat(*lock, &status) != 0 || status.st_nlink == 0;
        if (!*again)
            return true;
    }
    close(*lock);
    *lock = -1;
    return error_set(error, ERROR_BUSY, "another process works in the folder %s", path);
}

bool checkpoint_folder_open(struct checkpoint_folder *folder, const char *path, struct error *error)
{
    folder->lock = -1;
    if (snprintf(folder->path, sizeof folder->path, "%s", path) >= DISK_PATH_MAX)
        return error_set(error, ERROR_USAGE, "the path of the checkpoints' folder is too long");
    bool again = false;
    for (int i = 0; i < 3; i++)
        if (try_lock(path, &folder->lock, &again, error) || !again)
            break;
    return folder->lock >= 0;
}

void checkpoint_folder_close(struct checkpoint_folder *folder)
{
    if (folder->lock >= 0)
        close(folder->lock);
    folder->lock = -1;
}

/* --- its files --- */

struct listing {
    int count;
    char names[FILES_MAX][NAME_MAX_BYTES];
};

static bool is_checkpoint(const char *name)
{
    return strspn(name, "0123456789") == STEP_DIGITS && strcmp(name + STEP_DIGITS, suffix) == 0;
}

static int newest_first(const void *left, const void *right)
{
    return strcmp(right, left);
}

/* More than a few are not ours: those are left alone. */
static void list(const char *path, struct listing *listing)
{
    listing->count = 0;
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (is_checkpoint(entry->d_name) && listing->count < FILES_MAX)
            snprintf(listing->names[listing->count++], NAME_MAX_BYTES, "%.63s", entry->d_name);
    if (directory)
        closedir(directory);
    qsort(listing->names, (size_t)listing->count, NAME_MAX_BYTES, newest_first);
}

bool checkpoint_folder_file(const char *folder, int64_t step, char path[DISK_PATH_MAX],
                            struct error *error)
{
    char name[NAME_MAX_BYTES];
    snprintf(name, sizeof name, "%0*" PRId64 "%s", STEP_DIGITS, step, suffix);
    return disk_join(path, folder, name, error);
}

int64_t checkpoint_folder_newest(const char *folder)
{
    struct listing listing;
    list(folder, &listing);
    return listing.count > 0 ? strtoll(listing.names[0], NULL, 10) : 0;
}

static void remove_file(const char *folder, const char *name)
{
    char path[DISK_PATH_MAX];
    if (disk_join(path, folder, name, NULL))
        unlink(path);
}

bool checkpoint_folder_write(struct checkpoint_folder *folder, int64_t step, const uint8_t *bytes,
                             size_t length, struct error *error)
{
    char name[NAME_MAX_BYTES];
    struct listing listing;
    snprintf(name, sizeof name, "%0*" PRId64 "%s", STEP_DIGITS, step, suffix);
    if (!disk_write(folder->path, name, bytes, length, error))
        return false;
    list(folder->path, &listing);
    /* This one, and the newest of those before it: what an abandoned run left beyond is older in
     * time, though it came further. */
    int kept = 1;
    for (int i = 0; i < listing.count; i++) {
        int order = strcmp(listing.names[i], name);
        if (order > 0 || (order < 0 && kept++ >= CHECKPOINTS_KEPT))
            remove_file(folder->path, listing.names[i]);
    }
    return true;
}

static bool load_one(const char *folder, const char *name, const struct checkpoint_search *search,
                     struct training_state *state, struct error *error)
{
    char *data;
    size_t length;
    if (!disk_read(folder, name, search->length_max, &data, &length, error))
        return false;
    bool good =
        checkpoint_decode((const uint8_t *)data, length, search->origin, search->any, state, error);
    free(data);
    return good;
}

/* What writers that were killed left half-written. */
static void remove_temporary(const char *folder)
{
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        size_t length = strlen(entry->d_name);
        if (length > 4 && strcmp(entry->d_name + length - 4, ".tmp") == 0)
            unlinkat(dirfd(directory), entry->d_name, 0);
    }
    if (directory)
        closedir(directory);
}

bool checkpoint_folder_load(struct checkpoint_folder *folder,
                            const struct checkpoint_search *search, struct training_state *state)
{
    struct listing listing;
    remove_temporary(folder->path);
    list(folder->path, &listing);
    for (int i = 0; i < listing.count; i++) {
        struct error reason;
        if (load_one(folder->path, listing.names[i], search, state, &reason))
            return true;
        search->refused(search->context, listing.names[i], &reason);
    }
    return false;
}

void checkpoint_folder_remove(const char *path)
{
    struct stat status;
    struct checkpoint_folder folder;
    if (stat(path, &status) != 0 || !checkpoint_folder_open(&folder, path, NULL))
        return;
    DIR *directory = opendir(path);
    /* The lock last: who waits for it finds it without a link. */
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (strcmp(entry->d_name, "lock") != 0)
            unlinkat(dirfd(directory), entry->d_name, 0); /* "." and ".." refuse */
    if (directory)
        closedir(directory);
    remove_file(path, "lock");
    rmdir(path);
    checkpoint_folder_close(&folder);
}
