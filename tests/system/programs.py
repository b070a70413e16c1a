"""The programs under test, started as a user would, in a folder of their own."""

import os
import pathlib
import subprocess
import sys

import processes
from processes import TIME_FACTOR

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LIPSWEEP_BUILD", CHECKOUT / "build")).resolve()
FOLDERS = {"lipsweep": "client", "lipsweep-coordinator": "coordinator", "lipsweep-worker": "worker"}
SANITIZER_MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
                   "WARNING: ThreadSanitizer")


def program_path(name):
    path = BUILD / FOLDERS[name] / name
    assert path.exists(), f"{path} is not built"
    return path


def make_environment(place):
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("LIPSWEEP_", "XDG_", "LC_", "MESON"))}
    folders = {"HOME": "home", "XDG_RUNTIME_DIR": "run", "XDG_DATA_HOME": "data", "XDG_STATE_HOME": "state",
               "XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache", "TMPDIR": "tmp"}
    for folder in folders.values():
        (place / folder).mkdir(mode=0o700)
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        if name in kept:  # reports of every descendant, wherever its standard error goes
            kept[name] += f":log_path={place / 'sanitizer'}"
    return kept | {name: str(place / folder) for name, folder in folders.items()} | {
        "LANG": "C.UTF-8", "TZ": "UTC", "LIPSWEEP_LOG": "debug"}


class Program:
    """A running program; its output goes to files in the test's folder."""

    def __init__(self, name, arguments, place, environment, number, stdin=subprocess.DEVNULL, launcher=()):
        self.name = name
        self.files = [place / f"{number:02}-{name}.{stream}" for stream in ("out", "err")]
        with open(self.files[0], "wb") as out, open(self.files[1], "wb") as err:
            self.process = subprocess.Popen(
                [*launcher, program_path(name), *map(str, arguments)], stdin=stdin, stdout=out, stderr=err, cwd=place,
                env=environment, start_new_session=True, preexec_fn=processes.die_with_parent)
        self.pid = self.process.pid

    def stdout(self):
        return self.files[0].read_text(encoding="utf-8", errors="replace")

    def stderr(self):
        return self.files[1].read_text(encoding="utf-8", errors="replace")

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def wait(self, timeout=300, code=None):
        """Waits for the end and returns the exit code (-N: killed by signal N); `code` asserts it."""
        returncode = self.process.wait(timeout * TIME_FACTOR)
        assert code is None or returncode == code, (
            f"{self.name} ended with {returncode}, not {code}:\n{self.stdout()[-2000:]}\n{self.stderr()[-4000:]}")
        return returncode


class Programs:
    """All programs of one test."""

    def __init__(self, place):
        self.place, self.environment, self.started = place, make_environment(place), []

    def start(self, name, *arguments, env=None, stdin=subprocess.DEVNULL, launcher=()):
        program = Program(name, arguments, self.place, self.environment | (env or {}), len(self.started) + 1, stdin,
                          launcher)
        self.started.append(program)
        return program

    def run_measured(self, name, *arguments, timeout=300):
        """Runs to the end: what `run` returns, the peak memory in KiB and the seconds of a processor."""
        report = self.place / "used"
        launcher = [sys.executable, "-S", pathlib.Path(__file__).with_name("measured.py"), report]
        program = Program(name, arguments, self.place, self.environment, len(self.started) + 1, launcher=launcher)
        self.started.append(program)
        returncode = program.wait(timeout)
        memory, seconds = report.read_text(encoding="ascii").split()
        report.unlink()
        return (subprocess.CompletedProcess([name, *arguments], returncode, program.stdout(), program.stderr()),
                int(memory), float(seconds))

    def run(self, name, *arguments, env=None, code=None, timeout=300, stdin=subprocess.DEVNULL):
        program = self.start(name, *arguments, env=env, stdin=stdin)
        returncode = program.wait(timeout, code)
        return subprocess.CompletedProcess([name, *arguments], returncode, program.stdout(), program.stderr())

    def finish(self):
        for program in self.started:
            if program.running():
                program.kill()
        return processes.kill_all_descendants()

    def sanitizer_reports(self):
        """What sanitizers found in these programs and their children: a bug even where the test passes."""
        files = [program.files[1] for program in self.started] + sorted(self.place.glob("sanitizer.*"))
        texts = [(file, file.read_text(encoding="utf-8", errors="replace")) for file in files]
        return [f"{file.name}:\n{text[-4000:]}" for file, text in texts
                if any(mark in text for mark in SANITIZER_MARKS)]
