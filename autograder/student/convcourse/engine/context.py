"""How checks are run: at home with a fixed seed; when grading with the course's secret one."""

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from convcourse.engine.model import Verdict
from convcourse.terminal import print_everything


@dataclass(frozen=True)
class RunContext:
    """The seed of the draws, whether to say it and to shrink failures, where verdicts go and where files lie."""

    seed: int = 0
    at_home: bool = True
    show: Callable[[Verdict], object] | None = None
    folder: str = "."


_context = contextvars.ContextVar("context", default=RunContext())  # noqa: B039 (frozen)


@contextlib.contextmanager
def graded_run(seed: int, show: Callable[[Verdict], object], folder: str | Path = ".") -> Iterator[None]:
    """Run checks in the body with the secret `seed`; each verdict is handed to `show` instead of displayed.

    `folder` holds the other files of the submission, which the checks of trained models read.
    """
    token = _context.set(RunContext(seed, at_home=False, show=show, folder=str(folder)))
    try:
        yield
    finally:
        _context.reset(token)


def current_context() -> RunContext:
    """Return how checks are run now."""
    return _context.get()


def show(verdict: Verdict) -> None:
    """Show a verdict where the context says: to the grader, in the notebook, or on the terminal."""
    context = _context.get()
    if context.show is not None:
        context.show(verdict)
        return
    if _is_notebook():
        from IPython.display import display

        display(verdict)
    else:
        print_everything()
        print(verdict)


def _is_notebook() -> bool:
    """Say whether IPython runs this code: a notebook does."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return get_ipython() is not None
