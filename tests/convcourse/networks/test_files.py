"""What is handed in beside a notebook is read in bounds, and written whole or not at all."""

import json
import os
import struct

import pytest
import torch

from convcourse.errors import ModelError
from convcourse.networks import files, tasks

TASK = tasks.find("scenes")
LAYERS = [{"kind": "flatten"}, {"kind": "linear", "out_features": 2}]


def test_a_model_comes_back_as_it_was_written(tmp_path):
    weights = {"1.weight": torch.ones(2, 3), "1.bias": torch.zeros(2)}
    files.write_model(tmp_path, TASK, LAYERS, {"steps": 3}, weights, {"score": 0.5, "losses": [float("nan")]})
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files.names(TASK))
    model = files.read_model(tmp_path, TASK)
    assert model.layers == LAYERS and model.log["score"] == 0.5 and not model.log_problem
    assert all(torch.equal(model.weights[name], value) for name, value in weights.items())
    assert files.read_recipe(tmp_path / "scenes.json") == ("scenes", LAYERS, {"steps": 3})


def test_nothing_half_written_is_left(tmp_path, monkeypatch):
    (tmp_path / "scenes.json").write_text("before")
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError("the power fails")))
    with pytest.raises(OSError, match="the power fails"):
        files.write_model(tmp_path, TASK, LAYERS, {}, {}, {})
    assert (tmp_path / "scenes.json").read_text() == "before"


def test_a_file_is_read_up_to_its_bound(tmp_path):
    path = tmp_path / "scenes.json"
    path.write_bytes(b"x" * 10)
    assert files.read_bounded(path, 10) == b"x" * 10
    with pytest.raises(ModelError, match="larger than 9 bytes"):
        files.read_bounded(path, 9)
    with pytest.raises(ModelError, match=r"There is no file other\.json"):
        files.read_bounded(tmp_path / "other.json", 9)


def test_a_checkpoint_keeps_its_words(tmp_path):
    files.write_tensors(tmp_path / "c.safetensors", {"w": torch.ones(2)}, {"log": json.dumps({"a": 1})})
    tensors, about = files.read_checkpoint(tmp_path / "c.safetensors")
    assert torch.equal(tensors["w"], torch.ones(2)) and json.loads(about["log"]) == {"a": 1}


ODD_HEADERS = [
    {"a": {"dtype": dtype, "shape": shape, "data_offsets": [0, 0]}}
    for dtype in ("F32", "F4", "F8_E8M0")
    for shape in ([2**63, 0], [0, 2**63], [2**64, 0], [0, 2**62, 2**62], [-1, 0], [0.5], [10**400], "x", [None], 3)
]


@pytest.mark.parametrize("header", [*ODD_HEADERS, [], {"a": 3}, {"__metadata__": [1]}, {"__metadata__": {"a": 1}}])
def test_what_a_weights_file_says_of_itself_is_told_in_a_sentence(header):
    text = json.dumps(header).encode()
    with pytest.raises(ModelError, match=r"^weights is not a whole safetensors file"):
        files.read_tensors(struct.pack("<Q", len(text)) + text, "weights")
