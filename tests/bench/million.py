#!/usr/bin/env python3
"""Measures what `lipsweep results`, `lipsweep sensitivity` and the views cost on a database of a million result rows.

    tests/bench/million.py FILE.db [--build DIR] [--points N] [--seeds N] [--levels N]

FILE.db is made when it does not exist: a coordinator makes the schema, the rows are drawn here (λ × K × σ with
the standard baseline, accuracies that depend on λ and the test noise). Then each command runs three times; the
table has the smallest wall and processor times and the largest resident memory. Nothing of this is a training's result."""
import argparse
import hashlib
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import time

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = (CHECKOUT / "schemas").glob("[0-9][0-9][0-9]*.sql")
SWEEP = """name: million
dataset: glyphs
model: mnist-cnn
train: {epochs: 1, batch: 100, lr: 0.05}
grid: {lambda: 1, k: 1, sigma: 0.1}
baseline: false
seeds: 1
test: {sigma: [0]}
"""


def columns_of(database, table):
    return [row[1] for row in database.execute(f"PRAGMA table_info({table})")]


def insert(database, table, names, rows):
    marks = ", ".join("?" * len(names))
    database.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)


def points_of(count):
    yield 0.0, None, None
    side = max(1, round((count - 1) ** (1 / 3)))
    for i in range(count - 1):
        yield (0.01 * (1 + i // (side * side)), 0.5 + i // side % side, 0.05 * (1 + i % side))


def fill(database, points, seeds, levels):
    draw = random.Random(1)
    job_names = columns_of(database, "job")
    template = dict(zip(job_names, database.execute("SELECT * FROM job LIMIT 1").fetchone()))
    database.execute("DELETE FROM job")
    database.execute("UPDATE sweep SET point_count = ?, job_count = ?", (points, points * seeds))
    jobs, accuracies, quotients, metrics, attempts, number = [], [], [], [], [], 0
    for seed in range(seeds):
        for point, (weight, k, sigma) in enumerate(points_of(points)):
            number += 1
            mark = hashlib.sha256(f"{number}".encode()).digest()
            jobs.append(list((template | {
                "id": number, "point": point, "state": "done", "attempt": 1, "training": number, "train_hash": mark,
                "job_hash": mark, "lambda": weight, "k": k, "sigma": sigma, "seed": seed,
                "finished_at": 1}).values()))
            attempts.append((number, 1, 1, "done", 1, 10.0, 1.0))
            metrics.append((number, 1, 1, 0.5, 0.4, 0.1, 0.9, 0.5, 1.0, 1000.0))
            for level in range(levels):
                noise = level / levels
                accuracy = 0.98 - 0.5 * noise / (1 + weight) + draw.gauss(0, 0.01)
                accuracies.append((number, noise, 10000, round(accuracy * 10000), accuracy) + (0.5,) * 13)
                if level:
                    quotients.append((number, noise) + (0.5,) * 14)
    database.execute("INSERT INTO worker (id, instance, host, pid, build, cpu_class, slots, threads, cpu_count, memory_bytes,"
                     " first_seen_at, last_seen_at) VALUES (1, zeroblob(16), 'host', 1, 'build', 'cpu', 1, 1, 1, 1, 1, 1)")
    insert(database, "training", ["id", "train_hash", "build", "cpu_class", "host", "weights_digest", "dataset_digest",
                                  "step_count", "train_s", "finished_at"],
           ((i + 1, b"x", "build", "cpu", "host", "d", "d", 1, 10.0, 1) for i in range(number)))
    insert(database, "job", job_names, jobs)
    insert(database, "attempt", ["job", "number", "worker", "outcome", "leased_at", "train_s", "evaluate_s"], attempts)
    insert(database, "epoch_metric", columns_of(database, "epoch_metric"), metrics)
    insert(database, "accuracy", columns_of(database, "accuracy"), accuracies)
    insert(database, "quotient", columns_of(database, "quotient"), quotients)


def generate(path, lipsweep, options):
    sweep = path.with_suffix(".yaml")
    sweep.write_text(SWEEP, encoding="utf-8")
    subprocess.run([lipsweep, "submit", sweep, "--db", path], check=True, stdout=subprocess.DEVNULL)
    sweep.unlink()
    database = sqlite3.connect(path)
    with database:
        fill(database, options.points, options.seeds, options.levels)
    database.close()


def measure(command):
    """Wall and processor seconds and resident MiB of one run; its output goes nowhere."""
    before = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=CHECKOUT)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    return time.monotonic() - before, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, default=CHECKOUT / "build")
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--levels", type=int, default=10)
    options = parser.parse_args()
    lipsweep, path = options.build / "client/lipsweep", options.file.resolve()
    if not path.exists():  # in a process of its own: a child's peak memory starts at its parent's
        maker = os.fork()
        if maker == 0:
            generate(path, lipsweep, options)
            os._exit(0)
        assert os.waitpid(maker, 0)[1] == 0
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        ((schema,),), newest = database.execute("PRAGMA user_version"), max(int(file.name[:3]) for file in SCHEMAS)
        if schema != newest:
            sys.exit(f"{path} has schema {schema}, this version has {newest}: open it once with a coordinator of this version "
                     f"(lipsweep-coordinator --db {path})")
        (count,), = database.execute("SELECT count(*) FROM results")
    database.close()
    print(f"{count} result rows, {path.stat().st_size / 1e6:.0f} MB")
    commands = [["results", "last", "--db", path], ["results", "last", "--format", "csv", "--db", path],
                ["sensitivity", "last", "--db", path]]
    for view in ("results", "results_by_point", "robust_accuracy", "noise_tolerance", "results_wide", "provenance"):
        commands.append(["sql", f"SELECT count(*) FROM (SELECT * FROM {view} LIMIT -1 OFFSET 1)",
                         "--timeout", "300", "--memory", "2000", "--db", path])
    for command in commands:
        runs = [measure([lipsweep, *command]) for _ in range(3)]
        words = command[1] if command[0] == "sql" else " ".join(map(str, command[:2]))
        print(f"{min(r[0] for r in runs):7.2f} s {min(r[1] for r in runs):7.2f} s of a processor "
              f"{max(r[2] for r in runs):7.0f} MiB  {words}"
              f"{' csv' if 'csv' in command else ''}")


if __name__ == "__main__":
    sys.exit(main())
