"""Code in colours: as few elements as show them."""

import pytest
from bs4 import BeautifulSoup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from pygments.styles import get_style_by_name
from pygments.token import STANDARD_TYPES, Text, Token

from book._ext import highlighting

LIGHT, DARK = "a11y-high-contrast-light", "a11y-high-contrast-dark"
CODE = 'x = f"a{b:.3f}" + [1, 2.0]  # a number\nfor a in b:\n    print(a, True)\n'
THEME = {"pygments_light_style": LIGHT, "pygments_dark_style": DARK}


@pytest.fixture
def formatter():
    class Ours(highlighting.SparseFormatter):
        styles = (get_style_by_name(LIGHT), get_style_by_name(DARK))

    return Ours(style=LIGHT)


def test_plain_code_has_no_elements_and_equal_neighbours_share_one(formatter):
    page = BeautifulSoup(highlight(CODE, PythonLexer(), formatter), "html.parser")
    assert page.get_text().strip() == CODE.strip()
    words = [span.get_text() for span in page.select("pre span[class]")]
    assert "x" not in words and "[" not in words, "names and brackets look like plain code"
    assert {"for", "in", "True", "1", "# a number", 'f"a{'} <= {*words}


@pytest.mark.parametrize("name", [LIGHT, DARK])
def test_every_kind_of_token_keeps_its_looks_in_both_styles(formatter, name):
    style = get_style_by_name(name)
    for kind in STANDARD_TYPES:
        shown = highlighting.kind_of_looks(kind, formatter.styles)
        expected = style.style_for_token(kind)
        assert style.style_for_token(Text if shown is Token and expected["color"] else shown) == expected, kind


def test_a_site_has_it_where_its_theme_names_the_styles(build, monkeypatch):
    monkeypatch.setattr(highlighting.PygmentsBridge, "html_formatter", HtmlFormatter)
    page = "# Page\n\n```python\n" + CODE + "```\n"
    alone = build({"index.md": page}, ["book._ext.highlighting"])
    assert 'class="n"' in (alone / "_build/html/index.html").read_text()
    site = build(
        {"index.md": page}, ["book._ext.highlighting"], html_theme="sphinx_book_theme", html_theme_options=THEME
    )
    text = (site / "_build/html/index.html").read_text()
    assert 'class="n"' not in text and '<span class="k">for</span>' in text
