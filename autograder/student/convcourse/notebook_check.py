"""The function `check` of a notebook: it finds the student's function by its name, judges it, and shows the verdict."""

import dis
import operator
import re
import sys
import types
from dataclasses import replace

import numpy as np

import convcourse
from convcourse import checks
from convcourse.calls.call import LocalFunction, StudentFunction, clone, replaced
from convcourse.engine import helpers
from convcourse.engine.context import current_context, show
from convcourse.errors import VersionError
from convcourse.limits import is_present
from convcourse.provided import hand_out


def checker(topic, needs=None, provided=()):
    """Return the function `check` of a notebook; its ``check.case()`` gives the arguments of the call shown last.

    Parameters
    ----------
    topic : str
    needs : str, optional
        The version of this package that the notebook was made for. This one fits if it is as new, and if its first
        number is the same.
    provided : sequence of str
        The functions of earlier topics that the notebook hands out: no others can be imported.

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
    hand_out(provided)
    known, shown, held = checks.load(topic), [], {}

    def check(name, points):
        namespace = sys._getframe(1).f_globals
        if name not in known:
            raise ValueError(f"{topic} has no check called {name!r}; it has {', '.join(known)}")
        context = current_context()
        verdict = known[name].run(lambda wanted: lookup(wanted, namespace), points, context)
        if context.at_home:  # where submissions are graded, the grader runs a check again itself
            held[name] = concerned(known, name, namespace), verdict.passed
            verdict = with_right_helpers(known, verdict, namespace, context, held)
            verdict = replace(verdict, notes=(*verdict.notes, *absent(namespace, verdict.name), *older()))
        shown[:] = [verdict.failure] if verdict.failure is not None else shown
        show(verdict)
        return verdict.earned

    def case():
        """Return (args, kwargs) of the failing call that was shown last: ``f(*args, **kwargs)`` calls it again."""
        if not shown:
            raise LookupError("no check has shown a failing call yet")
        return clone(shown[0].case.args), clone(shown[0].case.kwargs)

    check.case = case
    return check


def with_right_helpers(known, verdict, namespace, context, held=None):
    """Return the better of a verdict and that of a second run, in which right helpers stand in the place of wrong ones.

    The rule stands in `convcourse.engine.helpers`. Of a helper that was checked before and is still the same, `held`
    says whether it passed: {name: (what `concerned` gave then, bool)}; others are checked now.
    """
    held = {} if held is None else held

    def run(name, points, context):
        return known[name].run(lambda wanted: lookup(wanted, namespace), points, context)

    def passes(name):
        now = concerned(known, name, namespace)
        then, passed = held.get(name, ((), False))
        if len(then) == len(now) and all(map(operator.is_, then, now)):
            return passed
        held[name] = now, run(name, 1.0, replace(context, at_home=False)).passed
        return held[name][1]

    if verdict.passed or verdict.name not in namespace:
        return verdict
    wrong = [name for name in helpers.helpers(known, verdict.name) if not passes(name)]
    if not wrong:
        return verdict
    with replaced(namespace, {name: helpers.right(known[name]) for name in wrong}):
        again = run(verdict.name, verdict.points, context)
    return helpers.with_note(again, wrong) if again.earned > verdict.earned else verdict


def concerned(known, name, namespace):
    """Return what a notebook has under the names of a task and of its helpers."""
    return tuple(namespace.get(each) for each in (name, *helpers.helpers(known, name)))


def absent(namespace, name=""):
    """List sentences about the modules that there are not where submissions are graded.

    They are those in a notebook, and those that its function `name` imports when it is called.
    """
    found = {module for module in imported_in(namespace.get(name)) if not is_present(module)}
    for name, value in namespace.items():
        if isinstance(value, types.ModuleType | type) or callable(value):
            module = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
            top = module.split(".")[0] if isinstance(module, str) else ""
            if not name.startswith("_") and top and not is_present(top):
                found.add(top)
    return [
        f"{top} is imported here. Where submissions are graded there are NumPy and Matplotlib alone: the import fails, "
        "and with it all of its cell."
        for top in sorted(found)
    ]


def imported_in(function):
    """Return the modules that a function, or one inside it, imports when it is called."""
    codes, found = [getattr(function, "__code__", None)], set()
    while codes:
        code = codes.pop()
        if isinstance(code, types.CodeType):
            codes += code.co_consts
            found |= {step.argval.split(".")[0] for step in dis.get_instructions(code) if step.opname == "IMPORT_NAME"}
    return found - {""}


def older():
    """List a sentence where NumPy is so old that results may be of another dtype than in grading: an Intel Mac's."""
    if int(np.__version__.split(".")[0]) >= 2:
        return []
    return [
        (
            f"NumPy {np.__version__} is installed here, and submissions are graded with NumPy 2, where mixed dtypes, "
            "and FFTs of float32, may come out as other dtypes. On Colab you see what grading sees."
        )
    ]


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
