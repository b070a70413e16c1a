"""Programs are killed with SIGKILL in the middle of a sweep; what the sweep records must not show it.

Every test compares, bit for bit, with a run that nobody disturbed: accuracies, confidences, quotients, epoch
metrics (their speed apart) and weights digests. The moments are drawn from a seed, in units of progress, not
of time, so that a slow machine meets them too.

LIPSWEEP_FAULT_SEEDS=1,2,3 draws other moments. LIPSWEEP_FAULT_SWEEP=FILE runs these tests on another sweep
(with LIPSWEEP_DATA and LIPSWEEP_TEST_TIME_FACTOR=30, say: mnist-table2 takes minutes)."""

import os
import pathlib
import random
import shutil
import tempfile
import time

import pytest

import recorded
from processes import GONE_S, TIME_FACTOR, alive, descendants, kill, program, wait_until
from programs import Programs

SWEEP = """\
name: faults
dataset: {name: glyphs, train_count: 1200}
model: mnist-cnn
train: {epochs: 6, batch: 50, lr: 0.05}
grid:
  lambda: [1]
  k: [0.05, 0.3]
  sigma: [0.1]
baseline: [standard, noise-augmentation]
seeds: 3
test: {sigma: [0, 0.4], seed: 1}
"""
SEEDS = [int(seed) for seed in os.environ.get("LIPSWEEP_FAULT_SEEDS", "1").split(",")]


def sweep_text():
    path = os.environ.get("LIPSWEEP_FAULT_SWEEP")
    if path:
        return pathlib.Path(path).read_text(encoding="utf-8")
    if TIME_FACTOR > 1:  # sanitizers: the same paths with less arithmetic
        return SWEEP.replace("train_count: 1200", "train_count: 300").replace("epochs: 6", "epochs: 2")
    return SWEEP


class Run:
    """`lipsweep run` on a database in `place`, and the processes below it."""

    def __init__(self, programs, slots=2, name="faults"):
        file = programs.place / f"{name}.yaml"
        file.write_text(sweep_text(), encoding="utf-8")
        self.db = programs.place / f"{name}.db"
        data = os.environ.get("LIPSWEEP_DATA")
        self.program = programs.start("lipsweep", "run", file, "--db", self.db, "--slots", slots, "--quiet", "--yes",
                                      *(("--data", data) if data else ()))

    def done(self):
        return recorded.job_count(self.db, "done")

    def finish(self):
        self.program.wait(code=0)

    def coordinator(self):
        return next((pid for pid in descendants(self.program.pid) if program(pid) == "lipsweep-coordinator"), None)

    def worker(self):
        return next((pid for pid in descendants(self.program.pid) if program(pid) == "lipsweep-worker"), None)

    def runners(self):
        worker = self.worker()
        return descendants(worker) if worker else []

    def wait_for(self, what, done=0):
        """Waits until `what` (a method) gives something while at least `done` jobs are done."""
        def ready():
            assert self.program.running(), f"the run ended too soon:\n{self.program.stderr()[-2000:]}"
            return self.done() >= done and what()
        return wait_until(ready, what=f"{what.__name__} with {done} jobs done")


def moment(seed):
    """Somewhere in the middle: after some jobs are done, a little into the next."""
    draw = random.Random(seed)
    return draw.randrange(1, 4), draw.uniform(0, 0.3)


@pytest.fixture(scope="module")
def undisturbed():
    """The measurements of a run in peace."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="lst", dir="/tmp"))
    programs = Programs(place)
    try:
        run = Run(programs)
        run.finish()
        measured = recorded.measurements(run.db)
        recorded.assert_all_done_once(run.db, len(measured))
        yield measured
    finally:
        programs.finish()
        shutil.rmtree(place, ignore_errors=True)


def assert_same(db, undisturbed):
    recorded.assert_all_done_once(db, len(undisturbed))
    measured = recorded.measurements(db)
    assert measured.keys() == undisturbed.keys()
    for key, expected in undisturbed.items():
        assert measured[key] == expected, f"{key} differs from the undisturbed run's"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("victim", ["runner", "worker", "coordinator"])
def test_a_killed_program_does_not_show_in_the_results(programs, undisturbed, victim, seed):
    run = Run(programs)
    done, delay = moment(f"{victim} {seed}")
    pick = {"runner": run.runners, "worker": run.worker, "coordinator": run.coordinator}[victim]
    run.wait_for(run.runners, done)
    time.sleep(delay)  # a seeded point inside the jobs that run now
    choice = random.Random(seed).choice

    def kill_one():
        found = pick()
        return found and kill(choice(found) if victim == "runner" else found)
    run.wait_for(kill_one)  # not one that was gone already
    assert run.done() < len(undisturbed), "the sweep was over before the kill: it tests nothing"
    run.finish()
    assert_same(run.db, undisturbed)


def test_every_program_killed_in_turn(programs, undisturbed):
    run = Run(programs)
    for done, pick in ((1, run.coordinator), (2, run.worker), (3, run.coordinator)):
        run.wait_for(run.runners, done)
        assert kill(run.wait_for(pick))
    run.finish()
    assert_same(run.db, undisturbed)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_run_leaves_nothing_and_continues_at_once(programs, undisturbed, seed):
    first = Run(programs)
    done, delay = moment(f"run {seed}")
    first.wait_for(first.runners, done)
    time.sleep(delay)
    first.wait_for(first.runners)
    below = descendants(first.program.pid)
    assert len(below) >= 2
    first.program.kill()
    assert first.done() < len(undisturbed)

    second = Run(programs)
    wait_until(lambda: not any(map(alive, below)), GONE_S, "the end of the killed run's processes")
    second.finish()
    assert "in use" not in second.program.stderr() + second.program.stdout()
    assert_same(second.db, undisturbed)


@pytest.mark.parametrize("slots", [1, 3])
def test_slots_do_not_shape_the_results(programs, undisturbed, slots):
    run = Run(programs, slots=slots)
    run.finish()
    assert_same(run.db, undisturbed)


def test_a_finished_sweep_is_shown_at_once(programs, undisturbed):
    first = Run(programs)
    first.finish()
    attempts = recorded.query(first.db, "SELECT job, number, outcome, ended_at FROM attempt ORDER BY 1, 2")
    again = Run(programs)
    again.finish()
    assert recorded.query(first.db, "SELECT job, number, outcome, ended_at FROM attempt ORDER BY 1, 2") == attempts
    assert_same(first.db, undisturbed)
