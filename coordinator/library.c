#include "coordinator/library.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/safetensors.h"

enum { READ_BYTES = 64 * 1024, LOOK_AGAIN_MS = 30000 };

/* One set, looked for by a thread. Until `done` all but that is the thread's. */
struct library_entry {
    struct library_set set;
    struct job job;
    enum library_kind kind;
    const char *folder;
    int64_t since_ms;
    pthread_t thread;
    bool running; /* it is to be joined */
    atomic_bool done;
};

/* --- the thread --- */

static int64_t changed_ns(const struct stat *status)
{
    return (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec;
}

static bool hash_open(int descriptor, struct library_file *file)
{
    struct hash_sha256 hash;
    struct stat status;
    uint8_t bytes[READ_BYTES];
    ssize_t got;
    if (fstat(descriptor, &status) != 0)
        return false;
    file->changed_ns = changed_ns(&status);
    file->size = 0;
    hash_sha256_init(&hash);
    while ((got = read(descriptor, bytes, sizeof bytes)) > 0 || (got < 0 && errno == EINTR)) {
        if (got < 0)
            continue;
        hash_sha256_add(&hash, bytes, (size_t)got);
        file->size += (uint64_t)got;
    }
    hash_sha256_finish(&hash, file->sha256);
    return got == 0;
}

static int open_in(const char *folder, const char *name)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    return length < PATH_MAX ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

static bool hash_file(const char *folder, struct library_file *file, struct error *error)
{
    int descriptor = open_in(folder, file->name);
    bool good = descriptor >= 0 && hash_open(descriptor, file);
    int number = errno;
    if (descriptor >= 0)
        close(descriptor);
    return good || error_set_errno(error, number, "cannot read %s/%s", folder, file->name);
}

/* The images, not the files, are what a job names by its digest. */
static bool check_digest(struct library_entry *entry, struct error *error)
{
    struct dataset dataset;
    const struct dataset_options options = {.directory = entry->folder};
    if (!dataset_open_job(&dataset, &entry->job, &options, error))
        return false;
    bool same = strcmp(dataset.digest, entry->set.digest) == 0;
    if (!same)
        error_set(error, ERROR_DATA,
                  "the coordinator's data set %s in %s has the digest %.16s…, the job wants %.16s…",
                  entry->job.dataset, dataset.origin.folder, dataset.digest, entry->set.digest);
    dataset_close(&dataset);
    return same;
}

static bool look(struct library_entry *entry, struct error *error)
{
    struct library_set *set = &entry->set;
    struct dataset_origin origin;
    if (!dataset_find(&entry->job, entry->folder, &origin, error))
        return false;
    if (origin.file_count == 0)
        return error_set(error, ERROR_NOT_FOUND, "data set %s has no files", entry->job.dataset);
    snprintf(set->folder, sizeof set->folder, "%s", origin.folder);
    for (; set->file_count < origin.file_count; set->file_count++) {
        struct library_file *file = &set->files[set->file_count];
        snprintf(file->name, sizeof file->name, "%s", origin.files[set->file_count]);
        if (!hash_file(set->folder, file, error))
            return false;
    }
    return check_digest(entry, error);
}

/* The digest is of the file's bytes: one that is right has been read whole. */
static bool take_weights(struct library_entry *entry, const char *path, struct error *error)
{
    struct library_set *set = &entry->set;
    struct library_file *file = &set->files[0];
    uint8_t *bytes, hash[HASH_BYTES];
    char digest[HASH_TEXT];
    size_t length;
    const char *slash = strrchr(path, '/');
    if (!file_read(path, SAFETENSORS_FILE_MAX, &bytes, &length, error))
        return false;
    hash_buffer(bytes, length, hash);
    free(bytes);
    hash_text(hash, sizeof hash, digest);
    if (strcmp(digest, set->digest) != 0)
        return error_set(error, ERROR_DATA,
                         "the coordinator's %s has the digest %.16s…, the job wants %.16s…", path,
                         digest, set->digest);
    if (!slash || snprintf(file->name, sizeof file->name, "%s", slash + 1) >= LIBRARY_NAME_MAX)
        return error_set(error, ERROR_NOT_FOUND, "%s is no path of a file", path);
    snprintf(set->folder, sizeof set->folder, "%.*s", (int)(slash - path), path);
    set->file_count = 1;
    return hash_file(set->folder, file, error);
}

/* Where the sweep file said, or under that name in the folder of data sets. */
static bool look_for_weights(struct library_entry *entry, struct error *error)
{
    char place[PATH_MAX], path[2 * PATH_MAX];
    const char *init = entry->job.init, *slash = strrchr(init, '/');
    struct error ignored;
    if (init[0] == '/' && take_weights(entry, init, error))
        return true;
    if (entry->folder)
        snprintf(place, sizeof place, "%s", entry->folder);
    else if (!dataset_files_home(place, error))
        return false;
    snprintf(path, sizeof path, "%s/%s", place, slash ? slash + 1 : init);
    if (take_weights(entry, path, &ignored))
        return true;
    if (init[0] != '/' || error->code == ERROR_NOT_FOUND)
        error_set(error, ERROR_NOT_FOUND, "the coordinator has neither %s nor %s", init, path);
    return false;
}

static void *look_up(void *argument)
{
    struct library_entry *entry = argument;
    struct error *reason = &entry->set.reason;
    bool found =
        entry->kind == LIBRARY_DATA ? look(entry, reason) : look_for_weights(entry, reason);
    entry->set.state = found ? LIBRARY_READY : LIBRARY_MISSING;
    atomic_store(&entry->done, true);
    return NULL;
}

/* --- the loop's side --- */

void library_init(struct library *library, const char *folder, struct clock clock)
{
    *library = (struct library){.folder = folder, .clock = clock};
}

static void forget(struct library_entry **place)
{
    struct library_entry *entry = *place;
    *place = NULL;
    if (entry && entry->running)
        pthread_join(entry->thread, NULL);
    free(entry);
}

void library_finish(struct library *library)
{
    for (size_t i = 0; i < LIBRARY_SETS_MAX; i++)
        forget(&library->entries[i]);
}

/* What is not here may be brought, and is looked for again. */
static bool is_stale(const struct library *library, const struct library_entry *entry)
{
    return !entry->running && entry->set.state == LIBRARY_MISSING &&
           clock_now_ms(&library->clock) >= entry->since_ms + LOOK_AGAIN_MS;
}

static void join_finished(struct library *library)
{
    for (size_t i = 0; i < LIBRARY_SETS_MAX; i++) {
        struct library_entry *entry = library->entries[i];
        if (!entry || !entry->running || !atomic_load(&entry->done))
            continue;
        pthread_join(entry->thread, NULL);
        entry->running = false;
        entry->since_ms = clock_now_ms(&library->clock);
    }
}

static bool is_ready(const struct library_entry *entry)
{
    return entry && !entry->running && entry->set.state == LIBRARY_READY;
}

static const char *digest_of(const struct job *job, enum library_kind kind)
{
    return kind == LIBRARY_DATA ? job->dataset_digest : job->init_digest;
}

static bool names_the_same(const struct job *a, const struct job *b, enum library_kind kind)
{
    if (kind != LIBRARY_DATA)
        return strcmp(a->init, b->init) == 0;
    return strcmp(a->dataset, b->dataset) == 0 && strcmp(a->dataset_path, b->dataset_path) == 0 &&
           a->dataset_format == b->dataset_format;
}

/* Whoever wants a set that is here may have it; that it is not, is so only where one job has it. */
static struct library_entry **find_known(struct library *library, const struct job *job,
                                         enum library_kind kind)
{
    struct library_entry **found = NULL;
    for (size_t i = 0; i < LIBRARY_SETS_MAX; i++) {
        struct library_entry *entry = library->entries[i];
        if (!entry || entry->kind != kind || strcmp(entry->set.digest, digest_of(job, kind)) != 0)
            continue;
        if (is_ready(entry) || names_the_same(&entry->job, job, kind))
            found = &library->entries[i];
        if (is_ready(entry))
            break;
    }
    return found;
}

/* A place for another set: an empty one, or the one that was looked up first. */
static struct library_entry **find_place(struct library *library)
{
    struct library_entry **free_place = NULL;
    for (size_t i = 0; i < LIBRARY_SETS_MAX; i++) {
        struct library_entry **place = &library->entries[i];
        bool better =
            !*place || !free_place ||
            (*free_place && !(*place)->running && (*place)->since_ms < (*free_place)->since_ms);
        if (better && !(free_place && !*free_place))
            free_place = place;
    }
    return free_place;
}

/* One at a time: a set is whole in memory while it is digested. */
static bool is_reading(const struct library *library)
{
    for (size_t i = 0; i < LIBRARY_SETS_MAX; i++)
        if (library->entries[i] && library->entries[i]->running)
            return true;
    return false;
}

static void begin(struct library *library, struct library_entry *entry)
{
    entry->folder = library->folder;
    int number = pthread_create(&entry->thread, NULL, look_up, entry);
    entry->running = number == 0;
    if (number == 0)
        return;
    entry->set.state = LIBRARY_MISSING;
    entry->since_ms = clock_now_ms(&library->clock);
    error_set_errno(&entry->set.reason, number, "the coordinator cannot look for data sets");
}

const struct library_set *library_find(struct library *library, const struct job *job,
                                       enum library_kind kind)
{
    static const struct library_set waiting = {.state = LIBRARY_LOOKING};
    join_finished(library);
    struct library_entry **place = find_known(library, job, kind);
    if (place && (*place)->running)
        return &waiting;
    if (place && !is_stale(library, *place))
        return &(*place)->set;
    if (is_reading(library))
        return &waiting;
    if (!place)
        place = find_place(library);
    forget(place);
    struct library_entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->job = *job;
    entry->kind = kind;
    snprintf(entry->set.digest, sizeof entry->set.digest, "%s", digest_of(job, kind));
    *place = entry;
    begin(library, entry);
    return entry->running ? &waiting : &entry->set;
}

static void forget_set(struct library *library, const struct library_set *set)
{
    for (size_t i = 0; i < LIBRARY_SETS_MAX; i++)
        if (library->entries[i] && &library->entries[i]->set == set)
            forget(&library->entries[i]);
}

static const struct library_file *find_file(const struct library_set *set,
                                            const uint8_t sha256[HASH_BYTES])
{
    for (size_t i = 0; i < set->file_count; i++)
        if (memcmp(set->files[i].sha256, sha256, HASH_BYTES) == 0)
            return &set->files[i];
    return NULL;
}

static bool read_part(const struct library_set *set, const struct library_file *file,
                      uint64_t offset, uint8_t **data, size_t *length)
{
    struct stat status;
    uint64_t left = file->size - offset;
    int descriptor = open_in(set->folder, file->name);
    *length = left < LIBRARY_PART_MAX ? (size_t)left : LIBRARY_PART_MAX;
    *data = malloc(*length + 1);
    bool same = descriptor >= 0 && fstat(descriptor, &status) == 0 &&
                (uint64_t)status.st_size == file->size && changed_ns(&status) == file->changed_ns;
    bool good =
        same && *data && pread(descriptor, *data, *length, (off_t)offset) == (ssize_t)*length;
    if (descriptor >= 0)
        close(descriptor);
    return good;
}

bool library_read(struct library *library, const struct library_set *set,
                  const uint8_t sha256[HASH_BYTES], uint64_t offset, uint8_t **data, size_t *length,
                  struct error *error)
{
    const struct library_file *file = find_file(set, sha256);
    *data = NULL;
    *length = 0;
    if (!file || offset > file->size)
        return error_set(error, ERROR_NOT_FOUND, "the data set has no such file, or no such part");
    if (read_part(set, file, offset, data, length))
        return true;
    error_set(error, ERROR_NOT_FOUND, "the coordinator's %s/%s changed while it was sent",
              set->folder, file->name);
    free(*data);
    *data = NULL;
    *length = 0;
    forget_set(library, set);
    return false;
}
