"""Trained networks are graded by what they do: files that are forged, models that learned nothing, false logs."""

import io
import json
import os
import shutil
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from convcourse import checks
from convcourse.checks.training import BOUNDS
from convcourse.engine.context import RunContext
from convcourse.engine.network_check import _compare, _MismatchError, torch_gradients
from convcourse.errors import ModelError
from convcourse.networks import files, measure, tasks, trainer
from convcourse.networks.layers import build, weights_of
from convcourse.notebook_check import lookup
from solutions.answers import training as written
from tests.helpers.tiny_networks import LAYERS, REFERENCE, TASKS, TINY
from tools import calibrate


def student():
    """Functions that a student might have written, by name."""
    names = ("network_summary__formulas", "convnet_forward__loops", "convnet_backward__loops")
    found = {name.split("__")[0]: getattr(written, name) for name in names}
    return found | {"cross_entropy_backward": written.cross_entropy_backward__one_hot}


def grade(name, folder, seed=7, at_home=False, **changed):
    """Grade the model in a folder for 10 points."""
    layers = (
        json.loads((Path(folder) / f"{name}.json").read_text())["layers"] if not changed.pop("blank", False) else []
    )
    functions = student() | {f"{name}_network": lambda: layers} | changed
    check = checks.load("training")[f"{name}_network"]
    return check.run(
        lambda wanted: lookup(wanted, functions), 10, RunContext(seed, at_home=at_home, folder=str(folder))
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The reference models in a folder of their own; not to be changed."""
    folder = tmp_path_factory.mktemp("handed-in")
    for task in TASKS:
        for name in files.names(tasks.find(task)):
            shutil.copy(REFERENCE / name, folder)
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    """A copy to spoil."""
    shutil.copytree(trained, tmp_path / "work")
    return tmp_path / "work"


@pytest.mark.parametrize("name", TASKS)
def test_a_tiny_setting_trains_and_is_graded(name, tmp_path):
    task = tasks.find(name)
    log = trainer.run(task, LAYERS[name], TINY, tmp_path, "cpu")
    assert log["finished"] and len(log["losses"]) == 6 and len(log["validation"]) == 2
    verdict = grade(name, tmp_path)
    assert 0 <= verdict.earned < 10
    assert "a replay of the log's first 6 steps gives its losses" in str(verdict).replace("A replay", "a replay")


@pytest.mark.parametrize("name", TASKS)
def test_the_reference_earns_every_point_under_several_seeds(name, trained):
    for seed in (1, 2):
        verdict = grade(name, trained, seed)
        assert verdict.earned == 10, str(verdict)
    assert grade(name, trained, at_home=True).earned == 10
    assert "gives its losses" in str(verdict)
    assert all((trained / file).stat().st_size < 1_000_000 for file in files.names(tasks.find(name)))


def save(folder, name, tensors):
    files.write_tensors(folder / f"{name}.safetensors", tensors, {})


def tensors_of(folder, name):
    return files.read_model(folder, tasks.find(name)).weights


def forge(header, body=b""):
    text = json.dumps(header).encode() if isinstance(header, dict) else header
    return struct.pack("<Q", len(text)) + text + body


def zip_bomb():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.pkl", bytes(1 << 22))
    return packed.getvalue()


def pickled():
    packed = io.BytesIO()
    torch.save({"0.weight": torch.zeros(2)}, packed)
    return packed.getvalue()


BYTES = {
    "empty": (lambda data: b"", "not a safetensors file"),
    "truncated": (lambda data: data[: len(data) // 2], "not a whole safetensors file"),
    "cut in the header": (lambda data: data[:40], "not a safetensors file"),
    "corrupt header": (lambda data: data[:8] + b"\xff" * 30 + data[38:], "not a whole safetensors file"),
    "a zip bomb": (lambda data: zip_bomb(), "not a safetensors file"),
    "a pickle": (lambda data: pickled(), "not a safetensors file"),
    "a huge header": (lambda data: struct.pack("<Q", 2**60) + data[8:], "not a safetensors file"),
    "a tensor larger than the file": (
        lambda data: forge({"w": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}),
        "not a whole safetensors file",
    ),
    "overlapping tensors": (
        lambda data: forge({n: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for n in "ab"}, bytes(4)),
        "not a whole safetensors file",
    ),
    "a large file": (lambda data: data + bytes(1 << 21), "larger than"),
}


@pytest.mark.parametrize("case", BYTES)
def test_broken_weights_earn_nothing_and_say_so(case, folder):
    path, (spoil, message) = folder / "digits.safetensors", BYTES[case]
    path.write_bytes(spoil(path.read_bytes()))
    verdict = grade("digits", folder)
    assert verdict.earned == 0 and message in str(verdict), str(verdict)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(folder, value):
    tensors = tensors_of(folder, "digits")
    tensors["0.weight"][0, 0, 0, 0] = value
    save(folder, "digits", tensors)
    verdict = grade("digits", folder)
    assert verdict.earned == 0 and "NaN or infinity" in str(verdict)


def test_weights_of_another_architecture_are_refused(folder):
    shutil.copy(folder / "scenes.safetensors", folder / "digits.safetensors")
    assert "not those of this network" in str(grade("digits", folder))
    tensors = {name: w[..., :-1] if w.ndim > 1 else w for name, w in tensors_of(folder, "shapes").items()}
    save(folder, "shapes", tensors)
    assert "this network needs float32" in str(grade("shapes", folder))
    save(folder, "shapes", {name: w.double() for name, w in tensors_of(folder, "shapes").items()})
    assert grade("shapes", folder).earned == 0


LISTS = {
    "no JSON": (b"layers = []", "not valid JSON"),
    "NaN": (b'{"task": "digits", "layers": NaN}', "not valid JSON"),
    "nested": (b"[" * 60_000, "not valid JSON"),
    "not UTF-8": (b"\xff\xfe", "not valid JSON"),
    "another task": (b'{"task": "shapes", "layers": []}', "not of the task"),
    "no layers": (b'{"task": "digits"}', "list of 1 to"),
    "a list": (b"[]", "JSON object"),
    "large": (b" " * (1 << 17), "larger than"),
}


@pytest.mark.parametrize("case", LISTS)
def test_broken_layer_lists_earn_nothing_and_say_so(case, folder):
    data, message = LISTS[case]
    (folder / "digits.json").write_bytes(data)
    verdict = grade("digits", folder, blank=True)
    assert verdict.earned == 0 and message in str(verdict), str(verdict)


def test_files_that_are_none(folder):
    path = folder / "digits.safetensors"
    path.unlink()
    assert "There is no file digits.safetensors" in str(grade("digits", folder))
    path.symlink_to("/etc/hostname")
    assert grade("digits", folder).earned == 0
    path.unlink()
    os.mkfifo(path)
    assert "not a regular file" in str(grade("digits", folder))


@pytest.mark.parametrize("name", files.names(tasks.find("digits")))
def test_a_folder_in_place_of_a_file_is_said_and_not_left_open(name, folder):
    (folder / name).unlink()
    (folder / name).mkdir()
    verdict = grade("digits", folder, blank=True)
    assert f"{name} cannot be read: it is not a regular file" in str(verdict)
    assert verdict.earned == (10 if name.endswith("log.json") else 0)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    with pytest.raises(ModelError):
        files.read_bounded(folder / name, 10)
    again = os.open(os.devnull, os.O_RDONLY)
    os.close(again)
    assert again == lowest


# --- models that learned nothing, or the wrong thing ---------------------------------------------------------------


@pytest.mark.parametrize("name", TASKS)
def test_untrained_weights_and_constant_answers_earn_nothing(name, folder):
    task = tasks.find(name)
    layers = files.read_model(folder, task).layers
    torch.manual_seed(0)
    save(folder, name, weights_of(build(layers, task)))
    assert grade(name, folder).earned == 0
    save(folder, name, {key: torch.zeros_like(w) for key, w in tensors_of(folder, name).items()})
    verdict = grade(name, folder)
    assert verdict.earned == 0 and "learned nothing" in str(verdict)


def control(name, kind, steps):
    """Train a control of the calibration for a few steps and return its share of the score's points."""
    _, layers, settings = files.read_recipe(REFERENCE / f"{name}.json")
    score, _ = calibrate.run(tasks.find(name), layers, settings | {"steps": steps, "every": steps}, kind, 0)
    return BOUNDS[name].share(score)


@pytest.mark.parametrize("kind", ["frozen", "shuffled", "memorised"])
def test_controls_of_digits_earn_little(kind):
    assert control("digits", kind, 60) == 0


def test_controls_of_the_whole_calibration():
    """What the table of the book holds: every honest seed gets full points, no control does."""
    table = json.loads((REFERENCE / "calibration.json").read_text())
    for name, kinds in table.items():
        bounds = BOUNDS[name]
        assert min(kinds["reference"].values()) > bounds.full
        for kind in ("frozen", "shuffled"):
            assert all(bounds.share(score) == 0 for score in kinds[kind].values()), (name, kind)
        assert all(bounds.share(score) < 0.7 for score in kinds["memorised"].values()), name


def test_a_scene_network_that_pools_everything_is_at_a_loss(tmp_path):
    layers = [
        {"kind": "conv2d", "out_channels": 8, "kernel_size": 5, "stride": 2},
        {"kind": "relu"},
        {"kind": "adaptive_avg_pool2d", "output_size": 1},
        {"kind": "flatten"},
        {"kind": "linear", "out_features": 2},
    ]
    trainer.run(tasks.find("scenes"), layers, trainer.Settings(steps=60, batch=32, every=60, lr=0.01), tmp_path, "cpu")
    assert grade("scenes", tmp_path).earned == 0


# --- the student's own functions, and the log ----------------------------------------------------------------------


def test_wrong_numpy_functions_cost_their_part(trained):
    right = student()
    wrong = {
        "convnet_forward": lambda layers, weights, x: right["convnet_forward"](layers, weights, x) + 0.01,
        "convnet_backward": lambda g, layers, weights, x: ({}, x),
        "cross_entropy_backward": lambda g, logits, target: right["cross_entropy_backward"](2 * g, logits, target),
        "network_summary": lambda layers, shape: (shape, 0),
    }
    lost = {"convnet_forward": 2, "convnet_backward": 2, "cross_entropy_backward": 2, "network_summary": 1}
    for name, function in wrong.items():
        verdict = grade("digits", trained, **{name: function})
        assert verdict.earned == 10 - lost[name] and f"{name}, on your network" in str(verdict), str(verdict)
    verdict = grade("digits", trained, convnet_backward=None)
    assert verdict.earned == 8 and "no function called convnet_backward" in str(verdict)
    assert grade("digits", trained, digits_network=None).earned == 0


def test_tiny_logits_do_not_make_a_wrong_forward_pass_right(folder):
    tensors = tensors_of(folder, "digits")
    save(folder, "digits", tensors | {name: 1e-7 * tensors[name] for name in ("8.weight", "8.bias")})
    assert grade("digits", folder).earned == 10
    verdict = grade("digits", folder, convnet_forward=lambda layers, weights, x: np.zeros((len(x), 10)))
    assert verdict.earned == 8 and "convnet_forward, on your network" in str(verdict)


def with_a_dead_class(folder, off):
    """Give the digits network a last layer in which the logit of class 1 is `off`, whatever the picture."""
    told, tensors = json.loads((folder / "digits.json").read_text()), tensors_of(folder, "digits")
    weight, last = torch.zeros(11, 512), torch.eye(10, 11)
    weight[:10], last[1] = tensors["8.weight"], 0
    last[1, 10] = off / 1000
    bias = torch.cat([tensors["8.bias"], torch.tensor([1000.0])])
    more = {"8.weight": weight, "8.bias": bias, "9.weight": last, "9.bias": torch.zeros(10)}
    layers = [*told["layers"][:-1], {"kind": "linear", "out_features": 11}, {"kind": "linear", "out_features": 10}]
    (folder / "digits.json").write_text(json.dumps(told | {"layers": layers}))
    save(folder, "digits", tensors | more)


def test_a_network_whose_logits_overflow_is_refused(folder):
    with_a_dead_class(folder, -3e41)  # finite weights, and their product is not
    verdict = grade("digits", folder)
    assert verdict.earned == 0 and "answers with NaN or infinity" in str(verdict), str(verdict)


def test_gradients_that_overflow_are_refused(folder):
    task = tasks.find("digits")
    net = torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.Linear(2, 2))
    for layer, size in zip(net, (3e30, 1e-30)):
        layer.weight.data.fill_(size)
    with pytest.raises(ModelError, match="gradients hold NaN"):
        torch_gradients(net, 1e30 * torch.ones(1, 1), torch.tensor([0]))
    assert np.isfinite(torch_gradients(*measure.load(folder, task)[1:], *task.draw(2, 0))[0]).all()


def test_a_comparison_demands_finite_numbers_on_both_sides():
    for found, right in ((0, np.inf), (np.inf, np.inf), (np.nan, 1), (np.inf, 1), (0, np.nan)):
        with pytest.raises(_MismatchError):
            _compare("so:", np.full(2, float(found)), np.full(2, float(right)))
    with pytest.raises(_MismatchError):
        _compare("so:", np.zeros(2), np.ones(2), np.inf)


def test_weights_that_drown_all_else_do_not_make_zeros_right(folder):
    """One logit is huge and constant: relative to it every other number is nothing."""
    with_a_dead_class(folder, -1e25)
    assert grade("digits", folder).earned > 8
    constant = np.where(np.arange(10) == 1, -1e25, 0.0)
    verdict = grade(
        "digits",
        folder,
        convnet_forward=lambda layers, weights, x: np.tile(constant, (len(x), 1)),
    )
    assert "convnet_forward, on your layers with other weights" in str(verdict)


def test_a_replay_ends_when_its_time_is_up(trained):
    task = tasks.find("digits")
    model = files.read_model(trained, task)
    told, found = trainer.replay(task, model.layers, model.log, seconds=0)
    assert len(told) == len(found) == 1


@pytest.mark.parametrize("odd", [[np.array([1, 2])], np.zeros(3), {"kind": np.arange(2)}, float("nan"), None])
def test_whatever_the_notebook_gives_for_layers_the_file_is_graded(trained, odd):
    verdict = grade("digits", trained, digits_network=lambda: odd)
    assert verdict.earned == 10 and "gives other layers" in str(verdict)


def test_a_false_log_costs_nothing_and_is_shown_when_grading(folder):
    path = folder / "digits.log.json"
    log = json.loads(path.read_text())
    path.write_text(json.dumps(log | {"score": 0.999, "losses": [0.1] * 30}))
    verdict = grade("digits", folder)
    assert verdict.earned == 10
    assert "states 0.999" in str(verdict) and "does not give its losses" in str(verdict)
    assert "states" not in str(grade("digits", folder, at_home=True))
    known = {"settings": log["settings"]}
    for odd in ({}, {"settings": 3}, known | {"losses": "many"}, known | {"losses": [10**400]}, known | {"losses": {}}):
        path.write_text(json.dumps(odd | {"score": 10**400}))
        verdict = grade("digits", folder)
        assert verdict.earned == 10
        assert "The log states no score" in str(verdict) and "cannot be replayed" in str(verdict)


def test_a_log_of_another_run_is_told_apart(folder):
    shutil.copy(folder / "scenes.log.json", folder / "digits.log.json")
    verdict = grade("digits", folder)
    assert verdict.earned == 10
    assert "differ by more than chance" in str(verdict) and "does not give its losses" in str(verdict)


NO_LOG = {
    "missing": (None, "There is no file digits.log.json"),
    "cut off": (b'{"task": "dig', "not valid JSON"),
    "a list": (b"[]", "JSON object"),
    "large": (b" " * (1 << 21), "larger than"),
}


@pytest.mark.parametrize("case", NO_LOG)
def test_without_a_log_a_network_keeps_its_points(case, folder):
    data, message = NO_LOG[case]
    path = folder / "digits.log.json"
    path.unlink() if data is None else path.write_bytes(data)
    for at_home in (False, True):
        verdict = grade("digits", folder, at_home=at_home)
        assert verdict.earned == 10
        assert message in str(verdict) and "costs no points" in str(verdict), str(verdict)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_overflowed_costs_nothing(folder, value):
    """As it may in 16 bits: the log is what the training loop wrote."""
    path = folder / "digits.log.json"
    log = json.loads(path.read_text())
    path.write_text(json.dumps(log | {"losses": [*log["losses"][:3], value, *log["losses"][4:]]}))
    verdict = grade("digits", folder)
    assert verdict.earned == 10 and "does not give its losses" in str(verdict)
    trainer.run(
        tasks.find("digits"),
        files.read_model(folder, tasks.find("digits")).layers,
        trainer.Settings.read(log["settings"]),
        folder,
        "cpu",
        show=lambda t: pytest.fail("it trained again"),
    )


def test_other_layers_than_the_notebook_says_are_mentioned(trained):
    verdict = grade("digits", trained, digits_network=lambda: [{"kind": "relu"}])
    assert verdict.earned == 10 and "gives other layers" in str(verdict)
