/* A folder and an endpoint in it, and a wait for a message. */
#ifndef LIPSWEEP_TESTS_SOCKET_FIXTURE_H
#define LIPSWEEP_TESTS_SOCKET_FIXTURE_H

#include "common/socket.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { WAIT_MS = 10000 };

struct fixture {
    char folder[64];
    char endpoint[128];
    struct error error;
};

static inline int make_fixture(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    strcpy(fixture->folder, "/tmp/lipsweep-test-XXXXXX");
    if (!mkdtemp(fixture->folder))
        return -1;
    snprintf(fixture->endpoint, sizeof fixture->endpoint, "ipc://%s/s", fixture->folder);
    *state = fixture;
    return 0;
}

static inline int remove_fixture(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/s.lock", fixture->folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/s", fixture->folder);
    unlink(path);
    int removed = rmdir(fixture->folder);
    free(fixture);
    return removed;
}

/* Waits until a message is there. */
static inline struct message receive(struct socket *socket)
{
    struct error error = {0};
    for (int waited = 0; waited < WAIT_MS; waited += 10) {
        struct message message;
        bool received;
        if (!socket_receive(socket, &message, &received, &error))
            fail_msg("%s", error.message);
        if (received)
            return message;
        struct pollfd poll_for = {.fd = socket_descriptor(socket), .events = POLLIN};
        poll(&poll_for, 1, 10);
    }
    fail_msg("no message came");
    return (struct message){.length = 0};
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, remove_fixture)

#endif
