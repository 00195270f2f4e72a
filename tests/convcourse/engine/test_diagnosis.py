"""Mistakes are named from what was answered: with another option missing, two at once, and not where it is unclear."""

from dataclasses import replace

import numpy as np
import pytest

from convcourse.engine.check import Check
from convcourse.engine.model import Case, Mistake
from tests.helpers.doubling import verdict_on

X = np.array([[1.0, -2.0, 3.0], [4.0, 0.5, -6.0]])


def right(x, stride=1, flip=False):
    found = 2 * x[:, ::stride]
    return found[:, ::-1] if flip else found


ONE = Mistake("forgets to double", "You forgot to double.", lambda x, **o: right(x, **o) / 2)
TWO = Mistake(
    "ignores stride", "You ignored the stride.", lambda x, stride=1, flip=False: right(x, 1, flip), share=2 / 3
)
THREE = Mistake("ignores flip", "You ignored flip.", lambda x, stride=1, flip=False: right(x, stride), share=2 / 3)
CHECK = Check(
    "spread",
    oracle=right,
    parts={"plain": 1, "stride": 1, "flip": 1},
    cases=(
        Case((X,), {}, "plain"),
        Case((X[:1],), {}, "plain"),
        Case((X,), {"stride": 2}, "stride"),
        Case((X[1:],), {"stride": 3}, "stride"),
        Case((X,), {"flip": True}, "flip"),
        Case((X[:1],), {"flip": True}, "flip"),
    ),
    mistakes=(ONE, TWO, THREE),
    exempt={"scale": "not of this test"},
)


def said(function, check=CHECK):
    return verdict_on(function, check).diagnosis


def test_a_mistake_is_named_beside_an_option_that_raises():
    def ours(x, stride=1, flip=False):
        if flip:
            raise ValueError
        return TWO.function(x, stride)

    assert said(ours) == "You ignored the stride."


def test_two_at_once_are_both_named():
    assert said(lambda x, stride=1, flip=False: right(x)) == "You ignored the stride. You ignored flip."


def test_one_that_explains_all_is_named_alone():
    assert said(ONE.function) == "You forgot to double."


def test_a_mistake_in_some_calls_alone_is_named_by_what_it_gave():
    """The mistake is made for narrow inputs: what is right elsewhere disagrees with the mistake, and proves nothing."""
    assert (
        said(lambda x, stride=1, flip=False: right(x, 1 if len(x) == 1 else stride, flip)) == "You ignored the stride."
    )


def test_what_no_mistake_explains_is_not_named():
    assert said(lambda x, **o: right(x, **o) + 1) == ""
    assert said(lambda x, stride=1, flip=False: right(x, 1, flip) + (stride == 2)) == ""
    three = lambda x, stride=1, flip=False: right(x) if stride > 1 or flip else right(x) / 2  # noqa: E731
    assert said(three) == "", "three sentences are too many"


def test_what_is_off_by_little_everywhere_is_not_a_mistake_that_is_right_there():
    assert said(lambda x, **o: right(x, **o) * (1 + 1e-8)) == ""


def test_what_contradicts_much_more_than_it_explains_is_not_named():
    once = lambda x, stride=1, flip=False: right(x, stride, flip) / (2 if stride == 3 else 1)  # noqa: E731
    assert said(once, replace(CHECK, mistakes=(ONE,))) == ""


def test_where_two_mistakes_fit_equally_none_is_named():
    twin = Mistake("halves", "You took the half.", ONE.function)
    assert said(ONE.function, replace(CHECK, mistakes=(ONE, TWO, THREE, twin))) == ""
    same = Mistake("halves", ONE.message, ONE.function)
    assert said(ONE.function, replace(CHECK, mistakes=(ONE, same))) == ONE.message


def test_of_two_that_fit_the_one_that_contradicts_less_is_named():
    wider = Mistake("ignores all", "You ignored every option.", lambda x, stride=1, flip=False: right(x))
    assert said(TWO.function, replace(CHECK, mistakes=(wider, TWO))) == "You ignored the stride."
    assert said(lambda x, **o: right(x), replace(CHECK, mistakes=(TWO, wider))) == "You ignored every option."


@pytest.mark.parametrize("error", [NotImplementedError, ValueError], ids=lambda error: error.__name__)
def test_whoever_gives_no_value_is_told_no_mistake(error):
    def ours(x, **options):
        raise error

    assert said(ours) == ""


def test_a_fragment_of_a_judges_sentence_is_not_said_by_itself():
    def judge(value, case):
        return None if value == (True, 1) else f"That is no {case.kwargs['what']}."

    fragments = (Mistake("a", "no counterexample", lambda what: (True, 2)),
                 Mistake("b", "You judged it false.", lambda what: (False, 1)))  # fmt: skip
    check = Check("claim", judge=judge, cases=(Case((), {"what": "proof"}),), mistakes=fragments)
    assert said(lambda what: (True, 2), check) == ""
    assert said(lambda what: (False, 1), check) == "You judged it false."
