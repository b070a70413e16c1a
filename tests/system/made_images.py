"""Small data sets that tests write: classes that differ in where they are bright, with noise from a seed."""

import numpy as np


def images(count, side, channels, seed):
    """[count][channels][side][side] bytes, and their labels."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 10, count, dtype=np.uint8)
    pixels = generator.integers(0, 120, (count, channels, side, side), dtype=np.uint8)
    for image, label in zip(pixels, labels):
        row = int(label) * side // 10
        image[:, row:row + 3, :] += 100
    return pixels, labels


def write_idx(folder, train=200, test=100, seed=1):
    """MNIST's files, of grey images 28 by 28; for `dataset: {path: FOLDER, format: idx, classes: 10}`."""
    folder.mkdir()
    for part, count in (("train", train), ("t10k", test)):
        pixels, labels = images(count, 28, 1, seed + len(part))
        header = b"".join(n.to_bytes(4, "big") for n in (0x803, count, 28, 28))
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
        (folder / f"{part}-labels-idx1-ubyte").write_bytes((0x801).to_bytes(4, "big") + count.to_bytes(4, "big")
                                                           + labels.tobytes())


def write_cifar(folder, train=500, test=100, seed=1):
    """CIFAR-10's files, five of them for training; for `dataset: {path: FOLDER, format: cifar, classes: 10}`."""
    folder.mkdir()
    for number in range(1, 6):
        write_batch(folder / f"data_batch_{number}.bin", train // 5, seed + number)
    write_batch(folder / "test_batch.bin", test, seed)


def write_batch(path, count, seed):
    pixels, labels = images(count, 32, 3, seed)
    path.write_bytes(b"".join(bytes([label]) + image.tobytes() for label, image in zip(labels, pixels)))


def write_stl(folder, train=60, test=30, seed=1):
    """STL-10's files: labels from 1, columns of pixels."""
    folder.mkdir()
    for part, count in (("train", train), ("test", test)):
        pixels, labels = images(count, 96, 3, seed + len(part))
        (folder / f"{part}_X.bin").write_bytes(np.ascontiguousarray(pixels.transpose(0, 1, 3, 2)).tobytes())
        (folder / f"{part}_y.bin").write_bytes((labels + 1).astype(np.uint8).tobytes())
