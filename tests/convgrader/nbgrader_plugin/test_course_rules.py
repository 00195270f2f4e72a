"""The rules of a course go into the gradebook, where formgrader and every export read them, and stand in feedback."""

import contextlib
from datetime import datetime, timedelta

import pytest
from nbgrader.api import Gradebook

from convcourse.errors import UsageError
from convgrader import batch
from convgrader.jobs import NotebookResult, SubmissionResult
from convgrader.nbgrader_plugin import course_rules
from convgrader.nbgrader_plugin.gradebook import GradebookWriter, assign_penalties
from tests.convgrader.nbgrader_plugin.test_returning import returned
from tests.helpers.grading_fixtures import copy_of

pytestmark = pytest.mark.slow

PENALTIES = (
    "SELECT s.student_id, a.name, n.late_submission_penalty FROM submitted_notebook n JOIN submitted_assignment s "
    "ON s.id = n.assignment_id JOIN assignment a ON a.id = s.assignment_id ORDER BY 1, 2"
)
LATE = """\
zone = "Europe/Berlin"
assignments.pooling.due = 2027-01-31T17:00:00
[late]
penalty = "10 %"
"""  # 16:00 in UTC


@pytest.fixture
def two(course):
    """A course with a second assignment, `layer`, of one task of 10 points."""
    with Gradebook(course.url, "test") as gradebook:
        gradebook.add_assignment("layer")
        gradebook.add_notebook("layer", "layer")
        gradebook.add_grade_cell("check-conv2d", "layer", "layer", max_score=10, cell_type="code")
    return course


def hand_in(course, student, time, points=5.0, assignment="pooling", cell="check-avg_pool2d"):
    """Enter a graded submission of one task."""
    with contextlib.closing(GradebookWriter(course.url, assignment, "test")) as writer:
        graded = NotebookResult(assignment, {cell: points})
        writer.write(SubmissionResult(student, [graded], timestamp=f"{time} UTC"))


def apply(course, text, assignment="pooling"):
    """Write a file of rules and apply it; return what students are told."""
    (course.root / "course.toml").write_text(text)
    with Gradebook(course.url, "test") as gradebook:
        return assign_penalties(gradebook, assignment, config(course))


def config(course):
    with contextlib.chdir(course.root):
        return batch.CourseFolders.here().config


def test_due_dates_extensions_and_penalties_stand_where_nbgrader_keeps_them(course):
    """Ada is a day and a bit late with 5 points, bob has two days more, eve is in time, and of joe there is no time."""
    for student, time in {
        "ada": "2027-02-01 17:00:00",
        "bob": "2027-02-01 17:00:00",
        "eve": "2027-01-31 16:00:00",
    }.items():
        hand_in(course, student, time)
    hand_in(course, "joe", "no time at all")
    told = apply(course, LATE + '[extensions.bob]\npooling = "2 days"')
    assert course.query("SELECT duedate FROM assignment") == [("2027-01-31 16:00:00.000000",)]
    assert course.query(PENALTIES) == [
        ("ada", "pooling", 1.0), ("bob", "pooling", None), ("eve", "pooling", None), ("joe", "pooling", None),
    ]  # fmt: skip
    assert told == {
        "ada": "2 days late: 20 % = 1 point.", "bob": "In time: an extension until 2 February 2027, 17:00 CET.",
        "eve": "",
    }  # fmt: skip
    with Gradebook(course.url, "test") as gradebook:
        bob = gradebook.find_submission("pooling", "bob")
        assert (bob.extension, bob.total_seconds_late) == (timedelta(days=2), 0)
        assert bob.duedate == datetime(2027, 2, 2, 16)  # noqa: DTZ001 (as nbgrader has it)
        assert gradebook.find_submission("pooling", "ada").late_submission_penalty == 1


def test_what_the_file_no_longer_says_is_taken_back(course):
    hand_in(course, "ada", "2027-02-01 17:00:00")
    apply(course, LATE + '[extensions.ada]\npooling = "1 day"')
    assert course.query(PENALTIES) == [("ada", "pooling", 0.5)]
    apply(course, LATE)
    assert course.query(PENALTIES) == [("ada", "pooling", 1.0)]
    apply(course, LATE.replace("2027-01-31", "2027-02-28"))
    assert course.query(PENALTIES) == [("ada", "pooling", None)]
    assert course.query("SELECT extension FROM submitted_assignment") == [(None,)]


def test_late_days_are_counted_over_all_assignments_whichever_is_graded(two):
    """Of two late days layer, due a week earlier, takes one; pooling has one left for its two."""
    rules = LATE + "late_days = 2\n[assignments.layer]\ndue = 2027-01-24T17:00:00"
    hand_in(two, "ada", "2027-02-02 16:00:00")
    assert apply(two, rules)["ada"] == "2 days late, covered by 2 late days: nothing is lost. No late days are left."
    hand_in(two, "ada", "2027-01-25 16:00:00", 8.0, "layer", "check-conv2d")
    assert (
        apply(two, rules, "layer")["ada"] == "1 day late, covered by 1 late day: nothing is lost. 1 late day is left."
    )
    assert two.query(PENALTIES) == [("ada", "layer", 0.0), ("ada", "pooling", 0.5)]


def test_a_mark_by_hand_changes_what_a_tenth_is(course):
    hand_in(course, "ada", "2027-02-01 16:00:00")
    apply(course, LATE)
    course.query("UPDATE grade SET manual_score = 3, extra_credit = 1 WHERE auto_score = 5")
    assert apply(course, LATE)["ada"] == "1 day late: 10 % = 0.4 points."
    assert course.query(PENALTIES) == [("ada", "pooling", 0.4)]


def test_dates_that_the_file_does_not_give_are_those_of_the_gradebook(course):
    hand_in(course, "ada", "2027-02-03 12:00:00")
    course.query("UPDATE assignment SET duedate = '2027-01-31 12:00:00.000000'")
    with Gradebook(course.url, "test") as gradebook:
        gradebook.grant_extension("pooling", "ada", days=1)
    assert apply(course, "late.penalty = 1")["ada"] == (
        "2 days late, after an extension until 1 February 2027, 12:00 UTC: 2 points."
    )
    assert course.query(PENALTIES) == [("ada", "pooling", 2.0)]


PLUGIN = """
from nbgrader.plugins import LateSubmissionPlugin
class Half(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late): return score / 2
c.AssignLatePenalties.plugin_class = Half
"""


@pytest.mark.parametrize(
    ("rules", "penalty"),
    [(None, 2.5), ("zone = 'UTC'", 2.5), ("late.penalty = 1", 1.0)],
    ids=["no file", "nothing about late work", "a rule"],
)
def test_nbgraders_own_plugin_decides_where_the_file_does_not(course, rules, penalty):
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write(PLUGIN)
    hand_in(course, "ada", "2027-02-01 12:00:00")
    course.query("UPDATE assignment SET duedate = '2027-01-31 12:00:00.000000'")
    if rules:
        apply(course, rules)
    else:
        with Gradebook(course.url, "test") as gradebook:
            assert assign_penalties(gradebook, "pooling", config(course)) == {}
    assert course.query(PENALTIES) == [("ada", "pooling", penalty)]


def test_a_penalty_is_spread_over_the_notebooks_of_an_assignment(course):
    """Of 4 and 6 points a fifth is lost: 0.8 and 1.2."""
    with Gradebook(course.url, "test") as gradebook:
        gradebook.add_notebook("more", "pooling")
        gradebook.add_grade_cell("check-more", "more", "pooling", max_score=6, cell_type="code")
    with contextlib.closing(GradebookWriter(course.url, "pooling", "test")) as writer:
        graded = [NotebookResult("pooling", {"check-avg_pool2d": 4.0}), NotebookResult("more", {"check-more": 6.0})]
        writer.write(SubmissionResult("ada", graded, timestamp="2027-02-01 17:00:00 UTC"))
    apply(course, LATE)
    assert sorted(penalty for *_, penalty in course.query(PENALTIES)) == [0.8, 1.2]


def test_a_file_with_a_slip_stops_grading_with_a_sentence(handed_in, in_process_pool):
    handed_in.grade(pool=in_process_pool, students=["none"])
    (handed_in.root / "course.toml").write_text("[lade]")
    with pytest.raises(UsageError, match="lade is unknown"):
        handed_in.grade(pool=in_process_pool)
    status, output = handed_in.nbgrader("generate_feedback", "pooling")
    assert status == 1 and "lade is unknown. Did you mean late?" in output and "Traceback" not in output
    status, output = handed_in.nbgrader("export")
    assert status == 1 and "lade is unknown. Did you mean late?" in output and "Traceback" not in output


def test_feedback_says_which_rule_was_applied_and_why(handed_in, in_process_pool):
    """48 points on 2 January 2030, 03:04:05 UTC: two days after the last day of the year, one of them free."""
    (handed_in.root / "course.toml").write_text(
        'assignments.pooling.due = 2029-12-31T12:00:00Z\n[late]\npenalty = "10 %"\nlate_days = 1'
    )
    handed_in.grade(pool=in_process_pool, students=["all"])
    page = returned(handed_in)["all__pooling.html"]
    assert "Late submission penalty (Score: -4.8)" in page and "all, pooling (Score: 43.2 / 50.0)" in page
    words = "2 days late, 1 of them a late day: 10 % = 4.8 points. No late days are left."
    assert f'<p class="course-rule">{words}</p>' in page


def test_stock_nbgrader_takes_the_rules_as_its_plugin(handed_in, tmp_path):
    stock = copy_of(handed_in, tmp_path / "stock", plugin=False)
    with (stock.root / "nbgrader_config.py").open("a") as file:
        file.write("from convgrader.nbgrader_plugin.course_rules import CourseLatePenalty\n")
        file.write("c.AssignLatePenalties.plugin_class = CourseLatePenalty\n")
    (stock.root / "course.toml").write_text("assignments.pooling.due = 2030-01-01T00:00:00Z\nlate.penalty = 3\n")
    with Gradebook(stock.url, "test") as gradebook:
        rules = course_rules.rules_of(config(stock), gradebook)
        course_rules.apply(rules, gradebook)
    status, output = stock.nbgrader("autograde", "pooling", "--student=all")
    assert status == 0, output
    assert stock.query(PENALTIES) == [("all", "pooling", 6.0)], "two days begun"
