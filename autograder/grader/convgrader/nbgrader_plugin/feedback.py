"""Pages that are safe to open: what a student wrote is shown, and never run, in feedback and in formgrader.

Three lines of defence. Text is made harmless when it is graded, so that whatever renders it finds no markup; a feedback
page has no scripts at all and a Content-Security-Policy that lets none in; and what would take long to render is shown
as it was written, since the libraries that render need time that grows with the square of what they are given. Of what
a student's code showed, a page holds so much; of the verdicts, of the cells and of what they say in words, all.
"""

import contextlib
import html
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote
from xml.etree.ElementTree import Element, tostring

from jinja2 import pass_context
from jinja2.runtime import Context
from latex2mathml.converter import convert_to_element
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import DataTypeFilter, Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbgrader.server_extensions import formgrader
from traitlets import Dict

from convcourse.grade_ids import CHECK
from convgrader.notebooks.sanitize import MAX_CELL, ZERO_WIDTH_SPACE

SizeBudget: TypeAlias = dict[str, int]  # characters that a page may still show: of texts, of pictures

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
STYLE = ".text_cell_render {overflow: auto}"  # what a student wrote stays in its place
MAX_FORMULA = 1000
MAX_MATHML = 50_000  # characters of one formula
MAX_LINE = 1000  # characters of a line of code
MAX_SHOWN = {"texts": 1 << 20, "pictures": 8 << 20}  # characters of what a student's cells showed, on one page
LEFT_OUT = "[This page has room for no more; the graded notebook holds the rest.]"
MAX_PAGE = {"markdown": 50_000, "code": 100_000}  # characters that are rendered: several times what a page has
_ELEMENT = re.compile(
    "math|menclose|mfrac|mi|mn|mo|mover|mpadded|mphantom|mroot|mrow|mspace|msqrt|mstyle|msub|msubsup|msup|mtable|mtd"
    "|mtext|mtr|munder|munderover"
)
_ATTRIBUTE = re.compile(
    "accent|columnalign|columnlines|columnspacing|depth|display|displaystyle|fence|form|height|largeop|linebreak"
    "|linethickness|lspace|mathbackground|mathcolor|mathvariant|maxsize|minsize|movablelimits|notation|rowlines"
    "|rowspacing|rspace|scriptlevel|separator|stretchy|voffset|width"
)
_VALUE = re.compile(r"#[0-9A-Fa-f]{3,6}|(?:[-+]?\d{0,2}(?:\.\d{1,4})?[A-Za-z-]*(?: |$))+")
_EXPANDS = re.compile(  # \sideset writes its operator twice
    r"\\(?:[egx]?def|let|(?:re)?new(?:command|environment)|providecommand|DeclareMathOperator|sideset)"
)
_LOADS = re.compile(r"<script\b.*?</script\s*>|<link\b[^>]*>|@font-face\s*{[^}]*}", re.IGNORECASE | re.DOTALL)
_FORMGRADER = Path(formgrader.__file__).parent  # nbgrader's own pages
TEMPLATE = {  # options of the exporter: our page, which extends nbgrader's
    "template_name": "convnet_feedback",
    "extra_template_basedirs": [str(Path(__file__).parent / "templates"), str(_FORMGRADER / "templates")],
    "extra_template_paths": [
        str(_FORMGRADER / "templates"),
        str(_FORMGRADER / "static/node_modules/bootstrap/dist/css"),
    ],
}


class _SafeRenderer(IPythonRenderer):
    """Renders Markdown with HTML shown as text and formulas as MathML, which needs no script."""

    def block_math(self, body: str) -> str:
        return as_mathml(body, "block")

    def multiline_math(self, text: str) -> str:
        return as_mathml(text, "block")

    def inline_math(self, body: str) -> str:
        return as_mathml(body, "inline")

    def block_code(self, code: str, info: str | None = None) -> str:
        """Show code in one colour: some lexers take long, and a diagram would be HTML."""
        return super().block_code(code)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Show an attached picture; of any other, the text that stands for it."""
        name = unquote(url.removeprefix("attachment:"))
        return super().image(text, f"attachment:{name}", title) if name in self.attachments else text


def as_mathml(formula: str, display: str = "inline") -> str:
    """Return a formula as MathML, or as it was written if it cannot be read.

    Examples
    --------
    >>> as_mathml("x_1").count("<msub>"), as_mathml("<b>" * 1000).count("<b>")
    (1, 0)
    """
    formula = formula.replace(ZERO_WIDTH_SPACE, "")
    if len(formula) <= MAX_FORMULA and not _EXPANDS.search(formula):
        with contextlib.suppress(Exception):  # whatever a student wrote between dollars
            return _serialize(convert_to_element(formula, display=display))
    mark = "$$" if display == "block" else "$"
    return f"{mark}{html.escape(formula)}{mark}"


def _serialize(math: Element) -> str:
    """Return MathML with elements and attributes that are known to be harmless, and text escaped."""
    for element in math.iter():
        if not _ELEMENT.fullmatch(element.tag):
            raise ValueError(f"<{element.tag}> is not shown")
        element.attrib = {
            name: value for name, value in element.items() if _ATTRIBUTE.fullmatch(name) and _VALUE.fullmatch(value)
        }
        element.text = html.unescape(element.text or "")  # latex2mathml writes symbols as character references
    mathml = tostring(math, encoding="unicode")
    if len(mathml) > MAX_MATHML:
        raise ValueError("the formula is too long")
    return mathml


def _render_bounded(context: Context, source: str, kind: str, render: Callable[[str], str]) -> str:
    """Render a cell if it is short and the page has room for it; else show it as it was written."""
    left = context["resources"].setdefault("characters_left", dict(MAX_PAGE))  # of this page, by kind
    if len(source) <= min(MAX_CELL, left[kind]):
        with contextlib.suppress(Exception):  # whatever a student wrote
            page = render(source)
            left[kind] -= max(len(source), len(page) // 10)
            return page
    return f'<pre style="white-space: pre-wrap">{html.escape(source)}</pre>'


@pass_context
def markdown(context: Context, source: str) -> str:
    """Turn Markdown into HTML; HTML in it is shown as text."""
    pictures = context.get("cell", {}).get("attachments", {})
    renderer = _SafeRenderer(
        escape=True, allow_harmful_protocols=False, attachments=pictures, exclude_anchor_links=True
    )
    return _render_bounded(context, source, "markdown", MarkdownWithMath(renderer=renderer).render)


@pass_context
def highlight(context: Context, source: str, **_: object) -> str:
    """Turn Python into HTML, in colours unless a line is too long for that."""
    lines = [line.rstrip() for line in source.splitlines()]  # blanks and long lines are what Pygments is slow on
    short = max(map(len, lines), default=0) <= MAX_LINE
    return _render_bounded(
        context, "\n".join(lines), "code", Highlight2HTML(pygments_lexer="python3") if short else html.escape
    )


def unchanged(text: str) -> str:
    """Return the text: nbconvert's filter that strips files/ from addresses takes long, and there are none."""
    return text


def safe_head(head: str) -> str:
    """Take scripts, links and fonts out of the head of nbgrader's page, which holds nothing of a student's."""
    safe_start = f'<head>\n<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<style>{STYLE}</style>'
    return _LOADS.sub("", head).replace("<head>", safe_start, 1)


def name_of_graded(metadata: Mapping[str, Any]) -> str:
    """Return what the list of a page calls a graded cell: a check by its function, an answer in words as what it is.

    Examples
    --------
    >>> name_of_graded({"grade_id": "check-max_pool2d"}), name_of_graded({"grade_id": "written-why", "solution": True})
    ('max_pool2d', 'Written response')
    """
    return "Written response" if metadata.get("solution") else metadata["grade_id"].removeprefix(CHECK)


FILTERS = {
    "markdown2html": markdown, "highlight_code": highlight, "strip_files_prefix": unchanged,
    "safe_head": safe_head, "name_of_graded": name_of_graded,
}  # fmt: skip


class PageExporter(HTMLExporter):
    """Makes pages of graded notebooks: bounded, written once, and without HTML of a student's.

    nbconvert's own exporter takes the finished page apart again to mark pictures without a text. That costs more than
    all the rest, and is another reader of what a student wrote: here the cells say it before.
    """

    filters = Dict({**FILTERS, "filter_data_type": DataTypeFilter}).tag(config=True)

    def from_notebook_node(  # type: ignore[override]  # a text, as from all of nbconvert's exporters of text
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """Convert a graded notebook, once all that its cells show is cut to what a page may hold."""
        budget = dict(MAX_SHOWN)
        for cell in nb.cells:
            if cell.cell_type == "raw":
                cell.metadata["raw_mimetype"] = "text/plain"
            if cell.cell_type == "code" and not _is_check(cell):
                cell.metadata["alt"] = "a picture that this cell shows"
                for output in cell.outputs:
                    _keep_pictures(output)
                    _fit_output(output, budget)
            attached = cell.get("attachments", {})
            for name in list(attached):
                if not _charge_pictures(attached[name], budget):
                    del attached[name]
        return super(HTMLExporter, self).from_notebook_node(nb, resources, **options)


class FeedbackExporter(PageExporter):
    """Makes the pages that students get: without scripts, without anything loaded from elsewhere."""


def _is_check(cell: NotebookNode) -> bool:
    metadata = cell.metadata.get("nbgrader", {})
    return bool(metadata.get("grade") and not metadata.get("solution"))


def _keep_pictures(output: NotebookNode) -> None:
    if "data" in output:
        for kind in set(output["data"]) - {"text/plain", "image/png", "image/jpeg"}:
            del output["data"][kind]


def _fit_output(output: NotebookNode, budget: SizeBudget) -> None:
    """Cut an output to what the budget has left for texts and for pictures, and take that off the budget."""
    data = output.get("data", {})
    pictures = {kind: data[kind] for kind in set(data) - {"text/plain"}}
    if not _charge_pictures(pictures, budget):
        for kind in pictures:
            del data[kind]
    for holder, key in ((output, "text"), (data, "text/plain")):
        if key in holder:
            holder[key] = _truncated(holder[key], budget)
    if "traceback" in output:
        output["traceback"] = _truncated("\n".join(output["traceback"]), budget).split("\n")


def _charge_pictures(pictures: Mapping[str, str], budget: SizeBudget) -> bool:
    """Take pictures off the budget; say whether it had enough for them, else take nothing."""
    size = sum(map(len, pictures.values()))
    if size > budget["pictures"]:
        return False
    budget["pictures"] -= size
    return True


def _truncated(text: str, budget: SizeBudget) -> str:
    left = max(0, budget["texts"])
    budget["texts"] -= len(text)
    return text if len(text) <= left else f"{text[:left]}\n{LEFT_OUT}"
