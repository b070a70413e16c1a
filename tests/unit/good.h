/* A call that must succeed, or the test fails with its error's words. After cmocka.h. */
#ifndef LIPSWEEP_TESTS_UNIT_GOOD_H
#define LIPSWEEP_TESTS_UNIT_GOOD_H

#include "common/error.h"

/* In `call`, &error is where the words go. */
#define GOOD(call)                                                                                 \
    do {                                                                                           \
        struct error error;                                                                        \
        if (!(call))                                                                               \
            fail_msg("%s: %s", #call, error.message);                                              \
    } while (0)

#endif
