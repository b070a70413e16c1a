#!/usr/bin/env python3
"""Images a second of mnist-cnn in PyTorch on one thread: the step that a user would write.

    /usr/bin/python3 tests/bench/torch_peer.py [SECONDS]

SECONDS (1) is the time for each phase. Prints JSON. The input stays in memory; only the step is measured.
"""
import json
import sys
import time

try:
    import torch
except ImportError:
    sys.exit("torch_peer.py: needs PyTorch: apt-get install python3-torch")

BATCH = 100


def build():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 5, padding=2), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(16 * 14 * 14, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))


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


def rate(step, seconds):
    """Images a second over whole steps, after some to warm up."""
    for _ in range(5):
        step()
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        step()
        steps += 1
    return BATCH * steps / (time.perf_counter() - start)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = build()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x, y = torch.rand(BATCH, 1, 28, 28), torch.randint(0, 10, (BATCH,))
    result = {"model": "mnist-cnn", "threads": 1, "torch": torch.__version__}
    for name, lipschitz in (("train_standard", False), ("train_lipschitz", True)):
        result[name] = round(rate(lambda: train_step(model, optimiser, x, y, lipschitz), seconds), 1)
    model.eval()
    result["evaluate"] = round(rate(lambda: evaluate_step(model, x), seconds), 1)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
