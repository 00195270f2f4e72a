"""A check is declared as data, and pays for the parts that hold."""

from dataclasses import replace

import numpy as np
import pytest

from convcourse import checks
from convcourse.engine.check import Check
from convcourse.engine.context import current_context
from convcourse.engine.model import Case, Property, Verdict
from tests.helpers.doubling import DOUBLE, verdict_on


def test_right_answer_earns_a_built_in_float_of_all_points():
    verdict = verdict_on(lambda x: x + x)
    assert type(verdict.earned) is float
    assert verdict.earned == 4.0
    assert verdict.passed


def test_parts_earn_their_weights_and_the_mistake_is_named():
    verdict = verdict_on(lambda x: np.minimum(2 * x, 100.0).astype(x.dtype))
    assert verdict.earned == 1.0
    assert verdict.parts == {"small": True, "large": False}
    assert verdict.diagnosis == "You capped at 100."


def test_broken_properties_take_no_more_than_all():
    never = tuple(Property(name, "It never holds.", lambda call, d: False, cost=0.6) for name in "ab")
    check = Check("double", oracle=lambda x: 2 * x, cases=(Case((np.ones(2),)),), properties=never)
    assert verdict_on(lambda x: 2 * x, check).earned == 0.0


def test_partial_points_are_rounded_down():
    thirds = Check(
        "double",
        oracle=lambda x: 2 * x,
        parts={"a": 2, "b": 1},
        cases=(Case((np.ones(2),), {}, "a"), Case((np.ones(3),), {}, "b")),
    )
    assert verdict_on(lambda x: 2 * x if x.size == 2 else 3 * x, thirds, 1).earned == 0.66


def test_what_is_missing_or_blank_is_said():
    assert "no function called double" in str(verdict_on(None))

    def blank(x):
        raise NotImplementedError

    assert "not written yet" in str(verdict_on(blank))


def test_declarations_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="parts and cases"):
        Check("f", oracle=abs, cases=(Case((1,), {}, "here"),), parts={"there": 1})
    with pytest.raises(ValueError, match="oracle or a judge"):
        Check("f", cases=(Case(),))


def test_what_was_computed_for_a_check_is_not_its_copys():
    verdict_on(lambda x: 2 * x)
    assert DOUBLE.cache.expectations and not replace(DOUBLE).cache.expectations
    assert "kept" not in repr(DOUBLE)


@pytest.mark.parametrize("topic", checks.topics())
def test_functions_and_networks_have_checks_of_one_interface(topic):
    for name, check in checks.load(topic).items():
        verdict = check.run(lambda wanted: None, 3, current_context())
        assert isinstance(verdict, Verdict) and (verdict.name, verdict.points, verdict.earned) == (name, 3.0, 0.0)
        assert f"There is no function called {name}" in str(verdict) and verdict.section == check.section != ""
