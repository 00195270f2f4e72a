"""A check is a small theory of a function: what is right, how it is tried, and how it is commonly got wrong.

A topic's module declares its checks as data (``Check``); ``run`` tries a function against one and gives a ``Verdict``.
"""

import contextlib
import contextvars
import math
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import hypothesis
import numpy as np
from hypothesis import strategies as st

from autograder.checks.calling import arrays_in, clone
from autograder.checks.compare import Difference, compare, same
from autograder.checks.draws import Draws, SmallDraws

MODIFIES = "It changes its input. The caller still needs that array: work on a copy."
VIEW = "It returns a view of its input. Whoever changes the result would change the input too: return a new array."
DTYPE = "The result has another dtype than the input: float32 in must give float32 out."
LIST = "It returns a list where an array is asked for."
NOT_TRIED = "It was not tried after the failures before."
COST = 0.25  # the share of the points that one broken property takes away


@dataclass(frozen=True)
class Case:
    """One call: its arguments, the part of the points it belongs to, and what is special about it."""

    args: tuple = ()
    kwargs: dict = field(default_factory=dict)
    part: str = "values"
    note: str = ""

    @property
    def size(self):
        return sum(array.size for array in arrays_in([self.args, self.kwargs]))


@dataclass(frozen=True)
class Mistake:
    """A known wrong implementation, the sentence a teacher would say, and the share of the points that it earns."""

    name: str
    says: str
    function: Callable
    share: float = 0.0


@dataclass(frozen=True)
class Property:
    """Something that must hold beside the values: it takes points away and never earns any.

    `holds(call, draws)` calls the student's function by ``call(*args, **kwargs)`` and returns a bool.
    """

    name: str
    says: str
    holds: Callable
    cost: float = COST


@dataclass(frozen=True)
class Check:
    """What is right for one function, and what is known to go wrong.

    Parameters
    ----------
    name : str
        The function's name: the student's, and the check's grade_id is ``check-<name>``.
    cases : tuple of Case
        The edges: they run every time, under every seed. Small ones first: the first that fails is shown.
    oracle : callable
        The right answer for a case's arguments, as NumPy values, computed with PyTorch, SciPy, ... in float64.
    scale : callable or None
        f(|x|, |w|) for the backward error: called like the oracle, gives the size of what was added up, element by
        element. None: the oracle itself on the absolute values, which is right for a sum of products.
    judge : callable or None
        In place of an oracle: ``judge(value, case)`` returns None if the value convinces, else a sentence. For claims
        on trial, counterexamples and other answers that are not unique.
    parts : dict
        The value properties that earn the points, with their weights. Every case names one.
    draw : callable or None
        ``draw(draws)`` builds a further Case from random choices; also used to find the smallest failing one.
    properties, mistakes
        See Property and Mistake.
    section : str
        Label of the section in the book that explains it.
    outputs : tuple of str
        Names of the outputs where the function returns a tuple of arrays.
    """

    name: str
    cases: tuple
    oracle: Callable | None = None
    scale: Callable | None = None
    judge: Callable | None = None
    parts: dict = field(default_factory=lambda: {"values": 1})
    draw: Callable | None = None
    draws: int = 8
    properties: tuple = ()
    mistakes: tuple = ()
    section: str = ""
    outputs: tuple = ()
    tolerance: float = 1e-10
    tolerance32: float = 1e-5
    limit: float = 2.0
    views_allowed: bool = False

    def __post_init__(self):
        unknown = {case.part for case in self.cases} ^ set(self.parts)
        if unknown:
            raise ValueError(f"{self.name}: parts and cases disagree about {sorted(unknown)}")
        if (self.oracle is None) == (self.judge is None):
            raise ValueError(f"{self.name}: give an oracle or a judge")


@dataclass(frozen=True)
class Failure:
    """A case that went wrong: what came back, and how it differs from what is right."""

    case: Case
    problem: str
    value: object = None
    expected: object = None
    difference: Difference | None = None


@dataclass(frozen=True)
class Verdict:
    """What a check found: points, the parts passed and failed, the smallest failing case, and the diagnosis."""

    name: str
    points: float
    earned: float
    parts: dict
    broken: tuple = ()
    failure: Failure | None = None
    diagnosis: str = ""
    section: str = ""
    seed: int | None = None
    outputs: tuple = ()
    site: str = ""

    @property
    def passed(self):
        return self.earned == self.points

    def __str__(self):
        from autograder.checks.display import as_text

        return as_text(self)

    def _repr_html_(self):
        from autograder.checks.display import as_html

        return as_html(self)

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": str(self), "text/html": self._repr_html_()}


# --- how a check is run: at home with a fixed seed; when grading with the course's secret one ---------------------


@dataclass(frozen=True)
class Setting:
    """The seed of the draws, whether to say it and to shrink failures, where verdicts go and where files lie."""

    seed: int = 0
    at_home: bool = True
    show: Callable | None = None
    folder: str = "."


_setting = contextvars.ContextVar("setting", default=Setting())  # noqa: B039 (frozen)


@contextlib.contextmanager
def grading(seed, show, folder="."):
    """Run checks in the body with the secret `seed`; each verdict is handed to `show` instead of displayed.

    `folder` holds the other files of the submission, which the checks of trained models read.
    """
    token = _setting.set(Setting(seed, at_home=False, show=show, folder=str(folder)))
    try:
        yield
    finally:
        _setting.reset(token)


def setting():
    """Return how checks are run now."""
    return _setting.get()


def show(verdict):
    """Show a verdict where the setting says: to the grader, in the notebook, or on the terminal."""
    setting = _setting.get()
    if setting.show is not None:
        setting.show(verdict)
        return
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        print(verdict)
        return
    display(verdict) if get_ipython() else print(verdict)


# --- running a check ---------------------------------------------------------------------------------------------


def run(check, function, points=1.0):
    """Try `function` (an object with ``call(args, kwargs, limit)``, or None if there is none) against `check`.

    Returns
    -------
    Verdict
        Its `earned` is a built-in float from 0 to `points`: the weights of the parts passed, less what broken
        properties cost.
    """
    setting = _setting.get()
    if function is None:
        failure = Failure(Case(), f"There is no function called {check.name}: run the cell that defines it first.")
        return _verdict(check, points, {}, (), failure, "", setting)
    trial = _Trial(check, function, setting)
    trial.run_all()
    parts = {part: part not in trial.failures for part in check.parts}
    broken = trial.broken() if any(parts.values()) else ()
    failure = min(trial.failures.values(), key=lambda f: (f.problem == NOT_TRIED, f.case.size), default=None)
    diagnosis = ""
    if failure is not None:
        diagnosis = trial.diagnosis()
        if setting.at_home and failure.difference is not None:
            failure = trial.shrunk(failure)
    return _verdict(check, points, parts, broken, failure, diagnosis, setting)


def _verdict(check, points, parts, broken, failure, diagnosis, setting):
    total = sum(check.parts.values())
    share = sum(weight for part, weight in check.parts.items() if parts.get(part)) / total
    share *= max(0.0, 1 - sum(cost for _, cost in broken))
    earned = float(points) if share == 1 else math.floor(float(points) * share * 100 + 1e-6) / 100
    return Verdict(
        check.name,
        float(points),
        earned,
        parts,
        tuple(says for says, _ in broken),
        failure,
        diagnosis,
        check.section,
        setting.seed if setting.at_home else None,
        check.outputs,
    )


class _Trial:
    """One function against one check: outcomes of the table, the first failure of each part."""

    def __init__(self, check, function, setting):
        self.check, self.function, self.setting = check, function, setting
        self.outcomes = []  # one per table case, None where it was not called
        self.failures = {}
        self.dtype_kept = True
        self.listed = False
        self.given_up = False
        self.timeouts = 0

    def run_all(self):
        for case in self.check.cases:
            self.outcomes.append(None if self.given_up else self.try_case(case))
            if self.given_up:
                self.failures.setdefault(case.part, Failure(case, NOT_TRIED))
        for case in drawn(self.check, self.setting.seed):
            if not self.given_up and case.part not in self.failures:
                self.try_case(case)

    def try_case(self, case):
        outcome = self.function.call(case.args, case.kwargs, self.check.limit)
        failure = self.failure_of(case, outcome)
        if failure is not None:
            self.failures.setdefault(case.part, failure)
        self.timeouts += outcome.kind == "timeout"
        self.given_up = outcome.kind in ("blank", "missing") or self.timeouts == 2
        return outcome

    def failure_of(self, case, outcome):
        if not outcome.ok:
            return Failure(case, outcome.problem)
        if self.check.judge is not None:
            problem = _judged(self.check, outcome.value, case)
            return Failure(case, problem, outcome.value) if problem else None
        expected, scale, tolerance = truth(self.check, case)
        value, was_list = as_expected(outcome.value, expected)
        self.listed |= was_list
        difference = compare(value, expected, scale, tolerance)
        if difference is not None:
            return Failure(case, difference.says, value, expected, difference)
        self.dtype_kept &= was_list or dtype_kept(value, case)
        return None

    def broken(self):
        """List (sentence, cost) of the properties that do not hold."""
        done = [outcome for outcome in self.outcomes if outcome is not None and outcome.ok]
        standard = {
            MODIFIES: any(outcome.modified for outcome in done),
            VIEW: not self.check.views_allowed and any(outcome.shares_memory for outcome in done),
            DTYPE: not self.dtype_kept,
            LIST: self.listed,
        }
        found = [(says, COST) for says, broken in standard.items() if broken]
        # What a failed part has cost already is not taken away twice.
        for number, prop in enumerate(() if self.failures else self.check.properties):
            draws = Draws(_rng(self.setting.seed, self.check.name, number))
            if not _holds(prop, self.function, self.check.limit, draws):
                found.append((prop.says, prop.cost))
        return tuple(found)

    def diagnosis(self):
        """Find the known mistake whose outputs are the student's on every case of the table."""
        if all(outcome is None or not outcome.ok for outcome in self.outcomes):
            return ""
        for mistake in self.check.mistakes:
            if all(
                ours is None or agree(ours, theirs, noise_of(self.check, case))
                for case, ours, theirs in zip(
                    self.check.cases, self.outcomes, mistake_outcomes(self.check, mistake), strict=True
                )
            ):
                return mistake.says
        return ""

    def shrunk(self, failure, seconds=0.5):
        """Find the smallest case of the same part that still fails, in about half a second."""
        if self.check.draw is None:
            return failure
        best, stop = [failure], time.monotonic() + seconds

        def fails(case):
            if time.monotonic() > stop or case.part != failure.case.part:
                return False
            found = self.failure_of(case, self.function.call(case.args, case.kwargs, self.check.limit))
            if found is None or found.difference is None:
                return False
            best[0] = min(best[0], found, key=lambda one: one.case.size)
            return True

        find_smallest(self.check.draw, fails)
        return best[0]


def find_smallest(draw, fails):
    """Let Hypothesis look for the simplest case that `fails`, which keeps the best it has seen itself."""
    settings = hypothesis.settings(
        max_examples=150,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
        suppress_health_check=list(hypothesis.HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
    )

    @st.composite
    def cases(pick):
        return draw(SmallDraws(pick))

    with contextlib.suppress(hypothesis.errors.NoSuchExample, hypothesis.errors.Flaky):
        hypothesis.find(cases(), fails, settings=settings)


def _judged(check, value, case):
    try:
        return check.judge(value, case)
    except Exception as error:  # an answer of a form that no judge foresaw is wrong, not an error of ours
        return f"The answer is not of the form asked for ({type(error).__name__}: {str(error)[:100]})."


LARGEST = 1e9  # evidence with larger numbers could overflow a judge's arithmetic, and NaN differs from everything


def verdict_and_evidence(value):
    """Take what a claim on trial was answered with apart: (True or False, evidence); raise for anything else."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError("return the verdict and the evidence, in this order")
    verdict, evidence = value
    if not isinstance(verdict, bool | np.bool_):
        raise TypeError("the verdict must be True or False")
    if any(abs(number) > LARGEST for number in _extremes(evidence)):
        raise ValueError(f"keep the numbers of the evidence between {-LARGEST:g} and {LARGEST:g}")
    return bool(verdict), evidence


def _extremes(evidence):
    """Yield the largest and the smallest number of whatever holds numbers in the evidence."""
    if isinstance(evidence, tuple | list):
        for item in evidence:
            yield from _extremes(item)
    elif isinstance(evidence, int | float | np.number | np.ndarray):
        array = np.asarray(evidence)
        if array.dtype.kind in "iuf" and array.size:
            yield from (float(array.max()), float(array.min()))


class _Unjudged(Exception):
    """The student's function gave no value while a property was tried."""


def _holds(prop, function, limit, draws):
    def call(*args, **kwargs):
        outcome = function.call(args, kwargs, limit)
        if not outcome.ok:
            raise _Unjudged
        return outcome.value

    try:
        return bool(prop.holds(call, draws))
    except _Unjudged:
        return False
    except (TypeError, ValueError, IndexError, AttributeError):  # a value that no arithmetic can be done with
        return False


# --- what is right -------------------------------------------------------------------------------------------------

_truths, _drawn, _mistakes = {}, {}, {}


def _rng(seed, *names):
    return np.random.default_rng([seed, zlib.crc32(repr(names).encode())])


def drawn(check, seed):
    """Return the further cases that `seed` draws, the same ones every time."""
    if check.draw is None:
        return ()
    key = (id(check), seed)
    if key not in _drawn:
        draws = Draws(_rng(seed, check.name))
        _drawn[key] = tuple(check.draw(draws) for _ in range(check.draws))
    return _drawn[key]


def truth(check, case):
    """Return (expected, scale, tolerance) for a case, computed once."""
    key = id(check), id(case)
    if key not in _truths or _truths[key][0] is not case:
        wide, absolute = _map_floats(case, np.float64, lambda a: a), _map_floats(case, np.float64, np.abs)
        expected = check.oracle(*wide.args, **wide.kwargs)
        scale = (check.scale or check.oracle)(*absolute.args, **absolute.kwargs)
        low = any(array.dtype == np.float32 for array in arrays_in([case.args, case.kwargs]))
        _truths[key] = (case, (expected, scale, check.tolerance32 if low else check.tolerance))
    return _truths[key][1]


def _map_floats(case, dtype, function):
    def convert(value):
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            return function(value.astype(dtype))
        if isinstance(value, tuple | list):
            return type(value)(convert(item) for item in value)
        if isinstance(value, dict):
            return {key: convert(item) for key, item in value.items()}
        return value

    return replace(
        case, args=tuple(map(convert, case.args)), kwargs={key: convert(v) for key, v in case.kwargs.items()}
    )


def as_expected(value, expected):
    """Return (value, was it a list?) with a list turned into an array where an array is expected."""
    if isinstance(expected, np.ndarray) and isinstance(value, list):
        with contextlib.suppress(ValueError, TypeError):
            return np.asarray(value), True
    if isinstance(expected, tuple) and isinstance(value, tuple | list) and len(value) == len(expected):
        pairs = [as_expected(v, e) for v, e in zip(value, expected)]
        return tuple(v for v, _ in pairs), any(was_list for _, was_list in pairs)
    return value, False


def dtype_kept(value, case):
    """Say whether arrays come out as float32 (or float64) where arrays went in so; not asked of single numbers."""
    floats = [array.dtype for array in arrays_in([case.args, case.kwargs]) if array.dtype.kind == "f"]
    if not floats:
        return True
    wanted = np.result_type(*floats)
    return all(array.dtype == wanted for array in arrays_in(value) if array.dtype.kind == "f" and array.ndim)


def mistake_outcomes(check, mistake):
    """Return what a known mistake gives on the table, computed once."""
    from autograder.checks.calling import LocalFunction

    key = (id(check), mistake.name)
    if key not in _mistakes:
        local = LocalFunction(mistake.function)
        _mistakes[key] = [local.call(case.args, case.kwargs, check.limit) for case in check.cases]
    return _mistakes[key]


def noise_of(check, case):
    """Return the size below which a number that a case leads to is rounding."""
    scale = truth(check, case)[1] if check.oracle is not None else None
    if not isinstance(scale, int | float | np.ndarray | np.generic):
        return 1e-12
    scale = np.abs(np.asarray(scale, dtype=float))
    return 1e-12 * scale.max(initial=0.0, where=np.isfinite(scale)) or 1e-12


def agree(one, other, noise=1e-12):
    """Say whether two outcomes are the same: both failed alike, or values equal up to rounding."""
    if one.ok and other.ok:
        return same(one.value, other.value, noise)
    return one.kind == other.kind


__all__ = ["Case", "Check", "Mistake", "Property", "Verdict", "clone", "grading", "run", "show"]
