"""An assignment's notebook as the instructor wrote it."""

from convgrader.notebooks.source import SourceCell, SourceNotebook

CELLS = (
    SourceCell("setup", "code", "import small", "abc", locked=True),
    SourceCell("train-digits", "code", "train()", None, locked=True),
    SourceCell("f", "code", "def f(): ...", None, locked=False, solution=True),
    SourceCell("check-f", "code", 'check("f", points=2)', "def", locked=True, grade=True, points=2.0),
    SourceCell("why", "markdown", "YOUR ANSWER HERE", None, locked=False, grade=True, solution=True, points=3.0),
)


def test_its_metadata_are_what_nbgrader_expects():
    assert CELLS[3].metadata()["nbgrader"] == {
        "grade": True, "grade_id": "check-f", "locked": True, "solution": False, "task": False, "schema_version": 3,
        "cell_type": "code", "checksum": "def", "points": 2.0,
    }  # fmt: skip
    assert not {"checksum", "points"} & set(CELLS[1].metadata()["nbgrader"])


def test_its_plan_leaves_out_what_trains_and_what_a_person_grades():
    plan = SourceNotebook("small", CELLS).plan
    assert plan.locked == {"setup": "import small", "check-f": 'check("f", points=2)'}
    assert plan.points == {"check-f": 2.0} and plan.solution_ids == ("f", "why")
