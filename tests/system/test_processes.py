"""The tests' own eyes: a test that cannot see a left-over process would pass for the wrong reason."""

import os
import subprocess
import sys

import pytest

import processes
from processes import alive, descendants, wait_until


def test_a_zombie_is_gone():
    child = subprocess.Popen(["true"])
    wait_until(lambda: not alive(child.pid))
    assert os.path.exists(f"/proc/{child.pid}")  # not reaped yet
    child.wait()
    assert not alive(child.pid)


def test_a_daemon_that_slipped_away_is_found_and_killed(tmp_path):
    script = ("import os, sys, time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0);"
              " open(sys.argv[1], 'w').write(f'{os.getpid()}.'); time.sleep(600)")
    told = tmp_path / "pid"
    subprocess.run([sys.executable, "-c", script, told], check=True)
    wait_until(lambda: told.exists() and told.read_text().endswith("."))
    daemon = int(told.read_text().rstrip("."))
    assert daemon in processes.kill_all_descendants()
    assert not alive(daemon) and not descendants(os.getpid())


def test_waiting_in_vain_says_for_what():
    with pytest.raises(AssertionError, match="in vain for the moon"):
        wait_until(lambda: False, timeout=0.05, what="the moon")
