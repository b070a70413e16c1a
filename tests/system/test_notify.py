"""What a service manager is told: that the coordinator is ready, that it lives, that it stops."""

import signal
import socket


def test_readiness_watchdog_and_end(place, start_program):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(place / "notify"))
        manager.settimeout(120)
        (place / "s").mkdir(mode=0o700)
        coordinator = start_program("lipsweep-coordinator", "--db", place / "a.db", "--listen", f"ipc://{place}/s/c",
                                    env={"NOTIFY_SOCKET": str(place / "notify")})
        assert manager.recv(100) == b"READY=1"
        assert "listening at" in coordinator.stderr()
        assert manager.recv(100) == b"WATCHDOG=1"
        coordinator.signal(signal.SIGTERM)
        told = manager.recv(100)
        while told == b"WATCHDOG=1":
            told = manager.recv(100)
        assert told == b"STOPPING=1"
        coordinator.wait(code=0)
