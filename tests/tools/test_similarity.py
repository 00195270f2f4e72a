"""What `autograder similar` finds of disguised copies, and falsely pairs: a sample here, all in `test-full`."""

import ast
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from convcourse import checks
from tools import similarity

ROOT = Path(__file__).parents[2]
CODE = """\
def f(x, n):
    '''Say what.'''
    a = [v * 2 for v in x if v > n]
    b = n + 0.5
    c = max(b, sum(a) + 1)
    return c if b < 3 else c * b
"""


def value(code):
    space = {"np": np}
    exec(code, space)
    return [space["f"](x, n) for x, n in (([1, 2, 3], 1), ([0.5, 7], 4))]


@pytest.mark.parametrize("how", similarity.DISGUISES)
def test_a_disguise_changes_the_text_and_not_what_it_does(how):
    code = similarity.DISGUISES[how](CODE)
    assert code.split() != ast.unparse(ast.parse(CODE)).split() and value(code) == value(CODE)


def test_a_sample_of_copies_is_found_and_no_two_styles_are_paired():
    counts = similarity.examine(ROOT, "pooling", only=["max_pool2d", "max_pool2d_backward"])
    assert counts["styles"] == 6 and counts["too short"] == 0
    assert counts["pairs of styles"] == 6 and counts["falsely paired"] == 0
    for how in similarity.DISGUISES.keys() - {"variables written out"}:
        assert counts[f"{how}: found"] == counts[f"{how}: copies"], how
    assert counts["names: copies"] == 6


@pytest.mark.full
def test_the_page_has_the_figures_that_are_measured_now():
    total = {True: Counter(), False: Counter()}
    for stem in checks.topics():
        total[stem in similarity.tuned()] += similarity.examine(ROOT, stem)
    page = (ROOT / "book" / "_similarity.md").read_text(encoding="utf-8")
    assert similarity.table(total[False], total[True]) == page


def test_the_tables_say_what_was_counted():
    text = similarity.table({"names: copies": 4, "names: found": 3, "styles": 7}, {"falsely paired": 2})
    assert "| names | 4 | 75 % | 0 | 0 % |" in text
    assert "| answers | 7 | 0 |" in text and "| falsely shown as alike | 0 | 2 |" in text
