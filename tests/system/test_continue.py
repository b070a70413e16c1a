"""Trainings that are interrupted end with the bits of one that was not."""

import re
import signal

import pytest

import recorded
from interruption import Site
from processes import wait_until

STEPS = 1200
SWEEP = """
name: interrupted
dataset: {name: glyphs, train_count: 1000}
model: mnist-cnn
train: {epochs: 60, batch: 50, lr: 0.01, momentum: 0.9}
grid: {lambda: [1], k: [0.05], sigma: [0.1]}
seeds: 1
test: {sigma: [0, 0.3]}
run: {checkpoint_s: 0.05, max_attempts: 1000}
"""
SEED = 20240607


@pytest.fixture
def make_site(place, programs):
    return lambda name, sweep=SWEEP, lease_ms=2000: Site(place, name, programs, sweep, STEPS, lease_ms=lease_ms)


def test_killed_at_ten_random_moments(make_site):
    """Runner, worker or coordinator, by SIGKILL, and the worker by SIGTERM."""
    undisturbed = make_site("undisturbed")
    wanted = undisturbed.finish()
    undisturbed.stop()
    site = make_site("disturbed")
    last = site.disturb([site.kill_runner] * 3 + [site.kill_worker] * 3 + [site.kill_coordinator] * 3
                        + [site.stop_worker], SEED)
    assert site.finish() == wanted
    outcomes = site.outcomes()
    assert outcomes[-1] == "done" and set(outcomes[:-1]) <= {"failed", "lost", "preempted"}
    # A blow may hit before a runner has started again; the others each took an attempt.
    assert len(outcomes) >= 4
    step, = re.findall(r"continuing after step (\d+)", site.logs()[-1])
    assert int(step) >= last // 2
    assert not site.checkpoints()


def test_a_stopped_worker_loses_no_step(make_site):
    site = make_site("stopped", SWEEP.replace("checkpoint_s: 0.05", "checkpoint_s: 10000"), lease_ms=60000)
    wait_until(lambda: recorded.query(site.database, "SELECT 1 FROM epoch_metric WHERE epoch = 2"))
    assert not site.checkpoints()
    site.worker.signal(signal.SIGTERM)
    site.worker.wait(code=0)
    step = site.step()
    assert site.outcomes() == ["preempted"] and step >= 40
    site.start_worker()
    measured = site.finish()
    assert f"continuing after step {step}," in site.logs()[-1]
    # All epochs are the last attempt's, those that the first one trained too.
    assert [row["epoch"] for row in measured["epochs"]] == list(range(1, 61))
    assert site.outcomes() == ["preempted", "done"]


def test_a_damaged_checkpoint_is_reported_and_the_one_before_used(make_site):
    site = make_site("damaged")
    wait_until(lambda: len(site.checkpoints()) >= 2)
    site.kill_worker_for_good()
    before, newest = int(site.checkpoints()[-2].stem), site.checkpoints()[-1]
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)
    site.start_worker()
    site.finish()
    log = next(log for log in site.logs() if f"{newest.name} is not continued: its digest does not match" in log)
    assert f"continuing after step {before}," in log


def test_another_cpu_class_begins_anew_unless_told(start_program, run_program, place):
    job = place / "job.yaml"
    job.write_text("dataset: {name: glyphs, train_count: 100}\nmodel: mnist-cnn\n"
                   "train: {steps: 100000, batch: 10}\ntest: {sigma: [0]}\n")
    kept = place / "kept"
    if "kernels: generic" in run_program("lipsweep-worker", "--version", code=0).stdout:
        pytest.skip("this machine has one CPU class alone")
    runner = start_program("lipsweep-worker", "train", job, "-o", place / "out", "--checkpoints", kept,
                           "--checkpoint-s", 0.05)
    wait_until(lambda: list(kept.glob("*.checkpoint")))
    runner.signal(signal.SIGTERM)
    assert runner.wait() == 130
    step = max(int(path.stem) for path in kept.glob("*.checkpoint"))
    for options, words in (([], "is not continued: it was written on another CPU class"),
                           (["--continue-any"], f"continuing after step {step},")):
        other = start_program("lipsweep-worker", "train", job, "-o", place / "out", "--checkpoints", kept,
                              "--checkpoint-s", 10000, *options, env={"LIPSWEEP_KERNEL_LEVEL": "generic"})
        wait_until(lambda: words in other.stderr())
        other.kill()
