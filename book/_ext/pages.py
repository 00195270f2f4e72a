"""What the theme leaves to be done: no requests elsewhere, downloads, launch links, descriptions, 404, barriers."""

import contextlib
import hashlib
import html
import os
import re
import shutil
from pathlib import Path
from urllib.parse import quote, urlencode

import nbformat
from docutils import nodes
from instructor import FOLDER, solutions
from instructor import anchor as label
from jupyter_cache import get_cache
from PIL import Image
from sphinx.util import logging

from autograder.authoring import student_kit, weaver

logger = logging.getLogger(__name__)
DESCRIPTION = "A course on convolutional networks in which every claim is computed on the page."


def remove_thebe(app, config):
    """Take sphinx-thebe's listeners out: they put scripts of another host on every page, and those throw."""
    for listeners in app.events.listeners.values():
        listeners[:] = [entry for entry in listeners if not entry.handler.__module__.startswith("sphinx_thebe")]


def remove_assets(app, pagename, templatename, context, doctree):
    """Drop thebe's style sheet, needless and second copies of scripts; let no script hold up the page."""
    context["css_files"][:] = [file for file in context["css_files"] if "thebe" not in str(file.filename)]
    # Sphinx counts the formulas of a page's children as its own.
    math = app.env.domaindata["math"]["has_equations"].get(pagename, False)
    seen, kept = set(), []
    for script in context["script_files"]:
        key = (str(script.filename), script.attributes.get("body"))
        if key in seen or (not math and "MathJax" in str(key[1])) or (not math and "mathjax" in str(key[0])):
            continue
        seen.add(key)
        attributes = dict(script.attributes)
        if "vendor/mathjax" in str(script.filename):
            attributes["type"] = "text/when-idle"  # course.js loads it once the page can be read
        elif script.filename and "documentation_options" not in str(script.filename) and pagename != "search":
            attributes["defer"] = "defer"
        kept.append(type(script)(script.filename, priority=script.priority, **attributes))
    context["script_files"][:] = kept


def first_paragraph(doctree):
    """Return the text of the first paragraph of a page, as a description of at most 155 characters."""
    for paragraph in doctree.findall(nodes.paragraph) if doctree else ():
        text = " ".join(paragraph.astext().split())
        if len(text) < 40 or isinstance(paragraph.parent, nodes.list_item | nodes.citation):
            continue
        if len(text) <= 155:
            return text
        return text[:152].rsplit(" ", 1)[0] + " ..."
    return DESCRIPTION


def add_description(app, pagename, templatename, context, doctree):
    """Give every page a description; keep pages that are no content out of search engines."""
    text = html.escape(first_paragraph(doctree), quote=True)
    tags = f'\n<meta name="description" content="{text}">'
    if pagename == "404":
        tags += f'\n<base href="{html.escape(app.config.html_baseurl or "/")}">'
    context["metatags"] = context.get("metatags", "") + tags


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


def set_buttons(app, pagename, templatename, context, doctree):
    """Offer the executed notebook instead of the page's source, print, and the launch links."""
    buttons = [b for b in context.get("header_buttons", []) if b.get("label") not in {"download-buttons"}]
    if doctree is not None:
        downloads = []
        name = offer_notebook(app, pagename)
        if name:
            what = "The assignment" if pagename.startswith("exercises/") else "This page"
            address = context["pathto"](f"notebooks/{name}", 1)
            downloads.append(link_button(f"{what} as a notebook (.ipynb)", address, "fas fa-code"))
        downloads.append(
            {
                "type": "javascript",
                "javascript": "window.print()",
                "text": "Print or save as PDF",
                "icon": "fas fa-file-pdf",
            }
        )
        buttons.insert(0, group_button("Download this page", "fas fa-download", downloads, "download-buttons"))
        stem = Path(pagename).name
        links = launch_links(app.config.course_launch, stem) if stem in app.env.course_topics else []
        if links:
            entries = [link_button(f"Assignment on {name}", address, "fas fa-rocket") for name, address in links]
            buttons.insert(0, group_button("Open the assignment", "fas fa-rocket", entries, "launch-buttons"))
    context["header_buttons"] = buttons


def offer_notebook(app, pagename):
    """Offer the page as a notebook, a chapter with outputs, an assignment as it is. Return its name."""
    folder = Path(app.outdir) / "notebooks"
    released = Path(app.srcdir) / f"{pagename}.ipynb"
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    if pagename.startswith("exercises/") and released.exists():
        folder.mkdir(exist_ok=True)
        shutil.copyfile(released, folder / f"assignment-{released.name}")
        return f"assignment-{released.name}"
    if not executed.exists():
        return None
    folder.mkdir(exist_ok=True)
    write_executed(executed, folder / executed.name, app.env.mystnb_config.execution_cache_path)
    return executed.name


def write_executed(source, target, cache):
    """Write a chapter's notebook with its outputs. The build leaves them out where they came from the cache."""
    notebook = nbformat.read(source, as_version=4)
    if not any(cell.get("outputs") for cell in notebook.cells):
        with contextlib.suppress(KeyError):
            notebook = get_cache(cache).merge_match_into_notebook(notebook)[1]
    notebook.metadata.pop("source_map", None)
    nbformat.write(notebook, target)


def link_button(text, address, icon):
    """Return one entry of a button group of the theme."""
    return {"type": "link", "url": address, "text": text, "icon": icon}


def group_button(tooltip, icon, buttons, label):
    """Return a button group of the theme."""
    return {"type": "group", "tooltip": tooltip, "icon": icon, "buttons": buttons, "label": label}


def read_addresses(app, config):
    """Take the addresses of site and published kit from the environment, where it gives them; see `student_kit`."""
    if address := student_kit.site(app.confdir):
        config.html_baseurl = address.rstrip("/") + "/"
    if config.course_launch:
        kit, branch = student_kit.published(app.confdir)
        config.course_launch = {**config.course_launch, "kit": kit, "branch": branch}


def collect_topics(app, env):
    """Remember which pages have an assignment: every stem with a prose source in solutions/assignments."""
    folder = Path(app.confdir or app.srcdir) / "solutions" / "assignments"
    env.course_topics = sorted(path.stem for path in folder.glob("*.md"))


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
    is_tall = re.search(r"\\(frac|sum|int|prod|left)\b", tex)
    return 32 + rows * (38 if is_tall and "matrix" not in tex else 19)


def progress_mark(body):
    """Return the mark below a chapter's title: a link to each self-check. self-check.js keeps it up to date."""
    names = re.findall(r'<self-check id="([^"]+)"[^>]* data-answer=', body)
    if not names:
        return ""
    dots = "".join(
        f'<a href="#{name}" class="open" aria-label="Self-check {number}: not answered"></a>'
        for number, name in enumerate(names, 1)
    )
    return (
        '<p class="self-check-progress d-print-none"><span class="self-check-progress-text">'
        f'Self-checks: 0 of {len(names)} right</span><span class="self-check-dots">{dots}</span></p>'
    )


def mend_body(app, pagename, templatename, context, doctree):
    """Images: lazy but for the first, with their size. Formulas, progress: their place kept. Tables: no empty heads."""
    body = context.get("body")
    if not body:
        return
    sources = {name: source for source, name in app.builder.images.items()}
    count = 0

    def image(match):
        nonlocal count
        tag = match.group(0)
        count += 1
        additions = ' decoding="async"' + ("" if count == 1 or "loading=" in tag else ' loading="lazy"')
        source = re.search(r'src="[^"]*_images/([^"]+)"', tag)
        if source and "width" not in tag and source.group(1) in sources:
            size = image_size(Path(app.srcdir) / sources[source.group(1)])
            if size:
                additions += f' width="{size[0]}" height="{size[1]}"'
        return tag[:-1].rstrip("/ ") + additions + ">"

    body = re.sub(r"<img\b[^>]*>", image, body)
    body = re.sub(
        r'<div class="math notranslate nohighlight"([^>]*)>(.*?)</div>',
        lambda match: (
            f'<div class="math notranslate nohighlight"{match[1]} style="min-height:{formula_height(match[2])}px">'
            f"{match[2]}</div>"
        ),
        body,
        flags=re.DOTALL,
    )
    body = body.replace("</h1>", "</h1>" + progress_mark(body), 1)
    body = body.replace('<summary aria-label="Toggle hidden content">', "<summary>")  # its own words say more
    # A corner of a table that heads nothing is no heading.
    body = re.sub(r'<th class="head([^"]*)"><p></p></th>', r'<td class="head\1"></td>', body)
    # Bibliographies: the theme marks each entry as an item of a list that is none.
    body = body.replace('role="doc-biblioentry"', "").replace('role="doc-backlink"', "").replace('role="list"', "")
    context["body"] = body


def assignment_box(app, pagename, context):
    """Return the end of a chapter: its assignment's tasks and points, made from the assignment's source."""
    stem = Path(pagename).name
    page = f"exercises/{stem}/{stem}"
    rows, total = "", 0
    for title, points in grouped(weaver.tasks(app.srcdir, stem)):
        total += points
        rows += f'<tr><td>{html.escape(title)}</td><td class="text-right">{points:g}</td></tr>'
    links = []
    if page in app.env.found_docs:
        links.append(f'<a href="{context["pathto"](page)}">Read the assignment</a>')
        links.append(f'<a href="{context["pathto"](f"notebooks/assignment-{stem}.ipynb", 1)}" download>Download it</a>')
    for name, address in launch_links(app.config.course_launch, stem):
        links.append(f'<a href="{html.escape(address)}">Open it on {name}</a>')
    return (
        f'<div class="course-assignment"><p class="course-assignment-links">{" ".join(links)}</p>'
        '<div class="pst-scrollable-table-container"><table class="table"><thead><tr><th>Task</th>'
        f'<th class="text-right">Points</th></tr></thead><tbody>{rows}<tr><td><strong>Together</strong></td>'
        f'<td class="text-right"><strong>{total:g}</strong></td></tr></tbody></table></div></div>'
    )


def link_solutions(app, doctree, docname):
    """In the instructor's edition, follow every task of an assignment with a link to its solution."""
    stem = Path(docname).name
    if not app.config.course_instructor or docname != f"exercises/{stem}/{stem}":
        return
    names = {task: label(stem, task) for task, _, _ in solutions(Path(app.srcdir), stem)}
    for block in list(doctree.findall(nodes.literal_block)):
        for name, target in names.items():
            if re.search(rf"^(def {name}\(|#.*\b{name}\b)", block.astext(), flags=re.MULTILINE):
                page = app.builder.get_relative_uri(docname, f"{FOLDER}/{stem}")
                link = nodes.reference("", f"Solution: {name}", internal=True, refuri=f"{page}#{target}")
                after = block.parent if isinstance(block.parent, nodes.container) else block
                after.parent.insert(
                    after.parent.index(after) + 1, nodes.paragraph("", "", link, classes=["solution-link"])
                )
                break


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
        title = re.sub(r"\s*\(\d+ points?\)$", "", task.title).replace("`", "").replace("$", "").replace("*", "")
        sums[title] = sums.get(title, 0) + task.points
    return list(sums.items())


def add_assignment(app, pagename, templatename, context, doctree):
    """Follow the sentence that names a chapter's assignment with links and the table of its tasks."""
    stem = Path(pagename).name
    if doctree is None or pagename != f"book/{stem}" or stem not in app.env.course_topics:
        return
    body = context["body"]
    named = f'notebook <code class="docutils literal notranslate"><span class="pre">{stem}</span></code>'
    place = body.rfind(named)
    end = body.find("</p>", place) + len("</p>")
    if place < 0:
        logger.warning(
            "no sentence names the assignment: write 'Assignment: the notebook `%s`.'", stem, location=pagename
        )
        return
    context["body"] = body[:end] + assignment_box(app, pagename, context) + body[end:]


def write_404(app):
    """The page for an address that does not exist."""
    body = (
        "<section><h1>No page here</h1>"
        "<p>This address leads nowhere: perhaps a page was renamed. "
        f'The <a href="{app.config.root_doc}.html">first page</a> lists every chapter, '
        'and the <a href="search.html">search</a> looks through all of them.</p></section>'
    )
    yield "404", {"title": "No page here", "body": body}, "page.html"


def own_code():
    """Return a hash of the extensions: when they change, every page is made again."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def setup(app):
    app.add_config_value("course_code", own_code(), "env")
    app.add_config_value("course_launch", {}, "html")
    app.add_config_value("course_instructor", False, "env")
    app.connect("doctree-resolved", link_solutions)
    app.connect("config-inited", remove_thebe, priority=900)
    app.connect("config-inited", read_addresses)
    app.connect("builder-inited", lambda app: collect_topics(app, app.env))
    app.connect("html-page-context", add_description)
    app.connect("html-page-context", set_buttons, priority=600)
    app.connect("html-page-context", add_assignment, priority=590)
    app.connect("html-page-context", mend_body, priority=600)
    app.connect("html-page-context", remove_assets, priority=900)
    app.connect("html-collect-pages", write_404)
    if os.environ.get("SOURCE_DATE_EPOCH"):
        app.config.html_last_updated_use_utc = True
    return {"parallel_read_safe": True, "parallel_write_safe": True}
