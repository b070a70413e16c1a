#include "coordinator/reader.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "coordinator/cursors.h"

enum { LOOK_MS = 1000 /* for answers that are open too long */ };

struct question {
    struct question *next;
    struct peer peer;
    uint64_t request;
    Wire__Query *query;
};

/* A connection, and the answer that it is in the middle of. The thread's alone. */
struct reader {
    char *database;
    struct cursors cursors; /* the thread's alone */
    pthread_t thread;
    int event;
    atomic_bool stop;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t asked;
    struct question *first_question, **questions_end;
    size_t question_count;
    struct reader_answer *first_answer, **answers_end;
};

/* --- the thread --- */

static Wire__Refused__Code code_of(const struct error *error)
{
    switch (error->code) {
    case ERROR_NOT_FOUND:
        return WIRE__REFUSED__CODE__NOT_FOUND;
    case ERROR_INVALID:
        return WIRE__REFUSED__CODE__INVALID;
    case ERROR_BUSY:
        return WIRE__REFUSED__CODE__BUSY;
    default:
        return WIRE__REFUSED__CODE__FAILED;
    }
}

static void refuse(struct reader_answer *answer, uint64_t request, const struct error *error)
{
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    Wire__Refused refused = WIRE__REFUSED__INIT;
    refused.code = code_of(error);
    refused.reason = (char *)(uintptr_t)error->message;
    refused.protocol = WIRE_PROTOCOL;
    envelope.request = request;
    envelope.body_case = WIRE__ENVELOPE__BODY_REFUSED;
    envelope.refused = &refused;
    answer->length = wire__envelope__get_packed_size(&envelope);
    answer->bytes = malloc(answer->length);
    if (answer->bytes)
        wire__envelope__pack(&envelope, answer->bytes);
}

static int64_t now_ms(void)
{
    struct clock clock = clock_system();
    return clock_now_ms(&clock);
}

/* Without memory for an answer the peer asks again. */
static struct reader_answer *make_answer(struct reader *reader, const struct question *question)
{
    struct reader_answer *answer = calloc(1, sizeof *answer);
    struct page page;
    struct error error;
    if (!answer)
        return NULL;
    answer->peer = question->peer;
    if (cursors_page(&reader->cursors, &question->peer, question->request, question->query,
                     now_ms(), &page, &error)) {
        answer->bytes = page.bytes;
        answer->length = page.length;
    } else {
        refuse(answer, question->request, &error);
    }
    if (answer->bytes)
        return answer;
    free(answer);
    return NULL;
}

static void free_question(struct question *question)
{
    wire__query__free_unpacked(question->query, NULL);
    free(question);
}

/* Waits a while at most; NULL: nobody asks. */
static struct question *next_question(struct reader *reader)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_MS / 1000;
    pthread_mutex_lock(&reader->mutex);
    if (!reader->first_question && !reader->stop)
        pthread_cond_timedwait(&reader->asked, &reader->mutex, &until);
    struct question *question = reader->first_question;
    if (question) {
        reader->first_question = question->next;
        if (!reader->first_question)
            reader->questions_end = &reader->first_question;
        reader->question_count--;
    }
    pthread_mutex_unlock(&reader->mutex);
    return question;
}

static void give_answer(struct reader *reader, struct reader_answer *answer)
{
    const uint64_t one = 1;
    pthread_mutex_lock(&reader->mutex);
    *reader->answers_end = answer;
    reader->answers_end = &answer->next;
    pthread_mutex_unlock(&reader->mutex);
    if (write(reader->event, &one, sizeof one) < 0)
        return; /* it is readable already */
}

static void *read_on(void *argument)
{
    struct reader *reader = argument;
    while (!reader->stop) {
        struct question *question = next_question(reader);
        cursors_close_old(&reader->cursors, now_ms());
        if (!question)
            continue;
        struct reader_answer *answer = make_answer(reader, question);
        if (answer)
            give_answer(reader, answer);
        free_question(question);
    }
    cursors_finish(&reader->cursors);
    return NULL;
}

/* --- the loop --- */

/* By the clock that no change of the date moves. */
static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void destroy(struct reader *reader)
{
    for (struct question *question = reader->first_question, *next; question; question = next) {
        next = question->next;
        free_question(question);
    }
    for (struct reader_answer *answer; (answer = reader_take(reader));)
        reader_free(answer);
    pthread_cond_destroy(&reader->asked);
    pthread_mutex_destroy(&reader->mutex);
    if (reader->event >= 0)
        close(reader->event);
    free(reader->database);
    free(reader);
}

bool reader_start(struct reader **reader, const char *database, struct error *error)
{
    struct reader *made = calloc(1, sizeof *made);
    if (!made)
        return error_set(error, ERROR_MEMORY, "out of memory");
    made->questions_end = &made->first_question;
    made->answers_end = &made->first_answer;
    pthread_mutex_init(&made->mutex, NULL);
    init_condition(&made->asked);
    made->database = strdup(database);
    made->cursors = (struct cursors){.database = made->database, .stop = &made->stop};
    made->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int number = made->event < 0 ? errno : made->database ? 0 : ENOMEM;
    if (number == 0)
        number = pthread_create(&made->thread, NULL, read_on, made);
    if (number != 0) {
        destroy(made);
        return error_set_errno(error, number, "cannot start to read %s", database);
    }
    *reader = made;
    return true;
}

void reader_stop(struct reader *reader)
{
    if (!reader)
        return;
    pthread_mutex_lock(&reader->mutex);
    reader->stop = true;
    pthread_cond_signal(&reader->asked);
    pthread_mutex_unlock(&reader->mutex);
    pthread_join(reader->thread, NULL);
    destroy(reader);
}

int reader_descriptor(const struct reader *reader)
{
    return reader->event;
}

/* A deep copy. */
static bool add_question(struct reader *reader, struct question *question)
{
    pthread_mutex_lock(&reader->mutex);
    bool fits = reader->question_count < READER_QUESTIONS_MAX;
    if (fits) {
        *reader->questions_end = question;
        reader->questions_end = &question->next;
        reader->question_count++;
        pthread_cond_signal(&reader->asked);
    }
    pthread_mutex_unlock(&reader->mutex);
    return fits;
}

bool reader_ask(struct reader *reader, const struct peer *peer, uint64_t request,
                const Wire__Query *query)
{
    struct question *question = calloc(1, sizeof *question);
    if (!question)
        return false;
    question->peer = *peer;
    question->request = request;
    question->query = wire_copy(&query->base);
    if (question->query && add_question(reader, question))
        return true;
    free_question(question);
    return false;
}

struct reader_answer *reader_take(struct reader *reader)
{
    uint64_t count;
    pthread_mutex_lock(&reader->mutex);
    struct reader_answer *answer = reader->first_answer;
    if (answer) {
        reader->first_answer = answer->next;
        if (!reader->first_answer)
            reader->answers_end = &reader->first_answer;
    } else if (read(reader->event, &count, sizeof count) < 0) {
        count = 0; /* it was not readable */
    }
    pthread_mutex_unlock(&reader->mutex);
    return answer;
}

void reader_free(struct reader_answer *answer)
{
    free(answer->bytes);
    free(answer);
}
