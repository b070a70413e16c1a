/* What is known of data sets without looking at their images, and what a job may ask of them. */
#include "common/dataset_known.h"

#include <string.h>

#include "common/cifar.h"
#include "common/stl.h"

bool dataset_is_known(const char *name, const char **names)
{
    if (names)
        *names = dataset_known_names;
    return dataset_known_find(name) != NULL;
}

const char *dataset_known_digest(const char *name)
{
    const struct dataset_known *known = dataset_known_find(name);
    return known ? known->digest : NULL;
}

bool dataset_facts(const char *name, size_t *train_count, size_t *test_count, size_t *pixels,
                   int *class_count)
{
    const struct dataset_known *known = dataset_known_find(name);
    if (!known)
        return false;
    *train_count = known->train_count;
    *test_count = known->test_count;
    *pixels = (size_t)known->channels * (size_t)known->side * (size_t)known->side;
    *class_count = known->class_count;
    return true;
}

/* All of a user's own set, for its counts: idx files may be gzipped, and the other formats have no
 * header at all. */
static bool measure(const struct job *job, const char *directory, struct dataset_facts *facts,
                    struct error *error)
{
    struct dataset dataset = {0};
    if (!dataset_read_path(&dataset, job, directory, error)) {
        dataset_close(&dataset);
        return false;
    }
    int own = dataset.height, side = job->resize > 0 ? (int)job->resize : own;
    size_t channels = (size_t)dataset.channels;
    *facts = (struct dataset_facts){.train_count = dataset.train.count,
                                    .test_count = dataset.test.count,
                                    .pixels = channels * (size_t)side * (size_t)side,
                                    .file_pixels = channels * (size_t)own * (size_t)own,
                                    .class_count = dataset.class_count};
    dataset_close(&dataset);
    return (side <= own && own % side == 0) ||
           error_set(error, ERROR_DATA,
                     "dataset.resize %d is no divisor of %d, the side of images of %s", side, own,
                     job->dataset);
}

bool dataset_job_facts(const struct job *job, const char *directory, struct dataset_facts *facts,
                       struct error *error)
{
    const struct dataset_known *known = dataset_known_find(job->dataset);
    if (!dataset_check_job(job, NULL, error))
        return false;
    if (job->dataset_path[0])
        return measure(job, directory, facts, error);
    if (!known)
        return error_set(error, ERROR_INVALID, "unknown data set '%s' (known: %s)", job->dataset,
                         dataset_known_names);
    size_t side = job->resize > 0 ? (size_t)job->resize : (size_t)known->side;
    size_t channels = (size_t)known->channels;
    *facts = (struct dataset_facts){known->train_count, known->test_count, channels * side * side,
                                    channels * (size_t)known->side * (size_t)known->side,
                                    known->class_count};
    return true;
}

int dataset_side(const struct job *job)
{
    const struct dataset_known *known = dataset_known_find(job->dataset);
    if (job->dataset_path[0] && job->dataset_format == DATASET_FORMAT_CIFAR)
        return CIFAR_SIDE;
    if (job->dataset_path[0] && job->dataset_format == DATASET_FORMAT_STL)
        return STL_SIDE;
    return known && !job->dataset_path[0] ? known->side : 0;
}

static bool blame(enum parameter *culprit, enum parameter parameter)
{
    if (culprit)
        *culprit = parameter;
    return false;
}

static bool check_named(const struct job *job, enum parameter *culprit, struct error *error)
{
    enum parameter given = job->dataset_format != DATASET_FORMAT_NONE ? PARAMETER_DATASET_FORMAT
                           : job->classes != 0                        ? PARAMETER_CLASSES
                           : job->class_names[0]                      ? PARAMETER_CLASS_NAMES
                                                                      : PARAMETER_COUNT;
    if (given == PARAMETER_COUNT)
        return true;
    blame(culprit, given);
    return error_set(error, ERROR_INVALID,
                     "%s is for a data set of your own, and needs dataset.path",
                     parameter_info(given)->dotted);
}

/* What would not come back from YAML as it is: control characters of one byte, those of two
 * (U+0080 to U+009F), line ends (U+2028, U+2029) and what is no character (U+FFFE, U+FFFF). */
static bool is_control(const char *at)
{
    const unsigned char *byte = (const unsigned char *)at;
    bool is_one = byte[0] < 0x20 || byte[0] == 0x7f;
    bool is_two = byte[0] == 0xc2 && byte[1] >= 0x80 && byte[1] < 0xa0;
    return is_one || is_two || strncmp(at, "\xe2\x80\xa8", 3) == 0 ||
           strncmp(at, "\xe2\x80\xa9", 3) == 0 || strncmp(at, "\xef\xbf\xbe", 3) == 0 ||
           strncmp(at, "\xef\xbf\xbf", 3) == 0;
}

/* `separators` may be in it: those of a list. */
static bool check_printable(enum parameter parameter, const char *text, const char *separators,
                            struct error *error)
{
    for (const char *letter = text; *letter; letter++) {
        if (is_control(letter) && !strchr(separators, *letter))
            return error_set(error, ERROR_INVALID, "%s holds a control character",
                             parameter_info(parameter)->dotted);
    }
    return true;
}

static bool check_path(const struct job *job, enum parameter *culprit, struct error *error)
{
    size_t names = job_class_name_count(job);
    blame(culprit, PARAMETER_DATASET);
    if (!job_check_name(PARAMETER_DATASET, job->dataset, error))
        return false;
    if (dataset_known_find(job->dataset))
        return error_set(error, ERROR_INVALID,
                         "%s is a data set of this program: give yours at dataset.path another "
                         "dataset.name",
                         job->dataset);
    blame(culprit, PARAMETER_DATASET_PATH);
    if (!check_printable(PARAMETER_DATASET_PATH, job->dataset_path, "", error))
        return false;
    if (job->dataset_format == DATASET_FORMAT_NONE)
        return error_set(error, ERROR_INVALID,
                         "dataset.path needs a dataset.format: idx, cifar or stl");
    if (job->classes == 0)
        return error_set(error, ERROR_INVALID,
                         "dataset.path needs dataset.classes, the number of classes");
    blame(culprit, PARAMETER_CLASSES);
    if (job->classes == 1)
        return error_set(error, ERROR_INVALID, "dataset.classes must be at least 2, not 1");
    blame(culprit, PARAMETER_CLASS_NAMES);
    if (names != 0 && names != (size_t)job->classes)
        return error_set(error, ERROR_INVALID,
                         "dataset.class_names has %zu name%s for %lld classes", names,
                         names == 1 ? "" : "s", (long long)job->classes);
    return check_printable(PARAMETER_CLASS_NAMES, job->class_names, "\n", error);
}

bool dataset_check_job(const struct job *job, enum parameter *culprit, struct error *error)
{
    bool good =
        job->dataset_path[0] ? check_path(job, culprit, error) : check_named(job, culprit, error);
    int side = dataset_side(job);
    if (!good)
        return false;
    if (job->resize == 0 || side == 0 || side % job->resize == 0)
        return true;
    blame(culprit, PARAMETER_RESIZE);
    return error_set(error, ERROR_INVALID,
                     "dataset.resize %lld is no divisor of %d, the side of images of %s",
                     (long long)job->resize, side, job->dataset);
}
