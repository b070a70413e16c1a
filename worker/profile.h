/* Where the time of a training goes, by kind of work: for tests/bench/bench_profile, which builds
 * the engine with -DPROFILE. Elsewhere it is nothing at all.
 *
 * Each thread is always in one phase; entering one ends the one before. */
#ifndef LIPSWEEP_WORKER_PROFILE_H
#define LIPSWEEP_WORKER_PROFILE_H

#define PROFILE_PHASES(X)                                                                          \
    X(OTHER, "other")                                                                              \
    X(CONVOLUTION, "convolution")                                                                  \
    X(NORM, "batch norm")                                                                          \
    X(ELEMENTWISE, "elementwise")                                                                  \
    X(DENSE, "dense")                                                                              \
    X(LOSS, "loss and scores")                                                                     \
    X(NOISE, "noise")                                                                              \
    X(DATA, "data")                                                                                \
    X(OPTIMIZER, "optimiser")

#define PROFILE_NAME(name, text) PROFILE_##name,
enum profile_phase { PROFILE_PHASES(PROFILE_NAME) PROFILE_PHASE_COUNT };
#undef PROFILE_NAME

#ifdef PROFILE
void profile_enter(enum profile_phase phase);

/* CPU seconds of the calling thread in each phase since the last reset, which starts in OTHER. */
void profile_reset(void);
void profile_read(double seconds[PROFILE_PHASE_COUNT]);
#else
static inline void profile_enter(enum profile_phase phase)
{
    (void)phase;
}
#endif

#endif
