"""Jobs that differ in their test alone share one training: the second only tests the weights that the first left."""

import os
import pathlib

import pytest

import recorded

GLYPHS = "{name: glyphs, train_count: 1000}"
SWEEP = """\
name: NAME
dataset: DATA
model: MODEL
train: {epochs: 1, batch: 50, lr: 0.05}
grid: {lambda: [0.5], k: [0.1], sigma: [0.1]}
seeds: 2
test: {sigma: LEVELS, seed: 1}
"""
EVENTS = "SELECT text, count(*) AS n FROM event WHERE kind = ? AND job > ? GROUP BY text"


class Site:
    def __init__(self, place, run_program):
        self.place, self.run_program, self.database, self.data = place, run_program, place / "a.db", place

    def write(self, name, levels, more="", data=GLYPHS, model="mnist-cnn"):
        file = self.place / f"{name}.yaml"
        file.write_text(SWEEP.replace("NAME", name).replace("DATA", data).replace("LEVELS", str(levels))
                        .replace("MODEL", model) + more)
        return file

    def run(self, file, database=None):
        self.run_program("lipsweep", "run", file, "--db", database or self.database, "--slots", 2, "--quiet", "--yes",
                         "--data", self.data, code=0)

    def plan(self, file):
        return self.run_program("lipsweep", "plan", file, "--db", self.database, "--no-measure", "--data", self.data,
                                code=0).stdout

    def query(self, sql, *parameters):
        return recorded.query(self.database, sql, *parameters)

    def texts(self, kind, after):
        return {row["text"]: row["n"] for row in self.query(EVENTS, kind, after)}


@pytest.fixture
def site(place, run_program):
    return Site(place, run_program)


def shared_afterwards(site, **what):
    """Three levels more: no training step, and the numbers of a sweep that had them from the start."""
    site.run(site.write("grown", [0, 0.3], **what))
    trained = site.query("SELECT * FROM training ORDER BY id")
    last = site.query("SELECT max(id) AS id FROM job")[0]["id"]
    grown = site.write("grown", [0, 0.1, 0.2, 0.3, 0.4], **what)
    plan = site.plan(grown)
    assert f"{last} only to be tested: their training is finished, its weights are kept" in plan
    assert f"{last} replaced by these" in plan and "withdrawn" not in plan
    site.run(grown)
    assert site.texts("lease", last) == {"evaluation only": last} and site.texts("done", last) == {"evaluated only": last}
    assert site.query("SELECT * FROM training ORDER BY id") == trained
    assert site.query("SELECT sum(train_s) AS s FROM attempt WHERE job > ?", last)[0]["s"] == 0
    site.run(site.write("grown", [0, 0.1, 0.2, 0.3, 0.4], **what), site.place / "fresh.db")
    fresh = recorded.measurements(site.place / "fresh.db")
    assert len(fresh) == last and recorded.measurements(site.database) == fresh
    site.run_program("lipsweep", "verify", "grown", "--db", site.database, code=0)
    shares = "SELECT lambda, seed, test_sigma, active_share FROM results ORDER BY 1, 2, 3"
    assert site.query(shares) == recorded.query(site.place / "fresh.db", shares)


def test_more_test_levels_train_nothing(site):
    shared_afterwards(site)


def test_batch_norm_statistics_travel_with_the_weights(site):
    shared_afterwards(site, data="{name: glyphs, train_count: 50}", model="resnet8")


def test_more_test_levels_on_mnist_train_nothing(site):
    data = pathlib.Path(os.environ.get("LIPSWEEP_DATA", "/nonexistent")) / "mnist"
    if not data.exists():
        pytest.skip("LIPSWEEP_DATA does not say where the real MNIST is")
    site.data = data.parent
    shared_afterwards(site, data="{name: mnist, train_count: 3000}")


def test_another_test_seed_in_another_sweep_shares_too(site):
    site.run(site.write("first", [0, 0.3]))
    other = site.place / "other.yaml"
    other.write_text(site.write("other", [0.3]).read_text().replace("seed: 1", "seed: [1, 2]"))
    site.run(other)
    assert site.texts("done", 2) == {"evaluated only": 2}
    own = site.write("own", [0.5], "run: {reuse: false}\n")
    assert "only to be tested" not in site.plan(own)
    site.run(own)
    assert site.texts("done", 4) == {None: 2}


def test_weights_that_were_not_kept_are_trained_again_and_the_plan_says_so(site):
    none = "run: {keep: none}\n"
    site.run(site.write("bare", [0], none))
    changed = site.write("bare", [0, 0.3], none)
    plan = site.plan(changed)
    assert "2 new" in plan and "2 of the replaced ones are trained as new ones" in plan and "only to be tested" not in plan
    site.run(changed)
    assert site.texts("done", 2) == {None: 2}
    before, after = (site.query("SELECT lambda, seed, weights_digest FROM job JOIN training t ON t.id = training"
                                f" WHERE superseded_by IS {which} NULL ORDER BY 1, 2") for which in ("NOT", ""))
    assert before == after  # bit-identical


def test_a_damaged_file_is_said_and_trained_again(site):
    site.run(site.write("a", [0]))
    for file in (site.place / "a.db.d/weights").iterdir():
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    site.run(site.write("a", [0, 0.3]))
    log = next(site.place.rglob("run.log")).read_text()
    assert "cannot be had" in log and "the job trains them again" in log
    assert site.texts("done", 2) == {None: 2}


def test_the_best_weights_outlive_the_change_of_the_test(site):
    site.run(site.write("best", [0, 0.3], "run: {keep: best}\n"))
    kept = site.query("SELECT count(*) AS n FROM weights WHERE state = 'kept'")[0]["n"]
    assert kept == 1
    site.run(site.write("best", [0, 0.1], "run: {keep: best}\n"))
    assert site.texts("done", 2) == {"evaluated only": 1, None: 1}
