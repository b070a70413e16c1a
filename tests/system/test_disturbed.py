"""A residual network with the Lipschitz loss, momentum, crops and flips, killed at ten random moments.

Short here, on images that the test writes. By hand, on a share of CIFAR-10 (the folder holds cifar-10/ with the
unpacked files) and with ten kills for each number of threads:

    LIPSWEEP_LONG=1 LIPSWEEP_DATA=DIR python3 -m pytest -s tests/system/test_disturbed.py"""

import os
import pathlib
import time

import pytest

from made_images import write_cifar
from interruption import Site

SWEEP = """
name: disturbed
dataset: {DATA, augment: {crop_padding: 4, flip: true}}
model: preresnet20
train: {epochs: EPOCHS, batch: BATCH, lr: 0.05, momentum: 0.9, weight_decay: 0.0005}
grid: {lambda: [1], k: [0.05], sigma: [0.1]}
seeds: [SEED]
test: {sigma: [0, 0.2]}
run: {checkpoint_s: 0.05, max_attempts: 1000}
"""
SEED = 20240815
LONG = bool(os.environ.get("LIPSWEEP_LONG"))
SHAPE = {"epochs": 4, "batch": 50, "images": 1000} if LONG else {"epochs": 4, "batch": 20, "images": 250}
STEPS = SHAPE["epochs"] * SHAPE["images"] // SHAPE["batch"]


@pytest.fixture
def sweep(place):
    if LONG:
        cifar = pathlib.Path(os.environ.get("LIPSWEEP_DATA", ""), "cifar-10")
        if not (cifar / "test_batch.bin").exists():
            pytest.skip(f"no CIFAR-10 in {cifar} (LIPSWEEP_DATA)")
        data = f"path: {cifar}, format: cifar, classes: 10, train_count: {SHAPE['images']}"
    else:
        write_cifar(place / "images", train=SHAPE["images"])
        data = f"path: {place / 'images'}, format: cifar, classes: 10"
    return (SWEEP.replace("DATA", data).replace("EPOCHS", str(SHAPE["epochs"])).replace("BATCH", str(SHAPE["batch"]))
            .replace("SEED", str(SEED % 1000)))


@pytest.mark.seconds(3600 if LONG else 900)
def test_killed_at_ten_random_moments(place, programs, sweep):
    def make(name, *worker_options):
        return Site(place, name, programs, sweep, STEPS, worker_options)

    def finish(site):
        start = time.monotonic()
        measured = site.finish(timeout=1800)
        print(f"\n{site.folder.name}: weights {measured['weights'][:16]}…, outcomes {site.outcomes()}, "
              f"{time.monotonic() - start:.0f} s after the last blow", end="")
        site.stop()
        return measured

    undisturbed = make("undisturbed", ["--threads", 1])
    wanted = finish(undisturbed)
    # By hand each number of threads for itself; here they change with every start of the worker.
    options = [[["--threads", n]] for n in (1, 2, 3)] if LONG else [[["--threads", n] for n in (2, 3, 1)]]
    for number, worker_options in enumerate(options):
        site = make(f"disturbed-{number}", *worker_options)
        # Ten, of any process; at least two of each.
        blows = [site.kill_runner] * 4 + [site.kill_worker] * 4 + [site.kill_coordinator] * 2
        site.disturb(blows, SEED + number)
        assert finish(site) == wanted
        assert len(site.outcomes()) >= 4 and site.outcomes()[-1] == "done"
        assert "continuing after step" in site.logs()[-1]
    if not LONG:  # and never disturbed
        for threads in 2, 3:
            assert finish(make(f"undisturbed-{threads}", ["--threads", threads])) == wanted
