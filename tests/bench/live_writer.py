#!/usr/bin/env python3
"""Whether readers disturb a coordinator that records results on a database of a million rows.

    tests/bench/live_writer.py FILE.db [--build DIR] [--rounds N] [--seconds S] [--pause S] [--jobs N] [--unbound]

FILE.db comes from tests/bench/million.py; copies of it in a folder of its own are used and removed. The writer is a
coordinator whose one worker, made of this program, delivers the result of a whole job (20 rows of measurements) the
moment it gets one to do, as fast as that goes: more than any fleet asks of a coordinator for long, and every wait
shows. The commit latency is the time from sending a result to its acknowledgement, which leaves after the commit
that holds it and after its line of the journal is synced.

Three kinds of rounds alternate, the writer going on all the time: without readers; with readers of another file, a copy
that nobody writes; with readers of the database itself. A reader is one process at a time: `results`, `sensitivity`,
`status`, `sql` over a view, and the sqlite3 shell on the same view, in turn, --pause seconds after the one before
has ended. What the first and the third differ in is all that readers cost; what the second and the third differ
in is what they do through the database. Coordinator and worker are bound to processor 0, readers to processor 1,
since what is asked is not how a processor is shared out; --unbound leaves that to the kernel. At the end the coordinator has nothing to do
for some seconds, then the log's size is read; the largest that was seen is printed too. Nothing of this is a
training's result."""
import argparse
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "tests/system"), str(CHECKOUT / "tests/bench")]
from million_jobs import Coordinator, percentile  # noqa: E402
from wire import Peer, messages  # noqa: E402
import recorded  # noqa: E402

LEVELS = [i / 10 for i in range(10)]
SWEEP = """name: live
dataset: glyphs
model: mnist-cnn
train: {{epochs: 1, batch: 100, lr: 0.05}}
grid: {{lambda: 1, k: 1, sigma: 0.1}}
baseline: false
seeds: {jobs}
test: {{sigma: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]}}
"""
STATEMENT = "SELECT sum(accuracy_mean) FROM results_by_point WHERE sweep = 'million'"
READS = (["{lipsweep}", "results", "million", "--db", "{file}"], ["{lipsweep}", "sensitivity", "million", "--db", "{file}"],
         ["{lipsweep}", "status", "--db", "{file}"],
         ["{lipsweep}", "sql", STATEMENT, "--timeout", "60", "--memory", "1000", "--db", "{file}"],
         ["sqlite3", "-readonly", "{file}", STATEMENT])
KINDS = ("none", "other file", "live")
LIMITS = dict(ratio=1.5, p99_ms=20, throughput=0.9, log_mib=64)


class Writer(threading.Thread):
    """A worker of one slot whose trainings take no time."""

    def __init__(self, coordinator):
        super().__init__(daemon=True)
        self.endpoint, self.latencies, self.done = coordinator.endpoint, [], threading.Event()
        self.hashes = {row["id"]: row["train_hash"] for row in recorded.query(
            coordinator.database, "SELECT id, train_hash FROM job WHERE state = 'pending'")}

    def result(self, lease):
        percentiles = [1, 2, 3, 4, 5, 6]
        digest = next(line.split(": ")[1] for line in lease.description.splitlines() if "dataset.digest" in line)
        return messages.Result(
            attempt=lease.attempt, outcome=1, dataset_digest=digest, train_hash=self.hashes[lease.attempt.job],
            weights_digest="w", epochs=[messages.EpochMetric(epoch=1, loss=0.5, accuracy=0.9)],
            accuracies=[messages.Accuracy(test_sigma=sigma, image_count=10000, correct_count=9000, accuracy=0.9,
                                          margin_percentile=percentiles) for sigma in LEVELS],
            quotients=[messages.Quotient(test_sigma=sigma, mean=1, percentile=percentiles,
                                         margin_over_quotient_percentile=percentiles) for sigma in LEVELS[1:]])

    def run(self):
        with Peer(self.endpoint) as peer:
            peer.hello()
            while not self.done.is_set():
                peer.heartbeat(free_slots=1)
                result = self.result(peer.receive("lease", timeout=60).lease)
                began = time.monotonic()
                answer = peer.ask(result=result, timeout=60)
                self.latencies.append(time.monotonic() - began)
                assert answer.result_ack.accepted, answer
                peer.backlog.clear()


class Reader(threading.Thread):
    """Somebody who looks again and again."""

    def __init__(self, options, database):
        super().__init__(daemon=True)
        self.options = options
        self.words = dict(lipsweep=options.build / "client/lipsweep", file=database)
        self.seconds, self.done = [], threading.Event()

    def run(self):
        while not self.done.is_set():
            command = [word.format(**self.words) for word in READS[len(self.seconds) % len(READS)]]
            began = time.monotonic()
            subprocess.run([*([] if self.options.unbound else ["taskset", "-c", "1"]), *command], check=True,
                           stdout=subprocess.DEVNULL)
            self.seconds.append(time.monotonic() - began)
            self.done.wait(self.options.pause)


def measure(writer, reader, seconds):
    """One round: (commits a second, p99 and largest latency in ms, reads)."""
    first, began = len(writer.latencies), time.monotonic()
    if reader:
        reader.start()
    time.sleep(seconds)
    latencies, wall = writer.latencies[first:], time.monotonic() - began
    if reader:
        reader.done.set()
        reader.join()
    assert writer.is_alive(), "the writer ended"
    return (len(latencies) / wall, 1e3 * percentile(latencies, 0.5), 1e3 * percentile(latencies, 0.99),
            1e3 * max(latencies), len(reader.seconds) if reader else 0)


def judge(rounds, log_mib):
    """The four conditions as (text, holds), and the same ratios beside readers of another file."""
    def median(kind, column):
        return statistics.median(round_[column] for round_ in rounds[kind])

    def compare(kind):
        return (f"p99 {median('live', 2):.1f} ms against {median(kind, 2):.1f}: {median('live', 2) / median(kind, 2):.2f} times",
                f"throughput {median('live', 0):.0f}/s against {median(kind, 0):.0f}: "
                f"{100 * median('live', 0) / median(kind, 0):.0f} %")

    worst = max(round_[2] for kind in KINDS for round_ in rounds[kind])
    ratio, share = median("live", 2) / median("none", 2), median("live", 0) / median("none", 0)
    print(f"beside readers of another file: {'; '.join(compare('other file'))}")
    latency, throughput = compare("none")
    return [(f"{latency} (limit {LIMITS['ratio']})", ratio <= LIMITS["ratio"]),
            (f"largest p99 of a round {worst:.1f} ms (limit {LIMITS['p99_ms']})", worst <= LIMITS["p99_ms"]),
            (f"{throughput} (limit {100 * LIMITS['throughput']:.0f})", share >= LIMITS["throughput"]),
            (f"write-ahead log at the end {log_mib:.1f} MiB (limit {LIMITS['log_mib']})", log_mib < LIMITS["log_mib"])]


def prepare(options, folder):
    shutil.copy(options.file, folder / "jobs.db")
    (folder / "live.yaml").write_text(SWEEP.format(jobs=options.jobs), encoding="utf-8")
    if not options.unbound:
        os.sched_setaffinity(0, {0})  # of what it starts too
    coordinator = Coordinator(options.build, folder)
    lipsweep = options.build / "client/lipsweep"
    subprocess.run([lipsweep, "backup", folder / "other.db", "--db", coordinator.database], check=True,
                   stdout=subprocess.DEVNULL)  # not a copy of FILE.db, whose schema may be older
    subprocess.run([lipsweep, "submit", folder / "live.yaml", "--connect", coordinator.endpoint], check=True,
                   stdout=subprocess.DEVNULL)
    return coordinator


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, default=CHECKOUT / "build")
    parser.add_argument("--rounds", type=int, default=10, help="of each kind")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--pause", type=float, default=1)
    parser.add_argument("--jobs", type=int, default=700000)
    parser.add_argument("--unbound", action="store_true")
    options = parser.parse_args()
    folder = pathlib.Path(f"/tmp/lw{random.getrandbits(32):08x}")  # a socket's path is short
    folder.mkdir()
    coordinator = prepare(options, folder)
    log = pathlib.Path(f"{coordinator.database}-wal")
    writer = Writer(coordinator)
    writer.start()
    time.sleep(3)
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    print("round  readers     commits/s  p50 ms  p99 ms  max ms  reads  log MiB")
    rounds, largest_mib = {kind: [] for kind in KINDS}, 0
    for number in range(len(KINDS) * options.rounds):
        kind = KINDS[number % len(KINDS)]
        read = {"none": None, "other file": folder / "other.db", "live": coordinator.database}[kind]
        reader = Reader(options, read) if read else None
        found = measure(writer, reader, options.seconds)
        rounds[kind].append(found)
        log_mib = log.stat().st_size / 2**20
        largest_mib = max(largest_mib, log_mib)
        print(f"{number + 1:5}  {kind:10}  {found[0]:9.1f}  {found[1]:6.1f}  {found[2]:6.1f}  {found[3]:6.1f}  "
              f"{found[4]:5}  {log_mib:7.1f}", flush=True)
    writer.done.set()
    writer.join()
    time.sleep(12)  # the coordinator has nothing to do
    print(f"the write-ahead log had up to {largest_mib:.0f} MiB at the end of a round")
    verdicts = judge(rounds, log.stat().st_size / 2**20)
    coordinator.stop(signal.SIGTERM)
    shutil.rmtree(folder)
    for text, holds in verdicts:
        print(f"{'holds' if holds else 'FAILS'}: {text}")
    return not all(holds for _, holds in verdicts)


if __name__ == "__main__":
    sys.exit(main())
