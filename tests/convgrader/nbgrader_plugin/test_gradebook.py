"""The one writer leaves what nbgrader would leave, and keeps what people wrote."""

import os

import pytest

from tests.helpers.courses import answer
from tests.helpers.grading_fixtures import FULL, copy_of

pytestmark = pytest.mark.slow

OWN = "submitted_notebook n ON n.id = x.notebook_id JOIN submitted_assignment s ON s.id = n.assignment_id"
CELL = "JOIN base_cell b ON b.id = x.cell_id ORDER BY 1, 2"
TABLES = {
    "grade": "SELECT s.student_id, b.name, x.auto_score, x.manual_score, x.needs_manual_grade, x.extra_credit "
    f"FROM grade x JOIN {OWN} {CELL}",
    "comment": f"SELECT s.student_id, b.name, x.auto_comment, x.manual_comment FROM comment x JOIN {OWN} {CELL}",
    "submission": "SELECT student_id, timestamp, extension FROM submitted_assignment ORDER BY 1",
    "notebook": "SELECT s.student_id, n.flagged, n.late_submission_penalty FROM submitted_notebook n "
    "JOIN submitted_assignment s ON n.assignment_id = s.id ORDER BY 1",
}


def rows(course, table):
    return course.query(TABLES[table])


@pytest.mark.full
def test_it_leaves_the_same_rows_and_files_as_nbgrader(handed_in, tmp_path):
    with_plugin = copy_of(handed_in, tmp_path / "plugin")
    stock = copy_of(handed_in, tmp_path / "stock", plugin=False)
    assert not handed_in.grade(workers=2).failures
    for other in (with_plugin, stock):
        code, log = other.nbgrader("autograde", "pooling")
        assert code == 0, log
        for table in TABLES:
            assert rows(handed_in, table) == rows(other, table), table
        for student in ("all", "half", "none", "wrong", "fails"):
            our_folder, stock_folder = (c.root / "autograded" / student / "pooling" for c in (handed_in, other))
            assert sorted(os.listdir(our_folder)) == sorted(set(os.listdir(stock_folder)) - {".hypothesis"})
            assert (our_folder / "pooling.ipynb").stat().st_mode == (stock_folder / "pooling.ipynb").stat().st_mode
    assert handed_in.total("all") == FULL and handed_in.total("none") == 0


def test_marks_and_comments_by_hand_survive_a_regrade(handed_in, in_process_pool):
    handed_in.grade(pool=in_process_pool, students=["all", "wrong"])
    seeds = handed_in.query("SELECT seed FROM autograder_seed")
    before = handed_in.scores()
    handed_in.query("UPDATE grade SET manual_score = 1.5, needs_manual_grade = 0 WHERE auto_score IS NULL")
    handed_in.query("UPDATE grade SET extra_credit = 2 WHERE auto_score = 8")
    handed_in.query("UPDATE comment SET manual_comment = 'well said'")
    handed_in.grade(pool=in_process_pool, students=["all", "wrong"])
    assert handed_in.scores() == before and handed_in.query("SELECT seed FROM autograder_seed") == seeds
    assert handed_in.query("SELECT needs_manual_grade FROM grade WHERE manual_score = 1.5") == [(0,), (0,)]
    assert handed_in.query("SELECT count(*) FROM grade WHERE extra_credit = 2") == [(1,)]
    assert {c for (c,) in handed_in.query("SELECT manual_comment FROM comment")} == {"well said"}


def kept_verdicts(course, student):
    return course.query("SELECT task, points, earned FROM autograder_verdict WHERE student = ? ORDER BY task", student)


def test_verdicts_go_into_the_gradebook_and_those_of_a_regrade_replace_them(course, in_process_pool, released):
    for text in ("def max_pool2d(x, *a, **k):\n    return x", "def max_pool2d(x, *a, **k):\n    return -x"):
        course.submit("ada", answer(released, {"max_pool2d": text}))
        course.grade(pool=in_process_pool)
        kept = kept_verdicts(course, "ada")
        assert {f"check-{task}": earned for task, _, earned in kept}.items() <= course.scores("ada").items()
        (content,) = course.query("SELECT content FROM autograder_verdict WHERE task = 'max_pool2d'")
        assert len(kept) == len(course.scores("ada")) - 1, "of all but the question in words"
    course.nbgrader("autograde", "pooling", "--force")
    assert kept_verdicts(course, "ada") == kept
    assert course.query("SELECT content FROM autograder_verdict WHERE task = 'max_pool2d'") == [content]


def flagged(course):
    """Return {student: whether the answer in words waits for a person}."""
    return dict(
        course.query(
            f"SELECT s.student_id, x.needs_manual_grade FROM grade x JOIN {OWN} "
            "JOIN base_cell b ON b.id = x.cell_id WHERE b.name = 'written-pooling'"
        )
    )


def test_after_a_regrade_a_person_is_asked_again_for_what_has_changed(course, in_process_pool, released):
    words = {"ada": "It forgets where.", "bob": "It keeps what.", "eve": "Both."}
    for student, text in words.items():
        course.submit(student, answer(released, {"written-pooling": text}))
    course.grade(pool=in_process_pool)
    assert flagged(course) == {"ada": 1, "bob": 1, "eve": 1}
    course.query(
        "UPDATE grade SET manual_score = 1.5, needs_manual_grade = 0 WHERE auto_score IS NULL AND notebook_id IN "
        "(SELECT n.id FROM submitted_notebook n JOIN submitted_assignment s ON s.id = n.assignment_id "
        "WHERE s.student_id != 'eve')"
    )
    course.submit("ada", answer(released, {"written-pooling": words["ada"], "max_pool2d": "max_pool2d = 1"}))
    course.submit("bob", answer(released, {"written-pooling": "It keeps what, not where."}))
    course.grade(pool=in_process_pool)
    assert flagged(course) == {"ada": 0, "bob": 1, "eve": 1}, "eve's was never graded"
    course.grade(pool=in_process_pool)
    assert flagged(course) == {"ada": 0, "bob": 1, "eve": 1}


def test_the_table_of_a_regrade_counts_the_marks_that_stay(course, in_process_pool, released):
    words = {"ada": "It forgets where.", "bob": "It keeps what."}
    for student, text in words.items():
        course.submit(student, answer(released, {"written-pooling": text}))
    course.grade(pool=in_process_pool)
    course.query("UPDATE grade SET manual_score = 1.5, needs_manual_grade = 0 WHERE auto_score IS NULL")
    course.submit("bob", answer(released, {"written-pooling": "It keeps what, not where."}))
    tasks = {task["task"]: task for task in course.grade(pool=in_process_pool).as_dict()["tasks"]}
    assert [tasks["written-pooling"][key] for key in ("by_hand", "scored", "sum", "nothing")] == [1, 2, 3.0, 0]


def test_a_score_that_a_person_changed_is_looked_at_again_with_the_answer(course, in_process_pool, released):
    course.submit("ada", answer(released, {"max_pool2d": "def max_pool2d(x, k):\n    return x"}))
    course.grade(pool=in_process_pool)
    course.query("UPDATE grade SET manual_score = 3 WHERE auto_score = 0 AND manual_score IS NULL")
    query = "SELECT b.name FROM grade x JOIN base_cell b ON b.id = x.cell_id WHERE needs_manual_grade = 1"
    course.grade(pool=in_process_pool)
    assert course.query(query) == []
    course.submit("ada", answer(released, {"max_pool2d": "def max_pool2d(x, k):\n    return -x"}))
    course.grade(pool=in_process_pool)
    assert course.query(query) == [("check-max_pool2d",)]


def test_what_an_earlier_version_graded_counts_by_its_file(course, in_process_pool, released):
    for student in ("ada", "bob"):
        course.submit(student, answer(released, {"written-pooling": "It forgets where."}))
    course.grade(pool=in_process_pool)
    course.query("UPDATE grade SET manual_score = 1, needs_manual_grade = 0 WHERE auto_score IS NULL")
    course.query("DROP TABLE autograder_answer")
    course.submit("bob", answer(released, {"written-pooling": "It forgets."}))
    course.grade(pool=in_process_pool)
    assert flagged(course) == {"ada": 0, "bob": 1}


def test_late_penalties_are_nbgraders(handed_in, in_process_pool, monkeypatch):
    (handed_in.root / "late.py").write_text(
        "from nbgrader.plugins import BasePlugin\n"
        "class OnePoint(BasePlugin):\n"
        "    def late_submission_penalty(self, student_id, score, seconds):\n"
        "        return min(1.0, score)\n"
    )
    with (handed_in.root / "nbgrader_config.py").open("a") as config:
        config.write("c.AssignLatePenalties.plugin_class = 'late.OnePoint'\n")
    monkeypatch.syspath_prepend(str(handed_in.root))
    handed_in.query("UPDATE assignment SET duedate = '2030-01-01 00:00:00.000000'")
    handed_in.grade(pool=in_process_pool, students=["all", "none"])
    assert rows(handed_in, "notebook") == [("all", 0, 1.0), ("none", 0, 0.0)]
    handed_in.query("UPDATE assignment SET duedate = NULL")
    assert handed_in.grade(pool=in_process_pool, students=["all", "none"], resume=True).skipped == 2
    assert rows(handed_in, "notebook") == [("all", 0, None), ("none", 0, None)]
