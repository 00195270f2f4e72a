"""Train every reference recipe under many seeds, and the controls that must not earn full points; write a table.

    python -m tools.calibrate --seeds 10

What is there already in ``solutions/networks/calibration.json`` is kept, so that the script can be interrupted. The
bounds in `convcourse.checks.training` are read off the table: `floor` is what a network with all but its last
layer frozen reaches, `full` the lowest reference less two standard errors of the test.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from convcourse.networks import files, measure, tasks, trainer
from convcourse.networks.tasks import Task

HERE = Path(__file__).parents[1] / "solutions" / "networks"
TABLE = HERE / "calibration.json"
Draw = Callable[[int, Any], tuple[torch.Tensor, torch.Tensor]]  # (how many, of which seed) -> pictures, targets
TEST_SEED = 2026  # plays the part of a course's secret


def shuffled(task: Task) -> Draw:
    """Draw training pictures with the labels of others."""

    def draw(count: int, seed: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        x, target = task.draw(count, seed)
        return x, target[torch.randperm(count, generator=torch.Generator().manual_seed(seed[-1]))]

    return draw


def memorised(task: Task) -> Draw:
    """Draw the same 64 pictures in every step."""
    return lambda count, seed: task.draw(64, 0)


def looked_up(task: Task) -> Draw:
    """Draw a third of the pictures from the scans of the test split, as a student could who digs them out."""

    def draw(count: int, seed: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        training, test = task.draw(count - count // 3, seed), task.draw_test(count // 3, seed)
        return torch.cat([training[0], test[0]]), torch.cat([training[1], test[1]])

    return draw


# name: (settings of the trainer, does it apply to every task?)
KINDS: dict[str, tuple[Callable[[Task], dict[str, Any]], bool]] = {
    "reference": (lambda task: {}, True),
    "frozen": (lambda task: {"frozen": True}, True),
    "shuffled": (lambda task: {"draw": shuffled(task)}, True),
    "memorised": (lambda task: {"draw": memorised(task)}, True),
    "looked up": (lambda task: {"draw": looked_up(task)}, False),
}


def run(task: Task, layers: list[Any], settings: Any, kind: str, seed: int) -> tuple[float, float]:
    """Train one network and return its score on the test and the seconds it took."""
    chosen = trainer.Settings.read(settings | {"seed": seed})
    trained = trainer.Trainer(task, layers, chosen, **KINDS[kind][0](task))
    while not trained.is_done:
        trained.advance()
    trained.net.load_state_dict(trained.best, strict=False)
    return round(measure.measure(trained.net, task, TEST_SEED), 4), trained.log["seconds"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--controls", type=int, default=3, help="seeds of the controls")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    for seed in range(max(options.seeds, options.controls)):
        for kind, (_, everywhere) in KINDS.items():
            for task in tasks.TASKS.values():
                seed_count = options.seeds if kind == "reference" else options.controls
                scores = table.setdefault(task.name, {}).setdefault(kind, {})
                if seed >= seed_count or str(seed) in scores or not (everywhere or task.name == "digits"):
                    continue
                _, layers, settings = files.read_recipe(HERE / f"{task.name}.json")
                scores[str(seed)], seconds = run(task, layers, settings, kind, seed)
                print(f"{task.name:8} {kind:10} seed {seed}: {scores[str(seed)]:.3f}  ({seconds:.0f} s)", flush=True)
                TABLE.write_text(json.dumps(table, indent=1) + "\n")
    for name, kinds in table.items():
        lowest = min(kinds["reference"].values())
        print(f"{name}: lowest reference {lowest:.3f}, less two standard errors "
              f"{lowest - 2 * measure.standard_error(lowest):.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
