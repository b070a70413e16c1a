"""run.adaptive_seeds on real trainings: noisy points get seeds, quiet ones do not, whatever dies on the way."""

import json
import math
import random
import sqlite3
import statistics

import pytest

import recorded
from processes import wait_until

SWEEP = """\
name: NAME
dataset: {name: glyphs, train_count: 400}
model: mnist-cnn
train: {batch: 20, lr: 0.05}
grid: {steps: [2, 20, 60]}
loss: {lambda: 0.5, k: 0.1, sigma: 0.1}
seeds: 5
test: {sigma: [0, 0.3], seed: 1}
"""
T4 = 2.7764451051977987  # Student's 97.5 % point with 4 degrees of freedom
MOST = 8
SEED = 20241123
VALUES = "SELECT point, seed, accuracy FROM results WHERE sweep = 'NAME' AND test_sigma = 0.3 ORDER BY point, seed"
DECISIONS = "SELECT point, n0, n, reached_max, reason FROM seed_decision ORDER BY point"


def by_point(database, name):
    points = {}
    for row in recorded.query(database, VALUES.replace("NAME", name)):
        points.setdefault(row["point"], []).append(row["accuracy"])
    return points


@pytest.fixture
def written(place, run_program):
    """A file whose half width some points need more seeds for and some do not, and how many each should have."""
    plain = place / "plain.yaml"
    plain.write_text(SWEEP.replace("NAME", "plain"))
    run_program("lipsweep", "run", plain, "--db", place / "plain.db", "--slots", 2, "--quiet", "--yes", code=0)
    spread = {point: statistics.stdev(values) for point, values in by_point(place / "plain.db", "plain").items()}
    low, high = min(spread.values()), max(spread.values())
    assert high > 2 * low, spread
    half_width = float(f"{T4 * math.sqrt(max(low, high / 4) * high / 5):.6g}")
    expected = {point: min(MOST, max(5, math.ceil((T4 * sd / half_width) ** 2))) for point, sd in spread.items()}
    assert min(expected.values()) == 5 < max(expected.values())
    file = place / "adaptive.yaml"
    file.write_text(SWEEP.replace("NAME", "adaptive") +
                    f"run: {{adaptive_seeds: {{metric: accuracy@0.3, half_width: {half_width}, max: {MOST}}}}}\n")
    return file, expected


def check(run_program, database, expected):
    out = run_program("lipsweep", "verify", "adaptive", "--db", database, code=0).stdout
    extra = sum(expected.values()) - 5 * len(expected)
    assert f"{len(expected)} points, 5 seeds, {extra} more that adaptive_seeds added" in out and "complete" in out
    assert {point: len(values) for point, values in by_point(database, "adaptive").items()} == expected
    assert {row["point"]: row["n"] for row in recorded.query(database, DECISIONS)} == expected
    for point, n in expected.items():
        seeds = [row["seed"] for row in recorded.query(database, "SELECT seed FROM current_job WHERE point = ? ORDER BY 1", point)]
        assert seeds == list(range(1, n + 1))
    once, = recorded.query(database, "SELECT count(*) AS jobs, count(DISTINCT job_hash) AS hashes FROM job")
    assert once["jobs"] == once["hashes"] == sum(expected.values())
    recorded.assert_all_done_once(database, sum(expected.values()))


def check_results(run_program, database, expected):
    """The mean of all seeds, with the spread of the first five."""
    points = by_point(database, "adaptive")
    rows = json.loads(run_program("lipsweep", "results", "adaptive", "--db", database, "--format", "json", code=0).stdout)
    rows = [row for row in rows if row["test_sigma"] == 0.3]
    assert [row["n"] for row in rows] == [expected[point] for point in sorted(points)]
    assert {row["accuracy_degrees"] for row in rows} == {4}
    for row, values in zip(rows, (points[point] for point in sorted(points))):
        assert row["accuracy"] == pytest.approx(statistics.fmean(values))
        assert row["accuracy_half_width"] == pytest.approx(T4 * statistics.stdev(values[:5]) / math.sqrt(len(values)))
    table = " ".join(run_program("lipsweep", "results", "adaptive", "--db", database, code=0).stdout.split())
    assert "by Stein's rule of two stages" in table
    analysis = " ".join(run_program("lipsweep", "sensitivity", "adaptive", "--db", database, "--metric", "accuracy@0.3",
                                    code=0).stdout.split())
    added = [n - 5 for n in expected.values() if n > 5]
    assert f"{sum(added)} seeds that adaptive_seeds added to {len(added)} point" in analysis
    assert f"{len(added)} point{'s have' if len(added) > 1 else ' has'} more seeds than the others" in table
    # Without the points that got none there are no others.
    copy = database.with_name("noisy.db")
    run_program("lipsweep", "backup", copy, "--db", database, code=0)
    with sqlite3.connect(copy) as connection:
        connection.executemany("UPDATE job SET withdrawn = 1 WHERE point = ?", [(point,) for point, n in expected.items() if n == 5])
    connection.close()
    table = " ".join(run_program("lipsweep", "results", "adaptive", "--db", copy, code=0).stdout.split())
    assert "every point has more seeds than it began with" in table and "the others" not in table
    copy.unlink()


def check_gaps(run_program, database, noisy):
    """On a damaged copy: `verify` misses what should be there, `explain` says why there are no seeds."""
    copy = database.with_name("copy.db")
    run_program("lipsweep", "backup", copy, "--db", database, code=0)

    def change(sql, *parameters):
        with sqlite3.connect(copy) as connection:
            connection.execute(sql, parameters)
        connection.close()

    def explain(job):
        return " ".join(run_program("lipsweep", "explain", f"j{job}", "--db", copy, code=0).stdout.split())

    change("DELETE FROM weights")  # whose files a copy has not
    change("UPDATE job SET withdrawn = 1 WHERE point = ? AND seed = 6", noisy)
    out = run_program("lipsweep", "verify", "adaptive", "--db", copy, code=1).stdout
    assert "not one job for each seed that adaptive_seeds adds" in out and "1 gap" in out
    change("UPDATE job SET withdrawn = 0")
    change("DELETE FROM seed_decision WHERE point = ?", noisy)
    out = " ".join(run_program("lipsweep", "verify", "adaptive", "--db", copy, code=1).stdout.split())
    assert "whether it gets more was not decided" in out
    first, = recorded.query(copy, "SELECT id FROM job WHERE point = ? AND seed = 1", noisy)
    assert "is decided when its 5 first ones are done" in explain(first["id"])
    change("UPDATE job SET state = 'failed' WHERE point = ? AND seed = 2", noisy)
    failed, = recorded.query(copy, "SELECT id FROM job WHERE point = ? AND seed = 2", noisy)
    assert f"is decided when j{failed['id']} is retried and done" in explain(first["id"])
    status = run_program("lipsweep", "status", "--db", copy, code=0).stdout
    assert "1 point undecided, with jobs that failed or were cancelled" in status
    change("INSERT INTO seed_decision VALUES (1, ?, 5, NULL, 5, 0, '1 of its 5 first trainings diverged', 0)", noisy)
    assert "its point gets no more seeds: 1 of its 5 first trainings diverged." in explain(first["id"])


def test_noisy_points_get_seeds(place, run_program, written):
    file, expected = written
    database = place / "a.db"
    plan = run_program("lipsweep", "plan", file, "--db", database, "--no-measure", code=0).stdout
    assert f"up to {(MOST - 5) * len(expected)} more" in plan
    row, = json.loads(run_program("lipsweep", "plan", file, "--db", database, "--no-measure", "--format", "json", code=0).stdout)
    assert (row["jobs"], row["added"], row["added_at_most"]) == (5 * len(expected), 0, (MOST - 5) * len(expected))
    run_program("lipsweep", "run", file, "--db", database, "--slots", 2, "--quiet", "--yes", code=0)
    check(run_program, database, expected)
    status = run_program("lipsweep", "status", "--db", database, code=0).stdout
    assert f"adaptive_seeds: 3 of 3 points decided, {sum(expected.values()) - 15} seeds added" in status
    noisy = max(expected, key=expected.get)
    job, = recorded.query(database, "SELECT id FROM job WHERE point = ? AND seed = 6", noisy)
    explanation = " ".join(run_program("lipsweep", "explain", f"j{job['id']}", "--db", database, code=0).stdout.split())
    assert "Its seed was added to its point" in explanation and "Stein's rule of two stages" in explanation
    check_results(run_program, database, expected)
    check_gaps(run_program, database, noisy)
    # The same file again changes nothing, and says so.
    assert "withdrawn" not in run_program("lipsweep", "run", file, "--db", database, "--quiet", "--yes", code=0).stderr
    check(run_program, database, expected)


def test_a_coordinator_that_dies_decides_the_same(place, run_program, start_program, written):
    """It is killed at seeded numbers of finished jobs, among them those around which a first stage ends."""
    file, expected = written
    folder = place / "k"
    folder.mkdir(mode=0o700)
    database, endpoint = folder / "a.db", f"ipc://{folder}/c"
    first = 5 * len(expected)
    moments = sorted(random.Random(SEED).sample(range(first - len(expected) - 1, first + 2), 5))

    def start():
        coordinator = start_program("lipsweep-coordinator", "--db", database, "--listen", endpoint,
                                    "--lease-ms", 2000, "--heartbeat-ms", 200)
        wait_until(lambda: "listening" in coordinator.stderr(), what="the coordinator")
        return coordinator

    coordinator = start()
    run_program("lipsweep", "submit", file, "--connect", endpoint, "--yes", code=0)
    start_program("lipsweep-worker", "--connect", endpoint, "--slots", 2, "--spool", folder / "spool")
    for moment in moments:
        wait_until(lambda: recorded.job_count(database, "done") >= moment, what=lambda: f"{moment} jobs")
        coordinator.kill()
        coordinator = start()
    run_program("lipsweep", "wait", "adaptive", "--connect", endpoint, code=0)
    check(run_program, database, expected)
