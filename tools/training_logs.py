"""Make the three logs that students of the topic `training` read: `judge_logs` asks which of them shows what.

    python -m tools.training_logs

prints the notebook's cell. The network is the reference network for digits, the trainer that of the course: its rate
warms up, and falls by a cosine. A run has a fixed set of training pictures, as if they had been collected once, and no
new distortions of them: that is how one of them overfits. The numbers stand in ``solutions/assignments/training.md``
and in ``convcourse/checks/training.py``: a test holds both equal, and trains the three again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from convcourse.networks.tasks import TASKS
from convcourse.networks.trainer import Settings, Trainer, predict

Curves = dict[str, list[float]]  # what was measured of a run, by its name

NETWORK = Path(__file__).parents[1] / "solutions" / "networks" / "digits.json"
STEPS, EVERY, MEASURED = 720, 30, 500  # MEASURED: of how many training pictures the loss is measured


@dataclass(frozen=True)
class Run:
    """How one network is trained: on how many pictures, how fast, and whether they keep their labels."""

    pictures: int
    lr: float
    optimizer: str = "adam"
    seed: int = 0
    shuffled: bool = False


RUNS = {  # in an order that gives nothing away
    "A": Run(500, 0.0011, shuffled=True),
    "B": Run(500, 0.0015),
    "C": Run(1500, 0.12, "sgd", seed=4),
}
SHOWS = {"overfits": "B", "rate too high": "C", "shuffled labels": "A"}
CONTROL = Run(1500, 0.03, "sgd", seed=4)  # C at a quarter of its rate: it neither jumps nor ends higher


def record(run: Run, steps: int = STEPS, every: int = EVERY) -> Curves:
    """Train one network.

    Returns
    -------
    dict of str to list of float
        The training loss, the validation loss and the validation accuracy after every `every` steps.
    """
    task = TASKS["digits"]
    x, target = task.draw(run.pictures, run.seed)
    if run.shuffled:
        target = target[torch.randperm(len(target), generator=torch.Generator().manual_seed(run.seed))]

    def draw(count: int, key: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        seed, step = key
        picked = torch.randint(0, len(x), (count,), generator=torch.Generator().manual_seed(100_003 * seed + step))
        return x[picked], target[picked]

    settings = Settings(steps, batch=32, lr=run.lr, optimizer=run.optimizer, seed=run.seed, every=every)
    trainer = Trainer(task, json.loads(NETWORK.read_text(encoding="utf-8"))["layers"], settings, draw=draw)
    training = []
    while not trainer.is_done:
        trainer.advance()
        if trainer.step % every == 0:
            training.append(float(F.cross_entropy(predict(trainer.net, x[:MEASURED]), target[:MEASURED])))
    measured = trainer.log["validation"]
    return {
        "training loss": [round(loss, 2) for loss in training],
        "validation loss": [round(entry["loss"], 2) for entry in measured],
        "validation accuracy": [round(entry["score"], 2) for entry in measured],
    }


def as_cell(logs: dict[str, Curves], width: int = 8) -> str:
    """Write logs as the notebook has them, `width` numbers in a line.

    Examples
    --------
    >>> print(as_cell({"A": {"training loss": [2.3, 1.0, 0.5]}}, width=2))
    logs = {
        "A": {
            "training loss": [
                2.30, 1.00,
                0.50,
            ],
        },
    }
    """
    lines = ["logs = {"]
    for name, log in logs.items():
        lines.append(f'    "{name}": {{')
        for series, values in log.items():
            rows = [values[start : start + width] for start in range(0, len(values), width)]
            lines += [f'        "{series}": [', *(f"            {', '.join(f'{v:.2f}' for v in row)}," for row in rows)]
            lines.append("        ],")
        lines.append("    },")
    return "\n".join([*lines, "}"])


def main() -> None:
    """Train the three, and print the cell."""
    torch.set_num_threads(1)
    print(as_cell({name: record(run) for name, run in RUNS.items()}))


if __name__ == "__main__":
    main()
