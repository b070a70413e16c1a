/* Preloaded into a coordinator: each fsync and fdatasync takes LIPSWEEP_SYNC_MS longer, as on a
 * slower disk. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_a_while(void)
{
    const char *text = getenv("LIPSWEEP_SYNC_MS");
    long ms = text ? atol(text) : 0;
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* The C library's names for the parameters are reserved ones. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
int fsync(int file)
{
    wait_a_while();
    return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file)
{
    wait_a_while();
    return (int)syscall(SYS_fdatasync, file);
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
