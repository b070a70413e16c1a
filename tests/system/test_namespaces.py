"""Three hosts with addresses of their own: a coordinator, and two workers that have a join file and nothing else.

Network namespaces joined by veth pairs stand for the hosts, so this needs root. With LIPSWEEP_DATA the sweep is on the
real MNIST, else on the built-in glyphs. The long form has the default leases and the whole training set:

    LIPSWEEP_LONG=1 LIPSWEEP_DATA=DIR python3 -m pytest -s tests/system/test_namespaces.py"""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

import recorded
from machine import Machine
from processes import wait_until

LONG = bool(os.environ.get("LIPSWEEP_LONG"))
DATA = os.environ.get("LIPSWEEP_DATA", "")
MNIST = bool(DATA) and (pathlib.Path(DATA) / "mnist").is_dir()
LEASE_S = 60 if LONG else 10
LEASE = [] if LONG else ["--lease-ms", 1000 * LEASE_S, "--heartbeat-ms", 300]
JOBS = 4
SWEEP = f"""\
name: far
dataset: {{name: {"mnist" if MNIST else "glyphs"}{"" if LONG else ", train_count: 4000"}}}
model: mnist-cnn
train: {{epochs: {5 if LONG else 8}, batch: 100, lr: 0.05}}
grid: {{lambda: 1, k: 0.1, sigma: 0.1}}
baseline: true
seeds: 2
test: {{sigma: [0, 0.4]}}
"""


def why_not():
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not shutil.which("ip") or not shutil.which("nsenter"):
        return "network namespaces need ip (iproute2) and nsenter"
    name = f"lsprobe{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
        return "this machine does not allow network namespaces"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return None


WHY_NOT = why_not()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))


def ip(*words):
    subprocess.run(["ip", *map(str, words)], check=True)


class Network:
    """A host in the middle and one for each worker, each worker's at the end of a line of its own."""

    def __init__(self):
        self.prefix = f"ls{os.getpid()}"
        self.names = [self.prefix + part for part in ("c", "a", "b")]
        for name in self.names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        for number, name in enumerate(self.names[1:], 1):
            ip("-n", self.names[0], "link", "add", f"to{number}", "type", "veth", "peer", "name", "up0", "netns", name)
            ip("-n", self.names[0], "addr", "add", f"10.77.{number}.1/24", "dev", f"to{number}")
            ip("-n", name, "addr", "add", f"10.77.{number}.2/24", "dev", "up0")
            ip("-n", self.names[0], "link", "set", f"to{number}", "up")
            ip("-n", name, "link", "set", "up0", "up")

    def inside(self, number):
        """Words before a command that runs in host `number`; 0 is the coordinator's."""
        return ["nsenter", f"--net=/run/netns/{self.names[number]}"]

    def cut(self, number):
        ip("-n", self.names[0], "link", "set", f"to{number}", "down")

    def heal(self, number):
        ip("-n", self.names[0], "link", "set", f"to{number}", "up")

    def close(self):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False)


@pytest.fixture
def network():
    network = Network()
    yield network
    network.close()


class Site:
    """The coordinator's host and the workers', for one sweep."""

    def __init__(self, place, name, programs, network):
        self.folder, self.programs, self.network = place / name, programs, network
        self.folder.mkdir()
        self.database = self.folder / "far.db"
        self.endpoint = f"ipc://{self.folder}/c"
        self.keys = self.folder / "keys"
        self.key("probe", "127.0.0.1:1")  # makes the coordinator's own key
        self.coordinator = programs.start(
            "lipsweep-coordinator", "--db", self.database, "--listen", "tcp://*:0", "--keys", self.keys, *LEASE,
            *(["--data", DATA] if MNIST else []), launcher=network.inside(0),
            env={"XDG_RUNTIME_DIR": str(self.folder)})
        self.port = wait_until(lambda: re.search(r"listening at tcp://\S+?:(\d+) for keys", self.coordinator.stderr()),
                               30, self.coordinator.stderr)[1]
        self.machines = [self.machine(place, name, number) for number in (1, 2)]
        wait_until(lambda: recorded.query(self.database, "SELECT count(*) AS n FROM worker") == [{"n": 2}])  # both get jobs
        (self.folder / "s.yaml").write_text(SWEEP)
        self.client("submit", self.folder / "s.yaml", "--yes", *(["--data", DATA] if MNIST else []))

    def key(self, name, address):
        path = self.folder / f"{name}.join"
        self.programs.run("lipsweep", "key", "join", name, "--keys", self.keys, "--address", f"tcp://{address}",
                          "-o", path, code=0)
        return path

    def client(self, *words):
        """The coordinator's owner, on its host."""
        return self.programs.run("lipsweep", *words, env={"XDG_RUNTIME_DIR": str(self.folder)}, code=0)

    def machine(self, place, name, number):
        machine = Machine(place, f"{name}{number}", self.programs.start, self.network.inside(number))
        join = self.key(f"worker{number}", f"10.77.{number}.1:{self.port}")
        join.rename(machine.folder / "home/lab.join")
        machine.start("--join", machine.folder / "home/lab.join", "--slots", 1)
        return machine

    def finish(self, timeout=300):
        wait_until(lambda: recorded.job_count(self.database, "done") == JOBS, timeout * (4 if LONG else 1),
                   lambda: self.client("jobs", "far").stdout)
        recorded.assert_all_done_once(self.database, JOBS)
        assert self.client("verify", "far").returncode == 0
        measured = recorded.measurements(self.database)
        for program in [machine.worker for machine in self.machines] + [self.coordinator]:
            program.kill()
        return measured

    def attempts(self, condition):
        return recorded.query(self.database, "SELECT a.*, w.key_name FROM attempt a JOIN worker w ON w.id = a.worker "
                              "WHERE " + condition)


@pytest.mark.seconds(3600 if LONG else 900)
def test_a_link_is_cut_in_mid_sweep_for_longer_than_a_lease(place, programs, network):
    undisturbed = Site(place, "calm", programs, network)
    wanted = undisturbed.finish()
    for machine in undisturbed.machines:
        if MNIST:
            assert "data set mnist came from the coordinator" in machine.worker.stderr()
    assert {row["key_name"] for row in undisturbed.attempts("a.outcome = 'done'")} == {"worker1", "worker2"}

    site = Site(place, "cut", programs, network)
    wait_until(lambda: recorded.query(site.database, "SELECT 1 FROM epoch_metric m JOIN attempt a ON a.job = m.job AND "
                                      "a.number = m.attempt JOIN worker w ON w.id = a.worker WHERE w.key_name = 'worker1'"),
               300, "an epoch of the first worker")
    network.cut(1)
    lost = wait_until(lambda: site.attempts("a.outcome = 'lost'"), 60 + 3 * LEASE_S, "its leases to run out")
    assert {row["key_name"] for row in lost} == {"worker1"}
    network.heal(1)
    # whoever was cut off comes back: by the result that it kept, or with the next job
    wait_until(lambda: "again with the coordinator" in site.machines[0].worker.stderr())
    assert site.finish() == wanted
    assert all(row["late"] or row["key_name"] == "worker2" for row in site.attempts(
        "a.outcome = 'done' AND a.job IN (SELECT job FROM attempt WHERE outcome = 'lost' OR late)")
        if row["number"] == 1)
