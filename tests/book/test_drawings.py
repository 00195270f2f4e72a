"""A drawing gets arrays and draws them: what it shows was computed where a reader sees how."""

import ast
from pathlib import Path

import pytest

DRAWINGS = sorted((Path(__file__).parents[2] / "book" / "drawings").glob("*.py"))
ELSEWHERE = {"random", "default_rng", "linalg", "fft", "fit", "backward", "corrcoef", "cov", "polyfit", "lstsq"}


def computed(tree):
    """Return the names by which a piece of code draws random numbers, trains, or measures."""
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & ELSEWHERE


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_a_drawing_draws_no_random_numbers_trains_nothing_and_measures_nothing(path):
    assert not computed(ast.parse(path.read_text(encoding="utf-8")))


def test_one_that_did_would_be_found():
    assert computed(ast.parse("np.random.default_rng(0).normal(size=3)")) == {"random", "default_rng"}
