"""What the theme leaves to be done around a page: no requests elsewhere, downloads, descriptions, 404, freshness."""

import contextlib
import hashlib
import html
import os
import shutil
from pathlib import Path

import nbformat
from docutils import nodes
from jupyter_cache import get_cache

from book._ext.assignments import launch_links
from convcourse import site
from tools import execute

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
        elif script.filename and pagename != "search":
            attributes["defer"] = "defer"
        elif "DOCUMENTATION_OPTIONS" in attributes.get("body", "") and pagename != "search":
            attributes["type"] = "module"  # what stands in the page itself is deferred so, and needs a deferred script
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


def set_buttons(app, pagename, templatename, context, doctree):
    """Offer the executed notebook instead of the page's source, print, and the launch links."""
    buttons = [b for b in context.get("header_buttons", []) if b.get("label") != "download-buttons"]
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
    """Take the addresses of site and published kit from the environment, where it gives them."""
    if address := site.configured(app.confdir):
        config.html_baseurl = address.rstrip("/") + "/"
    if config.course_launch:
        address, branch = site.kit(app.confdir)
        config.course_launch = {**config.course_launch, "kit": address, "branch": branch}


def note_uses(app, docname, source):
    """Have a page made again when something that its code imports or reads has changed."""
    page = Path(app.env.doc2path(docname))
    if page.suffix == ".md" and "{code-cell}" in source[0]:
        for path in execute.uses(app.srcdir, page):
            app.env.note_dependency(str(path))


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
    folder = Path(__file__).parent
    for path in [*sorted(folder.glob("*.py")), folder.parent / "_static" / "figures" / "titles.json"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def setup(app):
    app.add_config_value("course_code", own_code(), "env")
    app.connect("config-inited", remove_thebe, priority=900)
    app.connect("config-inited", read_addresses)
    app.connect("source-read", note_uses)
    app.connect("html-page-context", add_description)
    app.connect("html-page-context", set_buttons, priority=600)
    app.connect("html-page-context", remove_assets, priority=900)
    app.connect("html-collect-pages", write_404)
    if os.environ.get("SOURCE_DATE_EPOCH"):
        app.config.html_last_updated_use_utc = True
    return {"parallel_read_safe": True, "parallel_write_safe": True}
