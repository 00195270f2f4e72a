"""What being late costs, computed by hand: days, hours, grace, floors, late days and who decides where they go."""

from datetime import UTC, datetime, timedelta

import pytest

from convgrader.rules.late import lateness, penalty, sentence
from convgrader.rules.model import Amount, AssignmentRules, CourseRules, LateRule

DUE = datetime(2027, 1, 31, 16, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
TENTH = LateRule(Amount(10, is_percent=True))


def course(*rules, late_days=None, extensions=None):
    """A course of assignments a, b, c ... that are due a week apart."""
    names = "abcdef"
    assignments = {
        name: AssignmentRules(name, DUE + 7 * number * DAY, rule)
        for number, (name, rule) in enumerate(zip(names, rules, strict=False))
    }
    return CourseRules("course.toml", late_days=late_days, assignments=assignments, extensions=extensions or {})


def handed_in(rules, student="ada", **late_by):
    """Return how late a student was who was late by so much."""
    return lateness(rules, student, {name: rules.due(name) + duration for name, duration in late_by.items()})


@pytest.mark.parametrize(
    ("late_by", "points"),
    [(-DAY, 0), (timedelta(0), 0), (timedelta(seconds=1), 1.5), (DAY, 1.5), (DAY + MINUTE, 3), (20 * DAY, 15)],
    ids=str,
)
def test_a_tenth_of_the_score_for_each_day_that_has_begun(late_by, points):
    """Of 15 points 1.5 a day, and never more than there are."""
    assert penalty(handed_in(course(TENTH), a=late_by)["a"], 15, 20) == points


RULES = {
    "a tenth of the maximum": (LateRule(Amount(10, True), of="maximum"), DAY, 2,
     "1 day late: 10 % of the maximum = 2 points."),
    "two points a day": (LateRule(Amount(2)), 2 * DAY, 4, "2 days late: 4 points."),
    "a point an hour": (LateRule(Amount(1), "hour"), 90 * MINUTE, 2, "2 hours late: 2 points."),
    "one hour": (LateRule(Amount(1), "hour"), MINUTE, 1, "1 hour late: 1 point."),
    "half is left": (LateRule(Amount(10, True), floor=Amount(50, True)), 9 * DAY, 7.5,
     "9 days late: 90 %, but the score keeps at least 50 %: 7.5 points."),
    "eight points are left": (LateRule(Amount(2), floor=Amount(8)), 9 * DAY, 7,
     "9 days late: 18 points, but the score keeps at least 8 points: 7 points."),
    "a floor above the score": (LateRule(Amount(2), floor=Amount(16)), DAY, 0,
     "1 day late: 2 points, but the score keeps at least 16 points: 0 points."),
    "no more than there is": (LateRule(Amount(10)), 2 * DAY, 15,
     "2 days late: 20 points, but no more than the score is lost: 15 points."),
    "in the grace period": (LateRule(Amount(2), grace=15 * MINUTE), 15 * MINUTE, 0,
     "15 minutes late: within 15 minutes nothing is lost."),
    "beyond the grace period": (LateRule(Amount(2), grace=15 * MINUTE), 16 * MINUTE, 2, "1 day late: 2 points."),
    "closed": (LateRule(Amount(2), closes_after=2 * DAY), 2 * DAY + MINUTE, 15,
     "3 days late: after more than 2 days nothing is earned."),
    "just before it closes": (LateRule(Amount(2), closes_after=2 * DAY), 2 * DAY, 4, "2 days late: 4 points."),
    "no penalty": (LateRule(), 2 * DAY, 0, "2 days late: nothing is lost."),
    "two free days": (LateRule(Amount(2), late_days=2), 2 * DAY, 0,
     "2 days late, covered by 2 late days: nothing is lost."),
    "free, then hours": (LateRule(Amount(1), "hour", late_days=1), DAY + 90 * MINUTE, 2,
     "2 days late, 1 of them a late day, and 2 hours beyond: 2 points."),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "late_by", "points", "words"), RULES.values(), ids=RULES)
def test_each_rule_costs_what_it_says_and_says_so(rule, late_by, points, words):
    """Of a score of 15 of 20 points."""
    late = handed_in(course(rule), a=late_by)["a"]
    assert (penalty(late, 15, 20), sentence(late, 15, 20)) == (points, words)


def test_late_days_are_spent_in_the_order_of_due_dates():
    """Of four in the term a takes two, b the two that are left of the three it needs, and c pays for both."""
    rules = course(TENTH, TENTH, TENTH, late_days=4)
    late = handed_in(rules, c=2 * DAY, a=2 * DAY, b=3 * DAY)
    assert {name: (one.late_days, one.left, one.units) for name, one in late.items()} == {
        "a": (2, 2, 0), "b": (2, 0, 1), "c": (0, 0, 2),
    }  # fmt: skip
    assert [penalty(late[name], 15, 20) for name in "abc"] == [0, 1.5, 3]
    assert sentence(late["a"], 15, 20) == (
        "2 days late, covered by 2 late days: nothing is lost. 2 late days are left."
    )
    assert sentence(late["b"], 15, 20) == (
        "3 days late, 2 of them late days: 10 % = 1.5 points. No late days are left."
    )


def test_an_earlier_assignment_that_is_handed_in_again_moves_the_late_days():
    rules = course(TENTH, TENTH, late_days=2)
    assert [one.late_days for one in handed_in(rules, a=DAY, b=2 * DAY).values()] == [1, 1]
    assert [one.late_days for one in handed_in(rules, a=-DAY, b=2 * DAY).values()] == [0, 2]


def test_an_assignment_takes_no_more_late_days_than_it_may():
    each = LateRule(Amount(10, True), late_days=1)
    late = handed_in(course(each, each, each, late_days=2), a=3 * DAY, b=DAY, c=DAY)
    assert [(one.late_days, one.units) for one in late.values()] == [(1, 2), (1, 0), (0, 1)]
    only_each = handed_in(course(each, each), a=3 * DAY, b=DAY)
    assert [(one.late_days, one.left) for one in only_each.values()] == [(1, None), (1, None)]


def test_a_day_that_has_begun_takes_a_whole_late_day():
    late = handed_in(course(TENTH, late_days=4), a=DAY + MINUTE)["a"]
    assert (late.late_days, late.left, late.units) == (2, 2, 0)


def test_no_late_day_is_spent_in_the_grace_period_or_when_it_is_closed():
    rule = LateRule(Amount(2), grace=MINUTE, closes_after=3 * DAY)
    late = handed_in(course(rule, rule, rule, late_days=2), a=MINUTE, b=4 * DAY, c=DAY)
    assert [(one.late_days, one.left) for one in late.values()] == [(0, 2), (0, 2), (1, 1)]


def test_an_extension_counts_before_anything_else_and_is_told_of():
    rules = course(TENTH, extensions={"ada": {"a": 2 * DAY}})
    late = handed_in(rules, a=2 * DAY)["a"]
    assert penalty(late, 15, 20) == 0 and sentence(late, 15, 20) == (
        "In time: an extension until 2 February 2027, 16:00 UTC."
    )
    late = handed_in(rules, a=3 * DAY)["a"]
    assert penalty(late, 15, 20) == 1.5 and sentence(late, 15, 20) == (
        "1 day late, after an extension until 2 February 2027, 16:00 UTC: 10 % = 1.5 points."
    )
    assert penalty(handed_in(rules, "bob", a=2 * DAY)["a"], 15, 20) == 3


def test_who_is_in_time_is_told_nothing():
    late = handed_in(course(TENTH), a=-DAY)["a"]
    assert sentence(late, 15, 20) == "" and penalty(late, 15, 20) == 0


def test_what_was_not_handed_in_or_has_no_rule_is_not_late():
    assert handed_in(course(TENTH, None), b=DAY) == {}


def test_a_tenth_three_times_is_written_as_it_is_meant():
    assert penalty(handed_in(course(TENTH), a=3 * DAY)["a"], 0.1, 1) == 0.03
