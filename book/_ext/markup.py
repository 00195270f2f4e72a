"""The HTML of what stands on a page, where the theme's leaves something to be done: attributes, roles, empty heads."""

import re
from pathlib import Path

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode, depart_HideCellInput
from PIL import Image
from sphinx.writers.html5 import HTML5Translator

NO_LIST = {"doc-biblioentry", "doc-backlink"}  # roles of entries in a list that is none


class CourseTranslator(HTML5Translator):
    """Writes images that are lazy and keep their place, formulas that keep theirs, and no heading without words."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.images, self.source = 0, ""

    def starttag(self, node, tagname, suffix="\n", empty=False, **attributes):
        """Write a tag; here every attribute passes."""
        if tagname == "img":
            attributes |= self.place_of_image(node)
        if isinstance(node, nodes.math_block) and tagname == "div":
            attributes["style"] = f"min-height:{formula_height(node.astext())}px"
        if attributes.get("role") in NO_LIST:
            del attributes["role"]
        return super().starttag(node, tagname, suffix, empty, **attributes)

    def visit_image(self, node):
        self.source = node["uri"]  # Sphinx writes another one
        super().visit_image(node)

    def place_of_image(self, node):
        """Return the attributes that let a page be laid out before its images are there; all but the first can wait."""
        self.images += 1
        attributes = {"decoding": "async"} | ({"loading": "lazy"} if self.images > 1 else {})
        size = (
            None
            if {"width", "height", "scale"} & set(node.attributes)
            else image_size(Path(self.builder.srcdir) / self.source)
        )
        return attributes | (dict(zip(("width", "height"), map(str, size), strict=True)) if size else {})

    def visit_entry(self, node):
        """Write a cell of a table; a corner that heads nothing is no heading."""
        row, head = node.parent, isinstance(node.parent.parent, nodes.thead)
        if not head or node.astext().strip():
            super().visit_entry(node)
            return
        row.column += 1 + node.get("morecols", 0)
        more = {"colspan": node.get("morecols", 0), "rowspan": node.get("morerows", 0)}
        spans = {name: number + 1 for name, number in more.items() if number}
        self.body.append(self.starttag(node, "td", "", CLASS="head", **spans))
        self.context.append("</td>\n")
        raise nodes.SkipChildren

    def visit_citation(self, node):
        self.body.append(self.starttag(node, "div", CLASS="citation"))

    def depart_citation(self, node):
        self.body.append("</div>\n")


def image_size(path):
    """Return (width, height) in CSS pixels of a raster image, or None."""
    try:
        with Image.open(path) as image:
            return image.size
    except OSError:
        return None


def formula_height(tex):
    """Return about how many pixels a displayed formula will be high, so that the page keeps its place for it.

    Examples
    --------
    >>> formula_height("y = x * w"), formula_height(r"y = \\sum_n x_n")
    (51, 70)
    """
    rows = tex.count("\\\\") + 1
    is_tall = re.search(r"\\(frac|sum|int|prod|left)(?![A-Za-z])", tex)
    return 32 + rows * (38 if is_tall and "matrix" not in tex else 19)


def visit_hidden_cell(self, node):
    """Write the head of a cell that can be opened; its own words say more than a label would."""
    self.body.append(f'<details class="admonition hide {" ".join(node["classes"])}">\n<summary>\n')
    for state in ("show", "hide"):
        words = self.encode(node[f"prompt_{state}"])
        self.body.append(f'<p class="{SHOWN[state]} admonition-title">{words}</p>\n')
    self.body.append("</summary>\n")


SHOWN = {"show": "collapsed", "hide": "expanded"}


def setup(app):
    app.set_translator("html", CourseTranslator)
    app.add_node(HideCodeCellNode, html=(visit_hidden_cell, depart_HideCellInput), override=True)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
