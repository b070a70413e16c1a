"""The real lipsweep-coordinator, spoken to over its socket by peers that need not be friendly."""

import contextlib
import itertools
import signal
import sqlite3
import struct
import time

import pytest

from processes import wait_until
from wire import PROTOCOL, Peer, messages

SWEEP = b"""name: s
dataset: glyphs
model: mnist-cnn
train: {epochs: 1, batch: 100, lr: 0.05}
loss: {lambda: 1, sigma: 0.1}
grid: {k: [0.1, 0.2, 0.3]}
baseline: false
seeds: 1
test: {sigma: [0, 0.4], seed: 1}
"""


@pytest.fixture
def endpoint(place):
    (place / "s").mkdir(mode=0o700)
    return f"ipc://{place}/s/c"


@pytest.fixture
def start(start_program, place, endpoint):
    def start(*more, database="a.db"):
        program = start_program("lipsweep-coordinator", "--db", place / database, "--listen", endpoint, *more)
        wait_until(lambda: "listening at" in program.stderr() or not program.running(), what="the coordinator")
        assert program.running(), program.stderr()
        return program

    return start


def query(place, sql, database="a.db"):
    with contextlib.closing(sqlite3.connect(f"file:{place / database}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def submit(client, text=SWEEP, **fields):
    return client.ask(submit=dict(file="s.yaml", text=text) | fields)


def lease_one(worker):
    worker.hello()
    worker.heartbeat(free_slots=1)
    return worker.receive("lease").lease


def progress(lease, counter=1):
    return messages.Progress(attempt=lease.attempt, counter=counter, phase=1)


def made_result(lease, **fields):
    """A result that fits the lease's job, with numbers made up; train_hash is the database's."""
    percentiles = [1, 2, 3, 4, 5, 6]
    digest = next(line.split(": ")[1] for line in lease.description.splitlines() if "dataset.digest" in line)
    return messages.Result(
        attempt=lease.attempt, outcome=1, dataset_digest=digest, weights_digest="w",
        accuracies=[messages.Accuracy(test_sigma=sigma, image_count=10, correct_count=9, accuracy=0.9,
                                      margin_percentile=percentiles) for sigma in (0, 0.4)],
        quotients=[messages.Quotient(test_sigma=0.4, mean=1, percentile=percentiles,
                                     margin_over_quotient_percentile=percentiles)], **fields)


def finish(worker, place, lease):
    (train_hash,), = query(place, f"SELECT train_hash FROM job WHERE id = {lease.attempt.job}")
    return worker.ask(result=made_result(lease, train_hash=train_hash)).result_ack


def states(place):
    return [state for state, in query(place, "SELECT state FROM job ORDER BY id")]


def test_a_sweep_from_submission_to_results(start, endpoint, place):
    coordinator = start()
    with Peer(endpoint) as client, Peer(endpoint) as worker:
        assert client.hello(role="client").welcome.database == str(place / "a.db")
        reply = submit(client).submit_reply
        assert (reply.sweep, reply.point_count, reply.job_count, reply.new_count) == (1, 3, 3, 3)
        lease = lease_one(worker)
        assert (lease.sweep, lease.attempt.attempt, lease.attempt.instance) == ("s", 1, worker.instance)
        live = client.ask(live={}).live_reply
        assert [(live.workers[0].running, live.attempts[0].sweep)] == [(1, 1)]
        assert finish(worker, place, lease).accepted
        assert finish(worker, place, lease).accepted  # sent again: recorded once
        assert query(place, "SELECT count(*) FROM results") == [(2,)]
        rows = client.ask(query=dict(name="sweep-find", parameters=[messages.Value(text="s")])).rows
        assert rows.last and [value.integer for value in rows.rows[0].values[:1]] == [1]
        assert submit(client).submit_reply.finished_count == 1
    coordinator.signal(signal.SIGTERM)
    coordinator.wait(code=0)
    assert states(place) == ["done", "pending", "pending"]


@pytest.mark.parametrize("version", [PROTOCOL - 1, PROTOCOL + 1])
@pytest.mark.parametrize("role", ["worker", "client"])
def test_another_version_is_told_both(start, endpoint, version, role):
    """The previous one, and one to come."""
    start()
    with Peer(endpoint) as peer:
        refused = peer.hello(role=role, protocol=version).refused
        assert refused.code == 1 and refused.protocol == PROTOCOL
        assert f"protocol {PROTOCOL}," in refused.reason and f"you speak protocol {version}" in refused.reason
        assert peer.ask(live={}).WhichOneof("body") == "who_are_you"


def test_a_stale_attempt_is_over(start, endpoint, place):
    start("--lease-ms", "3000", "--heartbeat-ms", "200")
    with Peer(endpoint) as client, Peer(endpoint) as late, Peer(endpoint) as quick:
        client.hello(role="client")
        submit(client)
        old = lease_one(late)
        wait_until(lambda: states(place)[0] == "pending", what="the lease to expire")
        fresh = lease_one(quick)
        assert (fresh.attempt.job, fresh.attempt.attempt) == (1, 2)
        assert not finish(late, place, old).accepted
        late.heartbeat(free_slots=0, running=[progress(old)])
        assert late.receive("attempt_over").attempt_over.attempt.attempt == 1
        assert finish(quick, place, fresh).accepted
    assert query(place, "SELECT outcome FROM attempt ORDER BY number") == [("lost",), ("done",)]


def test_heartbeats_renew(start, endpoint, place):
    start("--lease-ms", "4000", "--heartbeat-ms", "100")
    with Peer(endpoint) as client, Peer(endpoint) as worker:
        client.hello(role="client")
        submit(client)
        lease = lease_one(worker)
        end = time.monotonic() + 6
        for counter in itertools.takewhile(lambda _: time.monotonic() < end, itertools.count()):  # longer than the lease
            worker.heartbeat(free_slots=0, running=[progress(lease, counter)])
            assert not worker.socket.poll(100) or worker.receive("heartbeat_ack")
        assert states(place)[0] == "leased"
        wait_until(lambda: states(place)[0] == "pending", what="the lease to expire")


def test_standing_still_ends_the_attempt(start, endpoint, place):
    start("--lease-ms", "60000", "--heartbeat-ms", "100", "--no-progress-ms", "500")
    with Peer(endpoint) as client, Peer(endpoint) as worker:
        client.hello(role="client")
        submit(client)
        lease = lease_one(worker)

        def beat():
            worker.heartbeat(free_slots=0, running=[progress(lease)])
            return states(place)[0] == "pending"
        wait_until(beat, interval=0.1, what="the attempt to be given up")
        assert "no progress" in worker.receive("attempt_over").attempt_over.reason
    assert query(place, "SELECT outcome FROM attempt") == [("failed",)]


def test_killed_and_restarted_with_a_lease_alive(start, endpoint, place):
    first = start()
    with Peer(endpoint) as client, Peer(endpoint) as worker:
        client.hello(role="client")
        submit(client)
        lease = lease_one(worker)
        first.kill()
        start()
        worker.heartbeat(free_slots=0, running=[progress(lease)])
        worker.receive("who_are_you")
        worker.hello()
        worker.heartbeat(free_slots=0, running=[progress(lease)])
        worker.receive("heartbeat_ack")
        assert finish(worker, place, lease).accepted
    assert query(place, "SELECT outcome FROM attempt") == [("done",)]


def test_a_lease_whose_message_died_with_the_coordinator_comes_again(start, endpoint, place):
    first = start()
    with Peer(endpoint) as client, Peer(endpoint) as worker:
        client.hello(role="client")
        submit(client)
        lease = lease_one(worker)
        first.kill()
        start()
        worker.hello()
        worker.heartbeat(free_slots=0)
        worker.heartbeat(free_slots=0)
        assert worker.receive("lease").lease.attempt == lease.attempt


def test_a_frozen_coordinator_expires_nobody(start, endpoint, place):
    coordinator = start("--lease-ms", "5000", "--heartbeat-ms", "100")
    with Peer(endpoint) as client, Peer(endpoint) as worker:
        client.hello(role="client")
        submit(client)
        lease = lease_one(worker)
        coordinator.signal(signal.SIGSTOP)
        with Peer(endpoint) as clock:  # nobody answers: this waits for real time to pass
            clock.send(live={})
            assert clock.receive_any(timeout=7.5) is None
        coordinator.signal(signal.SIGCONT)
        wait_until(lambda: "stood still" in coordinator.stderr(), what="it to notice")
        assert states(place)[0] == "leased"
        assert finish(worker, place, lease).accepted
    assert query(place, "SELECT late FROM attempt") == [(0,)]


def test_cancel_reaches_the_worker(start, endpoint, place):
    start()
    with Peer(endpoint) as client, Peer(endpoint) as worker:
        client.hello(role="client")
        submit(client)
        lease = lease_one(worker)
        reply = client.ask(control=dict(verb=1, sweep="s"))
        assert reply.control_reply.changed_count == 3
        assert worker.receive("attempt_over").attempt_over.attempt == lease.attempt
        assert not finish(worker, place, lease).accepted
        assert client.ask(control=dict(verb=1, job=77)).refused.code == 3
    assert set(states(place)) == {"cancelled"}


def test_bad_files_are_refused_with_every_error(start, endpoint, place):
    start()
    with Peer(endpoint) as client:
        client.hello(role="client")
        reason = submit(client, b"name: s\nlamda: 1\nfoo: 2\n").refused.reason
        assert "s.yaml:2:1: error:" in reason and "s.yaml:3:1: error:" in reason
        for text in (b"", b"\0", b"\xff\xfe", b"[" * 100000, b"a: &a [*a]"):
            assert submit(client, text).refused.code == 2
        assert submit(client, SWEEP, digests=[dict(name="glyphs", digest="../x")]).refused.code == 2
        assert submit(client).submit_reply.new_count == 3  # it still works
    assert query(place, "SELECT count(*) FROM sweep") == [(1,)]


def test_garbage_does_no_harm(start, endpoint, place):
    start()
    with Peer(endpoint) as client, Peer(endpoint) as hostile:
        client.hello(role="client")
        for frames in ([b""], [b"\xff" * 1000], [b"a", b"b"], [b"x"] * 500, [struct.pack("<Q", 1)] * 3,
                       [b"\x0a\xff\xff\xff\x7f"]):
            hostile.send_raw(*frames)
        hostile.hello()
        hostile.send(result=dict())
        hostile.send(epoch_report=dict(metric=dict(loss=float("nan"))))
        hostile.send(lease=dict())
        for _ in range(3):
            hostile.receive("refused")
        text = "x\x1b[31m\x7f" + "y" * 100000
        lease = messages.AttemptId(job=1, attempt=1, instance=b"short")
        hostile.send(release=dict(attempt=lease, outcome=4, reason=text))
        hostile.receive("refused")
        hostile.hello(host=text)
        assert submit(client).submit_reply.new_count == 3
    (host,), = query(place, "SELECT host FROM worker")
    assert len(host) <= 511 and "\x1b" not in host and "\x7f" not in host


def test_unknown_queries_are_refused(start, endpoint):
    start()
    with Peer(endpoint) as client:
        client.hello(role="client")
        assert client.ask(query=dict(name="drop table")).refused.code == 3
        assert client.ask(query=dict(name="sweep-find")).refused.code == 2


def test_a_second_coordinator_names_the_first(start, run_program, endpoint, place):
    first = start()
    (place / "t").mkdir(mode=0o700)
    second = run_program("lipsweep-coordinator", "--db", place / "a.db", "--listen", f"ipc://{place}/t/c", code=4)
    assert endpoint in second.stderr and str(first.pid) in second.stderr
    assert first.running()


def test_an_endpoint_in_use(start, run_program, endpoint, place):
    start()
    other = run_program("lipsweep-coordinator", "--db", place / "b.db", "--listen", endpoint, code=4)
    assert endpoint.removeprefix("ipc://") in other.stderr and "another process" in other.stderr


def test_a_port_in_use(start_program, run_program, place):
    first = start_program("lipsweep-coordinator", "--db", place / "a.db", "--listen", "tcp://127.0.0.1:0",
                          "--insecure-loopback")
    wait_until(lambda: "listening at" in first.stderr(), what="the coordinator")
    address = first.stderr().split("listening at ")[1].split()[0]
    second = run_program("lipsweep-coordinator", "--db", place / "b.db", "--listen", address,
                         "--insecure-loopback", code=4)
    assert address in second.stderr
    refused = run_program("lipsweep-coordinator", "--db", place / "b.db", "--listen", "tcp://127.0.0.1:0", code=4)
    assert "no keys" in refused.stderr and "lipsweep key" in refused.stderr
    assert not (place / "b.db").exists()


@pytest.mark.parametrize("pragma,words", [
    ("application_id = 7", "another application"), ("user_version = 999", "newer lipsweep")])
def test_foreign_and_newer_databases_are_refused(run_program, endpoint, place, pragma, words):
    with sqlite3.connect(place / "a.db") as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.execute(f"PRAGMA application_id = {0x4c697073}")
        connection.execute(f"PRAGMA {pragma}")
    connection.close()
    before = (place / "a.db").read_bytes()
    result = run_program("lipsweep-coordinator", "--db", place / "a.db", "--listen", endpoint, code=4)
    assert words in result.stderr
    assert (place / "a.db").read_bytes() == before


def test_a_file_that_is_no_database(run_program, endpoint, place):
    (place / "a.db").write_bytes(b"diary\n" * 1000)
    result = run_program("lipsweep-coordinator", "--db", place / "a.db", "--listen", endpoint, code=1)
    assert "not a lipsweep database" in result.stderr


def test_wrong_usage(run_program):
    for arguments in (["--no-such"], ["--db"], ["--lease-ms", "soon"], ["--lease-ms", "5", "--heartbeat-ms", "9"]):
        run_program("lipsweep-coordinator", *arguments, code=2)
    assert "Example:" in run_program("lipsweep-coordinator", "--help", code=0).stdout
    assert "0.1.0" in run_program("lipsweep-coordinator", "--version", code=0).stdout
