"""One function against one check: every case of the table, then the drawn ones, and what follows from the outcomes."""

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import hypothesis
from hypothesis import strategies as st

from convcourse.calls.call import Outcome, StudentFunction
from convcourse.calls.values import SubmittedValue
from convcourse.engine.compare import compare, same
from convcourse.engine.context import RunContext
from convcourse.engine.diagnosis import diagnose
from convcourse.engine.expected import (
    as_expected,
    drawn,
    dtype_kept,
    expectation,
    is_double,
    rng_of,
)
from convcourse.engine.kinds import AGAIN, BYTES, KINDS, SINGLE, WHOLE, Kind, variations
from convcourse.engine.model import (
    COST,
    DTYPE,
    LIST,
    MODIFIES,
    NOT_TRIED,
    OVERWRITES,
    VIEW,
    Case,
    Failure,
    Property,
    malformed,
)
from convcourse.engine.sampling import Sampler, SmallSampler

if TYPE_CHECKING:
    from convcourse.engine.check import Check


@dataclass(frozen=True)
class Judgement:
    """What one outcome says: how it failed, if it did, and whether it kept the dtype and came as a list."""

    failure: Failure | None = None
    dtype_kept: bool = True
    returned_list: bool = False


class Trial:
    """A StudentFunction that is tried against a check; `run` it first, then ask what came out."""

    def __init__(self, check: "Check", function: StudentFunction, context: RunContext) -> None:
        self.check, self.function, self.context = check, function, context
        self.outcomes: list[Outcome | None] = []  # one per table case, None where it was not called
        self.wrong_cases: set[int] = set()  # numbers of the table's cases with a wrong value
        self.failures: dict[str, Failure] = {}  # part -> its first failure
        self.kind_failures: dict[Kind, Failure] = {}  # kind of input that goes wrong -> the failure
        self.dtype_kept = True
        self.returned_list = False
        self.overwrites = self.remembers = False
        self.given_up = False
        self.timeouts = 0

    def run(self) -> None:
        """Try the table, what the seed draws, and the kinds of inputs that every check tries."""
        self.try_table()
        self.try_again()
        self.try_drawn(self.context.seed)
        self.try_kinds()

    def try_table(self) -> None:
        """Call the function on every case of the table."""
        for number, (case, outcome) in enumerate(self._called(self.check.cases)):
            self.outcomes.append(outcome)
            if self._keep(case, outcome) is not None and outcome.ok:
                self.wrong_cases.add(number)
        for case in self.check.cases[len(self.outcomes) :]:
            self.outcomes.append(None)
            self.failures.setdefault(case.part, Failure(case, NOT_TRIED))

    def try_again(self) -> None:
        """Call the function once more with the smallest case of each part that holds, and with other values.

        A part that a remembered result has earned is not earned: so it does not hang on what a seed draws either.
        """
        earlier: dict[str, SubmittedValue] = {}
        cases = [case for case, _ in variations(self.check, AGAIN)]
        for case, outcome in self._called(cases, skips=self.failures):
            if self._keep(case, outcome) is not None and outcome.ok and case.part in earlier:
                self.remembers |= same(outcome.value, earlier[case.part])
            earlier[case.part] = outcome.value

    def try_drawn(self, seed: int) -> None:
        """Call the function on what a seed draws for the parts that still hold."""
        for case, outcome in self._called(drawn(self.check, seed), skips=self.failures):
            self._keep(case, outcome)

    def try_kinds(self) -> None:
        """Call the function on all kinds of inputs, if nothing has failed: nothing is to be taken away twice."""
        for kind in KINDS if not self.failures else ():
            if kind is not AGAIN and not (kind is BYTES and WHOLE in self.kind_failures):
                self._try_kind(kind)

    def _called(self, cases: Sequence[Case], skips: Collection[str] = ()) -> Iterator[tuple[Case, Outcome]]:
        """Yield cases and what the function gave for them, until it is given up; none of the parts that it `skips`.

        So many are called at once as the function takes: what comes after a case that fails may be called in vain.
        """
        while cases and not self.given_up:
            wanted = [case for case in cases if case.part not in skips]
            outcomes = self.function.call_all(wanted, self.check.limit) if wanted else []
            yield from ((case, outcome) for case, outcome in zip(wanted, outcomes) if case.part not in skips)
            cases = wanted[len(outcomes) :]

    def _keep(self, case: Case, outcome: Outcome) -> Failure | None:
        """Keep what an outcome says; return how it failed, if it did."""
        judgement = self.judge(case, outcome)
        if judgement.failure is not None:
            self.failures.setdefault(case.part, judgement.failure)
        self.dtype_kept &= judgement.dtype_kept
        self.returned_list |= judgement.returned_list
        self.overwrites |= outcome.overwrites
        self.timeouts += outcome.kind == "timeout"
        self.given_up = self.timeouts == 2
        return judgement.failure

    def _try_kind(self, kind: Kind) -> None:
        """Call the function on a kind's variations of the table, until one goes wrong."""
        varied = variations(self.check, kind)
        outcomes = self._called([case for case, _ in varied])
        for (case, outcome), (_, reference) in zip(outcomes, varied):
            if outcome.kind == "timeout":  # the machine may have been busy, and what is said of a kind must be true
                outcome = self.function.call(case.args, case.kwargs, self.check.limit)
            judgement = self.judge(case, outcome, reference)
            self.dtype_kept &= judgement.dtype_kept or kind is not SINGLE
            self.overwrites |= outcome.overwrites
            if judgement.failure is not None:
                self.kind_failures[kind] = judgement.failure
                return

    def judge(self, case: Case, outcome: Outcome, reference: Case | None = None) -> Judgement:
        """Judge the outcome of a call; `reference` is the case that has its right answer, if it is another one."""
        if not outcome.ok:
            return Judgement(Failure(case, outcome.problem))
        if self.check.judge is not None:
            problem = _judged_problem(self.check.judge, outcome.value, case)
            return Judgement(Failure(case, problem, outcome.value) if problem else None)
        expected, scale, tolerance = expectation(self.check, reference or case)
        if reference is not None and not is_double(case):
            tolerance = self.check.tolerance32
        value, returned_list = as_expected(outcome.value, expected)
        difference = compare(value, expected, scale, tolerance)
        if difference is not None:
            return Judgement(
                Failure(case, difference.message, value, expected, difference), returned_list=returned_list
            )
        return Judgement(dtype_kept=returned_list or dtype_kept(value, expected, case), returned_list=returned_list)

    def parts(self) -> dict[str, bool]:
        """Return {part: does it hold?}."""
        return {part: part not in self.failures for part in self.check.parts}

    def share(self, broken: tuple[tuple[str, float], ...]) -> float:
        """Return the share of the points: the weights of the parts that hold, less what broken properties cost."""
        weights, parts = self.check.parts, self.parts()
        share = sum(weight for part, weight in weights.items() if parts[part]) / sum(weights.values())
        return share * max(0.0, 1 - sum(cost for _, cost in broken))

    def broken(self) -> tuple[tuple[str, float], ...]:
        """List (sentence, cost) of the properties that do not hold; where nothing is earned, none."""
        if not any(self.parts().values()):
            return ()
        answered = [outcome for outcome in self.outcomes if outcome is not None and outcome.ok]
        is_broken = {
            MODIFIES: any(outcome.modified for outcome in answered),
            VIEW: not self.check.views_allowed and any(outcome.shares_memory for outcome in answered),
            DTYPE: not self.dtype_kept,
            LIST: self.returned_list,
            OVERWRITES: self.overwrites,
        }
        broken = [(message, COST) for message, is_so in is_broken.items() if is_so]
        broken += [(kind.message, COST) for kind in self.kind_failures]
        for number, prop in enumerate(() if self.failures else self.check.properties):
            sampler = Sampler(rng_of(self.context.seed, self.check.name, number))
            if not _property_holds(prop, self.function, self.check.limit, sampler):
                broken.append((prop.message, prop.cost))
        return tuple(broken)

    def failure(self) -> Failure | None:
        """Return the smallest failure, made smaller still where somebody will look at it, or None."""
        failures = [*(self.failures or self.kind_failures).values()]
        smallest = min(failures, key=lambda f: (f.problem == NOT_TRIED, f.case.size), default=None)
        if smallest is not None and smallest.difference is not None and self.failures and self.context.at_home:
            return self._shrunk(smallest)
        return smallest

    def diagnosis(self) -> str:
        """Return the sentences of the known mistakes that explain what is wrong, none where it is not clear."""
        return " ".join(self.mistakes())

    def mistakes(self) -> tuple[str, ...]:
        """Return the messages of the known mistakes that explain what is wrong; see `diagnosis`."""
        problems = " ".join(failure.problem for failure in self.failures.values())
        fragments = {mistake.message for mistake in self.check.mistakes if not mistake.is_sentence}
        sentences = diagnose(self.check, self.outcomes, self.wrong_cases)
        messages = [message for message in sentences if message not in fragments or message in problems]
        if self.remembers and AGAIN.message not in messages:
            messages.append(AGAIN.message)
        return tuple(messages)

    def _shrunk(self, failure: Failure, seconds: float = 0.5) -> Failure:
        """Find the smallest case of the same part that still fails, in about half a second."""
        if self.check.draw_case is None:
            return failure
        smallest, stop = failure, time.monotonic() + seconds

        def fails(case: Case) -> bool:
            nonlocal smallest
            if time.monotonic() > stop or case.part != failure.case.part:
                return False
            outcome = self.function.call(case.args, case.kwargs, self.check.limit)
            other = self.judge(case, outcome).failure
            if other is None or other.difference is None:
                return False
            smallest = min(smallest, other, key=lambda one: one.case.size)
            return True

        find_smallest(self.check.draw_case, fails)
        return smallest


def find_smallest(draw_case: Callable[[Sampler], Case], fails: Callable[[Case], bool]) -> None:
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
    def cases(draw: Callable[[st.SearchStrategy[int]], int]) -> Case:
        return draw_case(SmallSampler(draw))

    with contextlib.suppress(hypothesis.errors.NoSuchExample, hypothesis.errors.Flaky):
        hypothesis.find(cases(), fails, settings=settings)


def _judged_problem(judge: Callable[[Any, Case], str | None], value: SubmittedValue, case: Case) -> str | None:
    """Return what a judge says against a value; one that no judge foresaw is malformed, and no error of ours."""
    try:
        return judge(value, case)
    except Exception as error:
        return malformed(error)


class _NoValueError(Exception):
    """The student's function gave no value while a property was tried."""


def _property_holds(prop: Property, function: StudentFunction, limit: float, sampler: Sampler) -> bool:
    """Say whether a property holds of what the function gives; where it gives no value, it does not."""

    def call(*args: Any, **kwargs: Any) -> SubmittedValue:
        outcome = function.call(args, kwargs, limit)
        if not outcome.ok:
            raise _NoValueError
        return outcome.value

    try:
        return bool(prop.predicate(call, sampler))
    except _NoValueError:
        return False
    except (TypeError, ValueError, IndexError, AttributeError):  # a value that no arithmetic can be done with
        return False
