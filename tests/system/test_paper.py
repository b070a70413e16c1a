"""The paper's accuracies, converted and analysed: what they show, and what they do not."""

import json
import subprocess
import sys

import pytest

from programs import CHECKOUT

CONVERTER = CHECKOUT / "sweeps/paper-tables.py"
READINGS = {"k-columns": ("k", "sigma"), "sigma-columns": ("sigma", "k")}   # what stands in columns, in rows

# Points of accuracy and half width at the second and third distortion, computed from the tables by hand: paired differences,
# Student's t. (dataset, axis, from, to, pairs)
LAMBDA = {("cifar10", "T4", "T3", 12): ((23.0, 4.2), (12.2, 4.2)),
          ("cifar10", "T3", "T5", 12): ((6.7, 5.8), (10.4, 6.3)),
          ("stl10", "T7", "T6", 6): ((7.9, 9.1), (4.3, 7.7)),
          ("stl10", "T7", "T8", 6): ((9.0, 7.6), (10.6, 6.6))}
COLUMNS = ("column 1", "column 3", 18), ((1.6, 3.1), (0.3, 3.3))
ROWS = ("0.01", "0.1", 27), ((-0.9, 3.0), (-0.4, 2.5))


def convert(*arguments, code=0):
    result = subprocess.run([sys.executable, CONVERTER, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert result.returncode == code, result.stderr
    return result


@pytest.fixture(params=READINGS)
def imported(request, run_program, place):
    """A database with sweeps cifar10, stl10 and both under one reading."""
    for name, datasets in {"cifar10": ["cifar10"], "stl10": ["stl10"], "both": ["cifar10", "stl10"]}.items():
        convert("--reading", request.param, *(word for dataset in datasets for word in ("--dataset", dataset)),
                "-o", place / f"{name}.csv")
        run_program("lipsweep", "import", place / f"{name}.csv", "--db", place / "paper.db", code=0)
    return request.param


def analysis(run_program, place, sweep, level):
    out = run_program("lipsweep", "sensitivity", sweep, "--db", place / "paper.db", "--metric", f"accuracy@{level}",
                      "--format", "json", code=0).stdout
    return json.loads(out)


def agrees(table, axis, begin, end, pairs, figures):
    rows = [row for row in table if row["part"] == "axis" and row["name"] == axis and row["quantity"] in ("step", "difference")
            and (row["from"], row["to"]) == (begin, end)]
    assert rows
    for row in rows:
        assert (round(100 * row["value"], 1), round(50 * (row["high"] - row["low"]), 1)) == figures
        assert row["n"] == pairs


def conclusion(table, axis):
    row, = [row for row in table if row["part"] == "conclusion" and row["name"] == axis]
    return row["text"]


def test_cells_that_the_layout_repeats_are_left_out(place):
    result = convert("-o", place / "all.csv")
    assert "255 cells, 72 of them repeat another one: 183 rows" in result.stderr
    assert len((place / "all.csv").read_text(encoding="utf-8").splitlines()) == 184
    damaged = (CHECKOUT / "sweeps/paper-tables.csv").read_text(encoding="utf-8").replace(
        "5,CIFAR-10,ResNet-20,standard,1,-,2,3,6,38.28", "5,CIFAR-10,ResNet-20,standard,1,-,2,3,6,38.27")
    (place / "damaged.csv").write_text(damaged, encoding="utf-8")
    assert "damaged.csv:127: 0.3827, but 0.3828" in convert(place / "damaged.csv", code=1).stderr
    (place / "other.csv").write_text("table,acc\n", encoding="utf-8")
    assert "there is no column arch" in convert(place / "other.csv", code=1).stderr


def test_lambda_is_clear_and_its_labels_are_ordered(imported, run_program, place):
    for position, level in enumerate((0.1, 0.2)):
        tables = {sweep: analysis(run_program, place, sweep, level) for sweep in ("cifar10", "stl10")}
        for (sweep, begin, end, pairs), figures in LAMBDA.items():
            agrees(tables[sweep], "lambda", begin, end, pairs, figures[position])
        assert conclusion(tables["cifar10"], "lambda").startswith(f"λ: strong, raises accuracy@{level} by ")
        assert conclusion(tables["cifar10"], "lambda").endswith(" from T4 to T5, over 12 pairs of points")
        assert " from T7 to T8, " in conclusion(tables["stl10"], "lambda")
    people = run_program("lipsweep", "results", "cifar10", "--db", place / "paper.db", code=0).stdout
    trainings = [line.split()[0] for line in people.splitlines() if line.startswith(("standard", "lipschitz"))]
    assert trainings.count("lipschitz") == 36 and trainings.count("standard") == 2


def test_neither_k_nor_sigma_is_shown(imported, run_program, place):
    in_columns, in_rows = READINGS[imported]
    for position, level in enumerate((0.1, 0.2)):
        both = analysis(run_program, place, "both", level)
        for axis, (ends, figures) in ((in_columns, COLUMNS), (in_rows, ROWS)):
            agrees(both, axis, *ends, figures[position])
        for table in (both, *(analysis(run_program, place, sweep, level) for sweep in ("cifar10", "stl10"))):
            for axis in ("k", "sigma"):
                assert "no effect shown" in conclusion(table, axis)
