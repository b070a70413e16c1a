"""An independent implementation (tests/replay/replay.py) follows the first steps of a training."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from processes import TIME_FACTOR
from programs import CHECKOUT

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch (python3-torch) is missing")
pytestmark = needs_torch

JOBS = {
    "lipschitz": """
dataset: {name: glyphs, train_count: 200, validation_count: 30, fraction: 0.7}
model: mnist-cnn
loss: {lambda: 2, k: 0.005, sigma: 0.1}
train: {steps: 10, batch: 48, lr: 0.05, momentum: 0.9, weight_decay: 0.001}
seed: 5000000000
test: {sigma: [0]}
""",
    "noise-augmentation": """
dataset: {name: glyphs, train_count: 90}
model: mnist-cnn
loss: {control: noise-augmentation, sigma: 0.3}
train: {steps: 5, batch: 40, optimizer: adam, lr: 0.001, weight_decay: 0.01}
seed: 2
test: {sigma: [0]}
""",
    "standard": """
dataset: {name: glyphs, train_count: 60}
model: mnist-cnn
train: {epochs: 2, batch: 25, lr: 0.1}
seed: 3
test: {sigma: [0]}
""",
}


@pytest.fixture
def trace(place, run_program):
    def make(text, data=None):
        job = place / "job.yaml"
        job.write_text(text)
        options = ("--data", data) if data else ()
        run_program("lipsweep-worker", "train", job, "-o", place / "out", "--trace", *options, code=0)
        run_program("lipsweep-worker", "dump-data", job, "-o", place / "data", *options, code=0)
        return place / "out/trace"
    return make


def replay(trace, data):
    # One thread: PyTorch's others spin while they wait, which is slow where cores are shared.
    done = subprocess.run([sys.executable, CHECKOUT / "tests/replay/replay.py", trace, "--data", data],
                          env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
                          timeout=200 * TIME_FACTOR, check=False)
    print(done.stdout, done.stderr)
    return done


@pytest.mark.parametrize("name", JOBS)
def test_every_step_is_the_same(name, trace, place):
    done = replay(trace(JOBS[name]), place / "data")
    assert done.returncode == 0, done.stdout + done.stderr
    count = len((place / "out/trace/steps.jsonl").read_text().splitlines())
    assert f"{count} steps replayed" in done.stdout and count in (5, 6, 10)
    assert len(list((place / "out/trace").glob("*.safetensors"))) == count + 1


def test_files_of_a_user_are_read_by_both(trace, place):
    """MNIST's format; the second program reads the same files as the first."""
    trace(JOBS["standard"])
    text = JOBS["standard"].replace("glyphs", "mnist")
    (place / "mnist.yaml").write_text(text)
    done = replay(trace(text, data=place / "data"), place / "data")
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_differs_is_found(trace, place):
    folder = trace(JOBS["lipschitz"])
    steps = (folder / "steps.jsonl").read_text()
    lines = [json.loads(line) for line in steps.splitlines()]

    def fails(words):
        done = replay(folder, place / "data")
        assert done.returncode == 1 and words in done.stdout, done.stdout + done.stderr

    lines[3]["loss"] *= 1.0001
    (folder / "steps.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    fails("step 4: loss is")
    lines[3]["loss"] /= 1.0001
    lines[2]["images"][:2] = lines[2]["images"][1::-1]
    (folder / "steps.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    fails("step 3: other images")
    (folder / "steps.jsonl").write_text(steps)
    last = folder / "000011.safetensors"
    before = (folder / "000010.safetensors").read_bytes()
    last.write_bytes(before)  # a step that changes nothing
    fails("step 10: weights are")
