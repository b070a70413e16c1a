"""Jobs that no worker is large enough for are named, with what they need; the others run."""

import re

import pytest

import recorded
from coordinator import endpoint_in
from made_images import write_cifar
from processes import TIME_FACTOR, wait_until
from wire import messages

# 110 layers on 10,000 images at once: hundreds of gigabytes, computed without touching them.
SWEEP = """
name: huge
dataset: {name: glyphs, train_count: 10000}
model: preresnet110
train: {steps: 2, batch: 10000}
grid: {lambda: [0]}
seeds: 2
test: {sigma: [0]}
"""
WORDS = r"need[s]? (\d+\.\d\d) GiB.*the largest worker has (\d+\.\d\d) GiB"


def test_a_job_larger_than_every_worker_is_named_at_once(start_program, run_program, place):
    (place / "s.yaml").write_text(SWEEP)
    database, endpoint = place / "s.db", endpoint_in(place)
    daemon = start_program("lipsweep-coordinator", "--db", database, "--listen", endpoint)
    wait_until(lambda: "listening" in daemon.stderr())
    (place / "t.yaml").write_text(SWEEP.replace("huge", "small").replace("preresnet110", "mnist-cnn")
                                  .replace("batch: 10000", "batch: 100"))
    for file in "s.yaml", "t.yaml":
        run_program("lipsweep", "submit", place / file, "--connect", endpoint, "--yes", code=0)
    start_program("lipsweep-worker", "--connect", endpoint, "--slots", 1, "--spool", place / "spool")
    huge = "SELECT id FROM job WHERE model = 'preresnet110' ORDER BY id"
    # Two jobs of the same shape: one refusal tells for both.
    wait_until(lambda: recorded.query(database, "SELECT 1 FROM attempt WHERE outcome = 'refused'"))
    first, second = (row["id"] for row in recorded.query(database, huge))
    for job in first, second:
        told = run_program("lipsweep", "explain", f"j{job}", "--connect", endpoint, code=0).stdout
        needed, there = map(float, re.search(WORDS, told).groups())
        assert needed > there > 0
    status = run_program("lipsweep", "status", "--connect", endpoint, code=0).stdout
    assert re.search(rf"huge: j{first} and 1 more {WORDS}", status), status
    watch = start_program("lipsweep", "watch", "huge", "--connect", endpoint)
    wait_until(lambda: re.search(rf"huge: j{first} and 1 more {WORDS}", watch.stdout() + watch.stderr()))
    watch.kill()
    assert [row["outcome"] for row in recorded.query(
        database, "SELECT outcome FROM attempt WHERE job IN (?, ?)", first, second)] == ["refused"]
    # What fits is done; the second huge one was offered to nobody.
    wait_until(lambda: recorded.job_count(database, "done") == 2)
    rows = recorded.query(database, "SELECT DISTINCT h.memory_bytes AS computed, a.peak_memory_bytes AS peak FROM job j "
                          "JOIN job_shape h ON h.id = j.shape JOIN attempt a ON a.job = j.id AND a.outcome = 'done' "
                          "WHERE j.model = 'mnist-cnn'")
    assert rows and all(0 < row["peak"] <= row["computed"] * 1.05 for row in rows)


JOB = """
dataset: {path: FOLDER, format: cifar, classes: 10, augment: {crop_padding: 4, flip: true}}
model: MODEL
loss: {lambda: 1, k: 0.05, sigma: 0.1}
train: {steps: 1, batch: 128, lr: 0.01, momentum: 0.9}
test: {sigma: [0, 0.1]}
"""


@pytest.mark.skipif(TIME_FACTOR > 1, reason="sanitizers take memory of their own")
@pytest.mark.parametrize("model", ["resnet20", "preresnet20"])
def test_what_is_computed_is_what_is_taken(run_program, place, model):
    """Within 5 % of the process's peak; tests/bench/memory.py has the real data sets and larger images."""
    write_cifar(place / "images")
    (place / "job.yaml").write_text(JOB.replace("FOLDER", str(place / "images")).replace("MODEL", model))
    told = run_program("lipsweep-worker", "measure", place / "job.yaml", "--memory-only", code=0).stdout
    names, values = (line.split("\t") for line in told.splitlines()[:2])
    computed = int(dict(zip(names, values))["memory_bytes"])
    run_program("lipsweep-worker", "train", place / "job.yaml", "-o", place / "out", code=0)
    taken = messages.Result.FromString((place / "out/result.pb").read_bytes()).peak_memory_bytes
    assert abs(computed / taken - 1) <= 0.05, f"{computed} computed, {taken} taken"
