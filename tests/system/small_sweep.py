"""A small sweep of real trainings, a longer one and an endless one, and short ways to ask what became of them."""

import json

import recorded

SMALL = """\
name: small
dataset: {name: glyphs, train_count: 400}
model: mnist-cnn
train: {epochs: 2, batch: 50, lr: 0.05}
grid: {lambda: 1, k: 0, sigma: 0.1}
baseline: [standard, noise-augmentation]
seeds: 2
test: {sigma: [0, 0.4]}
"""

# ENDLESS runs until it is cancelled, however fast the machine. Of LONG each job takes long enough to be interrupted at once.
LONG = SMALL.replace("name: small", "name: long").replace("400", "4000").replace("epochs: 2", "epochs: 3").replace(
    "baseline: [standard, noise-augmentation]", "baseline: true")
ENDLESS = LONG.replace("epochs: 3", "epochs: 100000")


def write(place, text, name="sweep.yaml"):
    path = place / name
    path.write_text(text, encoding="utf-8")
    return path


def value(database, sql):
    """The one value of the one row."""
    row, = recorded.query(database, sql)
    return next(iter(row.values()))


def rows(run_program, *arguments):
    text = run_program("lipsweep", *arguments, "--format", "json", code=0).stdout
    return json.loads(text)


def running_jobs(database):
    return database.exists() and recorded.job_count(database, "leased")
