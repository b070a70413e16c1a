"""What every system test gets: a folder of its own, the real programs, and nothing left behind.

    def test_something(run_program, start_program, place): ...

place            pathlib.Path: an empty folder with a short path (a socket's path holds 107 bytes); the
                 programs' HOME and XDG folders are in it, it is their working directory, and it is
                 removed after a test that passed
run_program      run_program("lipsweep", "status", "--db", path): runs to the end; the result has
                 .returncode, .stdout, .stderr (text). code=N asserts the exit code.
start_program    the same, but returns at once: a Program (programs.py) with .pid, .stdout(), .stderr(), .wait()

Waiting and looking at processes: processes.py. Speaking the wire protocol: wire.py.
LIPSWEEP_BUILD names the build folder (default: build/ in the checkout)."""

import pathlib
import shutil
import signal
import tempfile
import threading

import pytest

import processes
import recorded
from processes import TIME_FACTOR
from programs import Programs

TEST_SECONDS = 900


@pytest.fixture
def place(request):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lst", dir="/tmp"))
    yield folder
    for database in folder.glob("*.db"):
        recorded.assert_counts(database)
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
    """A test that hangs fails; it does not hold up the run. (On a slow machine pytest-xdist may start a worker's tests in
    another thread than the main one, where there are no alarms: their own waits have to do.)"""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
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
    place = item.funcargs.get("place")
    for log in sorted(place.glob("*.db.d/*.log")) if place else ():
        report.sections.append((log.name, log.read_text(encoding="utf-8", errors="replace")[-4000:]))
