"""Data come to workers that lack them: from the coordinator's own folders, over the connection that is there."""

import hashlib
import shutil

import pytest

import made_images
import recorded
from machine import Machine
from processes import wait_until
from wire import Peer, messages

SWEEP = """\
name: travels
dataset: {name: own, path: OWN, format: FORMAT, classes: 10}
model: MODEL
train: {epochs: 1, batch: 50, lr: 0.05}
test: {sigma: [0, 0.2]}
seeds: SEEDS
"""
SHORT_LEASE_MS = 6000  # where a worker is killed: until then it may be given a job


class Host:
    """A coordinator with a folder of data that nobody else has."""

    def __init__(self, place, programs):
        self.place, self.programs = place, programs
        self.run, self.start = programs.run, programs.start
        self.data, self.database = place / "coordinator-data", place / "s.db"
        self.data.mkdir()

    def begin(self, *options, format="idx", model="mnist-cnn", seeds=2, path="images", lease_ms=60000):
        self.endpoint = f"ipc://{self.place}/run/c"
        self.coordinator = self.start("lipsweep-coordinator", "--db", self.database, "--listen", self.endpoint,
                                      "--data", self.data, "--lease-ms", lease_ms, "--heartbeat-ms", 200, *options)
        wait_until(lambda: "listening" in self.coordinator.stderr())
        text = SWEEP.replace("OWN", str(path)).replace("FORMAT", format).replace("SEEDS", str(seeds))
        (self.place / "s.yaml").write_text(text.replace("MODEL", model))
        self.run("lipsweep", "submit", "s.yaml", "--connect", self.endpoint, "--yes", "--data", self.data, code=0)

    def machine(self, name, *options, **more):
        machine = Machine(self.place, name, self.start)
        machine.start("--connect", self.endpoint, "--slots", 2, *options, **more)
        return machine

    def explain(self, job="j1"):
        return " ".join(self.run("lipsweep", "explain", job, "--connect", self.endpoint, code=0).stdout.split())

    def finish(self, count):
        wait_until(lambda: recorded.job_count(self.database, "done") == count, timeout=300,
                   what=lambda: self.run("lipsweep", "jobs", "last", "--connect", self.endpoint).stdout)
        recorded.assert_all_done_once(self.database, count)


@pytest.fixture
def host(place, programs):
    return Host(place, programs)


def size(path):
    """0 where the file has gone, or has another name by now."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def files_in(folder):
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_a_worker_without_data_gets_them_once_for_all_its_slots(host):
    made_images.write_idx(host.data / "images")
    host.begin(seeds=4)
    machine = host.machine("far")
    host.finish(4)
    kept, = machine.cache.iterdir()
    assert digests(kept) == digests(host.data / "images")
    assert machine.worker.stderr().count("came from the coordinator") == 1
    assert [row["outcome"] for row in recorded.query(host.database, "SELECT outcome FROM attempt")] == ["done"] * 4
    # the next worker there finds them
    machine.worker.kill()
    host.run("lipsweep", "retry", "j1", "--connect", host.endpoint)
    machine.start("--connect", host.endpoint, "--slots", 2)
    wait_until(lambda: "working for" in machine.worker.stderr())
    assert "asking the coordinator" not in machine.worker.stderr()


def test_a_copy_that_is_there_is_used(host):
    folder = host.place / "elsewhere"
    made_images.write_idx(folder)
    host.begin(seeds=1, path=folder)
    machine = host.machine("near")
    host.finish(1)
    assert not machine.cache.exists()


def test_a_set_known_by_its_name(host):
    """And another one while it comes."""
    made_images.write_stl(host.data / "stl10")
    made_images.write_idx(host.data / "images")
    host.begin()
    (host.place / "m.yaml").write_text(
        "name: known\ndataset: {name: stl10, resize: 16}\nmodel: resnet8\ntrain: {epochs: 1, batch: 20}\n"
        "test: {sigma: [0, 0.1]}\nseeds: [7]\n")
    host.run("lipsweep", "submit", "m.yaml", "--connect", host.endpoint, "--yes", "--data", host.data, code=0)
    machine = host.machine("far")
    host.finish(3)
    assert len(list(machine.cache.iterdir())) == 2


def test_a_wrong_copy_is_replaced(host):
    made_images.write_idx(host.data / "images")
    host.begin(seeds=1, lease_ms=SHORT_LEASE_MS)
    own = host.place / "other"
    own.mkdir()
    made_images.write_idx(own / "images", seed=7)
    machine = host.machine("far", "--data", own)
    host.finish(1)
    assert "asking the coordinator for a good copy" in machine.worker.stderr()
    assert recorded.query(host.database, "SELECT outcome FROM attempt") == [{"outcome": "done"}]
    # what lies in the cache is checked too
    machine.worker.kill()
    kept, = machine.cache.iterdir()
    victim = kept / "train-images-idx3-ubyte"
    data = bytearray(victim.read_bytes())
    data[1000] ^= 1
    victim.write_bytes(data)
    (host.place / "s.yaml").write_text((host.place / "s.yaml").read_text().replace("seeds: 1", "seeds: 2"))
    host.run("lipsweep", "submit", "s.yaml", "--connect", host.endpoint, "--yes", "--data", host.data, code=0)
    machine.start("--connect", host.endpoint)
    host.finish(2)
    assert digests(kept) == digests(host.data / "images")


def test_nobody_has_them(host):
    made_images.write_idx(host.data / "images")
    host.begin(seeds=1)
    shutil.rmtree(host.data / "images")
    host.machine("far")
    wait_until(lambda: "refused" in host.explain())
    words = host.explain()
    assert "It waits for a worker that can run it" in words
    assert "data set own not found" in words and "the coordinator cannot send it" in words


def test_the_coordinators_copy_has_changed(host):
    made_images.write_idx(host.data / "images")
    host.begin(seeds=1)
    shutil.rmtree(host.data / "images")
    made_images.write_idx(host.data / "images", seed=9)
    host.machine("far")
    wait_until(lambda: "the coordinator's data set own" in host.explain())


def test_a_transfer_goes_on_where_it_was_cut(host):
    made_images.write_cifar(host.data / "images", train=1500, test=300)  # 5.3 MiB
    host.begin("--data-rate", 1, format="cifar", model="resnet8", seeds=1, lease_ms=SHORT_LEASE_MS)
    machine = host.machine("far")
    part = wait_until(lambda: next((path for path in machine.cache.glob("*.part/*.part") if size(path) > 0), None))
    machine.worker.kill()
    there = part.stat().st_size, part.name.removesuffix(".part")
    files = len(files_in(part.parent))
    machine.start("--connect", host.endpoint)
    # the coordinator dies in mid-transfer too
    wait_until(lambda: len(files_in(part.parent)) not in (0, files) or not part.parent.exists())
    host.coordinator.kill()
    host.coordinator = host.start("lipsweep-coordinator", "--db", host.database, "--listen", host.endpoint, "--data",
                                  host.data, "--lease-ms", SHORT_LEASE_MS, "--heartbeat-ms", 200)
    host.finish(1)
    assert f"{there[1]} goes on at {there[0]} of" in machine.worker.stderr()
    kept, = machine.cache.iterdir()
    assert digests(kept) == digests(host.data / "images")


def test_several_workers_at_once_lose_no_lease(host):
    """A line that they share takes seconds; heartbeats go on, and so does a job that needs nothing."""
    made_images.write_cifar(host.data / "images", train=1000, test=100)  # 3.2 MiB each
    host.begin("--data-rate", 1, format="cifar", model="resnet8", seeds=3, lease_ms=SHORT_LEASE_MS)
    host.run("lipsweep", "pause", "travels", "--connect", host.endpoint, code=0)
    machines = [host.machine(f"far{i}", "--slots", 1) for i in range(3)]
    wait_until(lambda: recorded.query(host.database, "SELECT count(*) AS n FROM worker") == [{"n": 3}])  # a job each
    host.run("lipsweep", "resume", "travels", "--connect", host.endpoint, code=0)
    host.finish(3)
    assert all("came from the coordinator" in machine.worker.stderr() for machine in machines)
    assert recorded.query(host.database, "SELECT outcome FROM attempt WHERE outcome <> 'done'") == []


def test_two_workers_on_one_cache_bring_it_once(host):
    made_images.write_cifar(host.data / "images", train=500, test=100)
    host.begin("--data-rate", 1, format="cifar", model="resnet8", seeds=2)
    machine = host.machine("far", "--slots", 1)
    other = machine.start_program("lipsweep-worker", "--connect", host.endpoint, "--slots", 1, env=machine.environment)
    host.finish(2)
    assert (machine.worker.stderr() + other.stderr()).count("came from the coordinator") == 1


def test_what_may_be_asked_for(host):
    """Files of the data sets of jobs that the asker holds, and nothing else."""
    made_images.write_idx(host.data / "images")
    host.begin(seeds=1)
    with Peer(host.endpoint) as peer:
        peer.hello()
        peer.heartbeat(free_slots=1)
        attempt = peer.receive("lease").lease.attempt

        def ask(**fields):
            while True:
                part = peer.ask(data_request=dict(attempt=attempt) | fields).data_part
                if not part.later:
                    return part

        files = {file.name: file for file in ask().files}
        assert {name: file.sha256.hex() for name, file in files.items()} == digests(host.data / "images")
        file = files["t10k-images-idx3-ubyte"]
        whole = (host.data / "images/t10k-images-idx3-ubyte").read_bytes()
        assert ask(file=file.sha256, offset=10).data == whole[10:] and len(whole) == file.size
        assert "no such" in ask(file=bytes(32)).refused
        assert "no such" in ask(file=file.sha256, offset=file.size + 1).refused
        assert ask(file=file.sha256, offset=file.size).data == b""
        assert peer.ask(data_request=dict(attempt=attempt, file=b"../../etc/passwd")).refused.code == 2
        stranger = messages.AttemptId(job=attempt.job, attempt=attempt.attempt + 1, instance=attempt.instance)
        assert "over" in ask(attempt=stranger).refused
        # the file changes under the coordinator
        (host.data / "images/t10k-images-idx3-ubyte").write_bytes(whole[:-1])
        assert "changed" in ask(file=file.sha256).refused
        peer.send(release=dict(attempt=attempt, outcome=4))
        assert "over" in ask().refused
    with Peer(host.endpoint) as client:
        client.hello(role="client")
        assert client.ask(data_request=dict(attempt=attempt)).WhichOneof("body") == "refused"


START = """\
name: NAME
dataset: {name: own, path: images, format: idx, classes: 10}
model: {name: mnist-cnn, init: FILE}
train: {steps: 4, batch: 50, lr: 0.05}
test: {sigma: [0]}
seeds: 1
run: {reuse: false}
"""


def weights_to_start_from(host):
    """A worker that trained them, and the file."""
    made_images.write_idx(host.data / "images")
    host.begin(seeds=1, lease_ms=SHORT_LEASE_MS)
    far = host.machine("far")
    host.finish(1)
    file = host.place / "start.safetensors"
    host.run("lipsweep", "weights", "j1", "-o", file, "--connect", host.endpoint, code=0)
    return far, file


def submit_start(host, name, file):
    (host.place / f"{name}.yaml").write_text(START.replace("NAME", name).replace("FILE", str(file)))
    host.run("lipsweep", "submit", f"{name}.yaml", "--connect", host.endpoint, "--yes", "--data", host.data, code=0)


def test_weights_to_start_from_travel_too(host):
    """From where the sweep file said, or from the coordinator's folder of data, and no others than the job wants."""
    far, file = weights_to_start_from(host)

    def submit(name):
        submit_start(host, name, file)

    def done(count):
        wait_until(lambda: recorded.job_count(host.database, "done") == count)

    submit("here")
    done(2)
    assert "weights to start from" not in far.worker.stderr()
    far.worker.kill()
    submit("there")  # the client has the file, the worker has not
    file.rename(host.data / file.name)
    far.start("--connect", host.endpoint, "--slots", 1)
    done(3)
    assert "the file of weights to start from came from the coordinator" in far.worker.stderr()
    digests_there = {row["weights_digest"] for row in recorded.query(
        host.database, "SELECT t.weights_digest FROM job j JOIN training t ON t.id = j.training WHERE j.sweep > 1")}
    assert len(digests_there) == 1, "the same start, the same training"
    # what is in the cache is checked: damaged, it comes anew
    far.worker.kill()
    kept, = far.cache.glob("*/weights.safetensors")
    data = bytearray(kept.read_bytes())
    data[-1] ^= 1
    kept.write_bytes(data)
    file.write_bytes((host.data / file.name).read_bytes())
    submit("anew")
    file.unlink()
    far.start("--connect", host.endpoint, "--slots", 1)
    done(4)
    assert kept.read_bytes() == (host.data / file.name).read_bytes() != bytes(data)


def test_nobody_has_the_weights_to_start_from(host):
    far, file = weights_to_start_from(host)
    far.worker.kill()
    submit_start(host, "gone", file)
    file.unlink()
    (host.data / file.name).write_bytes(b"something else")
    host.machine("farther")
    wait_until(lambda: "refused" in host.explain("j2"))
    words = host.explain("j2")
    assert "from which the training starts, is not here" in words and "the coordinator" in words, words


def test_the_cache_is_kept_to_a_size(host):
    """What was used last stays; what a running job uses is never removed."""
    for seed, name in enumerate(("images", "second", "third"), 1):
        made_images.write_cifar(host.data / name, train=500, test=100, seed=seed)  # 1.8 MiB each
    host.begin(format="cifar", model="resnet8", seeds=1, lease_ms=SHORT_LEASE_MS)
    machine = host.machine("far", "--cache-size", 4)
    host.finish(1)
    first, = machine.cache.iterdir()

    def submit(name, epochs=1):
        text = (host.place / "s.yaml").read_text().replace("path: images", f"path: {name}")
        text = text.replace("name: travels", f"name: {name}").replace("epochs: 1", f"epochs: {epochs}")
        (host.place / f"{name}.yaml").write_text(text)
        host.run("lipsweep", "submit", f"{name}.yaml", "--connect", host.endpoint, "--yes", "--data", host.data, code=0)

    submit("second", epochs=1000000)
    wait_until(lambda: recorded.query(host.database, "SELECT 1 FROM epoch_metric WHERE job = 2"))
    assert len(list(machine.cache.iterdir())) == 2
    second, = set(machine.cache.iterdir()) - {first}
    submit("third")
    wait_until(lambda: recorded.job_count(host.database, "done") == 2)
    assert not first.exists() and second.exists() and len(list(machine.cache.iterdir())) == 2
    assert f"{first} was not used for longest" in machine.worker.stderr()
    # there is no room for one that does not fit beside what is used
    machine.worker.kill()
    machine.start("--connect", host.endpoint, "--slots", 2, "--cache-size", 3)
    wait_until(lambda: recorded.query(host.database, "SELECT 1 FROM attempt a JOIN job j ON j.id = a.job AND "
                                      "j.attempt = a.number WHERE a.job = 2 AND a.number > 1"), 60)
    wait_until(machine.runners)
    made_images.write_cifar(host.data / "fourth", train=500, test=100, seed=4)
    submit("fourth")
    wait_until(lambda: "refused" in host.explain("j4"))
    assert "--cache-size" in host.explain("j4") and second.exists()
