#include "worker/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int ends[2] = {-1, -1};
static volatile sig_atomic_t stop_count;

static void handle(int number)
{
    int kept = errno;
    if (number != SIGCHLD)
        stop_count++;
    /* A full pipe is readable all the same. */
    ssize_t written = write(ends[1], "", 1);
    (void)written;
    errno = kept;
}

bool signals_init(struct error *error)
{
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return error_set_errno(error, errno, "cannot make a pipe for signals");
    const int numbers[] = {SIGTERM, SIGINT, SIGCHLD};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], &action, NULL) != 0)
            return error_set_errno(error, errno, "cannot handle signals");
    signal(SIGPIPE, SIG_IGN);
    return true;
}

int signals_descriptor(void)
{
    return ends[0];
}

void signals_clear(void)
{
    char bytes[256];
    while (read(ends[0], bytes, sizeof bytes) == sizeof bytes)
        ;
}

int signals_stop_count(void)
{
    return stop_count;
}
