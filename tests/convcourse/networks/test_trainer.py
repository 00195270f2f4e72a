"""Training repeats, resumes, stops, and is not done twice."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from convcourse.errors import ModelError
from convcourse.networks import tasks, trainer
from tests.helpers.tiny_networks import LAYERS, TINY


def test_the_loss_falls_and_the_same_seed_gives_the_same_network(tmp_path):
    task, settings = tasks.find("scenes"), trainer.Settings(steps=40, batch=16, every=20, lr=0.01)
    log = trainer.run(task, LAYERS["scenes"], settings, tmp_path / "a", "cpu")
    again = trainer.run(task, LAYERS["scenes"], settings, tmp_path / "b", "cpu")
    assert log["losses"] == again["losses"]
    assert np.mean(log["losses"][-10:]) < np.mean(log["losses"][:10])
    assert (tmp_path / "a/scenes.safetensors").read_bytes() == (tmp_path / "b/scenes.safetensors").read_bytes()


def interrupted_at(step):
    """What is called after every step; at this one somebody presses Ctrl+C."""

    def show(training):
        if training.step == step:
            raise KeyboardInterrupt

    return show


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "adam and dropout"])
def test_an_interrupted_run_goes_on_and_ends_at_the_same_weights(tmp_path, optimizer):
    task, settings = tasks.find("digits"), trainer.Settings(steps=8, batch=8, every=2, optimizer=optimizer.split()[0])
    layers = [*LAYERS["digits"][:3], *[{"kind": "dropout"}] * optimizer.endswith("dropout"), LAYERS["digits"][3]]
    torch.manual_seed(1)
    whole = trainer.run(task, layers, settings, tmp_path / "whole", "cpu")
    torch.manual_seed(2)  # another process has another state
    with pytest.raises(KeyboardInterrupt):
        trainer.run(task, layers, settings, tmp_path / "parts", "cpu", show=interrupted_at(5))
    assert not (tmp_path / "parts/digits.json").exists()
    steps = []
    parts = trainer.run(task, layers, settings, tmp_path / "parts", "cpu", show=lambda t: steps.append(t.step))
    assert steps == [5, 6, 7, 8] and parts["losses"] == whole["losses"]
    assert (tmp_path / "parts/digits.safetensors").read_bytes() == (tmp_path / "whole/digits.safetensors").read_bytes()
    assert not list((tmp_path / "parts").glob(".*"))
    told, found = trainer.replay(task, layers, whole)
    assert told == found and trainer.replay(task, layers, whole | {"device": "a GPU", "losses": []}) is None


def test_the_scale_of_mixed_precision_survives_an_interruption(tmp_path):
    first, second = (trainer.Trainer(tasks.find("scenes"), LAYERS["scenes"], TINY) for _ in range(2))
    for one in (first, second):
        one.scaler = torch.amp.GradScaler("cpu")  # a GPU's is on; on the CPU it is off
    first.advance()
    first.scaler.update(1024.0)
    first.save(tmp_path)
    assert second.resume(tmp_path) and second.scaler.get_scale() == 1024.0


def test_what_is_trained_already_is_left_alone(tmp_path):
    task, steps = tasks.find("scenes"), []
    for _ in range(2):
        trainer.run(task, LAYERS["scenes"], TINY, tmp_path, "cpu", show=lambda t: steps.append(t.step))
    assert len(steps) == 6
    trainer.run(task, LAYERS["scenes"], replace(TINY, seed=1), tmp_path, "cpu", show=lambda t: steps.append(t.step))
    assert len(steps) == 12
    fresh = trainer.Trainer(task, LAYERS["scenes"], replace(TINY, seed=1))
    assert json.loads((tmp_path / "scenes.log.json").read_text())["losses"][0] == fresh.advance()


def test_early_stopping(tmp_path):
    settings = trainer.Settings(steps=50, batch=4, every=1, lr=0.0, patience=3)
    log = trainer.run(tasks.find("scenes"), LAYERS["scenes"], settings, tmp_path, "cpu")
    assert len(log["losses"]) == 4 and log["finished"]


def test_settings_are_checked():
    for bad in (
        {"steps": 0}, {"lr": -1}, {"lr": float("nan")}, {"optimizer": "magic"}, {"optimizer": ["adam"]}, {"epochs": 3},
        {"batch": "64"}, {"schedule": "linear"}, {"label_smoothing": 1.5}, {"label_smoothing": True},
    ):  # fmt: skip
        with pytest.raises(ModelError):
            trainer.Settings.read(bad)
    for name in ("steps", "batch", "every", "seed", "patience"):
        for bad in (2.5, True):
            with pytest.raises(ModelError, match=f"{name} must be a whole number"):
                trainer.Settings.read({name: bad})
    assert trainer.Settings.read({"lr": 1, "weight_decay": 0.1, "seed": 3}).seed == 3


def test_a_rate_rises_and_falls_or_stays():
    cosine, constant = (trainer.Settings(steps=100, lr=2.0, schedule=name) for name in ("cosine", "constant"))
    rates = [cosine.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.2) and max(rates) == pytest.approx(2, rel=0.05) and rates[-1] < 0.01
    assert {constant.rate(step) for step in range(100)} == {2.0}


@pytest.mark.parametrize(
    "changed", [{"optimizer": "adamw", "weight_decay": 0.5}, {"label_smoothing": 0.5}, {"schedule": "constant"}]
)
def test_settings_reach_the_steps(changed):
    one, other = (
        trainer.Trainer(tasks.find("scenes"), LAYERS["scenes"], replace(TINY, **({"weight_decay": 0.5} | more)))
        for more in ({}, changed)
    )
    losses = [[each.advance() for _ in range(3)] for each in (one, other)]
    assert losses[0] != losses[1]


def test_a_log_of_before_there_were_more_settings_is_known_again(tmp_path):
    """Whoever upgrades in the middle does not train again."""
    task, steps = tasks.find("scenes"), []
    trainer.run(task, LAYERS["scenes"], TINY, tmp_path, "cpu")
    path = tmp_path / "scenes.log.json"
    log = json.loads(path.read_text())
    for name in ("schedule", "label_smoothing"):
        del log["settings"][name]
    path.write_text(json.dumps(log))
    trainer.run(task, LAYERS["scenes"], TINY, tmp_path, "cpu", show=steps.append)
    assert not steps
