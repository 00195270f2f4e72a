"""What checks are made of, as data: cases, known mistakes, properties, and the verdict that comes of them."""

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from convcourse.calls.call import Call
from convcourse.calls.values import SubmittedValue
from convcourse.engine.compare import Difference
from convcourse.engine.display import as_html, as_text

if TYPE_CHECKING:
    from convcourse.engine.sampling import Sampler

MODIFIES = "It changes its input. The caller still needs that array: work on a copy."
VIEW = "It returns a view of its input. Whoever changes the result would change the input too: return a new array."
DTYPE = "The result has another dtype than the input: float32 in must give float32 out."
OVERWRITES = "A call changes the result of the one before, or hands it out again: return a new array each time."
LIST = "It returns a list where an array is asked for."
NOT_TRIED = "It was not tried after the failures before."
SCORED = "application/vnd.convcourse.verdict+json"  # of what a notebook keeps: for programs that read points
COST = 0.25  # the share of the points that one broken property takes away


@dataclass(frozen=True, eq=False)
class Case(Call):
    """A call, the part of the points it belongs to, and what is special about it."""

    part: str = "values"
    note: str = ""

    @property
    def size(self) -> int:
        return sum(array.size for array in self.arrays)


@dataclass(frozen=True)
class Mistake:
    """A known wrong implementation, the sentence a teacher would say, and the share of the points that it earns."""

    name: str
    message: str
    function: Callable[..., Any]
    share: float = 0.0

    @property
    def is_sentence(self) -> bool:
        """Whether it can be said alone, and is not a fragment of what a judge says."""
        return self.message.rstrip(")").endswith((".", "?"))


@dataclass(frozen=True)
class Property:
    """Something that must hold beside the values: it takes points away and never earns any.

    `predicate(call, sampler)` calls the student's function by ``call(*args, **kwargs)`` and returns a bool.
    """

    name: str
    message: str
    predicate: Callable[[Callable[..., Any], "Sampler"], Any]
    cost: float = COST


@dataclass(frozen=True)
class Failure:
    """A case that went wrong: what came back, and how it differs from what is right."""

    case: Case
    problem: str
    actual: SubmittedValue = None
    expected: Any = None
    difference: Difference | None = None


class Explained(Protocol):
    """What a verdict is about: a function, and the section of the book that explains it."""

    @property
    def name(self) -> str:
        """The function's name."""

    @property
    def section(self) -> str:
        """Its section's label."""


@dataclass(frozen=True)
class Verdict:
    """What a check found: points, the parts passed and failed, the smallest failing case, and the diagnosis.

    `notes` are sentences that cost nothing. For whoever grades, a verdict on a function has the messages of the known
    `mistakes` that the diagnosis is made of, and the `outcomes` and the `digest` of `convcourse.engine.outcomes`.
    """

    name: str
    points: float
    earned: float
    parts: Mapping[str, bool]
    broken: tuple[str, ...] = ()
    failure: Failure | None = None
    diagnosis: str = ""
    section: str = ""
    seed: int | None = None
    outputs: tuple[str, ...] = ()
    site: str = ""
    notes: tuple[str, ...] = ()
    mistakes: tuple[str, ...] = ()
    outcomes: str = ""
    digest: str = ""

    @property
    def passed(self) -> bool:
        return self.earned == self.points

    def __str__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        scored = {"name": self.name, "points": self.points, "earned": self.earned}
        return {"text/plain": str(self), "text/html": self._repr_html_(), SCORED: scored}

    @classmethod
    def of(
        cls,
        check: Explained,
        points: float,
        share: float,
        parts: Mapping[str, bool],
        *,
        broken: Sequence[str] = (),
        failure: Failure | None = None,
        diagnosis: str = "",
        seed: int | None = None,
        outputs: tuple[str, ...] = (),
    ) -> "Verdict":
        """Make a verdict: `share` of the points of `check` are earned.

        Hundredths of a point are the smallest there are; what is not all of them is rounded down.
        """
        # 4 * 0.29 * 100 is 115.99999999999999 in binary: without a millionth more it would be rounded down to 1.15.
        earned = float(points) if share == 1 else math.floor(float(points) * share * 100 + 1e-6) / 100
        return cls(
            check.name, float(points), earned, parts, tuple(broken), failure, diagnosis, check.section, seed, outputs
        )


def not_defined(name: str) -> str:
    """Say that a student's function is not there."""
    return f"There is no function called {name}: run the cell that defines it first."


def malformed(error: Exception) -> str:
    """Say in a sentence that an answer is of a form that no judge foresaw: it is wrong, and no error of ours."""
    text = textwrap.shorten(str(error), 200, placeholder=" ...")
    return f"The answer is not of the form asked for ({type(error).__name__}: {text})."
