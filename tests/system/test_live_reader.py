"""Who reads the database while a coordinator records disturbs nothing: the short form of tests/bench/live_writer.py."""

import sqlite3
import threading

import test_coordinator
from processes import wait_until
from test_coordinator import endpoint, finish, lease_one, start, submit  # noqa: F401 (fixtures)
from wire import Peer

JOBS = 200
LOG = b"a line of a training's log, of which there are many\n" * 9000  # half a MiB: the log grows by it
LIMIT = 64 * 2**20


def record(endpoint, place, failures):
    """A worker that delivers results as fast as it can."""
    try:
        with Peer(endpoint) as worker:
            for number in range(JOBS):
                lease = lease_one(worker) if number == 0 else next_lease(worker)
                worker.send(log_chunk=dict(attempt=lease.attempt, text=LOG))
                assert finish(worker, place, lease).accepted
    except BaseException as failure:  # the test's thread tells
        failures.append(failure)


def next_lease(worker):
    worker.heartbeat(free_slots=1)
    return worker.receive("lease").lease


def look(path):
    """One short transaction that sees all of a result or nothing: how many there are."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    (results, torn), = connection.execute(
        "SELECT (SELECT count(*) FROM job WHERE state = 'done'), (SELECT count(*) FROM job j WHERE (state = 'done') <> "
        "(2 = (SELECT count(*) FROM accuracy WHERE job = j.id)))")
    connection.close()
    assert torn == 0
    return results


def test_a_reader_all_the_time(start, endpoint, place, run_program):  # noqa: F811
    coordinator = start()
    text = test_coordinator.SWEEP.replace(b"seeds: 1", b"seeds: %d" % -(-JOBS // 3))
    with Peer(endpoint) as client:
        client.hello(role="client")
        submit(client, text)
    failures, seen = [], [0]
    writer = threading.Thread(target=record, args=(endpoint, place, failures))
    writer.start()
    while writer.is_alive():
        for _ in range(10):
            seen.append(look(place / "a.db"))
        run_program("lipsweep", "results", "s", "--db", place / "a.db")
    writer.join()
    assert not failures, failures
    assert seen == sorted(seen) and look(place / "a.db") == JOBS
    written = (place / "a.db-wal").stat().st_size + (place / "a.db").stat().st_size
    assert written > JOBS * len(LOG) > LIMIT  # so much went through the write-ahead log
    wait_until(lambda: (place / "a.db-wal").stat().st_size < LIMIT)  # a reader whom the machine let wait may have held it up
    assert coordinator.running()


def test_pages_of_a_running_coordinator(start, endpoint, place, run_program):  # noqa: F811
    """An answer of several pages, in which values that stay the same are left out, is the file's own."""
    start()
    text = (b"name: s\ndataset: glyphs\nmodel: mnist-cnn\ntrain: {epochs: 1}\ngrid: {lambda: [0, 0.5], "
            b"k: {from: 0.1, to: 2, count: 50}, sigma: [0.01, 0.1], train.momentum: [0, 0.9]}\nseeds: 30\n")
    with Peer(endpoint) as client:
        client.hello(role="client")
        submit(client, text)
    asked = "jobs", "s", "--format", "json"
    over = run_program("lipsweep", *asked, "--connect", endpoint, code=0).stdout
    assert over.count("j1") > 1000
    assert over == run_program("lipsweep", *asked, "--db", place / "a.db", code=0).stdout
