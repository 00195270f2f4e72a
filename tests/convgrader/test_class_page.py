"""The pages of reports: every number of a class that was worked out by hand, and nothing that runs, loads or hides."""

import re
from dataclasses import replace
from datetime import date

import pytest
from bs4 import BeautifulSoup

from convgrader.class_page import FIRST_HELP, SHOWN, SHOWN_CLUSTERS, class_page, remarks_on, student_page
from convgrader.class_statistics import AssignmentResults, Part, TaskResults, make_report
from convgrader.student_statistics import report_on, who_needs_help
from tests.convgrader.test_class_statistics import CLASS, COPY, POOL, STRIDE, verdict
from tests.convgrader.test_student_statistics import FIRST, SECOND, assignment
from tests.helpers.chromium import browser
from tests.helpers.visits import ROOT, Visit

SITE = "https://example.org/course/"
MADE = date(2026, 11, 29)
HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e&"


@pytest.fixture(scope="module")
def chromium():
    with browser() as started:
        yield started


def parsed(page):
    return BeautifulSoup(page, "html.parser")


def page_of(*results, address=SITE, anonymous=False):
    """Return the page of a class as a tree."""
    return parsed(
        class_page(make_report(results, anonymous), who_needs_help(results, anonymous), address, anonymous, MADE)
    )


def text_of(element):
    return " ".join(element.get_text(" ").split())


def rows_of(table):
    return [[text_of(cell) for cell in row.select("th, td")] for row in table.select("tbody tr")]


@pytest.fixture(scope="module")
def page():
    pooling = replace(CLASS, missing=("zoe",), failed=("ian",))
    return page_of(pooling)


def test_the_table_of_tasks_has_the_numbers_of_the_report(page):
    """Scores 4, 2, 1.5 and five times 0 of 4; seven marks of 2 in words, but for one of 0.5."""
    table = page.find("caption", string="The tasks").find_parent("table")
    headings = [text_of(cell) for cell in table.select("thead th")]
    assert headings[:5] == ["task", "points", "n", "mean", "spread"] and all(
        cell["scope"] == "col" for cell in table.select("thead th")
    )
    assert [row[:-1] for row in rows_of(table)] == [
        ["pool", "4", "8", "0.94", "1.47", "12 %", "62 %", "0.77", "-"],
        ["why", "2", "7", "1.79", "0.57", "86 %", "0 %", "0.11", "-"],
    ]
    assert [plot["aria-label"] for plot in table.select("svg")] == [
        "none: 5, under a quarter: 0, under half: 1, under three quarters: 1, under all: 0, all: 1",
        "none: 0, under a quarter: 0, under half: 1, under three quarters: 0, under all: 0, all: 6",
    ]
    for link in table.select("a"):
        assert page.find(id=link["href"][1:]).name == "details"


def test_the_bars_of_a_plot_are_as_high_as_their_counts(page):
    plot = page.select_one("figure svg.plot")
    heights = [float(bar["height"]) for bar in plot.select("rect")]
    assert [round(5 * height / max(heights)) for height in heights] == [5, 0, 0, 1, 0, 1, 0, 0, 0, 1]
    assert plot["aria-label"].startswith("0 to 10 %: 5, 10 to 20 %: 0, 20 to 30 %: 0, 30 to 40 %: 1")
    assert "share of the 4 points" in text_of(page.select_one("figcaption"))


def test_what_to_do_in_the_next_class_stands_first_with_links_to_the_section_and_the_claim_on_trial():
    tasks = (replace(POOL, verdicts={k: replace(v, section="pooling#pooling-max") for k, v in POOL.verdicts.items()}),)
    page = page_of(replace(CLASS, tasks=tasks))
    assert text_of(page.select_one("h2")) == "What to do in the next class"
    first, second = page.select("ol.cards > li")
    assert text_of(first).startswith(f"{STRIDE} pooling, pool : 2 students, 3.25 points lost pool([1, 2], 2)")
    assert text_of(second).startswith(f"{COPY} pooling, pool : 1 student, 1.25 points lost")
    assert [link["href"] for link in first.select("a")] == [
        f"{SITE}book/pooling.html#pooling-max",
        f"{SITE}book/pooling.html#on-trial-max-pooling-makes-the-output-invariant-to-shifts-up-to-its-stride",
    ]


def test_without_an_address_of_the_site_pages_are_named_and_not_linked():
    page = page_of(CLASS, address="")
    assert "book/pooling.html#max" in page.get_text() and not page.select("a:not([href^='#'])")


def test_a_task_has_its_parts_its_mistakes_with_who_made_them_and_an_example_of_each_group(page):
    task = page.select_one("details.task")
    assert text_of(task.summary) == (
        "pool : mean 0.94 of 4 points, 2 mistakes with a name, 4 wrong answers without, 1 student wrote nothing"
    )
    assert rows_of(task.table) == [["plain", "38 %", ""], ["stride", "12 %", ""]]
    assert [bar["style"] for bar in task.select(".share > span")] == ["width: 37.5%", "width: 12.5%"]
    stride, _, alike, fay, _ = task.select(".card")
    assert text_of(stride) == (
        f"{STRIDE} 2 students, 3.25 points lost pool([1, 2], 2) Read: book/pooling.html#max "
        "Made by: 2 students bob , cem ."
    )
    assert text_of(alike) == (
        "2 answers are wrong alike For example, dan : It is 1, expected 2. Of 2 cases: 1 wrong, 1 an error. "
        "pool([1], 1) Given by: 2 students dan , eve ."
    )
    assert text_of(fay).startswith("1 answer is wrong in its own way For example, fay : It is 9.")


def test_who_needs_help_and_what_waits_stand_with_their_rule(page):
    assert "nothing was handed in for an assignment" in page.get_text()
    (table,) = page.select("[aria-label='Students who need help'] table")
    assert rows_of(table) == [
        ["gil", "left blank: pooling (1 of 1 tasks)"],
        ["zoe", "not handed in: pooling"],
    ]
    (table,) = page.select("[aria-label='Still to grade by hand'] table")
    assert rows_of(table) == [["pooling", "pooling", "why", "1"]]
    folded = [text_of(each) for each in page.select("section > details:not(.task)")]
    assert folded == ["Not handed in: 1 student zoe .", "Could not be graded, and do not count: 1 student ian ."]


def test_remarks_name_odd_parts_and_tasks_that_the_good_fail():
    (report,) = make_report([CLASS]).assignments
    task = replace(report.tasks[0], discrimination=-0.5, parts=(Part("hard", 0.05, "nearly nobody passes it"),))
    assert remarks_on(replace(report, tasks=(task, report.tasks[1]))) == [
        "pool: whoever does well in the rest of the assignment does worse here.",
        "pool, hard: nearly nobody passes it (5 %).",
    ]
    assert remarks_on(report) == []


def test_an_anonymous_page_has_the_counts_and_no_names():
    page = page_of(replace(CLASS, missing=("zoe",), failed=("ian",)), anonymous=True)
    text = page.get_text()
    assert not [name for name in (*CLASS.students, "zoe", "ian") if re.search(rf"\b{name}\b", text)]
    assert "2 students." in text and "The names of students are left out." in text and STRIDE in text


def hostile():
    """Return a class in which names, sentences and calls are hostile."""
    made = verdict(0.0, mistakes=(HOSTILE + ".",), problem=HOSTILE, call=HOSTILE, section=HOSTILE)
    nameless = verdict(0.0, outcomes="we", problem=HOSTILE, call=HOSTILE)
    given = {HOSTILE: made, "bob": nameless}
    task = TaskResults(HOSTILE, HOSTILE, 4.0, dict.fromkeys(given, 0.0), given)
    return AssignmentResults(HOSTILE, tuple(given), (task,), missing=(HOSTILE + "2",))


def pages():
    """Return one page of each kind, of a hostile class."""
    results = [hostile()]
    return {
        "class": class_page(make_report(results), who_needs_help(results), SITE, made=MADE),
        "student": student_page(report_on(results, HOSTILE), SITE, MADE),
    }


@pytest.mark.parametrize("kind", ["class", "student"])
def test_what_a_student_wrote_is_shown_and_never_runs_or_moves_anything(kind):
    page = pages()[kind]
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", page)
    assert parsed(page).find("script") is None and "&lt;script&gt;alert(1)&lt;/script&gt; [2J" in page


@pytest.mark.parametrize("kind", ["class", "student"])
def test_a_page_loads_nothing(kind):
    tree = parsed(pages()[kind])
    policy = tree.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert not tree.select("[src], link, iframe, object, form, [onclick]")
    assert not re.search(r"url\(|@import", tree.style.get_text())


@pytest.mark.parametrize("verdicts", [{"ada": verdict(4.0)}, {}], ids=["one", "without verdicts"])
def test_a_class_of_one_and_one_without_verdicts_have_a_page(verdicts):
    one = AssignmentResults("pooling", ("ada",), (replace(POOL, scores={"ada": 4.0}, verdicts=verdicts),))
    page = page_of(one)
    assert "No verdict named a mistake." in page.get_text() and "Nobody." in page.get_text()
    assert rows_of(page.find("caption", string="The tasks").find_parent("table"))[0][:5] == [
        "pool",
        "4",
        "1",
        "4.00",
        "-",
    ]
    ungraded = replace(one, tasks=(replace(POOL, scores={"ada": None}, verdicts={}),))
    assert "mean - of 4 points" in text_of(page_of(ungraded).select_one("details.task summary"))


def test_the_page_of_a_large_class_stays_small():
    students = tuple(f"s{number:04}" for number in range(5000))
    verdicts = {
        student: verdict(0.0, mistakes=(STRIDE,)) if number % 2 else verdict(0.0, outcomes="we", digest=student)
        for number, student in enumerate(students)
    }
    task = TaskResults("pooling", "pool", 4.0, dict.fromkeys(students, 0.0), verdicts)
    missing = tuple(f"m{number:04}" for number in range(1000))
    results = [AssignmentResults("pooling", students, (task,), missing=missing)]
    page = class_page(make_report(results), who_needs_help(results), SITE)
    assert len(page) < 200_000
    tree = parsed(page)
    assert len(tree.select("details.task .card.plain")) == SHOWN_CLUSTERS
    assert f"{2500 - SHOWN_CLUSTERS:,} answers more" in tree.get_text()
    assert f"and {2500 - SHOWN:,} more, whom" in text_of(tree) and "800 more: --json" in text_of(tree)
    assert len(rows_of(tree.select_one("[aria-label='Students who need help'] table"))) == FIRST_HELP


def test_the_page_of_a_student_says_place_mistakes_and_what_to_read():
    """Bob is second of eight with 2 of 4, where the mean is 0.94 and the spread 1.47."""
    later = AssignmentResults("layer", ("ada",), (replace(POOL, scores={"ada": 4.0}, verdicts={}),), missing=("bob",))
    page = parsed(student_page(report_on([CLASS, later], "bob"), SITE, MADE))
    assert rows_of(page.select_one("table")) == [
        ["pooling", "2.00", "4", "50 %", "2 of 8", "0.94", "1.47", "-", "0"],
        ["layer", "not handed in", "4.00", "-", "-", "0"],
    ]
    plot = page.select_one("svg.plot")
    marked = [bool(bar["class"][1:]) for bar in plot.select("rect")]
    assert marked.index(True) == 5 and sum(marked) == 1 and "bob is one of those with 50 to 60 %" in plot["aria-label"]
    assert text_of(page.select_one(".card")) == (
        f"pool: {STRIDE} Not passed: stride pool(array(4, 4), 2) Read: book/pooling.html#max"
    )
    assert [link["href"] for link in page.select("main ol a")] == [f"{SITE}book/pooling.html#max"]
    assert "not handed in: layer: nothing was handed in" in text_of(page)


def test_the_path_of_a_student_goes_through_the_deviations_and_breaks_where_there_is_none():
    """In a class of ten a stands at +1, +1, nowhere and -1: 25 units of the plot are one."""
    last = replace(SECOND, name="last")
    gone = replace(assignment("gone", range(9)), students=tuple("bcdefghij"), missing=("a",))
    again = replace(FIRST, name="again")
    page = parsed(student_page(report_on([FIRST, again, gone, last], "a"), SITE, MADE))
    plot = page.select_one("main > figure svg")
    assert plot["aria-label"] == "first: 1.00, again: 1.00, gone: -, last: -1.00"
    assert [(dot["cx"], dot["cy"]) for dot in plot.select("circle")] == [
        ("80", "55.0"), ("170", "55.0"), ("350", "105.0"),
    ]  # fmt: skip
    (line,) = plot.select("line.line")
    assert (line["x1"], line["y1"], line["x2"], line["y2"]) == ("80", "55.0", "170", "55.0")
    one = parsed(student_page(report_on([FIRST], "a"), SITE, MADE))
    assert not one.select("main > figure"), "one assignment is no path"


def test_the_colours_are_those_of_the_site():
    ours = (ROOT / "autograder/grader/convgrader/templates/report.css").read_text(encoding="utf-8")
    site = (ROOT / "book/_static/course.css").read_text(encoding="utf-8")
    colours = re.findall(r"--course-[\w-]+: #\w+;", ours)
    assert len(colours) == 18
    light, dark = ours[: ours.index("@media")], ours[ours.index("@media") :]
    for theme, where in ((light, site[: site.index("data-theme")]), (dark, site[site.index("data-theme") :])):
        assert set(re.findall(r"--course-[\w-]+: #\w+;", theme)) <= set(re.findall(r"--course-[\w-]+: #\w+;", where))


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
@pytest.mark.parametrize("kind", ["class", "student"])
def test_a_page_can_be_read_wide_and_narrow_in_light_and_dark_by_everybody(chromium, tmp_path, width, scheme, kind):
    given = {student: replace(each, section="pooling#pooling-max") for student, each in POOL.verdicts.items()}
    pooling = replace(CLASS, tasks=(replace(POOL, verdicts=given), CLASS.tasks[1]), missing=("zoe", "x" * 60))
    results = [pooling, replace(hostile(), students=("bob",))]
    report = make_report(results), who_needs_help(results)
    page = class_page(*report, SITE) if kind == "class" else student_page(report_on(results, "bob"), SITE)
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    seen = Visit(chromium, width=width, color_scheme=scheme)
    try:
        seen.page.goto((tmp_path / "page.html").as_uri())
        seen.page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        assert seen.errors == [] and [one for one in seen.outside if not one.startswith("file:")] == []
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width, "nothing is wider than the page"
        assert seen.axe() == []
    finally:
        seen.context.close()


@pytest.mark.browser
def test_what_is_folded_is_printed_too(chromium, tmp_path):
    results = [CLASS]
    (tmp_path / "page.html").write_text(class_page(make_report(results), who_needs_help(results), SITE))
    seen = Visit(chromium)
    try:
        seen.page.goto((tmp_path / "page.html").as_uri())
        heading = seen.page.get_by_text("Wrong answers without a name")
        assert not heading.is_visible()
        seen.page.emulate_media(media="print")
        assert heading.is_visible()
    finally:
        seen.context.close()
