"""A slot's share of its machine: cores of its own, and so much memory and no more."""

import fcntl
import itertools
import os
import pathlib
import re
import shutil
import time

import pytest

from fault import fault, happened
from processes import TIME_FACTOR, wait_until
from test_worker_life import ENDLESS, SHORT_LEASE, Site

CPUS = sorted(os.sched_getaffinity(0))[:2]
GROUPS = pathlib.Path("/sys/fs/cgroup")


def all_free():
    """Whether nobody holds one of these cores, as far as can be seen."""
    files = [os.open(f"/sys/devices/system/cpu/cpu{cpu}", os.O_RDONLY) for cpu in CPUS]
    try:
        for file in files:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        for file in files:
            os.close(file)


def cores_of(machine):
    return [os.sched_getaffinity(pid) for pid in machine.runners()]


def has_quota():
    texts = [path.read_text().split()[0] for path in (GROUPS / "cpu.max", GROUPS / "cpu/cpu.cfs_quota_us") if path.exists()]
    return any(text not in ("max", "-1") for text in texts)


def started_alone(site, launcher, numbers):
    """A worker with two slots, where no other test's took a core between the look and its start."""
    for _ in range(100):
        if all_free():
            break
        time.sleep(1)
    else:
        pytest.skip("another worker of this machine holds the cores")
    machine = site.machine(f"first-{next(numbers)}", "--slots", 2, launcher=launcher)
    wait_until(lambda: len(machine.runners()) == 2)
    if all(len(cores) == 1 for cores in cores_of(machine)):
        return machine
    machine.worker.kill()
    return None


@pytest.mark.skipif(len(CPUS) < 2 or has_quota() or not shutil.which("taskset"), reason="needs two whole cores")
def test_slots_are_pinned(place, programs):
    site = Site(place, programs, epochs=ENDLESS, seeds=4, options=SHORT_LEASE)
    launcher = ["taskset", "-c", ",".join(map(str, CPUS))]
    numbers = itertools.count()
    first = wait_until(lambda: started_alone(site, launcher, numbers), 400, "cores that no other test's worker takes first")
    site.training(2)
    assert sorted(cores_of(first), key=min) == [{cpu} for cpu in CPUS]
    # another worker finds them taken, and one with more slots than cores leaves it to the scheduler
    second = site.machine("second", "--slots", 1, launcher=launcher)
    site.training(3)
    assert cores_of(second) == [set(CPUS)]
    for machine in first, second:
        machine.worker.kill()
    third = site.machine("third", "--slots", 3, launcher=launcher)
    wait_until(lambda: len(third.runners()) == 3)
    assert cores_of(third) == [set(CPUS)] * 3
    # two threads of one job have both
    third.worker.kill()
    fourth = site.machine("fourth", "--slots", 1, "--threads", 2, launcher=launcher)
    wait_until(fourth.runners)
    assert cores_of(fourth) == [set(CPUS)]


def images_of(pid):
    """The memory files of images that a process has mapped, by inode."""
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {line.split()[4] for line in maps if "memfd:lipsweep-images" in line}


def test_slots_share_their_images(place, programs):
    site = Site(place, programs, epochs=ENDLESS, seeds=4)
    machine = site.machine("sharing", "--slots", 3)
    wait_until(lambda: len(machine.runners()) == 3 and all(images_of(pid) for pid in machine.runners()))
    mapped = [images_of(pid) for pid in machine.runners()]
    assert mapped[0] == mapped[1] == mapped[2] and len(mapped[0]) == 1


def failed(site):
    return wait_until(lambda: [row for row in site.attempts("outcome, reason, peak_memory_bytes")
                               if row["outcome"] == "failed"])[0]


@pytest.mark.skipif(TIME_FACTOR > 1, reason="sanitizers take memory of their own")
def test_a_runner_that_wants_more_than_its_share(place, programs):
    """It fails, by its own words; its neighbour and the worker do not notice."""
    site = Site(place, programs, epochs=ENDLESS, seeds=2)
    greedy = fault(place, "open", "/checkpoints/", "eat")  # its lock, before the training is placed
    machine = site.machine("first", "--slots", 1, env=greedy)
    row = failed(site)
    assert happened(greedy) >= 1
    share = int(re.search(r"more than its share of the memory, (\d+) MiB \(it took \d+\): out of memory", row["reason"])[1])
    assert share < row["peak_memory_bytes"] >> 20 < share + 400
    assert "more than its share" in " ".join(site.client("explain", "j1").split())
    assert machine.worker.running()


class Group:
    """A control group with little memory, for a worker to start in."""

    def __init__(self, mib):
        path = next((line.split(":")[2].strip("/") for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines()
                     if "memory" in line.split(":")[1].split(",")), None)
        self.folder = (GROUPS / "memory" / path if path is not None else GROUPS) / f"lipsweep-{os.getpid()}"
        self.limit = self.folder / ("memory.limit_in_bytes" if path is not None else "memory.max")
        try:
            self.folder.mkdir()
            self.limit.write_text(str(mib << 20))
        except OSError as error:
            self.close()
            pytest.skip(f"no control group can be made: {error}")

    def launcher(self):
        return ["sh", "-c", f'echo $$ > {self.folder}/cgroup.procs && exec "$@"', "sh"]

    def close(self):
        if self.folder.exists():
            limit = time.monotonic() + 10
            while time.monotonic() < limit:
                try:
                    return self.folder.rmdir()
                except OSError:
                    time.sleep(0.05)
        return None


@pytest.mark.skipif(TIME_FACTOR > 1, reason="sanitizers take memory of their own")
def test_a_runner_killed_for_memory(place, programs):
    """By the kernel, in a control group: the runner goes, not the worker, and the attempt says why."""
    group = Group(mib=220)
    try:
        site = Site(place, programs, epochs=ENDLESS, seeds=1)
        greedy = fault(place, "write", ".checkpoint.tmp", "eat", at=2)
        machine = site.machine("first", "--slots", 1, env=greedy, launcher=group.launcher())
        row = failed(site)
        assert row["reason"].startswith("the runner was killed by SIGKILL (Killed), when the machine or its control group "
                                        "was out of memory; it took "), row
        assert "its last words: " in row["reason"]
        assert 150 < row["peak_memory_bytes"] >> 20 <= 220 + 20  # the kernel counts shared libraries' pages elsewhere
        assert machine.worker.running()
        words = " ".join(site.client("explain", "j1").split())
        assert "SIGKILL" in words and "it took" in words, words
        machine.worker.kill()
    finally:
        programs.finish()
        group.close()
