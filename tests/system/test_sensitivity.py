"""lipsweep sensitivity on a sweep whose truth is known: the jobs are submitted, their accuracies made here."""

import csv
import io
import json
import math
import random
import sqlite3

import pytest

GRID = """\
name: known
dataset: {name: glyphs, train_count: 400}
model: mnist-cnn
train: {epochs: 1, batch: 50, lr: 0.05}
grid: {lambda: [0.01, 0.1, 1], k: [0.02, 0.1, 0.5], sigma: [0.05, 0.1]}
baseline: [standard, noise-augmentation]
seeds: 5
test: {sigma: [0, 0.2, 0.4]}
"""


def fill(path, accuracy_of):
    """Every job done, with accuracies from accuracy_of(job, test_sigma); None: it diverged."""
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        columns = [row["name"] for row in connection.execute("PRAGMA table_info(accuracy)")]
        for job in connection.execute("SELECT * FROM job").fetchall():
            state = "done"
            for test_sigma in (0, 0.2, 0.4):
                accuracy = accuracy_of(job, test_sigma)
                if accuracy is None:
                    state = "diverged"
                    break
                values = dict.fromkeys(columns, 0) | {"job": job["id"], "test_sigma": test_sigma, "accuracy": accuracy}
                connection.execute(f"INSERT INTO accuracy VALUES ({', '.join('?' * len(columns))})",
                                   [values[name] for name in columns])
            connection.execute("UPDATE job SET state = ? WHERE id = ?", (state, job["id"]))
    connection.close()


def known(job, test_sigma):
    """λ raises accuracy by 6 points a decade under noise, K and σ do nothing; seeds shift everything."""
    noise = random.Random(f"{job['lambda']} {job['k']} {job['sigma']} {job['control']} {job['seed']} {test_sigma}")
    gain = 0.06 * (math.log10(job["lambda"]) + 2) if job["lambda"] > 0 else -0.02
    return 0.9 - test_sigma + gain * (test_sigma > 0) + 0.02 * (job["seed"] - 3) + noise.gauss(0, 0.004)


@pytest.fixture
def submitted(run_program, place):
    sweep = place / "known.yaml"
    sweep.write_text(GRID, encoding="utf-8")
    run_program("lipsweep", "submit", sweep, "--db", place / "known.db", code=0)
    return place / "known.db"


def rows(run_program, database, *options):
    out = run_program("lipsweep", "sensitivity", "known", "--db", database, "--format", "json", *options, code=0).stdout
    return json.loads(out)


def pick(table, **wanted):
    row, = [row for row in table if all(row[name] == value for name, value in wanted.items())]
    return row


def test_conclusions_say_what_is_shown_and_what_is_not(run_program, submitted):
    fill(submitted, known)
    out = run_program("lipsweep", "sensitivity", "known", "--db", submitted, "--metric", "accuracy@0.2", code=0).stdout
    first = out.splitlines()[0]
    assert first.startswith("λ: strong, raises accuracy@0.2 by 12.") and first.endswith("points from 0.01 to 1")
    assert "K: no effect shown on accuracy@0.2, " in out and "σ: no effect shown on accuracy@0.2, " in out
    assert "retraining on this test set" in out
    table = rows(run_program, submitted, "--metric", "accuracy@0.2")
    difference = pick(table, part="axis", name="lambda", quantity="difference")
    assert difference["low"] < 0.12 < difference["high"] and difference["n"] == 5
    assert pick(table, part="axis", name="lambda", quantity="trend_per_decade")["value"] == pytest.approx(0.06, abs=0.005)
    assert pick(table, part="effect", name="lambda", quantity="f")["p"] < 0.001
    assert pick(table, part="effect", name="k:sigma", quantity="f")["degrees2"] == 8
    assert pick(table, part="axis", name="lambda", quantity="total_share")["low"] > 0.9
    assert len([row for row in table if row["part"] == "point" and row["quantity"] == "mean"]) == 21
    assert len([row for row in table if row["part"] == "point" and row["quantity"] == "difference"]) == 20


def test_nominal_point_metrics_and_formats(run_program, submitted):
    fill(submitted, known)
    table = rows(run_program, submitted, "--nominal", "lambda=0.1,k=0.02", "--against", "noise-augmentation")
    steps = {row["text"] for row in table if row["part"] == "nominal" and row["name"] == "lambda"}
    assert steps == {"forward", "backward", "central"}
    assert {row["text"] for row in table if row["part"] == "nominal" and row["name"] == "k"} == {"forward"}
    central = pick(table, part="nominal", name="lambda", quantity="slope", text="central")
    decade = pick(table, part="nominal", name="lambda", quantity="per_decade", text="central")
    assert central["value"] == pytest.approx(decade["value"] / math.log(10) / 0.1)
    text = run_program("lipsweep", "sensitivity", "known", "--db", submitted, "--format", "csv", "--metric", "area",
                       code=0).stdout
    assert pick(list(csv.DictReader(io.StringIO(text))), part="metric")["text"] == "area"
    for metric in ("worst", "drop@0.4", "reach@0.6"):
        assert rows(run_program, submitted, "--metric", metric)
    means = [row["value"] for row in rows(run_program, submitted, "--metric", "drop@0.4") if row["quantity"] == "mean"]
    assert means == sorted(means)   # the best point loses least
    means = [row["value"] for row in rows(run_program, submitted, "--metric", "worst") if row["quantity"] == "mean"]
    assert means == sorted(means, reverse=True)
    first = pick(rows(run_program, submitted, "--metric", "drop@0.4"), quantity="rank", value=1)["name"]
    assert pick(rows(run_program, submitted, "--metric", "drop@0.4"), quantity="front", name=first)["value"] == 1
    for options, code, words in ((["--metric", "accuracy@0.3"], 4, "tested were the sigmas 0, 0.2, 0.4"),
                                 (["--metric", "speed"], 2, "--metric: a metric is"), (["--nominal", "k=3"], 2, "no value 3"),
                                 (["--nominal", "lr=3"], 2, "no axis 'lr'"), (["--against", "x"], 2, "--against is")):
        result = run_program("lipsweep", "sensitivity", "known", "--db", submitted, *options, code=code)
        assert words in result.stderr


def test_other_measures_and_logits(run_program, submitted):
    fill(submitted, known)
    with sqlite3.connect(submitted) as connection:
        connection.execute("UPDATE accuracy SET brier = 2 * accuracy, confidence_true = accuracy / 2")
        columns = [row[1] for row in connection.execute("PRAGMA table_info(quotient)")]
        values = {"job": "job", "test_sigma": "test_sigma", "p95": "1 - accuracy", "share_over_k": "NULL"}
        connection.execute(f"INSERT INTO quotient SELECT {', '.join(values.get(name, '0') for name in columns)} "
                           "FROM accuracy WHERE test_sigma > 0")
    connection.close()

    def difference(metric):
        return pick(rows(run_program, submitted, "--metric", metric), part="axis", name="lambda", quantity="difference")

    accuracy = difference("accuracy@0.2")
    for metric, factor in (("brier@0.2", 2), ("confidence_true@0.2", 0.5), ("quotient_p95@0.2", -1)):
        row = difference(metric)
        assert row["value"] == pytest.approx(factor * accuracy["value"])
        assert row["high"] - row["low"] == pytest.approx(abs(factor) * (accuracy["high"] - accuracy["low"]))
    table = rows(run_program, submitted, "--metric", "logit:accuracy@0.2")
    share = pick(rows(run_program, submitted, "--metric", "accuracy@0.2"), name="standard training", quantity="mean")
    logit = pick(table, name="standard training", quantity="mean")
    assert logit["value"] == pytest.approx(math.log(share["value"] / (1 - share["value"])), abs=0.01)
    out = run_program("lipsweep", "sensitivity", "known", "--db", submitted, "--metric", "quotient_p95@0.2", code=0).stdout
    assert out.startswith("λ: strong, lowers quotient_p95@0.2 by 0.1") and "clean" not in out.split("Points, highest")[1].split("\n")[1]
    for metric, code, words in (("quotient_p95@0", 4, "tested were the sigmas 0.2, 0.4"), ("logit:area@0.2", 2, "--metric: a metric is"),
                                ("logit:brier@0.2", 2, "no logit"), ("logit:drop@0.2", 2, "no logit"),
                                ("share_over_k@0.2", 4, "no results"), ("nonsense@0.2", 2, "measure@SIGMA")):
        result = run_program("lipsweep", "sensitivity", "known", "--db", submitted, "--metric", metric, code=code)
        assert words in result.stderr, metric


def test_what_is_missing_is_said(run_program, submitted):
    def gaps(job, test_sigma):
        if job["lambda"] == 1 and job["k"] == 0.5 and job["sigma"] == 0.1:
            return None
        if job["seed"] == 4 and job["lambda"] == 0.1 and job["k"] == 0.1 and job["sigma"] == 0.1:
            return None
        return known(job, test_sigma)

    fill(submitted, gaps)
    out = run_program("lipsweep", "sensitivity", "known", "--db", submitted, code=0).stdout
    assert "6 jobs diverged" in out
    assert "1 of 18 points of the grid have no result." in out
    assert "type II, the grid is incomplete" in out and "No shares: the grid is incomplete" in out
    assert "Seed 4 lacks a point that others have and is left out here." in out
    table = rows(run_program, submitted)
    assert pick(table, part="seeds_left_out")["value"] == 4
    assert pick(table, part="effect", name="lambda", quantity="f")["degrees2"] == 6


def test_results_compare_all_points_at_once(run_program, submitted):
    def lost(job, test_sigma):
        return None if job["seed"] == 2 and job["lambda"] == 0.01 and job["k"] == 0.5 else known(job, test_sigma)

    fill(submitted, lost)
    table = json.loads(run_program("lipsweep", "results", "known", "--db", submitted, "--format", "json", code=0).stdout)
    noisy = [row for row in table if row["test_sigma"] == 0.4 and row["difference_p"] is not None]
    assert len(noisy) == 20   # 18 points of the grid and two controls, with standard training
    adjusted, largest = [], 0   # Holm: the smallest p by 20, the next by 19, …, never falling
    for rank, row in enumerate(sorted(noisy, key=lambda row: row["difference_p"])):
        largest = max(largest, min(1, (20 - rank) * row["difference_p"]))
        adjusted.append((row["difference_holm"], largest))
    assert all(ours == pytest.approx(truth) for ours, truth in adjusted)
    against = [row for row in table if row["test_sigma"] == 0.4 and row["augmentation_difference_p"] is not None]
    assert len(against) == 18 and all(row["noisy_bn_difference"] is None for row in table)
    out = run_program("lipsweep", "results", "known", "--db", submitted, code=0).stdout
    passed = sum(ours < 0.05 for ours, _ in adjusted)
    assert f"test σ 0.4: {passed} of 20 points {'is' if passed == 1 else 'are'} shown to differ from standard training (p adjusted by Holm)" in " ".join(out.split())
    assert "too few seeds to decide among 20 points" in " ".join(out.split())
    assert "2 pairs of seeds missing in the differences of 2 points" in " ".join(out.split())
    assert "2 pairs of seeds missing in the differences of 2 points" in " ".join(
        run_program("lipsweep", "sensitivity", "known", "--db", submitted, code=0).stdout.split())
    wrong = run_program("lipsweep", "results", "known", "--db", submitted, "--against", "x", code=2)
    assert "--against is standard, noise-augmentation or noisy-bn" in wrong.stderr


def test_levels_not_reached_give_medians(run_program, submitted):
    fill(submitted, known)
    out = run_program("lipsweep", "sensitivity", "known", "--db", submitted, "--metric", "reach@0.58", code=0).stdout
    assert "No analysis of variance: some trainings never fall to the level" in out
    assert "median not reached (5 of 5)" in out and "without a value of this metric" in out
    table = rows(run_program, submitted, "--metric", "reach@0.58")
    assert not [row for row in table if row["part"] in ("effect", "axis", "nominal")]
    medians = [row for row in table if row["quantity"] == "median"]
    assert medians and all(row["low"] is None for row in medians)


def test_a_locale_without_the_symbols(run_program, submitted):
    fill(submitted, known)
    for width in (60, 100):
        out = run_program("lipsweep", "sensitivity", "known", "--db", submitted, code=0,
                          env={"LANG": "C", "LC_ALL": "C", "COLUMNS": str(width)}).stdout
        assert out.isascii() and "lambda: strong, raises accuracy@0.2" in out


def test_a_sweep_without_results_says_so(run_program, submitted):
    result = run_program("lipsweep", "sensitivity", "known", "--db", submitted, code=4)
    assert "no results yet" in result.stderr
