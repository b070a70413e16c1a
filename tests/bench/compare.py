#!/usr/bin/env python3
"""A network on one thread, lipsweep beside PyTorch, in turns on the same machine.

    /usr/bin/python3 tests/bench/compare.py [MODEL] [--build DIR] [--rounds N] [--seconds S] [--json]

MODEL: mnist-cnn (default), resnet20, preresnet20. Prints the medians of both and their ratio, with the CPU and the kernel level: figures of one machine do
not hold for another, ratios nearly do. Exit 0; 2 when PyTorch or the build is missing.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PHASES = {"train_lipschitz": "Lipschitz training", "train_standard": "standard training", "evaluate": "evaluation"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return os.uname().machine


def run(command):
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def measure(bench, model, rounds, seconds):
    """Alternating runs: [(ours, peer)], each a dict of images a second."""
    pairs = []
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        pairs.append((run([bench, model, str(seconds)]),
                      run([sys.executable, str(HERE / "torch_peer.py"), model, str(seconds)])))
    return pairs


def summarise(pairs):
    ours, peer = pairs[0]
    rows = {}
    for phase in PHASES:
        rows[phase] = {"lipsweep": statistics.median(o[phase] for o, _ in pairs),
                       "pytorch": statistics.median(p[phase] for _, p in pairs),
                       "ratio": round(statistics.median(o[phase] / p[phase] for o, p in pairs), 3)}
    return {"model": ours["model"], "threads": 1, "rounds": len(pairs), "cpu": cpu_name(),
            "cpu_class": ours["cpu_class"], "torch": peer["torch"], "images_per_s": rows}


def print_table(summary):
    print(f"{summary['model']}, 1 thread, median of {summary['rounds']} rounds, images/s")
    print(f"CPU: {summary['cpu']}; lipsweep: {summary['cpu_class']}; PyTorch {summary['torch']}\n")
    print(f"{'':20}{'lipsweep':>10}{'PyTorch':>10}{'ratio':>8}")
    for phase, name in PHASES.items():
        row = summary["images_per_s"][phase]
        print(f"{name:20}{row['lipsweep']:>10.0f}{row['pytorch']:>10.0f}{row['ratio']:>8.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="mnist-cnn", choices=("mnist-cnn", "resnet20", "preresnet20"))
    parser.add_argument("--build", default=HERE.parent.parent / "build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1, help="time for each phase of a round")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    bench = arguments.build / "tests" / "bench" / "bench_step"
    if importlib.util.find_spec("torch") is None:
        print(f"compare.py: {sys.executable} has no PyTorch to compare with: apt-get install python3-torch, "
              "then run this with /usr/bin/python3", file=sys.stderr)
        return 2
    if not bench.exists():
        print(f"compare.py: {bench} is not there: meson setup build && ninja -C build", file=sys.stderr)
        return 2
    summary = summarise(measure(str(bench), arguments.model, arguments.rounds, arguments.seconds))
    if arguments.json:
        print(json.dumps(summary, indent=1))
    else:
        print_table(summary)
    return 0


if __name__ == "__main__":
    sys.exit(main())
