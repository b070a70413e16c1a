"""lipsweep plan: what a sweep would take, computed and measured; and every sweep file that comes with the program."""

import json
import re
import sqlite3

import pytest

import recorded
from programs import CHECKOUT
from small_sweep import SMALL

MISSING = """\
name: missing
dataset: {name: stl10, resize: 32}
model: resnet8
train: {epochs: 3, batch: 50}
grid: {lambda: 1, k: 0.1, sigma: 0.1}
baseline: true
"""
MISSING_OWN = MISSING.replace("{name: stl10, resize: 32}", "{path: nowhere, format: cifar, classes: 4}")


def plan(run_program, file, *arguments):
    """The rows of the plan, one for each class of machine that a prediction is for."""
    return json.loads(run_program("lipsweep", "plan", file, *arguments, "--format", "json", code=0).stdout)


def measured(run_program, file, *arguments):
    text = run_program("lipsweep-worker", "measure", file, *arguments, code=0).stdout
    heading, row = text.splitlines()
    return dict(zip(heading.split("\t"), row.split("\t"), strict=True))


def test_without_a_database_a_few_steps_are_measured(run_program, place):
    (place / "small.yaml").write_text(SMALL)
    text = run_program("lipsweep", "plan", "small.yaml", code=0).stdout
    assert "3 points, 2 seeds, 6 jobs" in text and "from a few steps of each kind of job on this machine" in text
    assert re.search(r"^predicted CPU time: .+; wall time: .+ with \d+ slots?$", text, re.MULTILINE)
    row, = plan(run_program, "small.yaml", "--slots", "3")
    assert row["from"] == "calibration" and row["new"] == 6 and row["unpredicted"] == 0 and row["slots"] == 3
    assert 0 < row["cpu_s"] / 6 <= row["wall_s"] <= row["cpu_s"]
    assert not list(place.glob("*.db*"))


def test_without_measuring_time_is_unknown_and_memory_is_not(run_program, place):
    (place / "small.yaml").write_text(SMALL)
    assert "predicted time: unknown" in run_program("lipsweep", "plan", "small.yaml", "--no-measure", code=0).stdout
    row, = plan(run_program, "small.yaml", "--no-measure")
    assert row["cpu_s"] is None and row["wall_s"] is None and row["unpredicted"] == 6 and row["cpu_class"] is None
    assert row["memory_bytes"] > 0
    # Parameters of mnist-cnn on glyphs, float32, for six trainings.
    (place / "job.yaml").write_text("dataset: glyphs\nmodel: mnist-cnn\ntrain: {epochs: 1, batch: 50}\n")
    job = measured(run_program, "job.yaml", "--memory-only")
    assert row["weights_bytes"] == 6 * int(job["weights_bytes"]) and job["step_s"] == ""


def test_finished_jobs_tell_the_speed_of_their_machine(run_program, place):
    (place / "small.yaml").write_text(SMALL)
    run_program("lipsweep", "run", "small.yaml", "--quiet", code=0)
    done, = plan(run_program, "small.yaml")
    assert done["finished"] == 6 and done["new"] == 0 and done["cpu_s"] == 0
    (place / "small.yaml").write_text(SMALL.replace("seeds: 2", "seeds: 4"))
    row, = plan(run_program, "small.yaml", "--no-measure")
    assert row["from"] == "jobs" and row["new"] == 6
    took = recorded.query(place / "small.db", "SELECT sum(train_s) AS train, sum(evaluate_s) AS evaluate FROM attempt")[0]
    # Steps differ from kind to kind, and there are as many of each again.
    assert row["cpu_s"] == pytest.approx(took["train"] + took["evaluate"], rel=1e-6)
    assert row["cpu_class"] == recorded.query(place / "small.db", "SELECT DISTINCT cpu_class FROM training")[0]["cpu_class"]
    # Another class of machine with the same jobs, far slower: each has its own row.
    with sqlite3.connect(place / "small.db") as database:
        database.execute("UPDATE training SET cpu_class = 'elsewhere', train_s = 1000 * train_s WHERE id IN "
                         "(SELECT j.training FROM job j WHERE j.seed = 2)")
    database.close()
    rows = plan(run_program, "small.yaml", "--no-measure")
    assert sorted(each["cpu_class"] for each in rows) == sorted(["elsewhere", row["cpu_class"]])
    assert [each["cpu_s"] for each in rows if each["cpu_class"] == "elsewhere"][0] > max(
        each["cpu_s"] for each in rows if each["cpu_class"] != "elsewhere")


@pytest.mark.parametrize("text", [MISSING, MISSING_OWN], ids=["known", "own"])
def test_missing_data_is_said_and_the_rest_is_told(run_program, place, text):
    (place / "missing.yaml").write_text(text)
    result = run_program("lipsweep", "plan", "missing.yaml", code=0)
    assert "2 points, 1 seeds, 2 jobs" in result.stdout
    assert re.search(r"^note: data set (stl10|nowhere) not found", result.stderr, re.MULTILINE)
    row, = plan(run_program, "missing.yaml")
    if text is MISSING:  # its shape is known
        assert row["cpu_s"] > 0 and row["memory_bytes"] > 0 and row["from"] == "calibration"
    else:
        assert row["cpu_s"] is None and row["memory_bytes"] is None
        assert "the data set is not on this machine" in result.stdout and "memory: unknown" in result.stdout


def test_without_its_digest_nothing_is_compared(run_program, place):
    (place / "small.yaml").write_text(SMALL)
    run_program("lipsweep", "run", "small.yaml", "--quiet", "--db", "x.db", code=0)
    (place / "missing.yaml").write_text(MISSING)
    result = run_program("lipsweep", "plan", "missing.yaml", "--db", "x.db", "--no-measure", code=0)
    assert "cannot be compared with the database" in result.stderr
    row, = plan(run_program, "missing.yaml", "--db", "x.db", "--no-measure")
    assert row["new"] is None and row["finished"] is None and row["jobs"] == 2


JOB = """\
dataset: {name: glyphs, validation_count: 100, train_count: 300, fraction: 0.5}
model: %s
loss: {lambda: 1, k: 0.1, sigma: 0.1}
train: {epochs: 4, batch: 30, lr: 1000, schedule: {kind: steps, at: [2]}}
test: {sigma: [0, 0.2], seed: [1, 2]}
"""


@pytest.mark.parametrize("model", ["mnist-cnn", "preresnet8"])
def test_measure_needs_no_data_and_cannot_diverge(run_program, place, model):
    (place / "job.yaml").write_text(JOB % model)
    row = measured(run_program, "job.yaml")
    assert float(row["step_s"]) > 0 and float(row["evaluation_s"]) > 0
    (place / "stl.yaml").write_text((JOB % model).replace("glyphs", "stl10"))
    larger = measured(run_program, "stl.yaml", "--memory-only")
    assert int(larger["memory_bytes"]) > int(row["memory_bytes"])
    assert run_program("lipsweep-worker", "--version", code=0).stdout.splitlines()[-1] == "kernels: " + row["cpu_class"]


def test_measure_says_what_is_wrong(run_program, place):
    (place / "job.yaml").write_text(JOB % "mnist-cnnn")
    assert "mnist-cnnn" in run_program("lipsweep-worker", "measure", "job.yaml", code=2).stderr
    assert "takes one job file" in run_program("lipsweep-worker", "measure", code=2).stderr


PARTS = """\
name: parts
dataset: {name: glyphs, train_count: 400}
train: {epochs: 1, batch: 50, lr: 0.05}
grids:
- {model: mnist-cnn, lambda: [1, 2], k: [0, 0.1], sigma: 0.1, zip: [[lambda, k]]}
- {model: resnet8, lambda: 1, k: 0, sigma: 0.1, fraction: [0.5, 1], only: fraction < 1}
include: [{model: mnist-cnn, lambda: 5, k: 0.3, sigma: 0.2}, {model: mnist-cnn, lambda: 1, k: 0, sigma: 0.1}]
baseline: true
seeds: 2
test: {sigma: [0, 0.4]}
"""
PARTS_POINTS = {("mnist-cnn", 0, None, None, 1), ("resnet8", 0, None, None, 0.5), ("mnist-cnn", 1, 0, 0.1, 1),
                ("mnist-cnn", 2, 0.1, 0.1, 1), ("resnet8", 1, 0, 0.1, 0.5), ("mnist-cnn", 5, 0.3, 0.2, 1)}


def test_grids_points_and_conditions_run_once_each(run_program, place):
    (place / "parts.yaml").write_text(PARTS)
    run_program("lipsweep", "run", "parts.yaml", "--quiet", code=0)
    recorded.assert_all_done_once(place / "parts.db", 12)
    jobs = recorded.query(place / "parts.db", "SELECT model, lambda, k, sigma, fraction FROM job WHERE seed = 2")
    assert {tuple(job.values()) for job in jobs} == PARTS_POINTS and len(jobs) == len(PARTS_POINTS)
    assert "complete" in run_program("lipsweep", "verify", "parts", "--db", "parts.db", code=0).stdout
    # Written in another way it is the same sweep.
    (place / "parts.yaml").write_text(PARTS.replace("lambda: 1, k: 0, sigma: 0.1, fraction: [0.5, 1], only: fraction < 1",
                                                    "k: 0, sigma: 0.1, fraction: 0.5, axes: {lambda: 1}"))
    row, = plan(run_program, "parts.yaml")
    assert row["finished"] == 12 and row["new"] == 0 and row["withdrawn"] == 0
    (place / "parts.yaml").write_text(PARTS.replace("only: fraction < 1", "only: fraction > 1"))
    assert plan(run_program, "parts.yaml")[0]["withdrawn"] == 4
    (place / "parts.yaml").write_text(PARTS.split("include")[0].replace("zip: [[lambda, k]]", "only: k > 1").replace(
        "fraction < 1", "fraction > 1"))
    assert "the conditions of the sweep leave no point" in run_program("lipsweep", "plan", "parts.yaml", code=2).stderr


SWEEPS = sorted((CHECKOUT / "sweeps").glob("*.yaml"))
# Where a few steps of each kind of job are tried out. Those of the other files take up to minutes.
MEASURED = {"quickstart", "mnist-table2", "mnist-fractions", "mnist-sensitivity", "cifar10-quotients"}


@pytest.mark.parametrize("file", SWEEPS, ids=lambda file: file.stem)
def test_every_sweep_file_is_planned(run_program, place, file):
    name = file.stem
    arguments = [] if name in MEASURED else ["--no-measure"]
    row, = json.loads(run_program("lipsweep", "plan", file, *arguments, "--format", "json", code=0).stdout)
    assert row["jobs"] == row["new"] > 0 and row["memory_bytes"] > 0
    if name in MEASURED:
        assert row["cpu_s"] > 0 and row["wall_s"] > 0 and row["from"] == "calibration"
    # What the documentation says of it.
    table = re.findall(r"^\| `([\w-]+)` \|.*?\|.*?\| ([\d,]+) \|.*\| (\d+) MiB \|$|^\| `([\w-]+)` \|.*?\|.*?\| ([\d,]+) \|.*\| ([\d.]+) GiB \|$",
                       (CHECKOUT / "docs/experiments.md").read_text(), re.MULTILINE)
    known = {a or d: (int((b or e).replace(",", "")), float(c) * 2**20 if c else float(f) * 2**30) for a, b, c, d, e, f in table}
    jobs, memory = known[name]
    assert jobs == row["jobs"] and memory == pytest.approx(row["memory_bytes"], rel=0.1, abs=16 * 2**20)


BASE = """\
name: base
dataset: {name: glyphs, train_count: 400, augment: {crop_padding: 2, flip: true}}
model: mnist-cnn
train: {epochs: 2, batch: 50, lr: 0.05, schedule: {kind: steps, at: [1]}}
grid: {lambda: [1, 2], k: {from: 0.1, to: 0.2, count: 2}, sigma: 0.1}
baseline: [standard]
seeds: 2
"""
OWN = """\
base: ../base.yaml
name: own
dataset: {fraction: 0.5, augment: ~}
train: {schedule: {kind: cosine}, weight_decay: 1e-4, epochs: 1}
grid: {lambda: [1, 2, 3], k: 0.1, lr: [0.1, 0.2], only: lambda < 3}
test: {sigma: [0, 0.4]}
"""
JOINED = """\
name: own
dataset: {name: glyphs, train_count: 400, fraction: 0.5}
model: mnist-cnn
train: {epochs: 1, batch: 50, schedule: {kind: cosine}, weight_decay: 1e-4}
grid: {lambda: [1, 2], k: 0.1, sigma: 0.1, lr: [0.1, 0.2]}
baseline: true
seeds: 2
test: {sigma: [0, 0.4]}
"""


@pytest.fixture
def own(place):
    (place / "sub").mkdir()
    (place / "base.yaml").write_text(BASE)
    (place / "sub/own.yaml").write_text(OWN)
    return place / "sub/own.yaml"


def test_a_base_is_joined_by_keys(run_program, place, own):
    run_program("lipsweep", "run", own, "--quiet", "--db", "own.db", code=0)
    (place / "joined.yaml").write_text(JOINED)
    row, = plan(run_program, "joined.yaml", "--db", "own.db")
    assert row["finished"] == row["jobs"] == 12 and row["new"] == row["withdrawn"] == 0
    # What was handed in stands for itself: read again where there is no base, it is the same sweep.
    text = recorded.query(place / "own.db", "SELECT text FROM sweep_text")[0]["text"]
    assert "own.yaml:4" in text and "base.yaml:4" in text
    (place / "alone.yaml").write_text(text)
    row, = plan(run_program, "alone.yaml", "--db", "own.db")
    assert row["finished"] == row["jobs"] == 12


def test_settings_take_the_place_of_what_is_there(run_program, place, own):
    settings = ["epochs=3", "lr=0.5", "seeds=[7, 9]", "test.sigma=0", "train.schedule.kind=constant", "name=other", "grid.only=~",
                "dataset.augment.flip=true"]
    arguments = [word for setting in settings for word in ("--set", setting)]
    row, = plan(run_program, own, *arguments)
    assert row["points"] == 4 and row["jobs"] == 8  # standard and three lambdas
    run_program("lipsweep", "run", own, "--quiet", "--db", "set.db", *arguments, code=0)
    jobs = recorded.query(place / "set.db", "SELECT DISTINCT epochs, lr, schedule, flip FROM job")
    assert jobs == [{"epochs": 3, "lr": 0.5, "schedule": "constant", "flip": "true"}]
    assert {job["seed"] for job in recorded.query(place / "set.db", "SELECT seed FROM job")} == {7, 9}
    assert recorded.query(place / "set.db", "SELECT name FROM sweep") == [{"name": "other"}]


@pytest.mark.parametrize("arguments, words", [
    (["--set", "epochs"], "--set takes KEY=VALUE"),
    (["--set", "epochs=[1"], "--set:"),
    (["--set", "epochs=x"], "epochs must be a number, not 'x'"),
    (["--set", "epoch=1"], "unknown key 'epoch' (did you mean 'epochs'?)"),
    (["--set", "grid.sigma=-1"], "sigma must be at least 0, not -1"),
    (["--set", "train.epoch=1"], "unknown key 'epoch' (did you mean 'epochs'?)"),
])
def test_wrong_settings(run_program, own, arguments, words):
    result = run_program("lipsweep", "plan", own, *arguments, code=2)
    assert words in result.stderr and result.stdout == ""


@pytest.mark.parametrize("text, words", [
    ("base: nowhere.yaml\nname: x\n", "x.yaml:1:7: error: base: nowhere.yaml: no such file"),
    ("base: x.yaml\nname: x\n", "a circle of them"),
    ("name: x\nbase: [a]\n", "x.yaml:2:7: error: 'base' must name a file, not a list"),
    ("base: .\nname: x\n", "is a directory"),
    ("base: bad.yaml\nname: x\n", "bad.yaml:1:10: error: aliases"),
    ("base: base.yaml\n", "the sweep has no 'name'"),
    ("base: base.yaml\nname: x\ntrain: {epochs: 0}\n", "epochs: 0  # x.yaml:3"),
])
def test_wrong_bases(run_program, place, text, words):
    (place / "base.yaml").write_text(BASE)
    (place / "bad.yaml").write_text("dataset: *a\n")
    (place / "x.yaml").write_text(text)
    assert words in run_program("lipsweep", "plan", "x.yaml", code=2).stderr


def test_whatever_text_is_in_a_file_survives_joining(run_program, place):
    names = ['a "quoted" one', "back\\slash", "caf\u00e9", "7", "true", "# no comment", "a: b", "[x", "\u0416\u597d"]
    text = ("name: own\ndataset: {path: mine, format: cifar, classes: 9, class_names: " + json.dumps(names) +
            "}\nmodel: resnet8\ntrain: {epochs: 1, batch: 2}\n")
    (place / "own.yaml").write_text(text)
    label_and_image = b"".join(bytes([i % 9]) + bytes([i]) * 3072 for i in range(18))
    (place / "mine").mkdir()
    for name in ("train.bin", "test_batch.bin", "data_batch_1.bin", "test.bin"):
        (place / "mine" / name).write_bytes(label_and_image)
    environment = {"LIPSWEEP_DATA": str(place)}
    result = run_program("lipsweep", "plan", "own.yaml", "--set", "seeds=2", "--format", "json", env=environment, code=0)
    assert json.loads(result.stdout)[0]["jobs"] == 2
