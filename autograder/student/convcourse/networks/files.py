"""What is handed in beside the notebook: layers as JSON, weights as safetensors, a log as JSON. Nothing is unpickled.

Every size is bounded before anything is read into an array: a file is at most ``MAX_*`` bytes, links and pipes are
refused, and safetensors itself checks that its header fits the file.
"""

import json
import os
import stat
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convcourse.calls.values import SubmittedValue
from convcourse.errors import ModelError

if TYPE_CHECKING:
    import torch

    from convcourse.networks.tasks import Task

MAX_LAYERS_FILE = 1 << 16
MAX_WEIGHTS_FILE = 1 << 20
MAX_LOG_FILE = 1 << 20
MAX_CHECKPOINT_FILE = 1 << 24
MAX_HEADER = 1 << 16


@dataclass(frozen=True)
class Model:
    """A trained network as it was handed in: nothing in it is believed yet."""

    layers: Any
    weights: "dict[str, torch.Tensor]"
    log: dict[str, Any]
    log_problem: str = ""  # why there is no log to read, in a sentence; that costs nothing


def names(task: "Task") -> tuple[str, str, str]:
    """Return the names of the three files of a task: layers, weights, log."""
    return f"{task.name}.json", f"{task.name}.safetensors", f"{task.name}.log.json"


def read_bounded(path: str | Path, max_size: int) -> bytes:
    """Return the bytes of a regular file of at most `max_size` bytes, or raise ModelError."""
    name = Path(path).name
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise ModelError(f"There is no file {name} beside the notebook: train first, and hand it in too.") from None
    except OSError as error:
        raise ModelError(f"{name} cannot be read: {error.strerror}.") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ModelError(f"{name} cannot be read: it is not a regular file.")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(max_size + 1)
    except OSError as error:
        raise ModelError(f"{name} cannot be read: {error.strerror}.") from None
    finally:
        os.close(descriptor)
    if len(data) > max_size:
        raise ModelError(f"{name} is larger than {max_size:,} bytes.")
    return data


def _read_json(path: str | Path, max_size: int, constant: Callable[[str], Any] | None = None) -> dict[str, Any]:
    data = read_bounded(path, max_size)
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=constant or _refuse_constant)
    except (ValueError, RecursionError):
        raise ModelError(f"{Path(path).name} is not valid JSON.") from None
    if not isinstance(value, dict):
        raise ModelError(f"{Path(path).name} must hold a JSON object.")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def read_tensors(data: bytes, name: str) -> "tuple[dict[str, torch.Tensor], dict[str, str]]":
    """Return the tensors in the bytes of a safetensors file, and its metadata, or raise ModelError."""
    import safetensors.torch

    if len(data) < 8 or not 2 <= struct.unpack("<Q", data[:8])[0] <= min(MAX_HEADER, len(data) - 8):
        raise ModelError(f"{name} is not a safetensors file, or it is cut off.")
    try:
        tensors = safetensors.torch.load(data)
        header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
    except Exception as error:  # what the libraries raise on odd numbers is not written down anywhere
        raise ModelError(f"{name} is not a whole safetensors file ({str(error)[:80]}).") from None
    return tensors, header.get("__metadata__") or {}


def read_model(folder: str | Path, task: "Task") -> Model:
    """Read the three files of a task from `folder`, or raise ModelError. Nothing in them is believed yet."""
    layers, weights, log = (Path(folder) / name for name in names(task))
    recipe = _read_json(layers, MAX_LAYERS_FILE)
    if recipe.get("task") != task.name:
        raise ModelError(f"{layers.name} is not of the task {task.name!r}.")
    tensors, _ = read_tensors(read_bounded(weights, MAX_WEIGHTS_FILE), weights.name)
    try:
        return Model(recipe.get("layers"), tensors, _read_json(log, MAX_LOG_FILE, float))  # a loss may be NaN
    except ModelError as error:
        return Model(recipe.get("layers"), tensors, {}, str(error))


def read_recipe(path: str | Path) -> tuple[SubmittedValue, Any, SubmittedValue]:
    """Return (task name, layers, settings) of a recipe, which is what ``<task>.json`` holds too."""
    recipe = _read_json(path, MAX_LAYERS_FILE)
    return recipe.get("task"), recipe.get("layers"), recipe.get("settings", {})


def write_tensors(path: str | Path, tensors: "Mapping[str, torch.Tensor]", metadata: dict[str, str]) -> None:
    """Write tensors as safetensors, whole or not at all."""
    import safetensors.torch

    whole = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    _write(path, safetensors.torch.save(whole, metadata))


def read_checkpoint(path: str | Path) -> "tuple[dict[str, torch.Tensor], dict[str, str]]":
    """Return the tensors and the metadata of a checkpoint of ours."""
    return read_tensors(read_bounded(path, MAX_CHECKPOINT_FILE), Path(path).name)


def write_model(
    folder: str | Path,
    task: "Task",
    layers: list[dict[str, Any]],
    settings: Mapping[str, Any],
    weights: "Mapping[str, torch.Tensor]",
    log: Mapping[str, object],
) -> None:
    """Write the three files that are handed in."""
    first, second, third = (Path(folder) / name for name in names(task))
    lines = ",\n  ".join(json.dumps(layer) for layer in layers)
    recipe = (
        f'{{"task": {json.dumps(task.name)},\n "settings": {json.dumps(settings)},\n "layers": [\n  {lines}\n ]}}\n'
    )
    _write(first, recipe.encode())
    write_tensors(second, weights, {})
    _write(third, (json.dumps(log) + "\n").encode())


def _write(path: str | Path, data: bytes) -> None:
    part = Path(f"{path}.part")
    part.write_bytes(data)
    part.replace(path)
