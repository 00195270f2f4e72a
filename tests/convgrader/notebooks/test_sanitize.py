"""A student's text is harmless to whatever renders it as Markdown, and reads the same."""

import re
import time

import pytest

from convgrader.notebooks.sanitize import MAX_CELL, ZERO_WIDTH_SPACE, sanitize_markdown

LOADING = {
    "inline": "![x](https://evil.example/a.png)",
    "angles": "![x]( <https://evil.example/a.png> 'title')",
    "line": "![x](\nhttps://evil.example/a.png)",
    "relative": "![x](//evil.example/a.png)",
    "reference": "![x][r]\n\n[r]: https://evil.example/a.png",
    "collapsed": "![r][]\n\n[r]: https://evil.example/a.png",
    "shortcut": "![r]\n\n[r]: https://evil.example/a.png",
    "nested": "![![x](attachment:a.png)](https://evil.example/a.png)",
    "in_code": "![a `](attachment:a.png)` ](https://evil.example/a.png)",
    "in_formula": "![a $](attachment:a.png)$ ](https://evil.example/a.png)",
    "in_address": "![https://a](attachment:a.png) ](https://evil.example/a.png)",
    "escaped": "![a\\](attachment:a.png) ](https://evil.example/a.png)",
    "no_address": "![r](attachment:a.png 'x)\n\n[r]: https://evil.example/a.png",
}


@pytest.mark.parametrize("text", LOADING.values(), ids=LOADING)
def test_no_image_is_loaded_where_a_student_is_graded(text):
    """Formgrader renders with what nbconvert has."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    pictures = {"a.png": {"image/png": "aGk="}}
    page = MarkdownWithMath(renderer=IPythonRenderer(escape=False, attachments=pictures)).render(
        sanitize_markdown(text)
    )
    assert not re.search(r"<img[^>]*evil", page)


def test_attached_pictures_are_kept():
    assert sanitize_markdown("![a plot](attachment:a.png)") == "![a plot](attachment:a.png)"
    assert sanitize_markdown("![a plot](attachment:a.png)", {"a.png"}) == "![a plot](attachment:a.png)"
    assert (
        sanitize_markdown("![a plot](attachment:a.svg)", {"a.png"}) == f"!{ZERO_WIDTH_SPACE}[a plot](attachment:a.svg)"
    )


@pytest.mark.parametrize(
    "text",
    [
        r"[x](javascript\:alert(1))",
        "[x](javascript&amp;colon;alert(1))",
        r"$\mmlToken{mi}[href='x']{y}$",
        r"$\bbox[background:red]{y}$",
        "```mermaid\ngraph TD\n```",
    ],
)
def test_what_runs_elsewhere_is_broken(text):
    assert ZERO_WIDTH_SPACE in sanitize_markdown(text) and sanitize_markdown(text).replace(ZERO_WIDTH_SPACE, "") == text


def test_long_markdown_is_preformatted():
    text = r"\begin{a}" * MAX_CELL
    assert sanitize_markdown(text) == f"    {text}"


def test_harmless_text_is_left_alone():
    plain = "The *maximum* of $x < y$ and `a < b`, see [here](https://example.org), 3 < 4 & 5."
    assert sanitize_markdown(plain) == plain
    assert "<script" not in sanitize_markdown("<script>")
    assert "javascript:" not in sanitize_markdown("[x](javascript:1)")


@pytest.mark.parametrize(
    "unit", ["<a", "&#", "\\html", "data ", "data\\", "`\n", "` ", "![a", "![](attachment:a", "!", " "]
)
@pytest.mark.sample(4)
@pytest.mark.slow
def test_it_takes_time_that_grows_with_the_text(unit):
    started = time.process_time()
    sanitize_markdown(unit * ((16 << 20) // len(unit)))
    assert time.process_time() - started < 20
