"""Processes as a test sees them: who lives, who descends from whom, and how to wait for a condition."""

import ctypes
import os
import pathlib
import signal
import time

# Builds with sanitizers are several times slower: every timeout is multiplied by this.
TIME_FACTOR = float(os.environ.get("LIPSWEEP_TEST_TIME_FACTOR", "1"))

# How soon nothing is left of what was killed: promised on a machine that does nothing else, as LIPSWEEP_LONG=1 wants it.
GONE_S = 2 if os.environ.get("LIPSWEEP_LONG") else 120

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
libc = ctypes.CDLL(None, use_errno=True)


def wait_until(condition, timeout=120.0, what=None, interval=0.01):
    """Calls `condition` until it returns something true, and returns that."""
    limit = time.monotonic() + timeout * TIME_FACTOR
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > limit:
            what = what() if callable(what) else what
            raise AssertionError(f"waited {timeout * TIME_FACTOR:g} s in vain for {what or condition.__name__}")
        time.sleep(interval)


def _stat(pid):
    """State and parent of a process, or None when there is none."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent = text.rpartition(")")[2].split()[:2]  # the name before it may hold anything
    return state, int(parent)


def alive(pid):
    """True while the process runs; one that is dead but not yet reaped is gone."""
    stat = _stat(pid)
    return stat is not None and stat[0] not in "ZX"


def stopped(pid):
    """True while SIGSTOP holds it."""
    stat = _stat(pid)
    return stat is not None and stat[0] == "T"


def descendants(pid):
    """Living processes below `pid`, parents before their children."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(entry.name)):
            children.setdefault(stat[1], []).append((int(entry.name), stat[0]))
    found, parents = [], [pid]
    while parents:
        for child, state in sorted(children.get(parents.pop(0), [])):
            parents.append(child)
            if state not in "ZX":
                found.append(child)
    return found


def command(pid):
    """The process's arguments; [] when it is gone."""
    try:
        raw = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [part.decode(errors="replace") for part in raw.split(b"\0")[:-1]]


def program(pid):
    """Name of the program a process runs, "" when it is gone."""
    return os.path.basename((command(pid) or [""])[0])


def tree(pid):
    """{pid: arguments} of the living processes below `pid`."""
    return {child: words for child in descendants(pid) if (words := command(child))}


def kill(pid, number=signal.SIGKILL):
    """Sends a signal; False when the process is gone already."""
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


def adopt_orphans():
    """Processes whose parent died become children of this one, so that none is ever out of sight."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent():
    """Run in a child before exec: it does not outlive a test run that is killed."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def kill_all_descendants(timeout=60.0):
    """Kills and reaps everything below this process. Returns what there was, as {pid: arguments}."""
    found = {}
    limit = time.monotonic() + timeout
    while True:
        living = descendants(os.getpid())
        for pid in living:
            found[pid] = command(pid)
            kill(pid)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return found  # nothing is left to reap
        if time.monotonic() > limit:
            raise AssertionError(f"these processes cannot be killed: {tree(os.getpid())}")
        time.sleep(0.01)
