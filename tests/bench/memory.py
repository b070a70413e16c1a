"""Memory that a job's process takes at its peak, beside what is computed for it beforehand.

    python3 tests/bench/memory.py [--build build] [--mnist DIR] [--cifar DIR] [NAME…]

Trains one step of each and tests on what there is. Without the folders of MNIST and CIFAR-10 images of their
shape and number are made; the 96x96 ones are made always, with 200 for the test. Prints MiB, and exits 1 when a residual
network's two differ by more than 5 %."""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

JOB = """
dataset: {DATASET}
model: MODEL
loss: {lambda: 1, k: 0.05, sigma: 0.1}
train: {steps: 1, batch: BATCH, lr: 0.01, momentum: 0.9}
test: {sigma: [0, 0.1]}
"""
AUGMENTED = ", augment: {crop_padding: 4, flip: true}"
# name: model, batch, shape of an image, images of the training file and of the test
SUBJECTS = {
    "mnist-cnn": ("mnist-cnn", 100, "idx", 60000, 10000),
    "resnet20": ("resnet20", 128, "cifar", 50000, 10000),
    "preresnet20": ("preresnet20", 128, "cifar", 50000, 10000),
    "preresnet32-96": ("preresnet32", 128, "stl", 5000, 200),
}


def write_idx(folder, train, test):
    for part, count in (("train", train), ("t10k", test)):
        header = b"".join(n.to_bytes(4, "big") for n in (0x803, count, 28, 28))
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + os.urandom(count * 784))
        labels = (np.arange(count) % 10).astype(np.uint8)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes((0x801).to_bytes(4, "big") + count.to_bytes(4, "big")
                                                           + labels.tobytes())


def write_cifar(folder, train, test):
    for name, count in [(f"data_batch_{i + 1}", train // 5) for i in range(5)] + [("test_batch", test)]:
        records = np.random.default_rng(1).integers(0, 256, (count, 3073), dtype=np.uint8)
        records[:, 0] = np.arange(count) % 10
        (folder / f"{name}.bin").write_bytes(records.tobytes())


def write_stl(folder, train, test):
    for name, count in (("train", train), ("test", test)):
        (folder / f"{name}_X.bin").write_bytes(os.urandom(count * 3 * 96 * 96))
        (folder / f"{name}_y.bin").write_bytes((np.arange(count) % 10 + 1).astype(np.uint8).tobytes())


MEASURED = pathlib.Path(__file__).resolve().parents[1] / "system/measured.py"
WRITERS = {"idx": write_idx, "cifar": write_cifar, "stl": write_stl}


def peak(words, report):
    """Bytes of a process, when it ran to its good end. It is started from a small one, whose peak its own begins at."""
    done = subprocess.run([sys.executable, "-S", MEASURED, report, *words], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))} failed:\n{done.stderr}")
    return int(report.read_text().split()[0]) * 1024


def measure(worker, name, place, data):
    model, batch, form, train, test = SUBJECTS[name]
    folder = data
    if not folder:
        folder = place / name
        folder.mkdir()
        WRITERS[form](folder, train, test)
    job = place / f"{name}.yaml"
    dataset = f"name: images, path: {pathlib.Path(folder).resolve()}, format: {form}, classes: 10" + (AUGMENTED if form != "idx" else "")
    job.write_text(JOB.replace("DATASET", dataset).replace("MODEL", model).replace("BATCH", str(batch)))
    told = subprocess.run([worker, "measure", job, "--memory-only"], check=True, stdout=subprocess.PIPE, text=True).stdout
    names, values = (line.split("\t") for line in told.splitlines()[:2])
    return int(dict(zip(names, values))["memory_bytes"]), peak(
        [worker, "train", job, "-o", place / f"{name}.out"], place / f"{name}.peak")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--mnist", help="folder of MNIST's files")
    parser.add_argument("--cifar", help="folder of CIFAR-10's files")
    parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(SUBJECTS))
    arguments = parser.parse_args()
    worker = pathlib.Path(arguments.build).resolve() / "worker/lipsweep-worker"
    given = {"idx": arguments.mnist, "cifar": arguments.cifar, "stl": None}
    good = True
    print(f"{'':16} {'computed':>9} {'measured':>9}  (MiB)")
    with tempfile.TemporaryDirectory() as place:
        for name in arguments.names or SUBJECTS:
            computed, measured = measure(worker, name, pathlib.Path(place), given[SUBJECTS[name][2]])
            share = computed / measured - 1
            good = good and (name == "mnist-cnn" or abs(share) <= 0.05)
            print(f"{name:16} {computed / 2**20:9.1f} {measured / 2**20:9.1f}  {share:+.1%}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
