#!/usr/bin/env python3
"""Replays the first steps of a training from docs/reproducibility.md alone, with numpy and PyTorch.

    lipsweep-worker train JOB.yaml -o OUT --trace
    lipsweep-worker dump-data JOB.yaml -o DATA     (for a data set that the program draws; others: its own files)
    replay.py OUT/trace --data DATA

Each step starts from the trace's weights and optimiser state, so that rounding does not add up. Compared are
the images of the batch (exactly), loss terms, the gradient's norm and the weights after the step. Everything
here is computed in double; the bounds leave room for the program's float32."""

import argparse
import gzip
import json
import math
import pathlib
import struct
import sys

import numpy as np
import torch

SHUFFLE, TRAINING_NOISE, SUBSET, INITIAL_WEIGHTS = 2, 4, 6, 1
LOSS_TOLERANCE = 1e-5        # relative
NORM_TOLERANCE = 1e-4        # relative
UPDATE_TOLERANCE = 1e-4      # of the update's norm, and float32's rounding of the weights


# --- random numbers ---

def philox(key, purpose, epoch, index, blocks):
    """Words [..., 4] of the blocks; `index` and `blocks` may be arrays."""
    c = [np.asarray(a, dtype=np.uint64) for a in np.broadcast_arrays(blocks, index, epoch, purpose)]
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        shift = np.uint64(32)
        c = [(p1 >> shift) ^ c[1] ^ np.uint64(k0), p1 & low, (p0 >> shift) ^ c[3] ^ np.uint64(k1), p0 & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, axis=-1)


def uniform(words):
    return (words.astype(np.float64) + 0.5) / 2.0**32


def normals(key, purpose, epoch, index, count):
    u = uniform(philox(key, purpose, epoch, index, np.arange((count + 3) // 4)))
    radius, angle = np.sqrt(-2 * np.log(u[:, 0::2])), 2 * np.pi * u[:, 1::2]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(-1)[:count].astype(np.float32)


def sorted_by_draw(indices, key, purpose, epoch):
    words = philox(key, purpose, epoch, indices, 0)[:, 0]
    return indices[np.lexsort((indices, words))]


# --- the job and its data ---

def read_job(path):
    """`dotted.name: value` a line; null is None, [a, b] a list."""
    def value(text):
        if text.startswith("["):
            return [value(part.strip()) for part in text[1:-1].split(",")]
        if text == "null":
            return None
        try:
            return float(text) if any(c in text for c in ".eE") else int(text)
        except ValueError:
            return text.strip("\"'")

    return {name: value(text.strip()) for name, text in
            (line.split(":", 1) for line in path.read_text().splitlines() if line.strip())}


def read_idx(folder, stem):
    for path in sorted(folder.glob(f"{stem}*")):
        data = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
        rank = data[3]
        assert data[:3] == b"\0\0\x08", f"{path} is no idx file of bytes"
        shape = struct.unpack(f">{rank}I", data[4:4 + 4 * rank])
        return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)
    sys.exit(f"no {stem}* in {folder}")


def training_indices(job, count):
    kept = np.arange(job["dataset.validation_count"], count)
    if job["dataset.train_count"]:
        kept = kept[:job["dataset.train_count"]]
    fraction = job["dataset.fraction"]
    if fraction < 1:
        share = math.floor(fraction * len(kept) + 0.5)
        kept = np.sort(sorted_by_draw(kept, job["seed"], SUBSET, 0)[:share])
    return kept


class Batch:
    """The images of one step, clean and perturbed, in double; noise and perturbed pixels as float32 gives them."""

    def __init__(self, job, images, labels, indices, epoch):
        pixels = images[indices].reshape(len(indices), -1).astype(np.float32) / np.float32(255)
        self.labels = torch.from_numpy(labels[indices].astype(np.int64))
        self.clean = self.shaped(pixels, images)
        sigma = job["loss.sigma"]
        if sigma is None:
            return
        z = np.stack([normals(job["seed"], TRAINING_NOISE, epoch, int(i), pixels.shape[1]) for i in indices])
        noise = (sigma * z.astype(np.float64)).astype(np.float32)
        self.norms = torch.from_numpy(np.sqrt((noise.astype(np.float64)**2).sum(axis=1)))
        self.perturbed = self.shaped(pixels + noise, images)

    @staticmethod
    def shaped(pixels, images):
        shape = images.shape[1:] if images.ndim == 4 else (1, *images.shape[1:])
        return torch.from_numpy(pixels.astype(np.float64)).reshape(-1, *shape)


# --- the network and the loss ---

def mnist_cnn(w, x):
    x = torch.nn.functional.conv2d(x, w["conv1.weight"], w["conv1.bias"], padding=2)
    x = torch.nn.functional.max_pool2d(torch.relu(x), 2).flatten(1)
    x = torch.relu(torch.nn.functional.linear(x, w["fc1.weight"], w["fc1.bias"]))
    return torch.nn.functional.linear(x, w["fc2.weight"], w["fc2.bias"])


NETWORKS = {"mnist-cnn": mnist_cnn}


def losses(job, w, batch):
    """Loss, task loss, Lipschitz loss (None where it has no meaning)."""
    network = NETWORKS[job["model.name"]]
    if job["loss.control"] == "noise-augmentation":
        task = torch.nn.functional.cross_entropy(network(w, batch.perturbed), batch.labels)
        return task, task, None
    clean = network(w, batch.clean)
    task = torch.nn.functional.cross_entropy(clean, batch.labels)
    if job["loss.lambda"] == 0:
        return task, task, None
    difference = network(w, batch.perturbed) - clean
    squares = (difference**2).sum(dim=1)
    distance = torch.where(squares > 0, squares, torch.ones_like(squares)).sqrt() * (squares > 0)
    lipschitz = torch.relu(distance / batch.norms - job["loss.k"]).mean()
    return task + job["loss.lambda"] * lipschitz, task, lipschitz


def updated(job, w, gradients, state, step):
    """The weights after the step. The optimiser's arrays lie flat, in the order of the tensors."""
    result, offset = {}, 0
    for name, tensor in w.items():
        part = slice(offset, offset + tensor.numel())
        offset += tensor.numel()
        g = gradients[name] + job["train.weight_decay"] * tensor
        lr = job["train.lr"]
        if job["train.optimizer"] == "adam":
            b1, b2 = job["train.beta1"], job["train.beta2"]
            m = b1 * state["optimizer.first"][part].reshape(g.shape) + (1 - b1) * g
            s = b2 * state["optimizer.second"][part].reshape(g.shape) + (1 - b2) * g**2
            result[name] = tensor - lr / (1 - b1**step) * m / (s.sqrt() / math.sqrt(1 - b2**step) + job["train.eps"])
        else:
            if job["train.momentum"]:
                g = job["train.momentum"] * state["optimizer.first"][part].reshape(g.shape) + g
            result[name] = tensor - lr * g
    return result


# --- the trace ---

def read_safetensors(path):
    data = path.read_bytes()
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    found = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        numbers = np.frombuffer(data, "<f4", (end - begin) // 4, 8 + length + begin)
        found[name] = torch.from_numpy(numbers.astype(np.float64)).reshape(entry["shape"])
    weights = {name: tensor for name, tensor in found.items() if not name.startswith("optimizer.")}
    return weights, {name: tensor for name, tensor in found.items() if name.startswith("optimizer.")}


def check_initial_weights(job, weights):
    """Word j of the tensor's stream is its number j; the fan-in is the weight's."""
    fan_in = None
    for number, (name, tensor) in enumerate(weights.items()):
        if tensor.dim() > 1:
            fan_in = tensor[0].numel()
        words = philox(job["seed"], INITIAL_WEIGHTS, 0, number, np.arange((tensor.numel() + 3) // 4)).reshape(-1)
        wanted = ((2 * uniform(words[:tensor.numel()]) - 1) * (1 / math.sqrt(fan_in))).astype(np.float32)
        assert np.array_equal(wanted, tensor.numpy().astype(np.float32).reshape(-1)), f"initial {name} differs"


class Comparison:
    def __init__(self):
        self.worst, self.failures = {}, []

    def near(self, step, what, ours, theirs, tolerance):
        error = abs(ours - theirs) / max(abs(theirs), 1e-12)
        self.worst[what] = max(self.worst.get(what, 0), error)
        if not error <= tolerance:
            self.failures.append(f"step {step}: {what} is {ours!r} here, {theirs!r} in the trace")

    def weights(self, step, before, ours, theirs):
        def norm(tensors):
            return math.sqrt(sum(float((t**2).sum()) for t in tensors))
        update = norm(ours[n] - before[n] for n in ours)
        error = norm(ours[n] - theirs[n] for n in ours)
        rounding = 2.0**-23 * norm(before.values())
        self.worst["weights"] = max(self.worst.get("weights", 0), error / max(update, 1e-30))
        if not error <= UPDATE_TOLERANCE * update + rounding:
            self.failures.append(f"step {step}: weights are {error:.3g} apart after an update of {update:.3g}")


def replay(trace, data):
    job = read_job(trace / "job.yaml")
    steps = [json.loads(line) for line in (trace / "steps.jsonl").read_text().splitlines()]
    images, labels = read_idx(data, "train-images"), read_idx(data, "train-labels")
    kept = training_indices(job, len(images))
    comparison, order, at, epoch = Comparison(), None, 0, 0
    for step in steps:
        number = step["step"]
        if step["epoch"] != epoch:
            epoch, at = step["epoch"], 0
            order = sorted_by_draw(kept, job["seed"], SHUFFLE, epoch)
        indices = order[at:at + job["train.batch"]]
        at += len(indices)
        if list(indices) != step["images"]:
            comparison.failures.append(f"step {number}: other images: {list(indices)[:5]}…, {step['images'][:5]}…")
            continue
        weights, state = read_safetensors(trace / f"{number:06}.safetensors")
        if number == 1 and not job.get("model.init"):
            check_initial_weights(job, weights)
        for tensor in weights.values():
            tensor.requires_grad_()
        loss, task, lipschitz = losses(job, weights, Batch(job, images, labels, indices, epoch))
        loss.backward()
        gradients = {name: tensor.grad for name, tensor in weights.items()}
        norm = math.sqrt(sum(float((g**2).sum()) for g in gradients.values()))
        comparison.near(number, "loss", loss.item(), step["loss"], LOSS_TOLERANCE)
        comparison.near(number, "task_loss", task.item(), step["task_loss"], LOSS_TOLERANCE)
        assert (lipschitz is None) == (step["lipschitz_loss"] is None)
        if lipschitz is not None:
            comparison.near(number, "lipschitz_loss", lipschitz.item(), step["lipschitz_loss"], 10 * LOSS_TOLERANCE)
        comparison.near(number, "gradient_norm", norm, step["gradient_norm"], NORM_TOLERANCE)
        before = {name: tensor.detach() for name, tensor in weights.items()}
        after, _ = read_safetensors(trace / f"{number + 1:06}.safetensors")
        comparison.weights(number, before, updated(job, before, gradients, state, number), after)
    return steps, comparison


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("trace", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with the idx files")
    arguments = parser.parse_args()
    steps, comparison = replay(arguments.trace, arguments.data)
    for failure in comparison.failures:
        print(failure)
    worst = ", ".join(f"{what} {error:.1e}" for what, error in comparison.worst.items())
    print(f"{len(steps)} steps replayed; largest relative differences: {worst}")
    return 1 if comparison.failures or not steps else 0


if __name__ == "__main__":
    sys.exit(main())
