"""The total of a course, computed by hand: weights, extra credit, what is dropped, what does not count yet."""

import pytest

from convgrader.rules.model import AssignmentRules, CourseRules
from convgrader.rules.total import Counted, Earned, count, counted, total


def course(*rules, drop_lowest=0):
    return CourseRules("course.toml", drop_lowest=drop_lowest, assignments={one.name: one for one in rules})


A, B, C = (AssignmentRules(name) for name in "abc")


def test_without_rules_the_total_is_the_share_of_all_points():
    """8 of 10 and 15 of 30 are 23 of 40."""
    earned = {"a": Earned({"t": 8}, {"t": 10}), "b": Earned({"t": 15}, {"t": 30})}
    assert total(counted(course(A, B), earned)) == pytest.approx(57.5)


def test_weights_count_in_the_place_of_points():
    """80 % with weight 1 and 50 % with weight 3 are 57.5 % again, and 65 % with equal weights."""
    earned = {"a": Earned({"t": 8}, {"t": 10}), "b": Earned({"t": 15}, {"t": 30})}
    for weight, expected in ((3, 57.5), (1, 65)):
        rules = course(AssignmentRules("a", weight=1), AssignmentRules("b", weight=weight))
        assert total(counted(rules, earned)) == pytest.approx(expected)


def test_extra_tasks_lift_a_score_and_left_out_ones_do_nothing():
    """Of u, v, w and x the course counts u and v, 10 points; w is extra and x is left out: 6 + 2 + 3 - 1 = 10."""
    rules = AssignmentRules("a", extra_tasks=("w",), left_out=("x",))
    earned = Earned({"u": 6, "v": 2, "w": 3, "x": 5}, {"u": 8, "v": 2, "w": 4, "x": 5}, penalty=1)
    assert count(rules, earned) == Counted(10, 10, 10)
    assert count(rules, Earned({"u": 8, "v": 2, "w": 4}, earned.maxima)).share == 1.4


def test_an_assignment_that_is_extra_lifts_the_total_and_never_lowers_it():
    """50 % of 20 points, and 5 of 10 extra ones: 15 of 20."""
    rules = course(A, AssignmentRules("b", extra_credit=True))
    for points, expected in ((5, 75), (0, 50)):
        earned = {"a": Earned({"t": 10}, {"t": 20}), "b": Earned({"t": points}, {"t": 10})}
        assert total(counted(rules, earned)) == pytest.approx(expected)


def test_the_lowest_share_is_dropped_and_not_the_fewest_points():
    """Of 9/10, 12/30 and 3/4 the second goes: 12 of 14."""
    earned = {"a": Earned({"t": 9}, {"t": 10}), "b": Earned({"t": 12}, {"t": 30}), "c": Earned({"t": 3}, {"t": 4})}
    found = counted(course(A, B, C, drop_lowest=1), earned)
    assert [name for name, one in found.items() if one.is_dropped] == ["b"]
    assert total(found) == pytest.approx(100 * 12 / 14)
    assert total(counted(course(A, B, C, drop_lowest=2), earned)) == pytest.approx(90)


def test_of_equals_the_earlier_one_is_dropped_and_one_always_stays():
    earned = {"b": Earned({}, {"t": 10}), "a": Earned({}, {"t": 10})}
    found = counted(course(A, B, drop_lowest=2), earned)
    assert [name for name, one in found.items() if one.is_dropped] == ["a"] and total(found) == 0


def test_extra_credit_is_not_dropped():
    earned = {"a": Earned({"t": 5}, {"t": 10}), "b": Earned({"t": 1}, {"t": 10}), "c": Earned({"t": 8}, {"t": 10})}
    found = counted(course(A, AssignmentRules("b", extra_credit=True), C, drop_lowest=1), earned)
    assert [name for name, one in found.items() if one.is_dropped] == ["a"] and total(found) == pytest.approx(90)


def test_what_is_not_due_yet_does_not_count_and_what_is_missing_counts_nothing():
    earned = {"a": Earned({"t": 5}, {"t": 10}), "b": Earned({}, {"t": 10}), "c": Earned({}, {"t": 9}, is_due=False)}
    found = counted(course(A, B, C), earned)
    assert list(found) == ["a", "b"] and total(found) == 25
    assert total({}) is None and total(counted(course(A), {"a": Earned({}, {}, is_due=True)})) is None


def test_a_penalty_takes_no_more_than_the_points_that_count():
    rules = AssignmentRules("a", left_out=("x",))
    assert count(rules, Earned({"u": 1, "x": 8}, {"u": 2, "x": 8}, penalty=3)) == Counted(0, 2, 2)
