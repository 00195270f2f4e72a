"""Formgrader, driven in Chromium: it lists the assignment, its button grades, a written answer is graded by hand."""

import shutil

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from convgrader.nbgrader_plugin.gradebook import url_of
from convgrader.sandbox import isolation
from tests.helpers.chromium import browser
from tests.helpers.jupyter import server
from tests.helpers.sample_project import make_project
from tools import sample_class
from tools.sample_students import STORIES

STUDENTS = {"ada": 48, "fay": 43}
pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A course that collected the submissions of two students."""
    if isolation.unsupported_reason():
        pytest.skip(f"formgrader's button grades only where code can be confined: {isolation.unsupported_reason()}")
    root = make_project(tmp_path_factory.mktemp("course"))
    status, output = sample_class.nbgrader(root, "generate_assignment", "pooling")
    assert status == 0, output
    sample_class.collect(root, size=len(STORIES))
    for folder in (root / "course" / "submitted").iterdir():
        if folder.name not in STUDENTS:
            shutil.rmtree(folder)
    return root


@pytest.fixture(scope="module")
def address(project):
    """A Jupyter server with formgrader, started in the course's folder."""
    with server(project) as url:
        yield f"{url}/formgrader"


@pytest.fixture(scope="module")
def page(address):
    with browser() as chromium:
        page = chromium.new_page()
        page.set_default_timeout(60_000)
        page.route(lambda url: "127.0.0.1" not in url, lambda route: route.abort())  # its MathJax is on another host
        yield page


def row_of(page, text):
    return page.locator("tr", has_text=text).first


def test_formgrader_lists_the_assignment(page, address):
    page.goto(f"{address}/manage_assignments")
    row = row_of(page, "pooling")
    assert row.locator("td.num-submissions").inner_text().strip() == str(len(STUDENTS))


@pytest.mark.parametrize(("student", "points"), STUDENTS.items(), ids=STUDENTS)
def test_its_button_grades(page, address, project, student, points):
    page.goto(f"{address}/manage_submissions/pooling")
    row_of(page, student).locator(".autograde a").click()
    page.wait_for_selector(".modal.in .modal-body")
    page.wait_for_function("document.querySelector('.modal.in .modal-title').innerText != ''")
    assert "Successfully autograded" in page.inner_text(".modal.in"), page.inner_text(".modal.in")
    page.goto(f"{address}/manage_submissions/pooling")
    assert row_of(page, student).locator("td.score").inner_text() == f"{points} / 50"
    assert sum(sample_class.scores(project, "pooling")[student].values()) == points


def test_a_written_answer_is_graded_by_hand(page, address, project):
    from nbgrader.api import Gradebook

    url = url_of(project / "course" / "gradebook.db")
    with Gradebook(url) as gradebook:
        wanted = gradebook.find_submission_notebook("pooling", "pooling", "ada").id
    page.goto(f"{address}/submissions/{wanted}/")
    field = page.locator("[id='written-pooling'].score")
    page.wait_for_function("document.querySelector('.score[id=check-max_pool2d]').placeholder == '8'")
    enter(page, field, "1.5")
    with Gradebook(url) as gradebook:
        notebook = gradebook.find_submission_notebook("pooling", "pooling", "ada")
        assert notebook.written_score == 1.5
        assert notebook.score == 49.5


def enter(page, field, points, attempts=4):
    """Enter points by hand until formgrader saves them: it listens to a field only once it has loaded its grade."""
    for attempt in range(attempts):
        try:
            with page.expect_response(lambda r: "/api/grade/" in r.url and r.request.method == "PUT", timeout=10_000):
                field.fill(points)
                field.dispatch_event("change")
            return
        except PlaywrightTimeout:
            if attempt == attempts - 1:
                raise
