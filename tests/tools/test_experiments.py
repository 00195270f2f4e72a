"""Records belong to the code as it is now; what an experiment does not use may change."""

import json
import re
from pathlib import Path

import pytest

from tools import experiments

ROOT = Path(__file__).parents[2]
STEMS = experiments.stems()
MODULE = '''
"""A chapter."""
import numpy as np
from experiments.recording import experiment
from miniconv import pooling
from miniconv.layer import conv2d

RATE = 0.1
TABLE = {"a": lambda x: helper(x)}

def helper(x):
    return pooling.max_pool2d(x)

def beside(x):
    return x

@experiment(seeds=3, within=0)
def measured(seed):
    """What is measured."""
    return {"found": RATE * TABLE["a"](seed) + conv2d(seed)}
'''


@pytest.fixture
def code(tmp_path):
    """Return a function that writes the files, with changes, and gives the digest of the experiment in them."""
    files = {
        "book/experiments/toy.py": MODULE,
        "book/experiments/recording.py": "def experiment(seeds, within):\n    return 1\n",
        "solutions/miniconv/__init__.py": "",
        "solutions/miniconv/pooling.py": "from ._arguments import pair\ndef max_pool2d(x):\n    return pair(x)\n",
        "solutions/miniconv/layer.py": "def conv2d(x):\n    return x\ndef other(x):\n    return x\n",
        "solutions/miniconv/_arguments.py": "def pair(x):\n    return x, x\n",
    }

    def digest(file=None, old="", new=""):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            assert old in text or name != file
            path.write_text(text.replace(old, new) if name == file else text)
        experiments._definitions.cache_clear()
        return experiments.code_of("experiments.toy", "measured", tmp_path)

    return digest


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("book/experiments/toy.py", "RATE * TABLE", "2 * RATE * TABLE"),
        ("book/experiments/toy.py", "RATE = 0.1", "RATE = 0.2"),
        ("book/experiments/toy.py", "max_pool2d(x)", "max_pool2d(x + 1)"),
        ("book/experiments/toy.py", "lambda x: helper(x)", "lambda x: helper(2 * x)"),
        ("solutions/miniconv/layer.py", "conv2d(x):\n    return x", "conv2d(x):\n    return -x"),
        ("solutions/miniconv/_arguments.py", "x, x", "x, x, x"),
    ],
    ids=["itself", "a constant", "a helper", "a table of functions", "an import", "an import of an import"],
)
def test_what_an_experiment_uses_counts(code, file, old, new):
    assert code(file, old, new) != code()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("book/experiments/toy.py", "What is measured", "What was measured"),
        ("book/experiments/toy.py", "def beside(x):\n    return x", "def beside(x):\n    return 2 * x"),
        ("book/experiments/toy.py", "within=0", "within=1"),
        ("solutions/miniconv/layer.py", "other(x):\n    return x", "other(x):\n    return 2 * x"),
        ("book/experiments/recording.py", "return 1", "return 2"),
        ("solutions/miniconv/layer.py", "def conv2d(x):", "def conv2d(x: list[float]) -> list[float]:"),
        ("book/experiments/toy.py", "RATE = 0.1", "RATE: float = 0.1"),
    ],
    ids=[
        "its docstring",
        "a neighbour",
        "how far a rerun may lie",
        "a neighbour in another file",
        "the recording",
        "the types of a function",
        "the type of a constant",
    ],
)
def test_what_it_does_not_use_does_not(code, file, old, new):
    assert code(file, old, new) == code()


@pytest.mark.parametrize("stem", STEMS)
def test_every_record_is_of_the_code_as_it_is_now_and_is_shown(stem):
    trials = experiments.experiments(stem)
    path = ROOT / "book" / "experiments" / "results" / f"{stem}.json"
    records = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    assert records.keys() == trials.keys(), "run `make experiments`"
    page = (ROOT / "book" / f"{stem}.md").read_text(encoding="utf-8")
    for name, trial in trials.items():
        assert experiments.is_current(name, trial, records[name]), f"{name} has changed: run `make experiments`"
        assert re.search(rf"\b{name}\.recorded\(\)", page), f"{stem}.md does not show {name}"
        assert trial.__doc__, f"{name} does not say what is measured"


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("stem", STEMS)
def test_what_no_page_reruns_comes_out_again(stem):
    for trial in experiments.experiments(stem).values():
        if not trial.rerun:
            trial.recorded(rerun=True)


def test_a_record_is_written_run_again_when_asked_and_goes_with_its_experiment(tmp_path, monkeypatch):
    from experiments.recording import Experiment

    def numbers(seed):
        return {"number": seed / 3, "both": [seed, 1]}

    trial = Experiment(numbers, 2, 0)
    monkeypatch.setattr(experiments, "ROOT", tmp_path)
    monkeypatch.setattr(experiments, "ProcessPoolExecutor", InThisProcess)
    monkeypatch.setattr(experiments, "experiments", lambda stem: {"numbers": trial})
    monkeypatch.setattr(experiments, "code_of", lambda module, name: "a code")
    (tmp_path / "book" / "experiments").mkdir(parents=True)
    assert experiments.record("toy") == ["numbers"]
    path = tmp_path / "book" / "experiments" / "results" / "toy.json"
    assert json.loads(path.read_text())["numbers"]["values"] == {"number": [0, 0.333333], "both": [[0, 1], [1, 1]]}
    assert experiments.record("toy") == []
    assert experiments.record("toy", again=True) == ["numbers"]
    trial.seeds = 3
    assert experiments.record("toy") == ["numbers"]
    monkeypatch.setattr(experiments, "experiments", lambda stem: {})
    assert experiments.record("toy") == [] and not path.exists()


class InThisProcess:
    """Runs what a pool of processes would."""

    def __init__(self, workers):
        self.map = map

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass
