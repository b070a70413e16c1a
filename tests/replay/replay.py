#!/usr/bin/env python3
"""Replays the first steps of a training from docs/reproducibility.md alone, with numpy and PyTorch.

    lipsweep-worker train JOB.yaml -o OUT --trace
    replay.py OUT/trace --data DATA          the folder with the data set's files; for a set that the program
                                             draws itself, what `lipsweep-worker dump-data JOB.yaml -o DATA` wrote
    replay.py OUT/trace --data DATA --free [--bound 1e-4]

Each step starts from the trace's weights, running statistics and optimiser state, so that rounding does not add
up. Images must be the same; loss terms, the gradient's norm, weights and whatever else the step changed must be
near what PyTorch computes in float64: within the bounds of comparison.py or within 3 times PyTorch's own float32,
which is computed beside it.

With --free the steps run on from the trace's first weights. Then the distances are reported, and bounded only
if --bound says how."""

import argparse
import pathlib
import sys

import torch

import images
import networks
from comparison import Comparison, ROUNDING
from traces import Trace, classes_of, read_tensors
from training import Training


def check_start(trace, model):
    """The first weights are those that the streams draw, or those of the file that the job names."""
    weights, _ = trace.state(1)
    named = list(dict(model.named_parameters())) + [n for n in model.state_dict() if "running" in n]
    wanted, tolerance = networks.initial_weights(trace.job["seed"], model), ROUNDING
    if trace.job["model.init"]:
        (wanted, _), tolerance = read_tensors(pathlib.Path(trace.job["model.init"])), 0
    else:
        wanted |= {n: torch.full_like(weights[n], float(n.endswith("var"))) for n in weights if "running" in n}
    failures = []
    if list(weights) != named or weights.keys() != wanted.keys():
        failures.append(f"the tensors are {list(weights)}, not {named}")
        return failures
    for name, tensor in weights.items():
        # Other logarithms and cosines give a rare other last bit.
        if tensor.shape != wanted[name].shape or ((tensor - wanted[name]).abs() > tolerance * tensor.abs()).any():
            failures.append(f"initial {name} differs")
    return failures


def replay(trace, folder, is_free=False, bound=None):
    pixels, labels = images.read_images(trace.job, folder)
    data = images.TrainingSet(trace.job, pixels, labels)
    classes = classes_of(trace.state(1)[0])
    exact, single = (Training(trace.job, data, classes, dtype) for dtype in (torch.float64, torch.float32))
    comparison = Comparison((bound or 0) if is_free else None)
    comparison.failures += check_start(trace, exact.model)
    if comparison.failures:
        return comparison
    for told in trace.steps:
        number = told["step"]
        epoch, place = divmod(number - 1, data.steps_an_epoch)
        batch = data.batch(epoch + 1, place)
        if told["epoch"] != epoch + 1 or told["images"] != batch.indices.tolist():
            comparison.failures.append(f"step {number}: epoch {epoch + 1} and images {batch.indices[:5]}… here, "
                                       f"{told['epoch']} and {told['images'][:5]}… in the trace")
            continue
        if not is_free or number == 1:
            for training in (exact, single):
                training.load(*trace.state(number))
        before = None if is_free else exact.arrays()
        comparison.terms(number, told, exact.step(number, batch), single.step(number, batch))
        comparison.arrays(number, before, trace.arrays(number + 1), exact.arrays(), single.arrays())
    return comparison


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("trace", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with the data set's files")
    parser.add_argument("--free", action="store_true", help="do not start each step from the trace")
    parser.add_argument("--bound", type=float, help="with --free: of losses and weights, relative")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    trace = Trace(arguments.trace)
    comparison = replay(trace, arguments.data, arguments.free, arguments.bound)
    failures = comparison.all_failures()
    for failure in failures:
        print(failure)
    print(f"{len(trace.steps)} steps replayed; distances from PyTorch's float64:")
    print(*comparison.table(), sep="\n")
    return 1 if failures or not trace.steps else 0


if __name__ == "__main__":
    sys.exit(main())
