"""The database as its readers find it: what docs/database.md says is there, is; and it can be read while it is written."""

import math
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys

import pytest

import recorded
from live import Live
from programs import CHECKOUT

DOC = (CHECKOUT / "docs/database.md").read_text(encoding="utf-8")
SWEEP = """\
name: quickstart
dataset: {name: glyphs, train_count: 400}
model: mnist-cnn
train: {epochs: 2, batch: 50, lr: 0.05}
grid: {lambda: [1, 5], k: 0.1, sigma: 0.1}
baseline: [standard]
seeds: 3
test: {sigma: [0, 0.1, 0.4]}
"""


def write(place):
    (place / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    return place / "quickstart.db"


def documented():
    """{table or view: its columns} of the page."""
    found = {}
    for section in re.split(r"^### ", DOC, flags=re.MULTILINE)[1:]:
        name, rest = section.split("\n", 1)
        rest = rest.split("\n## ")[0]
        cells = re.findall(r"^\| ([^|]+) \| [^|]", rest, re.MULTILINE)
        found[name.strip()] = [column for cell in cells if cell != "column" for column in cell.split(", ")]
    return found


def examples():
    section = DOC.split("## Examples")[1].split("\n## ")[0]
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE)
            for block in re.findall(r"(?:^    .*\n)+", section, re.MULTILINE)]


def columns(connection):
    names = [row[0] for row in connection.execute(
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'")]
    return {name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")] for name in names}


def test_every_column_is_described(run_program, place):
    database = write(place)
    run_program("lipsweep", "submit", "sweep.yaml", "--db", database, code=0)
    with recorded.reading(database) as connection:
        there = columns(connection)
    described = documented()
    assert sorted(described) == sorted(there)
    for name, names in there.items():
        assert sorted(described[name]) == sorted(names), name


def test_read_while_it_is_written(start_program, run_program, place):
    live = Live(place, run_program, start_program, SWEEP, "quickstart")
    database = live.database
    shell = subprocess.run(["sqlite3", "-readonly", database, "SELECT count(*) > 0 FROM results_by_point"],
                           capture_output=True, text=True, check=True)
    assert shell.stdout == "1\n"
    check_readers(database)
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM accuracy")
    for name in columns(connection):
        connection.execute(f"SELECT * FROM {name}").fetchall()
    connection.close()
    assert "lambda" in run_program("lipsweep", "sql", "SELECT * FROM results", "--db", database, code=0).stdout
    live.finish(9)
    check_examples(database)
    check_robust_accuracy(database)
    check_points(database)
    check_plans(database)
    check_steps(database)


def has_rsqlite():
    return shutil.which("Rscript") and subprocess.run(
        ["Rscript", "-e", 'quit(status = !requireNamespace("RSQLite", quietly = TRUE))'], check=False).returncode == 0


def check_readers(database):
    """The page's own commands, live: Python's and R's. (R where it is.)"""
    head = DOC.split("Tests run these")[0]
    python = re.search(r"^    python3 -c '(.*)'$", head, re.MULTILINE).group(1)
    r = re.findall(r"-e '(.*?)'", head)
    commands = [[sys.executable, "-c", python]]
    if has_rsqlite():
        commands.append(["Rscript", *(word for line in r for word in ("-e", line))])
    for command in commands:
        done = subprocess.run(command, cwd=database.parent, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "0.4" in done.stdout, done.stderr


def check_examples(database):
    assert len(examples()) >= 8
    with recorded.reading(database) as connection:
        for sql in examples():
            rows = connection.execute(sql).fetchall()
            assert rows or "NOT IN ('done'" in sql, sql


def curves(connection):
    found = {}
    for job, sigma, accuracy in connection.execute("SELECT job, test_sigma, accuracy FROM accuracy ORDER BY 1, 2"):
        found.setdefault(job, []).append((sigma, accuracy))
    return found


def first_fall(curve, level):
    before = None
    for sigma, accuracy in curve:
        if accuracy <= level:
            if before is None or before[1] <= level:
                return sigma
            return before[0] + (before[1] - level) / (before[1] - accuracy) * (sigma - before[0])
        before = sigma, accuracy
    return None


def check_robust_accuracy(database):
    with recorded.reading(database) as connection:
        curve_of = curves(connection)
        rows = connection.execute("SELECT * FROM robust_accuracy").fetchall()
        assert len(rows) == len(curve_of) == 9
        for row in rows:
            curve = curve_of[row["job"]]
            area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in zip(curve, curve[1:])) / 0.4
            assert row["area_under_noise_curve"] == pytest.approx(area, rel=1e-12)
            assert row["clean_accuracy"] == curve[0][1]
            assert row["worst_accuracy"] == min(accuracy for _, accuracy in curve)
            assert row["accuracy_drop"] == row["clean_accuracy"] - row["worst_accuracy"]
            assert (row["test_sigma_count"], row["test_sigma_max"]) == (3, 0.4)
        rows = connection.execute("SELECT * FROM noise_tolerance").fetchall()
        assert len(rows) == 9 * 8
        for row in rows:
            assert row["test_sigma"] == pytest.approx(first_fall(curve_of[row["job"]], row["level"]), rel=1e-12)


def check_plans(database):
    """What is asked of one sweep's points does not go through all others' results."""
    with recorded.reading(database) as connection:
        for condition in ("sweep = 'quickstart'", "sweep_id = 1", "sweep_id = 1 AND point = 2"):
            plan = [row["detail"] for row in
                    connection.execute(f"EXPLAIN QUERY PLAN SELECT * FROM results_by_point WHERE {condition}")]
            read = [line for line in plan if re.match(r"(SCAN|SEARCH) [jaos]\b", line)]
            assert len(read) >= 5 and all(line.startswith("SEARCH") for line in read), plan


def check_steps(database):
    """λ has two values, K and σ one: each seed has one step, at each of three test sigmas."""
    with recorded.reading(database) as connection:
        rows = connection.execute("SELECT * FROM sensitivity").fetchall()
        assert len(rows) == 3 * 3
        assert {(row["axis"], row["from_value"], row["to_value"]) for row in rows} == {("lambda", 1, 5)}
        for row in rows:
            pair = [connection.execute("SELECT accuracy FROM results WHERE job = ? AND test_sigma = ? AND seed = ? "
                                       "AND lambda = ?", (job, row["test_sigma"], row["seed"], weight)).fetchone()[0]
                    for job, weight in ((row["job"], 1), (row["to_job"], 5))]
            change = pair[1] - pair[0]
            assert row["difference"] == change and row["slope"] == pytest.approx(change / 4)
            assert row["per_decade"] == pytest.approx(change / math.log10(5))
            assert row["elasticity"] == pytest.approx(change / pair[0] / 4)


def check_points(database):
    with recorded.reading(database) as connection:
        rows = connection.execute("SELECT * FROM results_by_point").fetchall()
        assert len(rows) == 3 * 3
        for row in rows:
            values = [r[0] for r in connection.execute("SELECT accuracy FROM results WHERE point = ? AND test_sigma = ?",
                                                       (row["point"], row["test_sigma"]))]
            assert row["n"] == len(values) == 3
            assert row["accuracy_mean"] == pytest.approx(statistics.fmean(values), rel=1e-12)
            assert row["accuracy_sd"] == pytest.approx(statistics.stdev(values), rel=1e-9, abs=1e-12)
            assert (row["accuracy_min"], row["accuracy_max"]) == (min(values), max(values))
        wide = connection.execute("SELECT *, accuracies ->> '$.\"0.4\"' AS strong FROM results_wide").fetchall()
        assert len(wide) == 9
        for row in wide:
            strong, = connection.execute("SELECT accuracy FROM results WHERE job = ? AND test_sigma = 0.4", (row["job"],))
            assert row["strong"] == strong["accuracy"]
        for row in connection.execute("SELECT * FROM provenance"):
            assert row["build"] and row["host"] and len(row["weights_digest"]) == 64 and row["attempts"] == 1
            assert row["measured_by_job"] == row["job"] and row["finished"].endswith("Z")
