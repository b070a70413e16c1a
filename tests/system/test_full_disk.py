"""Disks that fill up, for real: the coordinator's, and those of workers."""

import json
import os
import signal

import pytest

import made_images
import recorded
from disk import disk_in
from processes import wait_until
from test_worker_life import SWEEP, Machine



class Site:
    def __init__(self, place, programs, disk):
        self.place, self.programs, self.disk = place, programs, disk
        self.database, self.endpoint = disk.folder / "s.db", f"ipc://{place}/run/c"

    def begin(self):
        self.coordinator = self.programs.start("lipsweep-coordinator", "--db", self.database, "--listen", self.endpoint,
                                               "--lease-ms", 60000, "--heartbeat-ms", 300)
        return self.coordinator

    def says(self, words, count=1):
        wait_until(lambda: self.coordinator.stderr().count(words) >= count, what=f"{words!r} of the coordinator")

    def client(self, *words, code=0):
        return self.programs.run("lipsweep", *words, "--connect", self.endpoint, code=code)

    def submit(self, name, epochs, seeds, code=0):
        text = SWEEP.replace("EPOCHS", str(epochs)).replace("SEEDS", str(seeds)).replace("name: life", f"name: {name}")
        (self.place / f"{name}.yaml").write_text(text)
        return self.client("submit", f"{name}.yaml", "--yes", code=code)

    def machine(self, name, *options, **more):
        machine = Machine(self.place, name, self.programs.start)
        machine.start("--connect", self.endpoint, *options, **more)
        return machine

    def fill_up(self):
        """Also what the coordinator has reserved for its next transaction, which holds out for long."""
        self.coordinator.signal(signal.SIGSTOP)
        log = self.database.with_name("s.db-wal")
        os.truncate(log, log.stat().st_size)
        self.disk.fill()
        self.coordinator.signal(signal.SIGCONT)

    def states(self):
        return sorted(row["state"] for row in recorded.query(self.database, "SELECT state FROM job"))

    def jobs(self, *states):
        return recorded.job_count(self.database, *states)


@pytest.fixture
def site(place, programs, request):
    site = Site(place, programs, disk_in(place / "disk", 160, request))
    yield site
    programs.finish()  # before the disk goes


def test_a_full_disk_under_a_coordinator(site):
    """It stays, says so, loses nothing, and goes on when there is room again."""
    site.begin()
    site.says("listening")
    site.submit("life", epochs=80, seeds=4)
    machine = site.machine("first", "--slots", 1)
    wait_until(lambda: recorded.query(site.database, "SELECT 1 FROM epoch_metric"))
    site.fill_up()
    site.says("is full: nothing is stored")
    leased = site.jobs("leased")
    attempts = recorded.query(site.database, "SELECT count(*) AS n FROM attempt")
    # questions are answered, submissions are refused with the reason, the worker keeps what it has
    assert "is full: nothing is stored" in site.client("status").stdout
    assert "is full: nothing is stored" in site.submit("other", epochs=1, seeds=1, code=4).stderr
    wait_until(lambda: "attempt 1: done" in machine.worker.stderr())
    def heartbeat_age_s():
        heard, = json.loads(site.client("workers", "--format", "json").stdout)
        return heard["heartbeat_age_s"]
    wait_until(lambda: heartbeat_age_s() < 4)
    assert (site.jobs("leased"), recorded.query(site.database, "SELECT count(*) AS n FROM attempt")) == (leased, attempts)
    assert site.coordinator.running() and machine.worker.running()
    site.disk.free()
    site.says("MiB left again: going on")
    wait_until(lambda: site.jobs("done") == 4, 300)
    recorded.assert_all_done_once(site.database, 4)
    assert {row["outcome"] for row in recorded.query(site.database, "SELECT outcome FROM attempt")} == {"done"}
    site.client("verify", "life")
    site.submit("other", epochs=1, seeds=1)
    wait_until(lambda: site.jobs("done") == 5)
    site.coordinator.signal(signal.SIGTERM)
    site.coordinator.wait(code=0)


def test_a_disk_that_is_nearly_full(site):
    """No job is begun; those that run deliver their results."""
    site.begin()
    site.says("listening")
    site.submit("life", epochs=40, seeds=8)
    site.machine("first", "--slots", 1)
    wait_until(lambda: recorded.query(site.database, "SELECT 1 FROM epoch_metric"))
    site.disk.fill(left_mib=40)
    site.says("MiB left: no jobs are handed out")
    # those that had begun when it was said
    wait_until(lambda: site.jobs("leased") == 0)
    assert site.jobs("done") >= 1 and site.jobs("pending") == 8 - site.jobs("done") > 0, site.states()
    assert "no jobs are handed out" in site.client("status").stdout
    assert "no jobs are handed out" in site.submit("other", epochs=1, seeds=1, code=4).stderr
    site.disk.free()
    wait_until(lambda: site.jobs("done") == 8)
    recorded.assert_all_done_once(site.database, 8)


def test_a_start_on_a_full_disk(site):
    site.begin()
    site.says("listening")
    site.submit("life", epochs=1, seeds=1)
    site.coordinator.signal(signal.SIGTERM)
    site.coordinator.wait(code=0)
    site.disk.fill()
    site.begin()
    site.says("is full: waiting for room")
    site.disk.free()
    site.says("listening")
    site.machine("first", "--slots", 1)
    wait_until(lambda: site.jobs("done") == 1)
    # one that a command starts for itself says so and ends
    site.coordinator.signal(signal.SIGTERM)
    site.coordinator.wait(code=0)
    site.disk.fill()
    done = site.programs.run("lipsweep", "submit", "life.yaml", "--db", site.database, "--yes")
    assert done.returncode == 1 and "is full" in done.stderr


def test_a_full_disk_under_a_worker(place, programs, request):
    """What it runs goes back without an attempt lost, and it ends by itself, with the reason."""
    site = Site(place, programs, disk_in(place / "disk", 4, request))
    site.database = place / "s.db"
    site.begin()
    site.says("listening")
    site.submit("long", epochs=100, seeds=1)  # it ends when the disk has long been full
    full = site.machine("full", "--slots", 1, "--spool", site.disk.folder / "spool")
    wait_until(lambda: recorded.query(site.database, "SELECT 1 FROM epoch_metric"))
    site.submit("life", epochs=1, seeds=7)
    site.disk.fill()
    full.worker.wait(code=1)
    assert "could not run here" in full.worker.stderr() and "No space left" in full.worker.stderr()
    rows = recorded.query(site.database, "SELECT outcome, reason FROM attempt ORDER BY leased_at")
    assert {row["outcome"] for row in rows} == {"refused"}, rows
    ends = [row["reason"] for row in rows]
    assert len(ends) >= 6 and all("spool is full" in end or "No space left" in end for end in ends), ends
    assert "spool is full" in ends[0], "the one that was under way"
    site.client("cancel", "long")
    site.client("delete", "long", "--yes")
    site.machine("good", "--slots", 2)
    wait_until(lambda: site.jobs("done") == 7)
    recorded.assert_all_done_once(site.database, 7)


def test_data_that_cannot_be_read(place, programs, request):
    """A worker whose own copy is no good, where nobody has another, ends by itself too."""
    made_images.write_idx(place / "images")
    site = Site(place, programs, disk_in(place / "disk", 4, request))
    site.database = place / "s.db"
    site.begin()
    site.says("listening")
    text = SWEEP.replace("EPOCHS", "1").replace("SEEDS", "7").replace(
        "{name: glyphs, train_count: 500}", f"{{name: own, path: {place / 'images'}, format: idx, classes: 10}}")
    (place / "own.yaml").write_text(text)
    site.client("submit", "own.yaml", "--yes")
    for file in (place / "images").iterdir():
        file.write_bytes(file.read_bytes()[:100])
    bad = site.machine("bad", "--slots", 1)
    bad.worker.wait(code=1)
    assert "6 jobs in a row could not run here" in bad.worker.stderr()
    rows = recorded.query(site.database, "SELECT outcome, reason FROM attempt")
    assert [row["outcome"] for row in rows] == ["refused"] * 6 and all("images" in row["reason"] for row in rows), rows
