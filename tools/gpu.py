"""Compare a GPU with the CPU on the three reference networks, and write what was measured.

    make gpu

Four comparisons: the logits of the trained networks, the losses of the first steps in mixed precision, a run that was
interrupted against one that was not, and the whole recipes, with their seconds and scores. After eight minutes no
further recipe begins. The table of the book is made from ``solutions/networks/devices.json``. Without a GPU nothing is
written; ``--device cpu`` compares the CPU with itself, to try the command.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from convcourse.networks import files, measure, tasks, trainer
from convcourse.networks.tasks import Task
from convcourse.networks.trainer import Settings

ROOT = Path(__file__).parents[1]
NETWORKS = ROOT / "solutions" / "networks"
TABLE = NETWORKS / "devices.json"
MINUTES = 8
FIRST = 20  # steps whose losses are compared
PARITY = 1e-3  # what logits in float32 may differ by


def logits_apart(task: Task, device: str, count: int = 256) -> float:
    """Return how far the logits of the trained network on a device lie from those on the CPU, at most."""
    _, net = measure.load(NETWORKS, task)
    x, _ = task.draw(count, 0, "validation")
    here = trainer.predict(net, x)
    return float((trainer.predict(net.to(device), x, device) - here).abs().max())


def losses_apart(task: Task, settings: Settings, layers: list[Any], device: str, steps: int = FIRST) -> float:
    """Return how far the losses of the first steps on a device lie from those on the CPU, at most."""
    runs = [trainer.Trainer(task, layers, settings, where) for where in ("cpu", device)]
    return max(abs(one.advance() - other.advance()) for one, other in [runs] * steps)


def resumed_apart(task: Task, settings: Settings, layers: list[Any], device: str, steps: int = FIRST) -> float:
    """Return how far the last loss of a run that was interrupted half-way lies from that of a whole one."""
    whole, first, second = (trainer.Trainer(task, layers, settings, device) for _ in range(3))
    losses = [whole.advance() for _ in range(steps)]
    for _ in range(steps // 2):
        first.advance()
    with tempfile.TemporaryDirectory() as folder:
        first.save(folder)
        if not second.resume(folder):
            raise SystemExit("What was saved cannot be read again.")
    while second.step < steps:
        second.advance()
    return abs(losses[-1] - second.log["losses"][-1])


def recipe(task: Task, settings: Settings, layers: list[Any], device: str) -> dict[str, Any]:
    """Train a whole recipe; return {seconds, score on a test, precision}."""
    trained = trainer.Trainer(task, layers, settings, device)
    while not trained.is_done:
        trained.advance()
    trained.net.load_state_dict(trained.best, strict=False)
    return {
        "seconds": trained.log["seconds"],
        "score": round(measure.measure(trained.net.cpu(), task, seed=1), 4),
        "precision": trained.log["precision"],
    }


def compare(device: str, steps: int | None = None, until: float = float("inf")) -> dict[str, dict[str, Any]]:
    """Return what is found on a device: {task: {comparison: number}}; `steps` shortens the recipes."""
    measured: dict[str, dict[str, Any]] = {}
    for name, task in tasks.TASKS.items():
        _, layers, values = files.read_recipe(NETWORKS / f"{name}.json")
        settings = trainer.Settings.read(values)
        settings = replace(settings, steps=steps or settings.steps)
        measured[name] = {
            "logits apart": logits_apart(task, device),
            "losses apart": losses_apart(task, settings, layers, device),
            "apart after an interruption": resumed_apart(task, settings, layers, device),
        }
        for where in (device, "cpu") if device != "cpu" else ("cpu",):
            if time.monotonic() < until:
                measured[name][where] = recipe(task, settings, layers, where)
        print(name, json.dumps(measured[name]), flush=True)
    return measured


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, and write the table where there is a GPU."""
    parser = argparse.ArgumentParser(prog="python -m tools.gpu", description=main.__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--steps", type=int, help="train every recipe for so many steps only; nothing is written")
    options = parser.parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        print("There is no GPU here that PyTorch can use. To try everything else: python -m tools.gpu --device cpu")
        return 1
    measured = compare(options.device, options.steps, time.monotonic() + 60 * MINUTES)
    worst = max(entry["logits apart"] for entry in measured.values())
    if worst > PARITY:
        print(f"The logits differ by {worst:.1g}, more than {PARITY:g}: nothing is written.")
        return 1
    if options.device == "cuda" and not options.steps:
        about = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "threads": torch.get_num_threads()}
        TABLE.write_text(json.dumps(about | {"tasks": measured}, indent=1) + "\n", encoding="utf-8")
        print(f"written: {TABLE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
