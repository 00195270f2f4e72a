"""The page: both texts side by side, nothing of a student's runs, and it says that likeness is no proof."""

import re

from convgrader.similarity import page
from convgrader.similarity.report import make_report
from tests.convgrader.similarity.test_report import ANSWER, RENAMED, task

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
    assert "{{ 7 * 7 }}" in html and "default-src &#39;none&#39;" in html
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
