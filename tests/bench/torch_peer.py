#!/usr/bin/env python3
"""Images a second of a network in PyTorch on one thread: the step that a user would write.

    /usr/bin/python3 tests/bench/torch_peer.py [MODEL [SECONDS]]

MODEL: mnist-cnn, resnet20, preresnet20. SECONDS (1) is the time for each phase. Prints JSON. The input stays in memory; only the step is measured.
"""
import json
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


def residual(pre):
    """ResNet-20 or PreResNet-20."""
    nn = torch.nn
    blocks = [Block(16 if i < 4 else 32 if i < 7 else 64, (16, 32, 64)[i // 3], 2 if i in (3, 6) else 1, pre)
              for i in range(9)]
    stem, norm = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(64 if pre else 16)
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    middle = [*blocks, norm, nn.ReLU()] if pre else [norm, nn.ReLU(), *blocks]
    return nn.Sequential(stem, *middle, *head)


def mnist_cnn():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 5, padding=2), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(16 * 14 * 14, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))


MODELS = {"mnist-cnn": (mnist_cnn, (100, 1, 28, 28)),
          "resnet20": (lambda: residual(False), (128, 3, 32, 32)),
          "preresnet20": (lambda: residual(True), (128, 3, 32, 32))}


def train_step(model, optimiser, x, y, lipschitz):
    optimiser.zero_grad(set_to_none=True)
    logits = model(x)
    loss = torch.nn.functional.cross_entropy(logits, y)
    if lipschitz:
        noise = 0.1 * torch.randn_like(x)
        change = (model(x + noise) - logits).norm(dim=1)
        quotient = change / noise.flatten(1).norm(dim=1)
        loss = loss + 0.1 * torch.relu(quotient - 0.01).mean()
    loss.backward()
    optimiser.step()


def evaluate_step(model, x):
    with torch.no_grad():
        model(x)


def rate(step, images, seconds):
    """Images a second over whole steps, after some to warm up."""
    for _ in range(2):
        step()
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        step()
        steps += 1
    return images * steps / (time.perf_counter() - start)


def main():
    name = sys.argv[1] if len(sys.argv) > 1 else "mnist-cnn"
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    torch.set_num_threads(1)
    torch.manual_seed(0)
    build, shape = MODELS[name]
    model = build()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x, y = torch.rand(*shape), torch.randint(0, 10, shape[:1])
    result = {"model": name, "threads": 1, "torch": torch.__version__}
    for phase, lipschitz in (("train_standard", False), ("train_lipschitz", True)):
        result[phase] = round(rate(lambda: train_step(model, optimiser, x, y, lipschitz), shape[0], seconds), 1)
    model.eval()
    result["evaluate"] = round(rate(lambda: evaluate_step(model, x), shape[0], seconds), 1)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
