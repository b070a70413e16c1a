"""System calls that go wrong: the environment that makes the nth of them fail, or the process die there."""

import os

from programs import BUILD


def fault(place, call, path, what, at=1, stop_at=0):
    """For `env=` of start_program. `what`: kill (before the call), killed (after it), short, eat (all memory), or an
    errno's name. After the `stop_at`th of them the process stops (SIGSTOP) until the test has looked."""
    told = place / f"fault-{call}-{what}-{at}"
    asan = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0")))
    return {"LD_PRELOAD": str(BUILD / "tests/fault/fault.so"), "LIPSWEEP_FAULT_CALL": call,
            "LIPSWEEP_FAULT_PATH": path, "LIPSWEEP_FAULT_DO": what, "LIPSWEEP_FAULT_AT": str(at), "LIPSWEEP_FAULT_STOP_AT": str(stop_at),
            "LIPSWEEP_FAULT_TOLD": str(told), "ASAN_OPTIONS": asan}


def happened(environment):
    """How often."""
    told = environment["LIPSWEEP_FAULT_TOLD"]
    return os.path.getsize(told) if os.path.exists(told) else 0
