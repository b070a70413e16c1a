#!/usr/bin/env python3
"""Images a second of a network in PyTorch, one process: the step that a user would write.

    /usr/bin/python3 tests/bench/torch_peer.py MODEL [--threads T] [--layout contiguous|channels_last] [--batch B]
                                               [--seconds S] [--together]

MODEL: mnist-cnn, resnet20, preresnet20, preresnet32-96. Prints JSON: the median step of standard and Lipschitz training
and of evaluation. The input stays in memory; only the step is measured. --together: says "ready" before each phase and
waits for a line. OMP_NUM_THREADS and the C library's MALLOC_* variables are the caller's (compare.py sets them).
"""
import argparse
import json
import statistics
import sys
import time

try:
    import torch
except ImportError:
    sys.exit("torch_peer.py: needs PyTorch: apt-get install python3-torch")


class Block(torch.nn.Module):
    """A residual block with the shortcut that has no parameters."""

    def __init__(self, inside, width, stride, pre):
        super().__init__()
        nn = torch.nn
        self.conv1 = nn.Conv2d(inside, width, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(inside if pre else width), nn.BatchNorm2d(width)
        self.pre, self.stride, self.front = pre, stride, (width - inside) // 2

    def other(self, x):
        if self.stride == 1:
            return x
        return torch.nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.front, self.front))

    def forward(self, x):
        if self.pre:
            y = self.conv1(torch.relu(self.bn1(x)))
            return self.conv2(torch.relu(self.bn2(y))) + self.other(x)
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.other(x))


def residual(depth, pre):
    """ResNet or PreResNet of so many layers."""
    nn = torch.nn
    each, inside, blocks = (depth - 2) // 6, 16, []
    for width in (16, 32, 64):
        for number in range(each):
            blocks.append(Block(inside, width, 2 if width > 16 and number == 0 else 1, pre))
            inside = width
    stem, norm = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(64 if pre else 16)
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    middle = [*blocks, norm, nn.ReLU()] if pre else [norm, nn.ReLU(), *blocks]
    return nn.Sequential(stem, *middle, *head)


def mnist_cnn():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 5, padding=2), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(16 * 14 * 14, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))


MODELS = {"mnist-cnn": (mnist_cnn, (1, 28, 28), 100),
          "resnet20": (lambda: residual(20, False), (3, 32, 32), 128),
          "preresnet20": (lambda: residual(20, True), (3, 32, 32), 128),
          "preresnet32-96": (lambda: residual(32, True), (3, 96, 96), 16)}


class Peer:
    def __init__(self, name, layout, batch):
        build, shape, usual = MODELS[name]
        order = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        self.batch = batch or usual
        self.model = build().to(memory_format=order)
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9)
        self.x = torch.rand(self.batch, *shape).contiguous(memory_format=order)
        self.y = torch.randint(0, 10, (self.batch,))

    def train(self, lipschitz):
        self.optimiser.zero_grad(set_to_none=True)
        logits = self.model(self.x)
        loss = torch.nn.functional.cross_entropy(logits, self.y)
        if lipschitz:
            noise = 0.1 * torch.randn_like(self.x)
            change = (self.model(self.x + noise) - logits).norm(dim=1)
            quotient = change / noise.flatten(1).norm(dim=1)
            loss = loss + 0.1 * torch.relu(quotient - 0.01).mean()
        loss.backward()
        self.optimiser.step()

    def evaluate(self):
        self.model.eval()
        with torch.no_grad():
            self.model(self.x)


def rate(step, images, seconds, together):
    """Images a second of the median step, after some to warm up."""
    began = time.perf_counter()
    step()
    slow = time.perf_counter() - began > 1
    if not slow:
        step()
    if together:
        print("ready", flush=True)
        sys.stdin.readline()
    times, end = [], time.perf_counter() + seconds
    while len(times) < (2 if slow else 3) or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return round(images / statistics.median(times), 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--layout", choices=("contiguous", "channels_last"), default="contiguous")
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=1, help="time for each phase")
    parser.add_argument("--together", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    peer = Peer(options.model, options.layout, options.batch)
    result = {"model": options.model, "threads": options.threads, "layout": options.layout, "batch": peer.batch,
              "torch": torch.__version__}
    for phase, step in (("train_standard", lambda: peer.train(False)), ("train_lipschitz", lambda: peer.train(True)),
                        ("evaluate", peer.evaluate)):
        result[phase] = rate(step, peer.batch, options.seconds, options.together)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
