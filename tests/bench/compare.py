#!/usr/bin/env python3
"""lipsweep beside PyTorch on the same machine in the same minutes, in turns: images/s and their ratios.

    /usr/bin/python3 tests/bench/compare.py [MODEL ...] [--level avx2] [--rounds N] [--seconds S] [--json FILE]
    /usr/bin/python3 tests/bench/compare.py --all --json FILE      everything docs/performance.md shows
    /usr/bin/python3 tests/bench/compare.py --show FILE            the tables of an earlier run

MODEL: mnist-cnn, resnet20, preresnet20, preresnet32-96 (all four when none is named). First every configuration of
PyTorch is tried shortly (layouts; freed memory given back or kept; for the whole machine one process with a thread a
core, or one single-threaded process a core); then rounds of lipsweep and of PyTorch's best alternate. The best is taken
for each phase on its own. --level avx2 caps both sides. Figures of one machine do not hold for another, ratios nearly
do. Prints Markdown tables. Exit 0; 2 when PyTorch or the build is missing.
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
import tables
import whole_job

MODELS = ("mnist-cnn", "resnet20", "preresnet20", "preresnet32-96")
SLOW = ("preresnet32-96",)  # two rounds are enough
PROFILED = ("mnist-cnn", "resnet20", "preresnet20")


def log(text):
    print(text, file=sys.stderr, flush=True)


def median_of(runs, configuration, phase):
    return statistics.median(run[phase] for run in runs[configuration])


def best_of(runs, phase):
    return max(runs, key=lambda configuration: median_of(runs, configuration, phase))


def try_peers(model, machine, options):
    """The configurations of PyTorch that are the best of some phase; tried once, whatever the level."""
    if (model, machine) in options.tried:
        return options.tried[model, machine]
    short = argparse.Namespace(**{**vars(options), "seconds": options.seconds / 3})
    runs = {configuration: [sides.run(configuration, model, short)[0]]
            for configuration in sides.peers(options.cores, machine)}
    options.tried[model, machine] = list(dict.fromkeys(best_of(runs, phase) for phase in sides.PHASES))
    return options.tried[model, machine]


def measure(model, machine, options):
    """Alternating rounds: the best of both sides for each phase, and every configuration that took part."""
    log(f"{model}, {'whole machine' if machine else 'one thread'}")
    runs = {configuration: [] for configuration in
            [*sides.ours(options.cores, machine), *try_peers(model, machine, options)]}
    about = {}
    for _ in range(min(options.rounds, 2) if model in SLOW else options.rounds):
        for configuration in runs:
            rates, about[configuration.side] = sides.run(configuration, model, options)
            runs[configuration].append(rates)
    phases = {}
    for phase in sides.PHASES:
        ours, peer = (best_of({c: r for c, r in runs.items() if c.side == side}, phase)
                      for side in ("lipsweep", "pytorch"))
        ratio = statistics.median(o[phase] / p[phase] for o, p in zip(runs[ours], runs[peer]))
        phases[phase] = {"lipsweep": round(median_of(runs, ours, phase)), "lipsweep_as": str(ours),
                         "pytorch": round(median_of(runs, peer, phase)), "pytorch_as": str(peer),
                         "ratio": round(ratio, 2)}
    every = {f"{c.side} {c}": {phase: round(median_of(runs, c, phase)) for phase in sides.PHASES} for c in runs}
    return {"phases": phases, "configurations": every, "batch": about["lipsweep"]["batch"],
            "cpu_class": about["lipsweep"]["cpu_class"]}


def compare(models, options):
    extents = {"one_thread": False, "machine": True} if options.cores > 1 else {"one_thread": False}
    return {"rounds": options.rounds, "seconds": options.seconds,
            "models": {model: {name: measure(model, machine, options) for name, machine in extents.items()}
                       for model in models}}


def cpu_info():
    return pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")


def describe():
    fields = dict(re.findall(r"^([\w ]+?)\s*:\s*(.*)$", cpu_info(), re.MULTILINE))
    family = f", family {fields['cpu family']}, model {fields['model']}" if "cpu family" in fields else ""
    code = "import torch, re; print(torch.__version__, *re.findall(r'MKL-DNN v([0-9.]+)', torch.__config__.show()))"
    version = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return (f"{fields.get('model name', os.uname().machine)}{family}, {len(os.sched_getaffinity(0))} cores; PyTorch "
            f"{version[0]}, oneDNN {version[-1]}")


def run_json(command, level):
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **sides.LEVELS.get(level, {})}
    return json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout)


def measure_level(level, options):
    """The highest level with all its rounds, the capped one with one less: it took --all long enough."""
    bench = options.build / "tests/bench"
    log(f"kernels and profiles, level {level}")
    return {"kernels": run_json([bench / "bench_kernels"], level),
            "profile": {model: run_json([bench / "bench_profile", model, "1"], level) for model in PROFILED},
            "comparison": compare(options.models or MODELS, argparse.Namespace(**{
                **vars(options), "level": level, "rounds": max(1, options.rounds - (level != "highest"))}))}


def everything(options):
    """At the highest level, and at AVX2 where the machine has more."""
    levels = ["highest"] + (["avx2"] if " avx512f" in cpu_info() else [])
    result = {"machine": describe(), "levels": {level: measure_level(level, options) for level in levels}}
    try:
        log("whole jobs")
        result["whole_job"] = whole_job.measure(options.build, 5, 2 * options.cores, options.cores)
    except subprocess.CalledProcessError as failure:
        log(f"whole jobs were not measured (LIPSWEEP_DATA must hold the MNIST files): {failure}")
    return result


def what_is_missing(options):
    if importlib.util.find_spec("torch") is None:
        return (f"{sys.executable} has no PyTorch to compare with: apt-get install python3-torch, then run this with "
                "/usr/bin/python3")
    if not (options.build / "tests/bench/bench_step").exists():
        return f"{options.build} has no tests/bench/bench_step: meson setup build && ninja -C build"
    return None


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--build", default=sides.HERE.parent.parent / "build", type=pathlib.Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--show", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--level", choices=("highest", *sides.LEVELS), default="highest")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.4, help="time for each phase of a round")
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    options.build, options.cores, options.tried = options.build.resolve(), len(os.sched_getaffinity(0)), {}
    unknown = set(options.models) - set(MODELS)
    if unknown:
        parser.error(f"no such model: {', '.join(unknown)} (known: {', '.join(MODELS)})")
    return options


def main():
    options = read_options()
    if options.show:
        result = json.loads(options.show.read_text(encoding="utf-8"))
    else:
        missing = what_is_missing(options)
        if missing:
            log(f"compare.py: {missing}")
            return 2
        result = everything(options) if options.all else {
            "machine": describe(), "levels": {options.level: {"comparison": compare(options.models or MODELS, options)}}}
    if options.json:
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    print("\n".join(tables.everything(result)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
