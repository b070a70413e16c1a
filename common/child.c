#include "common/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* "PID:DESCRIPTOR": the parent, and the read end of its lifeline in the child. */
#define PARENT_VARIABLE "LIPSWEEP_PARENT"

static bool starts_with_name(const char *entry, const char *assignment)
{
    size_t length = strcspn(assignment, "=") + 1;
    return strncmp(entry, assignment, length) == 0;
}

/* The parent's environment with `added` in front; entries point into both. Caller frees the array
 * alone. */
static char **merged_environment(const char *const *added, char *parent_entry)
{
    size_t count = 0, added_count = 0;
    while (environ[count])
        count++;
    while (added && added[added_count])
        added_count++;
    char **merged = calloc(count + added_count + 2, sizeof *merged);
    if (!merged)
        return NULL;
    size_t used = 0;
    merged[used++] = parent_entry;
    for (size_t i = 0; i < added_count; i++)
        merged[used++] = (char *)(uintptr_t)added[i];
    for (size_t i = 0; i < count; i++) {
        bool replaced = false;
        for (size_t j = 0; j < added_count + 1 && !replaced; j++)
            replaced = starts_with_name(environ[i], merged[j]);
        if (!replaced)
            merged[used++] = environ[i];
    }
    return merged;
}

static int spawn(pid_t *pid, const struct child_options *options, int lifeline_read,
                 char **environment)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    /* dup2 onto itself clears close-on-exec in the child alone. */
    posix_spawn_file_actions_adddup2(&actions, lifeline_read, lifeline_read);
    for (size_t i = 0; i < options->keep_count; i++)
        posix_spawn_file_actions_adddup2(&actions, options->keep[i], options->keep[i]);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (options->output >= 0) {
        posix_spawn_file_actions_adddup2(&actions, options->output, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, options->output, STDERR_FILENO);
    }
    /* The child starts with no signal blocked and none ignored, whatever the parent does with them.
     */
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (options->new_group) {
        posix_spawnattr_setpgroup(&attributes, 0);
        flags |= POSIX_SPAWN_SETPGROUP;
    }
    posix_spawnattr_setflags(&attributes, flags);
    int result = posix_spawn(pid, options->arguments[0], &actions, &attributes,
                             (char *const *)(uintptr_t)options->arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return result;
}

bool child_start(struct child *child, const struct child_options *options, struct error *error)
{
    int lifeline[2];
    if (pipe2(lifeline, O_CLOEXEC) != 0)
        return error_set_errno(error, errno, "cannot make a pipe");
    char parent_entry[64];
    snprintf(parent_entry, sizeof parent_entry, PARENT_VARIABLE "=%d:%d", (int)getpid(),
             lifeline[0]);
    char **environment = merged_environment(options->environment, parent_entry);
    int result = environment ? spawn(&child->pid, options, lifeline[0], environment) : ENOMEM;
    free(environment);
    close(lifeline[0]);
    if (result != 0) {
        close(lifeline[1]);
        child->pid = 0;
        return error_set_errno(error, result, "cannot start %s", options->arguments[0]);
    }
    child->lifeline = lifeline[1];
    return true;
}

void child_release(struct child *child)
{
    if (child->pid != 0)
        close(child->lifeline);
    *child = (struct child){.pid = 0, .lifeline = -1};
}

void child_guard(void)
{
    const char *value = getenv(PARENT_VARIABLE);
    int parent, lifeline;
    if (!value || sscanf(value, "%d:%d", &parent, &lifeline) != 2)
        return;
    unsetenv(PARENT_VARIABLE);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* The kernel sends the signal below when the last write end closes; it also covers a parent
     * that died before prctl, whose pid would tell the same. */
    fcntl(lifeline, F_SETFD, FD_CLOEXEC);
    fcntl(lifeline, F_SETOWN, getpid());
    fcntl(lifeline, F_SETSIG, SIGKILL);
    fcntl(lifeline, F_SETFL, fcntl(lifeline, F_GETFL) | O_ASYNC | O_NONBLOCK);
    char byte;
    if (getppid() != parent || read(lifeline, &byte, 1) == 0)
        _exit(EXIT_FAILURE);
}

bool child_program_path(const char *name, char path[4096], struct error *error)
{
    char self[PATH_MAX / 2];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        return error_set_errno(error, errno, "cannot find the running program's folder");
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    /* In a build tree lipsweep-worker lies in worker/, lipsweep-coordinator in coordinator/. */
    const char *dash = strchr(name, '-');
    snprintf(path, 4096, "%s/%s", self, name);
    if (access(path, X_OK) == 0)
        return true;
    snprintf(path, 4096, "%s/../%s/%s", self, dash ? dash + 1 : "client", name);
    if (access(path, X_OK) == 0)
        return true;
    return error_set(error, ERROR_NOT_FOUND, "cannot find the program %s beside this one (%s)",
                     name, self);
}
