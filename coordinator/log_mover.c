#include "coordinator/log_mover.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/db.h"

struct log_mover {
    struct db *db; /* the thread's alone */
    pthread_t thread;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    bool busy, stop;
};

static void *run(void *context)
{
    struct log_mover *mover = context;
    struct error ignored;
    bool whole;
    pthread_mutex_lock(&mover->mutex);
    while (!mover->stop) {
        if (!mover->busy) {
            pthread_cond_wait(&mover->changed, &mover->mutex);
            continue;
        }
        pthread_mutex_unlock(&mover->mutex);
        bool moved = db_move_log(mover->db, &whole, &ignored);
        (void)moved; /* see log_mover_begin */
        pthread_mutex_lock(&mover->mutex);
        mover->busy = false;
    }
    pthread_mutex_unlock(&mover->mutex);
    return NULL;
}

bool log_mover_start(struct log_mover **mover, const char *database, struct error *error)
{
    struct log_mover *made = calloc(1, sizeof *made);
    if (!made)
        return error_set(error, ERROR_MEMORY, "out of memory");
    if (!db_open_mover(&made->db, database, error)) {
        free(made);
        return false;
    }
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->changed, NULL);
    int number = pthread_create(&made->thread, NULL, run, made);
    if (number == 0) {
        *mover = made;
        return true;
    }
    db_close(made->db);
    free(made);
    return error_set_errno(error, number, "cannot start the thread that moves the log");
}

void log_mover_stop(struct log_mover *mover)
{
    if (!mover)
        return;
    pthread_mutex_lock(&mover->mutex);
    mover->stop = true;
    pthread_cond_signal(&mover->changed);
    pthread_mutex_unlock(&mover->mutex);
    pthread_join(mover->thread, NULL);
    pthread_cond_destroy(&mover->changed);
    pthread_mutex_destroy(&mover->mutex);
    db_close(mover->db);
    free(mover);
}

void log_mover_begin(struct log_mover *mover)
{
    pthread_mutex_lock(&mover->mutex);
    mover->busy = true;
    pthread_cond_signal(&mover->changed);
    pthread_mutex_unlock(&mover->mutex);
}

bool log_mover_is_busy(struct log_mover *mover)
{
    pthread_mutex_lock(&mover->mutex);
    bool busy = mover->busy;
    pthread_mutex_unlock(&mover->mutex);
    return busy;
}
