"""Pages that are safe to open: what a student wrote is shown, and never run, in feedback and in formgrader.

Two lines of defence. Text is made harmless when it is graded, so that whatever renders it finds no markup; and a
feedback page has no scripts at all and a Content-Security-Policy that lets none in.
"""

import contextlib
import html
import re

from latex2mathml.converter import convert
from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.html import MarkdownWithMath
from nbconvert.filters.markdown_mistune import IPythonRenderer

try:
    from jinja2 import pass_context
except ImportError:  # before Jinja 3
    from jinja2 import contextfilter as pass_context

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
MAX_FORMULA = 1000
_SCRIPT = re.compile(r"<script\b.*?</script\s*>|<link\b[^>]*>|@font-face\s*{[^}]*}", re.IGNORECASE | re.DOTALL)
_UNNAMED = re.compile(r'<a href="#check-([\w-]+)">Test cell</a>')  # in nbgrader's list of what was graded
_ATTRIBUTE = re.compile(r'\s(?:href|style|class|id|src|on\w+)="[^"]*"', re.IGNORECASE)


class _Renderer(IPythonRenderer):
    """Renders Markdown with HTML shown as text and formulas as MathML, which needs no script."""

    def block_math(self, body):
        return as_mathml(body, "block")

    def multiline_math(self, text):
        return as_mathml(text, "block")

    def inline_math(self, body):
        return as_mathml(body, "inline")


def as_mathml(formula, display="inline"):
    """Return a formula as MathML, or as it was written if it cannot be read.

    Examples
    --------
    >>> as_mathml("x_1").count("<msub>"), as_mathml("<b>" * 1000).count("<b>")
    (1, 0)
    """
    if len(formula) <= MAX_FORMULA:
        with contextlib.suppress(Exception):  # whatever a student wrote between dollars
            return _ATTRIBUTE.sub("", convert(formula, display=display))
    mark = "$$" if display == "block" else "$"
    return f"{mark}{html.escape(formula)}{mark}"


class FeedbackExporter(HTMLExporter):
    """Makes pages without scripts, without anything loaded from elsewhere, and without HTML of a student's."""

    @pass_context
    def markdown2html(self, context, source):
        """Turn Markdown into HTML; HTML in it is shown as text."""
        cell = context.get("cell", {})
        renderer = _Renderer(escape=True, attachments=cell.get("attachments", {}), anchor_link_text="")
        return MarkdownWithMath(renderer=renderer).render(source)

    def from_notebook_node(self, nb, resources=None, **options):
        """Convert a graded notebook."""
        for cell in nb.cells:
            if cell.cell_type == "raw":
                cell.metadata["raw_mimetype"] = "text/plain"
            if cell.cell_type == "code" and not _is_check(cell):
                for output in cell.outputs:
                    _keep_pictures(output)
        page, resources = super().from_notebook_node(nb, resources, **options)
        policy = f'<head>\n<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        page = _UNNAMED.sub(r'<a href="#check-\1">\1</a>', page)
        return _SCRIPT.sub("", page).replace("<head>", policy, 1), resources


def _is_check(cell):
    known = cell.metadata.get("nbgrader", {})
    return known.get("grade") and not known.get("solution")


def _keep_pictures(output):
    if "data" in output:
        for kind in set(output["data"]) - {"text/plain", "image/png", "image/jpeg"}:
            del output["data"][kind]
