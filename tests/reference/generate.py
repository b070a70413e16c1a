#!/usr/bin/env python3
"""Numbers of an independent implementation (PyTorch) for tests/unit/test_reference.c.

Needs Debian's python3-torch and python3-numpy; run it as
    OMP_NUM_THREADS=1 /usr/bin/python3 tests/reference/generate.py
It reads nothing and writes mnist_cnn.bin beside itself. Weights, pixels, labels and noise come from the
documented Philox streams, written here a second time.

The file: records of a 32-byte name (padded with NUL), a little-endian uint64 count, and so many
little-endian float64 numbers. For every case NAME/..., from float64 computation:
    k             [1]           the hinge's constant (put between quotients)
    logits        [rows][classes], rows: clean images, then perturbed copies where there are any
    loss          [1]
    quotients     [images]      only with the Lipschitz loss
    gradient      [parameters]  in the network's order
    gradient32    [tensors]     |g32 - g| / |g| of this implementation's own float32, per tensor
and for the optimisers NAME/parameters after STEPS steps and NAME/parameters32.
"""
import pathlib
import struct

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

IMAGES, SIGMA, LAMBDA, STEPS = 100, 0.1, 0.7, 5
WEIGHT_SEED, DATA_SEED = 7, 11
INITIAL_WEIGHTS, TRAINING_NOISE, GLYPHS = 1, 4, 7


def philox_words(key, purpose, epoch, index, count):
    """The first `count` words of a stream, from the definition of Philox4x32-10."""
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    c = [blocks, np.full_like(blocks, index), np.full_like(blocks, epoch), np.full_like(blocks, purpose)]
    k = [key & 0xFFFFFFFF, key >> 32]
    mask = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]), p1 & mask,
             (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]), p0 & mask]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(c, axis=1).reshape(-1)[:count]


def uniform(words):
    return (words.astype(np.float64) + 0.5) / 2.0**32


class Network(nn.Module):
    """The paper's MNIST network: convolution, ReLU, max pooling, two dense layers."""

    def __init__(self, side, hidden, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5, padding=2)
        self.fc1 = nn.Linear(16 * (side // 2) ** 2, hidden)
        self.fc2 = nn.Linear(hidden, classes)
        with torch.no_grad():
            for index, parameter in enumerate(self.parameters()):
                fan_in = {0: 25, 1: self.fc1.in_features, 2: hidden}[index // 2]
                u = uniform(philox_words(WEIGHT_SEED, INITIAL_WEIGHTS, 0, index, parameter.numel()))
                start = ((2 * u - 1) / np.sqrt(fan_in)).astype(np.float32)
                parameter.copy_(torch.from_numpy(start).view_as(parameter))

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def batch(side, classes, number, dtype):
    """Batch `number`: images number * IMAGES ... of an endless random set."""
    size = side * side
    clean, noise, labels = [], [], []
    for i in range(number * IMAGES, (number + 1) * IMAGES):
        words = philox_words(DATA_SEED, GLYPHS, 0, i, size + 1)
        clean.append((words[:size] & np.uint64(255)).astype(np.float64))
        labels.append(int(words[size]) % classes)
        # not normal: the noise's own bits must not depend on a library's logarithm
        u = uniform(philox_words(DATA_SEED, TRAINING_NOISE, 0, i, size))
        noise.append(((2 * u - 1) * SIGMA).astype(np.float32))
    shape = (IMAGES, 1, side, side)
    pixels = torch.from_numpy(np.stack(clean)).to(dtype).view(shape) / 255
    return pixels, torch.from_numpy(np.stack(noise)).to(dtype).view(shape), torch.tensor(labels)


def loss_of(net, data, case, k):
    x, n, y = data
    if case == "augmentation":
        out = net(x + n)
        return F.cross_entropy(out, y), out, None
    out = net(x)
    if case == "standard":
        return F.cross_entropy(out, y), out, None
    perturbed = net(x + n)
    q = (perturbed - out).norm(dim=1) / n.double().flatten(1).norm(dim=1).to(out.dtype)
    return F.cross_entropy(out, y) + LAMBDA * F.relu(q - k).mean(), torch.cat([out, perturbed]), q


def flat(tensors):
    return np.concatenate([t.detach().double().numpy().reshape(-1) for t in tensors])


def distances(ours, reference, sizes):
    ends = np.cumsum([0, *sizes])
    return [np.linalg.norm(ours[a:b] - reference[a:b]) / np.linalg.norm(reference[a:b])
            for a, b in zip(ends, ends[1:])]


def gradient(shape, case, k, dtype):
    net = Network(*shape).to(dtype)
    loss, out, q = loss_of(net, batch(shape[0], shape[2], 0, dtype), case, k)
    loss.backward()
    return net, loss, out, q, flat([p.grad for p in net.parameters()])


def train(shape, k, dtype, make):
    net = Network(*shape).to(dtype)
    optimiser = make(net.parameters())
    for step in range(STEPS):
        optimiser.zero_grad()
        loss_of(net, batch(shape[0], shape[2], step, dtype), "lipschitz", k)[0].backward()
        optimiser.step()
    return flat(net.parameters())


def main():
    torch.set_num_threads(1)
    records = []

    def record(name, values):
        records.append((name, np.asarray(values, dtype="<f8").reshape(-1)))

    def record_gradient(name, shape, case, k):
        net, loss, out, q, g = gradient(shape, case, k, torch.float64)
        sizes = [p.numel() for p in net.parameters()]
        record(f"{name}/k", [k])
        record(f"{name}/logits", out.detach())
        record(f"{name}/loss", [loss.item()])
        if q is not None:
            record(f"{name}/quotients", q.detach())
        record(f"{name}/gradient", g)
        record(f"{name}/gradient32", distances(gradient(shape, case, k, torch.float32)[4], g, sizes))

    def record_training(name, shape, k, make):
        end = train(shape, k, torch.float64, make)
        sizes = [p.numel() for p in Network(*shape).parameters()]
        record(f"{name}/k", [k])
        record(f"{name}/parameters", end)
        record(f"{name}/parameters32", distances(train(shape, k, torch.float32, make), end, sizes))

    narrow, real = (8, 16, 5), (8, 128, 10)
    for name, shape in (("narrow", narrow), ("real", real)):
        q = np.sort(gradient(shape, "lipschitz", 0, torch.float64)[3].detach().numpy())
        middle = float(q[IMAGES // 2 - 1] + q[IMAGES // 2]) / 2
        if shape is narrow:
            record_gradient("standard", shape, "standard", 0)
            record_gradient("augmentation", shape, "augmentation", 0)
            record_gradient("none", shape, "lipschitz", 2 * float(q[-1]))
            record_gradient("all", shape, "lipschitz", 0)
            record_training("sgd", shape, middle, lambda p: torch.optim.SGD(
                p, lr=0.1, momentum=0.9, weight_decay=0.01))
            record_training("adam", shape, middle, lambda p: torch.optim.Adam(
                p, lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01))
        record_gradient("some" if shape is narrow else "real", shape, "lipschitz", middle)

    path = pathlib.Path(__file__).with_name("mnist_cnn.bin")
    with path.open("wb") as file:
        for name, values in records:
            file.write(struct.pack("<32sQ", name.encode(), values.size) + values.tobytes())
    print(f"{path}: {len(records)} records, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
