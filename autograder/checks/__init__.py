"""What is right for every function of the course, and the known mistakes: one module per topic."""

import importlib
import pkgutil
import sys

from autograder.checks import engine
from autograder.checks.calling import LocalFunction

_BESIDE = {"calling", "compare", "display", "draws", "engine", "oracles"}


def topics():
    """List the topics that have checks."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _BESIDE)


def load(topic):
    """Return the checks of a topic by the name of the function they are for."""
    if topic not in topics():
        raise ValueError(f"there are no checks for {topic!r}; there are checks for {', '.join(topics())}")
    module = importlib.import_module(f"autograder.checks.{topic}")
    return {check.name: check for check in module.CHECKS}


def models(topic):
    """Return the checks of a topic that grade a file handed in beside the notebook, by name; most topics have none."""
    module = importlib.import_module(f"autograder.checks.{topic}")
    return {check.name: check for check in getattr(module, "MODELS", ())}


def checker(topic):
    """Return the function `check` of a notebook: it looks the student's functions up by name where it is called.

    Examples
    --------
    >>> check = checker("pooling")
    >>> check("max_pool2d", points=4)  # doctest: +ELLIPSIS
    ✗ max_pool2d: 0 of 4 points
      There is no function called max_pool2d: run the cell that defines it first.
      ...
    0.0
    """
    checks, of_files = load(topic), models(topic)

    def check(name, points):
        namespace = sys._getframe(1).f_globals
        if name in of_files:
            verdict = of_files[name].run(lambda wanted: lookup(wanted, namespace), points, engine.setting())
        elif name in checks:
            verdict = engine.run(checks[name], lookup(name, namespace), points)
        else:
            raise ValueError(f"{topic} has no check called {name!r}; it has {', '.join([*checks, *of_files])}")
        engine.show(verdict)
        return verdict.earned

    return check


def lookup(name, namespace):
    """Find a function to call: one of this process, or the examiner's stand-in for one in the sandbox."""
    function = namespace.get(name)
    if function is None or hasattr(function, "call"):
        return function
    return LocalFunction(function)
