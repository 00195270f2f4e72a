"""The page: both texts side by side, nothing of a student's runs, and it says that likeness is no proof."""

import re

import pytest

from convgrader.similarity import page
from convgrader.similarity.report import make_report
from tests.convgrader.similarity.test_report import ANSWER, RENAMED, task
from tests.helpers.chromium import browser
from tests.helpers.visits import Visit

EVIL = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}"


def made(answers, **more):
    return page.page(make_report([task(answers, **more)]), "Likeness is no proof.")


def test_both_texts_stand_side_by_side_with_the_lines_that_are_alike_marked():
    html = made({"ada": ANSWER, "bob": RENAMED + "# my own"})
    assert "Likeness is no proof." in html and "f: 100% alike" in html
    assert html.count("out[i] = x[2 * i") == html.count("y[i] = x[2 * i") == 1
    marked = re.findall(r"<mark><span class=\"hidden\">alike: </span>(.*?)</mark>", html)
    assert any("y[i]" in line for line in marked) and not any("my own" in line for line in marked)


def test_what_a_student_wrote_is_text_and_nothing_is_loaded():
    html = made({"ada": f"{ANSWER}# {EVIL}", "<b>bob": f"{RENAMED}# {EVIL}\x1b[2J"})
    assert "<script" not in html and "<img" not in html and "<b>" not in html and "\x1b" not in html
    assert "{{ 7 * 7 }}" in html and "default-src 'none'" in html
    assert not re.search(r"(?:src|href)=|url\(", html.replace("&lt;img src=x", ""))


def test_a_class_in_which_nobody_is_alike_has_a_page():
    assert "No two answers are that much alike." in made({"ada": ANSWER})


def test_a_long_answer_is_cut_and_so_is_the_list_of_pairs(monkeypatch):
    monkeypatch.setattr(page, "MAX_LINES", 3)
    monkeypatch.setattr(page, "PAIRS", 1)
    html = made({"ada": ANSWER, "bob": RENAMED, "cem": ANSWER})
    assert "3 more lines." in html and "2 more are in the files" in html


def test_groups_and_common_answers_are_listed():
    assert "3 are alike together in f: ada, bob, cem" in made({"ada": ANSWER, "bob": RENAMED, "cem": ANSWER})
    assert "f: 5 (s0, s1, s2, s3, s4)" in made({f"s{n}": ANSWER for n in range(5)})


@pytest.fixture(scope="module")
def chromium():
    with browser() as started:
        yield started


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_it_can_be_read_wide_and_narrow_in_light_and_dark_by_everybody(chromium, tmp_path, width, scheme):
    long = "# " + "long " * 60
    (tmp_path / "page.html").write_text(made({"ada": f"{ANSWER}{long}", "x" * 80: RENAMED}), encoding="utf-8")
    seen = Visit(chromium, width=width, color_scheme=scheme)
    try:
        seen.page.goto((tmp_path / "page.html").as_uri())
        seen.page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        assert seen.errors == [] and [one for one in seen.outside if not one.startswith("file:")] == []
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width, "nothing is wider than the page"
        sides = [side.bounding_box() for side in seen.page.locator(".sides > section").all()]
        assert (sides[0]["y"] == sides[1]["y"]) == (width > 400), "side by side where there is room"
        assert seen.axe() == []
    finally:
        seen.context.close()
