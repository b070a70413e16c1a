#include "common/socket.h"

#include "common/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

enum { WAIT_MS = 10000 };

struct fixture {
    char folder[64];
    char endpoint[128];
    struct error error;
};

static int make_fixture(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    strcpy(fixture->folder, "/tmp/lipsweep-test-XXXXXX");
    if (!mkdtemp(fixture->folder))
        return -1;
    snprintf(fixture->endpoint, sizeof fixture->endpoint, "ipc://%s/s", fixture->folder);
    *state = fixture;
    return 0;
}

static int remove_fixture(void **state)
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
static struct message receive(struct socket *socket)
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

/* Sends as soon as somebody is there to take it. */
static void send_text(struct socket *socket, const struct peer *peer, const char *text)
{
    struct error error = {0};
    for (int waited = 0; waited < WAIT_MS; waited += 10) {
        bool sent;
        if (!socket_send(socket, peer, text, strlen(text), &sent, &error))
            fail_msg("%s", error.message);
        if (sent)
            return;
        poll(NULL, 0, 10);
    }
    fail_msg("the message does not leave");
}

static void expect_message(struct message *message, const char *text)
{
    assert_int_equal(message->length, strlen(text));
    assert_memory_equal(message->data, text, message->length);
    message_finish(message);
}

static void exchange(struct socket *server, struct socket *client)
{
    send_text(client, NULL, "question");
    struct message message = receive(server);
    struct peer peer = message.peer;
    expect_message(&message, "question");
    send_text(server, &peer, "answer");
    message = receive(client);
    expect_message(&message, "answer");
}

static void carries_messages_both_ways(void **state)
{
    struct fixture *fixture = *state;
    struct socket *server, *client;
    char bound[256];
    /* The client is first: nobody is there, nothing is hoarded. */
    assert_true(socket_connect(&client, fixture->endpoint, false, &fixture->error));
    bool sent = true;
    assert_true(socket_send(client, NULL, "early", 5, &sent, &fixture->error));
    assert_false(sent);
    assert_true(socket_bind(&server, fixture->endpoint, false, bound, &fixture->error));
    assert_string_equal(bound, fixture->endpoint);
    exchange(server, client);

    struct peer nobody = {.length = 5, .id = {0, 1, 2, 3, 4}};
    assert_true(socket_send(server, &nobody, "lost", 4, &sent, &fixture->error));
    assert_false(sent);
    socket_close(client);
    socket_close(server);
}

static void tcp_needs_the_flag(void **state)
{
    struct fixture *fixture = *state;
    struct socket *server, *client, *second;
    char bound[256];
    assert_false(socket_bind(&server, "tcp://127.0.0.1:*", false, NULL, &fixture->error));
    assert_int_equal(fixture->error.code, ERROR_REFUSED);
    assert_non_null(strstr(fixture->error.message, "--insecure-loopback"));
    assert_true(socket_bind(&server, "tcp://localhost:0", true, bound, &fixture->error));
    assert_non_null(strstr(bound, "tcp://127.0.0.1:"));
    assert_true(socket_connect(&client, bound, true, &fixture->error));
    exchange(server, client);
    assert_false(socket_bind(&second, bound, true, NULL, &fixture->error));
    assert_int_equal(fixture->error.code, ERROR_BUSY);
    socket_close(client);
    socket_close(server);
}

static void refuses_what_takes_keys(void **state)
{
    struct fixture *fixture = *state;
    struct socket *socket;
    const char *const elsewhere[] = {"tcp://10.0.0.1:5555",
                                     "tcp://0.0.0.0:5555",
                                     "tcp://*:5555",
                                     "tcp://example.org:5555",
                                     "tcp://127.0.0.1.evil.org:5555",
                                     "tcp://[::]:5555"};
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        assert_false(socket_bind(&socket, elsewhere[i], true, NULL, &fixture->error));
        assert_int_equal(fixture->error.code, ERROR_REFUSED);
        assert_non_null(strstr(fixture->error.message, "lipsweep key"));
        assert_null(socket);
        assert_false(socket_connect(&socket, elsewhere[i], true, &fixture->error));
        assert_int_equal(fixture->error.code, ERROR_REFUSED);
    }
    const char *const nonsense[] = {
        "inproc://x",      "",        "tcp://127.0.0.1",       "ipc://",
        "ipc://@abstract", "ipc://*", "tcp://127.0.0.1:70000", "tcp://127.0.0.1:5x"};
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        assert_false(socket_connect(&socket, nonsense[i], true, &fixture->error));
        assert_int_equal(fixture->error.code, ERROR_USAGE);
    }
}

static void the_folder_must_be_closed_to_others(void **state)
{
    struct fixture *fixture = *state;
    struct socket *socket;
    assert_int_equal(chmod(fixture->folder, 0755), 0);
    assert_false(socket_bind(&socket, fixture->endpoint, false, NULL, &fixture->error));
    assert_int_equal(fixture->error.code, ERROR_REFUSED);
    assert_false(socket_connect(&socket, fixture->endpoint, false, &fixture->error));
    assert_int_equal(fixture->error.code, ERROR_REFUSED);
    assert_int_equal(chmod(fixture->folder, 0700), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(fixture->folder, 65534, 65534), 0);
        assert_false(socket_bind(&socket, fixture->endpoint, false, NULL, &fixture->error));
        assert_int_equal(fixture->error.code, ERROR_REFUSED);
    }
    char path[256];
    snprintf(path, sizeof path, "ipc://%s/%0107d", fixture->folder, 1);
    assert_false(socket_bind(&socket, path, false, NULL, &fixture->error));
    assert_non_null(strstr(fixture->error.message, "107"));
}

static void a_second_server_is_kept_away(void **state)
{
    struct fixture *fixture = *state;
    struct socket *server, *second, *client;
    assert_true(socket_bind(&server, fixture->endpoint, false, NULL, &fixture->error));
    assert_false(socket_bind(&second, fixture->endpoint, false, NULL, &fixture->error));
    assert_int_equal(fixture->error.code, ERROR_BUSY);
    assert_true(socket_connect(&client, fixture->endpoint, false, &fixture->error));
    exchange(server, client);
    /* A client outlives its server, and the place is free again. What it says before it has noticed
     * is lost, so it says it again. */
    socket_close(server);
    assert_true(socket_bind(&server, fixture->endpoint, false, NULL, &fixture->error));
    bool received = false;
    for (int waited = 0; !received && waited < WAIT_MS; waited += 10) {
        struct message message;
        bool sent;
        assert_true(socket_send(client, NULL, "again", 5, &sent, &fixture->error));
        poll(NULL, 0, 10);
        assert_true(socket_receive(server, &message, &received, &fixture->error));
        message_finish(&message);
    }
    assert_true(received);
    socket_close(client);
    socket_close(server);
}

/* Connects as another user, for this thread alone; true when libzmq greets. */
static bool is_greeted(const char *path, uid_t uid)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(descriptor >= 0);
    assert_int_equal(syscall(SYS_setresuid, -1, uid, -1), 0);
    int connected = connect(descriptor, (struct sockaddr *)&address, sizeof address);
    int number = errno;
    assert_int_equal(syscall(SYS_setresuid, -1, 0, -1), 0);
    if (connected != 0)
        fail_msg("connect: %s", strerror(number));
    char byte;
    ssize_t length = read(descriptor, &byte, 1);
    close(descriptor);
    return length == 1;
}

static void other_users_are_shut_out_even_of_an_open_folder(void **state)
{
    struct fixture *fixture = *state;
    if (geteuid() != 0)
        skip();
    struct socket *server;
    assert_true(socket_bind(&server, fixture->endpoint, false, NULL, &fixture->error));
    const char *path = fixture->endpoint + strlen("ipc://");
    assert_int_equal(chmod(fixture->folder, 0755), 0);
    assert_int_equal(chmod(path, 0777), 0);
    assert_true(is_greeted(path, 0));
    assert_false(is_greeted(path, 65534));
    socket_close(server);
}

/* A peer that does what ours never do. */
struct raw {
    void *context, *handle;
};

static struct raw raw_connect(const char *endpoint, const char *routing_id)
{
    struct raw raw = {.context = zmq_ctx_new()};
    raw.handle = zmq_socket(raw.context, ZMQ_DEALER);
    int linger = 0;
    zmq_setsockopt(raw.handle, ZMQ_LINGER, &linger, sizeof linger);
    if (routing_id)
        zmq_setsockopt(raw.handle, ZMQ_ROUTING_ID, routing_id, strlen(routing_id));
    assert_int_equal(zmq_connect(raw.handle, endpoint), 0);
    return raw;
}

static void raw_close(struct raw *raw)
{
    zmq_close(raw->handle);
    zmq_ctx_term(raw->context);
}

static void odd_frames_are_dropped_and_counted(void **state)
{
    struct fixture *fixture = *state;
    struct socket *server;
    assert_true(socket_bind(&server, fixture->endpoint, false, NULL, &fixture->error));
    struct raw named = raw_connect(fixture->endpoint, "chosen");
    struct raw raw = raw_connect(fixture->endpoint, NULL);
    for (int i = 0; i < 5000; i++)
        assert_true(zmq_send(raw.handle, "x", 1, ZMQ_SNDMORE) >= 0);
    assert_true(zmq_send(raw.handle, "end", 3, 0) >= 0);
    assert_true(zmq_send(raw.handle, "good", 4, 0) >= 0);
    struct message message = receive(server);
    expect_message(&message, "good");
    assert_int_equal(socket_dropped_count(server), 1);
    assert_true(zmq_send(named.handle, "from a name", 11, 0) >= 0);
    for (int waited = 0; socket_dropped_count(server) < 2 && waited < WAIT_MS; waited += 10) {
        bool received;
        assert_true(socket_receive(server, &message, &received, &fixture->error));
        assert_false(received);
        poll(NULL, 0, 10);
    }
    assert_int_equal(socket_dropped_count(server), 2);
    raw_close(&named);
    raw_close(&raw);
    socket_close(server);
}

static void oversize_messages_do_not_pass(void **state)
{
    struct fixture *fixture = *state;
    struct socket *server, *client;
    assert_true(socket_bind(&server, fixture->endpoint, false, NULL, &fixture->error));
    assert_true(socket_connect(&client, fixture->endpoint, false, &fixture->error));
    char *big = calloc(1, SOCKET_MESSAGE_MAX + 1);
    bool sent;
    assert_false(socket_send(client, NULL, big, SOCKET_MESSAGE_MAX + 1, &sent, &fixture->error));
    assert_non_null(strstr(fixture->error.message, "8388608"));
    struct raw raw = raw_connect(fixture->endpoint, NULL);
    assert_true(zmq_send(raw.handle, big, SOCKET_MESSAGE_MAX + 1, 0) >= 0);
    free(big);
    exchange(server, client);
    raw_close(&raw);
    socket_close(client);
    socket_close(server);
}

static void a_slow_reader_fills_its_queue_alone(void **state)
{
    struct fixture *fixture = *state;
    struct socket *server, *slow, *client;
    assert_true(socket_bind(&server, fixture->endpoint, false, NULL, &fixture->error));
    assert_true(socket_connect(&slow, fixture->endpoint, false, &fixture->error));
    assert_true(socket_connect(&client, fixture->endpoint, false, &fixture->error));
    send_text(slow, NULL, "here");
    struct message message = receive(server);
    struct peer peer = message.peer;
    message_finish(&message);
    char block[65536] = "";
    bool sent = true;
    int count = 0;
    for (; sent && count < 4 * SOCKET_QUEUE_MAX; count++)
        assert_true(socket_send(server, &peer, block, sizeof block, &sent, &fixture->error));
    assert_false(sent);
    exchange(server, client);
    socket_close(client);
    socket_close(slow);
    socket_close(server);
}

static void finds_a_folder_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    char folder[108], endpoint[256], expected[256];
    setenv("XDG_RUNTIME_DIR", fixture->folder, 1);
    assert_true(socket_folder(folder, &fixture->error));
    snprintf(expected, sizeof expected, "%s/lipsweep", fixture->folder);
    assert_string_equal(folder, expected);
    assert_true(socket_default_endpoint(endpoint, &fixture->error));
    snprintf(expected, sizeof expected, "ipc://%s/lipsweep/coordinator.sock", fixture->folder);
    assert_string_equal(endpoint, expected);
    assert_int_equal(rmdir(folder), 0);
    /* A link in its place is somebody's trap. */
    assert_int_equal(symlink("/tmp", folder), 0);
    assert_false(socket_folder(folder, &fixture->error));
    assert_int_equal(unlink(folder), 0);
    unsetenv("XDG_RUNTIME_DIR");
}

/* --- requests --- */

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, remove_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(carries_messages_both_ways),
        TEST(tcp_needs_the_flag),
        TEST(refuses_what_takes_keys),
        TEST(the_folder_must_be_closed_to_others),
        TEST(a_second_server_is_kept_away),
        TEST(other_users_are_shut_out_even_of_an_open_folder),
        TEST(odd_frames_are_dropped_and_counted),
        TEST(oversize_messages_do_not_pass),
        TEST(a_slow_reader_fills_its_queue_alone),
        TEST(finds_a_folder_of_its_own),
        TEST(requests_are_answered),
        TEST(a_restarted_coordinator_is_told_again),
        TEST(says_whether_anybody_was_there),
        cmocka_unit_test(unpacks_only_envelopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
