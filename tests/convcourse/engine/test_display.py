"""What a student reads: the same in a terminal and in a notebook."""

import re

import numpy as np
import pytest

from convcourse.engine.check import Check
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
