"""One function against one check: every case of the table, then the drawn ones, and what follows from the outcomes."""

import contextlib
import time
from dataclasses import dataclass

import hypothesis
from hypothesis import strategies as st

from convcourse.engine.compare import compare
from convcourse.engine.expected import (
    agree,
    as_expected,
    drawn,
    dtype_kept,
    mistake_outcomes,
    noise_of,
    rng_of,
    truth,
)
from convcourse.engine.model import COST, DTYPE, LIST, MODIFIES, NOT_TRIED, VIEW, Failure, malformed
from convcourse.engine.sampling import Draws, SmallDraws


@dataclass(frozen=True)
class Judged:
    """What one outcome says: how it failed, if it did, and whether it kept the dtype and came as a list."""

    failure: Failure | None = None
    dtype_kept: bool = True
    listed: bool = False


class Trial:
    """A StudentFunction that is tried against a check; `run` it first, then ask what came out."""

    def __init__(self, check, function, context):
        self.check, self.function, self.context = check, function, context
        self.outcomes = []  # one per table case, None where it was not called
        self.failures = {}  # part -> its first failure
        self.dtype_kept = True
        self.listed = False
        self.given_up = False
        self.timeouts = 0

    def run(self):
        """Call the function on the table, and on the drawn cases of the parts that still hold."""
        for case in self.check.cases:
            self.outcomes.append(None if self.given_up else self._try(case))
            if self.given_up:
                self.failures.setdefault(case.part, Failure(case, NOT_TRIED))
        for case in drawn(self.check, self.context.seed):
            if not self.given_up and case.part not in self.failures:
                self._try(case)

    def _try(self, case):
        outcome = self.function.call(case.args, case.kwargs, self.check.limit)
        judged = self._judge(case, outcome)
        if judged.failure is not None:
            self.failures.setdefault(case.part, judged.failure)
        self.dtype_kept &= judged.dtype_kept
        self.listed |= judged.listed
        self.timeouts += outcome.kind == "timeout"
        self.given_up = outcome.kind == "blank" or self.timeouts == 2
        return outcome

    def _judge(self, case, outcome):
        if not outcome.ok:
            return Judged(Failure(case, outcome.problem))
        if self.check.judge is not None:
            problem = _ask(self.check.judge, outcome.value, case)
            return Judged(Failure(case, problem, outcome.value) if problem else None)
        expected, scale, tolerance = truth(self.check, case)
        value, listed = as_expected(outcome.value, expected)
        difference = compare(value, expected, scale, tolerance)
        if difference is not None:
            return Judged(Failure(case, difference.says, value, expected, difference), listed=listed)
        return Judged(dtype_kept=listed or dtype_kept(value, case), listed=listed)

    def parts(self):
        """Return {part: does it hold?}."""
        return {part: part not in self.failures for part in self.check.parts}

    def broken(self):
        """List (sentence, cost) of the properties that do not hold; where nothing is earned, none."""
        if not any(self.parts().values()):
            return ()
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
            draws = Draws(rng_of(self.context.seed, self.check.name, number))
            if not _holds(prop, self.function, self.check.limit, draws):
                found.append((prop.says, prop.cost))
        return tuple(found)

    def failure(self):
        """Return the smallest failure, made smaller still where somebody will look at it, or None."""
        found = min(self.failures.values(), key=lambda f: (f.problem == NOT_TRIED, f.case.size), default=None)
        if found is not None and found.difference is not None and self.context.at_home:
            return self._shrunk(found)
        return found

    def diagnosis(self):
        """Find the known mistake whose outputs are the student's on every case of the table; "" if there is none."""
        if not self.failures or all(outcome is None or not outcome.ok for outcome in self.outcomes):
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

    def _shrunk(self, failure, seconds=0.5):
        """Find the smallest case of the same part that still fails, in about half a second."""
        if self.check.draw is None:
            return failure
        best, stop = [failure], time.monotonic() + seconds

        def fails(case):
            if time.monotonic() > stop or case.part != failure.case.part:
                return False
            outcome = self.function.call(case.args, case.kwargs, self.check.limit)
            found = self._judge(case, outcome).failure
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


def _ask(judge, value, case):
    try:
        return judge(value, case)
    except Exception as error:
        return malformed(error)


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
