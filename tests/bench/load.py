#!/usr/bin/env python3
"""How much one coordinator carries, with keys, from a load generator (load.c) on the other processor.

    tests/bench/load.py FOLDER [--build DIR] [--seconds S] [idle] [closed] [slow] [half]

FOLDER (created; not removed) takes databases and keys. The coordinator is bound to processor 0, the generator to 1.

idle    2,000 workers that wait, at default heartbeats: share of a processor, memory of each; a restart
closed  200 workers, a job of 0 s after the other: durable results a second; bare SQLite writing the same rows
slow    the same with each sync 5 ms longer
half    2,000 workers at half of that: the latency of leases"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
SWEEP = """name: load
dataset: glyphs
model: mnist-cnn
train: {epochs: 5, batch: 100, lr: 0.05}
grid:
  lambda: {from: 0.01, to: 1, count: 100}
  k: {from: 0.01, to: 1, count: 100}
  sigma: {from: 0.01, to: 1, count: COUNT}
seeds: 1
baseline: false
run: {reuse: REUSE}
test: {sigma: [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4]}
"""
TABLES = ("training", "epoch_metric", "accuracy", "quotient", "attempt", "event")


class Coordinator:
    def __init__(self, folder, build, name, sync_ms=0, endpoint="tcp://127.0.0.1:0"):
        self.folder, self.build, self.sync_ms = folder, build, sync_ms
        self.database, self.keys = folder / f"{name}.db", folder / "keys"
        self.log = folder / f"{name}.log"
        self.start(endpoint)

    def tool(self, *words):
        subprocess.run([self.build / "client/lipsweep", *words], check=True, cwd=self.folder, stdout=subprocess.DEVNULL)

    def start(self, endpoint):
        environment = dict(os.environ)
        if self.sync_ms:
            environment |= {"LD_PRELOAD": str(self.build / "tests/bench/slow_sync.so"), "LIPSWEEP_SYNC_MS": str(self.sync_ms)}
        lock = pathlib.Path(f"{self.database}.lock")
        lock.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", self.build / "coordinator/lipsweep-coordinator", "--db", self.database, "--listen",
             endpoint, "--keys", self.keys], env=environment, stderr=open(self.log, "ab"),
            stdout=subprocess.DEVNULL)
        while not (lock.exists() and "ipc:" in lock.read_text()):
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.01)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait()

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_kib(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1])


def port():
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def prepare(folder, build, name, jobs=0, sync_ms=0):
    """A coordinator with a sweep of that many jobs (0: none) and a join file for workers."""
    for old in folder.glob(f"{name}.db*"):
        if old.is_file():
            old.unlink()
    endpoint = f"tcp://127.0.0.1:{port()}"
    subprocess.run([build / "client/lipsweep", "key", "join", name, "--keys", folder / "keys", "--role", "worker",
                    "--address", endpoint, "-o", folder / f"{name}.join"], check=True, cwd=folder, stdout=subprocess.DEVNULL)
    coordinator = Coordinator(folder, build, name, sync_ms, endpoint)
    coordinator.endpoint = endpoint
    if jobs:
        (folder / "load.yaml").write_text(SWEEP.replace("COUNT", str(max(2, -(-jobs // 10000)))).replace("REUSE", "true"))
        coordinator.tool("submit", folder / "load.yaml", "--db", coordinator.database)
    return coordinator


def generator(coordinator, name, *words):
    return subprocess.Popen(["taskset", "-c", "1", coordinator.build / "tests/bench/load", "--join",
                             coordinator.folder / f"{name}.join", *map(str, words)], stdout=subprocess.PIPE, text=True)


def wait_for(process, word):
    while not (line := process.stdout.readline()).startswith(word):
        assert line, f"the generator ended before it said {word}"
    return line


def idle(folder, build, seconds, workers=2000):
    coordinator = prepare(folder, build, "idle")
    before = coordinator.resident_kib()
    began = time.monotonic()
    load = generator(coordinator, "idle", "--workers", workers, "--seconds", 100000)
    wait_for(load, "ready")
    print(f"idle: {workers} workers are welcome after {time.monotonic() - began:.1f} s")
    time.sleep(10)
    grown = (coordinator.resident_kib() - before) / workers
    began, cpu = time.monotonic(), coordinator.cpu_s()
    time.sleep(seconds)
    share = (coordinator.cpu_s() - cpu) / (time.monotonic() - began)
    print(f"idle: {100 * share:.1f} % of a processor, {grown:.0f} KiB a worker")
    coordinator.stop(signal.SIGKILL)
    coordinator.start(coordinator.endpoint)
    again = wait_for(load, "again")
    print(f"idle: all again {again.split()[1]} s after the first lost touch, {workers} workers")
    time.sleep(5)
    print(f"idle: {(coordinator.resident_kib() - before) / workers:.0f} KiB a worker after the reconnect")
    load.kill()
    load.wait()
    coordinator.stop()


def closed(folder, build, seconds, name="closed", sync_ms=0, workers=200):
    coordinator = prepare(folder, build, name, jobs=20000 * (seconds + 3), sync_ms=sync_ms)
    cpu = coordinator.cpu_s()
    load = generator(coordinator, name, "--workers", workers, "--seconds", seconds, "--busy", "--settle", 2)
    result = json.loads(wait_for(load, "{"))
    rate = result["results"] / result["seconds"]
    cpu = (coordinator.cpu_s() - cpu)
    coordinator.stop()
    print(f"{name}: {rate:.0f} durable results/s ({result['refused']} refused, {result['errors']} errors), lease p50 "
          f"{result['lease_p50_ms']:.1f} ms, p99 {result['lease_p99_ms']:.1f} ms; {1e6 * cpu / result['all']:.0f} us of a processor each")
    count, wall, bare_cpu = bare(coordinator.database, folder / "bare.db", max(1, workers), sync_ms, build)
    print(f"{name}: bare SQLite, the same rows, {workers} results a transaction: {count / wall:.0f}/s, "
          f"{1e6 * bare_cpu / count:.0f} us of a processor each; ratio {rate * wall / count:.2f}")
    return rate


BARE = r"""
import sqlite3, sys, time
source, target, piece, tables = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4].split(",")
with sqlite3.connect(target, isolation_level=None) as database:
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA cache_size = -65536")
    database.execute("ATTACH ? AS source", [source])
    for sql, in database.execute("SELECT sql FROM source.sqlite_schema WHERE sql NOTNULL AND type <> 'view' "
                                 "AND name NOT LIKE 'sqlite_%' ORDER BY type DESC").fetchall():
        database.execute(sql)
    columns = [row[1] for row in database.execute("PRAGMA table_info(job)")]
    fresh = {"state": "'pending'", "attempt": "0", "training": "NULL", "finished_at": "NULL"}
    last, = database.execute("SELECT min(id) - 1 FROM source.job WHERE state <> 'done'").fetchone()
    database.execute("BEGIN")
    database.execute("INSERT INTO job SELECT %s FROM source.job WHERE id <= %d" % (
        ", ".join(fresh.get(column, column) for column in columns), last))
    database.execute("COMMIT")
    began, cpu = time.monotonic(), time.process_time()
    for after in range(0, last, piece):
        until = after + piece
        database.execute("BEGIN IMMEDIATE")
        for table in tables:
            database.execute("INSERT INTO main.%s SELECT * FROM source.%s WHERE %s > ? AND %s <= ? AND %s <= %d" % (
                table, table, *2 * ["id" if table == "training" else "job"], "id" if table == "training" else "job",
                last), [after, until])
        database.execute("UPDATE job SET state = 'done', attempt = 1, training = id, finished_at = 1 "
                         "WHERE id > ? AND id <= ?", [after, until])
        database.execute("COMMIT")
    print(last, time.monotonic() - began, time.process_time() - cpu)
"""


def bare(source, target, piece, sync_ms, build):
    """The rows of the finished jobs into a database of the same schema, by SQLite alone."""
    target.unlink(missing_ok=True)
    with sqlite3.connect(source) as database:
        database.execute("CREATE INDEX event_by_job ON event (job)")
    database.close()
    environment = dict(os.environ)
    if sync_ms:
        environment |= {"LD_PRELOAD": str(build / "tests/bench/slow_sync.so"), "LIPSWEEP_SYNC_MS": str(sync_ms)}
    out = subprocess.run(["taskset", "-c", "0", sys.executable, "-c", BARE, source, target, str(piece), ",".join(TABLES)],
                         check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout.split()
    for old in target.parent.glob(f"{target.name}*"):
        old.unlink()
    return int(out[0]), float(out[1]), float(out[2])


def half(folder, build, seconds, rate, workers=2000):
    coordinator = prepare(folder, build, "half", jobs=int(rate) * (seconds + 15))
    load = generator(coordinator, "half", "--workers", workers, "--seconds", seconds, "--busy", "--settle", 3,
                     "--pause-ms", 1000 * workers / rate)
    result = json.loads(wait_for(load, "{"))
    coordinator.stop()
    print(f"half: {workers} workers, {result['results'] / result['seconds']:.0f} results/s (asked for {rate:.0f}), lease p50 "
          f"{result['lease_p50_ms']:.1f} ms, p99 {result['lease_p99_ms']:.1f} ms, longest {result['lease_max_ms']:.0f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("what", nargs="*", default=["idle", "closed", "slow", "half"])
    parser.add_argument("--build", type=pathlib.Path, default=CHECKOUT / "build")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rate", type=float, help="of half, when closed is not measured")
    options = parser.parse_args()
    folder, build = options.folder.resolve(), options.build.resolve()
    folder.mkdir(exist_ok=True)
    shutil.rmtree(folder / "keys", ignore_errors=True)
    for old in folder.glob("*.join"):
        old.unlink()
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    rate = 2 * (options.rate or 0)
    if "idle" in options.what:
        idle(folder, build, max(30, options.seconds))
    if "closed" in options.what:
        rate = closed(folder, build, options.seconds)
    if "slow" in options.what:
        closed(folder, build, options.seconds, "slow", sync_ms=5)
    if "half" in options.what:
        half(folder, build, options.seconds, rate / 2)


if __name__ == "__main__":
    sys.exit(main())
