"""A check is a small theory of a function: what is right, how it is tried, and how it is commonly got wrong.

A topic's module declares its checks as data. Whatever is graded has a check with the same interface, `Gradable`: a
function has a `Check`, a trained network a `convcourse.engine.network_check.NetworkCheck`.
"""

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from convcourse.calls.call import Outcome, StudentFunction
from convcourse.engine import expected, kinds, trial
from convcourse.engine.context import RunContext
from convcourse.engine.model import Case, Failure, Mistake, Property, Verdict, not_defined
from convcourse.engine.sampling import Sampler

Finder = Callable[[str], StudentFunction | None]


class Gradable(Protocol):
    """What every check offers."""

    @property
    def name(self) -> str:
        """The function's name; the check's grade_id is ``check-<name>``."""

    @property
    def section(self) -> str:
        """The label of the section in the book that explains it."""

    @property
    def builds_on(self) -> tuple[str, ...]:
        """Names of earlier tasks whose functions right answers call: see `convcourse.engine.helpers`."""

    def warm(self, seed: int) -> None:
        """Compute what all submissions graded with this seed are compared with; it is kept."""

    def run(self, find: Finder, points: float, context: RunContext) -> Verdict:
        """Judge what ``find(name)`` gives, a StudentFunction or None, and return a Verdict of at most `points`."""


class CheckCache:
    """What was computed for one check: it lives as long as the check, and belongs to no other."""

    def __init__(self) -> None:
        self.expectations: weakref.WeakKeyDictionary[Case, expected.Expectation] = weakref.WeakKeyDictionary()
        self.drawn: dict[int, tuple[Case, ...]] = {}  # by seed
        self.mistake_outcomes: dict[Mistake, list[Outcome]] = {}  # on the table
        self.mistake_cases: dict[Mistake, set[int]] = {}  # numbers of the cases of the table in which it is seen
        self.variations: dict[str, list[kinds.Variation]] = {}  # of the table's cases, by kind of input


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
    draw_case : callable or None
        ``draw_case(sampler)`` builds a further Case from random choices; also used to find the smallest failing one.
    properties, mistakes
        See Property and Mistake.
    exempt : dict
        Kinds of inputs (`convcourse.engine.kinds`) that make no sense for the function: name -> reason.
    photographs : bool
        Whether the first array may be a photograph: bytes (uint8) are tried too.
    section : str
        Label of the section in the book that explains it.
    outputs : tuple of str
        Names of the outputs where the function returns a tuple of arrays.
    builds_on : tuple of str
        Earlier tasks of the notebook whose functions right answers call: see `convcourse.engine.helpers`.
    """

    name: str
    cases: tuple[Case, ...]
    oracle: Callable[..., Any] | None = None
    scale: Callable[..., Any] | None = None
    judge: Callable[[Any, Case], str | None] | None = None
    parts: Mapping[str, float] = field(default_factory=lambda: {"values": 1})
    draw_case: Callable[[Sampler], Case] | None = None
    draw_count: int = 8
    properties: tuple[Property, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    exempt: Mapping[str, str] = field(default_factory=dict)
    photographs: bool = False
    section: str = ""
    outputs: tuple[str, ...] = ()
    builds_on: tuple[str, ...] = ()
    tolerance: float = 1e-10
    tolerance32: float = 1e-5
    limit: float = 2.0
    views_allowed: bool = False
    cache: CheckCache = field(default_factory=CheckCache, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        unknown = {case.part for case in self.cases} ^ set(self.parts)
        if unknown:
            raise ValueError(f"{self.name}: parts and cases disagree about {sorted(unknown)}")
        if (self.oracle is None) == (self.judge is None):
            raise ValueError(f"{self.name}: give an oracle or a judge")

    @property
    def oracle_needed(self) -> Callable[..., Any]:
        """The oracle, for what a check with a judge has no use for."""
        if self.oracle is None:
            raise ValueError(f"{self.name} has a judge and no oracle")
        return self.oracle

    def warm(self, seed: int) -> None:
        """Compute what is right for every case; see `Gradable.warm`."""
        if self.oracle is not None:
            varied = [each.reference for kind in kinds.KINDS for each in kinds.variations(self, kind)]
            for case in (*self.cases, *expected.drawn(self, seed), *varied):
                expected.expectation(self, case)

    def run(self, find: Finder, points: float, context: RunContext) -> Verdict:
        """Try the student's function; see `Gradable.run`.

        Earned are the weights of the parts passed, less what broken properties cost.
        """
        function = find(self.name)
        seed = context.seed if context.at_home else None
        if function is None:
            missing = Failure(Case(), not_defined(self.name))
            return Verdict.of(self, points, 0.0, {}, failure=missing, seed=seed, outputs=self.outputs)
        tried = trial.Trial(self, function, context)
        tried.run()
        broken, failure, diagnosis = tried.broken(), tried.failure(), tried.diagnosis()
        return Verdict.of(
            self,
            points,
            tried.share(broken),
            tried.parts(),
            broken=tuple(message for message, _ in broken),
            failure=failure,
            diagnosis=diagnosis,
            seed=seed,
            outputs=self.outputs,
        )
