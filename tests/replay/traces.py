"""What `lipsweep-worker train --trace` leaves, and the safetensors files of `lipsweep weights`."""

import json
import struct

import numpy as np
import torch


def read_job(text):
    """`dotted.name: value` a line; null is None, [a, b] a list."""
    def value(word):
        if word.startswith("["):
            return [value(part.strip()) for part in word[1:-1].split(",") if part.strip()]
        if word in ("null", "true", "false"):
            return {"null": None, "true": True, "false": False}[word]
        for kind in (int, float):
            try:
                return kind(word)
            except ValueError:
                pass
        return json.loads(word) if word.startswith('"') else word

    return {name: value(word.strip()) for name, word in
            (line.split(":", 1) for line in text.splitlines() if line.strip())}


def read_tensors(path):
    """Tensors by name in the order in which they lie, float32, and the metadata."""
    data = path.read_bytes()
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    found = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        numbers = np.frombuffer(data, "<f4", (end - begin) // 4, 8 + length + begin).copy()
        found[name] = torch.from_numpy(numbers).reshape(entry["shape"])
    return found, metadata


def classes_of(weights):
    """The output layer's rows."""
    return len(next(tensor for name, tensor in weights.items() if name in ("fc.bias", "fc2.bias")))


class Trace:
    def __init__(self, folder):
        self.folder = folder
        self.job = read_job((folder / "job.yaml").read_text())
        self.steps = [json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines()]

    def state(self, number):
        """Weights with running statistics, and the optimiser's arrays, before step `number`."""
        tensors, _ = read_tensors(self.folder / f"{number:06}.safetensors")
        weights = {name: t for name, t in tensors.items() if not name.startswith("optimizer.")}
        return weights, {name: t for name, t in tensors.items() if name.startswith("optimizer.")}

    def arrays(self, number):
        """The state as Training.arrays has it."""
        weights, optimizer = self.state(number)
        flat = lambda tensors: torch.cat([t.double().reshape(-1) for t in tensors])
        running = [t for name, t in weights.items() if "running" in name]
        found = {"weights": flat(t for name, t in weights.items() if "running" not in name)}
        if running:
            found["running"] = flat(running)
        return found | {name: t.double() for name, t in optimizer.items()}
