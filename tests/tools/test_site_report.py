"""The report on the built site, as far as it is no measurement."""

import gzip

import pytest

from tests.helpers.chromium import browser
from tools import site_report
from tools.serve import serving

PAGE = """<html><body><article><h1>A page<a href="#">#</a></h1><p style="height: 9000px">one word</p>
<img src="far.svg" loading="lazy" width="9" height="9"></article></body></html>"""


def test_the_table_has_a_line_for_each_page():
    speed = site_report.Speed("Pooling", 0.97, 1, 1.05, 1.5, 0.1234, 412_345)
    assert site_report.as_markdown([speed]) == site_report.HEAD + "| Pooling | 0.97 | 1.00 | 1.1 | 1.5 | 0.12 | 412 |\n"


def test_every_built_chapter_is_measured_and_the_first_page(tmp_path):
    for name in ("book/index.html", "book/pooling.html", "book/glossary.html", "exercises/pooling/pooling.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(PAGE)
    assert site_report.measured(tmp_path) == ["book/index", "book/pooling"]


def test_a_report_gives_the_score_and_seconds():
    audits = {"first-contentful-paint": 1100.0, "largest-contentful-paint": 1500.0, "total-blocking-time": 120.0}
    report = {
        "categories": {"performance": {"score": 0.97}},
        "audits": {name: {"numericValue": value} for name, value in audits.items()},
    }
    assert site_report.times(report) == (0.97, 1.1, 1.5, 0.12)


@pytest.mark.browser
def test_a_page_weighs_what_is_sent_also_for_what_stands_far_down(tmp_path):
    picture = "<svg xmlns='http://www.w3.org/2000/svg'/>" + " " * 100_000
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "far.svg").write_text(picture)
    with serving(tmp_path) as address, browser() as chromium:
        title, size = site_report.weight(chromium, f"{address}/index.html")
    sent = sum(len(gzip.compress(text.encode(), compresslevel=6, mtime=0)) for text in (PAGE, picture))
    assert title == "A page" and sent <= size < sent + 200, "the icon of the site may be asked for, too"
