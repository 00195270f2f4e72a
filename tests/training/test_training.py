"""Tasks, networks from a list, training, files: tiny settings of each task are trained, handed in and graded."""

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
from miniconv import training as miniconv

from autograder.checks import engine
from autograder.checks import training as checks
from autograder.checks.calling import LocalFunction
from autograder.checks.engine import Setting
from autograder.cli import main
from autograder.training import files, grading, loop, network, tasks
from autograder.training.network import ModelError

REFERENCE = Path(__file__).parents[2] / "solutions" / "training"
TASKS = sorted(tasks.TASKS)
LAYERS = {
    "digits": [
        {"kind": "conv2d", "out_channels": 4, "kernel_size": 5, "stride": 4},
        {"kind": "relu"},
        {"kind": "flatten"},
        {"kind": "linear", "out_features": 10},
    ],
    "shapes": [
        {"kind": "conv2d", "out_channels": 4, "kernel_size": 3, "padding": 1},
        {"kind": "relu"},
        {"kind": "conv2d", "out_channels": 4, "kernel_size": [1, 1]},
    ],
    "scenes": [{"kind": "max_pool2d", "kernel_size": 4}, {"kind": "flatten"}, {"kind": "linear", "out_features": 2}],
}
TINY = loop.Settings(steps=6, batch=8, every=3, lr=0.01)


def student():
    """Functions that a student might have written, by name."""
    import answers.training as written

    names = ("network_summary__formulas", "convnet_forward__loops", "convnet_backward__loops")
    found = {name.split("__")[0]: getattr(written, name) for name in names}
    return found | {"cross_entropy_backward": written.cross_entropy_backward__one_hot}


def grade(name, folder, seed=7, at_home=False, **changed):
    """Grade the model in a folder for 10 points."""
    from autograder.checks import lookup

    layers = (
        json.loads((Path(folder) / f"{name}.json").read_text())["layers"] if not changed.pop("blank", False) else []
    )
    functions = student() | {f"{name}_network": lambda: layers} | changed
    check = next(check for check in checks.MODELS if check.task.name == name)
    return check.run(lambda wanted: lookup(wanted, functions), 10, Setting(seed, at_home=at_home, folder=str(folder)))


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    """The reference models in a folder of their own; not to be changed."""
    folder = tmp_path_factory.mktemp("handed-in")
    for task in TASKS:
        for name in files.names(tasks.find(task)):
            shutil.copy(REFERENCE / name, folder)
    return folder


@pytest.fixture
def folder(handed_in, tmp_path):
    """A copy to spoil."""
    shutil.copytree(handed_in, tmp_path / "work")
    return tmp_path / "work"


# --- tasks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TASKS)
def test_pictures_depend_on_the_seed_and_the_split_alone(name):
    task = tasks.find(name)
    x, target = task.draw(5, 3)
    assert x.shape == (5, *task.input_shape[1:]) and x.dtype == torch.float32
    assert (
        target.shape == ((5, 32, 32) if task.per_pixel else (5,)) and target.min() >= 0 and target.max() < task.classes
    )
    assert torch.equal(x, task.draw(5, 3)[0])
    for other in (task.draw(5, 4)[0], task.draw(5, 3, "validation")[0], task.draw_test(5, 3)[0]):
        assert not torch.equal(x, other)
    with pytest.raises(ValueError, match="when grading"):
        task.draw(5, 3, "test")


def test_no_scan_is_in_two_splits():
    pieces = [range(2000)[part] for part in tasks._SCANS.values()]
    assert sum(len(piece) for piece in pieces) == 2000 and len({i for piece in pieces for i in piece}) == 2000
    assert len(range(1797)[tasks._SCANS["test"]]) == 500


def test_scenes_answer_their_question():
    x, target = tasks.find("scenes").draw(200, 0)
    assert 0.4 < target.float().mean() < 0.6
    assert torch.equal(x[:, 1:].amax((2, 3)).sum(1), torch.ones(200))


def test_iou_by_hand():
    task = tasks.find("shapes")
    assert task.score(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 1, 1])) == pytest.approx((1 / 2 + 2 / 3) / 2)


# --- networks ------------------------------------------------------------------------------------------------------

CONV = {"kind": "conv2d", "out_channels": 4, "kernel_size": 3}
REFUSED = {
    "not a list": ({"kind": "relu"}, "list"),
    "no layers": ([], "list"),
    "too many layers": ([{"kind": "relu"}] * 99, "list"),
    "an unknown kind": ([{"kind": "eval"}], "kind among"),
    "no dict": (["relu"], "kind among"),
    "a kind that is no string": ([{"kind": ["relu"]}], "kind among"),
    "code": ([CONV | {"kernel_size": "__import__('os')"}], "whole number"),
    "a huge kernel": ([CONV | {"out_channels": 10**9}], "whole number"),
    "a negative size": ([CONV | {"kernel_size": -1}], "whole number"),
    "a float": ([CONV | {"kernel_size": 2.5}], "whole number"),
    "an unknown option": ([CONV | {"device": 1}], "cannot take"),
    "a missing option": ([{"kind": "conv2d", "out_channels": 3}], "cannot take"),
    "no size left": ([CONV | {"kernel_size": 40}], "cannot take"),
    "stride 0": ([CONV | {"stride": 0}], "cannot take"),
    "groups that do not divide": ([CONV | {"groups": 3}], "cannot take"),
    "too large maps": ([CONV | {"out_channels": 1, "padding": 900}], "too costly"),
    "too many parameters": ([{"kind": "flatten"}, {"kind": "linear", "out_features": 1000}], "budget"),
    "an option that is no name": ([CONV | {"\ud800": 1}], "whole number"),
    "dilation 0": ([CONV | {"dilation": 0, "stride": 4}, {"kind": "flatten"}, LAYERS["digits"][-1]], "cannot compute"),
    "no output": ([{"kind": "adaptive_max_pool2d", "output_size": [2, 0]}], "too costly"),
    "nothing to train": (
        [{"kind": "adaptive_avg_pool2d", "output_size": [2, 5]}, {"kind": "flatten"}],
        "no parameters",
    ),
    "another output": ([{"kind": "flatten"}, {"kind": "linear", "out_features": 9}], r"needs \(1, 10\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_layers_off_the_list_or_out_of_bounds_are_refused(case):
    layers, says = REFUSED[case]
    with pytest.raises(ModelError, match=says):
        network.build(layers, tasks.find("digits"))


WIDE = [CONV | {"kernel_size": 1, "out_channels": 240}]
COSTLY = {
    "giant windows": [*WIDE, {"kind": "max_pool2d", "kernel_size": 65, "stride": 1, "padding": 32}],
    "giant averages": [*WIDE, {"kind": "avg_pool2d", "kernel_size": [65, 63], "stride": 1, "padding": [32, 31]}],
    "overlapping windows": [*WIDE, *[{"kind": "adaptive_max_pool2d", "output_size": 31}] * 9],
    "large maps": [CONV | {"padding": 240, "out_channels": 1}, *[{"kind": "relu"}] * 30],
    "idle lanes": [CONV | {"kernel_size": 99, "padding": 49, "out_channels": 2}],
    "many heads": [CONV | {"stride": 2, "padding": 1, "out_channels": 64}, {"kind": "attention", "num_heads": 64}],
}


@pytest.mark.parametrize("case", COSTLY)
def test_a_network_that_would_take_long_is_refused_before_it_is_made(case):
    tail = [{"kind": "adaptive_avg_pool2d", "output_size": 1}, {"kind": "flatten"}, LAYERS["digits"][-1]]
    with pytest.raises(ModelError, match="too costly"):
        network.build([*COSTLY[case], *tail], tasks.find("digits"))


@pytest.mark.parametrize("name", TASKS)
def test_twenty_times_the_cost_of_the_reference_is_allowed(name, monkeypatch):
    monkeypatch.setattr(network, "MAX_COST", network.MAX_COST // 20)
    network.build(files.read_recipe(REFERENCE / f"{name}.json")[1], tasks.find(name))


def test_every_kind_builds():
    layers = [
        CONV | {"padding": "same"},
        {"kind": "batch_norm2d"},
        {"kind": "relu"},
        {"kind": "avg_pool2d", "kernel_size": 2},
        {"kind": "conv_transpose2d", "out_channels": 4, "kernel_size": 2, "stride": 2},
        {"kind": "max_pool2d", "kernel_size": 2},
        {"kind": "attention", "num_heads": 2},
        {"kind": "adaptive_max_pool2d", "output_size": [4, 4]},
        {"kind": "adaptive_avg_pool2d", "output_size": 2},
        {"kind": "flatten"},
        {"kind": "dropout"},
        {"kind": "linear", "out_features": 10, "bias": False},
    ]
    assert {layer["kind"] for layer in layers} == set(network.KINDS)
    assert network.build(layers, tasks.find("digits"))(torch.zeros(2, 1, 32, 32)).shape == (2, 10)


# For every kind: layers with options that it may have, each for (N, 4, 8, 6).
OF_EVERY_KIND = {
    "conv2d": [
        CONV | {"kernel_size": [3, 2], "stride": [1, 2], "padding": [2, 1], "dilation": [2, 1], "groups": 2},
        CONV | {"padding": "same", "bias": False},
        CONV | {"padding": "valid"},
    ],
    "conv_transpose2d": [
        CONV | {"kind": "conv_transpose2d", "stride": [2, 1], "padding": 1, "output_padding": [1, 0], "groups": 2},
        CONV | {"kind": "conv_transpose2d", "kernel_size": [2, 3], "dilation": 2, "bias": False},
    ],
    "max_pool2d": [
        {"kernel_size": [2, 3]},
        {"kernel_size": 3, "stride": [2, 1], "padding": 1, "dilation": [2, 1], "ceil_mode": True},
    ],
    "avg_pool2d": [{"kernel_size": [2, 3]}, {"kernel_size": 3, "stride": [2, 1], "padding": 1, "ceil_mode": True}],
    "adaptive_avg_pool2d": [{"output_size": 3}, {"output_size": [2, 5]}],
    "adaptive_max_pool2d": [{"output_size": 3}, {"output_size": [2, 5]}],
    "batch_norm2d": [{}],
    "attention": [{}, {"num_heads": 2}],
    "linear": [{"out_features": 5}, {"out_features": 5, "bias": False}],
    "relu": [{}],
    "flatten": [{}],
    "dropout": [{}],
}


@pytest.mark.parametrize("kind", network.KINDS)
def test_the_reference_package_knows_every_layer_of_the_allow_list(kind):
    """Shape, parameters, output and gradients in NumPy are those of the network that the examiner builds."""
    for options in OF_EVERY_KIND[kind]:
        layer = {"kind": kind} | options
        torch.manual_seed(0)
        net = torch.nn.Sequential(*network.as_modules([layer], (2, 4, 8, 6))).to_empty(device="cpu").double()
        for name, value in network.weights_of(net).items():
            value.copy_(torch.rand(value.shape) + 0.5 if "running" in name else torch.randn(value.shape) / 2)
        x = torch.randn(2, 4, 8, 6, dtype=torch.float64, requires_grad=True)
        y = net(x)
        g = torch.randn(y.shape, dtype=torch.float64)
        (y * g).sum().backward()
        layers, pictures = grading.as_options([layer]), x.detach().numpy()
        weights = {name: w.detach().numpy() for name, w in network.weights_of(net).items()}
        assert miniconv.network_summary(layers, (2, 4, 8, 6)) == (tuple(y.shape), network.parameter_count(net))
        found = miniconv.convnet_forward(layers, weights, pictures)
        np.testing.assert_allclose(found, y.detach(), atol=1e-12)
        grads, grad_x = miniconv.convnet_backward(g.numpy(), layers, weights, pictures)
        np.testing.assert_allclose(grad_x, x.grad, atol=1e-12)
        assert list(grads) == [name for name, _ in net.named_parameters()]
        for name, parameter in net.named_parameters():
            np.testing.assert_allclose(grads[name], parameter.grad, atol=1e-11)


def test_the_network_has_the_kinds_that_students_are_told_of():
    told = (REFERENCE.parent / "assignments" / "training.md").read_text(encoding="utf-8")
    assert all(f"`{kind}`" in told for kind in network.KINDS)


# --- training ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TASKS)
def test_a_tiny_setting_trains_and_is_graded(name, tmp_path):
    task = tasks.find(name)
    log = loop.run(task, LAYERS[name], TINY, tmp_path, "cpu")
    assert log["finished"] and len(log["losses"]) == 6 and len(log["validation"]) == 2
    verdict = grade(name, tmp_path)
    assert 0 <= verdict.earned < 10
    assert "a replay of the log's first 6 steps gives its losses" in str(verdict).replace("A replay", "a replay")


def test_the_loss_falls_and_the_same_seed_gives_the_same_network(tmp_path):
    task, settings = tasks.find("scenes"), loop.Settings(steps=40, batch=16, every=20, lr=0.01)
    log = loop.run(task, LAYERS["scenes"], settings, tmp_path / "a", "cpu")
    again = loop.run(task, LAYERS["scenes"], settings, tmp_path / "b", "cpu")
    assert log["losses"] == again["losses"]
    assert np.mean(log["losses"][-10:]) < np.mean(log["losses"][:10])
    assert (tmp_path / "a/scenes.safetensors").read_bytes() == (tmp_path / "b/scenes.safetensors").read_bytes()


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "adam and dropout"])
def test_an_interrupted_run_goes_on_and_ends_at_the_same_weights(tmp_path, optimizer):
    task, settings = tasks.find("digits"), loop.Settings(steps=8, batch=8, every=2, optimizer=optimizer.split()[0])
    layers = [*LAYERS["digits"][:3], *[{"kind": "dropout"}] * optimizer.endswith("dropout"), LAYERS["digits"][3]]
    torch.manual_seed(1)
    whole = loop.run(task, layers, settings, tmp_path / "whole", "cpu")
    torch.manual_seed(2)  # another process has another state
    loop.run(task, layers, settings, tmp_path / "parts", "cpu", until=5)
    assert not (tmp_path / "parts/digits.json").exists()
    steps = []
    parts = loop.run(task, layers, settings, tmp_path / "parts", "cpu", show=lambda t: steps.append(t.step))
    assert steps == [5, 6, 7, 8] and parts["losses"] == whole["losses"]
    assert (tmp_path / "parts/digits.safetensors").read_bytes() == (tmp_path / "whole/digits.safetensors").read_bytes()
    assert not list((tmp_path / "parts").glob(".*"))
    told, found = loop.replay(task, layers, whole)
    assert told == found and loop.replay(task, layers, whole | {"device": "a GPU", "losses": []}) is None


def test_the_scale_of_mixed_precision_survives_an_interruption(tmp_path):
    first, second = (loop.Trainer(tasks.find("scenes"), LAYERS["scenes"], TINY) for _ in range(2))
    for trainer in (first, second):
        trainer.scaler = torch.amp.GradScaler("cpu")  # a GPU's is on; on the CPU it is off
    first.advance()
    first.scaler.update(1024.0)
    first.save(tmp_path)
    assert second.resume(tmp_path) and second.scaler.get_scale() == 1024.0


def test_what_is_trained_already_is_left_alone(tmp_path):
    task, steps = tasks.find("scenes"), []
    for _ in range(2):
        loop.run(task, LAYERS["scenes"], TINY, tmp_path, "cpu", show=lambda t: steps.append(t.step))
    assert len(steps) == 6
    loop.run(task, LAYERS["scenes"], loop.replace(TINY, seed=1), tmp_path, "cpu", show=lambda t: steps.append(t.step))
    assert len(steps) == 12
    fresh = loop.Trainer(task, LAYERS["scenes"], loop.replace(TINY, seed=1))
    assert json.loads((tmp_path / "scenes.log.json").read_text())["losses"][0] == fresh.advance()


def test_early_stopping(tmp_path):
    settings = loop.Settings(steps=50, batch=4, every=1, lr=0.0, patience=3)
    log = loop.run(tasks.find("scenes"), LAYERS["scenes"], settings, tmp_path, "cpu")
    assert len(log["losses"]) == 4 and log["finished"]


def test_the_command_trains_from_a_recipe(tmp_path, capsys):
    shutil.copy(REFERENCE / "scenes.json", tmp_path)
    wanted = ["train", "scenes", "--folder", str(tmp_path), "--steps", "2", "--batch", "4", "--device", "cpu"]
    assert main(wanted) == 0
    assert "scenes: accuracy" in capsys.readouterr().out
    assert main(["train", "digits", "--recipe", str(tmp_path / "scenes.json")]) == 2
    assert "for the task 'scenes'" in capsys.readouterr().err
    if not torch.cuda.is_available():
        assert main([*wanted[:-1], "cuda"]) == 2
        assert "no CUDA device" in capsys.readouterr().err


def test_settings_are_checked():
    for bad in ({"steps": 0}, {"lr": -1}, {"lr": float("nan")}, {"optimizer": "magic"}, {"epochs": 3}, {"batch": "64"}):
        with pytest.raises(ModelError):
            loop.Settings.read(bad)
    for name in ("steps", "batch", "every", "seed", "patience"):
        for bad in (2.5, True):
            with pytest.raises(ModelError, match=f"{name} must be a whole number"):
                loop.Settings.read({name: bad})
    assert loop.Settings.read({"lr": 1, "weight_decay": 0.1, "seed": 3}).seed == 3


# --- what is handed in ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TASKS)
def test_the_reference_earns_every_point_under_several_seeds(name, handed_in):
    for seed in (1, 2):
        verdict = grade(name, handed_in, seed)
        assert verdict.earned == 10, str(verdict)
    assert grade(name, handed_in, at_home=True).earned == 10
    assert "gives its losses" in str(verdict)
    assert all((handed_in / file).stat().st_size < 1_000_000 for file in files.names(tasks.find(name)))


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
    path, (spoil, says) = folder / "digits.safetensors", BYTES[case]
    path.write_bytes(spoil(path.read_bytes()))
    verdict = grade("digits", folder)
    assert verdict.earned == 0 and says in str(verdict), str(verdict)


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
    data, says = LISTS[case]
    (folder / "digits.json").write_bytes(data)
    verdict = grade("digits", folder, blank=True)
    assert verdict.earned == 0 and says in str(verdict), str(verdict)


def test_files_that_are_none(folder):
    path = folder / "digits.safetensors"
    path.unlink()
    assert "There is no file digits.safetensors" in str(grade("digits", folder))
    os.symlink("/etc/hostname", path)
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
    save(folder, name, network.weights_of(network.build(layers, task)))
    assert grade(name, folder).earned == 0
    save(folder, name, {key: torch.zeros_like(w) for key, w in tensors_of(folder, name).items()})
    verdict = grade(name, folder)
    assert verdict.earned == 0 and "learned nothing" in str(verdict)


def control(name, kind, steps):
    """Train a control of the calibration script for a few steps and return its share of the score's points."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("calibrate", REFERENCE / "calibrate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _, layers, settings = files.read_recipe(REFERENCE / f"{name}.json")
    score, _ = module.run(tasks.find(name), layers, settings | {"steps": steps, "every": steps}, kind, 0)
    return grading.BOUNDS[name].share(score)


@pytest.mark.parametrize("kind", ["frozen", "shuffled", "memorised"])
def test_controls_of_digits_earn_little(kind):
    assert control("digits", kind, 60) == 0


def test_controls_of_the_whole_calibration():
    """What the table of the book holds: every honest seed gets full points, no control does."""
    table = json.loads((REFERENCE / "calibration.json").read_text())
    for name, kinds in table.items():
        bounds = grading.BOUNDS[name]
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
    loop.run(tasks.find("scenes"), layers, loop.Settings(steps=60, batch=32, every=60, lr=0.01), tmp_path, "cpu")
    assert grade("scenes", tmp_path).earned == 0


# --- the student's own functions, and the log ----------------------------------------------------------------------


def test_wrong_numpy_functions_cost_their_part(handed_in):
    right = student()
    wrong = {
        "convnet_forward": lambda layers, weights, x: right["convnet_forward"](layers, weights, x) + 0.01,
        "convnet_backward": lambda g, layers, weights, x: ({}, x),
        "cross_entropy_backward": lambda g, logits, target: right["cross_entropy_backward"](2 * g, logits, target),
        "network_summary": lambda layers, shape: (shape, 0),
    }
    lost = {"convnet_forward": 2, "convnet_backward": 2, "cross_entropy_backward": 2, "network_summary": 1}
    for name, function in wrong.items():
        verdict = grade("digits", handed_in, **{name: function})
        assert verdict.earned == 10 - lost[name] and f"{name}, on your network" in str(verdict), str(verdict)
    verdict = grade("digits", handed_in, convnet_backward=None)
    assert verdict.earned == 8 and "no function called convnet_backward" in str(verdict)
    assert grade("digits", handed_in, digits_network=None).earned == 0


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
        grading.torch_gradients(net, 1e30 * torch.ones(1, 1), torch.tensor([0]))
    assert np.isfinite(grading.torch_gradients(*grading.load(folder, task)[1:], *task.draw(2, 0))[0]).all()


def test_a_comparison_demands_finite_numbers_on_both_sides():
    for found, right in ((0, np.inf), (np.inf, np.inf), (np.nan, 1), (np.inf, 1), (0, np.nan)):
        with pytest.raises(grading._Wrong):
            grading._compare("so:", np.full(2, float(found)), np.full(2, float(right)))
    with pytest.raises(grading._Wrong):
        grading._compare("so:", np.zeros(2), np.ones(2), np.inf)


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


def test_a_replay_ends_when_its_time_is_up(handed_in):
    task = tasks.find("digits")
    model = files.read_model(handed_in, task)
    told, found = loop.replay(task, model.layers, model.log, seconds=0)
    assert len(told) == len(found) == 1


@pytest.mark.parametrize("odd", [[np.array([1, 2])], np.zeros(3), {"kind": np.arange(2)}, float("nan"), None])
def test_whatever_the_notebook_gives_for_layers_the_file_is_graded(handed_in, odd):
    verdict = grade("digits", handed_in, digits_network=lambda: odd)
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
    data, says = NO_LOG[case]
    path = folder / "digits.log.json"
    path.unlink() if data is None else path.write_bytes(data)
    for at_home in (False, True):
        verdict = grade("digits", folder, at_home=at_home)
        assert verdict.earned == 10
        assert says in str(verdict) and "costs no points" in str(verdict), str(verdict)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_overflowed_costs_nothing(folder, value):
    """As it may in 16 bits: the log is what the training loop wrote."""
    path = folder / "digits.log.json"
    log = json.loads(path.read_text())
    path.write_text(json.dumps(log | {"losses": [*log["losses"][:3], value, *log["losses"][4:]]}))
    verdict = grade("digits", folder)
    assert verdict.earned == 10 and "does not give its losses" in str(verdict)
    loop.run(
        tasks.find("digits"),
        files.read_model(folder, tasks.find("digits")).layers,
        loop.Settings.read(log["settings"]),
        folder,
        "cpu",
        show=lambda t: pytest.fail("it trained again"),
    )


def test_a_step_computed_in_double_precision_is_right():
    """Nothing asks for float32 where float32 went in, and the numbers differ by rounding alone."""
    from answers.training import sgd_step__loop

    def widened(*args, **kwargs):
        return tuple({name: a.astype(float) for name, a in found.items()} for found in sgd_step__loop(*args, **kwargs))

    assert engine.run(checks.SGD_STEP, LocalFunction(widened), 4).earned == 4


def test_other_layers_than_the_notebook_says_are_mentioned(handed_in):
    verdict = grade("digits", handed_in, digits_network=lambda: [{"kind": "relu"}])
    assert verdict.earned == 10 and "gives other layers" in str(verdict)
