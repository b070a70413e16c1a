#include "worker/team.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/* Looks before a thread goes to sleep, about 40 us: longer than most breaks between two runs. */
enum { SPINS = 2000, LINE = 64 };

/* A ticket: the round above, the next item below. Rounds are numbered so that a thread that was
 * late, and read what has changed since, cannot draw an item: its ticket is an old one. */
#define ITEM_MASK UINT32_MAX
#define ROUND_ONE ((uint64_t)1 << 32)

struct member {
    struct team *team;
    size_t index;
    pthread_t thread;
};

struct team {
    size_t member_count;
    struct member members[TEAM_MAX - 1];
    int spins;
    /* Of the round: written only while no ticket can be drawn. */
    _Atomic(team_task *) task;
    _Atomic(void *) context;
    atomic_size_t count;
    _Alignas(LINE) atomic_uint_fast64_t ticket;
    _Alignas(LINE) atomic_size_t done; /* items of the round */
    /* Sleep: whoever goes to sleep says so, then looks once more. */
    _Alignas(LINE) pthread_mutex_t mutex;
    pthread_cond_t begun, ended;
    atomic_size_t sleepers;
    atomic_bool caller_sleeps, is_over;
};

static void pause_thread(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#endif
}

/* --- items --- */

static void finish_item(struct team *team, size_t count)
{
    if (atomic_fetch_add(&team->done, 1) + 1 == count && atomic_load(&team->caller_sleeps)) {
        pthread_mutex_lock(&team->mutex);
        pthread_cond_signal(&team->ended);
        pthread_mutex_unlock(&team->mutex);
    }
}

/* Draws and does items until there are none. Returns the last ticket seen. */
static uint64_t work(struct team *team, size_t thread)
{
    for (;;) {
        uint64_t ticket = atomic_load(&team->ticket);
        team_task *task = atomic_load(&team->task);
        void *context = atomic_load(&team->context);
        size_t count = atomic_load(&team->count), item = ticket & ITEM_MASK;
        if (item >= count) {
            return ticket;
        }
        uint_fast64_t expected = ticket;
        if (atomic_compare_exchange_strong(&team->ticket, &expected, ticket + 1)) {
            task(context, item, thread);
            finish_item(team, count);
        }
    }
}

/* --- a thread's life --- */

static bool has_news(struct team *team, uint64_t seen)
{
    return atomic_load(&team->ticket) / ROUND_ONE != seen / ROUND_ONE ||
           atomic_load(&team->is_over);
}

static void wait_for_round(struct team *team, uint64_t seen)
{
    for (int i = 0; i < team->spins; i++) {
        if (has_news(team, seen)) {
            return;
        }
        pause_thread();
    }
    pthread_mutex_lock(&team->mutex);
    atomic_fetch_add(&team->sleepers, 1);
    while (!has_news(team, seen)) {
        pthread_cond_wait(&team->begun, &team->mutex);
    }
    atomic_fetch_sub(&team->sleepers, 1);
    pthread_mutex_unlock(&team->mutex);
}

static void *live(void *argument)
{
    struct member *member = argument;
    while (!atomic_load(&member->team->is_over)) {
        wait_for_round(member->team, work(member->team, member->index));
    }
    return NULL;
}

static void wake_sleepers(struct team *team)
{
    if (atomic_load(&team->sleepers) > 0) {
        pthread_mutex_lock(&team->mutex);
        pthread_cond_broadcast(&team->begun);
        pthread_mutex_unlock(&team->mutex);
    }
}

/* Spinning takes the CPU from a thread that works, unless each has one. */
static int spins_of(size_t threads)
{
    cpu_set_t cpus;
    bool known = sched_getaffinity(0, sizeof cpus, &cpus) == 0;
    return known && (size_t)CPU_COUNT(&cpus) >= threads ? SPINS : 0;
}

/* Signals are the caller's. */
static int start_member(struct team *team, size_t index)
{
    struct member *member = &team->members[index - 1];
    sigset_t all, before;
    *member = (struct member){.team = team, .index = index};
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int number = pthread_create(&member->thread, NULL, live, member);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number;
}

bool team_create(struct team **created, size_t threads, struct error *error)
{
    *created = NULL;
    if (threads <= 1) {
        return true;
    }
    struct team *team = aligned_alloc(LINE, sizeof *team);
    if (!team) {
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    *team = (struct team){.spins = spins_of(threads)};
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->begun, NULL);
    pthread_cond_init(&team->ended, NULL);
    for (size_t i = 1; i < threads && i < TEAM_MAX; i++) {
        int number = start_member(team, i);
        if (number != 0) {
            team_destroy(team);
            return error_set_errno(error, number, "cannot start thread %zu of %zu", i + 1, threads);
        }
        team->member_count++;
    }
    *created = team;
    return true;
}

void team_destroy(struct team *team)
{
    if (!team) {
        return;
    }
    pthread_mutex_lock(&team->mutex);
    atomic_store(&team->is_over, true);
    pthread_cond_broadcast(&team->begun);
    pthread_mutex_unlock(&team->mutex);
    for (size_t i = 0; i < team->member_count; i++) {
        pthread_join(team->members[i].thread, NULL);
    }
    pthread_cond_destroy(&team->begun);
    pthread_cond_destroy(&team->ended);
    pthread_mutex_destroy(&team->mutex);
    free(team);
}

/* --- the caller --- */

static void wait_for_all(struct team *team, size_t count)
{
    for (int i = 0; i < team->spins; i++) {
        if (atomic_load(&team->done) == count) {
            return;
        }
        pause_thread();
    }
    pthread_mutex_lock(&team->mutex);
    atomic_store(&team->caller_sleeps, true);
    while (atomic_load(&team->done) != count) {
        pthread_cond_wait(&team->ended, &team->mutex);
    }
    atomic_store(&team->caller_sleeps, false);
    pthread_mutex_unlock(&team->mutex);
}

void team_run(struct team *team, size_t count, team_task *task, void *context)
{
    if (!team || count <= 1) {
        for (size_t item = 0; item < count; item++) {
            task(context, item, 0);
        }
        return;
    }
    uint64_t round = atomic_load(&team->ticket) / ROUND_ONE;
    atomic_store(&team->ticket, (round + 1) * ROUND_ONE | ITEM_MASK); /* closed */
    atomic_store(&team->task, task);
    atomic_store(&team->context, context);
    atomic_store(&team->count, count);
    atomic_store(&team->done, 0);
    atomic_store(&team->ticket, (round + 2) * ROUND_ONE);
    wake_sleepers(team);
    work(team, 0);
    wait_for_all(team, count);
}
