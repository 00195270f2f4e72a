"""Train a network from a recipe: on a CPU or, with mixed precision, on a GPU; it can be interrupted and goes on.

The pictures of step k depend on the seed and on k alone, so that a run repeats, resumes and can be replayed.
"""

import contextlib
import functools
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypedDict, cast

import torch
import torch.nn.functional as F
from torch import nn

from convcourse.calls.values import SubmittedValue
from convcourse.errors import ModelError
from convcourse.networks import files
from convcourse.networks.layers import build, put_weights, weights_of
from convcourse.networks.tasks import Batch, Task

REPLAYED = 20  # steps of the log that a grader may repeat
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": functools.partial(torch.optim.SGD, momentum=0.9),
}


class Measurement(TypedDict):
    """One measurement on the validation pictures."""

    step: int
    loss: float
    score: float


class Log(TypedDict):
    """What is kept of a training, and handed in beside its weights."""

    task: str
    settings: dict[str, Any]
    device: str
    precision: str
    torch: str
    losses: list[float]
    validation: list[Measurement]
    score: float
    seconds: float
    finished: bool


@dataclass(frozen=True)
class Settings:
    """How to train.

    Parameters
    ----------
    steps : int
        Batches to train on, at most.
    batch : int
        Pictures in a batch.
    lr : float
        The largest learning rate.
    optimizer : {"adam", "adamw", "sgd"}
        "sgd" has momentum 0.9.
    schedule : {"cosine", "constant"}
        "cosine": the rate rises in the first tenth of the steps and falls to zero by a cosine.
    weight_decay : float
    label_smoothing : float
        From 0 to 1, as in ``torch.nn.functional.cross_entropy``.
    seed : int
        Of the weights and of the pictures.
    every : int
        Steps between two measurements on the validation pictures.
    patience : int
        Stop after this many measurements without a better one; 0 never stops.
    """

    steps: int = 600
    batch: int = 64
    lr: float = 0.005
    optimizer: str = "adam"
    schedule: str = "cosine"
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    seed: int = 0
    every: int = 100
    patience: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "every"):
            if not _is_number(getattr(self, name), int) or not 1 <= getattr(self, name) <= 1_000_000:
                raise ModelError(f"The setting {name} must be a whole number from 1, got {getattr(self, name)!r}.")
        for name in ("seed", "patience", "lr", "weight_decay"):
            is_whole, value = name in ("seed", "patience"), getattr(self, name)
            if not _is_number(value, int if is_whole else int | float) or not 0 <= value <= 2**31:
                words = "whole number" if is_whole else "number"
                raise ModelError(f"The setting {name} must be a {words} from 0, got {value!r}.")
        if not _is_number(self.label_smoothing, int | float) or not 0 <= self.label_smoothing <= 1:
            raise ModelError(f"The setting label_smoothing must be a number from 0 to 1, got {self.label_smoothing!r}.")
        for name, options in (("optimizer", tuple(OPTIMIZERS)), ("schedule", ("cosine", "constant"))):
            if getattr(self, name) not in options:
                words = " or ".join(map(repr, options))
                raise ModelError(f"The {name} must be {words}, got {getattr(self, name)!r}.")

    @classmethod
    def read(cls, values: SubmittedValue) -> "Settings":
        """Make settings of a dict; ModelError for names that there are not."""
        names = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or not names.issuperset(values):
            raise ModelError(f"The settings are {', '.join(sorted(names))}.")
        return cls(**values)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        if self.schedule == "constant":
            return self.lr
        warm = max(1, self.steps // 10)
        return self.lr * min((step + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * step / self.steps))


def _is_number(value: object, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def choose_device(name: str = "auto") -> str:
    """Return "cuda" or "cpu"; "auto" takes the GPU where there is one."""
    if name not in ("auto", "cpu", "cuda"):
        raise ModelError(f"The device must be auto, cpu or cuda, got {name!r}.")
    if name == "cuda" and not torch.cuda.is_available():
        raise ModelError("There is no CUDA device here: use --device cpu, or a runtime with a GPU.")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


class Trainer:
    """One network on its way: its weights, its optimiser, its log.

    Parameters
    ----------
    task : convcourse.networks.tasks.Task
    layers : list of dict
    settings : Settings
    device : {"cpu", "cuda"}
    draw : callable, optional
        In place of ``task.draw``; for experiments.
    frozen : bool
        Train the last layer alone; for experiments.
    """

    def __init__(
        self,
        task: Task,
        layers: Any,
        settings: Settings,
        device: str = "cpu",
        draw: Callable[[int, Sequence[int]], Batch] | None = None,
        frozen: bool = False,
    ) -> None:
        self.task, self.layers, self.settings, self.device = task, layers, settings, device
        self.draw = draw or task.draw
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)  # on the CPU: the same first weights on every device
            self.net = build(layers, task).to(device)
        parameters = list(self.net[-1].parameters() if frozen else self.net.parameters())
        optimizer = OPTIMIZERS[settings.optimizer]
        self.optimizer = optimizer(parameters, lr=settings.lr, weight_decay=settings.weight_decay)
        self.scaler = torch.amp.GradScaler(device, enabled=device == "cuda")
        self.best = {name: value.detach().cpu().clone() for name, value in weights_of(self.net).items()}
        self.log: Log = {
            "task": task.name,
            "settings": asdict(settings),
            "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
            "precision": "mixed" if device == "cuda" else "float32",
            "torch": torch.__version__,
            "losses": [],
            "validation": [],
            "score": 0.0,
            "seconds": 0.0,
            "finished": False,
        }

    @property
    def step(self) -> int:
        """How many steps have been done."""
        return len(self.log["losses"])

    @property
    def is_done(self) -> bool:
        """Whether all steps are done, or the last measurements brought nothing better."""
        s, scores = self.settings, [entry["score"] for entry in self.log["validation"]]
        stuck = s.patience and len(scores) > s.patience and max(scores[-s.patience :]) <= max(scores[: -s.patience])
        return bool(self.step >= s.steps or stuck)

    def advance(self) -> float:
        """Do one step and return its loss."""
        begun = time.perf_counter()
        x, target = self.draw(self.settings.batch, (self.settings.seed, self.step))
        x, target = x.to(self.device), target.to(self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate(self.step)
        self.net.train()
        self.optimizer.zero_grad()
        with (
            torch.random.fork_rng(devices=[]),
            torch.autocast(self.device, enabled=self.device == "cuda", dtype=torch.float16),
        ):
            torch.manual_seed(self.settings.seed + 2**32 * self.step)  # what dropout drops
            loss = F.cross_entropy(self.net(x), target, label_smoothing=self.settings.label_smoothing)
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.log["losses"].append(round(float(loss.detach()), 6))
        if self.step % self.settings.every == 0 or self.step == self.settings.steps:
            self.validate()
        self.log["seconds"] = round(self.log["seconds"] + time.perf_counter() - begun, 3)
        return self.log["losses"][-1]

    def validate(self, count: int = 512) -> None:
        """Measure on the validation pictures, and keep the weights if they are the best so far."""
        x, target = self.task.draw(count, 0, "validation")
        logits = predict(self.net, x, self.device)
        score = self.task.score(logits.argmax(1), target)
        loss = float(F.cross_entropy(logits, target))
        self.log["validation"].append({"step": self.step, "loss": round(loss, 5), "score": round(score, 5)})
        if score >= self.log["score"]:
            self.log["score"] = round(score, 5)
            self.best = {name: value.detach().cpu().clone() for name, value in weights_of(self.net).items()}

    # --- going on after an interruption

    def save(self, folder: str | Path) -> None:
        """Write what a later run needs to go on."""
        tensors = {f"net.{name}": value for name, value in self.net.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{key}": v for key, v in state.items() if isinstance(v, torch.Tensor)}
        scaler = self.scaler.state_dict()  # empty without a GPU
        metadata = {"log": json.dumps(self.log), "scaler": json.dumps(scaler), "layers": self._recipe()}
        files.write_tensors(_checkpoint(folder, self.task), tensors, metadata)

    def resume(self, folder: str | Path) -> bool:
        """Go on where an earlier run of the same layers and settings stopped; return whether there was one."""
        try:
            tensors, metadata = files.read_checkpoint(_checkpoint(folder, self.task))
            log, scaler = json.loads(metadata["log"]), json.loads(metadata["scaler"])
            layers, settings = json.loads(metadata["layers"])
            if layers != json.loads(json.dumps(self.layers)) or Settings.read(settings) != self.settings:
                return False
            state = self.optimizer.state_dict()
            state["state"] = {}
            for name, value in tensors.items():
                if name.startswith("optimizer."):
                    _, number, key = name.split(".")
                    state["state"].setdefault(int(number), {})[key] = value
            self.net.load_state_dict({name[4:]: v for name, v in tensors.items() if name.startswith("net.")})
            self.optimizer.load_state_dict(state)
            if scaler and self.scaler.is_enabled():
                self.scaler.load_state_dict(scaler)
        except (ModelError, KeyError, ValueError, RuntimeError):
            return False
        self.best = {name[5:]: value for name, value in tensors.items() if name.startswith("best.")}
        self.log["losses"], self.log["validation"] = log["losses"], log["validation"]
        self.log["score"], self.log["seconds"] = log["score"], log["seconds"]
        return True

    def _recipe(self) -> str:
        return json.dumps([self.layers, asdict(self.settings)], sort_keys=True)


def _checkpoint(folder: str | Path, task: Task) -> Path:
    return Path(folder) / f".{task.name}.checkpoint.safetensors"


def predict(net: nn.Module, x: torch.Tensor, device: str = "cpu", batch: int = 16) -> torch.Tensor:
    """Return the logits of many pictures, on the CPU; in small batches, which stay in the cache, it is faster."""
    net.eval()
    with torch.no_grad():
        return torch.cat([net(part.to(device)).float().cpu() for part in x.split(batch)])


def run(
    task: Task,
    layers: Any,
    settings: Settings,
    folder: str | Path = ".",
    device: str = "auto",
    show: Callable[[Trainer], object] | None = None,
    again: bool = False,
) -> Log:
    """Train, and write ``<task>.json``, ``<task>.safetensors`` and ``<task>.log.json`` into `folder`.

    Nothing is trained where these files hold the result of the same layers and settings already. An interrupted run
    goes on from its last measurement.

    Parameters
    ----------
    task : Task
    layers : list of dict
    settings : Settings
    folder : str or Path
    device : {"auto", "cpu", "cuda"}
    show : callable, optional
        Called with the trainer after every step.
    again : bool
        Train anew even so.

    Returns
    -------
    dict
        The log.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(task, layers, settings, choose_device(device))
    if not again and (done := _finished(folder, trainer)) is not None:
        return done
    if not again:
        trainer.resume(folder)
    while not trainer.is_done:
        trainer.advance()
        if trainer.step % settings.every == 0:
            trainer.save(folder)
        if show is not None:
            show(trainer)
    trainer.log["finished"] = True
    files.write_model(folder, task, layers, asdict(settings), trainer.best, trainer.log)
    _checkpoint(folder, task).unlink(missing_ok=True)
    return trainer.log


def _finished(folder: str | Path, trainer: Trainer) -> Log | None:
    """Return the log in `folder` if it is that of a finished run of the same layers and settings."""
    with contextlib.suppress(ModelError):
        model = files.read_model(folder, trainer.task)
        put_weights(build(trainer.layers, trainer.task), model.weights)
        same = model.layers == json.loads(json.dumps(trainer.layers)) and model.log.get("finished") is True
        same = same and Settings.read(model.log.get("settings")) == trainer.settings  # also of before there were more
        return cast(Log, model.log) if same else None  # a run of ours wrote it, to its end
    return None


def replay(
    task: Task, layers: Any, log: dict[str, Any], steps: int = REPLAYED, seconds: float = math.inf
) -> tuple[list[float], list[float]] | None:
    """Train the first steps that a log tells of again; return (losses of the log, losses of the replay), or None.

    After `seconds` no further step begins. None: the log is not of a kind that can be repeated (a batch above 64,
    dropout on a GPU, no settings).
    """
    try:
        settings = Settings.read(log["settings"])
        logged = [float(loss) for loss in log["losses"][:steps]]
        by_chance = log.get("device") != "cpu" and any(layer.get("kind") == "dropout" for layer in layers)
        if not logged or settings.batch > 64 or by_chance:
            return None
        trainer, stop = Trainer(task, layers, replace(settings, every=1_000_000)), time.monotonic() + seconds
        replayed: list[float] = []
        while len(replayed) < len(logged) and (not replayed or time.monotonic() < stop):
            replayed.append(trainer.advance())
        return logged[: len(replayed)], replayed
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError):  # of a log that nobody's training wrote
        return None
