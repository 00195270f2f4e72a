"""Values are compared up to rounding, and how they differ is said in a sentence."""

import numpy as np
import pytest

from convcourse.engine.compare import compare, same
from tests.helpers.memory import peak


def test_the_tolerance_is_a_backward_error_element_by_element():
    expected, scale = np.array([1e-8, 1.0]), np.array([1e6, 1.0])
    assert compare(expected + np.array([1e-6, 0]), expected, scale, 1e-10) is None
    assert compare(expected + np.array([0, 1e-6]), expected, scale, 1e-10).where == (1,)


@pytest.mark.parametrize(
    ("value", "expected", "equal"),
    [
        (np.array([np.nan, 1.0]), np.array([np.nan, 1.0]), True),
        (np.array([0.0, 1.0]), np.array([np.nan, 1.0]), False),
        (np.array([np.inf]), np.array([np.inf]), True),
        (np.array([-np.inf]), np.array([np.inf]), False),
        (3.0, 3, True),
        (np.int64(3), 3, True),
        (4, 3, False),
        (True, True, True),
        (1, True, False),
        ((1, 2), (1, 2), True),
        ([1, 2], (1, 2), True),
        ((2, 1), (1, 2), False),
        ((1,), (1, 2), False),
        ((1, 2, 3), (1, 2), False),
        (np.array([3]), 3, True),
        (np.array([3.5]), 3.5, True),
        (np.array([3, 3]), 3, False),
        (np.array([[3]]), 3, False),
        (np.array([1, 2]), (1, 2), True),
        (np.array([1.0, 2.0]), (1, 2), True),
        (np.array([1, 3]), (1, 2), False),
        (np.array([[1, 2]]), (1, 2), False),
        (np.array(True), True, True),
        (True, 1, False),
        (np.ones((2, 3)), np.ones((3, 2)), False),
        (np.array([np.inf]), np.array([1.0]), False),
        ("valid", "valid", True),
        (np.str_("valid"), "valid", True),
        ("valid", "same", False),
        (None, None, True),
        (None, 3, False),
        (np.float32(0.5), 0.5, True),
        (np.zeros(0), np.zeros(0), True),
    ],
)
def test_compare(value, expected, equal):
    assert (compare(value, expected) is None) is equal


def test_complex_numbers_are_named():
    assert "complex" in compare(np.ones(2) + 0j, np.ones(2)).message


def test_an_infinite_scale_allows_nothing():
    assert compare(np.array([1.0]), np.array([2.0]), np.array([np.inf])) is not None
    assert compare(np.array([np.nan]), np.array([np.inf]), np.array([np.inf])) is not None


def test_a_scale_below_zero_counts_by_its_size():
    smallest = np.array([np.iinfo(np.int64).min])
    assert compare(np.array([0]), smallest, smallest, 1e-10) is not None
    assert compare(np.array([-1.0 + 1e-12]), np.array([-1.0]), np.array([-1.0]), 1e-10) is None


def test_where_is_an_element_that_is_wrong():
    value, expected, scale = np.array([1.0, 1e-3]), np.zeros(2), np.array([1e12, 1.0])
    assert compare(value, expected, scale).where == (1,)  # the larger error, of element 0, is rounding


def test_same_is_up_to_rounding_and_of_any_kind():
    assert same((1, [2.0, np.ones(2)]), [1, (2.0 + 1e-9, np.ones(2))])
    assert not same(np.ones(2), np.ones(3))
    assert not same(np.ones(2), np.ones((2, 1)))
    assert not same({"a": 1}, {"b": 1})
    assert not same({"a": 1}, {"a": 2})
    assert not same("a", 1)


def test_where_nothing_adds_up_rounding_from_beside_is_let_pass():
    """An FFT leaves 1e-17 where a window lies in the padding alone: the scale there is 0."""
    scale = np.array([0.0, 1.0])
    assert compare(np.array([1e-16, 1.0]), np.array([0.0, 1.0]), scale) is None
    assert compare(np.array([1e-12, 1.0]), np.array([0.0, 1.0]), scale) is not None
    assert compare(np.array([1e-8, 1.0]), np.array([0.0, 1.0]), scale, 1e-5) is None
    assert compare(np.array([1e-16, 0.0]), np.array([0.0, 0.0]), np.zeros(2)) is not None


HUGE = 10**5000  # Python refuses to write it


@pytest.mark.parametrize("expected", [3, 3.0, (3, 1), np.ones(2), True, "x", None], ids=str)
def test_an_integer_of_any_length_gets_a_sentence(expected):
    assert "type int" in compare(HUGE, expected).message
    assert same(HUGE, HUGE) and not same(HUGE, expected) and not same((HUGE, 1), expected)


@pytest.mark.parametrize("right", [2**53 + 1, 10**31, -(10**31)])
def test_whole_numbers_are_compared_without_rounding(right):
    assert compare(right, right) is None and compare((right, 1), (right, 1)) is None
    for wrong in (right - 1, float(right), np.float64(right)):
        assert compare(wrong, right) is not None


def test_an_array_of_whole_numbers_is_as_good_as_a_tuple_of_tuples():
    assert compare(np.array([[1, 2], [3, 4]]), ((1, 2), (3, 4))) is None
    assert compare(np.array([[1, 2], [3, 4]]), ((1, 2), (3, 5))) is not None
    assert compare(np.ones((2, 3)), (np.ones(3), np.ones(3))) is not None, "arrays are returned apart"


def test_whole_numbers_are_the_same_if_they_are_equal():
    assert same(1048576960, 1048576960) and not same(1048576960, 1048576001)
    assert same(2.0, 2) and not same(np.array([10**9]), np.array([10**9 + 1]))


def test_an_array_in_the_place_of_a_few_numbers_is_counted_and_not_taken_apart():
    many = np.zeros(4 << 20, np.int8)
    with peak() as memory:
        message = compare(many, (3, 4)).message
    assert message == "It returned 4194304 values, expected 2." and memory[0] < 16 << 20
    assert compare(np.array([3, 4]), (3, 4)) is None
