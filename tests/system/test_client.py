"""The command line as its users meet it: real programs, real trainings on a small part of glyphs."""

import csv
import io
import math
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import tempfile

import pytest

import recorded
from processes import wait_until
from programs import CHECKOUT, Programs
from small_sweep import SMALL, rows, value, write

COMMANDS = ("new run plan schema submit status watch wait jobs explain logs metrics workers cancel retry results sensitivity sql export import "
            "backup verify weights predict data delete gc key pause resume priority drain completion").split()


@pytest.fixture(scope="module")
def finished():
    """The database of a finished run of SMALL, and what the run printed. Tests copy it before they write."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="lst", dir="/tmp"))
    programs = Programs(place)
    result = programs.run("lipsweep", "run", write(place, SMALL), "--slots", "2", code=0)
    assert not programs.sanitizer_reports()
    yield place / "small.db", result
    programs.finish()
    shutil.rmtree(place)


@pytest.fixture
def copy(finished, place):
    """A copy of its own of the finished database."""
    return pathlib.Path(shutil.copy(finished[0], place / "copy.db"))


def test_help_of_everything(run_program):
    overview = run_program("lipsweep", "--help", code=0).stdout
    for command in COMMANDS:
        assert len(re.findall(rf"^  {command} ", overview, re.MULTILINE)) == 1, command
        text = run_program("lipsweep", command, "--help", code=0).stdout
        assert f"usage: lipsweep {command}" in text and f"Example\n  lipsweep {command}" in text
        assert max(map(len, text.splitlines())) <= 100
    assert max(map(len, overview.splitlines())) <= 100
    assert re.match(r"lipsweep \d+\.\d+\.\d+ \(", run_program("lipsweep", "--version", code=0).stdout)


@pytest.mark.parametrize("arguments, words", [
    ([], "usage: lipsweep COMMAND"),
    (["statsu"], "did you mean 'status'?"),
    (["jobs", "last", "--sate", "done"], "did you mean --state?"),
    (["jobs"], "usage: lipsweep jobs SWEEP"),
    (["jobs", "last", "--db", "a.db", "--db", "b.db"], "given twice"),
    (["jobs", "last", "--state", "dnoe", "--db", "x.db"], "did you mean 'done'?"),
    (["results", "last", "--format", "xml", "--db", "x.db"], "table, json or csv"),
    (["metrics", "seventeen", "--db", "x.db"], "write j17"),
    (["status", "--db", "a.db", "--connect", "ipc://b"], "give one of them"),
    (["run", "sweep.yaml", "--slots", "0"], "whole number"),
    (["run", "missing.yaml"], "missing.yaml"),
    (["new", "--from", "quikstart", "-o", "x.yaml"], "did you mean 'quickstart'?"),
])
def test_wrong_usage(run_program, place, arguments, words):
    before = sorted(place.glob("*.yaml")) + sorted(place.glob("*.db*"))
    result = run_program("lipsweep", *arguments, code=2)
    assert words in result.stderr
    assert result.stdout == ""
    assert before == sorted(place.glob("*.yaml")) + sorted(place.glob("*.db*"))


@pytest.mark.parametrize("command", ["run", "plan", "submit"])
def test_bad_file_writes_nothing(run_program, place, command):
    write(place, SMALL.replace("lambda", "lamda").replace("sigma: 0.1", "sigma: -1"))
    result = run_program("lipsweep", command, "sweep.yaml", code=2)
    assert "sweep.yaml:5:8: error: unknown axis 'lamda' (did you mean 'lambda'?)" in result.stderr
    assert "-1" in result.stderr and "nothing was done" in result.stderr
    assert not list(place.glob("*.db*")) and not list((place / "data").iterdir())


def test_missing_data_is_named(run_program, place):
    write(place, SMALL.replace("glyphs", "mnist"))
    result = run_program("lipsweep", "run", "sweep.yaml", "--data", place / "nowhere")
    assert result.returncode not in (0, 130)
    assert "mnist" in result.stderr and "nowhere" in result.stderr
    assert not list(place.glob("*.db*"))


def test_other_databases_are_left_alone(run_program, place):
    write(place, SMALL)
    with sqlite3.connect(place / "other.db") as other:
        other.execute("PRAGMA application_id = 7")
        other.execute("CREATE TABLE precious (x)")
    other.close()
    before = (place / "other.db").read_bytes()
    for command in (["run", "sweep.yaml"], ["status"], ["submit", "sweep.yaml"]):
        result = run_program("lipsweep", *command, "--db", "other.db", code=4)
        assert result.stderr.startswith("lipsweep: ") and "another application" in result.stderr
        assert "watch" not in result.stderr and len(result.stderr.splitlines()) == 1
    assert (place / "other.db").read_bytes() == before


def test_new_writes_a_file_that_plans(run_program, place):
    run_program("lipsweep", "new", "-o", "mine.yaml", code=0)
    text = (place / "mine.yaml").read_text(encoding="utf-8")
    assert "\nname: mine\n" in text and text.count("#") > 5
    template = (CHECKOUT / "sweeps/quickstart.yaml").read_text(encoding="utf-8")
    assert text == template.replace("\nname: quickstart\n", "\nname: mine\n")
    assert "mine: " in run_program("lipsweep", "plan", "mine.yaml", code=0).stdout
    (place / "mine.yaml").write_text("kept", encoding="utf-8")
    assert "there already" in run_program("lipsweep", "new", "-o", "mine.yaml", code=4).stderr
    assert (place / "mine.yaml").read_text(encoding="utf-8") == "kept"


def test_run_prints_the_table(finished):
    database, result = finished
    recorded.assert_all_done_once(database, 6)
    out = result.stdout
    assert re.search(r"^training +λ +K +σ +clean", out, re.MULTILINE)
    assert re.search(r"^standard +[\d.]+ ± ", out, re.MULTILINE)
    assert re.search(r"^noise-augmentation +0\.1 +[\d.]+ ± ", out, re.MULTILINE)
    assert re.search(r"^lipschitz +1 +0 +0\.1 +[\d.]+ ± .* 100 %", out, re.MULTILINE)
    assert "± is a 95 % interval over seeds" in out and "paired by seed" in out
    assert max(map(len, out.splitlines())) <= 100 and ", 2 seeds" in out
    assert "\x1b" not in out + result.stderr
    assert "6/6 jobs" in result.stderr or "small: " in result.stderr
    assert not (database.parent / "small.db-wal").exists() or not (database.parent / "small.db-wal").stat().st_size


# 97.5 % point of Student's t with one degree of freedom: tan(0.475 pi).
T_1 = math.tan(0.475 * math.pi)


def test_statistics_against_the_database(run_program, finished):
    database = finished[0]
    measured = recorded.query(database, "SELECT j.lambda, j.control, j.seed, a.test_sigma, a.accuracy FROM job j "
                                        "JOIN accuracy a ON a.job = j.id")
    accuracy = {(row["lambda"], row["control"], row["seed"], row["test_sigma"]): row["accuracy"] for row in measured}
    table = rows(run_program, "results", "last", "--db", database)
    assert len(table) == 6
    for row in table:
        lam, control, level = row["lambda"], row["control"], row["test_sigma"]
        first, second = (accuracy[lam, control, seed, level] for seed in (1, 2))
        assert row["n"] == 2
        assert row["accuracy"] == pytest.approx((first + second) / 2, abs=1e-15)
        assert row["accuracy_half_width"] == pytest.approx(T_1 * abs(first - second) / 2, abs=1e-13)
        is_baseline = lam == 0 and control == "none"
        assert row["difference_n"] == (0 if is_baseline else 2)
        if is_baseline:
            assert row["difference"] is None and row["difference_half_width"] is None
            continue
        one, two = (accuracy[lam, control, seed, level] - accuracy[0, "none", seed, level] for seed in (1, 2))
        assert row["difference"] == pytest.approx((one + two) / 2, abs=1e-15)
        assert row["difference_half_width"] == pytest.approx(T_1 * abs(one - two) / 2, abs=1e-13)
        rival = row["augmentation_difference_n"]
        assert rival == (2 if lam == 1 else 0)


def test_narrow_terminals(run_program, finished):
    for width in (160, 100, 80, 70):
        out = run_program("lipsweep", "results", "last", "--db", finished[0], env={"COLUMNS": str(width)}, code=0).stdout
        assert max(map(len, out.splitlines())) <= width, out


def test_formats_agree(run_program, finished):
    database = finished[0]
    table = rows(run_program, "results", "small", "--db", database)
    text = run_program("lipsweep", "results", "small", "--db", database, "--format", "csv", code=0).stdout
    read = list(csv.DictReader(io.StringIO(text)))
    assert [list(row) for row in read] == [list(row) for row in table]
    for parsed, row in zip(read, table):
        for name, value in row.items():
            expected = "" if value is None else str(value).lower() if isinstance(value, bool) else value
            assert parsed[name] == expected or float(parsed[name]) == expected, name
    people = run_program("lipsweep", "results", "small", "--db", database, "--test-sigma", "0.4",
                         env={"COLUMNS": "160"}, code=0).stdout
    standard = next(row for row in table if row["control"] == "none" and row["lambda"] == 0 and row["test_sigma"] == 0.4)
    assert re.search(rf"^standard +{100 * standard['accuracy']:.1f}", people, re.MULTILINE)


def test_database_and_coordinator_give_the_same(run_program, start_program, copy, place):
    tables = [["results", "last"], ["jobs", "small"], ["jobs", "1", "--state", "done", "--limit", "2"], ["metrics", "j3"],
              ["explain", "3"], ["status"], ["logs", "j1"], ["workers", "--all"]]
    offline = {}
    for arguments in tables:
        for style in ("table", "json", "csv"):
            extra = [] if arguments[0] == "logs" else ["--format", style]
            offline[arguments[0], style, len(arguments)] = run_program(
                "lipsweep", *arguments, *extra, "--db", copy, code=0).stdout
    endpoint = f"ipc://{place}/run/c.sock"
    start_program("lipsweep-coordinator", "--db", copy, "--listen", endpoint)
    for arguments in tables:
        for style in ("table", "json", "csv"):
            extra = [] if arguments[0] == "logs" else ["--format", style]
            online = run_program("lipsweep", *arguments, *extra, "--connect", endpoint, code=0).stdout
            assert online == offline[arguments[0], style, len(arguments)], arguments


def test_environment_names_the_source(run_program, finished):
    run_program("lipsweep", "jobs", "last", env={"LIPSWEEP_DB": str(finished[0])}, code=0)
    both = {"LIPSWEEP_DB": "a.db", "LIPSWEEP_CONNECT": "ipc://x"}
    assert "both set" in run_program("lipsweep", "status", env=both, code=2).stderr


def test_pages_and_limits(run_program, finished):
    out = run_program("lipsweep", "jobs", "last", "--limit", "2", "--db", finished[0], code=0).stdout
    assert len(re.findall(r"^j\d", out, re.MULTILINE)) == 2 and "… 4 more (--limit)" in out
    assert len(rows(run_program, "jobs", "last", "--limit", "4", "--db", finished[0])) == 4


def test_plain_ascii_without_utf8(run_program, finished):
    out = run_program("lipsweep", "results", "last", "--db", finished[0], env={"LANG": "C", "LC_ALL": "C"}, code=0).stdout
    assert out.isascii() and "lambda" in out and "+-" in out


def test_text_from_users_cannot_command_the_terminal(run_program, copy):
    with sqlite3.connect(copy) as database:
        database.execute("UPDATE job SET reason = ? WHERE id = 1", ("\x1b[2Jgone\n",))
    people = run_program("lipsweep", "jobs", "last", "--db", copy, code=0).stdout
    assert "\x1b" not in people and "\\x1b[2Jgone\\x0a" in people
    assert "\x1b" not in run_program("lipsweep", "explain", "j1", "--db", copy, code=0).stdout
    assert rows(run_program, "jobs", "last", "--db", copy)[0]["reason"] == "\x1b[2Jgone\n"


def test_run_again_prints_at_once(run_program, copy, place):
    write(place, SMALL)
    before = recorded.query(copy, "SELECT job, number FROM attempt ORDER BY job")
    result = run_program("lipsweep", "run", "sweep.yaml", "--db", copy, code=0)
    assert recorded.query(copy, "SELECT job, number FROM attempt ORDER BY job") == before
    assert "lipschitz" in result.stdout and result.stderr == ""


def test_more_seeds_are_asked_about(run_program, copy, place):
    write(place, SMALL.replace("seeds: 2", "seeds: 3"))
    result = run_program("lipsweep", "run", "sweep.yaml", "--db", copy, code=4)
    assert "3 new" in result.stderr and "--yes" in result.stderr
    assert value(copy, "SELECT count(*) FROM job") == 6
    plan = run_program("lipsweep", "plan", "sweep.yaml", "--db", copy, code=0).stdout
    assert re.search(r"\b3 new\b", plan) and re.search(r"\b6 finished\b", plan)
    assert "predicted CPU time" in plan
    run_program("lipsweep", "run", "sweep.yaml", "--db", copy, "--yes", "--quiet", code=0)
    recorded.assert_all_done_once(copy, 9)


def test_plan_knows_nothing_without_measurements(run_program, place):
    write(place, SMALL)
    plan = run_program("lipsweep", "plan", "sweep.yaml", "--no-measure", code=0).stdout
    assert "3 points, 2 seeds, 6 jobs" in plan and "unknown" in plan
    assert not list(place.glob("*.db*"))


def test_plan_warns_of_a_hinge_that_cannot_fire(run_program, copy, place):
    write(place, SMALL.replace("k: 0,", "k: [0, 1000],"))
    result = run_program("lipsweep", "plan", "sweep.yaml", "--db", copy, code=0)
    assert "K 1000 exceeds" in result.stderr and "K 0 " not in result.stderr


def test_diverged_jobs_give_exit_code_1(run_program, place):
    write(place, SMALL.replace("lr: 0.05", "lr: 1000").replace("[standard, noise-augmentation]", "true"))
    result = run_program("lipsweep", "run", "sweep.yaml", code=1)
    assert re.search(r"^j\d+ diverged: .*\(lipsweep explain j\d+ --db ./small.db\)", result.stderr, re.MULTILINE)
    assert re.search(r"^\d jobs? diverged", result.stdout, re.MULTILINE)
    job = rows(run_program, "jobs", "last", "--state", "diverged", "--db", "small.db")[0]["job"]
    assert "diverged" in run_program("lipsweep", "explain", job, "--db", "small.db", code=0).stdout
    assert run_program("lipsweep", "wait", "last", "--db", "small.db").returncode == 1
    assert "0 jobs" in run_program("lipsweep", "retry", "small", "--db", "small.db", code=0).stdout
    run_program("lipsweep", "retry", "small", "--diverged", "--db", "small.db", code=0)
    assert recorded.job_count(place / "small.db", "pending") > 0


def test_submit_to_a_coordinator(run_program, start_program, place):
    write(place, SMALL)
    nobody = run_program("lipsweep", "status", code=3)
    assert "no coordinator" in nobody.stderr and "--db" in nobody.stderr
    coordinator = start_program("lipsweep-coordinator", "--db", "daemon.db")
    wait_until(lambda: run_program("lipsweep", "status").returncode == 0, what="the coordinator")
    assert "sweep 1, small: 3 points, 6 jobs" in run_program("lipsweep", "submit", "sweep.yaml", code=0).stdout
    run_program("lipsweep", "submit", "sweep.yaml", code=0)  # the same again changes nothing
    assert "start lipsweep-worker" in run_program("lipsweep", "explain", "j1", code=0).stdout
    write(place, SMALL.replace("seeds: 2", "seeds: 1"))
    assert "3 no longer asked for" in run_program("lipsweep", "submit", "sweep.yaml", code=4).stderr
    assert len(rows(run_program, "jobs", "small")) == 6
    run_program("lipsweep", "submit", "sweep.yaml", "--yes", code=0)
    assert len(rows(run_program, "jobs", "small")) == 3
    worker = start_program("lipsweep-worker", "--slots", "2")
    run_program("lipsweep", "wait", "small", "--timeout", "600", code=0)
    assert run_program("lipsweep", "jobs", "nothing", code=4).stderr.strip().endswith("there is no sweep 'nothing'")
    assert "no job j99" in run_program("lipsweep", "explain", "j99", code=4).stderr
    assert {row["n"] for row in rows(run_program, "results", "small")} == {1}
    one = run_program("lipsweep", "results", "small", code=0).stdout
    assert "±" not in one and "no interval" in one
    for program in (worker, coordinator):
        os.kill(program.pid, signal.SIGTERM)
        program.wait(code=0)


def test_logs_of_a_job(run_program, finished):
    result = run_program("lipsweep", "logs", "j1", "--db", finished[0], code=0)
    assert result.stdout or "no log" in result.stderr
    run_program("lipsweep", "logs", "j1", "--follow", "--db", finished[0], code=0)  # over already: ends
    run_program("lipsweep", "logs", "j1", "--attempt", 1, "--db", finished[0], code=0)
    assert "attempt 9 of j1" in run_program("lipsweep", "logs", "j1", "--attempt", 9, "--db", finished[0], code=4).stderr


def test_independent_seeds_are_not_paired(run_program, place):
    text = SMALL.replace("seeds: 2", "seeds: {count: 2, independent: true}").replace("epochs: 2", "epochs: 1")
    write(place, text)
    assert "2 seeds of its own each" in run_program("lipsweep", "plan", "sweep.yaml", "--no-measure", code=0).stdout
    run_program("lipsweep", "run", "sweep.yaml", "--quiet", code=0)
    jobs = recorded.query(place / "small.db", "SELECT point, seed FROM job")
    assert len(jobs) == 6 and len({row["seed"] for row in jobs}) == 6
    assert "3 points, 2 seeds, 6 jobs, 6 finished" in run_program("lipsweep", "verify", "small", "--db", "small.db", code=0).stdout
    table = run_program("lipsweep", "results", "small", "--db", "small.db", code=0).stdout
    assert "not paired (independent seeds)" in table and "paired by seed" not in table.replace("not paired", "")
    with sqlite3.connect(place / "small.db") as database:  # one job too few
        database.execute("UPDATE job SET withdrawn = 1 WHERE id = 1")
    gap = run_program("lipsweep", "verify", "small", "--db", "small.db", code=1).stdout
    assert "not one job for each of its seeds" in gap
    write(place, text.replace("k: 0,", "k: [0, 0.1],"))  # the points there keep theirs
    run_program("lipsweep", "run", "sweep.yaml", "--quiet", "--yes", code=0)
    assert len(recorded.query(place / "small.db", "SELECT id FROM job")) == 8
