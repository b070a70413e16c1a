#include "worker/patience.h"

int64_t patience_asked(struct patience *patience)
{
    if (patience->wait_ms == 0)
        patience->wait_ms = PATIENCE_FIRST_MS;
    else if (patience->waits && patience->wait_ms < PATIENCE_MAX_MS)
        patience->wait_ms *= 2;
    patience->waits = true;
    return patience->wait_ms;
}

void patience_answered(struct patience *patience)
{
    patience->waits = false;
}
