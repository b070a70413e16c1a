#!/usr/bin/env python3
"""What PyTorch makes of exported weights on the clean test set of their job.

    evaluate.py FILE.safetensors --data DIR      the folder with the data set's files

FILE is of `lipsweep weights` or `lipsweep-worker train`; its metadata hold the job, whose training images give
the mean and deviation by which a residual network's input is normalised."""

import argparse
import pathlib

import numpy as np
import torch

import images
import networks
import philox
from traces import classes_of, read_job, read_tensors

BATCH = 100


def correct_of(model, pixels, labels):
    """How many images a model tells right, by the running statistics."""
    model.eval()
    correct = 0
    with torch.no_grad():
        for start in range(0, len(labels), BATCH):
            batch = torch.from_numpy(pixels[start:start + BATCH] / np.float32(255))
            told = model(batch).argmax(1).numpy()
            correct += int((told == labels[start:start + BATCH]).sum())
    return correct


def quotient_mean(model, pixels, sigma, seed=1):
    """Of all images, in float64, with noise that is not rounded."""
    model = model.double().eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(pixels), BATCH):
            clean = pixels[start:start + BATCH] / np.float32(255)
            indices = np.arange(start, start + len(clean))
            z = philox.normals(seed, philox.TEST_NOISE, 0, indices, clean[0].size).reshape(clean.shape)
            noise, clean = torch.from_numpy(sigma * z.astype(np.float64)), torch.from_numpy(clean).double()
            found.append((model(clean + noise) - model(clean)).norm(dim=1) / noise.flatten(1).norm(dim=1))
    return torch.cat(found).mean().item()


def exported(path, folder):
    """The network of exported weights, and its test set."""
    weights, metadata = read_tensors(path)
    job = read_job(metadata["lipsweep.job"])
    data = images.TrainingSet(job, *images.read_images(job, folder))
    model = networks.network(job, data, classes_of(weights))
    model.load_state_dict(weights)
    return model, *images.read_images(job, folder, is_test=True)


def correct_count(path, folder):
    """How many test images exported weights tell right, and of how many."""
    model, pixels, labels = exported(path, folder)
    return correct_of(model, pixels, labels), len(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with the data set's files")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    correct, count = correct_count(arguments.weights, arguments.data)
    print(f"{correct} of {count} right, accuracy {correct / count:.4f}")


if __name__ == "__main__":
    main()
