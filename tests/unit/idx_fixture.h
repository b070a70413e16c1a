/* A folder for idx files, and room to make them in. Include it where ROOM is known: the bytes of
 * the largest file. */
#ifndef LIPSWEEP_TESTS_UNIT_IDX_FIXTURE_H
#define LIPSWEEP_TESTS_UNIT_IDX_FIXTURE_H

#include "common/error.h"

#include "folder.h"

struct fixture {
    struct folder folder;
    uint8_t bytes[ROOM], packed[ROOM];
    struct error error;
};

static inline int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    folder_init(&fixture->folder);
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    folder_finish(&fixture->folder);
    free(fixture);
    return 0;
}

#endif
