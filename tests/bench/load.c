/* Thousands of simulated workers in one process, each with a connection and an instance of its own,
 * speaking the real protocol with the keys of a join file:
 *
 *     load --join FILE [--workers N] [--seconds S] [--job-ms J] [--pause-ms P] [--busy] [--settle
 * S]
 *
 * A worker says Hello, heartbeats as it is told to, takes a lease when one is given, and J ms later
 * sends the job's result, with 5 epochs and the accuracies and quotients of the job's noise levels,
 * and right behind it, as a real worker does, the heartbeat that says that its slot is free. With
 * --pause-ms it is free, and says so, only P ms (on average, exponentially distributed) after the
 * result was acknowledged. Without --busy nobody is ever free. What the coordinator says to all of
 * it is counted from the moment all are welcome, and printed as JSON after S seconds; a line
 * `ready` before, and `again SECONDS` whenever all are welcome again after some were not (from the
 * first that lost touch). */
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

#include "common/build.h"
#include "common/hash.h"
#include "common/key.h"
#include "common/wire.h"
#include "load_result.h"

enum { INSTANCE = 16, HELLO_MS = 500, SCAN_MS = 5, LATENCIES_MAX = 4000000, RESULT_MAX = 65536 };

enum state { STRANGE, GREETED, WELCOME };
enum work { BUSY, FREE, ASKING, RUNNING, DELIVERING };

struct worker {
    void *socket;
    uint8_t instance[INSTANCE];
    enum state state;
    enum work work;
    double heartbeat_at, hello_at, work_at, asked_at;
    uint64_t sequence;
    int64_t job;
    uint32_t attempt;
    struct packed result; /* until it is acknowledged */
};

static struct {
    int workers;
    double seconds, job_s, pause_s, settle_s;
    bool busy;
    struct key key;
    char endpoint[KEY_ADDRESS_MAX + 1];
} options = {.workers = 200, .seconds = 10, .settle_s = 0};

static struct {
    uint64_t results, all, refused, leases, welcomes, errors;
    float *latencies;
    size_t latency_count;
    double lost_at; /* 0: all are welcome */
    bool counting;
} sum;

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* --- sending --- */

static bool send_packed(struct worker *worker, const uint8_t *data, size_t length)
{
    return zmq_send(worker->socket, data, length, ZMQ_DONTWAIT) >= 0;
}

static bool send_envelope(struct worker *worker, const Wire__Envelope *envelope)
{
    uint8_t data[RESULT_MAX];
    size_t length = wire__envelope__get_packed_size(envelope);
    if (length > sizeof data)
        load_die("a message is too long");
    wire__envelope__pack(envelope, data);
    return send_packed(worker, data, length);
}

static void lose(struct worker *worker, double now)
{
    worker->state = STRANGE;
    worker->hello_at = now;
    if (sum.lost_at == 0)
        sum.lost_at = now;
}

static void say_hello(struct worker *worker, double now)
{
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    Wire__Hello hello = WIRE__HELLO__INIT;
    hello.protocol = WIRE_PROTOCOL;
    hello.role = WIRE__ROLE__ROLE_WORKER;
    hello.instance = (ProtobufCBinaryData){INSTANCE, worker->instance};
    hello.build = (char *)(uintptr_t)build_text();
    hello.host = (char *)(uintptr_t) "simulated";
    hello.cpu_class = (char *)(uintptr_t) "simulated";
    hello.pid = getpid();
    hello.slots = hello.threads = hello.cpu_count = 1;
    hello.memory_bytes = UINT64_C(1) << 40;
    envelope.body_case = WIRE__ENVELOPE__BODY_HELLO;
    envelope.hello = &hello;
    worker->hello_at = now + HELLO_MS / 1000.0;
    if (send_envelope(worker, &envelope))
        worker->state = GREETED;
}

static double heartbeat_s = 10;

static void send_heartbeat(struct worker *worker, double now)
{
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    Wire__Heartbeat heartbeat = WIRE__HEARTBEAT__INIT;
    Wire__Progress progress = WIRE__PROGRESS__INIT, *running = &progress;
    Wire__AttemptId id = WIRE__ATTEMPT_ID__INIT;
    heartbeat.sequence = ++worker->sequence;
    heartbeat.free_slots =
        worker->work == ASKING || (worker->work == DELIVERING && options.pause_s == 0);
    heartbeat.free_memory_bytes = UINT64_C(1) << 40;
    if (worker->work == RUNNING || worker->work == DELIVERING) {
        id.job = worker->job;
        id.attempt = worker->attempt;
        id.instance = (ProtobufCBinaryData){INSTANCE, worker->instance};
        progress.attempt = &id;
        progress.counter = worker->sequence;
        progress.phase = worker->work == RUNNING ? 1 : 3;
        heartbeat.running = &running;
        heartbeat.n_running = 1;
    }
    envelope.body_case = WIRE__ENVELOPE__BODY_HEARTBEAT;
    envelope.heartbeat = &heartbeat;
    worker->heartbeat_at = now + heartbeat_s;
    if (!send_envelope(worker, &envelope))
        lose(worker, now);
}

static void ask(struct worker *worker, double now)
{
    worker->work = ASKING;
    worker->asked_at = now;
    send_heartbeat(worker, now);
}

static void deliver(struct worker *worker, double now)
{
    worker->work = DELIVERING;
    worker->asked_at = now;
    if (!send_packed(worker, worker->result.data, worker->result.length))
        lose(worker, now);
    else if (options.pause_s == 0)
        send_heartbeat(worker, now);
}

/* --- what arrives --- */

static void take_lease(struct worker *worker, const Wire__Lease *lease, double now)
{
    if (worker->work != ASKING)
        return; /* sent again */
    if (sum.counting && sum.latency_count < LATENCIES_MAX)
        sum.latencies[sum.latency_count++] = (float)(now - worker->asked_at);
    sum.leases += sum.counting;
    worker->job = lease->attempt->job;
    worker->attempt = lease->attempt->attempt;
    worker->work = RUNNING;
    load_result_pack(lease, &worker->result);
    worker->work_at = now + options.job_s;
    if (options.job_s == 0)
        deliver(worker, now);
}

static void take_ack(struct worker *worker, const Wire__ResultAck *ack, double now)
{
    if (worker->work != DELIVERING || ack->attempt->job != worker->job)
        return;
    sum.results += sum.counting && ack->accepted;
    sum.all += ack->accepted;
    sum.refused += !ack->accepted;
    worker->work = options.pause_s == 0 ? ASKING : FREE;
    worker->work_at = now - options.pause_s * log(load_draw());
}

static void take_welcome(struct worker *worker, const Wire__Welcome *welcome, double now)
{
    heartbeat_s = welcome->heartbeat_ms / 1000.0;
    worker->state = WELCOME;
    sum.welcomes++;
    if (worker->work == DELIVERING)
        deliver(worker, now);
    /* Not all at once. */
    worker->heartbeat_at = now + heartbeat_s * load_draw();
}

static void take(struct worker *worker, const Wire__Envelope *envelope, double now)
{
    switch (envelope->body_case) {
    case WIRE__ENVELOPE__BODY_WELCOME:
        take_welcome(worker, envelope->welcome, now);
        break;
    case WIRE__ENVELOPE__BODY_WHO_ARE_YOU:
        lose(worker, now);
        break;
    case WIRE__ENVELOPE__BODY_LEASE:
        take_lease(worker, envelope->lease, now);
        break;
    case WIRE__ENVELOPE__BODY_RESULT_ACK:
        take_ack(worker, envelope->result_ack, now);
        break;
    case WIRE__ENVELOPE__BODY_REFUSED:
        if (sum.errors++ == 0)
            fprintf(stderr, "load: refused: %s\n", envelope->refused->reason);
        break;
    default:
        break;
    }
}

static void take_all(struct worker *worker)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    while (zmq_msg_recv(&frame, worker->socket, ZMQ_DONTWAIT) >= 0) {
        Wire__Envelope *envelope = wire_unpack(zmq_msg_data(&frame), zmq_msg_size(&frame));
        if (envelope)
            take(worker, envelope, now_s());
        wire__envelope__free_unpacked(envelope, NULL);
    }
    zmq_msg_close(&frame);
}

/* --- time --- */

static void do_what_is_due(struct worker *worker, double now)
{
    if (worker->state != WELCOME) {
        if (now >= worker->hello_at)
            say_hello(worker, now);
        return;
    }
    if (worker->work == RUNNING && now >= worker->work_at)
        deliver(worker, now);
    else if (worker->work == FREE && now >= worker->work_at)
        ask(worker, now);
    else if (now >= worker->heartbeat_at)
        send_heartbeat(worker, now);
}

static int scan(struct worker *workers, double now)
{
    int welcome = 0;
    for (int i = 0; i < options.workers; i++) {
        do_what_is_due(&workers[i], now);
        take_all(&workers[i]); /* a send takes in what the descriptor has to say */
        welcome += workers[i].state == WELCOME;
    }
    return welcome;
}

static void note_welcomes(int welcome, double now)
{
    if (welcome < options.workers || sum.lost_at == 0)
        return;
    printf("again %.2f\n", now - sum.lost_at);
    fflush(stdout);
    sum.lost_at = 0;
}

static double run(struct worker *workers, int poll_descriptor)
{
    double count_from = INFINITY, scan_at = 0;
    bool ready = false;
    for (;;) {
        struct epoll_event events[256];
        int count = epoll_wait(poll_descriptor, events, 256, 1);
        for (int i = 0; i < count; i++)
            take_all(events[i].data.ptr);
        double now = now_s();
        if (now < scan_at)
            continue;
        scan_at = now + SCAN_MS / 1000.0;
        int welcome = scan(workers, now);
        if (!ready && welcome == options.workers) {
            ready = true;
            sum.lost_at = 0;
            count_from = now + options.settle_s;
            printf("ready\n");
            fflush(stdout);
        }
        note_welcomes(welcome, now);
        sum.counting = now >= count_from;
        if (now >= count_from + options.seconds)
            return now - count_from;
    }
}

/* --- the beginning and the end --- */

static void open_worker(struct worker *worker, void *context, int poll_descriptor, double now)
{
    *worker = (struct worker){.work = options.busy ? FREE : BUSY};
    /* Spread like machines that are switched on together. */
    worker->hello_at = now;
    worker->work_at = now;
    hash_random(worker->instance, INSTANCE);
    worker->socket = zmq_socket(context, ZMQ_DEALER);
    const int immediate = 1, linger = 0, interval = 10000,
              backoff = 500 + (int)(2000 * load_draw());
    if (!worker->socket ||
        zmq_setsockopt(worker->socket, ZMQ_IMMEDIATE, &immediate, sizeof immediate) ||
        zmq_setsockopt(worker->socket, ZMQ_LINGER, &linger, sizeof linger) ||
        zmq_setsockopt(worker->socket, ZMQ_HANDSHAKE_IVL, &interval, sizeof interval) ||
        zmq_setsockopt(worker->socket, ZMQ_RECONNECT_IVL, &backoff, sizeof backoff) ||
        zmq_setsockopt(worker->socket, ZMQ_CURVE_SERVERKEY, options.key.server_key, KEY_BYTES) ||
        zmq_setsockopt(worker->socket, ZMQ_CURVE_PUBLICKEY, options.key.public_key, KEY_BYTES) ||
        zmq_setsockopt(worker->socket, ZMQ_CURVE_SECRETKEY, options.key.secret_key, KEY_BYTES) ||
        zmq_connect(worker->socket, options.endpoint))
        load_die(zmq_strerror(zmq_errno()));
    int descriptor;
    size_t length = sizeof descriptor;
    zmq_getsockopt(worker->socket, ZMQ_FD, &descriptor, &length);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = worker};
    if (epoll_ctl(poll_descriptor, EPOLL_CTL_ADD, descriptor, &event))
        load_die("epoll_ctl failed");
}

static int compare(const void *left, const void *right)
{
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

static double percentile_ms(double share)
{
    if (sum.latency_count == 0)
        return 0;
    return 1000.0 * (double)sum.latencies[(size_t)(share * (double)(sum.latency_count - 1))];
}

static void print(double seconds)
{
    qsort(sum.latencies, sum.latency_count, sizeof *sum.latencies, compare);
    printf("{\"seconds\": %.3f, \"results\": %llu, \"all\": %llu, \"refused\": %llu, \"leases\": "
           "%llu, "
           "\"welcomes\": %llu, "
           "\"errors\": %llu, \"lease_p50_ms\": %.2f, \"lease_p99_ms\": %.2f, \"lease_max_ms\": "
           "%.2f}\n",
           seconds, (unsigned long long)sum.results, (unsigned long long)sum.all,
           (unsigned long long)sum.refused, (unsigned long long)sum.leases,
           (unsigned long long)sum.welcomes, (unsigned long long)sum.errors, percentile_ms(0.5),
           percentile_ms(0.99), percentile_ms(1));
}

static void read_options(int argc, char **argv)
{
    static const struct option known[] = {{"join", 1, NULL, 'j'},     {"workers", 1, NULL, 'w'},
                                          {"seconds", 1, NULL, 's'},  {"job-ms", 1, NULL, 'm'},
                                          {"pause-ms", 1, NULL, 'p'}, {"busy", 0, NULL, 'b'},
                                          {"settle", 1, NULL, 'e'},   {NULL, 0, NULL, 0}};
    struct error error;
    bool has_key = false;
    for (int letter; (letter = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (letter == 'j')
            has_key =
                key_read_join(optarg, &options.key, &error) || (load_die(error.message), false);
        else if (letter == 'w')
            options.workers = atoi(optarg);
        else if (letter == 's')
            options.seconds = atof(optarg);
        else if (letter == 'm')
            options.job_s = atof(optarg) / 1000;
        else if (letter == 'p')
            options.pause_s = atof(optarg) / 1000;
        else if (letter == 'e')
            options.settle_s = atof(optarg);
        else if (letter == 'b')
            options.busy = true;
        else
            exit(2);
    }
    if (!has_key)
        load_die("--join FILE is needed");
    snprintf(options.endpoint, sizeof options.endpoint, "%s", options.key.address);
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    void *context = zmq_ctx_new();
    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, options.workers + 16);
    struct worker *workers = calloc((size_t)options.workers, sizeof *workers);
    sum.latencies = malloc(LATENCIES_MAX * sizeof *sum.latencies);
    int poll_descriptor = epoll_create1(EPOLL_CLOEXEC);
    if (!workers || !sum.latencies || poll_descriptor < 0)
        load_die("out of memory");
    double began = now_s();
    for (int i = 0; i < options.workers; i++)
        open_worker(&workers[i], context, poll_descriptor, began);
    print(run(workers, poll_descriptor));
    fflush(stdout);
    _exit(0); /* connections end with the process */
}
