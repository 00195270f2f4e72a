"""Where a chapter and its assignment meet."""

import json
import re
import shutil

import pytest
from bs4 import BeautifulSoup

from book._ext.assignments import launch_links as links
from tests.helpers.sample_project import make_project
from tools import weave

KIT = {"kit": "https://github.com/o/kit", "colab": "https://colab.research.google.com"}


def test_launch_links_open_the_kit_and_never_this_repository():
    launch = {
        "binder": "https://mybinder.org",
        "colab": "https://colab.research.google.com",
        "jupyterhub": "https://hub",
    }
    assert links(launch, "pooling") == []
    found = dict(links({**launch, "kit": "https://github.com/o/kit.git"}, "pooling"))
    assert list(found) == ["Binder", "Colab", "JupyterHub"]
    assert all("/kit" in link or "kit&" in link or "%2Fkit" in link for link in found.values())
    assert all("pooling.ipynb" in link for link in found.values())
    elsewhere = dict(links({**launch, "kit": "https://git.example.org/o/kit"}, "pooling"))
    assert list(elsewhere) == ["Binder", "JupyterHub"]


@pytest.fixture(scope="module")
def project(tmp_path_factory, build):
    """A site, in the instructor's edition, of one chapter with its assignment and a page that shows it too."""
    root = make_project(tmp_path_factory.mktemp("project"))
    contents = "```{toctree}\nbook/pooling\nexercises/pooling/pooling\n```\n"
    pages = {
        "index.md": f"# Course\n\n```{{assignment}} pooling\n```\n\n{contents}",
        "book/pooling.md": "# Pooling\n\n```{assignment}\n```\n",
        "build/instructor/pooling.md": "---\norphan: true\n---\n# Solutions\n",
    }
    shutil.rmtree(root / "course")
    extensions = ["sphinx.ext.mathjax", "book._ext.assignments"]
    return build(pages, extensions, root, course_launch=KIT, course_instructor=True, exclude_patterns=["solutions"])


def page(project, name):
    return BeautifulSoup((project / "_build/html" / f"{name}.html").read_text(encoding="utf-8"), "html.parser")


@pytest.mark.parametrize(("name", "up"), [("index", ""), ("book/pooling", "../")])
def test_the_box_lists_the_tasks_with_their_points_and_leads_to_the_notebook(project, name, up):
    box = page(project, name).select_one(".course-assignment")
    addresses = {link.get_text(): link["href"] for link in box.find_all("a")}
    assert addresses["Read the assignment"] == f"{up}exercises/pooling/pooling.html"
    assert addresses["Download it"] == f"{up}notebooks/assignment-pooling.ipynb"
    assert addresses["Open it on Colab"].endswith("/o/kit/blob/main/exercises/pooling/pooling.ipynb")
    *rows, together = [[cell.get_text() for cell in row.find_all("td")] for row in box.select("tbody tr")]
    tasks = weave.woven(project, "pooling").tasks
    assert sum(float(points) for _, points in rows) == float(together[1]) == sum(task.points for task in tasks)
    assert len(rows) > 5 and not any("`" in title or "(" in title for title, _ in rows)


def test_an_assignment_is_told_from_its_chapter_in_title_sidebar_and_search(project):
    assert page(project, "exercises/pooling/pooling").select_one("h1").contents[0] == "Assignment: Pooling"
    assert page(project, "book/pooling").select_one("h1").contents[0] == "Pooling"
    entries = [link.get_text() for link in page(project, "index").select(".toctree-l1 > a")]
    assert entries == ["Pooling", "Assignment: Pooling"]
    index = (project / "_build/html/searchindex.js").read_text(encoding="utf-8")
    titles = json.loads(re.search(r'"titles": (\[.*?\])', index)[1])
    assert sorted(titles) == ["Assignment: Pooling", "Course", "Pooling", "Solutions"]


def test_in_the_instructors_edition_every_task_leads_to_its_solution(project):
    notebook = page(project, "exercises/pooling/pooling")
    shown = {link.get_text(): link["href"] for link in notebook.select(".solution-link a")}
    assert shown == {
        f"Solution: {solution.name}": "../../build/instructor/pooling.html#solution-pooling-"
        + solution.name.replace("_", "-")
        for solution in weave.woven(project, "pooling").solutions
    }


def test_a_box_is_made_again_when_its_assignment_has_changed(build, tmp_path):
    def total(root):
        return page(root, "index").select("tbody tr td")[-1].get_text()

    settings = {"extensions": ["book._ext.assignments"], "exclude_patterns": ["solutions", "exercises", "course"]}
    page_with_box = {"index.md": "# Page\n\n```{assignment} pooling\n```\n"}
    root = build(page_with_box, source=make_project(tmp_path), **settings)
    before, source = float(total(root)), root / "solutions/assignments/pooling.md"
    source.write_text(source.read_text().replace("#: check max_pool2d ", "#: check max_pool2d 1"))
    assert float(total(build({}, source=root, **settings))) == before + 10


def test_the_box_of_no_assignment_says_which_there_are(build, tmp_path):
    (tmp_path / "solutions" / "assignments").mkdir(parents=True)
    (tmp_path / "solutions" / "assignments" / "layer.md").write_text("# Layer\n")
    files = {"index.md": "# Course\n\n```{assignment} poling\n```\n"}
    site = build(files, ["book._ext.assignments"], tmp_path, exclude_patterns=["solutions"])
    assert "there is none called 'poling'; there are layer" in (site / "warnings.txt").read_text()
