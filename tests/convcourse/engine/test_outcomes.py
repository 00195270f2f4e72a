"""Answers that are wrong alike share a digest, whatever the order in which they add up."""

import numpy as np
import pytest

from convcourse.calls.call import Outcome
from convcourse.engine.outcomes import digest_of, letters_of


def digest(value):
    return digest_of([Outcome(value=value)], {0})


def test_each_case_has_its_letter_in_the_order_of_the_table():
    outcomes = [Outcome(), Outcome(), Outcome("raised"), Outcome("timeout"), Outcome("unfit"), Outcome("blank"), None]
    assert letters_of(outcomes, {0}) == "wreeeb-"


def test_where_nothing_is_wrong_there_is_no_digest():
    assert digest_of([Outcome(value=np.ones(3)), None], set()) == ""


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rounding_makes_no_other_value(dtype):
    numbers = np.random.default_rng(0).normal(size=(40, 25)).astype(dtype)
    backwards = numbers[:, ::-1].cumsum(axis=1)[:, -1]
    assert not np.array_equal(numbers.sum(axis=1), backwards), "else this test shows nothing"
    assert digest(numbers.sum(axis=1)) == digest(backwards)


@pytest.mark.parametrize("value", [0.5, 1.0, 3.0, 1 / 128, 0.1, 1e-300, 1e300])
def test_numbers_that_end_soon_are_not_torn_apart_by_rounding(value):
    around = [np.array([value, np.nextafter(value, sign)]) for sign in (-np.inf, np.inf)]
    assert len({digest(array) for array in around}) == 1


OTHERS = [
    np.ones(3), np.ones((3, 1)), np.array([1.0, 1.0, 1.01]), np.array([1.0, 1.0, np.nan]), np.array([1.0, 1.0, np.inf]),
    np.zeros(0), 1, True, None, "1", 1.0, (1, 1), (1,), {"a": 1}, {"a": 2}, 10**5000, np.array(["a"]), np.ones(3) * 1j,
    np.array([None]), "\ud800",
]  # fmt: skip


def test_other_values_have_other_digests():
    assert len({digest(value) for value in OTHERS}) == len(OTHERS)


def test_an_error_counts_by_its_kind_and_its_case():
    def raised(problem, *before):
        return digest_of([*before, Outcome("raised", problem=problem)], set())

    assert raised("It raised ValueError: 3 and 4") == raised("It raised ValueError: 5 and 6 (line 2).")
    assert raised("It raised ValueError: 3") != raised("It raised TypeError: 3")
    assert raised("It raised ValueError: 3") != raised("It raised ValueError: 3", Outcome())
