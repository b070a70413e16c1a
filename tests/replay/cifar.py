#!/usr/bin/env python3
"""ResNet-20 on CIFAR-10, standard training: lipsweep against PyTorch, paired by seed.

    cifar.py --data DIR -o OUT [--seeds 3] [--epochs 4] [--fraction 0.5] [--only lipsweep|pytorch]

Both start from the same weights and see the same batches of the same crops and flips: what differs is the
arithmetic, in float32 on one thread. DIR has CIFAR-10's binary files. OUT keeps each finished training, so that
the same command goes on where it was stopped; without --only it ends with the table. Exit 1: the difference of
the mean accuracies is 1.5 points or more and its 95 % interval leaves zero out, or PyTorch, given lipsweep's
weights, tells 3 test images or more (of 10,000) more or fewer right."""

import argparse
import json
import math
import pathlib
import statistics
import subprocess
import sys
import time

import torch

import evaluate
import images
import networks
from traces import read_job
from training import Training

WORKER = pathlib.Path(__file__).resolve().parents[2] / "build/worker/lipsweep-worker"
JOB = """
dataset: {{path: {data}, format: cifar, classes: 10, fraction: {fraction}, augment: {{crop_padding: 4, flip: true}}}}
model: {model}
train: {{epochs: {epochs}, batch: {batch}, lr: 0.1, momentum: 0.9, weight_decay: 0.0001, schedule: {{kind: cosine}}}}
test: {{sigma: [0]}}
seed: {seed}
"""
POINTS_MAX = 1.5
STUDENT = [math.nan, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262]  # 97.5 %, by degrees of freedom


def stored(path, compute):
    """What `compute` found, now or when it was run before."""
    if not path.exists():
        started = time.monotonic()
        found = compute() | {"seconds": time.monotonic() - started}
        path.with_suffix(".part").write_text(json.dumps(found))
        path.with_suffix(".part").rename(path)
    return json.loads(path.read_text())


def run_worker(arguments, job, *options):
    done = subprocess.run([arguments.worker, "train", job, *options], stdout=subprocess.PIPE, text=True, check=True)
    return next(line.split() for line in done.stdout.splitlines() if line.startswith(" ") and line.split()[0] == "0")


def by_lipsweep(arguments, folder):
    """The clean accuracy is printed to 4 digits: exact for 10,000 images."""
    row = run_worker(arguments, folder / "job.yaml", "-o", folder / "lipsweep", "--checkpoints", folder / "checkpoints")
    return {"accuracy": float(row[1])}


def by_exported(arguments, folder):
    correct, count = evaluate.correct_count(folder / "lipsweep/weights.safetensors", arguments.data)
    return {"correct": correct, "count": count}


def whole_job(arguments, folder):
    """Every parameter with its value: the program writes it beside a trace, here of a job of one step."""
    text = (folder / "job.yaml").read_text()
    (folder / "short.yaml").write_text(text.replace(f"epochs: {arguments.epochs},", "steps: 1,"))
    run_worker(arguments, folder / "short.yaml", "-o", folder / "short", "--trace", "--trace-steps", "1")
    job = read_job((folder / "short/trace/job.yaml").read_text())
    return job | {"train.epochs": arguments.epochs, "train.steps": 0}


def by_pytorch(arguments, folder):
    job = whole_job(arguments, folder)
    data = images.TrainingSet(job, *images.read_images(job, arguments.data))
    training = Training(job, data, job["dataset.classes"], torch.float32)
    training.model.load_state_dict(networks.initial_weights(job["seed"], training.model), strict=False)
    for step in range(training.steps):
        epoch, place = divmod(step, data.steps_an_epoch)
        told = training.step(step + 1, data.batch(epoch + 1, place))
        if place == 0 or step + 1 == training.steps:
            print(f"{folder.name}: step {step + 1} of {training.steps}, loss {told['loss']:.3f}", flush=True)
    pixels, labels = images.read_images(job, arguments.data, is_test=True)
    return {"correct": evaluate.correct_of(training.model, pixels, labels), "count": len(labels)}


def table(found):
    yield f"{'seed':>6}{'lipsweep %':>13}{'PyTorch %':>12}{'difference':>13}{'exported, in PyTorch %':>26}{'hours':>15}"
    for seed, (ours, other, exported) in found.items():
        percent = [100 * ours["accuracy"]] + [100 * r["correct"] / r["count"] for r in (other, exported)]
        hours = [f"{r['seconds'] / 3600:.2f}" for r in (ours, other)]
        yield (f"{seed:6}{percent[0]:13.2f}{percent[1]:12.2f}{percent[0] - percent[1]:+13.2f}{percent[2]:26.2f}"
               f"{', '.join(hours):>15}")


def differences(found):
    return [100 * (ours["accuracy"] - other["correct"] / other["count"]) for ours, other, _ in found.values()]


def report(found):
    print(*table(found), sep="\n")
    points = differences(found)
    mean = statistics.mean(points)
    half = STUDENT[len(points) - 1] * statistics.stdev(points) / math.sqrt(len(points)) if len(points) > 1 else math.nan
    print(f"difference of the means {mean:+.2f} points, paired 95 % interval {mean - half:+.2f} to {mean + half:+.2f}")
    otherwise = max(abs(round(ours["accuracy"] * exported["count"]) - exported["correct"])
                    for ours, _, exported in found.values())
    print(f"exported weights: lipsweep and PyTorch differ by at most {otherwise} test images")
    return 1 if otherwise > 2 or (abs(mean) >= POINTS_MAX and not abs(mean) <= half) else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with CIFAR-10's binary files")
    parser.add_argument("-o", "--out", type=pathlib.Path, required=True, help="keeps what is finished")
    parser.add_argument("--worker", type=pathlib.Path, default=WORKER)
    parser.add_argument("--seeds", type=int, default=3, choices=range(1, len(STUDENT) + 1), metavar="N")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--fraction", type=float, default=0.5)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--model", default="resnet20")
    parser.add_argument("--only", choices=("lipsweep", "pytorch"), help="these trainings, without the table")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = {}
    for seed in range(1, arguments.seeds + 1):
        folder = arguments.out / f"{arguments.model}-{arguments.epochs}-{arguments.fraction}-{arguments.batch}-seed{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "job.yaml").write_text(JOB.format(**vars(arguments) | {"data": arguments.data.resolve(), "seed": seed}))
        results = [stored(folder / f"{name}.json", lambda run=run, folder=folder: run(arguments, folder))
                   for name, run in (("lipsweep", by_lipsweep), ("pytorch", by_pytorch), ("exported", by_exported))
                   if arguments.only in (None, name)]
        found[seed] = results
    return 0 if arguments.only else report(found)


if __name__ == "__main__":
    sys.exit(main())
