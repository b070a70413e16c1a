"""docs/session.md: every command of the recorded session, run again; what it prints is what stands there.

    LIPSWEEP_RECORD=1 python3 -m pytest tests/system/test_session.py      # writes it anew

What may differ, the page itself says; `comparable` is that rule."""

import os
import re
import shlex
import socket
import subprocess

import pytest

from processes import TIME_FACTOR, wait_until
from programs import CHECKOUT, program_path

PAGE = CHECKOUT / "docs/session.md"
INDENT = "    "
PROGRAMS = "lipsweep", "lipsweep-coordinator", "lipsweep-worker"
HOST = "vm"  # of the machine that it was recorded on


def sections(text):
    """[(command or None, lines)]: a command with what it prints, or the prose between two."""
    parts = [(None, [])]
    for line in text.splitlines():
        if line.startswith(f"{INDENT}$ "):
            parts.append((line.removeprefix(f"{INDENT}$ "), []))
        elif line and not line.startswith(INDENT) and parts[-1][0] is not None:
            parts.append((None, ["", line]))  # empty lines before it belong to no command
        else:
            parts[-1][1].append(line.removeprefix(INDENT) if parts[-1][0] else line)
    return parts


def comparable(line):
    """The line without what differs from machine to machine."""
    line = re.sub(rf"\b{re.escape(socket.gethostname())}\b", HOST, line)
    for pattern, word in ((r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"), (rf"\b{HOST} +\d+", f"{HOST} PID"),
                          (r"[0-9a-f]{16}…", "DIGEST"), (r"[+-]?\d+\.\d+", "N"), (r"\b\d{3,}\b", "N"),
                          (r"\b(N|\d+) (s|min|h|days|MiB|GiB)\b", "QUANTITY"), (r"\s+", " ")):
        line = re.sub(pattern, word, line)
    return line.strip()


class Session:
    def __init__(self, place, programs):
        self.place, self.programs = place, programs
        shells = place / "bin"
        shells.mkdir()
        for name in PROGRAMS:
            (shells / name).symlink_to(program_path(name))
        self.environment = programs.environment | {"PATH": f"{shells}:{os.environ['PATH']}"}

    def run(self, command):
        if command.endswith("&"):
            name, *arguments = shlex.split(command.removesuffix("&"))
            program = self.programs.start(name, *arguments)
            ready = "listening at" if name == "lipsweep-coordinator" else "working for"
            wait_until(lambda: ready in program.stderr(), what=command)
            return []
        result = subprocess.run(["bash", "-c", command], cwd=self.place, env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                                timeout=120 * TIME_FACTOR)
        return [line.rstrip() for line in result.stdout.replace(socket.gethostname(), HOST).splitlines()]


def test_the_recorded_session_is_what_happens(place, programs):
    session, record, page = Session(place, programs), os.environ.get("LIPSWEEP_RECORD"), []
    parts = sections(PAGE.read_text(encoding="utf-8"))
    assert sum(command is not None for command, _ in parts) > 20
    first = next(lines for command, lines in parts if command == "cat tour.yaml")
    (place / "tour.yaml").write_text("\n".join(line for line in first if line) + "\n", encoding="utf-8")
    for command, lines in parts:
        if command is None:
            page += lines
            continue
        printed = session.run(command)
        wanted = [line for line in lines if line.strip()]
        if not record:
            assert [comparable(line) for line in printed if line.strip()] == [comparable(line) for line in wanted], command
        while printed and not printed[-1]:
            printed.pop()
        page += [f"{INDENT}$ {command}", *((INDENT + line).rstrip() for line in printed)]
    if record:
        PAGE.write_text("\n".join(page) + "\n", encoding="utf-8")


def test_what_counts_as_equal():
    assert comparable(f"j4  done  {HOST}  812  51.0 MiB  2026-11-22T20:07:26Z  3 s") == comparable(
        f"j4  done  {HOST} 4   7.25 GiB 2020-01-01T00:00:00Z 12 min")
    assert comparable("9 jobs, 18 results") != comparable("9 jobs, 17 results")
    assert comparable("weights ed1ce74873da1d10…") == comparable("weights 0000000000000000…")
