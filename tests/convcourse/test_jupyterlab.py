"""A student at work in JupyterLab: start, fill a cell in, run the check under it, read the verdict."""

import json
import os
import shutil
from pathlib import Path

import pytest

from convcourse.commands.start import start
from tests.helpers.chromium import browser
from tests.helpers.jupyter import server
from tools import extract
from tools.weave import ProjectPaths

ROOT = Path(__file__).parents[2]
STARTED = "work/pooling/pooling.ipynb"  # where `autograder start pooling` puts the notebook
pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The student's copy of `pooling`, open in JupyterLab."""
    folder = tmp_path_factory.mktemp("student")
    (folder / "exercises" / "pooling").mkdir(parents=True)
    shutil.copyfile(ProjectPaths(ROOT).released("pooling"), folder / "exercises" / "pooling" / "pooling.ipynb")
    assert start("pooling", folder) == 0
    settings = folder / "settings" / "@jupyterlab"
    for name, values in {
        "notebook-extension/tracker": {"windowingMode": "none"},  # all cells are in the page
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    }.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    with (
        server(folder, "lab", {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")}) as url,
        browser() as chromium,
    ):
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(90_000)
        page.goto(f"{url}/lab/tree/{STARTED}?reset")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']")
        yield page


def cell(page, text):
    return page.locator(".jp-CodeCell", has=page.locator(".jp-InputArea-editor", has_text=text)).first


def fill(page, found, text):
    """Replace what stands in a cell."""
    found.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def run(page, found):
    """Run a cell and return the text below it."""
    prompt = found.locator(".jp-InputPrompt")
    before = prompt.inner_text()
    for _ in range(10):  # a key pressed while the page still loads goes nowhere
        found.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        page.wait_for_timeout(1000)
        if prompt.inner_text() != before:
            break
    found.locator(".jp-InputPrompt", has_text="*").wait_for(state="detached")
    page.wait_for_timeout(300)
    outputs = found.locator(".jp-OutputArea-output")
    return "\n".join(outputs.nth(n).inner_text() for n in range(outputs.count()))


def answer(task, style):
    return extract.standalone(ROOT / "solutions" / "answers" / "pooling.py", f"{task}__{style}", task)


def test_a_student_fills_a_cell_in_and_reads_the_verdict(page):
    run(page, cell(page, "find_spec"))
    verdict = run(page, cell(page, 'check("max_pool2d"'))
    assert "0 of 8 points" in verdict and "run the cell that defines it first" in verdict

    task = cell(page, "def max_pool2d(")
    assert "NotImplementedError" in task.inner_text()
    right, padded = answer("max_pool2d", "windows"), "np.pad(x, widths, constant_values=lowest(x))"
    assert right.count(padded) == 1, "the answer has changed: pad it with zeros in another way"
    fill(page, task, right.replace(padded, "np.pad(x, widths)"))
    assert run(page, task) == ""
    check = cell(page, 'check("max_pool2d"')
    verdict = run(page, check)
    assert "5 of 8 points" in verdict
    assert "padding" in verdict and "0" in verdict
    assert check.locator(".jp-OutputArea-output").count() == 2  # the verdict, and the number that nbgrader reads
    if os.environ.get("VERDICT_PICTURE"):
        check.scroll_into_view_if_needed()
        check.locator(".jp-OutputArea-output").first.screenshot(path=os.environ["VERDICT_PICTURE"])

    fill(page, task, answer("max_pool2d", "windows"))
    run(page, task)
    assert "8 of 8 points" in run(page, check)


def test_a_check_cell_cannot_be_edited(page):
    check = cell(page, 'check("lp_pool2d"')
    fill(page, check, "3.0")
    assert 'check("lp_pool2d", points=3)' in check.locator(".cm-content").inner_text()
