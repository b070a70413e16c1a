/* One system call of a program goes wrong. Preloaded (LD_PRELOAD) by tests/system/fault.py, which
 * says what is to happen:
 *
 *     LIPSWEEP_FAULT_CALL  open write pwrite fsync close rename unlink
 *     LIPSWEEP_FAULT_PATH  only of files whose path contains this
 *     LIPSWEEP_FAULT_AT    which of them, from 1; "2-": all from the second on
 *     LIPSWEEP_FAULT_DO    kill: the process dies before the call; killed: after it;
 *                          short: half of it is written; eat: 2 GiB are taken before it, or what
 *                          can be had; else the errno
 *     LIPSWEEP_FAULT_STOP_AT  after so many of these calls the process stops itself (SIGSTOP)
 *
 * A call that goes wrong is told in the file LIPSWEEP_FAULT_TOLD, so that a test knows. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum fault { FAULT_NONE, FAULT_KILL, FAULT_KILLED, FAULT_SHORT, FAULT_EAT, FAULT_ERRNO };
enum { EATEN_BYTES = 1 << 20, EATEN_COUNT = 2048 };

static int seen, wronged;

static const char *text_of(const char *name)
{
    const char *text = getenv(name);
    return text ? text : "";
}

static void tell(void)
{
    int file = (int)syscall(SYS_openat, AT_FDCWD, text_of("LIPSWEEP_FAULT_TOLD"),
                            O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0)
        return;
    syscall(SYS_write, file, "x", 1);
    syscall(SYS_close, file);
}

/* What is to happen to this call. */
static enum fault fault_of(const char *call, const char *path)
{
    const char *what = text_of("LIPSWEEP_FAULT_DO"), *part = text_of("LIPSWEEP_FAULT_PATH");
    if (strcmp(call, text_of("LIPSWEEP_FAULT_CALL")) != 0 || !strstr(path, part))
        return FAULT_NONE;
    const char *at = text_of("LIPSWEEP_FAULT_AT");
    int which = atoi(at), count = __atomic_add_fetch(&seen, 1, __ATOMIC_SEQ_CST);
    if (count < which || (count > which && !strchr(at, '-')))
        return FAULT_NONE;
    tell();
    __atomic_add_fetch(&wronged, 1, __ATOMIC_SEQ_CST);
    if (strcmp(what, "kill") == 0)
        return FAULT_KILL;
    if (strcmp(what, "killed") == 0)
        return FAULT_KILLED;
    if (strcmp(what, "eat") == 0)
        return FAULT_EAT;
    return strcmp(what, "short") == 0 ? FAULT_SHORT : FAULT_ERRNO;
}

static int number(void)
{
    const char *what = text_of("LIPSWEEP_FAULT_DO");
    return strcmp(what, "EIO") == 0      ? EIO
           : strcmp(what, "EROFS") == 0  ? EROFS
           : strcmp(what, "EMFILE") == 0 ? EMFILE
                                         : ENOSPC;
}

static const char *path_of(int file, char text[4096])
{
    char entry[64];
    snprintf(entry, sizeof entry, "/proc/self/fd/%d", file);
    ssize_t length = readlink(entry, text, 4095);
    text[length > 0 ? length : 0] = '\0';
    return text;
}

static void eat(void)
{
    static char *eaten[EATEN_COUNT]; /* for as long as the process lives */
    for (int i = 0; i < EATEN_COUNT && (eaten[i] = malloc(EATEN_BYTES)); i++)
        memset(eaten[i], 1, EATEN_BYTES);
}

/* true: the call is not to be made. */
static bool before(enum fault fault)
{
    if (fault == FAULT_EAT)
        eat();
    if (fault == FAULT_KILL)
        raise(SIGKILL);
    if (fault == FAULT_ERRNO || fault == FAULT_SHORT)
        errno = number();
    return fault == FAULT_ERRNO || fault == FAULT_SHORT;
}

static void after(enum fault fault)
{
    if (fault == FAULT_KILLED)
        raise(SIGKILL);
}

/* A call that went wrong returns to the program from here. */
static ssize_t gone_wrong(ssize_t result)
{
    int wrong = errno;
    if (wronged == atoi(text_of("LIPSWEEP_FAULT_STOP_AT")))
        raise(SIGSTOP);
    errno = wrong;
    return result;
}

#define REAL(name) (__extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name))

/* The library's own names of the parameters begin with underscores. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    enum fault fault = flags & O_CREAT ? fault_of("open", path) : FAULT_NONE;
    if (before(fault))
        return (int)gone_wrong(-1);
    int result = REAL(open)(path, flags, mode);
    after(fault);
    return result;
}

ssize_t write(int file, const void *data, size_t size)
{
    char path[4096];
    enum fault fault = fault_of("write", path_of(file, path));
    if (fault == FAULT_SHORT)
        return gone_wrong(size > 1 ? REAL(write)(file, data, size / 2) : (ssize_t)size);
    if (before(fault))
        return gone_wrong(-1);
    ssize_t result = REAL(write)(file, data, size);
    after(fault);
    return result;
}

ssize_t pwrite(int file, const void *data, size_t size, off_t offset)
{
    char path[4096];
    enum fault fault = fault_of("pwrite", path_of(file, path));
    if (before(fault))
        return (int)gone_wrong(-1);
    ssize_t result = REAL(pwrite)(file, data, size, offset);
    after(fault);
    return result;
}

int fsync(int file)
{
    char path[4096];
    enum fault fault = fault_of("fsync", path_of(file, path));
    if (before(fault))
        return (int)gone_wrong(-1);
    int result = REAL(fsync)(file);
    after(fault);
    return result;
}

int close(int file)
{
    char path[4096];
    enum fault fault = fault_of("close", path_of(file, path));
    bool fails = before(fault);
    int wrong = errno;
    int result = REAL(close)(file);
    after(fault);
    if (!fails)
        return result;
    errno = wrong;
    return (int)gone_wrong(-1);
}

int rename(const char *from, const char *to)
{
    enum fault fault = fault_of("rename", to);
    if (before(fault))
        return (int)gone_wrong(-1);
    int result = REAL(rename)(from, to);
    after(fault);
    return result;
}

int unlink(const char *path)
{
    enum fault fault = fault_of("unlink", path);
    if (before(fault))
        return (int)gone_wrong(-1);
    int result = REAL(unlink)(path);
    after(fault);
    return result;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
