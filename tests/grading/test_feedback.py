"""Feedback pages show the verdicts and run nothing, whatever a student wrote."""

import re

import nbformat
import pytest
from grading.courses import answer

from autograder.grading.feedback import POLICY
from autograder.grading.harmless import harmless

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image": "<img src=x onerror=alert(1)>",
    "link": "[click](javascript:alert(1))",
    "link_reference": "[click][1]\n\n[1]: javascript:alert(1)",
    "autolink": "<javascript:alert(1)>",
    "entities": "[click](java&#115;cript&colon;alert(1))",
    "svg": "<svg onload=alert(1)>",
    "frame": "<iframe src='//evil.example'></iframe>",
    "style": "<style>body{display:none}</style>",
    "form": "<form action='//evil.example'><input name=password></form>",
    "math": "$\\href{javascript:alert(1)}{x}$",
    "comment": "<!-- --><base href='//evil.example'>",
    "tracker": "![](https://evil.example/pixel.png)",
    "refresh": "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "broken_out_of_code": "`</code><script>alert(1)</script>`\n```\n</pre><script>alert(1)</script>\n```",
}


@pytest.fixture(scope="module")
def page(generated, here, tmp_path_factory):
    """The feedback page of a submission in which everything is hostile."""
    from grading.fixtures import copy_of

    course = copy_of(generated, tmp_path_factory.mktemp("feedback") / "course")
    cells = [
        f"from IPython.display import *\ndisplay(HTML({text!r}), Javascript('alert(1)'))" for text in HOSTILE.values()
    ]
    cells += [
        f"display({{'text/html': {text!r}, 'image/svg+xml': {text!r}, 'image/png': '\">' + {text!r}}}, raw=True)"
        for text in HOSTILE.values()
    ]
    cells += [f"raise ValueError({text!r})" for text in HOSTILE.values()]
    cells += [
        "print('\\x1b]8;;javascript:alert(1)\\x1b\\\\click\\x1b]8;;\\x1b\\\\')",
        "print('</pre><script>alert(1)</script>')",
    ]
    lying = "def max_pool2d(*args, **kwargs):\n    return '<script>alert(1)</script>'"
    nb = answer(
        course.released("pooling"), {"max_pool2d": lying, "written-pooling": "\n\n".join(HOSTILE.values())}, cells
    )
    nb.cells += [nbformat.v4.new_markdown_cell(text) for text in HOSTILE.values()]
    nb.cells += [nbformat.v4.new_raw_cell(text, metadata={"raw_mimetype": "text/html"}) for text in HOSTILE.values()]
    nb.cells[0].metadata["nbgrader"]["grade_id"] = "<script>alert(1)</script>"
    nb.metadata["title"] = "<script>alert(1)</script>"
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "<script>alert(1)</script>"}
    course.submit("eve", nb)
    summary = course.grade(pool=here)
    assert not summary.failures
    code, log = course.nbgrader("generate_feedback", "pooling")
    assert code == 0, log
    return (course.root / "feedback" / "eve" / "pooling" / "pooling.html").read_text()


def test_it_has_no_scripts_and_a_policy(page):
    assert f'content="{POLICY}"' in page
    assert not re.search(r"<script|<iframe|<form|<base|<object|<embed|<link", page, re.IGNORECASE)
    refreshing = re.findall(r"<meta[^>]*http-equiv=[\"']?([\w-]+)", page, re.IGNORECASE)
    assert refreshing == ["Content-Security-Policy"]


def test_no_attribute_runs_or_loads(page):
    tags = re.findall(r"<[a-zA-Z][^<>]*>", page)
    assert not [tag for tag in tags if re.search(r"\son\w+\s*=", tag)]
    addresses = [a for tag in tags for a in re.findall(r"(?:href|src|action)\s*=\s*[\"']?([^\"'\s>]*)", tag)]
    assert not [a for a in addresses if re.match(r"\s*(javascript\s*:|vbscript\s*:|data:text)", a, re.IGNORECASE)]
    assert not [a for a in addresses if a.startswith("http") and "src" in a]


def test_it_shows_the_verdicts(page):
    assert 'class="verdict"' in page and "0 of 8 points" in page


def test_its_list_names_the_tasks(page):
    assert '<a href="#check-max_pool2d">max_pool2d</a>' in page and ">Test cell</a>" not in page


def test_formulas_are_mathml(page):
    assert "<mtable>" in page and "\\begin{pmatrix}" not in page


def test_what_a_student_wrote_can_still_be_read(page):
    assert "alert(1)" in page and "ValueError" in page


def test_harmless_text_is_left_alone():
    plain = "The *maximum* of $x < y$ and `a < b`, see [here](https://example.org), 3 < 4 & 5."
    assert harmless(plain) == plain
    assert "<script" not in harmless("<script>") and "javascript:" not in harmless("[x](javascript:1)")
