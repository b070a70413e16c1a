"""A real worker against a coordinator that the test plays (coordinator.py): what the tests of it share."""

import re

import pytest

import processes
from coordinator import Coordinator, endpoint_in
from processes import descendants, wait_until

SHORT = """
dataset: {name: glyphs, train_count: 300}
model: mnist-cnn
loss: {lambda: 1, k: 0.1, sigma: 0.1}
train: {epochs: 2, batch: 100}
seed: 1
test: {sigma: [0, 0.4]}
"""
LONG = SHORT.replace("epochs: 2", "epochs: 100000")


@pytest.fixture
def coordinator(place):
    with Coordinator(place) as coordinator:
        yield coordinator


@pytest.fixture
def start_worker(start_program, place):
    def start(*arguments, slots=1, env=None):
        return start_program("lipsweep-worker", "--connect", endpoint_in(place), "--slots", slots,
                             "--spool", place / "spool", *arguments, env=env)
    return start


def runners(worker):
    return [pid for pid in descendants(worker.pid) if "train" in processes.command(pid)]


def running(job):
    return lambda heartbeat: any(p.attempt.job == job and p.phase == 1 for p in heartbeat.running)


def start_busy(coordinator, start_worker):
    """A worker with one job under way."""
    worker = start_worker()
    coordinator.expect_hello()
    attempt = coordinator.lease(LONG)
    coordinator.expect_heartbeat(running(attempt.job))
    return worker, attempt


def spooled(place):
    return sorted(path for path in (place / "spool").glob("*/*/result.pb"))


def away_with_a_result(worker, place, job=SHORT):
    """A job is leased, its coordinator goes away, the result lies on disk. Returns the attempt."""
    with Coordinator(place) as coordinator:
        coordinator.expect_hello()
        attempt = coordinator.lease(job)
        coordinator.expect_heartbeat(lambda h: h.running)
    wait_until(lambda: spooled(place))
    wait_until(lambda: re.search("is away|is silent", worker.stderr()))  # whichever it notices first
    return attempt
