/* The folder that data sets are kept in: PLACE/NAME for each, and PLACE/.incoming for what is on
 * its way and not checked yet. */
#ifndef LIPSWEEP_CLIENT_DATA_STORE_H
#define LIPSWEEP_CLIENT_DATA_STORE_H

#include "common/dataset.h"

struct data_store {
    char place[PATH_MAX];
    char incoming[PATH_MAX];
    int lock; /* descriptor of `incoming`; -1: not taken */
};

/* `directory` NULL: the default place (dataset_files_home). Looks only. */
WARN_UNUSED bool data_store_open(struct data_store *store, const char *directory,
                                 struct error *error);

/* Makes the folders and takes them: one program at a time brings data. */
WARN_UNUSED bool data_store_take(struct data_store *store, struct error *error);

/* Removes what is empty of PLACE/.incoming/NAME, and lets others in. Also after a failed take. */
void data_store_release(struct data_store *store, const char *name);

/* PLACE/.incoming/NAME, made. */
WARN_UNUSED bool data_store_stage(const struct data_store *store, const char *name,
                                  char folder[PATH_MAX], struct error *error);

/* The data set that lies in PLACE, read and checked. */
WARN_UNUSED bool data_store_read(const struct data_store *store, const char *name,
                                 struct dataset *dataset, struct error *error);

/* Reads and checks the staged set and moves its folder to PLACE/NAME. What was there is kept as
 * PLACE/NAME.old (then .old2 …); `aside` gets its path or "". With a
 * digest, the staged set must have it. */
WARN_UNUSED bool data_store_install(const struct data_store *store, const char *name,
                                    const char *digest, char aside[PATH_MAX], struct error *error);

/* FOLDER/NAME; fails when that is longer than a path can be. */
WARN_UNUSED bool data_store_path(char path[PATH_MAX], const char *folder, const char *name,
                                 struct error *error);

/* Lower-case hexadecimal SHA-256 of a file. */
WARN_UNUSED bool data_store_sha256(const char *path, char text[JOB_DIGEST_LENGTH + 1],
                                   struct error *error);

/* A new file with the bytes of another. */
WARN_UNUSED bool data_store_copy(const char *from, const char *to, struct error *error);

#endif
