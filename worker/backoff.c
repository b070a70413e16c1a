#include "worker/backoff.h"

enum { FIRST_MS = 1000, LONGEST_MS = 60000 };

bool backoff_is_over(const struct backoff *backoff, int64_t now_ms)
{
    return now_ms >= backoff->until_ms;
}

void backoff_failed(struct backoff *backoff, int64_t now_ms)
{
    if (!backoff_is_over(backoff, now_ms))
        return;
    int64_t wait_ms = FIRST_MS;
    for (int i = 0; i < backoff->failure_count && wait_ms < LONGEST_MS; i++)
        wait_ms *= 2;
    backoff->failure_count++;
    backoff->until_ms = now_ms + (wait_ms < LONGEST_MS ? wait_ms : LONGEST_MS);
}

void backoff_succeeded(struct backoff *backoff)
{
    *backoff = (struct backoff){.failure_count = 0};
}
