#include "worker/team.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/* Looks before a thread goes to sleep, about 40 us to 1 ms: waking up takes 30 to 200 us where a
 * sleeping CPU is given back to a hypervisor. As many as in the waits before were enough, for on a
 * busy machine, where the others are not even running, they only take its time. */
enum { LOOKS_FEWEST = 2000, LOOKS_MOST = 50000, LINE = 64 };

/* A ticket: the round above, below it how many items were drawn from the front and from the back.
 * Rounds are numbered so that a thread that was late, and read what has changed since, cannot draw
 * an item: its ticket is an old one. */
enum { DRAWN_BITS = 22 };
#define FRONT_ONE ((uint64_t)1)
#define BACK_ONE ((uint64_t)1 << DRAWN_BITS)
#define ROUND_ONE ((uint64_t)1 << 2 * DRAWN_BITS)
#define CLOSED (BACK_ONE - 1) /* more are drawn than there can be items */

struct member {
    struct team *team;
    size_t index;
    pthread_t thread;
    int looks;
};

struct team {
    size_t member_count;
    struct member members[TEAM_MAX - 1];
    bool looks_on; /* each has a CPU: else it would take it from a thread that works */
    int caller_looks;
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
        size_t count = atomic_load(&team->count), front = ticket % BACK_ONE;
        size_t back = ticket / BACK_ONE % BACK_ONE;
        if (front + back >= count) {
            return ticket;
        }
        uint_fast64_t expected = ticket, next = ticket + (thread % 2 ? BACK_ONE : FRONT_ONE);
        if (atomic_compare_exchange_strong(&team->ticket, &expected, next)) {
            size_t item = thread % 2 ? count - 1 - back : front;
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

static bool is_done(struct team *team, uint64_t count)
{
    return atomic_load(&team->done) == count;
}

/* Looks for what is wanted for a while. */
static bool look(struct team *team, bool (*has_come)(struct team *team, uint64_t what),
                 uint64_t what, int *looks)
{
    for (int i = 0; i < *looks && team->looks_on; i++) {
        if (has_come(team, what)) {
            *looks = *looks < LOOKS_MOST / 2 ? 2 * *looks : LOOKS_MOST;
            return true;
        }
        pause_thread();
    }
    *looks = *looks > 4 * LOOKS_FEWEST ? *looks / 4 : LOOKS_FEWEST;
    return false;
}

static void wait_for_round(struct member *member, uint64_t seen)
{
    struct team *team = member->team;
    if (look(team, has_news, seen, &member->looks)) {
        return;
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
        wait_for_round(member, work(member->team, member->index));
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

static bool has_cpus(size_t threads)
{
    cpu_set_t cpus;
    return sched_getaffinity(0, sizeof cpus, &cpus) == 0 && (size_t)CPU_COUNT(&cpus) >= threads;
}

/* Signals are the caller's. */
static int start_member(struct team *team, size_t index)
{
    struct member *member = &team->members[index - 1];
    sigset_t all, before;
    *member = (struct member){.team = team, .index = index, .looks = LOOKS_FEWEST};
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
    *team = (struct team){.looks_on = has_cpus(threads), .caller_looks = LOOKS_FEWEST};
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
    if (look(team, is_done, count, &team->caller_looks)) {
        return;
    }
    pthread_mutex_lock(&team->mutex);
    atomic_store(&team->caller_sleeps, true);
    while (!is_done(team, count)) {
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
    assert(count < CLOSED);
    atomic_store(&team->ticket, (round + 1) * ROUND_ONE | CLOSED);
    atomic_store(&team->task, task);
    atomic_store(&team->context, context);
    atomic_store(&team->count, count);
    atomic_store(&team->done, 0);
    atomic_store(&team->ticket, (round + 2) * ROUND_ONE);
    wake_sleepers(team);
    work(team, 0);
    wait_for_all(team, count);
}
