"""What every system test gets: a folder of its own, the real programs, and nothing left behind.

    def test_something(run_program, start_program, place): ...

place            pathlib.Path: an empty folder with a short path (a socket's path holds 107 bytes); the
                 programs' HOME and XDG folders are in it, it is their working directory, and it is
                 removed after a test that passed
run_program      run_program("lipsweep", "status", "--db", path): runs to the end; the result has
                 .returncode, .stdout, .stderr (text). code=N asserts the exit code.
start_program    the same, but returns at once: a Program with .pid, .stdout(), .stderr(), .wait()

Waiting and looking at processes: processes.py. Speaking the wire protocol: wire.py.
LIPSWEEP_BUILD names the build folder (default: build/ in the checkout)."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

import processes
from processes import TIME_FACTOR

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LIPSWEEP_BUILD", CHECKOUT / "build")).resolve()
FOLDERS = {"lipsweep": "client", "lipsweep-coordinator": "coordinator", "lipsweep-worker": "worker"}
TEST_SECONDS = 120
SANITIZER_MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:")


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
    return kept | {name: str(place / folder) for name, folder in folders.items()} | {
        "LANG": "C.UTF-8", "TZ": "UTC", "LIPSWEEP_LOG": "debug"}


class Program:
    """A running program; its output goes to files in the test's folder."""

    def __init__(self, name, arguments, place, environment, number, stdin=subprocess.DEVNULL):
        self.name = name
        self.files = [place / f"{number:02}-{name}.{stream}" for stream in ("out", "err")]
        with open(self.files[0], "wb") as out, open(self.files[1], "wb") as err:
            self.process = subprocess.Popen(
                [program_path(name), *map(str, arguments)], stdin=stdin, stdout=out, stderr=err, cwd=place,
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

    def wait(self, timeout=60, code=None):
        """Waits for the end and returns the exit code (-N: killed by signal N); `code` asserts it."""
        returncode = self.process.wait(timeout * TIME_FACTOR)
        assert code is None or returncode == code, (
            f"{self.name} ended with {returncode}, not {code}:\n{self.stdout()[-2000:]}\n{self.stderr()[-4000:]}")
        return returncode


class Programs:
    """All programs of one test."""

    def __init__(self, place):
        self.place, self.environment, self.started = place, make_environment(place), []

    def start(self, name, *arguments, env=None, stdin=subprocess.DEVNULL):
        program = Program(name, arguments, self.place, self.environment | (env or {}), len(self.started) + 1, stdin)
        self.started.append(program)
        return program

    def run(self, name, *arguments, env=None, code=None, timeout=60, stdin=subprocess.DEVNULL):
        program = self.start(name, *arguments, env=env, stdin=stdin)
        returncode = program.wait(timeout, code)
        return subprocess.CompletedProcess([name, *arguments], returncode, program.stdout(), program.stderr())

    def finish(self):
        for program in self.started:
            if program.running():
                program.kill()
        return processes.kill_all_descendants()

    def sanitizer_reports(self):
        """Reports that a sanitizer wrote to a program's output: a bug even where the test passes."""
        return [f"{program.files[1].name}: {line}" for program in self.started
                for line in program.stderr().splitlines() if any(mark in line for mark in SANITIZER_MARKS)]


@pytest.fixture
def place(request):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lst", dir="/tmp"))
    yield folder
    if getattr(request.node, "failed", False):
        print(f"what the test left is in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def programs(place, request):
    programs = Programs(place)
    request.node.programs = programs
    yield programs
    programs.finish()
    reports = programs.sanitizer_reports()
    assert not reports, "\n".join(reports)


@pytest.fixture
def environment(programs):
    """The environment the programs get: change it before they start."""
    return programs.environment


@pytest.fixture
def run_program(programs):
    return programs.run


@pytest.fixture
def start_program(programs):
    return programs.start


@pytest.fixture(scope="session", autouse=True)
def orphans_stay_in_sight():
    processes.adopt_orphans()
    yield
    processes.kill_all_descendants()


@pytest.fixture(autouse=True)
def time_limit(request):
    """A test that hangs fails; it does not hold up the run."""
    marker = request.node.get_closest_marker("seconds")
    seconds = (marker.args[0] if marker else TEST_SECONDS) * TIME_FACTOR

    def expired(_number, _frame):
        raise AssertionError(f"the test took longer than {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


def pytest_configure(config):
    config.addinivalue_line("markers", f"seconds(n): this test may take n seconds (default {TEST_SECONDS})")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the last words of its programs."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    item.failed = True
    for program in getattr(getattr(item, "programs", None), "started", []):
        words = " ".join(map(str, program.process.args[1:]))
        for stream, text in (("stdout", program.stdout()), ("stderr", program.stderr())):
            if text:
                report.sections.append((f"{program.name} {words}: {stream}", text[-4000:]))
