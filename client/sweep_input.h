/* The sweep file a command was given: read, checked, and its data sets known. */
#ifndef LIPSWEEP_CLIENT_SWEEP_INPUT_H
#define LIPSWEEP_CLIENT_SWEEP_INPUT_H

#include "client/arguments.h"
#include "common/sweep.h"

struct sweep_input {
    const char *file; /* the caller's */
    char *text;
    size_t length;
    struct sweep sweep;
    bool data_missing;   /* files of a data set are not here */
    bool digest_missing; /* and its digest is not known without them: hashes mean nothing */
};

/* For the commands that take a sweep file. */
#define SWEEP_INPUT_SET                                                                            \
    {                                                                                              \
        "set", OPTION_PAIR, "another value than the file's, as in --set epochs=2; may be repeated" \
    }

/* Reads the file that is the command's argument, joined with its base and with --set. Everything
 * that is wrong with it is printed on standard error; the error then only sums up. */
WARN_UNUSED bool sweep_input_read(struct sweep_input *input, const struct arguments *arguments,
                                  struct error *error);

enum sweep_input_data {
    SWEEP_INPUT_DATA_KNOWN, /* a digest is enough: the files are the workers' matter */
    SWEEP_INPUT_DATA_HERE,  /* the files are read and checked */
    SWEEP_INPUT_DATA_WISHED /* what is not here is noted on standard error, and can be done without
                             */
};

/* Learns the digest of every data set the sweep names. `directory` is NULL for the default places.
 */
WARN_UNUSED bool sweep_input_find_data(struct sweep_input *input, const char *directory,
                                       enum sweep_input_data how, struct error *error);
void sweep_input_finish(struct sweep_input *input);

#endif
