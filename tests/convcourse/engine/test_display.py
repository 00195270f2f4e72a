"""What a student reads: the same in a terminal and in a notebook."""

import re

import numpy as np
import pytest

from convcourse.engine.check import Check
from convcourse.engine.context import graded_run
from convcourse.engine.display import as_html, as_text
from convcourse.engine.model import SCORED, Case
from tests.helpers.doubling import verdict_on


def test_text_says_the_call_the_numbers_and_where_to_read():
    text = as_text(verdict_on(lambda x: 3 * x))
    assert "You tripled." in text
    assert "The call: double(" in text
    assert "expected:" in text
    assert "book/pooling.html#pooling-max" in text
    assert "seed 0" in text


def test_html_escapes_what_a_student_wrote_and_loads_nothing():
    def evil(x):
        raise ValueError('<script>alert(1)</script><img src="http://x">\x1b[31m')

    page = as_html(verdict_on(evil))
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("https://a.b/c", "https://a.b/c/book/pooling.html#pooling-max"),
        ("https://a.b/c/", "https://a.b/c/book/pooling.html#pooling-max"),
        ("", None),
        ("javascript:alert(1)//", None),
    ],
)
def test_a_verdict_links_to_the_site_where_it_is_known(told, address, monkeypatch):
    monkeypatch.setenv("COURSE_SITE", told)
    verdict = verdict_on(lambda x: 3 * x)
    assert re.findall(r'href="(.*?)"', as_html(verdict)) == ([address] if address else [])
    assert f"Read: {address or 'book/pooling.html#pooling-max'}\n" in as_text(verdict)


def test_pictures_have_a_text_in_their_place():
    page = as_html(verdict_on(lambda x: 3 * x))
    assert page.count("<svg") == page.count('role="img"') == page.count("aria-label") >= 3


def test_a_large_array_is_shown_around_its_worst_element():
    check = Check("double", oracle=lambda x: 2 * x, cases=(Case((np.ones((1, 1, 60, 70)),)),))

    def wrong(x):
        y = 2 * x
        y[0, 0, 50, 60] = -1
        return y

    verdict = verdict_on(wrong, check)
    assert verdict.failure.difference.where == (0, 0, 50, 60)
    assert len(as_html(verdict)) < 60_000


def test_a_single_number_as_an_array_is_shown_too():
    check = Check("total", oracle=lambda x: np.asarray(x.sum()), cases=(Case((np.ones((2, 3)),)),))
    verdict = verdict_on(lambda x: np.asarray(x.sum() + 1), check)
    assert "got 7, expected 6" in as_text(verdict)
    assert "<svg" in as_html(verdict)


def test_a_notebook_keeps_the_points_for_programs_too():
    bundle = verdict_on(lambda x: np.minimum(2 * x, 100.0).astype(x.dtype))._repr_mimebundle_()
    assert bundle[SCORED] == {"name": "double", "points": 4.0, "earned": 1.0}


def test_arrays_of_one_axis_stand_in_one_pair_of_brackets_and_truth_in_words():
    row = Check("row", oracle=lambda x: 2 * x, cases=(Case((np.array([1.0, 2.0]),)),))
    text = as_text(verdict_on(lambda x: 3 * x, row))
    assert "got:\n    [3. 6.]\n" in text and "[[" not in text
    assert "<svg" in as_html(verdict_on(lambda x: 3 * x, row))
    positive = Check("positive", oracle=lambda x: x > 0, cases=(Case((np.array([1.0, -2.0]),)),))
    verdict = verdict_on(lambda x: x < 0, positive)
    assert "got False, expected True." in as_text(verdict) and "[False  True]" in as_text(verdict)
    assert ">True<" in as_html(verdict) and "difference" not in as_html(verdict)


def test_as_many_digits_as_differ():
    check = Check("near", oracle=lambda x: 2 * x, cases=(Case((np.array([1.0]),)),), exempt={"scale": "not asked"})
    assert "got 2.00000001, expected 2." in as_text(verdict_on(lambda x: 2 * x + 1e-8, check))
    assert "got NaN (not a number), expected 2." in as_text(verdict_on(lambda x: x * np.nan, check))


def test_where_arrays_are_shortened_a_student_is_told_how_to_get_them():
    for write in (as_text, as_html):
        assert "check.case()" in write(verdict_on(lambda x: 3 * x))
    row = Check("row", oracle=lambda x: 2 * x, cases=(Case((np.array([1.0, 2.0]),)),))
    assert "check.case()" not in as_text(verdict_on(lambda x: 3 * x, row))
    with graded_run(3, print):
        assert "check.case()" not in as_text(verdict_on(lambda x: 3 * x)), "nobody can call it there"


def test_numpys_numbers_are_numbers():
    check = Check("sum", oracle=lambda x, by: x * by, cases=(Case((np.array([1.0]), np.float64(2.5))),))
    assert "The call: sum([1], 2.5)" in as_text(verdict_on(lambda x, by: x, check))


ODD = ["\x1b[2J\x1b]0;MARK\x07", "\x9b31m", "\r", "\x00", "\x7f", "\u202e", "\u2028", "\ud800"]


@pytest.mark.parametrize("mark", ODD, ids=ascii)
@pytest.mark.parametrize("kind", ["raised", "returned"])
def test_nothing_that_a_student_wrote_moves_the_cursor_or_turns_the_writing(mark, kind):
    def answered(x):
        if kind == "raised":
            raise ValueError(f"odd {mark}")
        return f"odd {mark}"

    text, page = as_text(verdict_on(answered)), as_html(verdict_on(answered))
    assert "odd" in text and mark not in page
    assert not [line for line in text.split("\n") if not line.isprintable()]
