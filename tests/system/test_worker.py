"""The real worker's leases and results, against a coordinator that the test plays."""

import math
import os
import pathlib
import re
import shutil

import pytest

import processes
from coordinator import Coordinator
from one_worker import (  # noqa: F401 (fixtures)
    LONG, SHORT, coordinator, runners, running, spooled, start_busy, start_worker)
from processes import alive, wait_until
from wire import PROTOCOL

STANDARD = SHORT.replace("lambda: 1, k: 0.1, sigma: 0.1", "lambda: 0").replace("epochs: 2", "epochs: 1")


def test_a_lease_becomes_a_result(coordinator, start_worker, place):
    worker = start_worker(slots=2)
    hello = coordinator.expect_hello()
    assert (hello.protocol, hello.slots, hello.threads, hello.pid) == (PROTOCOL, 2, 1, worker.pid)
    assert len(hello.instance) == 16 and hello.build and hello.host and hello.cpu_class
    assert hello.cpu_count >= 1 and hello.memory_bytes > 1 << 26
    heartbeat = coordinator.expect_heartbeat()
    assert heartbeat.free_slots == 2 and not heartbeat.running
    attempt = coordinator.lease(SHORT)
    busy = coordinator.expect_heartbeat(lambda h: h.running)
    assert busy.free_slots == 1 and busy.running[0].attempt == attempt
    assert busy.running[0].memory_bytes > 0
    epochs = [coordinator.receive("epoch_report").epoch_report for _ in range(2)]
    assert [e.metric.epoch for e in epochs] == [1, 2] and all(e.attempt == attempt for e in epochs)
    result = coordinator.expect_result(attempt, acknowledge=False)
    assert (result.outcome, result.reason) == (1, "")
    assert [e.metric for e in epochs] == list(result.epochs)
    assert [a.test_sigma for a in result.accuracies] == [0, 0.4]
    assert [q.test_sigma for q in result.quotients] == [0.4]
    assert all(len(a.margin_percentile) == 6 and 0 < a.accuracy < 1 for a in result.accuracies)
    assert result.step_count == 6 and len(result.weights_digest) == 64 and len(result.train_hash) == 32
    assert result.peak_memory_bytes > 1 << 20 and result.host and result.build == hello.build
    # Kept, and its lease renewed, until it is acknowledged.
    assert len(spooled(place)) == 1
    waiting = coordinator.expect_heartbeat(lambda h: h.running and h.running[0].phase == 3)
    assert waiting.free_slots == 2
    log = b""  # on a slow machine it comes in pieces
    while b"epoch 2: loss" not in log:
        chunk = coordinator.receive("log_chunk").log_chunk
        assert chunk.offset in (0, len(log))
        log = log[:chunk.offset] + chunk.text
    coordinator.acknowledge(result)
    wait_until(lambda: not spooled(place))
    coordinator.expect_heartbeat(lambda h: not h.running and h.free_slots == 2)


def test_standard_training_has_no_lipschitz_numbers(coordinator, start_worker):
    start_worker()
    coordinator.expect_hello()
    result = coordinator.expect_result(coordinator.lease(STANDARD))
    assert result.outcome == 1
    assert math.isnan(result.epochs[0].lipschitz_loss) and math.isnan(result.epochs[0].active_share)
    assert math.isnan(result.quotients[0].share_over_k)


def test_the_slot_or_another_worker_does_not_change_a_bit(coordinator, start_worker):
    start_worker(slots=2)
    coordinator.expect_hello()
    attempts = [coordinator.lease(SHORT) for _ in range(2)]
    results = [coordinator.expect_result(attempt) for attempt in attempts]
    assert len({result.weights_digest for result in results}) == 1
    assert len({result.accuracies[1].SerializeToString() for result in results}) == 1


def test_progress_rises_while_it_trains(coordinator, start_worker):
    start_worker()
    coordinator.expect_hello()
    attempt = coordinator.lease(LONG)
    first = coordinator.expect_heartbeat(running(attempt.job)).running[0]
    coordinator.expect_heartbeat(
        lambda h: running(attempt.job)(h) and h.running[0].counter > first.counter and h.running[0].images_per_s > 0)
    assert first.epoch_count == 100000


def test_a_killed_runner_is_a_failed_attempt_and_the_slot_is_usable_again(coordinator, start_worker):
    worker, attempt = start_busy(coordinator, start_worker)
    runner, = runners(worker)
    processes.kill(runner)
    result = coordinator.expect_result(attempt)
    assert result.outcome == 2 and "SIGKILL" in result.reason and "lipsweep-worker: info" in result.reason
    assert result.peak_memory_bytes > 1 << 20
    # Nothing new for a moment, or a worker on which everything fails would eat the sweep.
    coordinator.expect_heartbeat(lambda h: not running(attempt.job)(h) and h.free_slots == 0)
    coordinator.expect_heartbeat(lambda h: h.free_slots == 1)
    assert coordinator.expect_result(coordinator.lease(SHORT, job=attempt.job, attempt=2)).outcome == 1


def test_divergence_is_an_outcome_of_its_own(coordinator, start_worker):
    start_worker()
    coordinator.expect_hello()
    wild = SHORT.replace("batch: 100", "batch: 100, lr: 1000")
    result = coordinator.expect_result(coordinator.lease(wild))
    assert result.outcome == 3 and re.search("epoch [12], step [0-9]", result.reason)
    assert coordinator.expect_heartbeat(lambda h: not h.running).free_slots == 1


def test_an_attempt_that_is_over_is_killed_and_forgotten(coordinator, start_worker, place):
    worker, attempt = start_busy(coordinator, start_worker)
    runner, = runners(worker)
    coordinator.send(attempt_over=dict(attempt=attempt, reason="cancelled"))
    coordinator.expect_heartbeat(lambda h: not h.running and h.free_slots == 1)
    assert not alive(runner)
    assert not list((place / "spool").glob("*/j*"))
    assert coordinator.expect_result(coordinator.lease(SHORT)).outcome == 1


def test_a_lease_told_twice_runs_once(coordinator, start_worker):
    worker = start_worker(slots=2)
    coordinator.expect_hello()
    attempt = coordinator.lease(LONG)
    coordinator.send(lease=dict(attempt=attempt, sweep="test", description=LONG))
    coordinator.expect_heartbeat(running(attempt.job))
    assert len(runners(worker)) == 1
    assert coordinator.expect_heartbeat().free_slots == 1


def test_a_missing_data_set_is_refused_not_failed(coordinator, start_worker, place):
    start_worker("--data", place)
    coordinator.expect_hello()
    release = coordinator.expect_release(coordinator.lease(SHORT.replace("glyphs", "mnist")))
    assert release.outcome == 5 and "mnist" in release.reason


def test_another_copy_of_the_data_is_refused(coordinator, start_worker):
    start_worker()
    coordinator.expect_hello()
    release = coordinator.expect_release(coordinator.lease(
        SHORT.replace("name: glyphs", f"name: glyphs, digest: {'ab' * 32}")))
    assert release.outcome == 5 and "digest" in release.reason


def test_a_job_that_does_not_fit_is_refused_with_the_numbers(coordinator, start_worker):
    """Jobs of which each takes gigabytes, more of them than there is memory for."""
    worker = start_worker(slots=64)
    coordinator.expect_hello()
    big = LONG.replace("train_count: 300", "train_count: 10000").replace("batch: 100", "batch: 10000")
    coordinator.lease(big)
    before = coordinator.expect_heartbeat(lambda h: h.running)
    release = None
    for _ in range(62):  # other programs take and give memory meanwhile, so it is not known how many
        attempt = coordinator.lease(big)
        seen = coordinator.receive("release", "heartbeat", where=lambda e: e.WhichOneof("body") == "release" or any(
            p.attempt.job == attempt.job for p in e.heartbeat.running))
        if seen.WhichOneof("body") == "release":
            release = seen.release
            break
    if not release:
        pytest.skip("too much memory for this test")
    worker.kill()
    # It would fit alone: put off, with what it needs.
    assert release.outcome == 4
    assert release.memory_bytes == before.running[0].memory_bytes > 1 << 28
    assert re.search(r"needs \d+ MiB of memory, \d+ of \d+ MiB are free beside the \d+ running jobs", release.reason)


def test_a_job_larger_than_the_worker_is_refused_for_good(coordinator, start_worker):
    start_worker()
    memory = coordinator.expect_hello().memory_bytes
    release = coordinator.expect_release(coordinator.lease(
        SHORT.replace("train_count: 300", "train_count: 10000").replace("batch: 100", "batch: 10000")
        .replace("mnist-cnn", "preresnet110")))
    assert release.outcome == 5 and release.memory_bytes > memory
    # That is no fault of its own: it takes the next one at once.
    assert coordinator.expect_result(coordinator.lease(SHORT)).outcome == 1


def test_a_spool_that_was_deleted_costs_no_worker(coordinator, start_worker, place):
    worker, attempt = start_busy(coordinator, start_worker)
    runner, = runners(worker)
    shutil.rmtree(place / "spool")
    processes.kill(runner)
    assert coordinator.expect_result(attempt).outcome == 2
    coordinator.expect_heartbeat(lambda h: h.free_slots == 1)
    release = coordinator.expect_release(coordinator.lease(SHORT))
    assert release.outcome == 5 and "spool" in release.reason
    assert worker.running()


def test_loopback_tcp_behind_its_flag(place, start_program):
    with Coordinator(place, endpoint="tcp://127.0.0.1:*") as coordinator:
        start_program("lipsweep-worker", "--connect", coordinator.endpoint, "--slots", 1, "--spool", place / "spool",
                      "--insecure-loopback")
        coordinator.expect_hello()
        assert coordinator.expect_result(coordinator.lease(SHORT)).outcome == 1


def test_nonsense_from_the_coordinator_does_no_harm(coordinator, start_worker):
    worker = start_worker()
    coordinator.expect_hello()
    coordinator.socket.send_multipart([coordinator.peer, b"\xff\xff\xff"])
    coordinator.socket.send_multipart([coordinator.peer, b"", b"two frames"])
    release = coordinator.expect_release(coordinator.lease("lambda: [what"))
    assert release.outcome == 5
    coordinator.lease(SHORT, instance=b"x" * 16)  # somebody else's
    coordinator.send(attempt_over={})
    coordinator.send(result_ack={})
    coordinator.expect_heartbeat(lambda h: h.free_slots == 1)
    assert coordinator.expect_result(coordinator.lease(SHORT)).outcome == 1
    assert worker.running()


def test_a_runner_has_the_threads_asked_for(coordinator, start_worker, start_program, place):
    worker = start_worker("--threads", 3)
    assert coordinator.expect_hello().threads == 3
    attempt = coordinator.lease(LONG)
    coordinator.expect_heartbeat(running(attempt.job))
    runner, = runners(worker)
    arguments = processes.command(runner)
    assert arguments[arguments.index("--threads") + 1] == "3"
    (place / "job.yaml").write_text(LONG)
    counts = []
    for threads in 1, 3:
        alone = start_program("lipsweep-worker", "train", "job.yaml", "-o", f"out{threads}", "--threads", threads)
        wait_until(lambda: "epoch 1:" in alone.stderr())
        counts.append(len(os.listdir(f"/proc/{alone.pid}/task")))
        alone.kill()
    assert counts[1] == counts[0] + 2


def test_the_number_of_threads_changes_no_bit(run_program, place):
    (place / "job.yaml").write_text(SHORT)
    summaries = set()
    for threads in 1, 2, 3:
        out = run_program("lipsweep-worker", "train", "job.yaml", "-o", f"out{threads}", "--threads", threads,
                          code=0).stdout
        assert "weights" in out
        summaries.add(re.sub(r"(trained in|tested in|result in) \S+", "", out))
    assert len(summaries) == 1


def test_wrong_usage(run_program, place):
    for arguments, word in ([["--threads", "17"], "threads"], [["--slots", "0"], "slots"], [["x"], "x"],
                            [["--connect", "tcp://10.0.0.1:1"], "lipsweep key"],
                            [["--connect", "tcp://127.0.0.1:1"], "--insecure-loopback"],
                            [["train"], "job file"], [["train", "j.yaml"], "-o"]):
        result = run_program("lipsweep-worker", "--spool", place / "spool", *arguments) \
            if arguments[0] != "train" else run_program("lipsweep-worker", *arguments)
        assert result.returncode in (2, 4) and word in result.stderr, arguments
    assert "Example:" in run_program("lipsweep-worker", "--help", code=0).stdout
    assert "libzmq 4" in run_program("lipsweep-worker", "--version", code=0).stdout


def test_one_job_on_its_own(run_program, place):
    (place / "job.yaml").write_text(SHORT)
    result = run_program("lipsweep-worker", "train", "job.yaml", "-o", "out", code=0)
    assert "epoch 2: loss" in result.stderr and "0.4" in result.stdout
    assert pathlib.Path(place / "out" / "result.pb").exists()
    (place / "bad.yaml").write_text(SHORT.replace("model:", "modle:"))
    result = run_program("lipsweep-worker", "train", "bad.yaml", "-o", "out2", code=2)
    assert "bad.yaml:3:" in result.stderr and "modle" in result.stderr
    result = run_program("lipsweep-worker", "train", "none.yaml", "-o", "out3", code=4)
    assert "none.yaml" in result.stderr
