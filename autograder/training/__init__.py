"""Train the networks of the last assignment, on a CPU or a GPU, and grade what was trained.

``train`` is for notebooks, ``autograder train`` for the terminal. Importing this package does not import PyTorch.
"""

import argparse
import sys
from pathlib import Path


def train(task, layers, *, folder=".", device="auto", again=False, **settings):
    """Train a network for a task and write the three files to hand in beside the notebook.

    Where they hold the result of the same layers and settings already, nothing is trained again.

    Parameters
    ----------
    task : {"digits", "shapes", "scenes"}
    layers : list of dict
    folder : str
    device : {"auto", "cpu", "cuda"}
        "auto" takes the GPU where there is one.
    again : bool
        Train anew in any case.
    settings
        steps, batch, lr, optimizer, weight_decay, seed, every, patience: see `autograder.training.loop.Settings`.

    Returns
    -------
    dict
        The log: losses, measurements on the validation pictures, seconds.
    """
    from autograder.training import loop, tasks
    from autograder.training.progress import Progress

    made = loop.Settings.read(settings)
    with Progress(made.steps, task) as show:
        log = loop.run(tasks.find(task), layers, made, folder, device, show, again)
    print(summary(log))
    return log


def summary(log):
    """Say in a line what a log tells of."""
    from autograder.training import tasks

    task = tasks.find(log["task"])
    return (
        f"{task.name}: {task.measure} {log['score']:.3f} on the validation pictures, {len(log['losses']):,} steps, "
        f"{log['seconds']:.0f} s on {log['device']}"
    )


def add_parser(commands):
    """Add ``train`` to the parser of ``autograder``."""
    parser = commands.add_parser("train", description=_train.__doc__)
    parser.add_argument("task", choices=("digits", "shapes", "scenes"), help="what the network is to learn")
    parser.add_argument("--recipe", type=Path, help="layers and settings (default: TASK.json in the folder)")
    parser.add_argument("--folder", type=Path, default=Path("."), help="where to write (default: here)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU if there is one")
    for name, kind in (("steps", int), ("batch", int), ("lr", float), ("seed", int), ("patience", int)):
        parser.add_argument(f"--{name}", type=kind, default=argparse.SUPPRESS, help="in place of the recipe's")
    parser.add_argument("--again", action="store_true", help="train anew even if it is done already")
    parser.set_defaults(run=_train)


def _train(options):
    """Train a network from a recipe: CUDA with mixed precision where there is one, else the CPU."""
    from autograder.cli import Complaint
    from autograder.training import files
    from autograder.training.network import ModelError

    try:
        name, layers, settings = files.read_recipe(options.recipe or options.folder / f"{options.task}.json")
        if name != options.task or not isinstance(settings, dict):
            raise ModelError(f"The recipe is for the task {name!r}.")
        given = {
            key: value for key, value in vars(options).items() if key in ("steps", "batch", "lr", "seed", "patience")
        }
        train(
            options.task, layers, folder=options.folder, device=options.device, again=options.again, **settings | given
        )
    except ModelError as error:
        raise Complaint(str(error)) from None
    return 0


if __name__ == "__main__":
    from autograder.cli import main

    sys.exit(main(["train", *sys.argv[1:]]))
