#include "client/calibration.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/child.h"
#include "common/number.h"

enum { LINE_SIZE = 1024, COLUMNS = 5 };

/* The job as a file that has no name. */
static bool write_job(const struct job *job, int *descriptor, struct error *error)
{
    char text[JOB_TEXT_MAX];
    *descriptor = -1;
    if (!job_text(job, text, error))
        return false;
    *descriptor = memfd_create("job", MFD_CLOEXEC);
    size_t length = strlen(text);
    return (*descriptor >= 0 && write(*descriptor, text, length) == (ssize_t)length) ||
           error_set_errno(error, errno, "cannot write a job for lipsweep-worker");
}

static bool start(struct child *child, int job, int output, const char *directory,
                  enum calibration_what what, struct error *error)
{
    char program[4096], file[32], descriptor[16];
    if (!child_program_path("lipsweep-worker", program, error))
        return false;
    snprintf(file, sizeof file, "/dev/fd/%d", job);
    snprintf(descriptor, sizeof descriptor, "%d", output);
    const char *words[10] = {program, "measure", file, "--result-fd", descriptor};
    size_t count = 5;
    if (what == CALIBRATION_MEMORY)
        words[count++] = "--memory-only";
    if (directory) {
        words[count++] = "--data";
        words[count++] = directory;
    }
    struct child_options options = {
        .arguments = words, .output = -1, .keep = {job, output}, .keep_count = 2};
    return child_start(child, &options, error);
}

static bool read_cell(char **rest, double *number)
{
    char *cell = strsep(rest, "\t");
    *number = NAN;
    return cell && (!*cell || number_parse(cell, number));
}

static bool read_row(char *line, struct calibration *calibration)
{
    double memory, weights;
    char *rest = line;
    line[strcspn(line, "\n")] = '\0';
    if (!read_cell(&rest, &memory) || !read_cell(&rest, &weights) ||
        !read_cell(&rest, &calibration->step_s) || !read_cell(&rest, &calibration->evaluation_s) ||
        !rest || isnan(memory) || isnan(weights))
        return false;
    calibration->memory_bytes = (int64_t)memory;
    calibration->weights_bytes = (int64_t)weights;
    snprintf(calibration->cpu_class, sizeof calibration->cpu_class, "%s", rest);
    return true;
}

/* The heading, then one row; neither when the worker failed. */
static bool read_table(int descriptor, struct calibration *calibration)
{
    char line[LINE_SIZE];
    FILE *file = fdopen(descriptor, "r");
    if (!file) {
        close(descriptor);
        return false;
    }
    bool good = fgets(line, sizeof line, file) != NULL;
    if (good)
        good = fgets(line, sizeof line, file) && read_row(line, calibration);
    fclose(file);
    return good;
}

static bool wait_for(struct child *child)
{
    int status;
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    child_release(child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool calibration_make(const struct job *job, const char *directory, enum calibration_what what,
                      struct calibration *calibration, struct error *error)
{
    int ends[2], file;
    struct child child = {.lifeline = -1};
    *calibration = (struct calibration){0};
    if (!write_job(job, &file, error)) {
        if (file >= 0)
            close(file);
        return false;
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        close(file);
        return error_set_errno(error, errno, "cannot make a pipe");
    }
    bool started = start(&child, file, ends[1], directory, what, error);
    close(file);
    close(ends[1]);
    bool read = read_table(ends[0], calibration);
    calibration->known = started && wait_for(&child) && read;
    return started;
}
