"""Data sets as docs/data.md and docs/reproducibility.md have them: files, shares, shuffle, crops, noise."""

import gzip
import math
import struct
import sys

import numpy as np

import philox

FORMATS = {"mnist": "idx", "glyphs": "idx", "cifar10": "cifar", "stl10": "stl"}


def file_bytes(folder, name):
    """The file, which may be gzipped, as bytes; None where there is none."""
    plain, packed = folder / name, folder / f"{name}.gz"
    if plain.exists():
        return np.frombuffer(plain.read_bytes(), np.uint8)
    return np.frombuffer(gzip.decompress(packed.read_bytes()), np.uint8) if packed.exists() else None


def read_idx(folder, is_test):
    parts = []
    for part in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        data = file_bytes(folder, f"{'t10k' if is_test else 'train'}-{part}")
        assert bytes(data[:3]) == b"\0\0\x08", "an idx file of bytes"
        shape = struct.unpack(f">{data[3]}I", data[4:4 + 4 * data[3]].tobytes())
        parts.append(data[4 + 4 * data[3]:].reshape(shape))
    return parts[0][:, None], parts[1]


def read_cifar(folder, is_test):
    names = ["test_batch.bin"] if is_test else [f"data_batch_{i}.bin" for i in range(1, 1000)]
    records = []
    for name in names:
        data = file_bytes(folder, name)
        if data is None:
            break
        records.append(data.reshape(-1, 1 + 3 * 32 * 32))
    records = np.concatenate(records)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]


def read_stl(folder, is_test):
    stem = "test" if is_test else "train"
    columns = file_bytes(folder, f"{stem}_X.bin").reshape(-1, 3, 96, 96)
    return columns.swapaxes(2, 3), file_bytes(folder, f"{stem}_y.bin") - 1


def resized(images, side):
    """The mean of a box, to the nearest whole number, halves up."""
    if not side or side == images.shape[2]:
        return images
    k = images.shape[2] // side
    sums = images.reshape(len(images), images.shape[1], side, k, side, k).sum(axis=(3, 5), dtype=np.int64)
    return ((2 * sums + k * k) // (2 * k * k)).astype(np.uint8)


def read_images(job, folder, is_test=False):
    """Bytes [images][channels][rows][columns] and labels, in file order."""
    kind = job["dataset.format"] or FORMATS[job["dataset.name"]]
    if kind == "none":
        kind = FORMATS[job["dataset.name"]]
    try:
        images, labels = {"idx": read_idx, "cifar": read_cifar, "stl": read_stl}[kind](folder, is_test)
    except (TypeError, ValueError) as reason:
        sys.exit(f"{folder} has no {'test' if is_test else 'training'} set of format {kind}: {reason}")
    return resized(images, job["dataset.resize"]), labels.astype(np.int64)


def training_indices(job, count):
    """The images that are trained on, by their numbers in the file, in file order."""
    kept = np.arange(job["dataset.validation_count"], count)
    if job["dataset.train_count"]:
        kept = kept[:job["dataset.train_count"]]
    share = math.floor(job["dataset.fraction"] * len(kept) + 0.5)
    if share < len(kept):
        kept = np.sort(philox.sorted_by_draw(kept, job["seed"], philox.SUBSET, 0)[:share])
    return kept


def channel_statistics(images):
    """Mean and population standard deviation of each channel's pixels, float32; a deviation of 0 counts as 1."""
    counts = np.stack([np.bincount(images[:, c].reshape(-1), minlength=256) for c in range(images.shape[1])])
    values = np.arange(256) / 255.0
    mean = counts @ values / counts.sum(axis=1)
    deviation = np.sqrt((counts * (values - mean[:, None])**2).sum(axis=1) / counts.sum(axis=1))
    deviation[deviation == 0] = 1
    return mean.astype(np.float32), deviation.astype(np.float32)


class TrainingSet:
    """The images of a job and what each epoch makes of them."""

    def __init__(self, job, images, labels):
        self.job, self.images, self.labels = job, images, labels
        self.indices = training_indices(job, len(images))
        self.mean, self.deviation = channel_statistics(images[self.indices])
        self.steps_an_epoch = -(-len(self.indices) // job["train.batch"])
        self.epoch, self.order = 0, None

    def batch_indices(self, epoch, number):
        """Of batch `number`, from 0."""
        if epoch != self.epoch:
            self.epoch, self.order = epoch, philox.sorted_by_draw(self.indices, self.job["seed"], philox.SHUFFLE, epoch)
        size = self.job["train.batch"]
        return self.order[number * size:(number + 1) * size]

    def augmented(self, indices, epoch):
        padding, flip = self.job["dataset.augment.crop_padding"], self.job["dataset.augment.flip"]
        images = self.images[indices]
        if not padding and not flip:
            return images
        side = images.shape[2]
        u = philox.uniforms(philox.words(self.job["seed"], philox.AUGMENTATION, epoch, indices, 3))
        places = np.floor(u[:, :2] * (2 * padding + 1)).astype(int)
        padded = np.pad(images, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        crops = np.stack([image[:, row:row + side, column:column + side]
                          for image, (row, column) in zip(padded, places)])
        flipped = u[:, 2] < 0.5 if flip else np.zeros(len(crops), bool)
        return np.where(flipped[:, None, None, None], crops[..., ::-1], crops)

    def batch(self, epoch, number):
        """The images of one step: a Batch of numpy arrays."""
        indices = self.batch_indices(epoch, number)
        clean = self.augmented(indices, epoch).astype(np.float32) / np.float32(255)
        noise = None
        if self.job["loss.sigma"] is not None:
            z = philox.normals(self.job["seed"], philox.TRAINING_NOISE, epoch, indices, clean[0].size)
            noise = (self.job["loss.sigma"] * z.astype(np.float64)).astype(np.float32).reshape(clean.shape)
        return Batch(indices, clean, self.labels[indices], noise)


class Batch:
    """Images as float32 has them, clean and perturbed, and the norms of the noise, in double."""

    def __init__(self, indices, clean, labels, noise):
        self.indices, self.clean, self.labels, self.noise = indices, clean, labels, noise
        if noise is not None:
            self.perturbed = clean + noise
            self.norms = np.sqrt((noise.astype(np.float64)**2).sum(axis=(1, 2, 3)))
