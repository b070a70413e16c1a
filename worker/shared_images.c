#include "worker/shared_images.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/build.h"
#include "common/file.h"
#include "common/log.h"
#include "worker/job_file.h"

enum { ALIGNMENT = 64, PART_COUNT = 4 };

/* At the beginning of the file. A worker's program may be replaced while it runs, and with it what
 * its runners take a data set to be: one of another build is not used. */
struct head {
    char build[BUILD_TEXT_MAX];
    struct dataset dataset; /* its pointers mean nothing here */
};

struct part {
    uint8_t **bytes;
    size_t length;
};

static void list_parts(struct dataset *dataset, struct part parts[PART_COUNT])
{
    size_t pixels = (size_t)dataset->channels * (size_t)dataset->height * (size_t)dataset->width;
    struct dataset_split *train = &dataset->train, *test = &dataset->test;
    parts[0] = (struct part){&train->images, train->count * pixels};
    parts[1] = (struct part){&train->labels, train->count};
    parts[2] = (struct part){&test->images, test->count * pixels};
    parts[3] = (struct part){&test->labels, test->count};
}

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* --- the worker's side --- */

static void add_text(struct hash *hash, const char *text)
{
    hash_add(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

static void add_number(struct hash *hash, int64_t number)
{
    hash_add(hash, &number, sizeof number);
}

/* All that the images depend on. */
static void find_key(const struct job *job, const char *directory, uint8_t key[HASH_BYTES])
{
    struct hash hash;
    hash_init(&hash);
    add_text(&hash, directory);
    add_text(&hash, job->dataset);
    add_text(&hash, job->dataset_path);
    add_text(&hash, job->dataset_digest);
    add_text(&hash, job->class_names);
    add_number(&hash, job->dataset_format);
    add_number(&hash, job->classes);
    add_number(&hash, job->resize);
    add_number(&hash, (int64_t)dataset_train_limit(job));
    hash_finish(&hash, key);
}

int shared_images_for(struct shared_images *shared, const struct job *job, const char *directory,
                      bool is_used)
{
    uint8_t key[HASH_BYTES];
    find_key(job, directory, key);
    if (shared->file >= 0 && memcmp(shared->key, key, sizeof key) == 0)
        return shared->file;
    if (is_used)
        return -1;
    shared_images_drop(shared);
    shared->file = memfd_create("lipsweep-images", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    memcpy(shared->key, key, sizeof key);
    return shared->file;
}

void shared_images_drop(struct shared_images *shared)
{
    if (shared->file >= 0)
        close(shared->file);
    shared->file = -1;
}

/* --- the runner's side --- */

static bool is_whole(int file)
{
    int seals = fcntl(file, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
}

/* One runner at a time looks, or reads and writes; the lock goes with its process. */
static void lock(int file, short type)
{
    struct flock region = {.l_type = type, .l_whence = SEEK_SET};
    while (fcntl(file, F_SETLKW, &region) != 0 && errno == EINTR)
        continue;
}

static bool write_all(int file, struct dataset *dataset)
{
    struct head head = {.dataset = *dataset};
    struct part parts[PART_COUNT];
    snprintf(head.build, sizeof head.build, "%s", build_text());
    list_parts(dataset, parts);
    size_t end = aligned(sizeof head);
    bool good = file_write_at(file, &head, sizeof head, 0);
    for (size_t i = 0; i < PART_COUNT && good; i++) {
        good = file_write_at(file, *parts[i].bytes, parts[i].length, end);
        end += aligned(parts[i].length);
    }
    return good && ftruncate(file, (off_t)end) == 0 &&
           fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
}

/* False when it cannot be used here. */
static bool map(int file, struct dataset *dataset)
{
    struct part parts[PART_COUNT];
    off_t length = lseek(file, 0, SEEK_END);
    if (length < (off_t)sizeof(struct head))
        return false;
    /* Private, as there are kernels that refuse a shared mapping of a sealed file; it is never
     * written to, so its pages are the file's. */
    void *mapping = mmap(NULL, (size_t)length, PROT_READ, MAP_PRIVATE, file, 0);
    if (mapping == MAP_FAILED)
        return false;
    const struct head *head = mapping;
    size_t at = aligned(sizeof *head);
    if (strcmp(head->build, build_text()) != 0) {
        munmap(mapping, (size_t)length);
        return false;
    }
    *dataset = head->dataset;
    dataset->mapping = mapping;
    dataset->mapping_bytes = (size_t)length;
    list_parts(dataset, parts);
    for (size_t i = 0; i < PART_COUNT; i++) {
        *parts[i].bytes = (uint8_t *)mapping + at;
        at += aligned(parts[i].length);
    }
    return true;
}

/* In place of the runner's own copy, when that works. */
static void leave(int file, struct dataset *dataset)
{
    struct dataset shared;
    if (!write_all(file, dataset) || !map(file, &shared)) {
        log_warning("the images cannot be shared with other jobs (%s): each has its own",
                    strerror(errno));
        if (ftruncate(file, 0) != 0)
            log_debug("what was written of them stays");
        return;
    }
    dataset_close(dataset);
    *dataset = shared;
}

bool shared_images_open(int file, struct job *job, const char *directory, struct dataset *dataset,
                        struct error *error)
{
    bool good;
    if (file < 0)
        return job_file_open_data(job, directory, dataset, error);
    lock(file, F_WRLCK);
    bool is_there = is_whole(file) && map(file, dataset);
    if (is_there) {
        log_info("data set %s: in memory already, from another job", dataset->name);
        good = job_file_accept_data(job, dataset, error);
    } else {
        good = job_file_open_data(job, directory, dataset, error);
        if (good && !is_whole(file))
            leave(file, dataset);
    }
    lock(file, F_UNLCK);
    return good;
}
