"""What is right is computed once for each check, and belongs to no other."""

import gc
import time
from dataclasses import replace

import numpy as np
import pytest

from convcourse.engine import expected, kinds
from convcourse.engine.check import Check
from convcourse.engine.context import graded_run
from convcourse.engine.model import Case, Mistake
from tests.helpers.doubling import DOUBLE, verdict_on


def test_a_single_number_may_be_of_either_precision():
    case = Case((np.ones(3, np.float32),))
    assert expected.dtype_kept(np.array(3.0), 3.0, case) and not expected.dtype_kept(np.ones(2), np.ones(2), case)


def test_whole_numbers_are_not_asked_to_be_of_a_precision():
    case = Case((np.ones(3, np.float32),))
    right = np.ones(2), np.arange(2)
    assert expected.dtype_kept((np.ones(2, np.float32), np.ones(2)), right, case)
    assert not expected.dtype_kept((np.ones(2), np.arange(2)), right, case)


def test_the_seed_decides_the_draws_and_the_table_does_not_change():
    one, again, other = (expected.drawn(DOUBLE, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a.args[0], b.args[0]) for a, b in zip(one, again, strict=True))
    assert not all(
        a.args[0].shape == b.args[0].shape and np.array_equal(a.args[0], b.args[0])
        for a, b in zip(one, other, strict=True)
    )
    (namesake,) = expected.drawn(replace(DOUBLE, name="twice", draw_count=1), 1)
    assert not np.array_equal(namesake.args[0], one[0].args[0])
    seen = []
    with graded_run(2, print):
        verdict_on(lambda x: seen.append(x.copy()) or 2 * x)
    before = len(DOUBLE.cases) + len(kinds.variations(DOUBLE, kinds.AGAIN))
    tried = seen[before:][: len(other)]
    assert all(np.array_equal(a, b.args[0]) for a, b in zip(tried, other, strict=True))


def test_a_drawn_case_of_no_part_is_refused():
    """Else it would be tried and cost nothing: a wrong answer would have all points."""
    check = replace(DOUBLE, draw_case=lambda sampler: Case((sampler.array(2, 2),), {}, "lagre"))
    with pytest.raises(ValueError, match=r"double: drawn cases .*lagre"):
        expected.drawn(check, 1)


def test_warming_computes_what_is_right_for_the_table_and_for_the_draws_of_a_seed():
    check = replace(DOUBLE)
    check.warm(5)
    cases = (*check.cases, *expected.drawn(check, 5))
    assert len(cases) == 3 + check.draw_count and all(case in check.cache.expectations for case in cases)
    judged = Check("claim", judge=lambda value, case: None, cases=(Case(()),))
    judged.warm(5)  # there is nothing that is right
    assert not judged.cache.expectations


def test_a_case_of_two_checks_has_a_truth_in_each():
    case = Case((np.ones(2),))
    twice, thrice = (Check("f", oracle=lambda x, k=k: k * x, cases=(case,)) for k in (2, 3))
    assert verdict_on(lambda x: 2 * x, twice).passed
    assert verdict_on(lambda x: 3 * x, thrice).passed


def test_checks_that_come_and_go_do_not_share_what_is_right():
    """Objects that are gone leave their addresses to others, which must not inherit their answers."""
    case = Case((np.ones(2),))
    for k in range(200):
        check = Check(
            "f", oracle=lambda x, k=k: k * x, cases=(case,), draw_case=lambda d, k=k: Case((np.full(2, float(k)),))
        )
        assert verdict_on(lambda x, k=k: k * x, check).passed
        assert all(drawn.args[0][0] == k for drawn in expected.drawn(check, 0))
        del check


def test_a_mistake_of_one_check_is_not_that_of_another():
    def check(factor):
        wrong = Mistake("adds", f"You added {factor}.", lambda x: x + factor)
        return Check("f", oracle=lambda x: 2 * x, cases=(Case((np.full(2, 99.0),)),), mistakes=(wrong,))

    for factor in range(1, 50):
        assert verdict_on(lambda x, factor=factor: x + factor, check(factor)).diagnosis == f"You added {factor}."


def test_what_was_right_for_a_case_goes_with_it():
    check = replace(DOUBLE)
    for size in range(1, 9):
        expected.expectation(check, Case((np.ones((1, size)),), {}, "small"))
    gc.collect()
    assert len(check.cache.expectations) == 0


def test_a_machine_that_stalls_changes_nothing_of_what_a_mistake_gives():
    """A time limit of the student's must not stand between us and our own mistakes: a diagnosis would hang on it."""
    slow = Mistake("triples", "You tripled.", lambda x: time.sleep(0.1) or 3 * x)
    check = replace(DOUBLE, limit=0.01, mistakes=(slow,))
    assert [outcome.kind for outcome in expected.mistake_outcomes(check, slow)] == ["ok"] * len(check.cases)
