"""The networks of the last assignment: tasks, layers, training on a CPU or a GPU, the files that are handed in.

``train`` is for notebooks, ``autograder train`` for the terminal. Importing this package does not import PyTorch.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convcourse.networks.trainer import Log

TASK_NAMES = ("digits", "shapes", "scenes")


def train(
    task: str,
    layers: list[dict[str, Any]],
    *,
    folder: str | Path = ".",
    device: str = "auto",
    again: bool = False,
    **settings: Any,
) -> "Log":
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
        steps, batch, lr, optimizer, schedule, weight_decay, label_smoothing, seed, every, patience: see
        `convcourse.networks.trainer.Settings`.

    Returns
    -------
    dict
        The log: losses, measurements on the validation pictures, seconds.
    """
    from convcourse.networks import tasks, trainer
    from convcourse.networks.progress import Progress

    checked = trainer.Settings.read(settings)
    with Progress(checked.steps, task) as show:
        log = trainer.run(tasks.find(task), layers, checked, folder, device, show, again)
    print(summary(log))
    return log


def summary(log: "Log") -> str:
    """Say in a line what a log tells of."""
    from convcourse.networks import tasks

    task = tasks.find(log["task"])
    return (
        f"{task.name}: {task.measure} {log['score']:.3f} on the validation pictures, {len(log['losses']):,} steps, "
        f"{log['seconds']:.0f} s on {log['device']}"
    )
