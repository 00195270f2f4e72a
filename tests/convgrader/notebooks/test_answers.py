"""What a student wrote is told from what was handed out, wherever it stands."""

import dataclasses
import json
import time

import pytest

from convgrader.notebooks import reader
from convgrader.notebooks.answers import Answers, is_prose
from convgrader.notebooks.reader import MAX_SOURCES
from tests.helpers.courses import ROOT

PROSE = "Pooling keeps that a shape is there, and forgets where."


def answers_of(notebook, source):
    return Answers(reader.read(json.dumps(notebook).encode()), source)


def filled(released, **texts):
    """Return the released notebook with other texts in some of its cells."""
    notebook = json.loads(json.dumps(released))
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id", "").replace("-", "_")
        cell["source"] = texts.get(name, cell["source"])
    return notebook


def with_cell(released, kind, text, **metadata):
    notebook = json.loads(json.dumps(released))
    notebook["cells"].insert(4, {"cell_type": kind, "source": text, "metadata": metadata})
    return notebook


def lost_metadata(released):
    notebook = filled(released, written_pooling=PROSE)
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    return notebook


def under_the_question(released):
    notebook = json.loads(json.dumps(released))
    notebook["cells"][-2]["source"] += f"\n\n{PROSE}"
    return notebook


PLACES = {
    "a cell of markdown": lambda nb: with_cell(nb, "markdown", PROSE),
    "a raw cell": lambda nb: with_cell(nb, "raw", PROSE),
    "a cell of code": lambda nb: with_cell(nb, "code", PROSE),
    "a comment in a cell of code": lambda nb: with_cell(nb, "code", f"# {PROSE}"),
    "a copy of the cell, above it": lambda nb: with_cell(
        nb, "markdown", PROSE, nbgrader={"grade_id": "written-pooling"}
    ),
    "a cell that lost its metadata": lost_metadata,
    "the cell of the question": under_the_question,
    "the cell of a function": lambda nb: filled(nb, claim_shift=PROSE),
    "a locked cell": lambda nb: filled(nb, check_claim_shift=f'check("claim_shift", points=2)\n# {PROSE}'),
}


@pytest.mark.parametrize("place", PLACES)
def test_words_are_found_wherever_they_were_typed(released, source, place):
    assert PROSE in answers_of(PLACES[place](released), source).elsewhere


def test_what_was_handed_out_and_what_runs_are_no_words(released, source, answers):
    right, helpers = answers
    assert answers_of(released, source).elsewhere == ""
    assert answers_of(with_cell(filled(released, **right), "code", helpers), source).elsewhere == ""
    assert answers_of(filled(released, written_pooling=PROSE), source).elsewhere == "", "it is where it belongs"
    assert answers_of(with_cell(released, "markdown", "---"), source).elsewhere == ""


def test_code_is_no_prose_in_whatever_style():
    files = [*ROOT.glob("solutions/*/*.py"), *ROOT.glob("autograder/*/*/*.py"), *ROOT.glob("tools/*.py")]
    texts = {path: path.read_text(encoding="utf-8") for path in files if not path.stem.startswith("_")}
    assert len(texts) > 50 and [path for path, text in texts.items() if is_prose(text)] == []


@pytest.mark.parametrize(
    ("text", "is_words"),
    [("where  what", True), ("x = where what", True), ("where\nwhat", False), ("where\twhat", False),
     ("for what in where", False), ("x[where] what", False), ("1 where what", True), ("3 where", False)],
)  # fmt: skip
def test_two_words_side_by_side_are_prose(text, is_words):
    assert is_prose(text) == is_words


@pytest.mark.parametrize(
    "text", ['"', "'''", "\\", '\\"', "\\'", "a ", " ", '"\\\n', "#", "((", "{", "-", "%", "f'{", "a", "if "], ids=repr
)
def test_odd_code_costs_little(text):
    """Linear in its length: what a parser does with such cells is another matter."""
    start = time.process_time()
    is_prose(text * (MAX_SOURCES // len(text)))
    assert time.process_time() - start < 20


def test_an_answer_has_changed_where_its_text_has(released, source):
    def changed(one, other):
        before, after = (answers_of(notebook, source).digests() for notebook in (one, other))
        return {name for name in before if before[name] != after[name]}

    mine = filled(released, max_pool2d="max_pool2d = 1", written_pooling=PROSE)
    assert changed(mine, mine) == set()
    assert changed(mine, filled(mine, max_pool2d="max_pool2d = 2")) == {"check-max_pool2d"}
    assert changed(mine, filled(mine, written_pooling="Nothing.")) == {"written-pooling"}
    assert changed(mine, with_cell(mine, "markdown", "My plan.")) == set()
    assert changed(released, with_cell(released, "markdown", PROSE)) == {"written-pooling"}
    checks = {cell.name for cell in source.cells if cell.grade and not cell.solution}
    assert changed(mine, with_cell(mine, "code", "x = 1")) == checks, "it may concern any of them"


def test_a_task_without_an_answer_cell_changes_with_anything(released, source):
    task = dataclasses.replace(source.cells[-1], name="task", grade=False, solution=False, task=True, locked=True)
    with_task = dataclasses.replace(source, cells=(*source.cells, task))
    one, other = (answers_of(nb, with_task).digests() for nb in (released, with_cell(released, "code", "x = 1")))
    assert one["task"] != other["task"]


def test_an_emptied_answer_changes_where_the_words_elsewhere_do(released, source):
    """What was typed elsewhere is the answer then, and a person looks again."""
    emptied = filled(released, written_pooling="")
    before = answers_of(with_cell(emptied, "markdown", PROSE), source).digests()
    after = answers_of(with_cell(emptied, "markdown", f"{PROSE} Or so."), source).digests()
    assert [name for name in before if before[name] != after[name]] == ["written-pooling"]
