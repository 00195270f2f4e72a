"""Read the right answers to the tasks, several styles of each: ``solutions/answers/<stem>.py`` has ``task__style``."""

import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tools import extract


def path_of(root: Path, stem: str) -> Path:
    """Return the file with the answers to a topic's tasks."""
    return Path(root) / "solutions" / "answers" / f"{stem}.py"


def styles(root: Path, stem: str) -> dict[str, list[str]]:
    """Return the names of the answers that the file defines, by task, in order: {task: [task__style, ...]}."""
    return _by_task(extract.functions(path_of(root, stem)))


def functions(root: Path, stem: str) -> dict[str, dict[str, Callable[..., Any]]]:
    """Return the answers by task, those that the file imports too: {task: {style: function}}."""
    path = path_of(root, stem)
    spec = importlib.util.spec_from_file_location(f"answers_{stem}", path)
    assert spec and spec.loader, "a file of Python has both"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tasks_styles = _by_task(vars(module))
    return {
        task: {name.partition("__")[2]: getattr(module, name) for name in names} for task, names in tasks_styles.items()
    }


def _by_task(names: Iterable[str]) -> dict[str, list[str]]:
    styles: dict[str, list[str]] = {}
    for name in names:
        task, _, style = name.partition("__")
        if task and style:
            styles.setdefault(task, []).append(name)
    return styles
