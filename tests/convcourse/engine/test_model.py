"""Cases, mistakes, and how a verdict's points are rounded."""

from types import SimpleNamespace

import numpy as np
import pytest

from convcourse.engine.model import Case, Failure, Verdict, malformed

CHECK = SimpleNamespace(name="f", section="pooling#pooling-max")


@pytest.mark.parametrize(
    ("points", "share", "earned"), [(8, 1.0, 8.0), (1, 2 / 3, 0.66), (3, 1 / 3, 1.0), (5, 0.714, 3.57), (7.5, 0.0, 0.0)]
)
def test_what_is_not_all_of_the_points_is_rounded_down_to_hundredths(points, share, earned):
    verdict = Verdict.of(CHECK, points, share, {"values": share == 1})
    assert verdict.earned == earned and type(verdict.earned) is float and verdict.passed is (share == 1)


def test_a_verdict_names_its_check_and_keeps_the_rest():
    failure = Failure(Case(), "It is wrong.")
    verdict = Verdict.of(CHECK, 2, 0.5, {"a": True}, broken=["It prints."], failure=failure, diagnosis="You slipped.")
    assert (verdict.name, verdict.section, verdict.seed) == ("f", CHECK.section, None)
    assert verdict.broken == ("It prints.",) and verdict.failure is failure


def test_cases_are_the_same_only_if_they_are_one_object():
    one, other = Case((np.ones(2),)), Case((np.ones(2),))
    assert one != other and len({one, other, one}) == 2
    assert Case((np.ones((2, 3)), [np.ones(4)]), {"x": np.ones(5)}).size == 15


def test_what_no_judge_foresaw_is_said():
    message = malformed(ValueError("expected scalar type " * 50))
    assert message.startswith("The answer is not of the form asked for (ValueError: expected scalar type ")
    assert message.endswith(("type ...).", "scalar ...).")), "no word is cut"
    assert len(message) < 300
