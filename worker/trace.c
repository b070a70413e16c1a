#include "worker/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/disk.h"
#include "worker/weights.h"

struct trace {
    struct training_trace hooks;
    char folder[DISK_PATH_MAX];
    FILE *steps;
    bool failed;
    struct error error; /* the first one */
};

/* The network's tensors, then whatever else a step starts from, apart from the parameters' one flat
 * array, which they are part of. Numbers that are not float32 (Adam's powers) follow from the
 * step's number. */
static void take_state(void *context, const struct training_state *state,
                       const struct weights *weights)
{
    struct trace *trace = context;
    struct weights all = *weights;
    char name[64];
    for (size_t i = 0; i < state->array_count; i++) {
        const struct state_array *array = &state->arrays[i];
        bool part = strcmp(array->name, "parameters") == 0;
        if (!part && array->size == sizeof(real) && all.count < WEIGHT_MAX)
            all.list[all.count++] =
                (struct weight){array->name, &array->count, 1, array->data, array->count};
    }
    snprintf(name, sizeof name, "%06" PRId64 ".safetensors", state->step + 1);
    if (!trace->failed && !weights_write(&all, NULL, trace->folder, name, &trace->error))
        trace->failed = true;
}

/* JSON knows no NaN. */
static void print_number(FILE *file, const char *name, double value)
{
    if (isfinite(value))
        fprintf(file, ", \"%s\": %.17g", name, value);
    else
        fprintf(file, ", \"%s\": null", name);
}

static void take_step(void *context, const struct training_step *step)
{
    struct trace *trace = context;
    fprintf(trace->steps, "{\"epoch\": %" PRId64 ", \"step\": %" PRId64, step->epoch, step->step);
    print_number(trace->steps, "loss", step->loss);
    print_number(trace->steps, "task_loss", step->task_loss);
    print_number(trace->steps, "lipschitz_loss", step->lipschitz_loss);
    print_number(trace->steps, "gradient_norm", step->gradient_norm);
    for (size_t i = 0; i < step->image_count; i++)
        fprintf(trace->steps, "%s%" PRIu32, i > 0 ? ", " : ", \"images\": [", step->images[i]);
    fputs("]}\n", trace->steps);
}

static bool open_files(struct trace *trace, const struct job *job, struct error *error)
{
    char text[JOB_TEXT_MAX], path[DISK_PATH_MAX];
    if (!disk_make_folders(trace->folder, error) || !job_text(job, text, error) ||
        !disk_write(trace->folder, "job.yaml", text, strlen(text), error) ||
        !disk_join(path, trace->folder, "steps.jsonl", error))
        return false;
    trace->steps = fopen(path, "we");
    return trace->steps || error_set_errno(error, errno, "cannot write %s", path);
}

bool trace_create(struct trace **result, const char *folder, const struct job *job, int64_t steps,
                  struct error *error)
{
    *result = NULL;
    struct trace *trace = calloc(1, sizeof *trace);
    if (!trace)
        return error_set(error, ERROR_MEMORY, "out of memory");
    trace->hooks = (struct training_trace){trace, steps, take_state, take_step};
    if (!disk_join(trace->folder, folder, "trace", error) || !open_files(trace, job, error)) {
        free(trace);
        return false;
    }
    *result = trace;
    return true;
}

bool trace_destroy(struct trace *trace, struct error *error)
{
    if (!trace)
        return true;
    bool good = ferror(trace->steps) == 0;
    good = fclose(trace->steps) == 0 && good;
    if (!good)
        error_set(error, ERROR_SYSTEM, "cannot write %s/steps.jsonl", trace->folder);
    if (trace->failed)
        *error = trace->error;
    good = good && !trace->failed;
    free(trace);
    return good;
}

const struct training_trace *trace_hooks(const struct trace *trace)
{
    return &trace->hooks;
}
