"""The one writer leaves what nbgrader would leave, and keeps what people wrote."""

import os

from tests.helpers.grading_fixtures import FULL, copy_of

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
            ours, theirs = (c.root / "autograded" / student / "pooling" for c in (handed_in, other))
            assert sorted(os.listdir(ours)) == sorted(set(os.listdir(theirs)) - {".hypothesis"})
            assert (ours / "pooling.ipynb").stat().st_mode == (theirs / "pooling.ipynb").stat().st_mode
    assert handed_in.total("all") == FULL and handed_in.total("none") == 0


def test_marks_and_comments_by_hand_survive_a_regrade(handed_in, here):
    handed_in.grade(pool=here, students=["all", "wrong"])
    seeds = handed_in.query("SELECT seed FROM autograder_seed")
    before = handed_in.scores()
    handed_in.query("UPDATE grade SET manual_score = 1.5, needs_manual_grade = 0 WHERE auto_score IS NULL")
    handed_in.query("UPDATE grade SET extra_credit = 2 WHERE auto_score = 8")
    handed_in.query("UPDATE comment SET manual_comment = 'well said'")
    handed_in.grade(pool=here, students=["all", "wrong"])
    assert handed_in.scores() == before and handed_in.query("SELECT seed FROM autograder_seed") == seeds
    assert handed_in.query("SELECT needs_manual_grade FROM grade WHERE manual_score = 1.5") == [(0,), (0,)]
    assert handed_in.query("SELECT count(*) FROM grade WHERE extra_credit = 2") == [(1,)]
    assert {c for (c,) in handed_in.query("SELECT manual_comment FROM comment")} == {"well said"}


def test_late_penalties_are_nbgraders(handed_in, here, monkeypatch):
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
    handed_in.grade(pool=here, students=["all", "none"])
    assert rows(handed_in, "notebook") == [("all", 0, 1.0), ("none", 0, 0.0)]
