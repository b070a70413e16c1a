/* Requests and their answers, over a socket; and what is an envelope. */
#include "common/wire.h"
#include "socket_fixture.h"

#include <pthread.h>

struct answering { /* a coordinator's side, in a thread of its own */
    struct socket *server;
    bool ask_who;
    int hello_count, query_count;
};

static void answer(struct answering *answering, const struct message *message,
                   const Wire__Envelope *asked)
{
    Wire__Envelope reply = WIRE__ENVELOPE__INIT;
    Wire__Welcome welcome = WIRE__WELCOME__INIT;
    Wire__Refused refused = WIRE__REFUSED__INIT;
    Wire__WhoAreYou who = WIRE__WHO_ARE_YOU__INIT;
    reply.request = asked->request;
    if (asked->body_case == WIRE__ENVELOPE__BODY_HELLO) {
        answering->hello_count++;
        welcome.protocol = WIRE_PROTOCOL;
        reply.body_case = WIRE__ENVELOPE__BODY_WELCOME;
        reply.welcome = &welcome;
    } else if (answering->ask_who && answering->query_count++ == 0) {
        reply.request = 0;
        reply.body_case = WIRE__ENVELOPE__BODY_WHO_ARE_YOU;
        reply.who_are_you = &who;
    } else {
        refused.code = WIRE__REFUSED__CODE__NOT_FOUND;
        refused.reason = (char *)(uintptr_t) "there is no such query";
        reply.body_case = WIRE__ENVELOPE__BODY_REFUSED;
        reply.refused = &refused;
    }
    bool sent;
    assert_true(wire_send(answering->server, &message->peer, &reply, &sent, NULL));
}

static void *answer_three(void *context)
{
    struct answering *answering = context;
    int count = answering->ask_who ? 4 : 2;
    for (int i = 0; i < count; i++) {
        struct message message = receive(answering->server);
        Wire__Envelope *asked = wire_unpack(message.data, message.length);
        assert_non_null(asked);
        answer(answering, &message, asked);
        wire__envelope__free_unpacked(asked, NULL);
        message_finish(&message);
    }
    return NULL;
}

static void talks(struct fixture *fixture, bool ask_who)
{
    struct answering answering = {.ask_who = ask_who};
    struct socket *client;
    assert_true(socket_bind(&answering.server, fixture->endpoint, false, NULL, &fixture->error));
    assert_true(socket_connect(&client, fixture->endpoint, false, &fixture->error));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer_three, &answering), 0);
    Wire__Envelope *reply;
    if (!wire_hello(client, WAIT_MS, &reply, &fixture->error))
        fail_msg("%s", fixture->error.message);
    wire__envelope__free_unpacked(reply, NULL);
    Wire__Query query = WIRE__QUERY__INIT;
    Wire__Envelope request = WIRE__ENVELOPE__INIT;
    query.name = (char *)(uintptr_t) "nonsense";
    request.body_case = WIRE__ENVELOPE__BODY_QUERY;
    request.query = &query;
    assert_false(wire_request(client, &request, WAIT_MS, &reply, &fixture->error));
    assert_int_equal(fixture->error.code, ERROR_NOT_FOUND);
    assert_string_equal(fixture->error.message, "there is no such query");
    pthread_join(thread, NULL);
    assert_int_equal(answering.hello_count, ask_who ? 2 : 1);
    socket_close(client);
    socket_close(answering.server);
}

static void requests_are_answered(void **state)
{
    talks(*state, false);
}

static void a_restarted_coordinator_is_told_again(void **state)
{
    talks(*state, true);
}

static void says_whether_anybody_was_there(void **state)
{
    struct fixture *fixture = *state;
    struct socket *server, *client;
    Wire__Envelope *reply;
    assert_true(socket_connect(&client, fixture->endpoint, false, &fixture->error));
    assert_false(wire_hello(client, 50, &reply, &fixture->error));
    assert_int_equal(fixture->error.code, ERROR_UNREACHABLE);
    assert_true(socket_bind(&server, fixture->endpoint, false, NULL, &fixture->error));
    assert_false(wire_hello(client, 2000, &reply, &fixture->error));
    assert_int_equal(fixture->error.code, ERROR_TIMEOUT);
    socket_close(client);
    socket_close(server);
}

static void unpacks_only_envelopes(void **state)
{
    (void)state;
    assert_null(wire_unpack("", 0));
    assert_null(wire_unpack("\xff\xff\xff", 3));
    /* Rows that cost two bytes each on the wire and many more in memory. */
    size_t count = 2000000, length = 2 * count;
    uint8_t *bomb = malloc(length + 16);
    uint8_t *next = bomb;
    *next++ = (21 << 3 | 2) % 128 | 128; /* field 21 (rows), length-delimited, as a varint */
    *next++ = (21 << 3 | 2) / 128;
    for (size_t rest = length; rest > 0; rest >>= 7)
        *next++ = (uint8_t)((rest & 0x7f) | (rest >> 7 ? 0x80 : 0));
    for (size_t i = 0; i < count; i++) {
        *next++ = 2 << 3 | 2;
        *next++ = 0;
    }
    assert_null(wire_unpack(bomb, (size_t)(next - bomb)));
    free(bomb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_are_answered),
        TEST(a_restarted_coordinator_is_told_again),
        TEST(says_whether_anybody_was_there),
        cmocka_unit_test(unpacks_only_envelopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
