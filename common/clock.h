/* Time, passed in so that tests can move it. Everything that decides uses now_ms (CLOCK_BOOTTIME:
 * monotonic, and it counts suspend); wall-clock time is only ever displayed or stored for display.
 */
#ifndef LIPSWEEP_COMMON_CLOCK_H
#define LIPSWEEP_COMMON_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*now_ms)(void *context);
    void *context;
};

struct clock clock_system(void);

static inline int64_t clock_now_ms(const struct clock *clock)
{
    return clock->now_ms(clock->context);
}

/* Wall clock, milliseconds since 1970, for display only. */
int64_t clock_wall_ms(void);

/* "2026-01-31T12:00:00Z"; `text` holds at least 32 bytes. */
void clock_format(int64_t wall_ms, char text[32]);

#endif
