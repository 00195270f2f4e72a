"""Say which known mistakes explain what a function got wrong, from the cases that it answered.

Students seldom make one mistake at a time: one option raises, two things are wrong at once. So a mistake need not agree
with the function everywhere; it, or two of them together, must give every wrong value that the function gave.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from convcourse.calls.call import Outcome
from convcourse.engine.expected import agree, mistake_cases, mistake_outcomes, rounding_floor
from convcourse.engine.model import Mistake

if TYPE_CHECKING:
    from convcourse.engine.check import Check


class MistakeMatch:
    """What one mistake has to do with a function's outcomes on the table.

    Parameters
    ----------
    explained : frozenset
        The wrong values that the mistake gives too, by the number of their case. It must be wrong there itself: what is
        off by 1e-9 would agree with all that is right.
    contradicted : int
        In how many cases the function is right and the mistake is not.
    """

    def __init__(
        self, check: "Check", mistake: Mistake, outcomes: Sequence[Outcome | None], wrong_cases: set[int]
    ) -> None:
        self.mistake = mistake
        of_mistake, floors = mistake_outcomes(check, mistake), [rounding_floor(check, case) for case in check.cases]
        answered = {number: outcome for number, outcome in enumerate(outcomes) if outcome is not None and outcome.ok}
        alike = {number for number, outcome in answered.items() if agree(outcome, of_mistake[number], floors[number])}
        visible = mistake_cases(check, mistake)
        self.explained = frozenset(wrong_cases & alike if visible is None else wrong_cases & alike & visible)
        self.contradicted = len(set(answered) - wrong_cases - alike)


Explanation = tuple[MistakeMatch, ...]  # one mistake, or two together


def diagnose(check: "Check", outcomes: Sequence[Outcome | None], wrong_cases: set[int]) -> tuple[str, ...]:
    """Return the sentences of the mistakes that explain all wrong values: one, two, or none where it is not clear.

    Parameters
    ----------
    check : Check
    outcomes : list of Outcome or None
        What the function gave on the table, None where it was not called.
    wrong_cases : set of int
        The numbers of the cases with a wrong value.
    """
    if not wrong_cases:
        return ()
    matches = [MistakeMatch(check, mistake, outcomes, wrong_cases) for mistake in check.mistakes]
    matches = [match for match in matches if match.explained]
    singles: list[Explanation] = [(match,) for match in matches if match.explained == wrong_cases]
    pairs: list[Explanation] = [(a, b) for a, b in combinations(matches, 2) if a.explained | b.explained == wrong_cases]
    return _clearest(singles or pairs)


def _clearest(explanations: list[Explanation]) -> tuple[str, ...]:
    """Return the sentences of the explanation that contradicts least of what is right, if it is one alone.

    None where a mistake contradicts much more than it explains: then something else is wrong.
    """
    explanations = [one for one in explanations if all(match.contradicted <= len(match.explained) for match in one)]
    if not explanations:
        return ()
    least = min(map(_contradicted, explanations))
    messages = {
        tuple(dict.fromkeys(match.mistake.message for match in explanation))
        for explanation in explanations
        if _contradicted(explanation) == least
    }
    return messages.pop() if len(messages) == 1 else ()


def _contradicted(explanation: Explanation) -> int:
    return sum(match.contradicted for match in explanation)
