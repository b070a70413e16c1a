#include "coordinator/syncer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/file.h"

struct piece {
    char *data;
    size_t length, room;
};

struct syncer {
    int file, event;
    pthread_t thread;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    struct piece next; /* to be written; the thread takes it and leaves an empty one */
    int64_t size, end; /* on disk; with all that was put */
    bool stop, failed;
    struct error error;
};

/* --- the thread --- */

bool syncer_write(int file, const void *data, size_t length, int64_t at)
{
    return file_write_at(file, data, length, (uint64_t)at) && fdatasync(file) == 0;
}

static void tell(const struct syncer *syncer)
{
    uint64_t one = 1;
    while (write(syncer->event, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

/* With the mutex held, but for the time of the writing. */
static void write_next(struct syncer *syncer, struct piece *spare)
{
    struct piece piece = syncer->next;
    int64_t at = syncer->size;
    syncer->next = *spare;
    pthread_mutex_unlock(&syncer->mutex);
    bool good = syncer_write(syncer->file, piece.data, piece.length, at);
    int number = errno;
    pthread_mutex_lock(&syncer->mutex);
    if (good)
        syncer->size += (int64_t)piece.length;
    else
        syncer->failed = !error_set_errno(&syncer->error, number, "cannot write the journal");
    piece.length = 0;
    *spare = piece;
    pthread_cond_broadcast(&syncer->changed);
    tell(syncer);
}

static void *run(void *context)
{
    struct syncer *syncer = context;
    struct piece spare = {.length = 0};
    pthread_mutex_lock(&syncer->mutex);
    while (!syncer->failed && (!syncer->stop || syncer->next.length > 0)) {
        if (syncer->next.length > 0)
            write_next(syncer, &spare);
        else
            pthread_cond_wait(&syncer->changed, &syncer->mutex);
    }
    pthread_mutex_unlock(&syncer->mutex);
    free(spare.data);
    return NULL;
}

/* --- the loop's side --- */

bool syncer_start(struct syncer **result, int file, int64_t size, struct error *error)
{
    struct syncer *syncer = calloc(1, sizeof *syncer);
    if (!syncer)
        return error_set(error, ERROR_MEMORY, "out of memory");
    *syncer = (struct syncer){.file = file, .size = size, .end = size};
    syncer->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int number = errno;
    if (syncer->event >= 0) {
        pthread_mutex_init(&syncer->mutex, NULL);
        pthread_cond_init(&syncer->changed, NULL);
        number = pthread_create(&syncer->thread, NULL, run, syncer);
        if (number == 0) {
            *result = syncer;
            return true;
        }
        close(syncer->event);
    }
    free(syncer);
    return error_set_errno(error, number, "cannot start the thread that writes the journal");
}

void syncer_stop(struct syncer *syncer)
{
    if (!syncer)
        return;
    pthread_mutex_lock(&syncer->mutex);
    syncer->stop = true;
    pthread_cond_broadcast(&syncer->changed);
    pthread_mutex_unlock(&syncer->mutex);
    pthread_join(syncer->thread, NULL);
    close(syncer->event);
    free(syncer->next.data);
    free(syncer);
}

static bool append(struct piece *piece, const void *data, size_t length)
{
    if (piece->length + length > piece->room) {
        size_t room = 2 * (piece->length + length);
        char *grown = realloc(piece->data, room);
        if (!grown)
            return false;
        piece->data = grown;
        piece->room = room;
    }
    memcpy(piece->data + piece->length, data, length);
    piece->length += length;
    return true;
}

bool syncer_put(struct syncer *syncer, const void *data, size_t length, struct error *error)
{
    pthread_mutex_lock(&syncer->mutex);
    bool good = append(&syncer->next, data, length);
    syncer->end += good ? (int64_t)length : 0;
    pthread_cond_broadcast(&syncer->changed);
    pthread_mutex_unlock(&syncer->mutex);
    return good || error_set(error, ERROR_MEMORY, "out of memory for the journal");
}

/* With the mutex held. */
static bool say_failed(const struct syncer *syncer, struct error *error)
{
    if (syncer->failed)
        *error = syncer->error;
    return !syncer->failed;
}

bool syncer_size(struct syncer *syncer, int64_t *size, struct error *error)
{
    uint64_t count;
    pthread_mutex_lock(&syncer->mutex);
    if (read(syncer->event, &count, sizeof count) < 0)
        count = 0; /* nothing new */
    *size = syncer->size;
    bool good = say_failed(syncer, error);
    pthread_mutex_unlock(&syncer->mutex);
    return good;
}

int syncer_descriptor(const struct syncer *syncer)
{
    return syncer->event;
}

bool syncer_wait(struct syncer *syncer, struct error *error)
{
    pthread_mutex_lock(&syncer->mutex);
    while (!syncer->failed && syncer->size < syncer->end)
        pthread_cond_wait(&syncer->changed, &syncer->mutex);
    bool good = say_failed(syncer, error);
    pthread_mutex_unlock(&syncer->mutex);
    return good;
}
