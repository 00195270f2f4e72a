"""Attributes, roles and tags of what stands on a page are written as they should be, not mended afterwards."""

import io

import pytest
from bs4 import BeautifulSoup
from PIL import Image

from book._ext import markup

PAGE = """\
# Page

![first](a.png)

![second](a.png)

```{image} a.png
:width: 10px
```

$$
y = \\sum_n x_n
$$

|   | b |
|---|---|
| 1 |   |

```{code-cell} ipython3
:tags: [hide-input]
1
```

"""
SPANNED = """
+-------+-------+
|       | right |
|       +-------+
|       | below |
+-------+-------+
| one   | two   |
+=======+=======+
| three | four  |
+-------+-------+
"""


def picture():
    packed = io.BytesIO()
    Image.new("RGB", (30, 20)).save(packed, "PNG")
    return packed.getvalue()


@pytest.fixture(scope="module")
def page(build):
    front = "---\nkernelspec: {name: python3, display_name: Python 3}\n"
    front += "jupytext: {text_representation: {format_name: myst}}\n---\n"
    citation = "```{eval-rst}\nSee [Ada1843]_.\n\n.. [Ada1843] A note.\n.. [Bob1900] Another.\n```\n"
    citation += "```{eval-rst}\n" + SPANNED + "```\n"
    text = front + PAGE + citation
    site = build({"index.md": text, "a.png": picture()}, ["sphinx.ext.mathjax", "book._ext.markup"])
    return BeautifulSoup((site / "_build/html/index.html").read_text(), "html.parser")


def test_images_keep_their_place_and_all_but_the_first_can_wait(page):
    first, second, sized = page.find_all("img")
    assert (first["width"], first["height"], first["decoding"]) == ("30", "20", "async")
    assert "loading" not in first.attrs and second["loading"] == "lazy"
    assert "30" not in str(sized) and sized["loading"] == "lazy", "a picture that has a size keeps it"


def test_a_formula_keeps_its_place(page):
    (formula,) = page.select("div.math")
    assert formula["style"] == f"min-height:{markup.formula_height(formula.get_text())}px" == "min-height:70px"


def test_a_corner_that_heads_nothing_is_no_heading(page):
    table = page.find("table")
    corner, heading = table.select("thead tr > *")
    assert (corner.name, corner["class"], corner.get_text().strip()) == ("td", ["head"], "")
    assert (heading.name, heading.get_text().strip()) == ("th", "b")
    assert [cell.name for cell in table.select("tbody tr > *")] == ["td", "td"], "other empty cells are left alone"


def test_a_corner_of_several_rows_keeps_them(page):
    corner = page.find_all("table")[1].select("thead tr > *")[0]
    assert (corner.name, corner["rowspan"], corner.get("colspan")) == ("td", "2", None)


def test_a_hidden_cell_is_named_by_its_own_words(page):
    summary = page.find("summary")
    assert "aria-label" not in summary.attrs and "Show code cell source" in summary.get_text()


def test_a_bibliography_is_no_list_without_items(page):
    entries = page.select("div.citation")
    assert len(entries) == 2
    assert not page.select('[role="list"], [role="doc-biblioentry"], .citation [role="doc-backlink"]')
