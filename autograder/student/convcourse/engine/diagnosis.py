"""Say which known mistakes explain what a function got wrong, from the cases that it answered.

Students seldom make one mistake at a time: one option raises, two things are wrong at once. So a mistake need not agree
with the function everywhere; it, or two of them together, must give every wrong value that the function gave.
"""

from itertools import combinations

from convcourse.engine.expected import agree, mistake_outcomes, mistake_shows, rounding_floor

MAX_MISTAKES = 2  # sentences


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

    def __init__(self, check, mistake, outcomes, wrong):
        self.mistake = mistake
        theirs, noise = mistake_outcomes(check, mistake), [rounding_floor(check, case) for case in check.cases]
        answered = [number for number, ours in enumerate(outcomes) if ours is not None and ours.ok]
        alike = {number for number in answered if agree(outcomes[number], theirs[number], noise[number])}
        shows = mistake_shows(check, mistake)
        self.explained = frozenset(wrong & alike if shows is None else wrong & alike & shows)
        self.contradicted = len(set(answered) - wrong - alike)


def diagnose(check, outcomes, wrong):
    """Return the sentences of the mistakes that explain all wrong values: one, two, or none where it is not clear.

    Parameters
    ----------
    check : Check
    outcomes : list of Outcome or None
        What the function gave on the table, None where it was not called.
    wrong : set of int
        The numbers of the cases with a wrong value.
    """
    if not wrong:
        return ()
    evidence = [MistakeMatch(check, mistake, outcomes, wrong) for mistake in check.mistakes]
    evidence = [each for each in evidence if each.explained]
    alone = [(each,) for each in evidence if each.explained == wrong]
    together = [pair for pair in combinations(evidence, MAX_MISTAKES) if pair[0].explained | pair[1].explained == wrong]
    return _clearest(alone or together)


def _clearest(candidates):
    """Return the sentences of the candidate that contradicts least of what is right, if it is one alone.

    None where a mistake contradicts much more than it explains: then something else is wrong.
    """
    candidates = [one for one in candidates if all(each.contradicted <= len(each.explained) for each in one)]
    if not candidates:
        return ()
    least = min(map(_contradicted, candidates))
    said = {
        tuple(dict.fromkeys(each.mistake.message for each in one)) for one in candidates if _contradicted(one) == least
    }
    return said.pop() if len(said) == 1 else ()


def _contradicted(candidate):
    return sum(each.contradicted for each in candidate)
