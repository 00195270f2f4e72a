"""A notebook is brought up to a new release cell by cell, and nothing that a student wrote is lost."""

import copy

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from convcourse.commands.merge import merge
from convcourse.commands.notebook import name_of, read_notebook
from tests.helpers.notebooks import ROOT, by_name

BLANK = "    # YOUR CODE HERE\n    raise NotImplementedError()"


def named(cell, name, **about):
    cell.metadata["nbgrader"] = {"grade_id": name, "schema_version": 3, "grade": False, "solution": False, **about}
    return cell


def task(name, doc="It does.", points=2):
    """Return the prose, the stub and the check of a task."""
    check = new_code_cell(f'check("{name}", points={points})')
    stub = f'def {name}(x):\n    """{doc}"""\n{BLANK}'
    return [
        new_markdown_cell(f"## {name}\n\nWhat {name} is for."),
        named(new_code_cell(stub), name, solution=True, locked=False),
        named(check, f"check-{name}", grade=True, locked=True, points=points),
    ]


def release(*cells):
    """Return a notebook as it is handed out, its ids by position as the weaver makes them."""
    setup = named(new_code_cell('check = convcourse.checker("pooling")'), "setup", locked=True)
    words = named(new_markdown_cell("YOUR ANSWER HERE"), "written", grade=True, solution=True, locked=False, points=2)
    cells = [setup, new_markdown_cell("# Pooling"), *cells, new_markdown_cell("In your own words."), words]
    cells = copy.deepcopy(cells)
    for position, cell in enumerate(cells):
        cell["id"] = f"pooling-{position:02d}"
    return new_notebook(cells=cells, metadata={"course": {"assignment": "pooling", "provided": []}})


OLD = release(*task("first"), *task("second"), new_code_cell("settings = dict(steps=100)"))
NEW = release(
    *task("zeroth"),
    *task("first", points=3),
    *task("second", doc="It does more."),
    new_code_cell("settings = dict(steps=100)"),
)
ANSWER = 'def first(x):\n    """It does."""\n    return x + 1'


@pytest.fixture
def mine():
    return copy.deepcopy(OLD)


def sources(notebook):
    return [cell.source for cell in notebook.cells]


def test_an_untouched_notebook_becomes_the_new_release(mine):
    merged = merge(mine, OLD, NEW)
    assert merged.notebook.cells == NEW.cells
    assert (merged.added, merged.changed, merged.restored, merged.to_compare) == (
        ["zeroth"],
        ["first", "second"],
        [],
        [],
    )


def test_answers_are_kept_and_new_tasks_added_in_their_place(mine):
    by_name(mine, "first").source = ANSWER
    by_name(mine, "written").source = "It keeps what, not where."
    merged = merge(mine, OLD, NEW)
    assert by_name(merged.notebook, "first").source == ANSWER
    assert by_name(merged.notebook, "written").source == "It keeps what, not where."
    assert by_name(merged.notebook, "check-first").source == 'check("first", points=3)'
    assert [name_of(cell) for cell in merged.notebook.cells] == [name_of(cell) for cell in NEW.cells]
    assert merged.sentences("exercises/pooling/pooling.ipynb") == [
        "New tasks: zeroth.",
        "Changed tasks; your answers are kept: first, second.",
    ]


def test_a_new_description_is_put_over_the_answer(mine):
    by_name(mine, "second").source = 'def second(x):\n    """It does."""\n    return x * 2'
    merged = merge(mine, OLD, NEW)
    assert by_name(merged.notebook, "second").source == 'def second(x):\n    """It does more."""\n    return x * 2'
    assert merged.to_compare == []


def test_an_answer_with_a_description_of_its_own_is_kept_as_it_is_and_named(mine):
    by_name(mine, "second").source = "second = lambda x: x * 2"
    merged = merge(mine, OLD, NEW)
    assert by_name(merged.notebook, "second").source == "second = lambda x: x * 2"
    assert merged.to_compare == ["second"]
    assert "compare it with exercises/a.ipynb: second." in " ".join(merged.sentences("exercises/a.ipynb"))


def test_added_cells_stay_where_they_are_with_their_outputs(mine):
    shown = [new_output("stream", text="7\n")]
    before = new_code_cell("helper = 7\nprint(helper)", outputs=shown, execution_count=4)
    mine.cells.insert(3, before)  # between the prose of the first task and its stub
    mine.cells.append(new_markdown_cell("My notes."))
    merged = merge(mine, OLD, NEW).notebook
    at = sources(merged).index(before.source)
    assert name_of(merged.cells[at + 1]) == "first" and merged.cells[at - 1].source.startswith("## first")
    assert (merged.cells[at].outputs, merged.cells[at].execution_count) == (shown, 4)
    assert merged.cells[-1].source == "My notes."


def test_a_cell_beside_prose_that_changed_stays_beside_what_follows(mine):
    mine.cells.insert(3, new_code_cell("mine = 1"))
    new = copy.deepcopy(NEW)
    next(cell for cell in new.cells if cell.source.startswith("## first")).source = "## first, in other words"
    merged = merge(mine, OLD, new).notebook
    at = sources(merged).index("mine = 1")
    assert sources(merged)[at - 1] == "## first, in other words" and name_of(merged.cells[at + 1]) == "first"
    assert not any(source.startswith("## first\n") for source in sources(merged)), "the old prose is gone"


def test_outputs_are_kept_where_the_code_is_the_same(mine):
    shown = [new_output("stream", text="a verdict")]
    for name in ("check-first", "check-second"):
        by_name(mine, name).outputs = copy.deepcopy(shown)
    merged = merge(mine, OLD, NEW).notebook
    assert by_name(merged, "check-second").outputs == shown
    assert by_name(merged, "check-first").outputs == [], "it is of other points now"


def test_settings_that_a_student_changed_stay_changed(mine):
    """Also if the course has other ones now: then both stand there, the student's after it."""
    edited = next(cell for cell in mine.cells if cell.source.startswith("settings"))
    edited.source = "settings = dict(steps=5000)"
    assert [s for s in sources(merge(mine, OLD, NEW).notebook) if "settings" in s] == ["settings = dict(steps=5000)"]
    new = copy.deepcopy(NEW)
    next(cell for cell in new.cells if cell.source.startswith("settings")).source = "settings = dict(steps=200)"
    assert [s for s in sources(merge(mine, OLD, new).notebook) if "settings" in s] == [
        "settings = dict(steps=200)", "settings = dict(steps=5000)",
    ]  # fmt: skip


def test_the_answer_of_a_task_that_is_gone_stays_as_a_cell_of_ones_own(mine):
    by_name(mine, "first").source = ANSWER
    new = release(*task("second"))
    merged = merge(mine, OLD, new)
    (cell,) = [cell for cell in merged.notebook.cells if cell.source == ANSWER]
    assert name_of(cell) is None and (merged.orphaned, merged.dropped) == (["first"], [])
    assert not any('check("first"' in source for source in sources(merged.notebook))


def test_a_task_that_is_gone_and_was_blank_goes_and_is_named(mine):
    merged = merge(mine, OLD, release(*task("second")))
    assert (merged.orphaned, merged.dropped) == ([], ["first"])
    assert not any("first" in source for source in sources(merged.notebook) if "def " in source)
    assert merged.sentences("") == ["No tasks any more, and you had not begun them: first."]


def test_what_was_deleted_is_put_back(mine):
    mine.cells = [cell for cell in mine.cells if name_of(cell) not in ("check-first", "written")]
    merged = merge(mine, OLD, NEW)
    assert merged.restored == ["first", "written"]
    assert [name_of(cell) for cell in merged.notebook.cells] == [name_of(cell) for cell in NEW.cells]


def test_a_locked_cell_that_was_changed_is_the_courses_again_and_named(mine):
    by_name(mine, "setup").source += "\nprint(1)"
    merged = merge(mine, OLD, NEW)
    assert by_name(merged.notebook, "setup").source == by_name(NEW, "setup").source and merged.reset == ["setup"]


def test_cells_without_metadata_are_known_by_their_text(mine):
    by_name(mine, "first").source = ANSWER
    for cell in mine.cells:
        cell.metadata.clear()
        cell.pop("id", None)  # as an editor of format 4.4 leaves them
    mine.nbformat_minor = 4
    merged = merge(mine, OLD, NEW).notebook
    assert by_name(merged, "first").source == ANSWER
    assert [name_of(cell) for cell in merged.cells] == [name_of(cell) for cell in NEW.cells]
    nbformat.validate(merged)


def test_a_split_answer_keeps_both_halves_in_their_order(mine):
    number = mine.cells.index(by_name(mine, "first"))
    half = copy.deepcopy(mine.cells[number])
    half["id"], half.source = "half", "ONE = 1"
    mine.cells[number].source = ANSWER.replace("1", "ONE")
    mine.cells.insert(number, half)
    merged = merge(mine, OLD, NEW).notebook
    at = sources(merged).index("ONE = 1")
    assert sources(merged)[at + 1] == ANSWER.replace("1", "ONE") and name_of(merged.cells[at + 1]) == "first"


def test_where_the_earlier_release_is_not_known_all_is_kept(mine):
    by_name(mine, "first").source = ANSWER
    mine.cells.insert(2, new_markdown_cell("My notes."))
    merged = merge(mine, None, NEW)
    assert by_name(merged.notebook, "first").source == ANSWER
    assert "My notes." in sources(merged.notebook) and merged.added == ["zeroth"]
    assert by_name(merged.notebook, "check-first").metadata.nbgrader.points == 3


def test_where_the_earlier_release_is_not_known_a_locked_cell_is_the_courses_all_the_same(mine):
    merged = merge(mine, None, release(*task("second")))
    assert not any('check("first"' in source for source in sources(merged.notebook))


@pytest.mark.parametrize("path", sorted(ROOT.glob("exercises/*/*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_of_the_course_that_follows_its_release_is_as_it_was(path):
    released = read_notebook(path)
    merged = merge(read_notebook(path), released, released)
    assert merged.notebook == released and merged.sentences("") == []
    assert merge(read_notebook(path), None, released).notebook == released


KINDS = ("answer", "insert", "delete", "copy", "strip", "move")


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 30)), max_size=12), st.booleans())
def test_nothing_that_was_written_is_lost_and_twice_is_once(edits, is_known):
    mine = copy.deepcopy(OLD)
    written = set()
    for turn, (kind, where) in enumerate(edits):
        cell = mine.cells[where % len(mine.cells)]
        text = f"turn_{turn} = {turn}"
        if kind == "answer" and not cell.metadata.get("nbgrader", {}).get("locked"):
            written -= {line for line in cell.source.split("\n") if line.startswith("turn_")}
            cell.source = text
            written.add(text)
        elif kind == "insert":
            mine.cells.insert(where % len(mine.cells), new_code_cell(text))
            written.add(text)
        elif kind == "delete" and "turn_" not in cell.source and len(mine.cells) > 1:
            mine.cells.remove(cell)
        elif kind == "copy":
            twin = copy.deepcopy(cell)
            twin["id"] = f"twin-{turn}"
            mine.cells.insert(where % len(mine.cells), twin)
        elif kind == "strip":
            cell.metadata.clear()
        elif kind == "move":
            mine.cells.append(mine.cells.pop(where % len(mine.cells)))
    standing = {line for cell in mine.cells for line in cell.source.split("\n") if line.startswith("turn_")}
    merged = merge(mine, OLD if is_known else None, NEW).notebook
    text = "\n".join(sources(merged)).split("\n")
    assert standing <= set(text)
    names = [name_of(cell) for cell in merged.cells if name_of(cell)]
    assert names == [name_of(cell) for cell in NEW.cells if name_of(cell)], "whole, in the course's order"
    nbformat.validate(merged)
    again = merge(merged, NEW, NEW).notebook
    assert sorted(sources(again)) == sorted(sources(merged))
