#!/usr/bin/env python3
"""Numbers of an independent implementation (PyTorch) for tests/unit/test_residual.c and test_residual_steps.c.

Needs Debian's python3-torch and python3-numpy; run it as
    OMP_NUM_THREADS=1 /usr/bin/python3 tests/reference/generate_residual.py
It reads nothing and writes residual.bin beside itself, in the format of generate.py. Weights, pixels,
labels and noise come from the documented Philox streams.

Gradients and weights are too large to keep; of each tensor x there are its norm and PROJECTIONS sums of its
numbers with random signs. Of two tensors the mean square of the differences of these sums estimates the
square of their distance (to 1 part in 4 or so), whatever they differ in. For every case NAME/...:
    k             [1]
    logits        [rows][classes]
    loss          [1]
    gradient      [tensors][1 + PROJECTIONS]
    gradient32    [tensors]   |g32 - g| / |g| of this implementation's own float32, per tensor
    running       [numbers]   running statistics after the forward pass
and after STEPS steps NAME/parameters, NAME/parameters32, NAME/running
and NAME/evaluated, the clean logits of batch 0 by the running statistics; SCHEDULE/lr holds learning rates.
"""
import pathlib
import struct

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from generate import DATA_SEED, GLYPHS, INITIAL_WEIGHTS, TRAINING_NOISE, WEIGHT_SEED, distances, flat, philox_words, uniform

IMAGES, CLASSES, SIGMA, LAMBDA, STEPS, PROJECTIONS = 16, 5, 0.1, 0.7, 5, 32
SIGN_SEED = 13
MEAN, SD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)


class Block(nn.Module):
    """A residual block; its modules stand in the order of the documented tensors."""

    def __init__(self, inside, width, stride, pre, projects):
        super().__init__()
        conv = lambda a, b, k, s: nn.Conv2d(a, b, k, s, k // 2, bias=False)
        self.pre, self.stride, self.projects = pre, stride, projects
        self.front = (width - inside) // 2
        if pre:
            self.bn1 = nn.BatchNorm2d(inside)
        if projects:
            self.shortcut = conv(inside, width, 1, stride)
            if not pre:
                self.shortcut_bn = nn.BatchNorm2d(width)
        self.conv1 = conv(inside, width, 3, stride)
        setattr(self, "bn2" if pre else "bn1", nn.BatchNorm2d(width))
        self.conv2 = conv(width, width, 3, 1)
        if not pre:
            self.bn2 = nn.BatchNorm2d(width)

    def other(self, x):
        if self.projects:
            return self.shortcut(x) if self.pre else self.shortcut_bn(self.shortcut(x))
        if self.stride == 1:
            return x
        return F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, self.front, self.front))

    def forward(self, x):
        if self.pre:
            y = self.conv1(F.relu(self.bn1(x)))
            return self.conv2(F.relu(self.bn2(y))) + self.other(x)
        y = self.conv2(F.relu(self.bn1(self.conv1(x))))
        return F.relu(self.bn2(y) + self.other(x))


class Network(nn.Module):
    def __init__(self, name, shortcut):
        super().__init__()
        pre, blocks, inside = name.startswith("pre"), (int(name.split("resnet")[1]) - 2) // 6, 16
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.Identity() if pre else nn.BatchNorm2d(16)
        for stage in range(3):
            layer = []
            for i in range(blocks):
                halves = stage > 0 and i == 0
                layer.append(Block(inside, 16 << stage, 2 if halves else 1, pre, halves and shortcut == "B"))
                inside = 16 << stage
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layer))
        self.bn = nn.BatchNorm2d(64) if pre else nn.Identity()
        self.fc = nn.Linear(64, CLASSES)
        self.pre = pre
        self.start()

    def start(self):
        with torch.no_grad():
            for index, (name, p) in enumerate(self.named_parameters()):
                u = 2 * uniform(philox_words(WEIGHT_SEED, INITIAL_WEIGHTS, 0, index, p.numel())) - 1
                if p.dim() == 4:
                    u = u * np.sqrt(6 / p[0].numel())
                elif name.startswith("fc"):
                    u = u / np.sqrt(64)
                else:
                    u = 0.2 * u + (1 if name.endswith("weight") else 0)
                p.copy_(torch.from_numpy(u.astype(np.float32)).view_as(p))

    def forward(self, x):
        mean, sd = (torch.tensor(np.float32(v)).to(x.dtype).view(1, 3, 1, 1) for v in (MEAN, SD))
        x = self.conv1((x - mean) / sd)
        x = x if self.pre else F.relu(self.bn1(x))
        x = self.layer3(self.layer2(self.layer1(x)))
        x = F.relu(self.bn(x)) if self.pre else x
        return self.fc(x.mean((2, 3)))


def batch(side, number, dtype):
    size = 3 * side * side
    clean, noise, labels = [], [], []
    for i in range(number * IMAGES, (number + 1) * IMAGES):
        words = philox_words(DATA_SEED, GLYPHS, 0, i, size + 1)
        clean.append((words[:size] & np.uint64(255)).astype(np.float64))
        labels.append(int(words[size]) % CLASSES)
        u = uniform(philox_words(DATA_SEED, TRAINING_NOISE, 0, i, size))
        noise.append(((2 * u - 1) * SIGMA).astype(np.float32))
    shape = (IMAGES, 3, side, side)
    pixels = torch.from_numpy(np.stack(clean)).to(dtype).view(shape) / 255
    return pixels, torch.from_numpy(np.stack(noise)).to(dtype).view(shape), torch.tensor(labels)


def running_tensors(net):
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            yield module.running_mean
            yield module.running_var


def loss_of(net, data, options, k):
    """Loss, logits and quotients; the running statistics move as the options say."""
    x, n, y = data
    if options.get("standard"):
        out = net(x)
        return F.cross_entropy(out, y), out, None
    if options.get("joint"):
        both = net(torch.cat([x, x + n]))
        out, perturbed = both[:IMAGES], both[IMAGES:]
    else:
        out = net(x)
        kept = [t.clone() for t in running_tensors(net)]
        perturbed = net(x + n)
        if options.get("clean"):
            for t, value in zip(running_tensors(net), kept):
                t.data.copy_(value)
    logits = torch.cat([out, perturbed])
    if options.get("noisy"):
        return F.cross_entropy(out, y), logits, None
    f, g = (out.softmax(1), perturbed.softmax(1)) if options.get("softmax") else (out, perturbed)
    if options.get("perturbed"):
        f = f.detach()
    q = (g - f).norm(dim=1) / n.double().flatten(1).norm(dim=1).to(out.dtype)
    hinge = F.relu(q - k)
    return F.cross_entropy(out, y) + LAMBDA * (hinge ** 2 if options.get("squared") else hinge).mean(), logits, q


def projections(tensors):
    """[tensors][1 + PROJECTIONS]: norms, and sums with the signs that bits of word j of stream t say."""
    rows = []
    for index, t in enumerate(tensors):
        x = flat([t])
        words = philox_words(SIGN_SEED, GLYPHS, 0, index, x.size)
        signs = [1 - 2.0 * ((words >> np.uint64(p)) & np.uint64(1)).astype(np.float64) for p in range(PROJECTIONS)]
        rows.append([np.linalg.norm(x)] + [float(s @ x) for s in signs])
    return rows


def gradient(model, side, options, k, dtype):
    net = Network(*model).to(dtype)
    loss, out, q = loss_of(net, batch(side, 0, dtype), options, k)
    loss.backward()
    return net, loss, out, q


def train(model, side, k, options, dtype, make):
    net = Network(*model).to(dtype)
    optimiser, scheduler = make(net)
    for step in range(STEPS):
        optimiser.zero_grad()
        loss_of(net, batch(side, step, dtype), options, k)[0].backward()
        optimiser.step()
        scheduler.step()
    return net


def schedules():
    """Learning rates of 18 steps, three an epoch."""
    optimiser = lambda: torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
    rates = {}

    def run(name, o, scheduler, by_epoch):
        rates[name] = []
        for step in range(18):
            rates[name].append(o.param_groups[0]["lr"])
            o.step()
            if not by_epoch or step % 3 == 2:
                scheduler.step()

    o = optimiser()
    run("steps", o, torch.optim.lr_scheduler.MultiStepLR(o, milestones=[2, 5], gamma=0.1), True)
    o = optimiser()
    run("cosine", o, torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=18), False)
    o = optimiser()
    warm = torch.optim.lr_scheduler.LinearLR(o, start_factor=1 / 6, total_iters=5)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=12)
    run("warm-cosine", o, torch.optim.lr_scheduler.SequentialLR(o, [warm, cosine], milestones=[6]), False)
    return rates


def groups(net, decay):
    """Weight decay on all but batch normalisation."""
    norms = [p for m in net.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters()]
    rest = [p for p in net.parameters() if all(p is not n for n in norms)]
    return [{"params": rest, "weight_decay": decay}, {"params": norms, "weight_decay": 0}]


def nesterov(net):
    o = torch.optim.SGD(groups(net, 0.01), lr=0.05, momentum=0.9, nesterov=True)
    return o, torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=STEPS)


def plain(net):
    o = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01)
    return o, torch.optim.lr_scheduler.MultiStepLR(o, milestones=[3])


def main():
    torch.set_num_threads(1)
    records = []

    def record(name, values):
        records.append((name, np.asarray(values, dtype="<f8").reshape(-1)))

    def record_gradient(name, model, side, options, k):
        net, loss, out, q = gradient(model, side, options, k, torch.float64)
        sizes = [p.numel() for p in net.parameters()]
        g = [p.grad for p in net.parameters()]
        g32 = [p.grad for p in gradient(model, side, options, k, torch.float32)[0].parameters()]
        record(f"{name}/k", [k])
        record(f"{name}/logits", out.detach())
        record(f"{name}/loss", [loss.item()])
        record(f"{name}/gradient", projections(g))
        record(f"{name}/gradient32", distances(flat(g32), flat(g), sizes))
        record(f"{name}/running", flat(running_tensors(net)))

    def record_training(name, model, side, options, k, make):
        end = train(model, side, k, options, torch.float64, make)
        end32 = train(model, side, k, options, torch.float32, make)
        sizes = [p.numel() for p in end.parameters()]
        record(f"{name}/k", [k])
        record(f"{name}/parameters", projections(end.parameters()))
        record(f"{name}/parameters32", distances(flat(end32.parameters()), flat(end.parameters()), sizes))
        record(f"{name}/running", flat(running_tensors(end)))
        record(f"{name}/evaluated", end.eval()(batch(side, 0, torch.float64)[0]).detach())

    for short, model, side in (("r", ("resnet8", "A"), 8), ("p", ("preresnet8", "A"), 12),
                               ("rB", ("resnet8", "B"), 9), ("pB", ("preresnet8", "B"), 8),
                               ("r20", ("resnet20", "A"), 8), ("p20", ("preresnet20", "A"), 8)):

        def middle(options):
            q = np.sort(gradient(model, side, options, 0, torch.float64)[3].detach().numpy())
            return float(q[IMAGES // 2 - 1] + q[IMAGES // 2]) / 2, 2 * float(q[-1])

        half, above = middle({})
        record_gradient(f"{short}-some", model, side, {}, half)
        if short not in ("r", "p"):
            continue
        record_gradient(f"{short}-standard", model, side, {"standard": True}, 0)
        record_gradient(f"{short}-none", model, side, {}, above)
        record_gradient(f"{short}-all", model, side, {}, 0)
        record_gradient(f"{short}-joint", model, side, {"joint": True}, middle({"joint": True})[0])
        record_gradient(f"{short}-clean", model, side, {"clean": True}, half)
        record_gradient(f"{short}-squared", model, side, {"squared": True}, half)
        record_gradient(f"{short}-softmax", model, side, {"softmax": True}, middle({"softmax": True})[0])
        record_gradient(f"{short}-perturbed", model, side, {"perturbed": True}, half)
        record_gradient(f"{short}-noisy", model, side, {"noisy": True}, 0)
        record_training(f"{short}-nesterov", model, side, {}, half, nesterov)
        record_training(f"{short}-steps", model, side, {"joint": True}, half, plain)
    for name, rates in schedules().items():
        record(f"{name}/lr", rates)

    path = pathlib.Path(__file__).with_name("residual.bin")
    with path.open("wb") as file:
        for name, values in records:
            file.write(struct.pack("<32sQ", name.encode(), values.size) + values.tobytes())
    print(f"{path}: {len(records)} records, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
