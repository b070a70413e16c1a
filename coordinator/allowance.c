#include "coordinator/allowance.h"

enum {
    BURST_MS = 100,
    REFILL_MS = 1000,               /* at most so much at once: no product overflows */
    SPENT_MAX = 1024 * 1024 * 1024, /* one thing that passes is no larger */
};

void allowance_init(struct allowance *allowance, int64_t bytes_per_s, int64_t now_ms)
{
    *allowance = (struct allowance){
        .bytes_per_s = bytes_per_s > 0 ? bytes_per_s : 1, .budget = 1, .refilled_ms = now_ms};
}

static void refill(struct allowance *allowance, int64_t now_ms)
{
    int64_t burst = allowance->bytes_per_s * BURST_MS / 1000 + 1;
    int64_t elapsed_ms = now_ms - allowance->refilled_ms;
    if (elapsed_ms <= 0)
        return;
    allowance->refilled_ms = now_ms;
    elapsed_ms = elapsed_ms < REFILL_MS ? elapsed_ms : REFILL_MS;
    allowance->budget += allowance->bytes_per_s * elapsed_ms / 1000;
    allowance->budget = allowance->budget < burst ? allowance->budget : burst;
}

bool allowance_is_left(struct allowance *allowance, int64_t now_ms)
{
    refill(allowance, now_ms);
    return allowance->budget > 0;
}

void allowance_spend(struct allowance *allowance, uint64_t bytes)
{
    allowance->budget -= (int64_t)(bytes < SPENT_MAX ? bytes : SPENT_MAX);
}

bool allowance_take(struct allowance *allowance, uint64_t bytes, int64_t now_ms)
{
    if (!allowance_is_left(allowance, now_ms))
        return false;
    allowance_spend(allowance, bytes);
    return true;
}

int64_t allowance_due_ms(const struct allowance *allowance, int64_t now_ms)
{
    if (allowance->budget > 0)
        return now_ms;
    return allowance->refilled_ms + 1 - allowance->budget * 1000 / allowance->bytes_per_s;
}
