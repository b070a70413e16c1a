#!/usr/bin/env python3
"""A sweep of a million jobs, from the file to the workers, on a coordinator of its own.

    tests/bench/million_jobs.py FOLDER [--build DIR] [--jobs N] [--finished N]

FOLDER (created; not removed) takes the database. Measured, in this order: `plan`; `submit`, while a worker made of
this program leases jobs of another sweep and hands them back; the same rows into a bare SQLite database with the same
table, indexes and durability, in transactions as large as the coordinator's; a restart on the database, after a
kill; status, a page of jobs and results, with some jobs finished (written here: no training's result)."""
import argparse
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import threading
import time

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests/system"))
from wire import Peer  # noqa: E402

SWEEP = """name: {name}
dataset: glyphs
model: mnist-cnn
train: {{epochs: 1, batch: 100, lr: 0.05}}
grid:
  lambda: {{from: 0.01, to: 1, count: {weights}}}
  k: {{from: 0.01, to: 1, count: 50}}
  sigma: {{from: 0.01, to: 1, count: 40}}
seeds: 5
test: {{sigma: [0, 0.1, 0.2]}}
"""
PER_WEIGHT = 50 * 40 * 5


class Coordinator:
    def __init__(self, build, folder):
        (folder / "run").mkdir(mode=0o700, exist_ok=True)
        self.database, self.endpoint = folder / "jobs.db", f"ipc://{folder}/run/c"
        lock = pathlib.Path(f"{self.database}.lock")
        lock.unlink(missing_ok=True)
        began = time.monotonic()
        self.process = subprocess.Popen([build / "coordinator/lipsweep-coordinator", "--db", self.database, "--listen",
                                         self.endpoint], stdout=subprocess.DEVNULL,
                                        stderr=open(folder / "coordinator.log", "ab"))
        while not (lock.exists() and "ipc:" in lock.read_text()):
            assert self.process.poll() is None, (folder / "coordinator.log").read_text()
            time.sleep(0.005)
        self.start_s = time.monotonic() - began

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait()

    def stat(self):
        """Seconds of a processor, written bytes, peak MiB."""
        proc = pathlib.Path(f"/proc/{self.process.pid}")
        fields = (proc / "stat").read_text().rsplit(")", 1)[1].split()
        written = dict(line.split(": ") for line in (proc / "io").read_text().splitlines())["write_bytes"]
        peak = next(line for line in (proc / "status").read_text().splitlines() if line.startswith("VmHWM"))
        return ((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(written), int(peak.split()[1]) / 1024)


class Leaser(threading.Thread):
    """A worker that takes a job and hands it back, again and again."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self.endpoint, self.latencies, self.done = endpoint, [], threading.Event()

    def run(self):
        with Peer(self.endpoint) as peer:
            peer.hello()
            while not self.done.is_set():
                began = time.monotonic()
                peer.heartbeat(free_slots=1)
                lease = peer.receive("lease", timeout=120).lease
                self.latencies.append(time.monotonic() - began)
                peer.send(release=dict(attempt=lease.attempt, reason="measuring", outcome=4))
                peer.receive("release_ack", timeout=120)
                peer.backlog.clear()


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def timed(command, **more):
    began = time.monotonic()
    result = subprocess.run(command, stdout=subprocess.PIPE, check=True, **more)
    return time.monotonic() - began, result.stdout.decode()


def bare(source, target, per_transaction):
    """The job rows of `source` into a new database, by SQLite alone."""
    target.unlink(missing_ok=True)
    began, cpu = time.monotonic(), time.process_time()
    with sqlite3.connect(target, isolation_level=None) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA cache_size = -65536")
        database.execute("ATTACH ? AS source", [str(source)])
        for sql, in database.execute("SELECT sql FROM source.sqlite_schema WHERE tbl_name = 'job' AND sql NOTNULL "
                                     "ORDER BY type DESC").fetchall():
            database.execute(sql)
        last, = database.execute("SELECT max(id) FROM source.job").fetchone()
        for after in range(0, last, per_transaction):
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT INTO main.job SELECT * FROM source.job WHERE id > ? AND id <= ?",
                             [after, after + per_transaction])
            database.execute("COMMIT")
    database.close()
    return time.monotonic() - began, time.process_time() - cpu


def finish(path, sweep, count):
    """Writes what `count` finished jobs of a sweep leave behind."""
    with sqlite3.connect(path) as database:
        jobs = [row[0] for row in database.execute("SELECT id FROM job WHERE sweep = ? AND state = 'pending' AND attempt = 0 "
                                                   "ORDER BY id LIMIT ?", [sweep, count])]
        worker, = database.execute("SELECT max(id) FROM worker").fetchone()
        database.executemany("UPDATE job SET state = 'done', attempt = 1, finished_at = 1 WHERE id = ?",
                             [(job,) for job in jobs])
        database.executemany("INSERT INTO attempt (job, number, worker, outcome, leased_at, train_s, evaluate_s) "
                             "VALUES (?, 1, ?, 'done', 1, 10, 1)", [(job, worker) for job in jobs])
        names = [row[1] for row in database.execute("PRAGMA table_info(accuracy)")]
        database.executemany(f"INSERT INTO accuracy VALUES ({', '.join('?' * len(names))})",
                             [(job, sigma, 1000, 900) + (0.9 - sigma + job % 7 / 100,) * (len(names) - 4)
                              for job in jobs for sigma in (0, 0.1, 0.2)])
    database.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, default=CHECKOUT / "build")
    parser.add_argument("--jobs", type=int, default=1000000)
    parser.add_argument("--finished", type=int, default=10000)
    options = parser.parse_args()
    folder, lipsweep = options.folder.resolve(), options.build.resolve() / "client/lipsweep"
    folder.mkdir(exist_ok=True)
    for name, weights in (("million", max(2, options.jobs // PER_WEIGHT)), ("other", max(2, -(-options.finished // PER_WEIGHT)))):
        (folder / f"{name}.yaml").write_text(SWEEP.format(name=name, weights=weights) + "baseline: false\n")
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    (folder / "jobs.db").unlink(missing_ok=True)
    coordinator = Coordinator(options.build, folder)
    subprocess.run([lipsweep, "submit", folder / "other.yaml", "--connect", coordinator.endpoint],
                   check=True, stdout=subprocess.DEVNULL)
    leaser = Leaser(coordinator.endpoint)
    leaser.start()
    time.sleep(2)
    before, quiet = coordinator.stat(), len(leaser.latencies)
    wall, _ = timed([lipsweep, "submit", folder / "million.yaml", "--connect", coordinator.endpoint])
    after, busy = coordinator.stat(), leaser.latencies[quiet:]
    leaser.done.set()
    leaser.join()
    print(f"stored {options.jobs} jobs: {wall:.1f} s, {after[0] - before[0]:.1f} s of a processor, "
          f"{(after[1] - before[1]) / 1e6:.0f} MB written, peak {after[2]:.0f} MiB")
    print(f"leases of another sweep meanwhile: {len(busy)}, median {percentile(busy, 0.5) * 1e3:.1f} ms, "
          f"p99 {percentile(busy, 0.99) * 1e3:.1f} ms (before: "
          f"{percentile(leaser.latencies[:quiet], 0.99) * 1e3:.1f} ms)")
    coordinator.stop(signal.SIGKILL)
    per_transaction = 1000
    wall, cpu = bare(coordinator.database, folder / "bare.db", per_transaction)
    print(f"bare SQLite, {per_transaction} rows a transaction: {wall:.1f} s, {cpu:.1f} s of a processor")
    (folder / "bare.db").unlink()
    finish(coordinator.database, 1, options.finished)
    coordinator = Coordinator(options.build, folder)
    print(f"restart after a kill: {coordinator.start_s:.2f} s; database "
          f"{coordinator.database.stat().st_size / 1e6:.0f} MB")
    for words in (["status"], ["jobs", "million", "--limit", "50"], ["results", "other"], ["results", "million"]):
        for where in (["--db", coordinator.database], ["--connect", coordinator.endpoint]):
            best = min(timed([lipsweep, *words, *where])[0] for _ in range(3))
            print(f"{best * 1e3:7.0f} ms  {' '.join(words)} {where[0]}")
    coordinator.stop()


if __name__ == "__main__":
    sys.exit(main())
