#!/usr/bin/env python3
"""Where the wall time of whole jobs goes: `lipsweep run` of some mnist trainings with their noisy tests.

    LIPSWEEP_DATA=DIR /usr/bin/python3 tests/bench/whole_job.py [--build DIR] [--epochs N] [--jobs N] [--slots N]
                                                                [--json FILE]

For each job, from its lease to its recorded end: start and data (the runner starts, reads and checks the data set,
places memory), training, evaluation, end (checkpoint, weights, result, report); then the share of the wall time of all
jobs, on all slots, that is neither training nor evaluation: what is idle between two jobs is in it. And images/s of each
epoch. Needs the MNIST files.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
SWEEP = """name: whole-job
dataset: {{name: mnist, validation_count: 5000}}
model: mnist-cnn
train: {{epochs: {epochs}, batch: 100, lr: 0.05}}
grid: {{lambda: 1, k: 0.1, sigma: 0.1}}
baseline: false
seeds: {jobs}
test: {{sigma: {{from: 0, to: 0.8, step: 0.1}}, seed: 1}}
"""


def began_training(lipsweep, database, job):
    """When the runner had its data: seconds since the epoch of its first message."""
    log = subprocess.run([lipsweep, "logs", f"j{job}", "--db", database], stdout=subprocess.PIPE, check=True, text=True)
    time = re.search(r"^(\S+)Z \S+ info: training ", log.stdout, re.MULTILINE).group(1)
    return datetime.datetime.fromisoformat(time + "+00:00").timestamp()


def phases_of(lipsweep, path):
    """One dict a job; and of all the begin and the end."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT job, leased_at / 1e3, ended_at / 1e3, train_s, evaluate_s FROM attempt "
                                "WHERE outcome = 'done' ORDER BY job").fetchall()
        rates = [rate for rate, in database.execute("SELECT images_per_s FROM epoch_metric ORDER BY job, epoch")]
    jobs = []
    for job, leased, ended, train_s, evaluate_s in rows:
        began = began_training(lipsweep, path, job)
        jobs.append({"start_and_data_s": began - leased, "train_s": train_s, "evaluate_s": evaluate_s,
                     "end_s": ended - began - train_s - evaluate_s, "wall_s": ended - leased})
    return jobs, rates, max(row[2] for row in rows) - min(row[1] for row in rows)


def measure(build, epochs, jobs, slots):
    lipsweep = build / "client/lipsweep"
    with tempfile.TemporaryDirectory(prefix="lipsweep-") as folder:
        sweep, path = pathlib.Path(folder, "whole-job.yaml"), pathlib.Path(folder, "whole-job.db")
        sweep.write_text(SWEEP.format(epochs=epochs, jobs=jobs), encoding="utf-8")
        subprocess.run([lipsweep, "run", sweep, "--db", path, "--slots", str(slots), "--quiet", "--yes"], check=True,
                       stdout=subprocess.DEVNULL, cwd=folder)
        measured, rates, wall_s = phases_of(lipsweep, path)
    if len(measured) != jobs:
        raise SystemExit(f"whole_job.py: {len(measured)} of {jobs} jobs were done")
    busy_s = sum(job["train_s"] + job["evaluate_s"] for job in measured)
    medians = {name: round(statistics.median(job[name] for job in measured), 3) for name in measured[0]}
    return {"epochs": epochs, "jobs": jobs, "slots": slots, "median": medians,
            "images_per_s": round(statistics.median(rates)), "wall_s": round(wall_s, 3),
            "share_outside": round(1 - busy_s / (slots * wall_s), 4)}


def print_table(result):
    print(f"{result['jobs']} mnist jobs of {result['epochs']} epochs on {result['slots']} slots, "
          f"{result['images_per_s']} images/s in training; medians")
    for name, seconds in result["median"].items():
        print(f"  {name.removesuffix('_s').replace('_', ' '):16}{seconds:9.3f} s")
    print(f"  outside training and evaluation {result['share_outside']:.1%} of all slots' wall time")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=CHECKOUT / "build", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--slots", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--jobs", type=int, default=0, help="default: two a slot")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    result = measure(options.build.resolve(), options.epochs, options.jobs or 2 * options.slots, options.slots)
    print_table(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
