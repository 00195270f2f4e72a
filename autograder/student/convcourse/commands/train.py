"""``autograder train``: train the network of a task from a recipe."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from convcourse.errors import ModelError, UsageError
from convcourse.networks import TASK_NAMES

if TYPE_CHECKING:
    from convcourse.terminal import Commands

HELP = "train the network of the last assignment"


def add_parser(commands: "Commands") -> None:
    """Add ``train`` to the parser of ``autograder``."""
    parser = commands.add_parser("train", help=HELP, description=run.__doc__)
    parser.add_argument("task", choices=TASK_NAMES, help="what the network is to learn")
    parser.add_argument("--recipe", type=Path, help="layers and settings (default: TASK.json in the folder)")
    parser.add_argument("--folder", type=Path, default=Path(), help="where to write (default: here)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU if there is one")
    for name, kind in (("steps", int), ("batch", int), ("lr", float), ("seed", int), ("patience", int)):
        parser.add_argument(f"--{name}", type=kind, default=argparse.SUPPRESS, help="in place of the recipe's")
    parser.add_argument("--again", action="store_true", help="train anew even if it is done already")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train a network from a recipe: CUDA with mixed precision where there is one, else the CPU."""
    from convcourse.networks import files, train

    try:
        name, layers, settings = files.read_recipe(options.recipe or options.folder / f"{options.task}.json")
        if name != options.task or not isinstance(settings, dict):
            raise ModelError(f"The recipe is for the task {name!r}.")
        overrides = {
            key: value for key, value in vars(options).items() if key in ("steps", "batch", "lr", "seed", "patience")
        }
        train(
            options.task,
            layers,
            folder=options.folder,
            device=options.device,
            again=options.again,
            **settings | overrides,
        )
    except ModelError as error:
        raise UsageError(str(error)) from None
    return 0
