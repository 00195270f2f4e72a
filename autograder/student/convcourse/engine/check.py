"""A check is a small theory of a function: what is right, how it is tried, and how it is commonly got wrong.

A topic's module declares its checks as data. Whatever is graded has a check with the same interface, `Gradable`: a
function has a `Check`, a trained network a `convcourse.engine.network_check.NetworkCheck`.
"""

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from convcourse.engine import expected, kinds, trial
from convcourse.engine.model import Case, Failure, Verdict, not_defined


class Gradable(Protocol):
    """What every check offers."""

    name: str  # the function's; the check's grade_id is ``check-<name>``
    section: str  # label of the section in the book that explains it
    builds_on: tuple  # names of earlier tasks whose functions right answers call: see `convcourse.engine.helpers`

    def warm(self, seed):
        """Compute what all submissions graded with this seed are compared with; it is kept."""

    def run(self, find, points, context):
        """Judge what ``find(name)`` gives, a StudentFunction or None, and return a Verdict of at most `points`."""


class CheckCache:
    """What was computed for one check: it lives as long as the check, and belongs to no other."""

    def __init__(self):
        self.expectations = weakref.WeakKeyDictionary()  # case -> (expected, scale, tolerance)
        self.drawn = {}  # seed -> cases
        self.mistakes = {}  # mistake -> its outcomes on the table
        self.shows = {}  # mistake -> in which cases of the table it is seen
        self.variations = {}  # kind of input -> cases made of the table's


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
    cases: tuple
    oracle: Callable | None = None
    scale: Callable | None = None
    judge: Callable | None = None
    parts: dict = field(default_factory=lambda: {"values": 1})
    draw_case: Callable | None = None
    draw_count: int = 8
    properties: tuple = ()
    mistakes: tuple = ()
    exempt: dict = field(default_factory=dict)
    photographs: bool = False
    section: str = ""
    outputs: tuple = ()
    builds_on: tuple = ()
    tolerance: float = 1e-10
    tolerance32: float = 1e-5
    limit: float = 2.0
    views_allowed: bool = False
    cache: CheckCache = field(default_factory=CheckCache, init=False, repr=False, compare=False)

    def __post_init__(self):
        unknown = {case.part for case in self.cases} ^ set(self.parts)
        if unknown:
            raise ValueError(f"{self.name}: parts and cases disagree about {sorted(unknown)}")
        if (self.oracle is None) == (self.judge is None):
            raise ValueError(f"{self.name}: give an oracle or a judge")

    def warm(self, seed):
        """Compute what is right for every case; see `Gradable.warm`."""
        if self.oracle is not None:
            varied = [meant for kind in kinds.KINDS for _, meant in kinds.variations(self, kind)]
            for case in (*self.cases, *expected.drawn(self, seed), *varied):
                expected.expectation(self, case)

    def run(self, find, points, context):
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
