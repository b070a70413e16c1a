#!/usr/bin/env python3
"""lipsweep beside PyTorch on the same machine in the same minutes, in turns: images/s and their ratios.

    /usr/bin/python3 tests/bench/compare.py [MODEL ...] [--level avx2] [--rounds N] [--seconds S] [--json FILE]
    /usr/bin/python3 tests/bench/compare.py --all --json FILE      everything docs/performance.md shows (10 to 15 min)

MODEL: mnist-cnn, resnet20, preresnet20, preresnet32-96 (all four when none is named). First every configuration of
PyTorch is tried shortly (layouts; freed memory given back or kept; for the whole machine one process with a thread a
core, or one single-threaded process a core); then rounds of lipsweep and of PyTorch's best alternate. The best is taken
for each phase on its own. --level avx2 caps both sides. Figures of one machine do not hold for another, ratios nearly
do. Exit 0; 2 when PyTorch or the build is missing.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

import sides

NAMES = {"train_lipschitz": "Lipschitz", "train_standard": "standard", "evaluate": "evaluation"}
MODELS = ("mnist-cnn", "resnet20", "preresnet20", "preresnet32-96")


def log(text):
    print(text, file=sys.stderr, flush=True)


def median_of(runs, configuration, phase):
    return statistics.median(run[phase] for run in runs[configuration])


def best_of(runs, phase):
    return max(runs, key=lambda configuration: median_of(runs, configuration, phase))


def try_peers(model, machine, options):
    """The configurations of PyTorch that are the best of some phase."""
    short = argparse.Namespace(**{**vars(options), "seconds": options.seconds / 2})
    runs, about = {}, {}
    for configuration in sides.peers(options.cores, machine):
        rates, about = sides.run(configuration, model, short)
        runs[configuration] = [rates]
    return list(dict.fromkeys(best_of(runs, phase) for phase in sides.PHASES)), about


def measure(model, machine, options):
    """Alternating rounds; one row a phase, and every configuration of ours."""
    log(f"{model}, {'whole machine' if machine else 'one thread'}")
    best, peer_about = try_peers(model, machine, options)
    configurations = [*sides.ours(options.cores, machine), *best]
    runs, about = {configuration: [] for configuration in configurations}, {}
    for _ in range(options.rounds):
        for configuration in configurations:
            rates, says = sides.run(configuration, model, options)
            runs[configuration].append(rates)
            about[configuration.side] = says
    rows = {}
    for phase in sides.PHASES:
        ours, peer = (best_of({c: r for c, r in runs.items() if c.side == side}, phase)
                      for side in ("lipsweep", "pytorch"))
        ratio = statistics.median(o[phase] / p[phase] for o, p in zip(runs[ours], runs[peer]))
        rows[phase] = {"lipsweep": round(median_of(runs, ours, phase)), "pytorch": round(median_of(runs, peer, phase)),
                       "ratio": round(ratio, 2), "lipsweep_as": str(ours), "pytorch_as": str(peer)}
    every = {f"{c.side} {c}": {phase: round(median_of(runs, c, phase)) for phase in sides.PHASES} for c in runs}
    return {"phases": rows, "configurations": every, "batch": about["lipsweep"]["batch"],
            "cpu_class": about["lipsweep"]["cpu_class"], "torch": peer_about["torch"]}


def print_comparison(result):
    for model, both in result["models"].items():
        for extent, measured in both.items():
            print(f"{model}, {extent.replace('_', ' ')}, batch {measured['batch']}, images/s")
            for phase, row in measured["phases"].items():
                print(f"  {NAMES[phase]:12}{row['lipsweep']:>9}{row['pytorch']:>9}{row['ratio']:>7.2f}"
                      f"   {row['lipsweep_as']} | {row['pytorch_as']}")


def compare(models, options):
    extents = {"one_thread": False, "machine": True} if options.cores > 1 else {"one_thread": False}
    result = {"level": options.level or "highest", "rounds": options.rounds,
              "models": {model: {name: measure(model, machine, options) for name, machine in extents.items()}
                         for model in models}}
    print(f"{describe()}, {options.level or 'highest'} kernel level; median of {options.rounds} rounds: lipsweep, "
          "PyTorch, ratio, processes x threads of both")
    print_comparison(result)
    return result


def cpu_name():
    info = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    fields = dict(re.findall(r"^([\w ]+?)\s*:\s*(.*)$", info, re.MULTILINE))
    family = f", family {fields['cpu family']}, model {fields['model']}" if "cpu family" in fields else ""
    return fields.get("model name", os.uname().machine) + family


def describe():
    code = "import torch, re; print(torch.__version__, *re.findall(r'MKL-DNN v([0-9.]+)', torch.__config__.show()))"
    version = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return f"{cpu_name()}, {len(os.sched_getaffinity(0))} cores; PyTorch {version[0]}, oneDNN {version[-1]}"


def run_json(command, level=None):
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **sides.LEVELS.get(level, {})}
    return json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout)


def print_kernels(kernels):
    print(f"\nkernels, one thread, {kernels['cpu_class']}, FMA peak {kernels['peak_gflops']:.0f} GFLOP/s: "
          "GFLOP/s and share of the peak")
    for layer in kernels["layers"]:
        figures = "".join(f"{layer[d]['gflops']:>8.0f} ({layer[d]['share_of_peak']:4.0%})" if d in layer else " " * 16
                          for d in ("forward", "weight_gradient", "both_gradients"))
        print(f"  {layer['layer']:48}{figures}")


def capped_levels():
    """None, for as high as it goes; and AVX2 where the machine has more."""
    return (None, "avx2") if " avx512f" in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8") else (None,)


def everything(options):
    bench = options.build / "tests/bench"
    result = {"machine": describe(), "levels": {}}
    for level in capped_levels():
        options.level = level
        kernels = run_json([bench / "bench_kernels"], level)
        result["levels"][level or "highest"] = {"kernels": kernels, "comparison": compare(MODELS, options)}
        print_kernels(kernels)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--build", default=sides.HERE.parent.parent / "build", type=pathlib.Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--level", choices=tuple(sides.LEVELS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1, help="time for each phase of a round")
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    options.cores = len(os.sched_getaffinity(0))
    unknown = set(options.models) - set(MODELS)
    if unknown:
        parser.error(f"no such model: {', '.join(unknown)} (known: {', '.join(MODELS)})")
    if importlib.util.find_spec("torch") is None:
        log(f"compare.py: {sys.executable} has no PyTorch to compare with: apt-get install python3-torch, then run this "
            "with /usr/bin/python3")
        return 2
    if not (options.build / "tests/bench/bench_step").exists():
        log(f"compare.py: {options.build} has no tests/bench/bench_step: meson setup build && ninja -C build")
        return 2
    result = everything(options) if options.all else compare(options.models or MODELS, options)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
