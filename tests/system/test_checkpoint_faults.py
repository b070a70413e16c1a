"""Every step of writing a checkpoint fails, or is the last one of the process: the training goes on, or continues from
the checkpoint before, and ends with the bits of one that nothing happened to."""

import os
import pathlib
import re
import tempfile

import pytest

import processes
from fault import fault, happened
from made_images import write_idx
from processes import wait_until
from wire import messages

JOB = """
dataset: {path: FOLDER, format: idx, classes: 10}
model: mnist-cnn
loss: {lambda: 1, k: 0.05, sigma: 0.1}
train: {steps: 500, batch: 20, lr: 0.01, momentum: 0.9}
test: {sigma: [0, 0.3]}
"""
# In the order of worker/disk.c. The folder's fsync follows the file's: of all in it, every second one.
TEMPORARY, FINAL, FOLDER = ".checkpoint.tmp", ".checkpoint", "/kept"


class Training:
    """One job, run by `lipsweep-worker train` with checkpoints in kept/."""

    def __init__(self, place, start_program, kept):
        self.place, self.start_program, self.kept = place, start_program, kept / "kept"
        if not (place / "images").exists():
            write_idx(place / "images")
        (place / "job.yaml").write_text(JOB.replace("FOLDER", str(place / "images")))

    def start(self, env=None):
        return self.start_program("lipsweep-worker", "train", self.place / "job.yaml", "-o", self.place / "out",
                                  "--checkpoints", self.kept, "--checkpoint-s", 0.01, env=env)

    def outcome(self):
        """All that no clock shapes."""
        result = messages.Result.FromString((self.place / "out/result.pb").read_bytes())
        return (result.weights_digest, [a.SerializeToString() for a in result.accuracies],
                [q.SerializeToString() for q in result.quotients], [e.loss for e in result.epochs])

    def finish(self, program):
        program.wait(code=0)
        return self.outcome()

    def steps(self):
        return sorted(int(path.stem) for path in self.kept.glob("*.checkpoint"))


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    """Of an undisturbed training; the first test computes it."""
    return {}


@pytest.fixture
def memory():
    """A folder whose fsync takes no time, or a busy disk would leave time for hardly one checkpoint."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        yield pathlib.Path(folder)


@pytest.fixture
def training(place, start_program, wanted, memory):
    training = Training(place, start_program, memory)
    if not wanted:
        wanted["outcome"] = training.finish(training.start())
        assert not training.kept.exists()
    return training


@pytest.mark.parametrize("call, part, what, at", [
    ("open", TEMPORARY, "ENOSPC", "2"), ("open", TEMPORARY, "EROFS", "1-"), ("open", TEMPORARY, "EMFILE", "2-"),
    ("write", TEMPORARY, "short", "2"), ("write", TEMPORARY, "short", "1-"), ("write", TEMPORARY, "ENOSPC", "2"),
    ("write", TEMPORARY, "EIO", "1-"), ("fsync", TEMPORARY, "EIO", "2"), ("fsync", TEMPORARY, "EIO", "2-"),
    ("close", TEMPORARY, "EIO", "2"), ("close", TEMPORARY, "ENOSPC", "1-"), ("rename", FINAL, "EIO", "2"),
    ("rename", FINAL, "ENOSPC", "1-"), ("fsync", FOLDER, "EIO", "4"), ("fsync", FOLDER, "EIO", "1-")])
def test_a_step_that_fails_costs_no_training(training, wanted, place, call, part, what, at):
    environment = fault(place, call, part, what, at)
    program = training.start(environment)
    assert training.finish(program) == wanted["outcome"]
    assert happened(environment) >= 1
    told = re.findall(r"no checkpoint after step \d+: cannot \w+ .*: .*; the training goes on", program.stderr())
    assert len(told) == (0 if what == "short" else happened(environment))
    assert not list(training.kept.glob("*.tmp"))


@pytest.mark.parametrize("call, part, what", [
    ("open", TEMPORARY, "ENOSPC"), ("write", TEMPORARY, "ENOSPC"), ("fsync", TEMPORARY, "EIO"),
    ("close", TEMPORARY, "EIO"), ("rename", FINAL, "EIO")])
def test_the_one_before_stays(training, wanted, place, call, part, what):
    """A disk that fails for good after the second checkpoint, then a kill."""
    environment = fault(place, call, part, what, "3-", stop_at=2)
    program = training.start(environment)
    wait_until(lambda: processes.stopped(program.pid))
    steps = training.steps()
    assert len(steps) == 2 and happened(environment) == 2
    program.kill()
    program = training.start()
    assert training.finish(program) == wanted["outcome"]
    assert f"continuing after step {steps[-1]}," in program.stderr()
    assert "is not continued" not in program.stderr()


@pytest.mark.parametrize("call, part, what, at", [
    ("open", TEMPORARY, "kill", 3), ("open", TEMPORARY, "killed", 3), ("write", TEMPORARY, "kill", 3),
    ("write", TEMPORARY, "killed", 3), ("fsync", TEMPORARY, "kill", 3), ("fsync", TEMPORARY, "killed", 3),
    ("close", TEMPORARY, "killed", 3), ("rename", FINAL, "kill", 3), ("rename", FINAL, "killed", 3),
    ("fsync", FOLDER, "kill", 6), ("fsync", FOLDER, "killed", 6), ("unlink", FINAL, "kill", 1),
    ("unlink", FINAL, "killed", 1)])
def test_killed_at_every_step(training, wanted, place, call, part, what, at):
    environment = fault(place, call, part, what, at)
    program = training.start(environment)
    assert program.wait() == -9 and happened(environment) == 1
    steps = training.steps()
    assert 2 <= len(steps) <= 3  # the two before, and this one if it has its name
    program = training.start()
    assert training.finish(program) == wanted["outcome"]
    assert f"continuing after step {steps[-1]}," in program.stderr()
    assert "is not continued" not in program.stderr() and not list(training.kept.glob("*.tmp"))


def test_half_a_write_and_a_kill(training, wanted, place):
    """The file is half there when the process dies; its name is not."""
    environment = fault(place, "write", TEMPORARY, "short", 3, stop_at=1)
    program = training.start(environment)
    wait_until(lambda: processes.stopped(program.pid))
    half, = training.kept.glob("*.tmp")
    assert 0 < half.stat().st_size < min(path.stat().st_size for path in training.kept.glob("*.checkpoint"))
    program.kill()
    program = training.start()
    assert training.finish(program) == wanted["outcome"]
    assert "continuing after step" in program.stderr() and "is not continued" not in program.stderr()
