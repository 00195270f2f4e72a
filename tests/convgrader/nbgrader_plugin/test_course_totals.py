"""What each student has of a course is read from the gradebook: points, penalties by the rules, what is due."""

from datetime import UTC, datetime

import pytest
from nbgrader.api import Gradebook

from convgrader.nbgrader_plugin import course_rules, course_totals
from convgrader.rules.total import Earned, counted, total
from tests.convgrader.nbgrader_plugin.test_course_rules import LATE, config, hand_in, two  # noqa: F401 (a fixture)

pytestmark = pytest.mark.slow

NOW = datetime(2027, 3, 1, tzinfo=UTC)


def read(course, text, now=NOW):
    """Return (rules, what each student has), with a file of rules."""
    (course.root / "course.toml").write_text(text)
    with Gradebook(course.url, "test") as gradebook:
        rules = course_rules.rules_of(config(course), gradebook)
        return rules, course_totals.earned(rules, gradebook, now)


def test_points_stand_by_task_with_the_penalty_that_the_rules_come_to(two):  # noqa: F811
    hand_in(two, "ada", "2027-02-01 17:00:00")
    hand_in(two, "ada", "2027-02-01 17:00:00", 8.0, "layer", "check-conv2d")
    _, earned = read(two, LATE)
    pooling, layer = earned["ada"]["pooling"], earned["ada"]["layer"]
    assert pooling.points["avg_pool2d"] == 5 and sum(pooling.points.values()) == 5 and pooling.penalty == 1
    assert sum(pooling.maxima.values()) == 50 and pooling.maxima["max_pool2d"] == 8 and pooling.is_due
    assert layer == Earned({"conv2d": 8.0}, {"conv2d": 10.0}), "it has no due date"


def test_the_total_of_two_assignments_with_the_lower_one_dropped(two):  # noqa: F811
    """Ada has 4 of 50 and 8 of 10: a fifth of all, and with the lower one dropped 80 %. Bob has nothing of either."""
    hand_in(two, "ada", "2027-02-01 17:00:00")
    hand_in(two, "ada", "2027-02-01 17:00:00", 8.0, "layer", "check-conv2d")
    with Gradebook(two.url, "test") as gradebook:
        gradebook.add_student("bob")
    for text, expected in ((LATE, 20.0), (LATE + "[total]\ndrop_lowest = 1", 80.0)):
        rules, earned = read(two, text)
        assert [total(counted(rules, earned[student])) for student in ("ada", "bob")] == [expected, 0.0]


def test_who_has_time_by_an_extension_is_not_due_yet(course):
    hand_in(course, "ada", "2027-01-31 12:00:00")
    with Gradebook(course.url, "test") as gradebook:
        for student in ("bob", "eve"):
            gradebook.add_student(student)
    text = LATE + '[extensions.eve]\npooling = "10 weeks"'
    assert {who: one["pooling"].is_due for who, one in read(course, text)[1].items()} == {
        "ada": True, "bob": True, "eve": False,
    }  # fmt: skip
    before = datetime(2027, 1, 31, 12, tzinfo=UTC)
    assert [one["pooling"].is_due for one in read(course, text, before)[1].values()] == [True, False, False]


def test_an_assignment_that_was_not_released_or_is_no_part_of_the_course_does_not_count(two):  # noqa: F811
    hand_in(two, "ada", "2027-01-31 12:00:00")
    assert list(read(two, 'topics = ["layer"]')[1]["ada"]) == ["layer"]
