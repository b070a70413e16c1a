"""Results measured elsewhere: in, shown, and out again; and every way that a file can be wrong."""

import csv
import json

import pytest

import recorded
from processes import wait_until

HEADER = "dataset,model,lambda,k,sigma,seed,test_sigma,accuracy\n"
PAPER = HEADER + """\
mnist,cnn,T4,1,0.1,,0,0.9
mnist,cnn,T4,1,0.1,,0.2,0.8
mnist,cnn,T3,1,0.1,,0,0.91
mnist,cnn,T3,1,0.1,,0.2,0.81
mnist,cnn,T5,2,0.1,,0,0.92
mnist,cnn,T5,2,0.1,,0.2,0.82
"""


def write(place, text, name="paper.csv"):
    path = place / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def one(database, sql):
    row, = recorded.query(database, sql)
    return tuple(row.values())


def test_labels_keep_their_order(run_program, place):
    write(place, PAPER)
    result = run_program("lipsweep", "import", "paper.csv", "--db", "p.db", code=0)
    assert "sweep 1, paper, imported: 3 points, 3 jobs, 6 results" in result.stdout
    database = place / "p.db"
    assert one(database, "SELECT name, origin, state, point_count FROM sweep") == ("paper", "imported", "active", 3)
    assert [row["label"] for row in recorded.query(
        database, "SELECT label FROM axis_value v JOIN axis a ON a.sweep = v.sweep AND a.ordinal = v.axis "
                  "WHERE a.name = 'lambda' ORDER BY rank")] == ["T4", "T3", "T5"]
    assert [row["number"] for row in recorded.query(
        database, "SELECT number FROM axis_value v JOIN axis a ON a.sweep = v.sweep AND a.ordinal = v.axis "
                  "WHERE a.name = 'k' ORDER BY rank")] == [1, 2]
    assert [tuple(row.values()) for row in recorded.query(
        database, "SELECT point, lambda, lambda_label, k, seed, test_sigma, accuracy, confidence_true, inert "
                  "FROM results ORDER BY job, test_sigma LIMIT 3")] == [
        (0, None, "T4", 1, None, 0, 0.9, None, None), (0, None, "T4", 1, None, 0.2, 0.8, None, None),
        (1, None, "T3", 1, None, 0, 0.91, None, None)]
    assert one(database, "SELECT state, origin, build, attempts FROM provenance LIMIT 1") == ("done", "imported", None, 0)
    rows = json.loads(run_program("lipsweep", "results", "paper", "--db", "p.db", "--format", "json", code=0).stdout)
    assert [(row["lambda"], row["k"], row["test_sigma"], row["accuracy"]) for row in rows] == [
        ("T4", 1, 0, 0.9), ("T4", 1, 0.2, 0.8), ("T3", 1, 0, 0.91), ("T3", 1, 0.2, 0.81),
        ("T5", 2, 0, 0.92), ("T5", 2, 0.2, 0.82)]
    for command in ("results", "status", "jobs", "verify"):
        assert run_program("lipsweep", command, "paper", "--db", "p.db", code=0).stdout
    with recorded.reading(database) as connection:
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()


def test_its_name_is_taken(run_program, place):
    """A sweep file of the same name would put measurements that cannot be repeated out of the tables."""
    write(place, PAPER)
    run_program("lipsweep", "import", "paper.csv", "--db", "p.db", code=0)
    write(place, "name: paper\ndataset: {name: glyphs, train_count: 200}\nmodel: mnist-cnn\n"
                 "train: {epochs: 1, batch: 50}\nseeds: 1\ntest: {sigma: [0]}\n", "paper.yaml")
    for command in (["submit", "paper.yaml"], ["submit", "paper.yaml", "--yes"], ["plan", "paper.yaml"],
                    ["run", "paper.yaml", "--yes"]):
        result = run_program("lipsweep", *command, "--db", "p.db")
        assert result.returncode == 4, command
        assert "sweep 'paper' holds imported results" in result.stderr and "another name" in result.stderr
    assert one(place / "p.db", "SELECT count(*), sum(withdrawn) FROM job") == (3, 0)


def test_seeds_numbers_and_measures(run_program, place):
    lines = [f"mnist,cnn,{weight},,{sigma},{seed},{noise},{0.5 + seed / 10},noise-augmentation,0.5,10000,5000,0.7"
             for weight in (0, 1) for sigma in (0.1, "1e-1") for seed in (0, 1) for noise in (0, 0.4) if sigma == 0.1]
    write(place, "\ufeff" + HEADER.strip() + ",control,fraction,image_count,correct_count,confidence_true\r\n"
          + "\r\n".join(lines) + "\r\n")
    run_program("lipsweep", "import", "paper.csv", "--db", "p.db", "--name", "other", code=0)
    assert one(place / "p.db", "SELECT count(*), count(DISTINCT job), count(DISTINCT point) FROM results") == (8, 4, 2)
    assert one(place / "p.db", "SELECT control, fraction, typeof(image_count), correct_count, confidence_true, k, sigma "
                               "FROM measurements LIMIT 1") == ("noise-augmentation", 0.5, "integer", 5000, 0.7, None, 0.1)


def test_an_axis_that_is_empty_in_some_rows(run_program, place):
    """Empty is a level of its own, not 0: with it the axis holds labels."""
    rows = [f"mnist,cnn,1,{k},{sigma},{seed},0,{0.5 + 0.1 * (k != '') + 0.001 * seed}\n"
            for k in ("0.1", "", "0.02") for sigma in ("0.1", "0.2") for seed in (1, 2, 3)]
    (place / "gaps.csv").write_text(HEADER + "".join(rows), encoding="utf-8")
    run_program("lipsweep", "import", "gaps.csv", "--db", "i.db", code=0)
    text = run_program("lipsweep", "sensitivity", "gaps", "--metric", "accuracy@0", "--db", "i.db", code=0).stdout
    assert "K: strong, raises accuracy@0 by 10.00 ± 0.00 points from none to 0.1" in text
    numbers = json.loads(run_program("lipsweep", "sensitivity", "gaps", "--metric", "accuracy@0", "--db", "i.db",
                                     "--format", "json", code=0).stdout)
    levels = {(row["from"], row["to"]) for row in numbers if row["name"] == "k" and row["quantity"] == "step"}
    assert levels == {("none", "0.02"), ("0.02", "0.1")}
    run_program("lipsweep", "sensitivity", "gaps", "--nominal", "k=none", "--db", "i.db", code=0)
    points = run_program("lipsweep", "results", "gaps", "--db", "i.db", "--format", "csv", code=0).stdout
    assert points.count("mnist,cnn,1,,0.1,") == 1, points


def test_points_without_a_weight(run_program, place):
    rows = [f"mnist,cnn,{weight},0.5,0.1,{seed},0,{0.5 + 0.001 * seed}\n" for weight in ("", "1", "2") for seed in (1, 2)]
    (place / "weightless.csv").write_text(HEADER + "".join(rows), encoding="utf-8")
    run_program("lipsweep", "import", "weightless.csv", "--db", "i.db", code=0)
    text = run_program("lipsweep", "sensitivity", "weightless", "--metric", "accuracy@0", "--db", "i.db", code=0).stdout
    assert "λ none  K 0.5  σ 0.1" in text and "nan" not in text
    assert "1 point without a λ: not in the grid, listed among the points alone." in text
    assert "difference" not in text   # there is nothing to differ from


def test_quotes(run_program, place):
    write(place, HEADER + '"a ""b"", c","x\ny",1,1,1,0,0,0.5\n')
    run_program("lipsweep", "import", "paper.csv", "--db", "p.db", code=0)
    assert one(place / "p.db", "SELECT dataset, model FROM results") == ('a "b", c', "x\ny")


def test_an_export_can_be_imported(run_program, place):
    write(place, PAPER.replace("T4", "1").replace("T3", "0.5").replace("T5", "0"))
    run_program("lipsweep", "import", "paper.csv", "--db", "p.db", code=0)
    run_program("lipsweep", "export", "paper", "--to", "again.csv", "--db", "p.db", code=0)
    result = run_program("lipsweep", "import", "again.csv", "--db", "p.db", code=0)
    assert "warning: column 'sweep_id' is left out" in result.stderr
    columns = "dataset, model, lambda, k, sigma, seed, test_sigma, accuracy"
    assert (recorded.query(place / "p.db", f"SELECT {columns} FROM results WHERE sweep = 'paper' ORDER BY job, test_sigma")
            == recorded.query(place / "p.db", f"SELECT {columns} FROM results WHERE sweep = 'again' ORDER BY job, test_sigma"))


def test_a_name_is_taken_once(run_program, place):
    write(place, PAPER)
    run_program("lipsweep", "import", "paper.csv", "--db", "p.db", code=0)
    result = run_program("lipsweep", "import", "paper.csv", "--db", "p.db", code=4)
    assert "already" in result.stderr and "--name" in result.stderr
    assert one(place / "p.db", "SELECT count(*) FROM accuracy") == (6,)
    run_program("lipsweep", "import", "paper.csv", "--db", "p.db", "--name", "second", code=0)
    assert one(place / "p.db", "SELECT count(*) FROM accuracy") == (12,)


def test_through_a_running_coordinator(run_program, start_program, place):
    write(place, PAPER)
    run = start_program("lipsweep-coordinator", "--db", "p.db")

    wait_until(lambda: recorded.query(place / "p.db", "SELECT 1 AS x") != [])
    run_program("lipsweep", "import", "paper.csv", "--db", "p.db", code=0)
    assert run.running()
    assert one(place / "p.db", "SELECT count(*) FROM results") == (6,)


ROW = "mnist,cnn,1,1,0.1,0,0,0.5\n"
WRONG = {
    "empty": ("", ["error: it is empty"]),
    "no rows": (HEADER, ["error: it has no rows"]),
    "no column": ("dataset,model\nmnist,cnn\n", ["1:1: error: there is no column 'lambda'", "no column 'accuracy'"]),
    "misspelt column": (HEADER.replace("sigma,seed", "sgima,seed") + ROW,
                        ["1:24: warning: column 'sgima' is left out (did you mean 'sigma'?)", "there is no column 'sigma'"]),
    "column twice": (HEADER.strip() + ",k\n" + ROW.strip() + ",1\n", ["two columns 'k'"]),
    "fields": (HEADER + ROW + "mnist,cnn\n" + ROW.replace(",0.5", ""), ["3:1: error: 2 fields, but the first line names 8",
                                                                     "4:1: error: 7 fields"]),
    "percent": (HEADER + ROW.replace("0.5", "97"), ["2:23: error: accuracy 97 is not between 0 and 1"]),
    "no number": (HEADER + ROW.replace("0.5", "high"), ["2:23: error: accuracy: 'high' is no number"]),
    "misspelt number": (HEADER + ROW + ROW.replace("cnn,1", "cnn,l"), ["3:11: error: lambda: 'l' is no number, but line 2"]),
    "negative": (HEADER + ROW.replace("cnn,1", "cnn,-1"), ["2:11: error: lambda must be at least 0"]),
    "no accuracy": (HEADER + ROW.replace("0.5", ""), ["accuracy: '' is no number"]),
    "seed": (HEADER + ROW.replace(",0,0,", ",1.5,0,") + ROW.replace(",0,0,", ",-1,0,"),
             ["2:19: error: seed: '1.5' is no whole number", "3:19: error: seed: '-1'"]),
    "no data set": (HEADER + ROW.replace("mnist", ""), ["2:1: error: dataset needs a name"]),
    "double": (HEADER + ROW + "\n" + ROW.replace("0.5", "0.6").replace("0.1", "1e-1"),
               ["4:1: error: the same parameters, seed and test_sigma as line 2"]),
    "double without seed": (PAPER + "mnist,cnn,T4,1,0.1,,0,0.7\n", ["8:1: error: the same parameters", "as line 2"]),
    "quote": (HEADER + '"mnist,cnn,1,1,0.1,0,0,0.5\n', ["2:1: error: this quote is never closed"]),
    "behind a quote": (HEADER + '"mnist"x,cnn,1,1,0.1,0,0,0.5\n', ["2:1: error: text behind a closing quote"]),
    "bytes": (HEADER.encode() + b"mn\0ist,cnn,1,1,0.1,0,0,0.5\n", ["it holds a NUL byte"]),
    "control": (HEADER.strip() + ",control\n" + ROW.strip() + ",noise-augmentaton\n", ["did you mean 'noise-augmentation'?"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(run_program, place, name):
    text, words = WRONG[name]
    write(place, text)
    result = run_program("lipsweep", "import", "paper.csv", "--db", "p.db", code=2)
    for word in words:
        assert word in result.stderr
    assert "nothing was done" in result.stderr
    assert not list(place.glob("p.db*"))


def test_all_errors_in_one_go(run_program, place):
    write(place, HEADER + "".join(ROW.replace("0.5", str(2 + i)) for i in range(30)))
    result = run_program("lipsweep", "import", "paper.csv", "--db", "p.db", code=2)
    assert result.stderr.count(": error: accuracy") == 30 and "30 errors" in result.stderr


def test_bad_names(run_program, place):
    write(place, PAPER, "1 bad.csv")
    assert "--name" in run_program("lipsweep", "import", "1 bad.csv", "--db", "p.db", code=2).stderr
    assert "missing.csv" in run_program("lipsweep", "import", "missing.csv", "--db", "p.db", code=2).stderr
    assert not list(place.glob("p.db*"))


def test_a_large_file(run_program, place):
    with open(place / "large.csv", "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(HEADER.strip().split(","))
        for i in range(60000):
            out.writerow(["mnist", "cnn", i // 600, 1, 0.1, i // 10 % 60, i % 10 / 10, 0.5])
    run_program("lipsweep", "import", "large.csv", "--db", "p.db", code=0)
    assert one(place / "p.db", "SELECT count(*), count(DISTINCT job), count(DISTINCT point) FROM results") == (60000, 6000, 100)
    with open(place / "large.csv", "a", encoding="utf-8") as file:
        file.write("x" * 5000000)
    run_program("lipsweep", "import", "large.csv", "--db", "p.db", "--name", "huge", code=2)
