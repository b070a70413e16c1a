"""lipsweep schema: what an editor would say of a sweep file is what the reader says."""

import json
import re

import pytest

from programs import CHECKOUT

jsonschema = pytest.importorskip("jsonschema")
yaml = pytest.importorskip("yaml")

HEAD = "name: x\ndataset: mnist\nmodel: mnist-cnn\ntrain: {epochs: 1}\n"
SWEEPS = sorted((CHECKOUT / "sweeps").glob("*.yaml"))


@pytest.fixture
def schema(run_program):
    return json.loads(run_program("lipsweep", "schema", code=0).stdout)


class Loader(yaml.SafeLoader):
    """PyYAML knows YAML 1.1, in which 5e-4 is a text."""


Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.?[0-9]*)[eE][-+]?[0-9]+$"), list("-+.0123456789"))


def errors(schema, text):
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(yaml.load(text, Loader))]


def test_it_is_a_schema(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    assert {"name", "dataset", "model", "loss", "train", "grid", "grids", "include", "base", "baseline", "seeds", "test", "run"} == set(
        schema["properties"])


@pytest.mark.parametrize("file", SWEEPS, ids=lambda file: file.stem)
def test_sweep_files_are_valid(schema, file):
    assert errors(schema, file.read_text()) == []


# Both say that a file is good, or both that it is bad.
GOOD = [
    "loss: {lambda: 1, k: 0.1, sigma: 0.1}\n",
    "grid: {lambda: [0, 1], k: {from: 0.1, to: 1, count: 3, scale: log}, sigma: 0.1}\nbaseline: true\n",
    "grid: {axes: {lr: [0.1, 0.2], batch: [10, 20]}, zip: [[lr, batch]], only: lr > 0.1}\n",
    "grids:\n- {lr: 0.1, exclude: [batch > 10]}\n- {train.lr: 0.2}\ninclude: [{lr: 0.5}]\nseeds: [1, 5]\n",
    "seeds: {count: 3, independent: true}\n",
    "baseline: [standard]\nseeds: 3\ntest: {sigma: {from: 0, to: 0.5, step: 0.1}, seed: [1, 2]}\n",
    "grid: {train.nesterov: [false, true], train.momentum: 0.9, train.optimizer: [sgd]}\n",
    "run: {max_attempts: 3, reuse: false, keep: none}\n",
    "seeds: 5\nrun: {adaptive_seeds: {metric: accuracy@0, half_width: 0.01, max: 20}}\n",
]
BAD = [
    "lamda: 1\n",
    "loss: {lamda: 1}\n",
    "loss: {lambda: -1}\n",
    "grid: {lamda: 1}\n",
    "grid: {lr: 0}\n",
    "grid: {lr: x}\n",
    "grid: {batch: 1.5}\n",
    "grid: {lr: {from: 1, to: 2}}\n",
    "grid: {lr: {from: 1, to: 2, count: 2, step: 1}}\n",
    "grid: {test.sigma: [0, 1]}\n",
    "grid: {train.optimizer: [sgdd]}\n",
    "grid: {zip: lr}\n",
    "grid: {only: 3.5, lr: 1}\n",
    "grids: []\n",
    "include: [{}]\n",
    "include: [{lr: [1, 2]}]\n",
    "baseline: maybe\n",
    "seeds: 0\n",
    "seeds: {independent: true}\n",
    "seeds: [-1]\n",
    "run: {max_atempts: 3}\n",
    "seeds: 5\nrun: {adaptive_seeds: 20}\n",
    "seeds: 5\nrun: {adaptive_seeds: {metric: accuracy@0, half_width: 0.01}}\n",
    "seeds: 5\nrun: {adaptive_seeds: {metric: accuracy@0, half_width: 0, max: 20}}\n",
    "seeds: 5\nrun: {adaptive_seeds: {metric: accuracy@0, half_width: 0.01, max: 4}}\n",
    "seeds: 5\nrun: {adaptive_seeds: {metric: acuracy@0, half_width: 0.01, max: 20}}\n",
    "seeds: 5\nrun: {adaptive_seeds: {metric: reach@0.5, half_width: 0.01, max: 20}}\n",
    "test: {sigma: [-1]}\n",
    "test: {sigmas: 0.1}\n",
]


@pytest.mark.parametrize("text", GOOD)
def test_both_accept(run_program, schema, place, text):
    (place / "x.yaml").write_text(HEAD + text)
    assert errors(schema, HEAD + text) == []
    run_program("lipsweep", "plan", "x.yaml", "--no-measure", code=0)


@pytest.mark.parametrize("text", BAD)
def test_both_refuse(run_program, schema, place, text):
    (place / "x.yaml").write_text(HEAD + text)
    assert errors(schema, HEAD + text)
    run_program("lipsweep", "plan", "x.yaml", "--no-measure", code=2)
