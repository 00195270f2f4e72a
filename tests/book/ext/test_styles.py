"""The site's one style sheet: what its pages can use, and nothing else."""

import re

import pytest
import tinycss2

from book._ext import styles

PAGE = '<html><body id="top" class="card wide"><p class="x">y</p></body></html>'
SCRIPT = "element.className = `verdict-${mark}`; box.classList.add('opened');"
NAMES = styles.Names([PAGE], [SCRIPT])


def kept(sheet, folder=""):
    return re.sub(r"\s+", "", styles.used(sheet, NAMES, folder))


@pytest.mark.parametrize(
    "rule",
    [
        "p{a:b}", ".card{a:b}", "#top.card>p{a:b}", ".opened{a:b}", ".verdict-right{a:b}", "[class*=grid-]{a:b}",
        ".card:not(.gone){a:b}", ":root{--gone:1px}", "mjx-container[display]{a:b}", "@font-face{font-family:f}",
        "@keyframesturn{from{a:b}}", "@media(width>9px){.x{a:b}}", "@supports(a:b){.wide{a:b}}", "p{a:\".gone{}\"}",
    ],
)  # fmt: skip
def test_what_a_page_can_use_stays(rule):
    assert kept(rule) == rule


@pytest.mark.parametrize(
    "rule",
    [".gone{a:b}", "#gone{a:b}", ".card .gone{a:b}", ".card.gone{a:b}", "@media print{.gone{a:b}}", "@import 'a.css';"],
)
def test_what_no_page_can_use_goes(rule):
    assert kept(rule) == ""


def test_of_several_selectors_the_used_ones_stay():
    assert kept(".gone, .card, p .gone, p{a:b}") == ".card,p{a:b}"


def test_addresses_lead_where_they_led():
    text = "p{a:url(b.png);c:url('../d.png');e:url(data:f);g:url(#h);i:url(\"j/k.woff2\")}"
    expected = 'p{a:url(../b.png);c:url("../../d.png");e:url(data:f);g:url(#h);i:url("../j/k.woff2")}'
    assert kept(text, "../") == expected


def test_a_sheet_that_is_no_css_is_refused():
    with pytest.raises(ValueError, match="line 2"):
        styles.used("p {a: b}\n}", NAMES)


@pytest.fixture
def site(build):
    """A small site with a sheet and a script of its own."""
    files = {
        "index.md": "# Page\n\n```{admonition} Note\nText\n```\n",
        "_static/own.css": ".admonition {color: red; background: url(a.svg)}\n.no-such-class {color: blue}\n",
        "_static/own.js": "document.body.classList.add('made-by-a-script');\n",
    }
    options = {"html_static_path": ["_static"], "html_css_files": ["own.css"], "html_js_files": ["own.js"]}
    return build(files, ["book._ext.styles"], html_theme="sphinx_book_theme", **options)


def test_a_page_asks_for_one_sheet_and_says_which_version(site, build):
    pages = [(site / "_build/html" / name).read_text() for name in ("index.html", "genindex.html", "search.html")]
    for page in pages:
        (link,) = re.findall(r'href="_static/(styles/site\.css\?v=\w{8})"', page)
    sheet = (site / "_build/html/_static/styles/site.css").read_text()
    assert not [rule for rule in tinycss2.parse_stylesheet(sheet) if rule.type == "error"]
    assert ".admonition {color: red; background: url(../a.svg)}" in sheet and "no-such-class" not in sheet
    assert sheet.index(".admonition {color: red") > sheet.index("--pst-color"), "what the course says comes last"

    changed = {"_static/own.css": ".made-by-a-script {color: red}\n", "index.md": "# Page\n\nText.\n"}
    options = {"html_static_path": ["_static"], "html_css_files": ["own.css"], "html_js_files": ["own.js"]}
    build(changed, ["book._ext.styles"], source=site, html_theme="sphinx_book_theme", **options)
    (newer,) = re.findall(r"styles/site\.css\?v=\w{8}", (site / "_build/html/index.html").read_text())
    assert newer != link and newer in (site / "_build/html/genindex.html").read_text()
    assert ".made-by-a-script {color: red}" in (site / "_build/html/_static/styles/site.css").read_text()
