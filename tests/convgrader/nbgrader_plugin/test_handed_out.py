"""What was handed out in all releases is kept together."""

import json

import pytest
from nbgrader.coursedir import CourseDirectory

from convgrader.nbgrader_plugin import handed_out


def notebook(*texts):
    cells = [{"cell_type": "markdown", "metadata": {}, "source": text} for text in texts]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def course(tmp_path):
    """Return a course whose release holds a notebook of two cells."""
    (tmp_path / "release" / "small").mkdir(parents=True)
    (tmp_path / "release/small/small.ipynb").write_text(notebook("first", "kept"))
    return CourseDirectory(root=str(tmp_path), course_id="test")


def test_texts_of_every_release_are_known(course, tmp_path):
    assert sorted(handed_out.texts(course, "small", "small")) == ["first", "kept"]
    handed_out.remember(course, "small", tmp_path / "release" / "small")
    (tmp_path / "release/small/small.ipynb").write_text(notebook("second", "kept"))
    handed_out.remember(course, "small", tmp_path / "release" / "small")
    assert set(handed_out.texts(course, "small", "small")) == {"first", "second", "kept"}
    assert handed_out.texts(course, "small", "another") == ()


@pytest.mark.parametrize("junk", ["{", "[]", '{"small": '])
def test_a_damaged_record_keeps_nobody_from_grading(course, tmp_path, junk):
    handed_out.remember(course, "small", tmp_path / "release" / "small")
    (tmp_path / "handed_out" / "small.json").write_text(junk)
    assert set(handed_out.texts(course, "small", "small")) == {"first", "kept"}
    handed_out.remember(course, "small", tmp_path / "release" / "small")
    assert json.loads((tmp_path / "handed_out" / "small.json").read_text()) == {"small": ["first", "kept"]}
