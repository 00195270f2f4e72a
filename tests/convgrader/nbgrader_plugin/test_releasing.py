"""An assignment is released all of it or not at all, again, too, when it was graded and has changed."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import nbformat
import pytest
from nbgrader.coursedir import CourseDirectory

from convcourse.errors import UsageError
from convgrader import batch, lock
from convgrader.nbgrader_plugin import releasing, revising
from convgrader.notebooks.answers import ELSEWHERE
from convgrader.notebooks.source import SourceNotebook
from tests.helpers.courses import answer

pytestmark = pytest.mark.slow


def source_path(course):
    return course.root / "source" / "pooling" / "pooling.ipynb"


def change(course, edit):
    """Change the source notebook of a course."""
    notebook = nbformat.read(source_path(course), as_version=4)
    edit(notebook.cells)
    nbformat.write(notebook, source_path(course))


def named(cells, name):
    return next(cell for cell in cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name)


def remove(*names):
    def edit(cells):
        for name in names:
            cells.remove(named(cells, name))

    return edit


def add_task(cells, name="extra", points=2, before="lp_pool2d"):
    """Add a task with its check, in the middle."""
    solution, check = (json.loads(json.dumps(named(cells, n))) for n in ("claim_relu", "check-claim_relu"))
    solution["source"] = f"def {name}():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"
    check["source"] = f'check("{name}", points={points})'
    for cell, grade_id in ((solution, name), (check, f"check-{name}")):
        cell["id"] = grade_id
        cell["metadata"]["nbgrader"]["grade_id"] = grade_id
    check["metadata"]["nbgrader"]["points"] = points
    at = cells.index(named(cells, before))
    cells[at:at] = [nbformat.from_dict(solution), nbformat.from_dict(check)]


def set_points(cells, name="max_pool2d", points=16):
    cell = named(cells, f"check-{name}")
    cell.metadata.nbgrader.points = points
    cell.source = f'check("{name}", points={points})'


def rename_written(cells):
    named(cells, "written-pooling").metadata.nbgrader.grade_id = "why"


def release(course, monkeypatch, renamed=None, preview=False):
    """Release from this process; return the lines that it says."""
    monkeypatch.chdir(course.root)
    course_folders = batch.CourseFolders.here()
    course_folders.directory.assignment_id = "pooling"
    return releasing.release(course_folders.directory, course_folders.config, renamed, preview).lines("pooling")


def everything(course):
    """Return all that a failed release must leave alone."""
    dumped = {
        table: course.query(f"SELECT * FROM {table} ORDER BY 1")
        for (table,) in course.query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
    }
    files = {path.relative_to(course.root): path.read_bytes() for path in (course.root / "release").rglob("*.ipynb")}
    return dumped, files


@pytest.fixture
def graded(handed_in, in_process_pool):
    """Two students graded, and marked by hand, with comments."""
    handed_in.grade(pool=in_process_pool, students=["all", "wrong"])
    handed_in.query(
        "UPDATE grade SET manual_score = 1.5, extra_credit = 0.5, needs_manual_grade = 0 WHERE auto_score IS NULL"
    )
    handed_in.query("UPDATE comment SET manual_comment = 'well said'")
    return handed_in


def marks(course, cell="written-pooling"):
    return course.query(
        "SELECT manual_score, extra_credit, needs_manual_grade FROM grade g JOIN base_cell b ON b.id = g.cell_id "
        "WHERE b.name = ?",
        cell,
    )


def comments(course, cell):
    return course.query(
        "SELECT manual_comment FROM comment c JOIN base_cell b ON b.id = c.cell_id WHERE b.name = ?", cell
    )


@pytest.mark.full
def test_a_task_is_added_to_a_graded_assignment_and_graded(graded, in_process_pool, released, answers):
    before = graded.scores()
    change(graded, add_task)
    status, output = graded.nbgrader("generate_assignment", "pooling")
    assert status == 0, output
    assert "added: extra, 2 points" in output and "13 tasks, 50 points before; 14 tasks, 52 points now" in output
    assert "Handed in already: 2. Grade them again: autograder grade pooling --resume" in output
    assert 'check(\\"extra\\", points=2)' in (graded.root / "release/pooling/pooling.ipynb").read_text()
    assert {s: {k: v for k, v in g.items() if k != "check-extra"} for s, g in graded.scores().items()} == before
    assert graded.scores("all")["check-extra"] is None
    assert marks(graded) == [(1.5, 0.5, 0)] * 2 and comments(graded, "max_pool2d") == [("well said",)] * 2
    right = answer(graded.released("pooling"), {**answers[0], "extra": "def extra():\n    return 1"}, [answers[1]])
    graded.submit("new", right)
    assert not graded.grade(pool=in_process_pool, students=["all", "new"]).failures
    order = [cell.name for cell in _in_gradebook(graded).cells if cell.locked or cell.solution]
    assert order.index("avg_pool2d") < order.index("extra") < order.index("lp_pool2d")
    assert sorted(marks(graded), key=str) == [(1.5, 0.5, 0), (1.5, 0.5, 0), (None, None, 0)]


def _in_gradebook(course):
    from nbgrader.api import Gradebook

    from convgrader.nbgrader_plugin import grading_log

    with Gradebook(course.url, "test") as gradebook:
        return grading_log.source_of(gradebook, "pooling", "pooling")


def test_text_of_an_earlier_release_is_nobodys_own_words(graded, in_process_pool, monkeypatch):
    """A blank hand-in stays one, and an answer that was marked stays marked, after a heading was rewritten."""

    def rewrite(cells):
        next(cell for cell in cells if cell.cell_type == "markdown").source = "# Another heading, and other words"

    release(graded, monkeypatch)
    graded.submit("blank", graded.released("pooling"))
    change(graded, rewrite)
    release(graded, monkeypatch)
    assert not graded.grade(pool=in_process_pool, students=["all", "blank", "wrong"]).failures
    assert (None, None, 0) in marks(graded) and marks(graded).count((1.5, 0.5, 0)) == 2
    output = graded.query(
        "SELECT auto_comment FROM comment c JOIN base_cell b ON b.id = c.cell_id WHERE b.name LIKE 'written%'"
    )
    assert ("No response.",) in output and (ELSEWHERE,) not in output


def test_changed_points_reach_the_gradebook_and_the_regrade(graded, in_process_pool, monkeypatch):
    change(graded, set_points)
    assert "  points: max_pool2d had 8, and has 16 now" in release(graded, monkeypatch)
    assert graded.query(
        "SELECT max_score FROM grade_cells g JOIN base_cell b ON b.id = g.id WHERE b.name = 'check-max_pool2d'"
    ) == [(16,)]
    assert graded.scores("all")["check-max_pool2d"] == 8, "graded before"
    graded.grade(pool=in_process_pool, students=["all", "wrong"], resume=True)
    assert graded.scores("all")["check-max_pool2d"] == 16 and graded.total("all") == 56
    assert marks(graded) == [(1.5, 0.5, 0)] * 2, "the answers are those that were marked"


def test_marks_above_the_new_points_stay_and_are_named(graded, monkeypatch):
    def edit(cells):
        named(cells, "written-pooling").metadata.nbgrader.points = 1

    change(graded, edit)
    output = release(graded, monkeypatch)
    assert (
        "  points: written-pooling had 2, and has 1 now; 2 marked by hand, above the new points: all (1.5), wrong (1.5)"
        in output
    )
    assert marks(graded) == [(1.5, 0.5, 0)] * 2


def test_what_was_graded_of_a_removed_task_is_kept_aside_and_comes_back(graded, in_process_pool, monkeypatch):
    kept = source_path(graded).read_text()
    before = everything(graded)[0]
    change(graded, remove("written-pooling", "lp_pool2d", "check-lp_pool2d"))
    output = release(graded, monkeypatch)
    assert any(
        line.startswith("  removed: written-pooling, 2 points; what was graded is kept aside") for line in output
    )
    assert any("comes back with it; 2 marked by hand" in line for line in output)
    assert marks(graded) == [] and "check-lp_pool2d" not in graded.scores("all")
    assert not graded.grade(pool=in_process_pool, students=["all", "none"]).failures
    source_path(graded).write_text(kept)
    assert "  added: written-pooling, 2 points" in release(graded, monkeypatch)
    assert sorted(marks(graded), key=str) == sorted([(1.5, 0.5, 0), (1.5, 0.5, 0), (None, None, 1)], key=str)
    assert comments(graded, "lp_pool2d").count(("well said",)) == 2
    assert graded.scores("wrong")["check-lp_pool2d"] == 3
    assert graded.query("SELECT count(*) FROM autograder_aside") == [(0,)]
    sources = [row[1:] for row in before["source_cell"]]
    assert sorted(row[1:] for row in everything(graded)[0]["source_cell"]) == sorted(sources)


@pytest.mark.parametrize("by_accident_first", [False, True])
def test_a_renamed_task_takes_its_marks_along(graded, monkeypatch, by_accident_first):
    change(graded, rename_written)
    if by_accident_first:
        release(graded, monkeypatch)
        assert marks(graded, "why") == [(None, None, 1)] * 2
    output = release(graded, monkeypatch, {"why": "written-pooling"})
    assert "  renamed: written-pooling is why now" in output
    assert not any("removed" in line or "added" in line for line in output)
    assert marks(graded, "why") == [(1.5, 0.5, 0)] * 2 and marks(graded) == []
    assert comments(graded, "why") == [("well said",)] * 2


def verdict_tasks(course):
    return {row for row in course.query("SELECT task, cell FROM autograder_verdict") if "p_pool" in row[0]}


def test_a_renamed_task_takes_its_verdicts_along(graded, monkeypatch):
    def rename(cells):
        for prefix in ("", "check-"):
            cell = named(cells, f"{prefix}lp_pool2d")
            cell.metadata.nbgrader.grade_id = f"{prefix}p_pool2d"
            cell.source = cell.source.replace("lp_pool2d", "p_pool2d")

    assert verdict_tasks(graded) == {("lp_pool2d", "check-lp_pool2d")}
    change(graded, rename)
    release(graded, monkeypatch, {"p_pool2d": "lp_pool2d"})
    assert verdict_tasks(graded) == {("p_pool2d", "check-p_pool2d")}


@pytest.mark.parametrize(
    ("renamed", "message"),
    [
        ({"why": "whence"}, "the gradebook has no task whence; it has pool_output_shape, "),
        ({"whence": "written-pooling"}, "the assignment has no task whence; it has pool_output_shape, "),
        ({"lp_pool2d": "max_pool2d"}, "max_pool2d cannot be called lp_pool2d now: there are both"),
    ],
)
def test_a_name_that_cannot_be_is_refused(graded, monkeypatch, renamed, message):
    change(graded, rename_written)
    before = everything(graded)
    with pytest.raises(UsageError, match=message):
        release(graded, monkeypatch, renamed)
    assert everything(graded) == before


def test_tasks_in_another_order_change_nothing_else(graded, monkeypatch):
    def edit(cells):
        task = [named(cells, name) for name in ("max_pool2d", "check-max_pool2d")]
        for cell in task:
            cells.remove(cell)
        cells += task

    grades = everything(graded)[0]["grade"]
    change(graded, edit)
    assert release(graded, monkeypatch)[1] == "  order: the tasks stand in another order"
    assert _in_gradebook(graded).cells[-1].name == "check-max_pool2d"
    assert everything(graded)[0]["grade"] == grades


def test_a_preview_says_the_same_and_changes_nothing(graded, monkeypatch):
    change(graded, add_task)
    change(graded, remove("lp_pool2d", "check-lp_pool2d"))
    before = everything(graded)
    output = release(graded, monkeypatch, preview=True)
    assert everything(graded) == before
    assert release(graded, monkeypatch) == output
    assert release(graded, monkeypatch)[0] == "pooling: nothing changes for those who grade."


def test_a_notebook_that_is_as_it_was_keeps_its_time(graded, monkeypatch):
    release(graded, monkeypatch)
    path = graded.root / "release" / "pooling" / "pooling.ipynb"
    os.utime(path, (1_000_000_000, 1_000_000_000))
    release(graded, monkeypatch)
    assert path.stat().st_mtime == 1_000_000_000
    change(graded, set_points)
    release(graded, monkeypatch)
    assert path.stat().st_mtime > 1_000_000_000


def test_a_task_that_nothing_checks_is_named(graded, monkeypatch):
    change(graded, add_task)
    assert release(graded, monkeypatch)[-1] == (
        "Nothing in convcourse.checks checks extra: everybody earns 0 for that."
    )
    change(graded, remove("extra", "check-extra"))
    assert "Nothing" not in release(graded, monkeypatch)[-1]


def test_every_task_of_a_topic_without_checks_is_named_and_none_of_a_notebook_with_its_own(graded):
    def with_setup(source):
        first, *others = _in_gradebook(graded).cells
        return SourceNotebook("pooling", (dataclasses.replace(first, source=source), *others))

    assert len(releasing.unchecked(with_setup('check = convcourse.checker("mine")'))) == 12
    assert releasing.unchecked(with_setup("check = print")) == []


@pytest.mark.parametrize(
    "slip", [AttributeError("no attribute 'CHECKS'"), SyntaxError("invalid"), KeyError("x")], ids=repr
)
def test_a_slip_in_the_checks_is_a_sentence_and_releases_nothing(graded, monkeypatch, slip):
    def load(topic):
        raise slip

    before = everything(graded)
    with monkeypatch.context() as patch:
        patch.setattr(releasing.checks, "load", load)
        for preview in (True, False):
            with pytest.raises(UsageError, match=f"the checks of pooling cannot be run: {type(slip).__name__}"):
                release(graded, monkeypatch, preview=preview)
    assert everything(graded) == before


def test_a_preview_before_the_first_release_makes_no_gradebook(course, monkeypatch):
    (course.root / "gradebook.db").unlink()
    shutil.rmtree(course.root / "release")
    output = release(course, monkeypatch, preview=True)
    assert output == ["pooling:", "  new in the gradebook: 13 tasks, 50 points"]
    assert not (course.root / "gradebook.db").exists() and not (course.root / "release").exists()
    assert release(course, monkeypatch) == output
    assert (course.root / "release/pooling/pooling.ipynb").is_file()


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (releasing, "_nbgrader_start"), (revising, "compare"), (revising._NotebookEntry, "write_sources"),
        (Path, "rename"), ("sqlalchemy.orm.Session", "commit"),
    ],
    ids=["the conversion", "the comparison", "the gradebook", "the exchange", "the end"],
)  # fmt: skip
def test_a_release_that_fails_leaves_all_as_it_was(graded, monkeypatch, where, name):
    change(graded, add_task)
    before = everything(graded)

    def fail(*arguments, **options):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"{where}.{name}", fail) if isinstance(where, str) else patch.setattr(where, name, fail)
        with pytest.raises(OSError, match="No space"):
            release(graded, monkeypatch)
    assert everything(graded) == before
    assert not list(graded.root.glob(".release-*"))
    assert "  added: extra, 2 points" in release(graded, monkeypatch)


def test_the_second_half_of_an_exchange_that_fails_is_undone(graded, monkeypatch):
    change(graded, add_task)
    before, calls, real = everything(graded), [], Path.rename

    def fail(path, target):
        calls.append(path)
        if len(calls) == 2:
            raise OSError("No space left on device")
        return real(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="No space"):
        release(graded, monkeypatch)
    assert everything(graded) == before


def test_what_a_release_left_that_was_killed_goes_with_the_next(graded, monkeypatch):
    """Killed between the two halves of the exchange: the notebook is gone, and lies in a folder of the release."""
    left = graded.root / ".release-pooling+killed" / "earlier"
    left.parent.mkdir()
    (graded.root / "release" / "pooling").rename(left)
    (graded.root / ".release-layer+busy").mkdir()
    release(graded, monkeypatch)
    assert (graded.root / "release" / "pooling" / "pooling.ipynb").is_file()
    assert [path.name for path in graded.root.glob(".release-*")] == [".release-layer+busy"]


def test_an_assignment_that_is_being_graded_is_not_released(graded, monkeypatch):
    change(graded, add_task)
    before = everything(graded)
    with (
        lock.exclusive(CourseDirectory(root=str(graded.root)), "pooling"),
        pytest.raises(UsageError, match="being graded or"),
    ):
        release(graded, monkeypatch)
    assert everything(graded) == before


def test_a_notebook_that_was_handed_in_cannot_go(graded, monkeypatch):
    source_path(graded).rename(source_path(graded).with_name("another.ipynb"))
    before = everything(graded)
    with pytest.raises(UsageError, match="the notebook pooling is gone, and students have handed it in"):
        release(graded, monkeypatch)
    status, output = graded.nbgrader("generate_assignment", "pooling")
    assert status == 1 and "put it back" in output and "Traceback" not in output
    assert everything(graded) == before


@pytest.mark.full
def test_nbgrader_grades_what_was_released_again(graded):
    change(graded, add_task)
    change(graded, remove("lp_pool2d", "check-lp_pool2d"))
    for step in (["generate_assignment"], ["autograde", "--force"]):
        status, output = graded.nbgrader(step[0], "pooling", *step[1:])
        assert status == 0, output
    assert marks(graded) and graded.scores("all")["check-max_pool2d"] == 8


@pytest.mark.full
def test_a_file_that_the_instructor_links_to_is_handed_out(graded, tmp_path):
    (tmp_path / "data.txt").write_text("data")
    (source_path(graded).parent / "data.txt").symlink_to(tmp_path / "data.txt")
    status, output = graded.nbgrader("generate_assignment", "pooling")
    assert status == 0, output
    assert (graded.root / "release" / "pooling" / "data.txt").read_text() == "data"
