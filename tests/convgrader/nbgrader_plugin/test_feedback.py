"""Feedback pages show the verdicts and run nothing, whatever a student wrote."""

import html
import itertools
import re
import time
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.server_extensions.formgrader import formgrader, handlers
from traitlets.config import Config

from convgrader.nbgrader_plugin import feedback
from convgrader.nbgrader_plugin.autograding import use_convgrader
from convgrader.nbgrader_plugin.feedback import MAX_PAGE, POLICY, FeedbackExporter, as_mathml
from convgrader.notebooks.reader import MAX_ATTACHMENTS, MAX_CELLS, MAX_SOURCES
from convgrader.notebooks.sanitize import MAX_CELL, sanitize_markdown
from tests.helpers.chromium import browser
from tests.helpers.courses import answer
from tests.helpers.grading_fixtures import copy_of
from tests.helpers.memory import peak

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
    "macro_link": r"$\DeclareMathOperator{\a}{< a/href=https://evil.example/>}\a$",
    "macro_refresh": r"$\DeclareMathOperator{\a}{< meta/http-equiv=refresh/content=0;url=https://evil.example/>}\a$",
    "macro_style": r"$\DeclareMathOperator{\a}{< style>.verdict{display:none}< /style>}\a$",
    "diagram": "```mermaid\n<img src=x onerror=alert(1)>\n```",
    "no_picture": "![an attached drawing](attachment:a.svg)",
    "anchor": "# check-max_pool2d",
    "tracker": "![](https://evil.example/pixel.png)",
    "refresh": "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "broken_out_of_code": "`</code><script>alert(1)</script>`\n```\n</pre><script>alert(1)</script>\n```",
}


@pytest.fixture(scope="module")
def page(generated, in_process_pool, tmp_path_factory):
    """The feedback page of a submission in which everything is hostile."""
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
    summary = course.grade(pool=in_process_pool)
    assert not summary.failures
    code, log = course.nbgrader("generate_feedback", "pooling")
    assert code == 0, log
    return (course.root / "feedback" / "eve" / "pooling" / "pooling.html").read_text()


@pytest.mark.slow
def test_it_has_no_scripts_and_a_policy(page):
    assert f'content="{POLICY}"' in page
    assert not re.search(r"<script|<iframe|<form|<base|<object|<embed|<link", page, re.IGNORECASE)
    refreshing = re.findall(r"<meta[^>]*http-equiv=[\"']?([\w-]+)", page, re.IGNORECASE)
    assert refreshing == ["Content-Security-Policy"]


@pytest.mark.slow
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


def test_a_browser_shows_the_verdicts_and_follows_nothing(page, tmp_path):
    (tmp_path / "page.html").write_text(page)
    asked = []
    with browser() as chromium:
        tab = chromium.new_page()
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("dialog", lambda dialog: asked.append(dialog.message))
        tab.goto((tmp_path / "page.html").as_uri())
        tab.wait_for_timeout(500)
        assert tab.locator(".verdict").first.is_visible()
        assert not tab.locator("math :is(a, h1, img, meta, style)").count()
        assert tab.locator("#check-max_pool2d").count() <= 1
    assert [url for url in asked if not url.startswith("data:")] == [(tmp_path / "page.html").as_uri()]


def test_a_missing_picture_is_its_text(page):
    assert "an attached drawing" in page


def rendered(*cells):
    """Return the page of a notebook, made as `nbgrader generate_feedback` has it made."""
    exporter = FeedbackExporter(**feedback.TEMPLATE)
    about = {"notebook": "pooling", "score": 1, "max_score": 2, "late_penalty": 0}
    return exporter.from_notebook_node(new_notebook(cells=list(cells)), {"nbgrader": about})[0]


def printed(text):
    return new_code_cell("", outputs=[new_output("stream", text=text)])


@pytest.mark.parametrize(
    ("opening", "closing"), [("@font-face{", "}"), ("<script>", "</script>"), ("<link ", ">"), ("<head>", "</head>")]
)
def test_nothing_that_a_student_prints_makes_what_follows_vanish(opening, closing):
    page = rendered(printed(opening), printed("the verdict"), printed(closing))
    assert "the verdict" in page and html.escape(opening) in page
    assert page.count("Content-Security-Policy") == 1


@pytest.mark.parametrize("unit", ["@font-face{", "<script", "<link ", "Test cell", "<a href="])
def test_no_output_takes_long(unit):
    started = time.process_time()
    rendered(printed(unit * ((16 << 20) // len(unit))))
    assert time.process_time() - started < 10


def test_an_attached_picture_is_shown_whatever_its_name():
    cell = new_markdown_cell("![mine](attachment:my%20plot.png)", attachments={"my plot.png": {"image/png": "aGk="}})
    assert '<img src="data:image/png;base64,aGk=" alt="mine"' in rendered(cell)


LETTERS = "abcdefghijklmnopqrstuvwxyz"
BOMB = "".join(f"\\def\\{a}{{{{\\{b}}}{{\\{b}}}}}" for a, b in itertools.pairwise(LETTERS)) + r"\def\z{x}\a"


@pytest.mark.parametrize(
    "formula",
    [
        r"\DeclareMathOperator{\a}{< h1>48< /h1>}\a",
        r"\newcommand{\a}{x}\a",
        r"\newenvironment{a}{x}{y}\begin{a}\end{a}",
        BOMB,
        r"\sideset{_a}{_b}{" * 25 + r"\sum" + "}" * 25,
        r"\LaTeX" * 1000,
        "{" * 1000,
    ],
    ids=["operator", "command", "environment", "bomb", "doubling", "long", "unbalanced"],
)
def test_a_formula_that_expands_is_shown_as_it_was_written(formula):
    started = time.process_time()
    shown = as_mathml(sanitize_markdown(formula))
    assert shown.startswith("$") and "<" not in shown
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "formula",
    [r"\text{<h1>x</h1>}", r"\unicode{x3c}h1>", r"\style{display:none}{x}", r"\class{verdict}{x}", r"\hspace{999em}"],
)
def test_a_formula_has_no_other_elements_and_attributes(formula):
    shown = as_mathml(formula)
    assert shown.startswith("<math ")
    assert not re.search(r"<h1|style|class|999", shown)


def test_what_is_not_mathml_is_refused_even_if_a_formula_came_to_it():
    math = ElementTree.fromstring("<math><mrow><script>1</script></mrow></math>")
    with pytest.raises(ValueError, match="<script>"):
        feedback._serialize(math)


def test_a_long_formula_is_shown_as_it_was_written(monkeypatch):
    formula = "x + " * 300 + "x"
    assert as_mathml(formula) == f"${formula}$" and as_mathml(formula[:-1000]).startswith("<math ")
    monkeypatch.setattr(feedback, "MAX_MATHML", 70)
    assert as_mathml("x + y + x") == "$x + y + x$" and as_mathml("x").startswith("<math ")


def test_symbols_and_matrices_are_mathml():
    shown = as_mathml(sanitize_markdown(r"\sum_{i<n} \begin{pmatrix}1 & 2\\3 & 4\end{pmatrix}"))
    assert "<mo>∑</mo>" in shown and "<mo>&lt;</mo>" in shown and shown.count("<mtd>") == 4


@pytest.mark.parametrize("unit", [r"\begin{a}", "[a](<b", "[[]]", "![", "[](( ", r"\\[", "[", "a|b\n-|-\n", "$x$ "])
@pytest.mark.parametrize("size", [MAX_CELL, 1 << 20], ids=["cells", "cell"])
@pytest.mark.slow
def test_no_markdown_takes_long(unit, size):
    text = (unit * size)[:size]
    cells = [new_markdown_cell(text) for _ in range(max(1, 4 * MAX_PAGE["markdown"] // size))]
    started = time.process_time()
    page = rendered(*cells)
    assert time.process_time() - started < 10
    assert "pre-wrap" in page


@pytest.mark.parametrize("unit", ["a.", "\n ", r"\N{"])
def test_no_code_takes_long(unit):
    started = time.process_time()
    rendered(*[new_code_cell(unit * (MAX_CELL // len(unit))) for _ in range(8)])
    assert time.process_time() - started < 10


def test_a_long_line_of_code_has_no_colours():
    page = rendered(new_code_cell("first = 1"), new_code_cell(f"second = {'1' * 1000}"))
    assert re.search(r"<span[^>]*>first</span>", page) and not re.search(r"<span[^>]*>second</span>", page)
    assert "second = 111" in page


def test_what_is_too_long_can_still_be_read():
    page = rendered(new_markdown_cell("A <b>long</b> answer. " * MAX_CELL), new_markdown_cell("A *short* one."))
    assert "A &lt;b&gt;long&lt;/b&gt; answer. A" in page and "<em>short</em>" in page


def formgraded(*cells):
    """Return the page of a notebook as formgrader makes it."""
    config, page = Config(), dict.fromkeys(("filename", "base_url", "student", "last_name", "first_name"), "")
    use_convgrader(config)
    exporter = formgrader.HTMLExporter(
        config=config, template_name="formgrade", extra_template_basedirs=[handlers.template_path]
    )
    return exporter.from_notebook_node(new_notebook(cells=list(cells)), {**page, "index": 0, "total": 1})[0]


def worst():
    """Return the cells of the notebook whose page costs most: all bounds of grading reached, and wide characters."""
    shown = [new_output("display_data", {"text/plain": "<" * 8000}) for _ in range(200)]
    picture = {"text/plain": "", "image/png": "A" * (1 << 20)}  # grading writes a text with every picture
    pictures = [new_output("display_data", dict(picture)) for _ in range(16)]
    attached = {"a.png": {"image/png": "A" * MAX_ATTACHMENTS}}
    return [
        *[new_markdown_cell('"' * (MAX_SOURCES // MAX_CELLS - 2) + "\N{PENCIL}") for _ in range(MAX_CELLS)],
        *[new_code_cell("", outputs=shown) for _ in range(10)],
        *[new_code_cell("", outputs=pictures), new_markdown_cell("![x](attachment:a.png)", attachments=attached)],
    ]


@pytest.mark.parametrize("make_page", [rendered, formgraded], ids=["feedback", "formgrader"])
@pytest.mark.slow
def test_the_page_of_the_worst_submission_is_bounded(make_page):
    make_page()
    cells = worst()
    started = time.process_time()
    with peak() as memory:
        page = make_page(*cells)
    assert time.process_time() - started < 10
    assert feedback.LEFT_OUT in page and memory[0] < 200 << 20


@pytest.mark.parametrize("make_page", [rendered, formgraded], ids=["feedback", "formgrader"])
def test_a_verdict_is_shown_whatever_came_before(make_page):
    verdict = new_output("display_data", {"text/plain": "", "text/html": "<b>0 of 8 points</b>"})
    check = new_code_cell(
        "", outputs=[verdict], metadata={"nbgrader": {"grade": True, "grade_id": "check-a", "points": 8, "score": 0}}
    )
    page = make_page(printed("x" * (16 << 20)), printed("never shown"), check)
    assert "<b>0 of 8 points</b>" in page and "never shown" not in page and page.count(feedback.LEFT_OUT) == 2


def test_a_picture_that_a_cell_shows_has_a_text():
    cell = new_code_cell("", outputs=[new_output("display_data", {"image/png": "aGk="})])
    assert 'src="data:image/png;base64,aGk="' in rendered(cell) and 'alt="a picture' in rendered(cell)
