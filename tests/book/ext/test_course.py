"""What the directives of the course make of a page."""

import re
from pathlib import Path

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup

from book._ext import course
from convgrader import trials
from tools import contents

ROOT = Path(__file__).parents[3]

PAGE = """\
# Page

```{self-check}
:answer: 1/4
How much of *it*?
---
A quarter, because it is halved twice.
```

```{self-check}
:answer: "0"
:choices: "1 | 0"
Which?
---
None.
```

```{self-check}
Why?
---
Because.
```

```{interactive} convolution-arithmetic
:caption: Sizes & steps
:options: {"n": 5}
Make it larger.
```

```{claims} pooling
```

```{claims}
```
"""
FAULTY = """\
# Faulty

```{self-check}
:answer: 3
There is no line.
```

```{self-check}
:answer: 3
:choices: 1 | 2
Which?
---
None.
```

```{interactive} nothing
```

```{interactive} convolution-arithmetic
:options: {n
```
"""


TRIAL = """
```{admonition} On trial: "PyTorch's start (of *W*) is made for ReLU."
:class: on-trial
**Verdict: false.**
```
"""


@pytest.fixture(scope="module")
def site(build):
    return build({"index.md": PAGE + TRIAL, "faulty.md": "---\norphan: true\n---\n" + FAULTY}, ["book._ext.course"])


@pytest.fixture(scope="module")
def page(site):
    return BeautifulSoup((site / "_build/html/index.html").read_text(encoding="utf-8"), "html.parser")


def test_a_self_check_knows_its_answer_and_shows_it_without_scripts_too(page):
    number, choice, open_one = page.find_all("self-check")
    assert (number["data-kind"], number["data-answer"], number["data-shown"]) == ("number", "0.25", "1/4")
    assert 0 < float(number["data-tolerance"]) < 1e-6
    assert number.select_one(".self-check-question em").get_text() == "it"
    assert "halved twice" in number.select_one("details .self-check-answer").get_text()
    assert (choice["data-kind"], choice["data-answer"]) == ("choice", "1")
    assert [item.get_text() for item in choice.select(".self-check-choices li")] == ["1", "0"]
    assert open_one["data-kind"] == "open" and "data-answer" not in open_one.attrs
    assert len({check["data-key"] for check in (number, choice, open_one)}) == 3


def test_a_pages_progress_counts_the_checks_that_have_an_answer(page):
    assert page.select_one("h1 + .self-check-progress .self-check-progress-text").get_text().endswith("0 of 2 right")
    assert [dot["href"] for dot in page.select(".self-check-dots a")] == ["#self-check-1", "#self-check-2"]


def test_an_interactive_figure_has_a_still_and_says_what_to_try(page):
    figure = page.select_one("figure.interactive")
    assert figure.select_one(".interactive-title").get_text() == "Sizes & steps"
    element = figure.find("course-convolution-arithmetic")
    assert element["data-options"] == '{"n": 5}'
    still = element.find("img")
    assert still["src"] == "_static/figures/stills/convolution-arithmetic.png" and still["alt"] and still["height"]
    assert "Make it larger." in figure.select_one(".interactive-try").get_text()


def test_a_claim_on_trial_has_the_anchor_that_reports_point_at(page):
    box = page.select_one("div.admonition.on-trial")
    assert box["id"] == trials.anchor("PyTorch's start (of W) is made for ReLU.")
    assert box["id"] == "on-trial-pytorch-s-start-of-w-is-made-for-relu"


def test_claims_are_those_of_the_topic_and_the_count_is_of_all(page):
    rows, count = page.select(".course-claims tbody tr"), page.get_text()
    claims = yaml.safe_load((ROOT / "book/claims.yml").read_text())
    here = [claim for claim in claims if claim["topic"] == "pooling"]
    assert len(rows) == len(here) > 5
    for row, claim in zip(rows, here, strict=True):
        assert row.select("td")[0].get_text() == course.VERDICTS[claim["verdict"]]
        control = "with-control" if "control" in claim else "without-control"
        assert {f"verdict-{claim['verdict']}", control} <= set(row["class"]), "claims-filter.js chooses by these"
    assert f"{len(claims)} claims: " in count
    assert page.find("claims-filter").get_text() == "", "without scripts there is nothing to choose with"


def test_the_page_of_claims_has_a_section_for_each_topic_in_the_order_of_the_chapters():
    claims = yaml.safe_load((ROOT / "book/claims.yml").read_text())
    named = re.findall(r"^```\{claims\} (\w+)$", (ROOT / "book/claims.md").read_text(), re.MULTILINE)
    assert named == [stem for stem in contents.stems(ROOT) if stem in {claim["topic"] for claim in claims}]


@pytest.mark.parametrize(
    "message",
    [
        "a line '---' must separate the question from the answer",
        "the answer '3' is not one of the choices ['1', '2']",
        "no figure 'nothing'; there are",
        "options are not JSON",
    ],
)
def test_what_cannot_be_made_is_said(site, message):
    assert message in (site / "warnings.txt").read_text(encoding="utf-8")


def test_what_is_printed_piece_by_piece_stays_one_line():
    pieces = [nbformat.v4.new_output("stream", name="stdout", text=text) for text in ("1 ", "2 ", "3\n")]
    pieces.insert(1, nbformat.v4.new_output("stream", name="stderr", text="a warning\n"))
    merged = {output["name"]: output["text"] for output in course.merged_streams(pieces)}
    assert merged == {"stdout": "1 2 3\n", "stderr": "a warning\n"}
