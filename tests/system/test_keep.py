"""Trained weights beside the database: which are kept, and what goes with a sweep that is deleted."""

import collections
import hashlib
import os

import pytest

import recorded
from coordinator import endpoint_in
from fault import fault, happened
from made_images import write_idx
from processes import wait_until

SWEEP = """
name: NAME
dataset: {path: FOLDER, format: idx, classes: 10}
model: mnist-cnn
train: {epochs: 1, batch: 50, lr: 0.05}
grid: {lambda: [1, 2], k: [0], sigma: [0.1]}
seeds: 3
test: {sigma: [0.3]}
"""
# Tables that nothing of a deleted sweep may be left in.
TABLES = ("sweep sweep_text axis axis_value job job_shape training attempt attempt_log epoch_metric accuracy quotient "
          "weights").split()


class Site:
    """A database and the commands on it."""

    def __init__(self, place, run_program):
        self.place, self.run_program, self.database = place, run_program, place / "s.db"
        self.folder = place / "s.db.d/weights"
        write_idx(place / "images")

    def run(self, *arguments, **options):
        return self.run_program("lipsweep", *arguments, "--db", self.database, **options)

    def write(self, name, more="", old="", new=""):
        (self.place / f"{name}.yaml").write_text(SWEEP.replace("NAME", name).replace("FOLDER", f"{self.place}/images").replace(old, new) + more)
        return self.place / f"{name}.yaml"

    def sweep(self, name, *rest, **options):
        self.run("run", self.write(name, *rest, **options), "--slots", 2, "--quiet", code=0)

    def files(self):
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []

    def query(self, sql, *parameters):
        return recorded.query(self.database, sql, *parameters)

    def digests(self, sweep):
        return sorted(row["weights_digest"] + ".safetensors" for row in self.query(
            "SELECT DISTINCT t.weights_digest FROM current_job j JOIN training t ON t.id = j.training "
            "JOIN sweep s ON s.id = j.sweep WHERE s.name = ?", sweep))

    def best(self, sweep):
        """Of each point, computed from what the database recorded."""
        means = collections.defaultdict(list)
        for row in self.query("SELECT r.point, r.job, avg(r.accuracy) AS mean, t.weights_digest AS digest FROM results r "
                              "JOIN job j ON j.id = r.job JOIN training t ON t.id = j.training WHERE r.sweep = ? "
                              "GROUP BY r.job", sweep):
            means[row["point"]].append((-row["mean"], row["job"], row["digest"] + ".safetensors"))
        return sorted(min(rows)[2] for rows in means.values())

    def is_sound(self):
        with recorded.reading(self.database) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            assert not connection.execute("PRAGMA foreign_key_check").fetchall()


@pytest.fixture
def site(place, run_program):
    return Site(place, run_program)


def test_the_best_of_each_point_are_kept(site, place):
    site.sweep("a", "run: {keep: best}\n", old="sigma: [0.3]", new="sigma: [0, 0.3]")
    best = site.best("a")
    assert len(best) == 2 and site.files() == best
    assert "complete" in site.run("verify", "a", code=0).stdout
    jobs = {row["weights_digest"] + ".safetensors": f"j{row['id']}" for row in site.query(
        "SELECT j.id, t.weights_digest FROM job j JOIN training t ON t.id = j.training")}
    dropped = min({*site.digests("a")} - {*best})
    site.run("weights", jobs[best[0]], "-o", site.place / "w", code=0)
    assert "not kept" in site.run("weights", jobs[dropped], "-o", site.place / "v", code=4).stderr
    # Another sweep that has taken the results over asks for its own point's best: the same.
    (place / "b.yaml").write_text((place / "a.yaml").read_text().replace("name: a", "name: b").replace("[1, 2]", "[1]"))
    site.run("run", place / "b.yaml", "--quiet", code=0)
    assert site.files() == best and len(site.best("b")) == 1


def test_the_limit_holds(site):
    site.sweep("a", "run: {keep_gib: 0.004}\n")
    sizes = [path.stat().st_size for path in site.folder.iterdir()]
    assert len(sizes) == 2 and sum(sizes) <= 0.004 * 2**30 < sum(sizes) + sizes[0]
    assert "6 finished" in site.run("verify", "a", code=0).stdout


def test_delete_asks_and_leaves_nothing(site):
    site.sweep("a")
    files = site.files()
    assert len(files) == 6
    asked = site.run("delete", "a", code=4)
    assert "6 jobs" in asked.stdout and "6 files of weights, 9.2 MiB" in asked.stdout and "--yes" in asked.stderr
    assert site.files() == files and recorded.job_count(site.database, "done") == 6
    site.run("delete", "a", "--yes", code=0)
    assert site.files() == []
    for table in TABLES:
        assert site.query(f"SELECT count(*) AS n FROM {table}") == [{"n": 0}], table
    site.is_sound()
    assert "no sweep 'a'" in site.run("delete", "a", "--yes", code=4).stderr
    # Its numbers are not given again.
    site.run("submit", site.write("a"), code=0)
    assert [row["id"] for row in site.query("SELECT id FROM sweep")] == [2]
    assert [row["id"] for row in site.query("SELECT id FROM job ORDER BY id")] == list(range(7, 13))


def test_what_runs_is_not_deleted(site, start_program, place):
    endpoint = endpoint_in(place)
    daemon = start_program("lipsweep-coordinator", "--db", site.database, "--listen", endpoint)
    wait_until(lambda: "listening" in daemon.stderr())
    site.run("submit", site.write("a", old="epochs: 1", new="epochs: 100000"), code=0)
    start_program("lipsweep-worker", "--connect", endpoint, "--slots", 1, "--spool", place / "spool")
    wait_until(lambda: recorded.job_count(site.database, "leased"))
    refused = site.run("delete", "a", "--yes")
    assert refused.returncode != 0 and "1 of its jobs run: lipsweep cancel a first" in refused.stderr
    assert recorded.job_count(site.database, "leased", "pending") == 6
    site.run("cancel", "a", code=0)
    assert "6 jobs" in site.run("delete", "a", "--yes", code=0).stdout
    assert site.query("SELECT count(*) AS n FROM job") == [{"n": 0}]


def test_results_that_others_have_taken_over_stay(site):
    site.sweep("a")
    site.sweep("b", old="lambda: [1, 2]", new="lambda: [1, 2, 3]")
    site.sweep("c", old="lambda: [1, 2]", new="lambda: [1]")
    taken = "SELECT count(*) AS n FROM job WHERE result_of IS NOT NULL"
    assert site.query(taken) == [{"n": 9}]
    jobs = "SELECT * FROM results WHERE sweep IN ('b', 'c') ORDER BY sweep, job, test_sigma"
    epochs = "SELECT j.id, m.epoch, m.loss FROM current_job j JOIN metrics m ON m.job = j.source WHERE j.sweep > 1 ORDER BY 1"
    before, learned, logged = site.query(jobs), site.query(epochs), len(site.query("SELECT 1 FROM attempt_log"))
    told = site.run("delete", "a", "--yes", code=0).stdout
    assert "6 of which other sweeps have taken over" in told and "0 files of weights" in told
    assert site.query(jobs) == before and site.query(epochs) == learned and len(before) == 12
    assert len(site.query("SELECT 1 FROM attempt_log")) == logged
    assert site.query(taken) == [{"n": 3}]
    assert site.files() == site.digests("b")
    site.is_sound()
    for sweep in "b", "c":
        assert "complete" in site.run("verify", sweep, code=0).stdout
    site.run("delete", "b", "--yes", code=0)
    assert site.files() == site.digests("c") and len(site.files()) == 3
    site.run("verify", "c", code=0)
    site.is_sound()
    site.run("delete", "c", "--yes", code=0)
    assert site.files() == []


def test_weights_alone(site):
    site.sweep("a")
    site.sweep("b", old="lambda: [1, 2]", new="lambda: [1]")
    assert "3 files of weights" in site.run("delete", "a", "--weights-only", code=4).stdout
    site.run("delete", "a", "--weights-only", "--yes", code=0)
    assert site.files() == site.digests("b") and len(site.files()) == 3
    assert "complete" in site.run("verify", "a", code=0).stdout
    site.run("delete", "b", "--weights-only", "--yes", code=0)
    assert site.files() == [] and recorded.job_count(site.database, "done") == 9


def test_verify_misses_what_should_be_there(site):
    site.sweep("a")
    lost, damaged = site.files()[:2]
    (site.folder / lost).unlink()
    data = bytearray((site.folder / damaged).read_bytes())
    data[-1] ^= 1
    (site.folder / damaged).write_bytes(data)
    told = site.run("verify", "a", "--format", "json", code=1).stdout
    assert told.count("its weights") == 2 and lost in told and "have the digest" in told


def test_gc_takes_what_nobody_asks_for(site):
    site.sweep("a")
    strays = [hashlib.blake2b(bytes([i]), digest_size=32).hexdigest() + end
              for i, end in enumerate((".safetensors", ".part"))]
    for name in [*strays, "notes.txt"]:
        (site.folder / name).write_bytes(b"x" * 1000)
    # The half-written one went when the coordinator started.
    asked = site.run("gc", code=4)
    assert "1 file of weights, 1.0 KiB" in asked.stdout and "--yes" in asked.stderr
    assert strays[0] in site.files()
    site.run("gc", "--yes", code=0)
    assert site.files() == sorted([*site.digests("a"), "notes.txt"])
    assert "nothing to do" in site.run("gc", code=0).stdout
    # The best of each point are enough now.
    site.run("submit", site.write("a", "run: {keep: best}\n"), "--yes", code=0)
    assert "4 files of weights" in site.run("gc", "--yes", code=0).stdout
    assert site.files() == sorted([*site.best("a"), "notes.txt"])
    site.run("verify", "a", code=0)


def test_files_of_earlier_versions_are_known(site):
    """Schema 8 had no rows for them."""
    site.sweep("a")
    files = site.files()
    os.system(f"sqlite3 {site.database} 'DELETE FROM weights'")
    assert "nothing to do" in site.run("gc", code=0).stdout
    assert site.files() == files
    assert [row["digest"] + ".safetensors" for row in site.query("SELECT digest FROM weights ORDER BY 1")] == files


# --- kills ---

@pytest.mark.parametrize("call, part, what", [
    ("rename", ".safetensors", "kill"), ("rename", ".safetensors", "killed"), ("fsync", ".part", "kill"),
    ("fsync", "/weights", "killed"), ("pwrite", ".part", "killed"), ("unlink", ".safetensors", "kill"),
    ("unlink", ".safetensors", "killed")])
def test_killed_while_files_come_and_go(site, start_program, place, call, part, what):
    """The coordinator dies at every step of taking a file and of removing one; the next start makes it right."""
    endpoint = endpoint_in(place)

    def start(env=None):
        daemon = start_program("lipsweep-coordinator", "--db", site.database, "--listen", endpoint, "--lease-ms", 2000,
                               "--heartbeat-ms", 200, env=env)
        wait_until(lambda: "listening" in daemon.stderr())
        return daemon

    environment = fault(place, call, part, what, at=2)
    daemon = start(environment)
    site.run_program("lipsweep", "submit", site.write("a", "run: {keep: best}\n"), "--connect", endpoint, code=0)
    start_program("lipsweep-worker", "--connect", endpoint, "--slots", 1, "--spool", place / "spool")
    wait_until(lambda: happened(environment))
    wait_until(lambda: not daemon.running())
    assert daemon.wait() == -9
    start()
    wait_until(lambda: recorded.job_count(site.database, "done") == 6)
    wait_until(lambda: not site.query("SELECT 1 FROM weights WHERE state = 'doomed'"))
    recorded.assert_all_done_once(site.database, 6)
    wait_until(lambda: site.files() == site.best("a"), what=lambda: f"{site.best('a')}: there are {site.files()}")
    site.run("verify", "a", code=0)


def test_killed_in_the_middle_of_a_delete(site, start_program, place):
    site.sweep("kept")
    wanted = recorded.measurements(site.database)
    site.run("submit", site.write("a", old="seeds: 3", new="seeds: 5000"), code=0)
    endpoint = endpoint_in(place)
    for blow in range(3):
        left = recorded.job_count(site.database, "pending")
        daemon = start_program("lipsweep-coordinator", "--db", site.database, "--listen", endpoint)
        wait_until(lambda: "listening" in daemon.stderr())
        if blow == 0:  # a later one goes on by itself
            start_program("lipsweep", "delete", "a", "--yes", "--connect", endpoint)
        wait_until(lambda: recorded.job_count(site.database, "pending") < left, interval=0.001)
        daemon.kill()
        assert site.query("SELECT deleting FROM sweep ORDER BY id") == [{"deleting": 0}, {"deleting": 1}]
        listed = site.run("status", "--format", "json", code=0).stdout
        assert '"kept"' in listed and '"a"' not in listed and "#" not in listed
    daemon = start_program("lipsweep-coordinator", "--db", site.database, "--listen", endpoint)
    wait_until(lambda: len(site.query("SELECT id FROM sweep")) == 1)
    # What it had taken over was never its own.
    assert recorded.job_count(site.database, "pending", "done") == 6
    assert recorded.measurements(site.database) == wanted
    site.is_sound()
    site.run("verify", "kept", code=0)
