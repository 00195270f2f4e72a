"""The comparison of a GPU with the CPU: all that it does but the GPU."""

import json
import pathlib
import re

import pytest
import torch

from convcourse.networks import files, tasks, trainer
from tests.helpers.tiny_networks import REFERENCE
from tools import gpu


@pytest.fixture
def scenes():
    """Return the task, the settings and the layers of the reference network for scenes."""
    _, layers, settings = files.read_recipe(REFERENCE / "scenes.json")
    return tasks.find("scenes"), trainer.Settings.read(settings), layers


def test_a_device_agrees_with_itself(scenes):
    assert gpu.logits_apart(scenes[0], "cpu", count=8) == 0
    assert gpu.losses_apart(*scenes, "cpu", steps=2) == 0
    assert gpu.resumed_apart(*scenes, "cpu", steps=4) == 0


def forgets(trained, folder):
    """Go on at the second step, with the weights of the start."""
    trained.log["losses"] = [0.0, 0.0]
    return True


def test_a_device_that_computes_something_else_is_seen(scenes, monkeypatch):
    predict, given = trainer.predict, []

    def other(net, x, device="cpu", batch=16):
        given.append(device)
        return predict(net, x) + 0.5 * (len(given) == 2)

    monkeypatch.setattr(trainer, "predict", other)
    assert gpu.logits_apart(scenes[0], "cpu", count=8) == pytest.approx(0.5)
    monkeypatch.setattr(trainer.Trainer, "resume", forgets)
    assert gpu.resumed_apart(*scenes, "cpu", steps=4) > 1e-4


def test_without_a_gpu_it_says_so_and_writes_nothing(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpu, "TABLE", tmp_path / "devices.json")
    assert gpu.main([]) == 1 and "There is no GPU here" in capsys.readouterr().out
    monkeypatch.setattr(gpu, "compare", lambda *given: {"scenes": {"logits apart": 0.0}})
    assert gpu.main(["--device", "cpu"]) == 0 and not gpu.TABLE.exists()


def test_what_a_gpu_gives_is_written_if_its_logits_are_right(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    monkeypatch.setattr(gpu, "ROOT", tmp_path)
    monkeypatch.setattr(gpu, "TABLE", tmp_path / "devices.json")
    for apart, status in ((0.1, 1), (1e-6, 0)):
        monkeypatch.setattr(gpu, "compare", lambda *given, apart=apart: {"scenes": {"logits apart": apart}})
        assert gpu.main([]) == status and gpu.TABLE.exists() == (status == 0)
    assert '"device": "a GPU"' in gpu.TABLE.read_text() and "written: devices.json" in capsys.readouterr().out


def test_after_its_time_no_recipe_begins(monkeypatch):
    for name in ("logits_apart", "losses_apart", "resumed_apart"):
        monkeypatch.setattr(gpu, name, lambda *given: 0.0)
    monkeypatch.setattr(gpu, "recipe", lambda *given: pytest.fail("a recipe began"))
    assert set(gpu.compare("cpu", until=0.0)) == set(tasks.TASKS)


def test_the_page_shows_the_table_and_says_where_it_is_missing(tmp_path, capsys):
    page = pathlib.Path(gpu.ROOT, "book", "training.md").read_text(encoding="utf-8")
    cells = re.findall(r"```\{code-cell\} ipython3\n(?::tags:[^\n]*\n)?(.*?)```", page, re.DOTALL)
    [cell] = [cell for cell in cells if gpu.TABLE.name in cell]
    names = {"json": json, "pathlib": pathlib, "TRAINED": tmp_path}
    exec(cell, names)
    assert capsys.readouterr().out.startswith("No GPU has been measured yet")
    measured = {"device": "a GPU", "tasks": {"scenes": {"logits apart": 0.0, "cuda": 3, "cpu": 5}}}
    pathlib.Path(tmp_path, gpu.TABLE.name).write_text(json.dumps(measured))
    exec(cell, names)
    assert capsys.readouterr().out == "scenes CPU 5\nscenes a GPU 3\n"
