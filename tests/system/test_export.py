"""Results out of the database: export, backup, verify."""

import csv
import json
import pathlib
import shutil
import sqlite3
import tempfile

import pytest

import recorded
from coordinator import endpoint_in
from processes import wait_until
from programs import Programs

SWEEP = """\
name: small
dataset: {name: glyphs, train_count: 200}
model: mnist-cnn
train: {epochs: 1, batch: 50, lr: 0.05}
grid: {lambda: 1, k: 0.1, sigma: 0.1}
baseline: [standard]
seeds: 2
test: {sigma: [0, 0.4]}
"""


@pytest.fixture(scope="module")
def finished():
    place = pathlib.Path(tempfile.mkdtemp(prefix="lst", dir="/tmp"))
    programs = Programs(place)
    (place / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    programs.run("lipsweep", "run", "sweep.yaml", code=0)
    yield place / "small.db"
    programs.finish()
    shutil.rmtree(place)


@pytest.fixture
def copy(finished, place):
    return pathlib.Path(shutil.copy(finished, place / "copy.db"))


def measured(database):
    with recorded.reading(database) as connection:
        return [dict(row) for row in connection.execute("SELECT * FROM measurements ORDER BY job, test_sigma")]


def test_long_form_has_every_measure(run_program, finished, place):
    run_program("lipsweep", "export", "small", "--to", "out.csv", "--db", finished, code=0)
    run_program("lipsweep", "export", "last", "--to", "out.json", "--db", finished, code=0)
    rows = measured(finished)
    assert len(rows) == 8 and json.loads((place / "out.json").read_text(encoding="utf-8")) == rows
    with open(place / "out.csv", newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert len(read) == len(rows)
    for row, expected in zip(read, rows):
        assert list(row) == list(expected)
        for name, value in expected.items():
            text = row[name]
            assert (text == "") if value is None else (text == value) if isinstance(value, str) else (
                float(text) == value), name
    assert not list(place.glob("*.draft"))


def test_wide_form_has_a_column_a_level(run_program, finished, place):
    run_program("lipsweep", "export", "small", "--to", "out.csv", "--wide", "--db", finished, code=0)
    with open(place / "out.csv", newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    expected = {}
    for row in measured(finished):
        expected.setdefault(row["job"], {})[f"accuracy_{row['test_sigma']:g}"] = row["accuracy"]
    assert {int(row["job"]): {name: float(row[name]) for name in ("accuracy_0", "accuracy_0.4")}
            for row in read} == expected


@pytest.mark.parametrize("ending", ["csv", "json", "db"])
def test_nothing_is_overwritten_unasked(run_program, finished, place, ending):
    out = place / f"out.{ending}"
    out.write_text("precious", encoding="utf-8")
    result = run_program("lipsweep", "export", "small", "--to", out, "--db", finished, code=4)
    assert "--yes" in result.stderr and out.read_text(encoding="utf-8") == "precious"
    run_program("lipsweep", "export", "small", "--to", out, "--yes", "--db", finished, code=0)
    assert out.read_bytes()[:8] != b"precious"
    assert not list(place.glob("*.draft*"))


@pytest.mark.parametrize("command", [["backup", "copied.db"], ["export", "small", "--to", "copied.db"]])
def test_copies_are_whole(run_program, finished, place, command):
    run_program("lipsweep", *command, "--db", finished, code=0)
    with sqlite3.connect(place / "copied.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.close()
    assert recorded.measurements(place / "copied.db") == recorded.measurements(finished)
    result = run_program("lipsweep", "backup", "copied.db", "--db", finished, code=4)
    assert "--yes" in result.stderr


def test_a_coordinator_says_where_its_database_is(run_program, start_program, copy, place):
    """sql, export and backup read the file that it names."""
    endpoint = endpoint_in(place)
    daemon = start_program("lipsweep-coordinator", "--db", "copy.db", "--listen", endpoint)
    wait_until(lambda: "listening" in daemon.stderr())
    count = run_program("lipsweep", "sql", "SELECT count(*) AS n FROM results", "--connect", endpoint, "--format", "csv",
                        code=0)
    assert count.stdout.split() == ["n", "8"]
    run_program("lipsweep", "export", "small", "--to", place / "out.csv", "--connect", endpoint, code=0)
    assert len((place / "out.csv").read_text(encoding="utf-8").splitlines()) == 9
    run_program("lipsweep", "backup", place / "b.db", "--connect", endpoint, code=0)
    assert recorded.measurements(place / "b.db") == recorded.measurements(copy)
    gone = run_program("lipsweep", "sql", "SELECT 1", "--connect", f"ipc://{place}/sock/none", code=3)
    assert "lipsweep: " in gone.stderr


@pytest.mark.parametrize("arguments, words", [
    (["export", "small"], "--to"), (["export", "small", "--to", "x.txt"], ".csv, .json or .db"),
    (["export", "small", "--to", "x.db", "--wide"], "--wide")])
def test_wrong_usage(run_program, finished, arguments, words):
    assert words in run_program("lipsweep", *arguments, "--db", finished, code=2).stderr


def verify(run_program, database, code):
    result = run_program("lipsweep", "verify", "small", "--db", database, "--format", "json", code=code)
    return [row["gap"] for row in json.loads(result.stdout)]


def test_verify_says_complete(run_program, finished):
    assert "2 points, 2 seeds, 4 jobs, 4 finished, 8 results: complete" in run_program(
        "lipsweep", "verify", "small", "--db", finished, code=0).stdout
    assert verify(run_program, finished, 0) == []


@pytest.mark.parametrize("sql, gap", [
    ("UPDATE job SET state = 'failed', reason = 'why' WHERE id = 2", "no result: failed, why"),
    ("DELETE FROM accuracy WHERE job = 3", "done, but no accuracy"),
    ("DELETE FROM accuracy WHERE job = 3 AND test_sigma = 0", "accuracy at 1 of 2 test sigmas"),
    ("UPDATE attempt SET outcome = 'lost' WHERE job = 1", "not finished by exactly one attempt"),
    ("UPDATE job SET training = NULL WHERE id = 1", "no training"),
    ("UPDATE training SET train_hash = x'00' WHERE id = (SELECT training FROM job WHERE id = 1)",
     "the weights are another training's"),
    ("UPDATE training SET dataset_digest = 'x' WHERE id = (SELECT training FROM job WHERE id = 4)",
     "trained on other data"),
    ("UPDATE job SET withdrawn = 1 WHERE id = 2; UPDATE sweep SET job_count = job_count - 1", "no job"),
    ("UPDATE job SET seed = 1, point = 1 WHERE id = 1", "more than one job")])
def test_verify_finds_the_gap(run_program, copy, sql, gap):
    with sqlite3.connect(copy) as connection:
        connection.executescript(sql)
    connection.close()
    assert gap in verify(run_program, copy, 1)
    assert "gap" in run_program("lipsweep", "verify", "small", "--db", copy, code=1).stdout
