"""A job goes on on another machine, of which nothing is shared with the first: its checkpoint went by the coordinator."""

import hashlib
import re
import signal

import pytest

import recorded
from machine import Machine
from processes import wait_until
from wire import Peer, messages

STEPS_AN_EPOCH = 20
SWEEP = """
name: moving
dataset: {name: glyphs, train_count: 1000}
model: mnist-cnn
train: {epochs: 120, batch: 50, lr: 0.01, momentum: 0.9}
grid: {lambda: [1], k: [0.05], sigma: [0.1]}
seeds: 1
test: {sigma: [0, 0.3]}
run: {checkpoint_s: 0.3, max_attempts: 100}
"""


class Site:
    """A coordinator, and one machine after the other."""

    def __init__(self, place, name, programs, sweep=SWEEP, lease_ms=6000):
        self.folder, self.programs, self.lease_ms = place / name, programs, lease_ms
        self.folder.mkdir(mode=0o700)
        self.database, self.endpoint = self.folder / "s.db", f"ipc://{self.folder}/c"
        self.files = self.folder / "s.db.d/checkpoints"
        self.machines = []
        self.start_coordinator()
        (self.folder / "s.yaml").write_text(sweep)
        programs.run("lipsweep", "submit", self.folder / "s.yaml", "--connect", self.endpoint, "--yes", code=0)

    def start_coordinator(self):
        self.coordinator = self.programs.start("lipsweep-coordinator", "--db", self.database, "--listen", self.endpoint,
                                               "--lease-ms", self.lease_ms, "--heartbeat-ms", 200)
        wait_until(lambda: "listening" in self.coordinator.stderr())

    def start_machine(self, **more):
        machine = Machine(self.folder, f"m{len(self.machines)}", self.programs.start)
        machine.start("--connect", self.endpoint, "--slots", 1, **more)
        self.machines.append(machine)
        return machine

    def step(self):
        """Of the checkpoint that the coordinator has."""
        rows = recorded.query(self.database, "SELECT max(step) AS step FROM checkpoint WHERE state = 'kept'")
        return (rows and rows[0]["step"]) or 0

    def wait_for_step(self, step):
        wait_until(lambda: self.step() > step, what=lambda: f"a step after {step}: it is at {self.step()}")

    def finish(self):
        wait_until(lambda: recorded.job_count(self.database, "done"), 300)
        recorded.assert_all_done_once(self.database, 1)
        # Nobody needs it any more, nor what was under way when the job ended.
        wait_until(lambda: not list(self.files.glob("*")) and not recorded.query(self.database, "SELECT 1 FROM checkpoint"))
        measured, = recorded.measurements(self.database).values()
        self.machines[-1].worker.kill()
        return measured

    def attempts(self):
        return recorded.query(self.database, "SELECT number, outcome, began FROM attempt ORDER BY number")


@pytest.fixture
def make_site(place, programs):
    return lambda name, *more, **options: Site(place, name, programs, *more, **options)


def log_of(machine):
    """Of the runner of a worker that was killed."""
    log, = machine.spool.glob("*/j1-*/log")
    return log.read_text()


def test_moved_five_times_by_sigkill(make_site):
    calm = make_site("calm")
    calm.start_machine()
    wanted = calm.finish()
    site = make_site("moved")
    arrived = []
    for _ in range(5):
        machine = site.start_machine()
        site.wait_for_step(site.step())
        arrived.append(site.step())
        machine.worker.kill()
    site.start_machine()
    assert site.finish() == wanted
    outcomes = [row["outcome"] for row in site.attempts()]
    assert outcomes == ["lost"] * 5 + ["done"]  # nobody else lost a lease
    # Nothing that had come is trained again; more may have come until the kill.
    began = [int(re.search(r"continued after step (\d+)", row["began"])[1]) for row in site.attempts()[1:]]
    assert all(start >= step for start, step in zip(began, arrived, strict=True)), (began, arrived)
    for machine, start in zip(site.machines[1:-1], began):
        assert f"continuing after step {start}," in log_of(machine)


def test_a_stopped_worker_hands_its_checkpoint_over(make_site):
    site = make_site("stopped", SWEEP.replace("checkpoint_s: 0.3", "checkpoint_s: 10000"), lease_ms=60000)
    machine = site.start_machine()
    wait_until(lambda: recorded.query(site.database, "SELECT 1 FROM epoch_metric WHERE epoch = 2"))
    machine.worker.signal(signal.SIGTERM)
    machine.worker.wait(code=0)
    step = site.step()
    assert step >= 2 * STEPS_AN_EPOCH
    # over a restart of the coordinator, too
    site.coordinator.kill()
    site.start_coordinator()
    site.start_machine()
    site.finish()
    assert [row["outcome"] for row in site.attempts()] == ["preempted", "done"]
    assert site.attempts()[1]["began"].startswith(f"continued after step {step},")


@pytest.mark.parametrize("policy", ["same", "any"])
def test_another_cpu_class(make_site, run_program, policy):
    if "kernels: generic" in run_program("lipsweep-worker", "--version", code=0).stdout:
        pytest.skip("this machine has one CPU class alone")
    site = make_site("class", SWEEP.replace("run: {", "run: {continue: any, " if policy == "any" else "run: {"))
    machine = site.start_machine()
    site.wait_for_step(0)
    machine.worker.kill()
    other = site.start_machine(env={"LIPSWEEP_KERNEL_LEVEL": "generic"})
    words = wait_until(lambda: len(site.attempts()) > 1 and site.attempts()[1]["began"])
    if policy == "any":
        assert words.startswith("continued after step")
    else:
        assert words.startswith("begun anew") and "another CPU class" in words
    kind = recorded.query(site.database, "SELECT kind FROM event WHERE kind IN ('continued', 'restarted') ORDER BY id")[0]
    assert kind["kind"] == ("continued" if policy == "any" else "restarted")
    shown = site.programs.run("lipsweep", "explain", "j1", "--db", site.database, "--format", "json", code=0).stdout
    assert words in shown
    other.worker.kill()


def test_one_that_is_gone_or_damaged(make_site):
    site = make_site("damaged")
    machine = site.start_machine()
    site.wait_for_step(0)
    machine.worker.kill()
    wait_until(lambda: site.attempts()[0]["outcome"] == "lost")
    for path in site.files.glob("*"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    second = site.start_machine()
    words = wait_until(lambda: len(site.attempts()) > 1 and site.attempts()[1]["began"])
    assert words.startswith("begun anew") and "came damaged" in words
    site.wait_for_step(0)
    second.worker.kill()
    wait_until(lambda: site.attempts()[1]["outcome"] == "lost")
    for path in site.files.glob("*"):
        path.unlink()
    third = site.start_machine()
    words = wait_until(lambda: len(site.attempts()) > 2 and site.attempts()[2]["began"])
    assert words.startswith("begun anew") and "not kept" in words
    third.worker.kill()


def test_what_is_taken(make_site):
    site = make_site("taken", lease_ms=600000)
    data = bytes(range(256)) * 4096  # 1 MiB: two pieces
    file = dict(file=hashlib.sha256(data).digest(), size=len(data), step=7)
    half = len(data) // 2
    with Peer(site.endpoint) as peer, Peer(site.endpoint) as other:
        peer.hello()
        peer.heartbeat(free_slots=1)
        attempt = peer.receive("lease").lease.attempt

        def send(checkpoint=file, offset=0, piece=data[:half], attempt=attempt, peer=peer):
            return peer.ask(checkpoint_chunk=dict(attempt=attempt, checkpoint=checkpoint, offset=offset, data=piece))

        assert send().checkpoint_ack.next_offset == half
        assert send().checkpoint_ack.next_offset == half  # twice does no harm
        ack = send(offset=half, piece=data[half:]).checkpoint_ack
        assert ack.stored and not ack.refused
        assert [path.read_bytes() for path in site.files.glob("*")] == [data]
        assert site.step() == 7
        # another content than its name says
        wait_until(lambda: not send(file | dict(file=bytes(32), size=half)).checkpoint_ack.refused.startswith("too many"))
        ack = send(file | dict(file=bytes(32), size=half)).checkpoint_ack
        assert not ack.stored and ack.refused
        assert "do not travel" in wait_until(
            lambda: (refused := send(file | dict(size=1 << 30)).checkpoint_ack.refused) != "too many checkpoints come at once"
            and refused)
        assert send(file | dict(file=b"../../x")).WhichOneof("body") == "refused"
        # of an attempt that is not, or is another's
        for wrong in (messages.AttemptId(job=attempt.job, attempt=9, instance=attempt.instance),
                      messages.AttemptId(job=attempt.job, attempt=attempt.attempt, instance=b"x" * 16)):
            assert "over" in send(attempt=wrong).checkpoint_ack.refused
        assert site.step() == 7
        # the next lease names it, and whoever has that gets it
        peer.send(release=dict(attempt=attempt, outcome=4))
        other.hello()
        other.heartbeat(free_slots=1)
        lease = other.receive("lease").lease
        assert (lease.checkpoint.file, lease.checkpoint.size, lease.checkpoint.step) == (file["file"], len(data), 7)
        part = other.ask(data_request=dict(attempt=lease.attempt, file=file["file"], checkpoint=True, offset=half))
        assert part.data_part.data == data[half:]
        part = other.ask(data_request=dict(attempt=lease.attempt, file=bytes(32), checkpoint=True))
        assert "not kept" in part.data_part.refused
        # a lost holder changes nothing of its successor's
        assert "over" in send(file | dict(step=9)).checkpoint_ack.refused
        site.programs.run("lipsweep", "cancel", "j1", "--connect", site.endpoint, code=0)
        wait_until(lambda: not list(site.files.glob("*")))
