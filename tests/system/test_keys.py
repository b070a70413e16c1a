"""Who is let in over TCP: with keys a worker needs its join file and nothing else; without a good one nobody
changes or reads anything, and the coordinator says so in its log."""

import os
import re
import signal
import socket as sockets
import stat

import pytest
import zmq
import zmq.utils.z85 as z85

import recorded
from processes import wait_until
from wire import PROTOCOL, Peer, messages

SWEEP = """\
name: keyed
dataset: {name: glyphs, train_count: 200}
model: mnist-cnn
train: {epochs: 1, batch: 50, lr: 0.05}
grid: {lambda: 1, k: 0.1, sigma: 0.1}
baseline: true
seeds: 2
test: {sigma: [0, 0.4]}
"""


class Host:
    """A coordinator that listens on TCP with keys, and what its owner does beside it."""

    def __init__(self, place, run_program, start_program):
        self.place, self.run, self.start = place, run_program, start_program
        self.database = place / "keyed.db"
        self.join("first")  # makes the coordinator's own key
        self.coordinator = start_program("lipsweep-coordinator", "--db", self.database, "--listen", "tcp://127.0.0.1:0",
                                         "--lease-ms", 20000, "--heartbeat-ms", 500)
        self.endpoint = wait_until(lambda: re.search(r"listening at (tcp://\S+)", self.log()), what="the door")[1]
        self.run("lipsweep", "key", "join", "user", "--role", "user", "--address", self.endpoint, code=0)
        (place / "sweep.yaml").write_text(SWEEP, encoding="utf-8")

    def log(self):
        return self.coordinator.stderr()

    def said(self, *words):
        wait_until(lambda: any(all(word in line for word in words) for line in self.log().splitlines()),
                   what=f"a log line with {words}: {self.log()[-2000:]}")
        return True

    def join(self, name, role="worker"):
        address = getattr(self, "endpoint", "tcp://127.0.0.1:1")
        self.run("lipsweep", "key", "join", name, "--role", role, "--address", address, code=0)
        return self.place / f"{name}.join"

    def submit(self):
        self.run("lipsweep", "submit", "sweep.yaml", "--join", "user.join", code=0)

    def peer(self, join, instance=None, **fields):
        """A hostile or plain peer that shows the key of a join file, with some fields of it replaced."""
        key = dict(line.split(" ", 1) for line in join.read_text().splitlines()[1:]) | fields

        def secure(socket):
            socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = (
                z85.encode(bytes.fromhex(key[name])) for name in ("public", "secret", "server"))

        return Peer(self.endpoint, instance, secure)

    def rows(self, table):
        return recorded.query(self.database, f"SELECT count(*) AS n FROM {table}")[0]["n"]


@pytest.fixture
def host(place, run_program, start_program):
    return Host(place, run_program, start_program)


def assert_shut_out(host, peer):
    """Neither an answer, nor a worker in the store."""
    peer.send(hello=dict(protocol=PROTOCOL, role=1, instance=peer.instance, slots=1))
    assert peer.receive_any(1.5) is None
    assert host.rows("worker") == 0


def test_a_worker_needs_its_join_file_and_nothing_else(host):
    host.submit()
    worker = host.start("lipsweep-worker", "--join", host.join("laptop"), "--slots", "2")
    host.run("lipsweep", "wait", "last", "--join", "user.join", "--timeout", "600", code=0)
    worker.signal(signal.SIGTERM)
    worker.wait(code=0)
    recorded.assert_all_done_once(host.database, 4)
    names = recorded.query(host.database, "SELECT key_name, length(public_key) AS n FROM worker")
    assert names == [{"key_name": "laptop", "n": 32}]
    reader = host.join("guest", "reader")
    assert "keyed" in host.run("lipsweep", "results", "keyed", "--join", reader, code=0).stdout
    assert "worker's" in host.run("lipsweep", "status", "--join", "laptop.join", code=4).stderr
    refused = host.run("lipsweep", "cancel", "keyed", "--join", reader, code=4)
    assert "reader's" in refused.stderr and host.said("guest", "refused", "reader's")
    # this user's own door stands beside it
    assert "keyed" in host.run("lipsweep", "status", code=0).stdout


def test_peers_without_a_good_key(host):
    # either side may be the first to see that the mechanisms differ, so the peer may have left by itself
    for name, secure, words in (
            ("no key", lambda socket: None, "showed no key"),
            ("a password", lambda socket: (setattr(socket, "plain_username", b"root"),
                                           setattr(socket, "plain_password", b"root")), "showed no key")):
        with Peer(host.endpoint, secure=secure) as peer:
            assert_shut_out(host, peer)
        assert host.said("turned away", words), name
    public, secret = (z85.decode(key).hex() for key in zmq.curve_keypair())
    with host.peer(host.place / "user.join", public=public, secret=secret) as peer:
        assert_shut_out(host, peer)
    assert host.said("turned away", public[:16], "not enrolled")
    # who mistakes another coordinator for this one
    with host.peer(host.place / "user.join", server=public) as peer:
        assert_shut_out(host, peer)
    assert host.said("turned away", "does not know this coordinator's key")


@pytest.mark.parametrize("greeting", [
    pytest.param(b"\x01\x00", id="ZMTP 1"),
    pytest.param(b"\xff" + bytes(8) + b"\x7f\x01\x05\x00\x00", id="ZMTP 2"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b"x" * 64, id="a browser")])
def test_old_protocols(host, greeting):
    address, port = host.endpoint.removeprefix("tcp://").split(":")
    with sockets.create_connection((address, int(port))) as connection:
        connection.sendall(greeting)
        connection.settimeout(60)
        try:
            while connection.recv(4096):
                pass
        except ConnectionError:
            pass
        assert host.said("turned away")
    assert host.rows("worker") == 0
    host.submit()  # others are served


def test_a_revoked_key_on_a_live_connection(host):
    host.submit()
    join = host.join("laptop")
    with host.peer(join) as peer:
        assert peer.hello().WhichOneof("body") == "welcome"
        peer.heartbeat(free_slots=1)
        lease = peer.receive("lease").lease
        host.run("lipsweep", "key", "revoke", "laptop", code=0)
        peer.send(request=9, result=dict(attempt=lease.attempt, outcome=1, reason=""))
        assert peer.receive("refused").refused.code == 8
        assert host.said("laptop", "revoked")
        assert recorded.query(host.database, "SELECT state FROM job WHERE id = ?", lease.attempt.job)[0]["state"] == "leased"
        wait_until(lambda: recorded.job_count(host.database, "leased") == 0, what="its lease to expire")
    with host.peer(join, instance=b"x" * 16) as peer:
        peer.send(hello=dict(protocol=PROTOCOL, role=1, instance=peer.instance, slots=1))
        assert peer.receive_any(1.5) is None
    assert host.said("turned away", "that key was revoked")
    assert "revoked" in host.run("lipsweep", "key", "list", code=0).stdout


def test_a_running_worker_ends_when_its_key_is_revoked(host):
    worker = host.start("lipsweep-worker", "--join", host.join("laptop"))
    assert host.said("joined")
    host.run("lipsweep", "key", "revoke", "laptop", code=0)
    assert worker.wait() == 4 and "enrolled" in worker.stderr()


def test_the_wrong_role(host):
    host.submit()
    joins = {role: host.join(f"a-{role}", role) for role in ("worker", "user", "reader")}
    for role, says in (("worker", "client"), ("user", "worker"), ("reader", "worker")):
        with host.peer(joins[role]) as peer:
            assert peer.hello(role=says).refused.code == 8, role
    before = host.rows("sweep"), host.rows("event")
    for role, request in (("worker", dict(submit=dict(file="x.yaml", text=b"name: x"))), ("worker", dict(live={})),
                          ("worker", dict(query=dict(name="sweeps"))),
                          ("reader", dict(submit=dict(file="x.yaml", text=SWEEP.replace("keyed", "x").encode()))),
                          ("reader", dict(control=dict(verb=1, sweep="keyed"))),
                          ("user", dict(heartbeat=dict(free_slots=1, sequence=1)))):
        with host.peer(joins[role]) as peer:
            answer = peer.ask(**request)
            assert answer.refused.code == 8, (role, request)
            assert host.said(f"a-{role}", "refused")
    assert (host.rows("sweep"), host.rows("event")) == before


def test_a_result_for_anothers_job(host):
    host.submit()
    with host.peer(host.join("one")) as one, host.peer(host.join("two")) as two:
        one.hello()
        one.heartbeat(free_slots=1)
        attempt = one.receive("lease").lease.attempt
        two.hello()
        for body in (dict(result=dict(attempt=attempt, outcome=3, reason="sabotage")),
                     dict(release=dict(attempt=attempt, outcome=5)),
                     dict(log_chunk=dict(attempt=attempt, text=b"lies"))):
            assert two.ask(**body).WhichOneof("body") == "refused"
        two.send(heartbeat=dict(sequence=1, free_slots=0, running=[dict(attempt=attempt, counter=1 << 40)]))
        assert host.said("two", "refused", "another key's")
        # nor may it come as the other's instance, also not after a restart
        with host.peer(host.place / "two.join", instance=one.instance) as thief:
            assert thief.hello().refused.code == 8
        state, = recorded.query(host.database, "SELECT state, attempt FROM job WHERE id = ?", attempt.job)
        assert state == {"state": "leased", "attempt": 1}
        assert one.ask(result=dict(attempt=attempt, outcome=3, reason="mine")).result_ack.accepted


def test_a_damaged_keyring_lets_nobody_in(host):
    host.submit()
    with host.peer(host.join("laptop")) as peer:
        peer.hello()
        peers = host.place / "config/lipsweep/keys/peers"
        good = peers.read_text()
        peers.write_text(good[:-20])
        peer.send(heartbeat=dict(sequence=1, free_slots=1))
        assert peer.receive("refused").refused.code == 8
        assert host.said("nobody is let in", "line")
        peers.write_text(good)
        peer.heartbeat(free_slots=1)  # in its session still
        assert peer.receive("lease")


def test_key_files(place, run_program):
    def key(*arguments, code=0):
        return run_program("lipsweep", "key", *arguments, code=code)

    assert "--address" in key("join", "a", code=2).stderr
    key("join", "a", "--address", "tcp://127.0.0.1:9")
    for path in ("a.join", "config/lipsweep/keys/server.key"):
        assert stat.S_IMODE(os.stat(place / path).st_mode) == 0o600
    assert "written over" in key("join", "a", code=4).stderr
    assert "name a" in key("join", "a", "-o", "b.join", code=4).stderr
    assert not (place / "b.join").exists()
    for name in ("../a", "a/b", "", "a b", "-a", "x" * 65, "a\nb"):
        assert "no name" in key("join", name, code=2).stderr or name == "-a"
    assert "no role" in key("join", "b", "--role", "king", code=2).stderr
    assert "no key" in key("revoke", "nobody", code=4).stderr
    os.chmod(place / "a.join", 0o644)
    assert "chmod 600" in run_program("lipsweep-worker", "--join", "a.join", code=4).stderr
    os.chmod(place / "a.join", 0o600)
    os.symlink("a.join", place / "link.join")
    assert "is a link" in run_program("lipsweep-worker", "--join", "link.join", code=4).stderr
    (place / "bad.join").write_text("lipsweep-key 1\nname a\npublic zz\n")
    assert "not a key file" in run_program("lipsweep-worker", "--join", "bad.join").stderr
    # a pair of one's own: the secret never leaves its machine
    key("new", "own", "--role", "user")
    assert "secret" in (place / "own.key").read_text() and "secret" not in (place / "own.pub").read_text()
    assert stat.S_IMODE(os.stat(place / "own.key").st_mode) == 0o600
    key("enroll", "own.pub")
    assert "secret" not in (place / "own.join").read_text()
    assert "enrolled already" in key("enroll", "own.pub", "-o", "c.join", code=4).stderr
    names = {row["name"]: row["role"] for row in __import__("json").loads(key("list", "--format", "json").stdout)}
    assert names == {"a": "worker", "own": "user"}


def test_a_key_of_ones_own(host):
    host.run("lipsweep", "key", "new", "own", "--role", "user", code=0)
    host.run("lipsweep", "key", "enroll", "own.pub", code=0)
    host.run("lipsweep", "submit", "sweep.yaml", "--join", "own.join", code=0)
    (host.place / "own.key").unlink()
    assert "no secret key" in host.run("lipsweep", "status", "--join", "own.join").stderr


def test_many_workers_start_from_one_join_file(host):
    join = host.join("array")
    peers = [host.peer(join) for _ in range(20)]
    try:
        assert all(peer.hello().WhichOneof("body") == "welcome" for peer in peers)
        assert host.rows("worker") == 20
    finally:
        for peer in peers:
            peer.close()
