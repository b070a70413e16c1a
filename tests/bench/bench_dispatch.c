/* What a result costs the coordinator without the wire: the real dispatch and store on a database
 * in FOLDER, 200 workers that each ask, get a job and send its result, all of a round in one
 * transaction, as the loop does it:
 *
 *     bench_dispatch FOLDER [ROUNDS]
 *
 * Prints the processor's time each, in microseconds, of asking with leasing, of applying a result,
 * and of the commits of both. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/log.h"
#include "coordinator/dispatch.h"
#include "coordinator/write_ahead.h"
#include "load_result.h"

enum { WORKERS = 200, INSTANCE = 16, MESSAGE_MAX = 65536 };

static struct {
    struct store store;
    struct dispatch dispatch;
    struct write_ahead write_ahead;
    Wire__Envelope *leases[WORKERS];
    uint64_t sequence;
    bool discard;
} bench;

#define MUST(call)                                                                                 \
    do {                                                                                           \
        struct error error;                                                                        \
        if (!(call))                                                                               \
            load_die(error.message);                                                               \
    } while (0)

static double cpu_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct peer peer_of(int worker)
{
    return (struct peer){.length = 5, .id = {0, 1, (uint8_t)(worker >> 8), (uint8_t)worker}};
}

static bool take(void *context, const struct peer *peer, const void *data, size_t length,
                 bool *sent, struct error *error)
{
    (void)context, (void)error;
    *sent = true;
    if (bench.discard)
        return true;
    Wire__Envelope *envelope = wire_unpack(data, length);
    int worker = peer->id[2] << 8 | peer->id[3];
    if (envelope && envelope->body_case == WIRE__ENVELOPE__BODY_REFUSED)
        load_die(envelope->refused->reason);
    if (envelope && envelope->body_case == WIRE__ENVELOPE__BODY_LEASE) {
        bench.leases[worker] = envelope;
        return true;
    }
    wire__envelope__free_unpacked(envelope, NULL);
    return true;
}

static void put(int worker, const void *data, size_t length)
{
    struct peer peer = peer_of(worker);
    MUST(dispatch_message(&bench.dispatch, &peer, NULL, data, length, &error));
}

static void put_envelope(int worker, const Wire__Envelope *envelope)
{
    uint8_t data[MESSAGE_MAX];
    put(worker, data, wire__envelope__pack(envelope, data));
}

static void begin(void)
{
    MUST(store_begin(&bench.store, &error));
}

static void commit(void)
{
    bool more;
    MUST(dispatch_leases(&bench.dispatch, WORKERS, &more, &error));
    MUST(store_commit(&bench.store, &error));
    outbox_seal(&bench.dispatch.outbox, 0);
    outbox_release(&bench.dispatch.outbox, 0);
    MUST(outbox_flush(&bench.dispatch.outbox, take, NULL, 0, &error));
}

static void hello(int worker, bool is_worker)
{
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    Wire__Hello hello = WIRE__HELLO__INIT;
    uint8_t instance[INSTANCE] = {1, (uint8_t)(worker >> 8), (uint8_t)worker};
    hello.protocol = WIRE_PROTOCOL;
    hello.role = is_worker ? WIRE__ROLE__ROLE_WORKER : WIRE__ROLE__ROLE_CLIENT;
    hello.instance = (ProtobufCBinaryData){INSTANCE, instance};
    hello.slots = 1;
    hello.memory_bytes = UINT64_C(1) << 40;
    envelope.body_case = WIRE__ENVELOPE__BODY_HELLO;
    envelope.hello = &hello;
    put_envelope(worker, &envelope);
}

static void submit(void)
{
    static const char text[] =
        "name: load\ndataset: glyphs\nmodel: mnist-cnn\n"
        "train: {epochs: 5, batch: 100, lr: 0.05}\ngrid:\n"
        "  lambda: {from: 0.01, to: 1, count: 100}\n"
        "  k: {from: 0.01, to: 1, count: 100}\n"
        "  sigma: {from: 0.01, to: 1, count: 10}\nseeds: 1\nbaseline: false\n"
        "test: {sigma: [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4]}\n";
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    Wire__Submit submit = WIRE__SUBMIT__INIT;
    submit.file = (char *)(uintptr_t) "load.yaml";
    submit.text = (ProtobufCBinaryData){sizeof text - 1, (uint8_t *)(uintptr_t)text};
    submit.confirmed = true;
    envelope.body_case = WIRE__ENVELOPE__BODY_SUBMIT;
    envelope.submit = &submit;
    begin();
    hello(WORKERS, false);
    put_envelope(WORKERS, &envelope);
    commit();
    while (dispatch_has_tasks(&bench.dispatch)) {
        struct clock clock = clock_system();
        begin();
        MUST(dispatch_tasks(&bench.dispatch, clock_now_ms(&clock) + 50, &error));
        commit();
    }
}

static void ask(int worker)
{
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    Wire__Heartbeat heartbeat = WIRE__HEARTBEAT__INIT;
    heartbeat.sequence = bench.sequence;
    heartbeat.free_slots = 1;
    heartbeat.free_memory_bytes = UINT64_C(1) << 40;
    envelope.body_case = WIRE__ENVELOPE__BODY_HEARTBEAT;
    envelope.heartbeat = &heartbeat;
    put_envelope(worker, &envelope);
}

struct spent {
    double ask, lease, result, commit, tidy;
};

static void tidy(struct spent *spent)
{
    struct clock clock = clock_system();
    double began = cpu_s();
    write_ahead_tidy(&bench.write_ahead, bench.store.db, false, clock_now_ms(&clock));
    spent->tidy += cpu_s() - began;
}

static void round_of_asking(struct spent *spent)
{
    double began = cpu_s();
    bench.sequence++;
    begin();
    for (int i = 0; i < WORKERS; i++)
        ask(i);
    spent->ask += cpu_s() - began;
    began = cpu_s();
    bool more;
    MUST(dispatch_leases(&bench.dispatch, WORKERS, &more, &error));
    spent->lease += cpu_s() - began;
    began = cpu_s();
    commit();
    spent->commit += cpu_s() - began;
    tidy(spent);
}

static void round_of_results(struct spent *spent)
{
    static struct packed results[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        if (!bench.leases[i])
            load_die("a worker got no job");
        load_result_pack(bench.leases[i]->lease, &results[i]);
        wire__envelope__free_unpacked(bench.leases[i], NULL);
        bench.leases[i] = NULL;
    }
    double began = cpu_s();
    begin();
    for (int i = 0; i < WORKERS; i++)
        put(i, results[i].data, results[i].length);
    spent->result += cpu_s() - began;
    began = cpu_s();
    commit();
    spent->commit += cpu_s() - began;
    tidy(spent);
}

static void open_all(const char *folder)
{
    static char path[4096];
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/bench.db", folder);
    struct dispatch_options options = {.lease_ms = 60000,
                                       .heartbeat_ms = 10000,
                                       .no_progress_ms = 300000,
                                       .database = path,
                                       .data_rate = 1 << 20};
    db_count_no_memory();
    MUST(store_lock(&bench.store, path, &error));
    MUST(store_open(&bench.store, path, &error));
    dispatch_init(&bench.dispatch, &options, clock_system(), &bench.store, NULL);
    begin();
    MUST(dispatch_recover(&bench.dispatch, &error));
    MUST(store_commit(&bench.store, &error));
}

int main(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[2]) : 50;
    struct spent spent = {0};
    if (argc < 2)
        load_die("a folder is needed");
    log_set_level(LOG_LEVEL_WARNING);
    open_all(argv[1]);
    submit();
    begin();
    for (int i = 0; i < WORKERS; i++)
        hello(i, true);
    commit();
    for (int i = 0; i < rounds; i++) {
        round_of_asking(&spent);
        round_of_results(&spent);
    }
    double scale = 1e6 / rounds / WORKERS;
    printf("ask %.1f, lease %.1f, result %.1f, commits %.1f, moving the log %.1f: %.1f us of a "
           "processor a result\n",
           scale * spent.ask, scale * spent.lease, scale * spent.result, scale * spent.commit,
           scale * spent.tidy,
           scale * (spent.ask + spent.lease + spent.result + spent.commit + spent.tidy));
    return 0;
}
