"""How the real worker ends: asked to, killed, refused, or with nothing to do."""

import os
import signal
import time

from one_worker import (  # noqa: F401 (fixtures)
    LONG, SHORT, coordinator, runners, running, start_busy, start_worker)
from coordinator import endpoint_in
from processes import alive, wait_until
from wire import PROTOCOL


def test_sigterm_hands_leases_back(coordinator, start_worker, place):
    worker = start_worker(slots=2)
    coordinator.expect_hello()
    attempts = [coordinator.lease(LONG) for _ in range(2)]
    for attempt in attempts:
        coordinator.expect_heartbeat(running(attempt.job))
    children = runners(worker)
    worker.signal(signal.SIGTERM)
    for attempt in attempts:
        assert coordinator.expect_release(attempt).outcome == 4
    coordinator.receive("goodbye")
    worker.wait(code=0)
    assert len(children) == 2 and not any(map(alive, children))
    assert [path.name for path in (place / "spool").iterdir()] == ["checkpoints"]
    # The two jobs are one training: one of them kept it.
    assert len(list((place / "spool/checkpoints").glob("*/*.checkpoint"))) == 1


def test_a_signal_to_the_whole_group_fails_no_attempt(coordinator, start_worker):
    """As Ctrl-C on a terminal does, also while runners are just being started."""
    worker = start_worker(slots=4)
    coordinator.expect_hello()
    attempts = [coordinator.lease(LONG) for _ in range(2)]
    for attempt in attempts:
        coordinator.expect_heartbeat(running(attempt.job))
    attempts += [coordinator.lease(LONG) for _ in range(2)]
    wait_until(lambda: len(runners(worker)) == 4)
    os.killpg(worker.pid, signal.SIGINT)
    for attempt in attempts:
        assert coordinator.expect_release(attempt).outcome == 4
    worker.wait(code=0)


def test_a_second_signal_ends_it_at_once(coordinator, start_worker):
    worker, attempt = start_busy(coordinator, start_worker)
    child, = runners(worker)
    worker.signal(signal.SIGINT)
    coordinator.receive("release")  # and no acknowledgement
    worker.signal(signal.SIGINT)
    worker.wait(code=130)
    wait_until(lambda: not alive(child))


def test_a_worker_without_acknowledgements_stops_all_the_same(coordinator, start_worker):
    worker, attempt = start_busy(coordinator, start_worker)
    worker.signal(signal.SIGTERM)
    coordinator.receive("release")
    worker.wait(code=0)


def test_a_goodbye_waits_for_a_release_that_is_late(coordinator, start_worker):
    """As on a slow line: a job that is not handed back before counts as lost."""
    worker, attempt = start_busy(coordinator, start_worker)
    worker.signal(signal.SIGTERM)
    coordinator.receive("release")
    end = time.monotonic() + 5
    while time.monotonic() < end:  # longer than a round trip with a piece of a checkpoint before it takes
        coordinator.expect_heartbeat()
    assert worker.running() and not [e for e in coordinator.backlog if e.WhichOneof("body") == "goodbye"]
    coordinator.send(release_ack=dict(attempt=attempt))
    coordinator.receive("goodbye")
    worker.wait(code=0)


def test_no_runner_outlives_a_killed_worker(coordinator, start_worker):
    worker = start_worker(slots=2)
    coordinator.expect_hello()
    for _ in range(2):
        coordinator.expect_heartbeat(running(coordinator.lease(LONG).job))
    children = runners(worker)
    worker.kill()
    assert len(children) == 2
    wait_until(lambda: not any(map(alive, children)))


def test_another_protocol_ends_the_worker(coordinator, start_worker):
    worker = start_worker()
    envelope = coordinator.receive("hello")
    coordinator.send(request=envelope.request, refused=dict(code=1, reason="that is too old", protocol=PROTOCOL + 1))
    worker.wait(code=4)
    assert f"version {PROTOCOL + 1}" in worker.stderr() and f"version {PROTOCOL}" in worker.stderr()


def test_count_and_idle_timeout_end_it(coordinator, start_worker):
    worker = start_worker("--count", 1, slots=2)
    coordinator.expect_hello()
    assert coordinator.expect_heartbeat().free_slots == 1
    coordinator.expect_result(coordinator.lease(SHORT))
    worker.wait(code=0)
    idle = start_worker("--idle-timeout", "5")
    coordinator.expect_hello()
    coordinator.receive("goodbye")
    idle.wait(code=0)


def test_nobody_there_within_the_idle_timeout(start_worker, place):
    endpoint_in(place)
    worker = start_worker("--idle-timeout", "0.3")
    worker.wait(code=3)
    assert "no coordinator at" in worker.stderr()
