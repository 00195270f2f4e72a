"""What is right for every function of the course, and the known mistakes: every module here is a topic."""

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcourse.engine.check import Check, Gradable


def topics() -> list[str]:
    """List the topics that have checks."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(topic: str) -> "dict[str, Gradable]":
    """Return all checks of a topic, of functions and of trained networks, by the name of the function they look for."""
    if topic not in topics():
        raise ValueError(f"there are no checks for {topic!r}; there are checks for {', '.join(topics())}")
    module = importlib.import_module(f"{__name__}.{topic}")
    return {check.name: check for check in module.CHECKS}


def of_functions(topic: str) -> "dict[str, Check]":
    """Return those checks of a topic that judge a function, not a trained network."""
    from convcourse.engine.check import Check

    return {name: check for name, check in load(topic).items() if isinstance(check, Check)}
