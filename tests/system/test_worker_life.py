"""How a worker lives and ends: its time limit, kill -9, a machine where nothing works, and cores that others use too.

The long form keeps two trainings on two cores beside two busy processes for half an hour, at the default settings:

    LIPSWEEP_LONG=1 python3 -m pytest -s tests/system/test_worker_life.py -k cores"""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

import processes
import recorded
from fault import fault
from machine import Machine
from processes import wait_until

LONG = bool(os.environ.get("LIPSWEEP_LONG"))
SWEEP = """
name: life
dataset: {name: glyphs, train_count: 500}
model: mnist-cnn
train: {epochs: EPOCHS, batch: 50, lr: 0.01}
grid: {lambda: [1], k: [0.05], sigma: [0.1]}
seeds: SEEDS
test: {sigma: [0, 0.3]}
run: {checkpoint_s: 0.5, max_attempts: 50}
"""
ENDLESS = 1000000
SHORT_LEASE = "--lease-ms", 5000, "--heartbeat-ms", 300  # for jobs of killed workers to come back soon


class Site:
    def __init__(self, place, programs, epochs, seeds, options=("--lease-ms", 60000, "--heartbeat-ms", 300), text=SWEEP):
        self.place, self.programs = place, programs
        self.database, self.endpoint = place / "s.db", f"ipc://{place}/run/c"
        self.coordinator = programs.start("lipsweep-coordinator", "--db", self.database, "--listen", self.endpoint,
                                          *options)
        wait_until(lambda: "listening" in self.coordinator.stderr())
        (place / "s.yaml").write_text(text.replace("EPOCHS", str(epochs)).replace("SEEDS", str(seeds)))
        self.client("submit", "s.yaml", "--yes")

    def client(self, *words, code=0):
        return self.programs.run("lipsweep", *words, "--connect", self.endpoint, code=code).stdout

    def machine(self, name, *options, launcher=(), **more):
        machine = Machine(self.place, name, self.programs.start, launcher)
        machine.start("--connect", self.endpoint, *options, **more)
        return machine

    def attempts(self, columns="outcome"):
        return recorded.query(self.database, f"SELECT {columns} FROM attempt ORDER BY job, number")

    def training(self, count):
        """Waits until so many jobs have trained an epoch in their newest attempt."""
        wait_until(lambda: len(recorded.query(
            self.database, "SELECT DISTINCT m.job FROM epoch_metric m JOIN job j ON j.id = m.job AND j.attempt = m.attempt "
            "WHERE j.state = 'leased'")) >= count, what=f"{count} trainings")

    def finish(self, count):
        wait_until(lambda: recorded.job_count(self.database, "done") == count, 300)
        recorded.assert_all_done_once(self.database, count)


def test_kill_9_of_a_worker_with_two_runners(place, programs):
    site = Site(place, programs, epochs=60, seeds=2, options=SHORT_LEASE)
    machine = site.machine("first", "--slots", 2)
    site.training(2)
    runners = machine.runners()
    assert len(runners) == 2
    machine.worker.kill()
    wait_until(lambda: not any(processes.alive(pid) for pid in runners), processes.GONE_S)
    site.machine("second", "--slots", 2)
    site.finish(2)
    assert [row["outcome"] for row in site.attempts("number, outcome") if row["number"] == 1] == ["lost"] * 2


def test_a_time_limit(place, programs):
    """Near it trainings write a checkpoint and go back; the next worker goes on from there."""
    site = Site(place, programs, epochs=ENDLESS, seeds=1)
    for limit_s in 12, 24, 48, 96, 192:  # until it is enough for an epoch
        first = site.machine(f"first-{limit_s}", "--slots", 1, "--time-limit", limit_s)
        first.worker.wait(code=0)
        if recorded.query(site.database, "SELECT 1 FROM checkpoint WHERE state = 'kept'"):
            break
    assert "time limit" in first.worker.stderr()
    ends = site.attempts("outcome, reason")
    assert ends and all(end == {"outcome": "preempted", "reason": "the worker's time limit is near"} for end in ends)
    kept, = recorded.query(site.database, "SELECT step FROM checkpoint WHERE state = 'kept'")
    second = site.machine("second", "--slots", 1)
    began = wait_until(lambda: len(site.attempts()) == len(ends) + 1 and site.attempts("began")[-1]["began"])
    assert began.startswith(f"continued after step {kept['step']},")
    second.worker.signal(signal.SIGTERM)
    second.worker.wait(code=0)
    # one that has hardly any time takes nothing at all
    before = len(site.attempts())
    third = site.machine("third", "--slots", 1, "--time-limit", 0.01)
    third.worker.wait(code=0)
    assert len(site.attempts()) == before


def test_a_machine_on_which_nothing_works_ends_its_worker(place, programs):
    """A full disk, as far as its spool is concerned: jobs go back, others run them, and it says why it ends."""
    site = Site(place, programs, epochs=1, seeds=8)
    full = site.machine("full", "--slots", 1, env=fault(place, "open", "job.yaml", "ENOSPC", at="1-"))
    full.worker.wait(code=1)
    assert "No space left" in full.worker.stderr() and "could not run here" in full.worker.stderr()
    refused = site.attempts("outcome, reason")
    assert [row["outcome"] for row in refused] == ["refused"] * 6 and "No space left" in refused[0]["reason"]
    site.machine("good", "--slots", 2)
    site.finish(8)


def test_a_runner_killed_by_a_signal(place, programs):
    site = Site(place, programs, epochs=ENDLESS, seeds=1)
    machine = site.machine("first", "--slots", 1)
    site.training(1)
    processes.kill(machine.runners()[0], signal.SIGABRT)
    failed = wait_until(lambda: [row for row in site.attempts("outcome, reason, peak_memory_bytes")
                                 if row["outcome"] == "failed"])[0]
    assert "killed by SIGABRT" in failed["reason"] and "epoch" in failed["reason"], failed
    assert "SIGABRT" in site.client("explain", "j1")


def quarantined(site):
    return [row for row in json.loads(site.client("workers", "--format", "json")) if row["state"] == "quarantined"]


def test_a_worker_on_which_jobs_fail_that_pass_elsewhere(place, programs):
    """It gets no more jobs until somebody trusts it again; nothing is lost by it."""
    site = Site(place, programs, epochs=60, seeds=10)
    bad = site.machine("bad", "--slots", 1)
    site.training(1)  # so it is worker 1

    def shoot(condition):
        for pid in bad.runners():
            processes.kill(pid, signal.SIGABRT)
        return recorded.query(site.database, condition)

    wait_until(lambda: shoot("SELECT 1 FROM attempt WHERE outcome = 'failed'"))
    good = site.machine("good", "--slots", 1)
    wait_until(lambda: shoot("SELECT 1 FROM worker WHERE drained = 'quarantined'"), 300, "a quarantine")
    row, = quarantined(site)
    named = re.fullmatch(r"((?:j\d+,?){3,}) failed here one after the other and passed elsewhere", row["drain_reason"])
    assert row["worker"] == 1 and named, row
    assert "worker 1 on" in site.coordinator.stderr() and "is quarantined and gets no more jobs" in site.coordinator.stderr()
    outcomes = recorded.query(site.database, "SELECT worker, outcome, 'j' || job AS job FROM attempt WHERE outcome <> 'running'")
    for job in named.group(1).split(","):
        assert {(1, "failed"), (2, "done")} <= {(one["worker"], one["outcome"]) for one in outcomes if one["job"] == job}
    site.finish(10)
    assert not bad.runners() and bad.worker.process.poll() is None
    good.worker.signal(signal.SIGTERM)
    good.worker.wait(code=0)
    (site.place / "s.yaml").write_text((site.place / "s.yaml").read_text().replace("seeds: 10", "seeds: 12"))
    site.client("submit", "s.yaml", "--yes")
    assert "every connected worker is drained or quarantined" in " ".join(site.client("explain", "j11").split())
    site.client("drain", 1, "--undo")
    site.finish(12)
    assert [one["worker"] for one in recorded.query(
        site.database, "SELECT worker FROM attempt WHERE job > 10")] == [1, 1]
    assert [(one["kind"], one["worker"]) for one in recorded.query(
        site.database, "SELECT kind, worker FROM event WHERE kind IN ('quarantined', 'drain_undone') ORDER BY id")] == [
            ("quarantined", 1), ("drain_undone", 1)]


@pytest.mark.seconds(2400 if LONG else 900)
def test_cores_that_others_use_too(place, programs):
    """Two trainings on two cores while others burn both: no lease is lost, no heartbeat comes late."""
    seconds = 1800 if LONG else 25
    options = () if LONG else ("--lease-ms", 15000, "--heartbeat-ms", 500)
    site = Site(place, programs, epochs=ENDLESS, seeds=2, options=options)
    machine = site.machine("first", "--slots", 2)
    site.training(2)
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"], preexec_fn=processes.die_with_parent)
               for _ in range(2)]
    try:
        end = time.monotonic() + seconds
        oldest = 0
        while time.monotonic() < end:  # as long as the load is to last, whatever the machine's speed
            time.sleep(1)
            answer = site.client("workers", "--format", "json", code=None)  # none where the load let it wait too long
            oldest = max([oldest] + [row["heartbeat_age_s"] for row in json.loads(answer or "[]")])
        assert [row["outcome"] for row in site.attempts()] == ["running"] * 2
        assert len(machine.runners()) == 2
        print(f"{seconds} s of load: no lease lost, the oldest heartbeat was {oldest} s old")
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    assert not re.search(r"\bended\b|silent", site.coordinator.stderr())  # leases may well be extended
