#include "client/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>

/* A signal's handler has nowhere else to put it. */
static volatile sig_atomic_t count;

static void handle(int number)
{
    (void)number;
    count++;
}

void interrupt_catch(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = handle};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
}

int interrupt_count(void)
{
    return count;
}

void interrupt_wait_ms(int duration_ms)
{
    poll(NULL, 0, duration_ms);
}
