"""The real worker when its coordinator is not there, or was not: what it waits for, keeps and delivers later."""

from coordinator import Coordinator, endpoint_in
from one_worker import (  # noqa: F401 (fixtures)
    LONG, SHORT, away_with_a_result, coordinator, runners, running, spooled, start_worker)
from processes import wait_until


def test_waits_for_a_coordinator_and_says_so(start_worker, place):
    worker_endpoint = endpoint_in(place)
    worker = start_worker()
    said = f"no coordinator at {worker_endpoint} yet, waiting"
    wait_until(lambda: said in worker.stderr())
    with Coordinator(place) as coordinator:
        coordinator.expect_hello()
        assert coordinator.expect_result(coordinator.lease(SHORT)).outcome == 1
    assert worker.stderr().count(said) == 1


def test_a_restarted_coordinator_hears_what_runs(start_worker, place):
    worker = start_worker()
    with Coordinator(place) as first:
        instance = first.expect_hello().instance
        attempt = first.lease(LONG)
        first.expect_heartbeat(running(attempt.job))
        runner, = runners(worker)
    with Coordinator(place) as second:
        assert second.expect_hello().instance == instance
        assert second.expect_heartbeat(running(attempt.job)).running[0].attempt == attempt
        assert runners(worker) == [runner]


def test_who_are_you_is_answered_with_hello(coordinator, start_worker):
    start_worker()
    instance = coordinator.expect_hello().instance
    coordinator.send(who_are_you={})
    assert coordinator.expect_hello().instance == instance
    coordinator.expect_heartbeat()


def test_a_silent_coordinator_is_greeted_again(coordinator, start_worker):
    worker = start_worker()
    coordinator.silent = True
    coordinator.expect_hello()
    coordinator.expect_hello()
    assert "is silent" in worker.stderr()


def test_a_result_waits_for_a_coordinator_that_was_away(start_worker, place):
    worker = start_worker()
    attempt = away_with_a_result(worker, place)
    with Coordinator(place) as coordinator:
        coordinator.expect_hello()
        result = coordinator.expect_result(attempt, acknowledge=False)
        assert result.outcome == 1
        # Not acknowledged: it comes again.
        assert coordinator.expect_result(attempt) == result
        wait_until(lambda: not spooled(place))


def test_a_later_worker_delivers_what_a_killed_one_left(start_worker, place):
    worker = start_worker()
    attempt = away_with_a_result(worker, place)
    wait_until(lambda: not runners(worker))
    worker.kill()
    successor = start_worker()
    with Coordinator(place, database="/other.db") as coordinator:
        coordinator.expect_hello()
        coordinator.expect_heartbeat()
        assert len(spooled(place)) == 1  # not this database's: kept
    with Coordinator(place) as coordinator:
        hello = coordinator.expect_hello()
        assert hello.instance != attempt.instance
        result = coordinator.expect_result(attempt)
        assert result.outcome == 1 and result.attempt.instance == attempt.instance
        coordinator.receive("log_chunk")
        wait_until(lambda: not spooled(place))
    assert successor.running()


def test_two_workers_on_one_spool_keep_to_their_own(start_worker, place):
    worker = start_worker()
    away_with_a_result(worker, place)
    other = start_worker()
    with Coordinator(place) as coordinator:
        seen = set()
        while len(seen) < 2:
            seen.add(coordinator.expect_hello().pid)
        assert seen == {worker.pid, other.pid}
        coordinator.receive("result")
    assert "an earlier worker" not in other.stderr()


def test_a_damaged_result_is_set_aside(start_worker, place):
    worker = start_worker()
    away_with_a_result(worker, place)
    wait_until(lambda: not runners(worker))
    worker.kill()
    path, = spooled(place)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    successor = start_worker()
    with Coordinator(place) as coordinator:
        coordinator.expect_hello()
        coordinator.expect_heartbeat()
        assert coordinator.expect_result(coordinator.lease(SHORT, job=99)).outcome == 1
        assert not [e for e in coordinator.backlog if e.WhichOneof("body") == "result"]
    assert "damaged" in successor.stderr()
    kept, = (place / "spool" / "damaged").glob("j*/result.pb")
    assert kept.read_bytes() == bytes(data)
