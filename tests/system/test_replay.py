"""An independent implementation (tests/replay) follows the first steps of a training: one case per feature."""

import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest

from processes import TIME_FACTOR
from programs import CHECKOUT, program_path
from wire import messages

os.environ.setdefault("OMP_NUM_THREADS", "1")  # PyTorch's others spin while they wait, which is slow where cores are shared
torch = pytest.importorskip("torch", reason="PyTorch (python3-torch) is missing")
torch.set_num_threads(1)
sys.path.append(str(CHECKOUT / "tests/replay"))

import cifar as cifar_comparison  # noqa: E402
import evaluate  # noqa: E402
import replay  # noqa: E402
from comparison import root_mean_square  # noqa: E402
from traces import Trace, read_tensors  # noqa: E402

IMAGES = {"cifar": 90, "stl": 24}
GLYPHS = "dataset: {name: glyphs, train_count: 60}\nmodel: mnist-cnn\n"
LOSS = "loss: {lambda: 2, k: 0.005, sigma: 0.1}\n"
TRAIN = "train: {steps: 4, batch: 20, lr: 0.05, momentum: 0.9, weight_decay: 0.001}\n"


def cifar(options="", model="resnet8"):
    """On images of 16x16, where few ReLUs are at their kink."""
    return f"dataset: {{path: PLACE/cifar, format: cifar, classes: 10, resize: 16{options}}}\nmodel: {model}\n"


# Job, and how many steps it has in the trace.
JOBS = {
    "lipschitz": ("dataset: {name: glyphs, train_count: 200, validation_count: 30, fraction: 0.7}\nmodel: mnist-cnn\n"
                  "train: {steps: 10, batch: 48, lr: 0.05, momentum: 0.9, weight_decay: 0.001}\n" + LOSS, 10),
    "noise-augmentation": (GLYPHS + "loss: {control: noise-augmentation, sigma: 0.3}\n"
                           "train: {steps: 5, batch: 40, optimizer: adam, lr: 0.001, weight_decay: 0.01}\n", 5),
    "standard": (GLYPHS + "train: {epochs: 2, batch: 25, lr: 0.1}\n", 6),
    "augment": (cifar(", augment: {crop_padding: 4, flip: true}, validation_count: 7, fraction: 0.6") + LOSS + TRAIN, 4),
    "crop": (cifar(", augment: {crop_padding: 2}, train_count: 31", "preresnet8") + LOSS + TRAIN, 4),
    "shortcut B": (cifar("", "{name: resnet8, shortcut: B}") + LOSS + TRAIN, 4),
    "shortcut B, preresnet": (cifar("", "{name: preresnet8, shortcut: B}") + LOSS + TRAIN, 4),
    "joint": (cifar("", "{name: resnet8, bn_passes: joint}") + LOSS + TRAIN, 4),
    "joint, running clean": (cifar("", "{name: preresnet8, bn_passes: joint, bn_running: clean}") + LOSS + TRAIN, 4),
    "running clean": (cifar("", "{name: resnet8, bn_running: clean}") + LOSS + TRAIN, 4),
    "noisy-bn": (cifar() + "loss: {control: noisy-bn, sigma: 0.2}\n" + TRAIN, 4),
    "noisy-bn, joint": (cifar("", "{name: preresnet8, bn_passes: joint}") + "loss: {control: noisy-bn, sigma: 0.2}\n" + TRAIN, 4),
    "noise-augmentation, batch norm": (cifar() + "loss: {control: noise-augmentation, sigma: 0.2}\n" + TRAIN, 4),
    "squared hinge": (cifar() + LOSS.replace("sigma", "penalty: squared-hinge, sigma") + TRAIN, 4),
    "softmax": (cifar() + "loss: {lambda: 5, k: 0.0005, sigma: 0.1, output: softmax}\n" + TRAIN, 4),
    "gradient through perturbed": (cifar() + LOSS.replace("sigma", "grad_through: perturbed, sigma") + TRAIN, 4),
    "nesterov, steps, decay_norms": (cifar() + "train: {epochs: 3, batch: 40, lr: 0.05, momentum: 0.9, nesterov: true, "
                                     "weight_decay: 0.01, decay_norms: false, "
                                     "schedule: {kind: steps, at: [1, 2], factor: 0.3}}\n", 9),
    "cosine, warm-up": (cifar() + "train: {steps: 8, batch: 30, lr: 0.05, schedule: {kind: cosine, warmup_epochs: 1}}\n", 8),
    "adam, warm-up": (cifar("", "preresnet8") + LOSS + "train: {steps: 5, batch: 24, optimizer: adam, lr: 0.001, beta1: 0.8, "
                      "beta2: 0.99, eps: 1e-6, weight_decay: 0.01, schedule: {warmup_epochs: 0.5}}\n", 5),
    "stl, resize": ("dataset: {path: PLACE/stl, format: stl, classes: 10, resize: 24, augment: {flip: true}}\n"
                    "model: preresnet8\n" + LOSS + "train: {steps: 3, batch: 10, lr: 0.01}\n", 3),
    "stl": ("dataset: {path: PLACE/stl, format: stl, classes: 10, augment: {crop_padding: 12, flip: true}}\n"
            "model: resnet8\ntrain: {steps: 2, batch: 4, lr: 0.01}\n", 2),
    "glyphs, resnet": ("dataset: {name: glyphs, train_count: 70, resize: 14}\nmodel: resnet14\n" + LOSS + TRAIN, 4),
}


def smooth_images(count, side, seed):
    """Bytes [count][3][side][side], and their labels from 0; the first two images are all black and all white."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 3, side // 8, side // 8)).repeat(8, axis=2).repeat(8, axis=3)
    images = np.clip(coarse + random.integers(-30, 31, (count, 3, side, side)), 0, 255).astype(np.uint8)
    images[0], images[1] = 0, 255
    return images, random.integers(0, 10, count).astype(np.uint8)


def write_cifar(folder, count):
    folder.mkdir(exist_ok=True)
    for name, n, seed in (("data_batch_1", count // 3, 1), ("data_batch_2", count - count // 3, 2), ("test_batch", 40, 3)):
        images, labels = smooth_images(n, 32, seed)
        (folder / f"{name}.bin").write_bytes(np.concatenate([labels[:, None], images.reshape(n, -1)], axis=1).tobytes())


def write_stl(folder, count):
    folder.mkdir(exist_ok=True)
    for name, n, seed in (("train", count, 4), ("test", 8, 5)):
        images, labels = smooth_images(n, 96, seed)
        (folder / f"{name}_X.bin").write_bytes(images.swapaxes(2, 3).tobytes())
        (folder / f"{name}_y.bin").write_bytes((labels + 1).tobytes())


@pytest.fixture
def trace(place, run_program):
    def make(text, *options, data=None):
        write_cifar(place / "cifar", IMAGES["cifar"])
        write_stl(place / "stl", IMAGES["stl"])
        text = text.replace("PLACE", str(place))
        job = place / "job.yaml"
        job.write_text(text if "seed:" in text else text + "seed: 5000000000\ntest: {sigma: [0]}\n")
        done = run_program("lipsweep-worker", "train", job, "-o", place / "out", "--trace", *options, code=0)
        (place / "stdout").write_text(done.stdout)
        folder = [place / kind for kind in ("cifar", "stl") if f"{kind}," in text]
        if not folder and not data:
            run_program("lipsweep-worker", "dump-data", job, "-o", place / "data", *options, code=0)
        return place / "out/trace", data or (folder or [place / "data"])[0]
    return make


def replay_of(folder, data, **options):
    return replay.replay(Trace(folder), data, **options)


def failures(folder, data, **options):
    """What the replay of a trace finds to be different, and its table."""
    comparison = replay_of(folder, data, **options)
    table = "\n".join(comparison.table())
    print(table)
    return comparison.all_failures(), table


@pytest.mark.parametrize("name", JOBS)
def test_every_step_is_the_same(name, trace, place):
    text, count = JOBS[name]
    assert failures(*trace(text))[0] == []
    assert len((place / "out/trace/steps.jsonl").read_text().splitlines()) == count
    assert len(list((place / "out/trace").glob("*.safetensors"))) == count + 1


DEEP = ("dataset: {path: PLACE/cifar, format: cifar, classes: 10, resize: 16, augment: {crop_padding: 4, flip: true}}\n"
        "model: MODEL\nloss: {lambda: 1, k: 0.01, sigma: 0.1}\n"
        "train: {steps: 10, batch: 16, lr: LR, momentum: 0.9, weight_decay: 0.0001}\n")


@pytest.mark.parametrize("model", ["resnet20", "preresnet20"])
def test_ten_steps_of_a_deep_network(model, trace):
    """From the trace's weights in each step, and on their own."""
    place = trace(DEEP.replace("MODEL", model).replace("LR", "0.001"))
    assert failures(*place)[0] == []
    assert failures(*place, is_free=True, bound=1e-4)[0] == []


# No step moves the weights, and the velocity is the gradient: nine batches at He initialisation.
START = ("dataset: {path: PLACE/cifar, format: cifar, classes: 10, augment: {crop_padding: 4, flip: true}}\n"
         "model: MODEL\nloss: {lambda: 1, k: BOUND, sigma: 0.1}\n"
         "train: {steps: 9, batch: 30, lr: 1.0e-30, momentum: 1.0e-30}\nseed: SEED\ntest: {sigma: [0]}\n")


@pytest.mark.seconds(600)
@pytest.mark.parametrize("model, k", [("resnet20", "0.02"), ("preresnet20", "0.002")])
def test_whole_gradients_are_as_near_as_those_of_pytorch(model, k, trace):
    """By the default convolutions, with all hinges active. A batch is off by 1e-6, or by 1e-3 where some ReLU decides otherwise
    than in float64, in either program: so it takes several. Nine of PyTorch's rarely happen to be of the first kind; then
    more are taken."""
    pairs = []
    for seed in ("1", "2", "3"):
        text = START.replace("MODEL", model).replace("BOUND", k).replace("SEED", seed)
        comparison = replay_of(*trace(text))
        assert comparison.failures == []
        pairs += comparison.distances["optimizer.first"]
        ours, other = (root_mean_square(column) for column in zip(*pairs))
        print(*(f"{a:.2e} {b:.2e}" for a, b in pairs), f"root mean squares {ours:.2e} {other:.2e}", sep="\n")
        if ours <= 3 * other:
            break
    assert len(pairs) >= 9 and ours <= 3 * other


def test_the_drift_at_a_large_learning_rate_is_reported(trace):
    place = trace(DEEP.replace("MODEL", "resnet8").replace("LR", "0.1"))
    found, table = failures(*place, is_free=True)
    row, = (line.split() for line in table.splitlines() if line.startswith("weights"))
    assert found == [] and len(row) == 7 and all(float(number) > 0 for number in row[1:])
    found, _ = failures(*place, is_free=True, bound=1e-9)
    assert "step 10: weights is off by" in found[-1]


def run(program, *arguments):
    return subprocess.run([sys.executable, CHECKOUT / "tests/replay" / program, *arguments], capture_output=True, text=True,
                          timeout=100 * TIME_FACTOR, check=False)


def test_files_of_a_user_are_read_by_both(trace):
    """MNIST's format; the second program reads the same files as the first."""
    text, count = JOBS["standard"]
    _, data = trace(text)
    folder, _ = trace(text.replace("glyphs", "mnist"), "--data", data, data=data)
    done = run("replay.py", folder, "--data", data)
    assert done.returncode == 0 and f"{count} steps replayed" in done.stdout, done.stdout + done.stderr
    (folder / "000003.safetensors").write_bytes((folder / "000002.safetensors").read_bytes())
    done = run("replay.py", folder, "--data", data)
    assert done.returncode == 1 and "step 2: weights is off by 1," in done.stdout, done.stdout + done.stderr


def write_tensors(path, tensors):
    """As another program would: by name, without metadata."""
    header, data = {}, b""
    for name in sorted(tensors):
        numbers = tensors[name].numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [len(data), len(data) + len(numbers)]}
        data += numbers
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@pytest.mark.parametrize("name", ["noise-augmentation", "augment"])
def test_a_job_that_starts_from_given_weights(name, trace, place):
    text, _ = JOBS[name]
    trace(text)
    start = place / "start.safetensors"
    exported, _ = read_tensors(place / "out/weights.safetensors")
    write_tensors(start, exported)
    model = text.split("model: ")[1].split("\n", maxsplit=1)[0]
    folder, data = trace(text.replace(f"model: {model}", f"model: {{name: {model}, init: {start}}}"))
    assert failures(folder, data)[0] == []
    file = start.read_bytes()
    start.write_bytes(file[:-2] + bytes([file[-2] ^ 1]) + file[-1:])
    assert len(failures(folder, data)[0]) == 1


@pytest.mark.parametrize("name", ["standard", "augment", "shortcut B, preresnet", "stl, resize", "glyphs, resnet"])
def test_exported_weights_give_the_same_accuracy(name, trace, place):
    _, data = trace(JOBS[name][0])
    told, = (line.split() for line in (place / "stdout").read_text().splitlines() if line.strip().startswith("0 "))
    correct, count = evaluate.correct_count(place / "out/weights.safetensors", data)
    assert count in (8, 40, 4000) and abs(correct - float(told[1]) * count) <= 2


# Test noise, and the relative distance allowed: at small noise the difference of logits is that of two roundings.
QUOTIENTS = {0.0001: 3e-4, 0.01: 1e-5, 0.3: 1e-5}


@pytest.mark.parametrize("exact", ["false", "true"])
@pytest.mark.parametrize("name", ["standard", "cosine, warm-up"])
def test_quotients_are_those_of_another_implementation(name, exact, trace, place):
    text, _ = JOBS[name]
    model = text.split("model: ")[1].split("\n", maxsplit=1)[0]
    text = text.replace(f"model: {model}", f"model: {{name: {model}, exact: {exact}}}")
    _, data = trace(f"{text}seed: 6\ntest: {{sigma: [0, {', '.join(map(str, QUOTIENTS))}]}}\n")
    result = messages.Result.FromString((place / "out/result.pb").read_bytes())
    assert [q.test_sigma for q in result.quotients] == list(QUOTIENTS)
    network, pixels, _ = evaluate.exported(place / "out/weights.safetensors", data)
    for quotient, (sigma, bound) in zip(result.quotients, QUOTIENTS.items()):
        told = evaluate.quotient_mean(network, pixels, sigma)
        print(f"{sigma}: {quotient.mean / told - 1:+.1e}")
        assert abs(quotient.mean - told) <= bound * told


def test_what_differs_is_found(trace):
    folder, data = trace(JOBS["lipschitz"][0])
    steps = (folder / "steps.jsonl").read_text()
    lines = [json.loads(line) for line in steps.splitlines()]

    def find(words):
        (folder / "steps.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        found, _ = failures(folder, data)
        assert words in found[0]

    lines[3]["loss"] *= 1.0001
    find("step 4: loss is off")
    lines[3]["loss"] /= 1.0001
    lines[2]["images"][:2] = lines[2]["images"][1::-1]
    find("step 3: epoch 1 and images")


def test_a_job_that_was_described_otherwise_is_found(trace):
    """Each of these changes one formula, or one stream, a little."""
    folder, data = trace(JOBS["nesterov, steps, decay_norms"][0])
    job = (folder / "job.yaml").read_text()
    for was, other in (("decay_norms: false", "decay_norms: true"), ("nesterov: true", "nesterov: false"),
                       ("factor: 0.3", "factor: 0.301"), ("at: [1, 2]", "at: [1, 3]"), ("seed: 5", "seed: 6"),
                       ("weight_decay: 0.01", "weight_decay: 0.0101"), ("momentum: 0.9", "momentum: 0.901"),
                       ("model.shortcut: A", "model.shortcut: B"), ("crop_padding: 0", "crop_padding: 1")):
        assert was in job
        (folder / "job.yaml").write_text(job.replace(was, other))
        assert failures(folder, data)[0], f"{other} was not found"


def test_comparison_on_whole_trainings(place):
    """tests/replay/cifar.py on a few images: it trains with both, keeps what is finished, and says what differs."""
    write_cifar(place / "cifar", 90)
    arguments = ("--data", place / "cifar", "-o", place / "out", "--worker", program_path("lipsweep-worker"), "--seeds", "2",
                 "--epochs", "1", "--fraction", "0.5", "--batch", "16", "--model", "resnet8")
    assert run("cifar.py", *arguments, "--only", "pytorch").returncode == 0
    kept = {path: path.read_bytes() for path in place.glob("out/*/pytorch.json")}
    first, again = run("cifar.py", *arguments), run("cifar.py", *arguments)
    assert len(kept) == 2 and kept == {path: path.read_bytes() for path in kept}
    assert first.stdout == again.stdout and "training resnet8" in first.stderr and again.stderr == ""
    title, *rows, means, exported = first.stdout.splitlines()
    assert "PyTorch %" in title and [row.split()[0] for row in rows] == ["1", "2"]
    assert "paired 95 % interval" in means and exported.endswith("0 test images")


@pytest.mark.parametrize("code, ours, exported", [(0, [0.8, 0.81, 0.82], 0), (1, [0.83, 0.83, 0.83], 0), (1, [0.8] * 3, 3),
                                                  (0, [0.85, 0.80, 0.83], 2)])
def test_comparison_is_judged(code, ours, exported, capsys):
    other = {"correct": 8100, "count": 10000, "seconds": 1}
    found = {seed: ({"accuracy": a, "seconds": 1}, other, other | {"correct": round(a * 10000) + exported})
             for seed, a in enumerate(ours, 1)}
    assert cifar_comparison.report(found) == code, capsys.readouterr().out
