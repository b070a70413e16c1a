"""Trained weights: on their way to the coordinator, kept, fetched and used."""

import hashlib
import json
import struct

import numpy as np
import pytest

import recorded
from coordinator import endpoint_in
from one_worker import coordinator, start_worker  # noqa: F401 (fixtures)
from processes import wait_until

JOB = """
dataset: {name: glyphs, train_count: 100}
model: mnist-cnn
train: {epochs: 1, batch: 50}
test: {sigma: [0]}
"""
SWEEP = """
name: kept
dataset: {name: glyphs, train_count: 1000}
model: mnist-cnn
train: {epochs: 2, batch: 50, lr: 0.05, momentum: 0.9}
grid: {lambda: [0]}
seeds: 1
test: {sigma: [0, 0.3]}
"""
PIECE = 1 << 20


def data_part(file):
    length, = struct.unpack("<Q", file[:8])
    return file[8 + length:]


def digest(file):
    return hashlib.blake2b(data_part(file), digest_size=32).digest()


def no_result(coordinator):
    return not [e for e in coordinator.backlog if e.WhichOneof("body") == "result"]


def test_weights_go_before_the_result(coordinator, start_worker):
    start_worker()
    coordinator.expect_hello()
    attempt = coordinator.lease(JOB, keep_weights=True)
    first = coordinator.expect_weights(attempt, 0)
    assert len(first.data) == PIECE and PIECE < first.size < 2 * PIECE
    # Not acknowledged: it comes again, and nothing else.
    assert coordinator.expect_weights(attempt, 0) == first and no_result(coordinator)
    coordinator.acknowledge_weights(first, next_offset=PIECE)
    second = coordinator.expect_weights(attempt, PIECE)
    assert no_result(coordinator)
    file = first.data + second.data
    assert len(file) == first.size and digest(file) == first.digest == second.digest
    coordinator.acknowledge_weights(second, next_offset=first.size, stored=True)
    result = coordinator.expect_result(attempt)
    assert result.outcome == 1 and result.weights_digest == first.digest.hex()


def test_refused_weights_hold_no_result_up(coordinator, start_worker):
    worker = start_worker()
    coordinator.expect_hello()
    attempt = coordinator.lease(JOB, keep_weights=True)
    coordinator.acknowledge_weights(coordinator.expect_weights(attempt, 0), refused="the disk is full")
    assert coordinator.expect_result(attempt).outcome == 1
    assert "not kept by the coordinator: the disk is full" in worker.stderr()


def test_a_later_worker_sends_what_a_killed_one_began(coordinator, start_worker, place):
    worker = start_worker()
    coordinator.expect_hello()
    attempt = coordinator.lease(JOB, keep_weights=True)
    first = coordinator.expect_weights(attempt, 0)
    coordinator.acknowledge_weights(first, next_offset=PIECE)
    coordinator.expect_weights(attempt, PIECE)
    worker.kill()
    coordinator.backlog.clear()
    start_worker()
    coordinator.expect_hello()
    # The coordinator says where it stands.
    again = coordinator.expect_weights(attempt, 0)
    assert again == first
    coordinator.acknowledge_weights(again, next_offset=PIECE)
    coordinator.acknowledge_weights(coordinator.expect_weights(attempt, PIECE), next_offset=first.size, stored=True)
    assert coordinator.expect_result(attempt).outcome == 1
    wait_until(lambda: not list((place / "spool").glob("*/j*")))


def test_weights_that_nobody_wants_are_not_sent(coordinator, start_worker):
    start_worker()
    coordinator.expect_hello()
    assert coordinator.expect_result(coordinator.lease(JOB)).outcome == 1
    assert not [e for e in coordinator.backlog if e.WhichOneof("body") == "weights_chunk"]


# --- kept by a real coordinator, and used ---

def tensors(file):
    length, = struct.unpack("<Q", file[:8])
    header = json.loads(file[8:8 + length])
    header.pop("__metadata__")
    return {name: np.frombuffer(file, "<f4", (entry["data_offsets"][1] - entry["data_offsets"][0]) // 4,
                                8 + length + entry["data_offsets"][0]).reshape(entry["shape"]).astype(np.float64)
            for name, entry in header.items()}


def logits(weights, images):
    """The network as docs/reproducibility.md has it, in double, with nothing but numpy."""
    x = np.pad(images[:, 0] / 255.0, ((0, 0), (2, 2), (2, 2)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (5, 5), axis=(1, 2))
    x = np.einsum("bhwij,oij->bohw", windows, weights["conv1.weight"][:, 0]) + weights["conv1.bias"][:, None, None]
    x = np.maximum(x, 0).reshape(len(x), 16, 14, 2, 14, 2).max(axis=(3, 5)).reshape(len(x), -1)
    x = np.maximum(x @ weights["fc1.weight"].T + weights["fc1.bias"], 0)
    return x @ weights["fc2.weight"].T + weights["fc2.bias"]


def probabilities(weights, images):
    x = logits(weights, images)
    x = np.exp(x - x.max(axis=1, keepdims=True))
    return x / x.sum(axis=1, keepdims=True)


def layer_norms(weights):
    """Of its three layers' explicit matrices; the convolution's by what it makes of every single pixel."""
    kernels, side = weights["conv1.weight"][:, 0], 28
    pixels = np.pad(np.eye(side * side).reshape(-1, side, side), ((0, 0), (2, 2), (2, 2)))
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (5, 5), axis=(1, 2))
    gram = 0
    for kernel in kernels:
        columns = np.einsum("bhwij,ij->bhw", windows, kernel).reshape(side * side, -1)
        gram = gram + columns @ columns.T
    return [np.sqrt(np.linalg.eigvalsh(gram)[-1])] + [np.linalg.norm(weights[f"{name}.weight"], 2) for name in ("fc1", "fc2")]


def read_idx(path):
    data = path.read_bytes()
    shape = struct.unpack(f">{data[3]}I", data[4:4 + 4 * data[3]])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def test_weights_are_kept_fetched_and_used(run_program, start_program, place):
    (place / "s.yaml").write_text(SWEEP)
    run_program("lipsweep", "run", place / "s.yaml", "--db", place / "s.db", "--slots", 1, "--quiet", code=0)
    run_program("lipsweep", "weights", "j1", "-o", place / "w.safetensors", "--db", place / "s.db", code=0)
    file = (place / "w.safetensors").read_bytes()
    measured, = recorded.measurements(place / "s.db").values()
    assert digest(file).hex() == measured["weights"]
    # The same over a connection.
    endpoint = endpoint_in(place)
    daemon = start_program("lipsweep-coordinator", "--db", place / "s.db", "--listen", endpoint)
    wait_until(lambda: "listening" in daemon.stderr())
    run_program("lipsweep", "weights", "j1", "-o", place / "v.safetensors", "--connect", endpoint, code=0)
    assert (place / "v.safetensors").read_bytes() == file
    gone = run_program("lipsweep", "weights", "j9", "-o", place / "x", "--connect", endpoint, code=4)
    assert "there is no job j9" in gone.stderr and not (place / "x").exists()
    # Another program computes the same test set's accuracy from the file, and predict's confidences.
    (place / "job.yaml").write_text(JOB)
    run_program("lipsweep-worker", "dump-data", place / "job.yaml", "-o", place / "data", code=0)
    images, labels = (read_idx(place / f"data/t10k-{part}-ubyte") for part in ("images-idx3", "labels-idx1"))
    found = probabilities(tensors(file), images[:1000, None])
    clean = measured["accuracy"][0]
    everything = np.concatenate([probabilities(tensors(file), images[i:i + 500, None]).argmax(axis=1)
                                 for i in range(0, len(images), 500)])
    assert abs(int((everything == labels).sum()) - clean["correct_count"]) <= 2
    done = run_program("lipsweep", "predict", place / "w.safetensors", "--image", 17, "--sigma", "0,0.3",
                       "--draws", 150, "--format", "json", code=0)
    quiet, noisy = json.loads(done.stdout)
    assert (quiet["label"], quiet["draws"], noisy["draws"]) == (labels[17], 1, 150)
    assert quiet["class"] == found[17].argmax() and abs(quiet["confidence"] - found[17].max()) < 1e-5
    assert abs(quiet["true_confidence"] - found[17][labels[17]]) < 1e-5
    assert noisy["confidence_low"] < noisy["confidence"] < noisy["confidence_high"]
    assert 0 < noisy["share"] <= 1
    assert quiet["lipschitz_bound"] is quiet["radius_proved"] is quiet["radius_optimistic"] is None
    # How far the image may move: the proved radius from the layers' norms, the optimistic one from quotients.
    arguments = ("predict", place / "w.safetensors", "--image", 17, "--sigma", "0,0.3", "--radius")
    quiet, noisy = json.loads(run_program("lipsweep", *arguments, "--format", "json", code=0).stdout)
    best = np.sort(logits(tensors(file), images[17:18, None])[0])
    assert abs(quiet["margin"] - (best[-1] - best[-2])) < 1e-4
    product = np.prod(layer_norms(tensors(file)))
    assert product <= quiet["lipschitz_bound"] <= 1.05 * product
    for row in (quiet, noisy):
        assert row["radius_proved"] == pytest.approx(row["margin"] / np.sqrt(2) / row["lipschitz_bound"], rel=1e-6)
    assert quiet["quotient_max"] is None and 0 < noisy["quotient_max"] < noisy["lipschitz_bound"]
    assert noisy["radius_optimistic"] == pytest.approx(noisy["margin"] / np.sqrt(2) / noisy["quotient_max"], rel=1e-6)
    people = run_program("lipsweep", *arguments, code=0).stdout
    assert "radius_proved" in people and "radius_optimistic" in people and "not a guarantee" in people


def test_a_damaged_file_is_not_handed_out(run_program, place):
    (place / "s.yaml").write_text(SWEEP)
    run_program("lipsweep", "run", place / "s.yaml", "--db", place / "s.db", "--slots", 1, "--quiet", code=0)
    path, = (place / "s.db.d/weights").iterdir()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    done = run_program("lipsweep", "weights", "j1", "-o", place / "x", "--db", place / "s.db", code=1)
    assert "have the digest" in done.stderr and not (place / "x").exists()


def test_keep_none_keeps_none(run_program, place):
    (place / "s.yaml").write_text(SWEEP + "run: {keep: none}\n")
    run_program("lipsweep", "run", place / "s.yaml", "--db", place / "s.db", "--slots", 1, "--quiet", code=0)
    assert not (place / "s.db.d/weights").exists()
    done = run_program("lipsweep", "weights", "j1", "-o", place / "x", "--db", place / "s.db", code=4)
    assert "keep: none" in done.stderr


def test_init_starts_from_given_weights(run_program, place):
    """Two epochs in one go are two of one, for an optimiser without memory: same shuffles and noise apart."""
    text = SWEEP.replace("momentum: 0.9", "momentum: 0")
    (place / "a.yaml").write_text(text.replace("epochs: 2", "epochs: 1"))
    run_program("lipsweep", "run", place / "a.yaml", "--db", place / "a.db", "--slots", 1, "--quiet", code=0)
    run_program("lipsweep", "weights", "j1", "-o", place / "w.safetensors", "--db", place / "a.db", code=0)
    start = f"model: {{name: mnist-cnn, init: {place / 'w.safetensors'}}}"
    (place / "b.yaml").write_text(text.replace("model: mnist-cnn", start).replace("kept", "begun"))
    run_program("lipsweep", "run", place / "b.yaml", "--db", place / "a.db", "--slots", 1, "--quiet", code=0)
    jobs = recorded.query(place / "a.db", "SELECT id, init_digest, train_hash FROM job ORDER BY id")
    file = (place / "w.safetensors").read_bytes()
    assert [job["init_digest"] for job in jobs] == ["", hashlib.blake2b(file, digest_size=32).hexdigest()]
    accuracies = [row["accuracy"] for row in recorded.query(
        place / "a.db", "SELECT accuracy FROM accuracy WHERE test_sigma = 0 ORDER BY job")]
    assert accuracies[1] > accuracies[0] + 0.05  # three epochs, not two or one
    # The file is known by what it holds: moved, the jobs are the same; changed, they are others.
    (place / "w.safetensors").rename(place / "v.safetensors")
    moved = (place / "b.yaml").read_text().replace("w.safetensors", "v.safetensors")
    (place / "b.yaml").write_text(moved)
    again = run_program("lipsweep", "plan", place / "b.yaml", "--db", place / "a.db", "--format", "json", code=0)
    assert '"new": 0' in again.stdout, again.stdout
    (place / "v.safetensors").write_bytes(file[:-1] + bytes([file[-1] ^ 1]))
    other = run_program("lipsweep", "plan", place / "b.yaml", "--db", place / "a.db", "--format", "json", code=0)
    assert '"new": 1' in other.stdout, other.stdout
    (place / "v.safetensors").write_bytes(file[:-1])
    damaged = run_program("lipsweep", "plan", place / "b.yaml", "--db", place / "a.db")
    assert damaged.returncode != 0 and "v.safetensors" in damaged.stderr
