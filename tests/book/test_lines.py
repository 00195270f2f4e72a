"""No line of code on a page is longer than what a page holds: a reader does not scroll sideways to read it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST = 79
PAGES = sorted((ROOT / "book").glob("*.md"))
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INCLUDED = re.compile(r"^```\{literalinclude\} (\S+)\n((?::.*\n)*)", re.MULTILINE)


def cells(text):
    """Return the code of all cells that are shown, without their options."""
    for body in CELL.findall(text):
        options, code = body.split("---\n", 2)[1:] if body.startswith("---\n") else ("", body)
        lines = code.splitlines()
        while lines and lines[0].startswith(":"):
            options += lines.pop(0)
        if "remove-cell" not in options and "remove-input" not in options:
            yield lines


def included(page):
    """Return the lines of all files and definitions of ours that a page shows."""
    for file, options in INCLUDED.findall(page.read_text(encoding="utf-8")):
        text = (page.parent / file).read_text(encoding="utf-8")
        name, start = re.search(r":pyobject: (\S+)", options), re.search(r":start-at: (.+)", options)
        if name is None:
            yield text[text.index(start[1]) if start else 0 :].splitlines()
            continue
        found = next(node for node in ast.walk(ast.parse(text)) if getattr(node, "name", None) == name[1])
        first = min([found.lineno, *(decorator.lineno for decorator in found.decorator_list)])
        yield text.splitlines()[first - 1 : found.end_lineno]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_on_a_page_does_not_scroll_sideways(page):
    shown = [*cells(page.read_text(encoding="utf-8")), *included(page)]
    long = [line for lines in shown for line in lines if len(line) > MOST]
    assert not long, "\n".join(long)


def test_what_is_shown_is_found():
    fence = "```{code-cell} ipython3\n"
    page = f"{fence}---\nmystnb: {{}}\n---\na = 1\n```\n\n{fence}:tags: [remove-cell]\nb\n```\n"
    assert list(cells(page)) == [["a = 1"]]
    assert sum(len(list(cells(path.read_text(encoding="utf-8")))) for path in PAGES) > 300
    assert sum(len(list(included(path))) for path in PAGES) > 10
