"""A group hands in once: what counts, what each member gets, and whose marks by hand are whose."""

import contextlib

import pytest
from nbgrader.api import Gradebook

from convgrader.nbgrader_plugin import groups
from convgrader.rules.model import AssignmentRules, CourseRules
from tests.convgrader.nbgrader_plugin.test_course_rules import apply, hand_in
from tests.convgrader.nbgrader_plugin.test_returning import returned
from tests.helpers.courses import answer

pytestmark = pytest.mark.slow

RED = 'groups.red = ["ada", "bob", "eve"]\n'
RULES = CourseRules(
    "course.toml", assignments={"pooling": AssignmentRules("pooling", groups={"red": ("ada", "bob", "eve")})}
)
MARKS = (
    "SELECT s.student_id, g.manual_score, g.extra_credit, g.needs_manual_grade FROM grade g JOIN base_cell b "
    "ON b.id = g.cell_id JOIN submitted_notebook n ON n.id = g.notebook_id JOIN submitted_assignment s "
    "ON s.id = n.assignment_id WHERE b.name = 'written-pooling' ORDER BY 1"
)


def folder(tmp_path, student, time=""):
    path = tmp_path / student
    path.mkdir()
    if time:
        (path / "timestamp.txt").write_text(time)
    return str(path)


def test_what_a_member_handed_in_last_counts_for_all_and_others_have_their_own(tmp_path):
    bob = folder(tmp_path, "bob", "2027-01-31 12:00:00 UTC")
    eve = folder(tmp_path, "eve", "2027-01-30 12:00:00 UTC")
    joe = folder(tmp_path, "joe", "2027-02-01 12:00:00 UTC")
    found = groups.with_members(RULES, "pooling", {"bob": bob, "eve": eve, "joe": joe})
    assert found == {"ada": bob, "bob": bob, "eve": bob, "joe": joe}
    assert groups.with_members(RULES, "layer", {"bob": bob}) == {"bob": bob}
    assert groups.with_members(None, "pooling", {"bob": bob}) == {"bob": bob}


def test_without_times_the_member_who_is_named_first_counts(tmp_path):
    bob, eve = folder(tmp_path, "bob"), folder(tmp_path, "eve")
    assert set(groups.with_members(RULES, "pooling", {"eve": eve, "bob": bob}).values()) == {bob}


def test_whoever_asks_for_one_gets_the_group():
    assert groups.of_same_groups(RULES, "pooling", ["joe", "eve"]) == ["joe", "ada", "bob", "eve"]
    assert groups.of_same_groups(None, "pooling", ["joe", "eve"]) == ["joe", "eve"]


@pytest.fixture
def red(course, released, in_process_pool):
    """A course in which ada and bob are a group; bob handed in, and ada something older. Joe works alone."""
    (course.root / "course.toml").write_text('groups.red = ["ada", "bob"]')
    right = {"avg_pool2d": "from convcourse.provided import nothing"}
    for student, time in {"ada": "2027-01-30", "bob": "2027-01-31", "joe": "2027-01-29"}.items():
        text = answer(released, right | {"written-pooling": f"{student} says what stays."})
        (course.submit(student, text) / "timestamp.txt").write_text(f"{time} 12:00:00 UTC")
    return course


class CountingPool:
    """Counts the jobs that it hands on."""

    def __init__(self, pool):
        self.pool, self.students = pool, []

    def map(self, spec, jobs):
        self.students += [job.student for job in jobs]
        return self.pool.map(spec, jobs)


def of_student(course, student):
    return course.query(
        "SELECT score, digest FROM autograder_record WHERE student = ? AND assignment = 'pooling'", student
    )


def test_a_group_is_graded_once_and_each_member_has_the_score_the_time_and_the_page(red, in_process_pool):
    pool = CountingPool(in_process_pool)
    summary = red.grade(pool=pool)
    assert pool.students == ["ada", "joe"] and summary.count == 3, "ada stands for both"
    assert of_student(red, "ada") == of_student(red, "bob") != of_student(red, "joe")
    assert "bob says" in str(red.graded("ada")) and "bob says" in str(red.graded("bob"))
    times = red.query("SELECT student_id, timestamp FROM submitted_assignment ORDER BY 1")
    assert [time[:10] for _, time in times] == ["2027-01-31", "2027-01-31", "2027-01-29"]
    pages = returned(red)
    for student in ("ada", "bob"):
        page = pages[f"{student}__pooling.html"]
        assert "bob says what stays." in page and "Handed in for the group red: ada, bob." in page
    assert "group" not in pages["joe__pooling.html"].split('id="notebook"')[0].split('id="toc"')[1]
    assert red.grade(pool=pool, resume=True).skipped == 3
    assert red.grade(pool=pool, students=["ada"]).count == 2


@pytest.mark.full
def test_nbgraders_own_command_grades_groups_alike(red):
    status, output = red.nbgrader("autograde", "pooling")
    assert status == 0, output
    assert of_student(red, "ada") == of_student(red, "bob") != of_student(red, "joe")
    assert "bob says" in str(red.graded("ada"))


def test_a_member_who_handed_in_nothing_is_not_absent(red, in_process_pool):
    (red.root / "course.toml").write_text('groups.red = ["bob", "grace"]')
    with Gradebook(red.url, "test") as gradebook:
        gradebook.add_student("grace")
        gradebook.add_student("zoe")
    assert red.grade(pool=in_process_pool).absent == ["zoe"]
    assert of_student(red, "grace") == of_student(red, "bob")


@pytest.fixture
def marked(course):
    """Three members with an answer in words that waits for a person."""
    for student in ("ada", "bob", "eve"):
        hand_in(course, student, "2027-01-31 12:00:00", None, cell="written-pooling")
    return course


def give(course, student, mark):
    with Gradebook(course.url, "test") as gradebook, contextlib.closing(gradebook):
        grade = gradebook.find_grade("written-pooling", "pooling", "pooling", student)
        grade.manual_score, grade.needs_manual_grade = mark, mark is None
        gradebook.db.commit()


def marks(course):
    apply(course, RED)
    return [mark for _, mark, *_ in course.query(MARKS)]


def test_a_mark_for_one_member_is_everybodys_and_follows_when_it_changes(marked):
    give(marked, "bob", 1.5)
    assert marks(marked) == [1.5, 1.5, 1.5]
    assert [waits for *_, waits in marked.query(MARKS)] == [0, 0, 0]
    give(marked, "bob", 2.0)
    assert marks(marked) == [2.0, 2.0, 2.0]
    give(marked, "bob", None)
    assert marks(marked) == [None, None, None]


def test_a_mark_that_one_member_was_given_apart_stays(marked):
    give(marked, "bob", 1.5)
    marks(marked)
    give(marked, "eve", 0.5)
    assert marks(marked) == marks(marked) == [1.5, 1.5, 0.5]


def test_two_members_who_were_marked_differently_keep_their_marks(marked):
    give(marked, "ada", 1.0)
    give(marked, "bob", 2.0)
    assert marks(marked) == [1.0, 2.0, None]


def test_extra_credit_and_comments_go_to_all(marked):
    with Gradebook(marked.url, "test") as gradebook:
        gradebook.find_grade("written-pooling", "pooling", "pooling", "ada").extra_credit = 1.0
        gradebook.find_comment("written-pooling", "pooling", "pooling", "ada").manual_comment = "Well said."
        gradebook.db.commit()
    apply(marked, RED)
    assert [extra for _, _, extra, _ in marked.query(MARKS)] == [1.0, 1.0, 1.0]
    assert [waits for *_, waits in marked.query(MARKS)] == [1, 1, 1], "a mark is still to be given"
    found = marked.query("SELECT manual_comment FROM comment WHERE manual_comment IS NOT NULL")
    assert found == [("Well said.",)] * 3


def test_what_was_handed_on_goes_with_a_student_who_leaves(marked):
    give(marked, "bob", 1.5)
    marks(marked)
    assert marked.query("SELECT count(*) FROM autograder_shared") == [(2,)]
    with Gradebook(marked.url, "test") as gradebook:
        gradebook.remove_student("eve")
    assert marked.query("SELECT student FROM autograder_shared") == [("ada",)]
