"""The function `check` of a notebook: it finds the student's function by its name, judges it, and shows the verdict."""

import dis
import operator
import re
import sys
import types
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

import convcourse
from convcourse import checks
from convcourse.calls.call import LocalFunction, StudentFunction, clone, replaced
from convcourse.engine import helpers
from convcourse.engine.check import Check, Gradable
from convcourse.engine.context import RunContext, current_context, show
from convcourse.engine.model import Failure, Verdict
from convcourse.errors import VersionError
from convcourse.limits import is_available
from convcourse.provided import hand_out

Namespace = dict[str, Any]
PassedChecks = dict[
    str, tuple[tuple[object, ...], bool]
]  # by task: its `dependencies`, and whether it passed its check


class NotebookCheck:
    """The function `check` of a notebook: it remembers the failure that was shown last, and which tasks have passed."""

    def __init__(self, topic: str) -> None:
        self.topic, self.checks = topic, checks.load(topic)
        self.last_failure: Failure | None = None
        self.passed: PassedChecks = {}

    def __call__(self, name: str, points: float) -> float:
        """Judge the function of that name, show the verdict, and return what it earns of `points`."""
        namespace = sys._getframe(1).f_globals
        if name not in self.checks:
            raise ValueError(f"{self.topic} has no check called {name!r}; it has {', '.join(self.checks)}")
        context = current_context()
        verdict = self.checks[name].run(lambda wanted: lookup(wanted, namespace), points, context)
        if context.at_home:  # where submissions are graded, the grader runs a check again itself
            self.passed[name] = dependencies(self.checks, name, namespace), verdict.passed
            verdict = with_right_helpers(self.checks, verdict, namespace, context, self.passed)
            verdict = replace(
                verdict, notes=(*verdict.notes, *missing_module_notes(namespace, verdict.name), *old_numpy_notes())
            )
        self.last_failure = verdict.failure or self.last_failure
        show(verdict)
        return verdict.earned

    def case(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return (args, kwargs) of the failing call that was shown last: ``f(*args, **kwargs)`` calls it again."""
        if self.last_failure is None:
            raise LookupError("no check has shown a failing call yet")
        return clone(self.last_failure.case.args), clone(self.last_failure.case.kwargs)


def checker(topic: str, needs: str | None = None, provided: Sequence[str] = ()) -> NotebookCheck:
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
    return NotebookCheck(topic)


def with_right_helpers(
    checks: Mapping[str, Gradable],
    verdict: Verdict,
    namespace: Namespace,
    context: RunContext,
    passed: PassedChecks | None = None,
) -> Verdict:
    """Return the better of a verdict and that of a second run, in which right helpers stand in the place of wrong ones.

    The rule stands in `convcourse.engine.helpers`. Of a helper that was checked before and is still the same, `passed`
    says whether it passed: {name: (its `dependencies` then, bool)}; others are checked now.
    """
    passed = {} if passed is None else passed

    def run(name: str, points: float, context: RunContext) -> Verdict:
        return checks[name].run(lambda wanted: lookup(wanted, namespace), points, context)

    def passes(name: str) -> bool:
        current = dependencies(checks, name, namespace)
        recorded, has_passed = passed.get(name, ((), False))
        if len(recorded) != len(current) or not all(map(operator.is_, recorded, current)):
            has_passed = run(name, 1.0, replace(context, at_home=False)).passed
            passed[name] = current, has_passed
        return has_passed

    if verdict.passed or verdict.name not in namespace:
        return verdict
    wrong = [name for name in helpers.helper_names(checks, verdict.name) if not passes(name)]
    lent = {name: check for name in wrong if isinstance(check := checks[name], Check)}
    if not lent:
        return verdict
    with replaced(namespace, {name: helpers.right_function(check) for name, check in lent.items()}):
        again = run(verdict.name, verdict.points, context)
    return helpers.with_note(again, wrong) if again.earned > verdict.earned else verdict


def dependencies(checks: Mapping[str, Gradable], name: str, namespace: Namespace) -> tuple[object, ...]:
    """Return what the result of a check rests on: what a notebook has under the names of a task and its helpers."""
    return tuple(namespace.get(dependency) for dependency in (name, *helpers.helper_names(checks, name)))


def missing_module_notes(namespace: Namespace, name: str = "") -> list[str]:
    """List sentences about the modules that there are not where submissions are graded.

    They are those in a notebook, and those that its function `name` imports when it is called.
    """
    missing = {module for module in modules_imported_by(namespace.get(name)) if not is_available(module)}
    for name, value in namespace.items():
        if isinstance(value, types.ModuleType | type) or callable(value):
            module = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
            top = module.split(".")[0] if isinstance(module, str) else ""
            if not name.startswith("_") and top and not is_available(top):
                missing.add(top)
    return [
        f"{top} is imported here. Where submissions are graded there are NumPy and Matplotlib alone: the import fails, "
        "and with it all of its cell."
        for top in sorted(missing)
    ]


def modules_imported_by(function: object) -> set[str]:
    """Return the modules that a function, or one inside it, imports when it is called."""
    codes: list[object] = [getattr(function, "__code__", None)]
    modules: set[str] = set()
    while codes:
        code = codes.pop()
        if isinstance(code, types.CodeType):
            codes += code.co_consts
            modules |= {
                step.argval.split(".")[0] for step in dis.get_instructions(code) if step.opname == "IMPORT_NAME"
            }
    return modules - {""}


def old_numpy_notes() -> list[str]:
    """List a sentence where NumPy is so old that results may be of another dtype than in grading: an Intel Mac's."""
    if int(np.__version__.split(".")[0]) >= 2:
        return []
    return [
        (
            f"NumPy {np.__version__} is installed here, and submissions are graded with NumPy 2, where mixed dtypes, "
            "and FFTs of float32, may come out as other dtypes. On Colab you see what grading sees."
        )
    ]


def lookup(name: str, namespace: Mapping[str, Any]) -> StudentFunction | None:
    """Find a function to call: one of this process, or a stand-in for one in a sandbox. None if there is none."""
    function = namespace.get(name)
    if function is None or isinstance(function, StudentFunction):
        return function
    return LocalFunction(function)


def require_version(needs: str) -> None:
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


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]
