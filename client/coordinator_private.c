#include "client/coordinator_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/socket_folder.h"

enum {
    READY_TIMEOUT_MS = 120000, /* an old database may have to be copied and migrated first */
    STOP_TIMEOUT_MS = 10000,
    LOG_LINE_MAX = 512,
    ABANDONED_AGE_S = 60, /* a folder younger than that may be about to be used */
};

/* What stands before the message in a line of the log. */
#define LOG_ERROR_MARK "error: "

bool database_files_prepare(struct database_files *files, const char *database, int *log_descriptor,
                            struct error *error)
{
    if (strlen(database) + sizeof ".d/run.log" > PRIVATE_PATH_MAX)
        return error_set(error, ERROR_USAGE, "the database's path is too long");
    snprintf(files->folder, sizeof files->folder, "%.4080s.d", database);
    snprintf(files->log, sizeof files->log, "%.4080s.d/run.log", database);
    snprintf(files->spool, sizeof files->spool, "%.4080s.d/spool", database);
    if (mkdir(files->folder, 0777) != 0 && errno != EEXIST)
        return error_set_errno(error, errno, "cannot make the folder %s", files->folder);
    if (mkdir(files->spool, 0700) != 0 && errno != EEXIST)
        return error_set_errno(error, errno, "cannot make the folder %s", files->spool);
    *log_descriptor = open(files->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (*log_descriptor < 0)
        return error_set_errno(error, errno, "cannot open the log %s", files->log);
    return true;
}

static void remove_folder(const char *folder)
{
    static const char *const names[] = {"c.sock", "c.sock.lock"};
    char path[PRIVATE_PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%.3000s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

/* Whether the folder is an old one whose coordinator is gone: its lock can be had. */
static bool is_abandoned(const char *folder)
{
    char path[PRIVATE_PATH_MAX];
    struct stat status;
    if (stat(folder, &status) != 0 || time(NULL) - status.st_mtime < ABANDONED_AGE_S)
        return false;
    snprintf(path, sizeof path, "%.3000s/c.sock.lock", folder);
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    bool abandoned = descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0;
    if (descriptor >= 0)
        close(descriptor);
    return abandoned;
}

/* What runs left that were killed. */
static void remove_abandoned(const char *base)
{
    char folder[PRIVATE_PATH_MAX];
    DIR *list = opendir(base);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        snprintf(folder, sizeof folder, "%.1000s/%.255s", base, entry->d_name);
        if (strncmp(entry->d_name, "run-", 4) == 0 && is_abandoned(folder))
            remove_folder(folder);
    }
    if (list)
        closedir(list);
}

bool coordinator_private_init(struct coordinator_private *coordinator, const char *database,
                              int log_descriptor, struct error *error)
{
    char base[108];
    *coordinator = (struct coordinator_private){
        .database = database, .log_descriptor = log_descriptor, .child = {.lifeline = -1}};
    if (!socket_folder(base, error))
        return false;
    remove_abandoned(base);
    if (snprintf(coordinator->folder, sizeof coordinator->folder, "%s/run-XXXXXX", base) >=
        (int)sizeof coordinator->folder - (int)sizeof "/c.sock.lock")
        return error_set(error, ERROR_SYSTEM, "the folder for sockets, %s, has too long a name",
                         base);
    if (!mkdtemp(coordinator->folder)) {
        error_set_errno(error, errno, "cannot make the folder %s", coordinator->folder);
        coordinator->folder[0] = '\0';
        return false;
    }
    snprintf(coordinator->endpoint, sizeof coordinator->endpoint, "ipc://%s/c.sock",
             coordinator->folder);
    return true;
}

/* The last line the child wrote to its log, after `start`: why it ended. */
static void last_log_line(int descriptor, off_t start, char line[LOG_LINE_MAX])
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    int readable = open(path, O_RDONLY | O_CLOEXEC);
    line[0] = '\0';
    if (readable < 0)
        return;
    off_t end = lseek(readable, 0, SEEK_END);
    off_t from = end - start > (off_t)sizeof text - 1 ? end - (off_t)sizeof text + 1 : start;
    ssize_t length = pread(readable, text, sizeof text - 1, from);
    close(readable);
    while (length > 0 && text[length - 1] == '\n')
        length--;
    if (length <= 0)
        return;
    text[length] = '\0';
    const char *newline = strrchr(text, '\n');
    snprintf(line, LOG_LINE_MAX, "%.511s", newline ? newline + 1 : text);
}

static bool child_failed(struct coordinator_private *coordinator, off_t log_start,
                         struct error *error)
{
    int status = 0;
    char line[LOG_LINE_MAX];
    waitpid(coordinator->child.pid, &status, 0);
    child_release(&coordinator->child);
    last_log_line(coordinator->log_descriptor, log_start, line);
    const char *message = strstr(line, LOG_ERROR_MARK);
    message = message ? message + strlen(LOG_ERROR_MARK) : line;
    bool refused = WIFEXITED(status) && WEXITSTATUS(status) == error_exit_code(ERROR_REFUSED);
    enum error_code code = !refused                    ? ERROR_FAILED
                           : strstr(message, "in use") ? ERROR_BUSY
                                                       : ERROR_REFUSED;
    struct statvfs disk;
    bool full = fstatvfs(coordinator->log_descriptor, &disk) == 0 && disk.f_bavail == 0;
    return error_set(error, code, "%s",
                     *message ? message
                     : full   ? "the disk with the database is full"
                              : "the private coordinator ended without a word");
}

/* True when the child says that it listens; false when it ended, or takes for ever. */
static bool wait_until_ready(int descriptor)
{
    struct clock clock = clock_system();
    int64_t end_ms = clock_now_ms(&clock) + READY_TIMEOUT_MS;
    for (;;) {
        struct pollfd wait_for = {.fd = descriptor, .events = POLLIN};
        int64_t left_ms = end_ms - clock_now_ms(&clock);
        int count = left_ms > 0 ? poll(&wait_for, 1, (int)left_ms) : 0;
        if (count < 0 && errno == EINTR)
            continue;
        char text[256];
        return count > 0 && read(descriptor, text, sizeof text) > 0;
    }
}

bool coordinator_private_start(struct coordinator_private *coordinator, struct error *error)
{
    char program[4096], ready_text[16], lease_text[16], heartbeat_text[16];
    int ready[2];
    if (!child_program_path("lipsweep-coordinator", program, error))
        return false;
    if (pipe2(ready, O_CLOEXEC) != 0)
        return error_set_errno(error, errno, "cannot make a pipe");
    snprintf(ready_text, sizeof ready_text, "%d", ready[1]);
    snprintf(lease_text, sizeof lease_text, "%d", coordinator->lease_ms);
    snprintf(heartbeat_text, sizeof heartbeat_text, "%d", coordinator->heartbeat_ms);
    const char *arguments[] = {program,
                               "--db",
                               coordinator->database,
                               "--listen",
                               coordinator->endpoint,
                               "--ready-fd",
                               ready_text,
                               coordinator->lease_ms > 0 ? "--lease-ms" : NULL,
                               lease_text,
                               "--heartbeat-ms",
                               heartbeat_text,
                               NULL};
    struct child_options options = {.arguments = arguments,
                                    .new_group = true,
                                    .output = coordinator->log_descriptor,
                                    .keep = {ready[1]},
                                    .keep_count = 1};
    off_t log_start = lseek(coordinator->log_descriptor, 0, SEEK_END);
    bool started = child_start(&coordinator->child, &options, error);
    close(ready[1]);
    bool listens = started && wait_until_ready(ready[0]);
    close(ready[0]);
    if (started && !listens) {
        kill(coordinator->child.pid, SIGKILL); /* it has ended, or hangs */
        return child_failed(coordinator, log_start, error);
    }
    return started;
}

static void stop(struct child *child)
{
    struct clock clock = clock_system();
    int64_t end_ms = clock_now_ms(&clock) + STOP_TIMEOUT_MS;
    kill(child->pid, SIGTERM);
    while (waitpid(child->pid, NULL, WNOHANG) == 0) {
        if (clock_now_ms(&clock) > end_ms)
            kill(child->pid, SIGKILL);
        poll(NULL, 0, 10);
    }
    child_release(child);
}

void coordinator_private_finish(struct coordinator_private *coordinator)
{
    if (coordinator->child.pid != 0)
        stop(&coordinator->child);
    if (!coordinator->folder[0])
        return;
    remove_folder(coordinator->folder);
    coordinator->folder[0] = '\0';
}
