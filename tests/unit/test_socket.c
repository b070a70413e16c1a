#include "common/socket_folder.h"
#include "socket_fixture.h"

#include <errno.h>
#include <poll.h>
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
