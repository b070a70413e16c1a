"""The real worker and the real coordinator, where leases and results change hands. (test_faults.py kills them one
by one under `lipsweep run`.)"""

import signal

import pytest

import processes
import recorded
from processes import descendants, wait_until
from wire import Peer

SWEEP = b"""
name: pair
dataset: {name: glyphs, train_count: 1000}
model: mnist-cnn
train: {epochs: 10, batch: 100, lr: 0.05}
grid:
  lambda: [1]
  k: [0.02, 0.1]
  sigma: [0.1]
baseline: true
seeds: 2
test: {sigma: [0, 0.4]}
"""
JOBS = 6


class Pair:
    """A database with its coordinator and its worker, each of which may be killed and started again."""

    def __init__(self, place, start_program):
        self.place, self.start_program, self.lease_ms = place, start_program, 60000
        self.db = place / "pair.db"
        (place / "sock").mkdir(mode=0o700)
        self.endpoint = f"ipc://{place}/sock/c"

    def start_coordinator(self):
        self.coordinator = self.start_program(
            "lipsweep-coordinator", "--db", self.db, "--listen", self.endpoint, "--lease-ms", self.lease_ms,
            "--heartbeat-ms", 200)

    def start_worker(self, slots=2):
        self.worker = self.start_program("lipsweep-worker", "--connect", self.endpoint, "--slots", slots,
                                         "--spool", self.place / "spool")

    def submit(self, text=SWEEP):
        with Peer(self.endpoint) as peer:
            assert peer.hello(role="client").HasField("welcome")
            answer = peer.ask(submit=dict(file="pair.yaml", text=text))
            assert answer.WhichOneof("body") == "submit_reply", answer
            return answer.submit_reply

    def done(self):
        return recorded.job_count(self.db, "done")

    def runners(self):
        return [pid for pid in descendants(self.worker.pid) if "train" in processes.command(pid)]

    def finish(self):
        wait_until(lambda: self.done() == JOBS, timeout=300, what="all jobs done", interval=0.05)
        recorded.assert_all_done_once(self.db, JOBS)


@pytest.fixture
def pair(place, start_program, request):
    pair = Pair(place, start_program)
    pair.lease_ms = getattr(request, "param", pair.lease_ms)
    pair.start_coordinator()
    pair.start_worker()
    return pair


@pytest.fixture(scope="module")
def undisturbed():
    """What a sweep that nobody disturbs measures; made once."""
    return {}


def check(pair, undisturbed):
    measured = recorded.measurements(pair.db)
    undisturbed.setdefault("measured", measured)
    assert measured == undisturbed["measured"]


def test_a_sweep_runs_to_its_end(pair, undisturbed):
    assert pair.submit().job_count == JOBS
    pair.finish()
    check(pair, undisturbed)
    wait_until(lambda: not list((pair.place / "spool").glob("*/j*")))
    assert not recorded.query(pair.db, "SELECT * FROM attempt WHERE outcome <> 'done'")
    assert recorded.query(pair.db, "SELECT * FROM attempt_log WHERE length > 0")


def test_both_killed_with_results_on_disk(pair, undisturbed):
    """The next worker delivers what the killed one had finished; nothing of it is trained again."""
    pair.submit()
    wait_until(pair.runners)
    pair.coordinator.kill()
    wait_until(lambda: not pair.runners())
    pair.worker.kill()
    assert list((pair.place / "spool").glob("*/j*/result.pb"))
    pair.start_coordinator()
    pair.start_worker()
    pair.finish()
    check(pair, undisturbed)
    assert not recorded.query(pair.db, "SELECT * FROM attempt WHERE outcome <> 'done'")


def test_a_worker_that_is_asked_to_stop_loses_no_attempt(pair, undisturbed):
    pair.submit()
    wait_until(pair.runners)
    pair.worker.signal(signal.SIGTERM)
    pair.worker.wait(code=0)
    assert recorded.query(pair.db, "SELECT * FROM attempt WHERE outcome = 'preempted'")
    assert not recorded.query(pair.db, "SELECT * FROM job WHERE state = 'leased'")
    assert not recorded.query(pair.db, "SELECT * FROM job WHERE counted_attempts > 0")
    pair.start_worker(slots=1)  # and the bits do not depend on the slots
    pair.finish()
    check(pair, undisturbed)


@pytest.mark.parametrize("pair", [3000], indirect=True, ids=["a short lease"])
def test_a_worker_frozen_past_its_lease_changes_nothing(pair, undisturbed):
    pair.submit()
    frozen = pair.worker
    runners = wait_until(pair.runners)
    frozen.signal(signal.SIGSTOP)
    for runner in runners:
        processes.kill(runner, signal.SIGSTOP)
    wait_until(lambda: recorded.query(pair.db, "SELECT * FROM attempt WHERE outcome = 'lost'"))
    pair.start_worker()
    pair.finish()
    for runner in runners:
        processes.kill(runner, signal.SIGCONT)
    frozen.signal(signal.SIGCONT)
    wait_until(lambda: "is over" in frozen.stderr() or "not wanted" in frozen.stderr())
    recorded.assert_all_done_once(pair.db, JOBS)
    check(pair, undisturbed)
