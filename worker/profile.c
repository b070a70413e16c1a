#include "worker/profile.h"

#ifdef PROFILE
#include <string.h>
#include <time.h>

static _Thread_local struct {
    enum profile_phase phase;
    double since_s, spent_s[PROFILE_PHASE_COUNT];
} profile;

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* what others run does not count */
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void profile_enter(enum profile_phase phase)
{
    double now = now_s();
    profile.spent_s[profile.phase] += now - profile.since_s;
    profile.since_s = now;
    profile.phase = phase;
}

void profile_reset(void)
{
    memset(&profile, 0, sizeof profile);
    profile.since_s = now_s();
}

void profile_read(double seconds[PROFILE_PHASE_COUNT])
{
    profile_enter(profile.phase);
    memcpy(seconds, profile.spent_s, sizeof profile.spent_s);
}
#endif
