"""Results that the database loses behind everybody's back are missed."""

import pathlib
import signal

from test_coordinator import endpoint, finish, lease_one, start, submit  # noqa: F401 (fixtures)
from wire import Peer


def test_a_damaged_wal_is_found_out(start, endpoint, place, run_program):  # noqa: F811
    coordinator = start()
    wal = pathlib.Path(place / "a.db-wal")
    with Peer(endpoint) as client, Peer(endpoint) as worker:
        client.hello(role="client")
        submit(client)
        assert finish(worker, place, lease_one(worker)).accepted
        run_program("lipsweep", "verify", "s", "--db", "a.db", code=1)
        before = wal.read_bytes()
        worker.heartbeat(free_slots=1)
        assert finish(worker, place, worker.receive("lease").lease).accepted
    coordinator.signal(signal.SIGKILL)
    coordinator.wait()
    after = bytearray(wal.read_bytes())
    first = next(at for at in range(len(after)) if before[at:at + 1] != after[at:at + 1])
    after[first + 100] ^= 1
    wal.write_bytes(after)
    restarted = start()
    assert "j2 attempt 1: its result (done) was recorded, and the database has lost it" in restarted.stderr()
    said = run_program("lipsweep", "verify", "s", "--db", "a.db", code=1).stdout
    assert "the journal has a result of it that the database has lost" in said
    assert said.count("the journal has") == 1
