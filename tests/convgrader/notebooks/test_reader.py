"""What was handed in is read, however malformed, into the frame of the instructor's notebook."""

import json

import pytest

from convgrader.errors import MalformedNotebookError
from convgrader.notebooks import reader
from convgrader.notebooks.source import SourceCell, SourceNotebook

SOURCE = SourceNotebook(
    "small",
    (
        SourceCell("setup", "code", "import small", None, locked=True),
        SourceCell("f", "code", "def f():\n    raise NotImplementedError", None, locked=False, solution=True),
        SourceCell("check-f", "code", 'check("f", points=2)', "sum", locked=True, grade=True, points=2.0),
    ),
)


def cell(text, name=None, kind="code"):
    return {"cell_type": kind, "source": text, "metadata": {"nbgrader": {"grade_id": name}} if name else {}}


def composed(*cells):
    return reader.compose(reader.submitted_cells({"cells": [*cells]}), SOURCE).cells


def test_a_byte_order_mark_does_no_harm():
    text = '{"cells": [{"cell_type": "code", "source": "x = 1", "metadata": {}}], "nbformat": 4}'
    assert reader.read(b"\xef\xbb\xbf" + text.encode()) == reader.read(text.encode())


@pytest.mark.parametrize(
    "data", [b"", b"not JSON", b"[1, 2]", b"{}", b'{"cells": 3}', b"[" * 100_000], ids=lambda data: data[:8].decode()
)
def test_what_is_no_notebook_is_refused(data):
    with pytest.raises(MalformedNotebookError, match="not a notebook"):
        reader.read(data)


def test_too_many_cells_are_refused(monkeypatch):
    monkeypatch.setattr(reader, "MAX_CELLS", 2)
    with pytest.raises(MalformedNotebookError, match="more than 2 cells"):
        reader.read(json.dumps({"cells": [cell("x")] * 3}).encode())


def test_a_notebook_holds_so_much_text_and_so_many_pictures(monkeypatch):
    monkeypatch.setattr(reader, "MAX_SOURCES", 10)
    monkeypatch.setattr(reader, "MAX_ATTACHMENTS", 8)
    drawn = [cell("x", kind="markdown") | {"attachments": {f"{n}.png": {"image/png": "abcd"}}} for n in range(3)]
    parts = reader.submitted_cells({"cells": [*drawn, cell("1234567"), cell("8")]})
    assert [text for _, text, _, _ in parts] == ["x", "x", "x", "1234567", reader.TOO_LONG]
    assert [len(pictures) for _, _, _, pictures in parts] == [1, 1, 0, 0, 0]


def test_locked_cells_and_metadata_are_the_instructors():
    claimed = {"grade_id": "check-f", "points": 99, "locked": False}
    forged = {"cell_type": "code", "source": "100.0", "metadata": {"nbgrader": claimed, "tags": ["skip-execution"]}}
    by_name = {c.metadata["nbgrader"]["grade_id"]: c for c in composed(cell("def f(): return 1", "f"), forged)}
    assert by_name["check-f"].source == 'check("f", points=2)'
    assert by_name["check-f"].metadata == SOURCE.by_name()["check-f"].metadata()
    assert by_name["f"].source == "def f(): return 1"


def test_what_is_missing_is_put_back_in_its_place():
    names = [c.metadata.get("nbgrader", {}).get("grade_id") for c in composed(cell("mine"), cell("def f(): ...", "f"))]
    assert names == ["setup", None, "f", "check-f"]


def test_of_two_cells_with_one_name_the_last_counts():
    first, second = composed(cell("def f(): return 1", "f"), cell("def f(): return 2", "f"))[1:3]
    assert "nbgrader" not in first.metadata
    assert second.source == "def f(): return 2" and second.metadata["nbgrader"]["grade_id"] == "f"


def test_a_note_stands_at_the_top():
    nb = reader.compose([], SOURCE, "It could not be read.")
    assert nb.cells[0].source == "**It could not be read.**"
