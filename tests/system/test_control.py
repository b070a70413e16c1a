"""Pause, resume, cancel, extend, retry, priority, fair share and max_running, as a worker sees them and as the event log
has them."""

import json

import pytest

import recorded
from processes import wait_until
from wire import Peer, messages

SWEEP = """\
name: {name}
dataset: glyphs
model: mnist-cnn
train: {{epochs: 1, batch: 100, lr: 0.05}}
loss: {{lambda: 1, sigma: 0.1}}
grid: {{k: [0.1, 0.2, 0.3, 0.4]}}
baseline: false
seeds: 1
test: {{sigma: [0, 0.4], seed: 1}}
run: {{{run}}}
"""


class Shop:
    """A coordinator, and a worker of one slot that takes what it is given and never trains."""

    def __init__(self, place, run_program, start_program):
        self.place, self.run_program = place, run_program
        self.database = place / "a.db"
        (place / "s").mkdir(mode=0o700)
        self.endpoint = f"ipc://{place}/s/c"
        coordinator = start_program("lipsweep-coordinator", "--db", self.database, "--listen", self.endpoint,
                                    "--lease-ms", 600000)  # its worker's heart beats only when a test says so
        wait_until(lambda: "listening at" in coordinator.stderr(), what="the coordinator")

    def run(self, *arguments, code=0):
        return self.run_program("lipsweep", *arguments, "--connect", self.endpoint, code=code)

    def submit(self, name, run=""):
        (self.place / f"{name}.yaml").write_text(SWEEP.format(name=name, run=run), encoding="utf-8")
        self.run("submit", f"{name}.yaml")

    def worker(self, **hello):
        return Worker(self, **hello)

    def events(self, *kinds):
        rows = recorded.query(self.database, "SELECT kind, sweep, job, text FROM event ORDER BY id")
        return [row for row in rows if row["kind"] in kinds]

    def story(self):
        """What happened to jobs, in order: ("lease", 1), …"""
        kinds = "sweep_submitted", "sweep_extended", "cancelled", "retried", "lease", "diverged", "paused", "resumed"
        return [(row["kind"], row["job"]) for row in self.events(*kinds)]


class Worker:
    def __init__(self, shop, **hello):
        self.shop, self.peer, self.running = shop, Peer(shop.endpoint), []
        self.peer.hello(slots=64, **hello)

    def heartbeat(self, free):
        self.peer.heartbeat(free_slots=free, running=[
            messages.Progress(attempt=attempt, counter=self.peer.sequence, phase=1) for attempt in self.running])
        self.peer.receive("heartbeat_ack", where=lambda e: e.heartbeat_ack.sequence == self.peer.sequence)

    def take(self, count):
        """The sweeps of the next `count` leases, in order."""
        self.heartbeat(count)
        leases = [self.peer.receive("lease").lease for _ in range(count)]
        self.running += [lease.attempt for lease in leases]
        return [lease.sweep for lease in leases]

    def gets_nothing(self):
        self.heartbeat(1)
        self.heartbeat(1)  # answered after the first one's leases have left
        return self.peer.receive_any(0.3) is None

    def gets_nothing_but(self, name):
        self.heartbeat(1)
        self.heartbeat(1)
        came = [self.peer.receive_any(0.3) for _ in range(3)] + self.peer.backlog
        self.peer.backlog = []
        return {envelope.WhichOneof("body") for envelope in came if envelope} == {name}

    def finish(self, attempt):
        self.running.remove(attempt)
        assert self.peer.ask(result=dict(attempt=attempt, outcome=3, reason="made up")).result_ack.accepted


@pytest.fixture
def shop(place, run_program, start_program):
    return Shop(place, run_program, start_program)


def test_pause_and_resume(shop):
    shop.submit("a")
    worker = shop.worker()
    assert worker.take(1) == ["a"]
    assert "(1) ends" in shop.run("pause", "a").stdout
    assert worker.gets_nothing()
    assert "paused" in shop.run("status").stdout and "lipsweep resume a" in shop.run("status").stdout
    worker.finish(worker.running[0])  # what runs ends
    assert "already" in shop.run("pause", "a").stdout
    waiting = json.loads(shop.run("jobs", "a", "--state", "pending", "--format", "json").stdout)[-1]["job"]
    assert "held: lipsweep resume a" in shop.run("explain", waiting).stdout
    shop.run("resume", "a")
    assert worker.take(1) == ["a"]
    # No lease between the two.
    assert [kind for kind, _ in shop.story()] == ["sweep_submitted", "lease", "paused", "diverged", "resumed", "lease"]
    assert "no sweep" in shop.run("pause", "nobody", code=4).stderr


def test_a_paused_job_waits_alone(shop):
    shop.submit("a")
    worker = shop.worker()
    assert "paused" in shop.run("pause", "j1").stdout
    assert [worker.take(1)[0] for _ in range(3)] == ["a"] * 3
    assert worker.gets_nothing() and sorted(attempt.job for attempt in worker.running) == [2, 3, 4]
    assert "only a job that waits" in shop.run("pause", "j2", code=4).stderr
    shop.run("resume", "j1")
    assert worker.take(1) == ["a"] and worker.running[-1].job == 1


def test_a_pause_outlives_the_coordinator_and_a_new_text(shop, start_program):
    shop.submit("a")
    shop.run("pause", "a")
    text = shop.place / "a.yaml"
    text.write_text(text.read_text().replace("0.4]}", "0.4, 0.5]}", 1))
    shop.run("submit", "a.yaml", "--yes")
    assert shop.worker().gets_nothing()


def test_priority(shop):
    shop.submit("low", "priority: -1")
    shop.submit("plain")
    shop.submit("high", "priority: 5")
    worker = shop.worker()
    assert worker.take(2) == ["high", "high"]
    shop.run("priority", "low", "7")
    assert worker.take(4) == ["low"] * 4
    assert worker.take(3) == ["high", "high", "plain"]
    # Sweeps are numbered as they were submitted: low, plain, high.
    happened = [(event["kind"], event["sweep"]) for event in shop.events("lease", "priority")]
    assert happened == [("lease", 3)] * 2 + [("priority", 1)] + [("lease", 1)] * 4 + [("lease", 3)] * 2 + [("lease", 2)]
    assert [event["text"] for event in shop.events("priority")] == ["7"]
    assert "whole number" in shop.run("priority", "low", "much", code=2).stderr


def test_equals_share_the_workers(shop):
    for name in "abc":
        shop.submit(name)
    worker = shop.worker()
    taken = worker.take(6)
    assert sorted(taken) == list("aabbcc")
    first = {name: worker.running[taken.index(name)] for name in "abc"}
    worker.finish(first["b"])  # its share is free again
    assert worker.take(1) == ["b"]
    leases = [event["sweep"] for event in shop.events("lease")]
    assert sorted(leases[:3]) == [1, 2, 3] and sorted(leases[3:6]) == [1, 2, 3]


def test_max_running(shop):
    shop.submit("a", "max_running: 2")
    worker = shop.worker()
    assert worker.take(2) == ["a", "a"]
    assert worker.gets_nothing()
    shop.submit("b")
    assert worker.take(1) == ["b"]
    worker.finish(worker.running[0])
    assert worker.take(2) in (["a", "b"], ["b", "a"])
    running = 0
    for event in shop.events("lease", "diverged"):
        if event["sweep"] == 1:
            running += {"lease": 1, "diverged": -1}[event["kind"]]
        assert running <= 2


def test_cancel(shop):
    shop.submit("a")
    worker = shop.worker()
    worker.take(2)
    assert "1 job cancelled" in shop.run("cancel", "j2").stdout
    assert worker.peer.receive("attempt_over").attempt_over.attempt.job == 2  # stopped at once
    assert "3 jobs cancelled" in shop.run("cancel", "a").stdout
    assert worker.peer.receive("attempt_over").attempt_over.attempt.job == 1
    worker.running.clear()
    assert worker.gets_nothing()
    story = shop.story()
    assert story[1:3] == [("lease", 1), ("lease", 2)] and [kind for kind, _ in story[3:]] == ["cancelled"] * 2
    assert [(event["sweep"], event["job"]) for event in shop.events("cancelled")] == [(1, 2), (1, None)]
    assert json.loads(shop.run("status", "--format", "json").stdout)[0]["cancelled"] == 4
    assert "is cancelled" in shop.run("cancel", "j2", code=4).stderr


def test_extend(shop):
    """A changed file: what is new joins, what is no longer asked for is not started, what runs ends."""
    shop.submit("a")
    worker = shop.worker()
    worker.take(1)
    text = shop.place / "a.yaml"
    text.write_text(text.read_text().replace("[0.1, 0.2, 0.3, 0.4]", "[0.1, 0.4, 0.5]"))
    assert "--yes" in shop.run("submit", "a.yaml", code=4).stderr and not shop.events("sweep_extended")
    shop.run("submit", "a.yaml", "--yes")
    assert worker.take(2) == ["a", "a"] and worker.gets_nothing()
    kinds = [kind for kind, _ in shop.story()]
    assert kinds == ["sweep_submitted", "lease", "sweep_extended", "lease", "lease"]
    leased = [event["job"] for event in shop.events("lease")]
    asked = recorded.query(shop.database, "SELECT id, k, withdrawn FROM job ORDER BY id")
    assert [row["k"] for row in asked if row["id"] in leased] == [0.1, 0.4, 0.5]
    assert [row["k"] for row in asked if row["withdrawn"]] == [0.2, 0.3]


def test_retry(shop):
    """As new jobs; the reasons of the attempts before stay."""
    shop.submit("a")
    worker = shop.worker()
    worker.take(2)
    for attempt in list(worker.running):
        worker.finish(attempt)
    assert "0 jobs will run again" in shop.run("retry", "a").stdout  # diverged ones on request alone
    assert "2 jobs will run again" in shop.run("retry", "a", "--diverged").stdout
    worker.take(4)
    leases = [event["job"] for event in shop.events("lease")]
    assert leases == [1, 2, 3, 4, 5, 6]
    assert [event["job"] for event in shop.events("retried")] == [1, 2, None]
    story = shop.story()
    assert story.index(("retried", 1)) < story.index(("lease", 5)) and ("lease", 1) in story[:3]
    assert "made up" in shop.run("explain", "j1").stdout and "replaced by j" in shop.run("explain", "j1").stdout
    assert "was replaced" in shop.run("retry", "j1", code=4).stderr


def test_labels(shop):
    """Jobs go to workers with the labels that their sweep requires; `explain` names the one that is missing."""
    shop.submit("a", "requires: {room: b12, ecc: yes}")
    plain = shop.worker(labels=["room=b12"])
    assert plain.gets_nothing()
    explained = shop.run("explain", "j1").stdout
    assert "no connected worker has the label ecc=yes" in explained
    split = shop.worker(labels=["ecc=yes"])
    assert split.gets_nothing()
    assert "has all the labels" in shop.run("explain", "j1").stdout
    both = shop.worker(labels=["room=b12", "ecc=yes", "more=1"])
    assert both.take(1) == ["a"]
    rows = json.loads(shop.run("workers", "--format", "json").stdout)
    assert [row["labels"] for row in rows] == ["room=b12", "ecc=yes", "ecc=yes more=1 room=b12"]
    assert [event["job"] for event in shop.events("lease")] == [1]


def test_drain(shop):
    shop.submit("a")
    worker = shop.worker()
    worker.take(1)
    assert "gets no more jobs" in shop.run("drain", "1").stdout
    assert worker.gets_nothing_but("drain")
    assert json.loads(shop.run("workers", "--format", "json").stdout)[0]["state"] == "draining"
    assert "drained or quarantined" in shop.run("explain", "j2").stdout
    shop.run("drain", "1", "--undo")
    assert worker.take(1) == ["a"]
    assert [event["kind"] for event in shop.events("lease", "drained", "drain_undone")] == [
        "lease", "drained", "drain_undone", "lease"]
    assert "no worker 7" in shop.run("drain", "7", code=4).stderr
    assert "is no worker" in shop.run("drain", "seven", code=2).stderr


def test_a_drained_worker_finishes_what_it_runs_and_ends(shop, start_program):
    shop.submit("a")
    worker = start_program("lipsweep-worker", "--connect", shop.endpoint, "--slots", 1, "--label", "room=b12",
                           "--spool", shop.place / "spool")
    wait_until(lambda: shop.events("lease"), what="a lease")
    shop.run("drain", "1")
    worker.wait(code=0)
    assert "ending: drained" in worker.stderr()
    kinds = [event["kind"] for event in shop.events("lease", "done", "drained", "worker_left", "preempted")]
    after = kinds[kinds.index("drained"):]
    assert "lease" not in after and "preempted" not in kinds and after[-1] == "worker_left"
    assert kinds.count("lease") == kinds.count("done") >= 1


def test_a_run_is_told_which_label_its_machine_needs(run_program, place):
    (place / "a.yaml").write_text(SWEEP.format(name="a", run="requires: {room: b12}").replace("glyphs", "{name: glyphs, train_count: 100}"))
    assert "--label room=b12" in run_program("lipsweep", "run", "a.yaml", "--quiet", code=4).stderr
    run_program("lipsweep", "run", "a.yaml", "--quiet", "--label", "room=b12", "--label", "more=1", code=0)
    assert [row["labels"] for row in recorded.query(place / "a.db", "SELECT labels FROM worker")] == ["more=1\nroom=b12\n"]
