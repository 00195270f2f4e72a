"""Where a chapter and its assignment meet: launch links, the box below a chapter, links to solutions."""

import html
from pathlib import Path
from urllib.parse import quote, urlencode

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from tools import edition, weave


def launch_links(launch, stem):
    """Return (name, address) of every place that can open the student's notebook of a topic.

    `launch` is the configuration value `course_launch`: `kit`, the address of the repository that holds what
    `make student-kit` writes (never this repository, which holds the solutions), its `branch`, and the addresses
    `binder`, `colab`, `jupyterhub` of the services to offer.

    Examples
    --------
    >>> launch_links({"kit": "https://github.com/o/kit", "colab": "https://colab.research.google.com"}, "pooling")
    [('Colab', 'https://colab.research.google.com/github/o/kit/blob/main/exercises/pooling/pooling.ipynb')]
    """
    kit = (launch.get("kit") or "").rstrip("/").removesuffix(".git")
    if not kit:
        return []
    branch = launch.get("branch", "main")
    path = launch.get("path", "exercises/{stem}/{stem}.ipynb").format(stem=stem)
    owner, name = kit.split("/")[-2:]
    on_github = kit.startswith("https://github.com/")
    links = []
    if binder := (launch.get("binder") or "").rstrip("/"):
        spec = f"gh/{owner}/{name}" if on_github else f"git/{quote(kit, safe='')}"
        links.append(("Binder", f"{binder}/v2/{spec}/{branch}?urlpath={quote('lab/tree/' + path, safe='')}"))
    if (colab := (launch.get("colab") or "").rstrip("/")) and on_github:
        links.append(("Colab", f"{colab}/github/{owner}/{name}/blob/{branch}/{path}"))
    if hub := (launch.get("jupyterhub") or "").rstrip("/"):
        query = urlencode({"repo": kit, "branch": branch, "urlpath": f"lab/tree/{name}/{path}"})
        links.append(("JupyterHub", f"{hub}/hub/user-redirect/git-pull?{query}"))
    return links


class assignment(nodes.Element):  # noqa: N801 (docutils calls its nodes so)
    """Stands for the box of a topic until all pages are known."""


class AssignmentBox(SphinxDirective):
    """``{assignment}``: links to a chapter's assignment, and the table of its tasks; of another topic by its name."""

    optional_arguments = 1

    def run(self):
        stem = self.arguments[0] if self.arguments else Path(self.env.docname).name
        if stem not in self.env.course_topics:
            topics = ", ".join(self.env.course_topics)
            raise self.error(f"assignment: there is none called {stem!r}; there are {topics}")
        self.env.note_dependency(str(weave.ProjectPaths(Path(self.env.srcdir)).assignment(stem)))
        return [assignment("", stem=stem)]


def fill_boxes(app, doctree, docname):
    """Put the boxes in, when all pages are known."""
    for node in list(doctree.findall(assignment)):
        node.replace_self(nodes.raw("", box(app, docname, node["stem"]), format="html"))


def box(app, docname, stem):
    """Return a chapter's assignment as HTML: its tasks and points, made from the assignment's source."""
    page, up = f"exercises/{stem}/{stem}", "../" * docname.count("/")
    rows, total = "", 0
    for title, points in grouped(weave.woven(app.srcdir, stem).tasks):
        total += points
        rows += f'<tr><td>{html.escape(title)}</td><td class="text-right">{points:g}</td></tr>'
    links = []
    if page in app.env.found_docs:
        links.append(f'<a href="{app.builder.get_relative_uri(docname, page)}">Read the assignment</a>')
        links.append(f'<a href="{up}notebooks/assignment-{stem}.ipynb" download>Download it</a>')
    for name, address in launch_links(app.config.course_launch, stem):
        links.append(f'<a href="{html.escape(address)}">Open it on {name}</a>')
    return (
        f'<div class="course-assignment"><p class="course-assignment-links">{" ".join(links)}</p>'
        '<div class="pst-scrollable-table-container"><table class="table"><thead><tr><th>Task</th>'
        f'<th class="text-right">Points</th></tr></thead><tbody>{rows}<tr><td><strong>Together</strong></td>'
        f'<td class="text-right"><strong>{total:g}</strong></td></tr></tbody></table></div></div>'
    )


def grouped(tasks):
    """Return (title, points) of the tasks, those under one heading added up; titles without their points and marks.

    Examples
    --------
    >>> from types import SimpleNamespace as Task
    >>> grouped([Task(title="1. `f` (3 points)", points=2), Task(title="1. `f` (3 points)", points=1)])
    [('1. f', 3)]
    """
    sums = {}
    for task in tasks:
        title = weave.POINTS.sub("", task.title).replace("`", "").replace("$", "").replace("*", "")
        sums[title] = sums.get(title, 0) + task.points
    return list(sums.items())


def name_assignment(app, doctree):
    """Tell an assignment from its chapter, which has the same name: in the sidebar, in search results, on top."""
    title = next(doctree.findall(nodes.title), None)
    if title is not None and app.env.docname.startswith("exercises/"):
        title.insert(0, nodes.Text("Assignment: "))


def link_solutions(app, doctree, docname):
    """In the instructor's edition, follow every task of an assignment with a link to its solution."""
    stem = Path(docname).name
    if not app.config.course_instructor or docname != f"exercises/{stem}/{stem}":
        return
    solved = {solution.name for solution in weave.woven(app.srcdir, stem).solutions}
    page = app.builder.get_relative_uri(docname, f"{edition.FOLDER}/{stem}")
    for cell in list(doctree.findall(nodes.container)):
        name = cell.get("cell_metadata", {}).get("nbgrader", {}).get("grade_id")
        if name in solved:
            address = f"{page}#{edition.anchor(stem, name)}"
            link = nodes.reference("", f"Solution: {name}", internal=True, refuri=address)
            cell.parent.insert(cell.parent.index(cell) + 1, nodes.paragraph("", "", link, classes=["solution-link"]))


def collect_topics(app):
    """Remember which topics have an assignment: every stem with a prose source in solutions/assignments."""
    app.env.course_topics = weave.ProjectPaths(Path(app.srcdir)).stems()


def setup(app):
    app.add_config_value("course_launch", {}, "html")
    app.add_config_value("course_instructor", False, "env")
    app.add_node(assignment)
    app.add_directive("assignment", AssignmentBox)
    app.connect("builder-inited", collect_topics)
    app.connect("doctree-read", name_assignment, priority=100)  # before Sphinx collects the titles
    app.connect("doctree-resolved", fill_boxes)
    app.connect("doctree-resolved", link_solutions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
