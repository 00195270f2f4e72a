"""The function `check` of a notebook: it finds the student's function by its name, judges it, and shows the verdict."""

import re
import sys

import convcourse
from convcourse import checks
from convcourse.calls.call import LocalFunction, StudentFunction
from convcourse.engine.context import current_context, show
from convcourse.errors import VersionError


def checker(topic, needs=None):
    """Return the function `check` of a notebook.

    Parameters
    ----------
    topic : str
    needs : str, optional
        The version of this package that the notebook was made for. This one fits if it is as new, and if its first
        number is the same.

    Raises
    ------
    VersionError
        If this version does not fit; the message says how to update.

    Examples
    --------
    >>> check = checker("pooling")
    >>> check("max_pool2d", points=4)  # doctest: +ELLIPSIS
    ✗ max_pool2d: 0 of 4 points
      There is no function called max_pool2d: run the cell that defines it first.
      ...
    0.0
    """
    if needs is not None:
        require_version(needs)
    known = checks.load(topic)

    def check(name, points):
        namespace = sys._getframe(1).f_globals
        if name not in known:
            raise ValueError(f"{topic} has no check called {name!r}; it has {', '.join(known)}")
        verdict = known[name].run(lambda wanted: lookup(wanted, namespace), points, current_context())
        show(verdict)
        return verdict.earned

    return check


def lookup(name, namespace):
    """Find a function to call: one of this process, or a stand-in for one in a sandbox. None if there is none."""
    function = namespace.get(name)
    if function is None or isinstance(function, StudentFunction):
        return function
    return LocalFunction(function)


def require_version(needs):
    """Refuse, in words that say what to do, a notebook that this version of the package does not fit."""
    ours, theirs = _numbers(convcourse.__version__), _numbers(needs)
    if theirs <= ours and theirs[:1] == ours[:1]:
        return
    kit = "the newest student kit" if theirs > ours else "the student kit that this notebook came with"
    raise VersionError(
        f"This notebook is made for version {needs} of convcourse; version {convcourse.__version__} is installed. "
        f"Unpack {kit}, and in its folder run `python -m pip install -r requirements.txt` (on Colab: upload its .whl "
        "file and `%pip install` it). Then restart the kernel."
    )


def _numbers(version):
    return [int(number) for number in re.findall(r"\d+", version)[:3]]
