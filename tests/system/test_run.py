"""lipsweep run: interrupted, killed, beside other commands, and with programs that die under it."""

import os
import signal

import processes
import recorded
from processes import wait_until
from small_sweep import ENDLESS, LONG, SMALL, rows, running_jobs, value, write


def test_ctrl_c_then_again(run_program, start_program, place):
    write(place, LONG)
    run = start_program("lipsweep", "run", "sweep.yaml", "--slots", "2")
    database = place / "long.db"
    wait_until(lambda: running_jobs(database), what="a job to run")
    os.kill(run.pid, signal.SIGINT)
    assert run.wait() == 130
    assert "continues" in run.stderr()
    assert not processes.descendants(run.pid)
    assert recorded.job_count(database, "leased") == 0
    assert value(database, "SELECT count(*) FROM attempt WHERE outcome = 'preempted'") > 0
    assert value(database, "SELECT sum(counted_attempts) FROM job") == 0
    assert value(database, "PRAGMA integrity_check") == "ok"
    run_program("lipsweep", "run", "sweep.yaml", "--slots", "2", code=0)
    recorded.assert_all_done_once(database, 4)


def test_killed_run_leaves_nothing_and_runs_again(run_program, start_program, place):
    write(place, LONG)
    run = start_program("lipsweep", "run", "sweep.yaml", "--slots", "2")
    database = place / "long.db"
    wait_until(lambda: running_jobs(database), what="a job to run")
    wait_until(lambda: len(processes.descendants(run.pid)) >= 3, what="coordinator, worker and a runner")
    family = processes.descendants(run.pid)
    run.kill()
    again = start_program("lipsweep", "run", "sweep.yaml", "--slots", "2")
    wait_until(lambda: not any(map(processes.alive, family)), what="the children to be gone")
    assert again.wait(100) == 0, again.stderr()
    assert "in use" not in again.stderr()
    left, = (place / "run/lipsweep").glob("run-*")  # the killed run's; the next run but not at once removes it
    os.utime(left, (0, 0))
    run_program("lipsweep", "run", "sweep.yaml", code=0)
    assert not left.exists()
    recorded.assert_all_done_once(database, 4)


def test_other_commands_beside_a_run(run_program, start_program, place):
    write(place, ENDLESS)
    run = start_program("lipsweep", "run", "sweep.yaml", "--slots", "1")
    database = place / "long.db"
    wait_until(lambda: running_jobs(database), what="a job to run")
    second = run_program("lipsweep", "run", "sweep.yaml", code=4)
    assert "in use" in second.stderr and "lipsweep watch" in second.stderr
    assert "running" in run_program("lipsweep", "status", "--db", database, code=0).stdout
    assert rows(run_program, "workers", "--db", database)[0]["state"] == "connected"
    assert run_program("lipsweep", "wait", "last", "--timeout", "0", "--db", database).returncode == 3
    waiting = rows(run_program, "jobs", "last", "--state", "pending", "--db", database)[-1]["job"]
    assert "It waits" in run_program("lipsweep", "explain", waiting, "--db", database, code=0).stdout
    run_program("lipsweep", "cancel", waiting, "--db", database, code=0)  # by the run's own coordinator
    assert [row["job"] for row in rows(run_program, "jobs", "last", "--state", "cancelled", "--db", database)] == [waiting]
    watch = start_program("lipsweep", "watch", "--db", database)
    wait_until(lambda: "jobs" in watch.stdout() + watch.stderr(), what="the watch to look")
    run_program("lipsweep", "cancel", "last", "--db", database, code=0)
    assert watch.wait() == 0 and "jobs" in watch.stdout()
    run.wait(code=0)


def processes_of(run, name):
    return [pid for pid in processes.descendants(run.pid) if processes.program(pid) == name]


def test_dead_programs_are_started_again(run_program, start_program, place):
    write(place, ENDLESS)
    run = start_program("lipsweep", "run", "sweep.yaml", "--slots", "2")
    database = place / "long.db"
    wait_until(lambda: running_jobs(database), what="a job to run")
    for name in ("lipsweep-worker", "lipsweep-coordinator"):
        victim = processes_of(run, name)[0]  # before its own children, which have its name at first
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: f"the {name.removeprefix('lipsweep-')} was killed" in run.stderr(), what="run to notice")
        wait_until(lambda: processes_of(run, name)[:1] not in ([], [victim]), what="its successor")
    wait_until(lambda: value(database, "SELECT count(*) FROM attempt WHERE outcome = 'lost'"), what="its jobs to be lost")
    for row in recorded.query(database, "SELECT job FROM attempt WHERE outcome = 'running' AND number = 1"):
        run_program("lipsweep", "cancel", f"j{row['job']}", "--db", database, code=0)  # in whose slots they run again
    wait_until(lambda: value(database, "SELECT count(*) FROM attempt WHERE outcome = 'running' AND number > 1"),
               what="a job of the killed worker's to run again")
    run_program("lipsweep", "cancel", "last", "--db", database, code=0)
    run.wait(code=0)


def test_coordinator_killed_while_the_sweep_is_stored(start_program, place):
    write(place, SMALL.replace("seeds: 2", "seeds: 8000"))
    run = start_program("lipsweep", "run", "sweep.yaml", "--slots", "1")
    database = place / "small.db"
    coordinator = wait_until(lambda: processes_of(run, "lipsweep-coordinator"), what="the coordinator", interval=0.001)[0]
    pieces = "SELECT sum(expanded) AS n FROM sweep_text"
    wait_until(lambda: (recorded.query(database, pieces) or [{"n": None}])[0]["n"], what="a piece to be stored", interval=0.001)
    os.kill(coordinator, signal.SIGKILL)
    assert recorded.job_count(database, "pending") < 24000
    wait_until(lambda: "the coordinator was killed" in run.stderr(), what="run to notice")
    wait_until(lambda: recorded.job_count(database, "done"), what="the first job")
    count, = recorded.query(database, "SELECT count(*) AS n FROM job")
    assert count["n"] == 24000
    run.signal(signal.SIGINT)
    run.wait(code=130)
