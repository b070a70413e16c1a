"""`submit`, `run` and the coordinator, interrupted at seeded moments by SIGKILL, SIGINT and SIGTERM: whoever goes on
afterwards ends with a complete sweep, and nothing in it twice.

8 moments here; 50, which is what the project promises, with

    LIPSWEEP_LONG=1 python3 -m pytest -s tests/system/test_interruptions.py"""

import os
import random
import signal
import time

import pytest

import recorded
from processes import wait_until

LONG = bool(os.environ.get("LIPSWEEP_LONG"))
MOMENTS = 50 if LONG else 8
SEED = 20241122
JOBS = 4
SWEEP = """\
name: broken
dataset: {name: glyphs, train_count: 100}
model: mnist-cnn
train: {epochs: 1, batch: 50, lr: 0.05}
grid: {lambda: [0.5], k: [0.1], sigma: [0.1, 0.2]}
baseline: false
seeds: 2
test: {sigma: [0, 0.3], seed: 1}
run: {max_attempts: 1000}
"""
SIGNALS = [signal.SIGKILL, signal.SIGINT, signal.SIGTERM]
ONCE = """SELECT (SELECT count(*) FROM sweep) AS sweeps, (SELECT count(*) FROM job) AS jobs,
    (SELECT count(DISTINCT job_hash) FROM job) AS hashes, (SELECT count(*) FROM training) AS trainings,
    (SELECT count(*) FROM event WHERE kind = 'done') AS done,
    (SELECT count(*) FROM attempt WHERE outcome = 'done') AS results, (SELECT count(*) FROM accuracy) AS accuracies"""


class Site:
    """One database and what works on it, started anew for each moment."""

    def __init__(self, folder, programs):
        folder.mkdir(mode=0o700)
        self.folder, self.programs = folder, programs
        self.database, self.endpoint, self.file = folder / "b.db", f"ipc://{folder}/c", folder / "broken.yaml"
        self.file.write_text(SWEEP)

    def start_coordinator(self):
        coordinator = self.programs.start("lipsweep-coordinator", "--db", self.database, "--listen", self.endpoint,
                                          "--lease-ms", 2000, "--heartbeat-ms", 200)
        wait_until(lambda: "listening" in coordinator.stderr(), what="the coordinator")
        return coordinator

    def start_worker(self):
        return self.programs.start("lipsweep-worker", "--connect", self.endpoint, "--slots", 2,
                                   "--spool", self.folder / "spool")

    def start_submit(self):
        return self.programs.start("lipsweep", "submit", self.file, "--connect", self.endpoint, "--yes")

    def start_run(self):
        return self.programs.start("lipsweep", "run", self.file, "--db", self.database, "--slots", 2, "--quiet", "--yes")

    def check(self):
        """Complete, and each result there once."""
        self.programs.run("lipsweep", "verify", "broken", "--db", self.database, code=0)
        recorded.assert_all_done_once(self.database, JOBS)
        once, = recorded.query(self.database, ONCE)
        assert once == {"sweeps": 1, "jobs": JOBS, "hashes": JOBS, "trainings": JOBS, "done": JOBS, "results": JOBS,
                        "accuracies": 2 * JOBS}


def interrupt(program, number, after_s):
    """The program may have ended by itself: a moment like any other."""
    time.sleep(after_s)
    if program.running():
        program.signal(number)
    return program.wait(timeout=120)


def run(site, number, after_s):
    interrupt(site.start_run(), number, after_s)
    site.start_run().wait(code=0)


def submit(site, number, after_s):
    coordinator, worker = site.start_coordinator(), site.start_worker()
    interrupt(site.start_submit(), number, after_s)
    site.start_submit().wait(code=0)
    finish(site, coordinator, worker)


def coordinator(site, number, after_s):
    first, worker = site.start_coordinator(), site.start_worker()
    site.start_submit().wait(code=0)
    interrupt(first, number, after_s)
    finish(site, site.start_coordinator(), worker)


def finish(site, coordinator, worker):
    site.programs.run("lipsweep", "wait", "broken", "--connect", site.endpoint, code=0)
    for program in worker, coordinator:
        program.signal(signal.SIGTERM)
        program.wait(code=0)


def undisturbed_s(place, programs):
    """How long each takes by itself: where moments may lie. Nothing is asserted about it."""
    site = Site(place / "u", programs)
    start = time.monotonic()
    site.start_run().wait(code=0)
    run_s = time.monotonic() - start
    site.check()
    site = Site(place / "v", programs)
    coordinator = site.start_coordinator()
    start = time.monotonic()
    site.start_submit().wait(code=0)
    submit_s = time.monotonic() - start
    coordinator.kill()
    return {run: run_s, submit: submit_s, "coordinator": run_s}


@pytest.mark.seconds(120 * MOMENTS)
def test_interrupted_at_seeded_moments(place, programs):
    longest_s = undisturbed_s(place, programs)
    for moment in range(MOMENTS):
        victim, number = (run, submit, coordinator)[moment % 3], SIGNALS[moment // 3 % 3]
        share = random.Random(SEED + moment).random()
        after_s = share * longest_s.get(victim, longest_s["coordinator"])
        site = Site(place / f"m{moment}", programs)
        victim(site, number, after_s)
        site.check()
        if LONG:
            attempts, = recorded.query(site.database, "SELECT count(*) AS n FROM attempt")
            print(f"\nmoment {moment}: {victim.__name__}, {number.name} at {100 * share:.0f} %, {after_s:.2f} s: complete, "
                  f"{attempts['n']} attempts", end="")
