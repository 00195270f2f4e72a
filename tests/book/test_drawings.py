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


READABLE = ("attention", "variants", "visual_cortex")  # chapters whose labels have 11 pixels where 640 are the width


def labels(tree):
    """Return the sizes of letters that a piece of code asks for, in points, and the widths of figures, in inches."""
    calls = [keyword for node in ast.walk(tree) if isinstance(node, ast.Call) for keyword in node.keywords]
    sizes = [k.value.value for k in calls if k.arg in ("fontsize", "labelsize") and isinstance(k.value, ast.Constant)]
    widths = [k.value.elts[0] for k in calls if k.arg == "figsize"]
    bounds = [w.args[0] if isinstance(w, ast.Call) and w.func.id == "min" else w for w in widths]  # min(7.2, ...)
    return sizes, [bound.value if isinstance(bound, ast.Constant) else float("inf") for bound in bounds]


def too_small(tree):
    """Say whether a letter has fewer than 11 pixels once the figure is 640 pixels wide: 72 points are an inch."""
    sizes, widths = labels(tree)
    return bool(widths) and min(sizes, default=10) * 640 / 72 / max(widths) < 11


@pytest.mark.parametrize("stem", READABLE)
def test_labels_can_be_read_where_a_figure_is_640_pixels_wide(stem):
    path = Path(__file__).parents[2] / "book" / "drawings" / f"{stem}.py"
    assert not too_small(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "code",
    [
        "plt.subplots(figsize=(9, 3)); axis.legend(fontsize=9)",
        "plt.subplots(figsize=(7.2, 3)); axis.legend(fontsize=8)",
        "plt.subplots(figsize=(2.4 * n, 3))",
    ],
)
def test_labels_that_are_too_small_would_be_found(code):
    assert too_small(ast.parse(code))
    assert not too_small(ast.parse("plt.subplots(figsize=(min(7.2, n), 3)); axis.legend(fontsize=9)"))
