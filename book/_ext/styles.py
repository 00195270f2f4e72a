"""One style sheet for the site, with the rules that its pages can use: a page shows nothing before it has its styles.

The theme's own sheets have 0.5 MB in nine files, and a page uses a tenth of it.
"""

import hashlib
import re
from pathlib import Path

import tinycss2

SHEET = "styles/site.css"
THEME = ("basic.css", "styles/pydata-sphinx-theme.css")  # what the theme's template links before all others
LINK = re.compile(re.escape(SHEET) + r"(\?v=\w*)?(?=\")")
NAMED = re.compile(r'\b(?:class|id)="([^"]*)"')
WORD = re.compile(r"[A-Za-z_][\w-]*")
BEGUN = re.compile(r"\b([a-z][a-z-]*-)(?=[\"'`$])")  # in a script: the beginning of a name that is put together
ADDRESS = re.compile(r"url\(\s*([\"']?)(?!data:|#|/|\w+:)([^)\"']+)\1\s*\)")


def link_one_sheet(app, pagename, templatename, context, doctree):
    """Have a page ask for one sheet in the place of all; remember those, in their order."""
    files = context["css_files"]
    for name in [*THEME, *(str(file.filename).removeprefix("_static/") for file in files)]:
        if name not in app.course_sheets:
            app.course_sheets.append(name)
    files[:] = [type(files[0])(f"_static/{SHEET}")] if files else []


class Names:
    """The names that a rule may ask for: classes and ids of the pages, and every word of their scripts."""

    def __init__(self, pages, scripts):
        self.known = {name for text in pages for names in NAMED.findall(text) for name in names.split()}
        self.known.update(word for text in scripts for word in WORD.findall(text))
        self.begun = tuple({start for text in scripts for start in BEGUN.findall(text)})

    def has(self, selector):
        """Say whether each class and id of a selector may be there; what stands in brackets is not looked at."""
        before = ""
        for token in selector:
            if token.type == "hash" or (token.type == "ident" and before == "."):
                name = token.value
                if name not in self.known and not name.startswith(self.begun):
                    return False
            before = token.value if token.type == "literal" else ""
        return True


def selectors(prelude):
    """Yield the selectors that stand before a block, each as its tokens."""
    one = []
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            yield one
            one = []
        else:
            one.append(token)
    yield one


def used_rules(rules, names):
    """Yield the text of the rules that a page can use.

    Raises
    ------
    ValueError
        For a sheet that is no CSS.
    """
    for rule in rules:
        if rule.type == "error":
            raise ValueError(f"line {rule.source_line}: {rule.message}")
        if rule.type == "qualified-rule":
            kept = [tinycss2.serialize(one).strip() for one in selectors(rule.prelude) if names.has(one)]
            if kept:
                yield f"{', '.join(kept)} {{{tinycss2.serialize(rule.content).strip()}}}"
        elif rule.lower_at_keyword in ("media", "supports", "layer", "container"):
            inner = tinycss2.parse_rule_list(rule.content or (), skip_comments=True, skip_whitespace=True)
            kept = "\n".join(used_rules(inner, names))
            if kept:
                yield f"@{rule.at_keyword} {tinycss2.serialize(rule.prelude).strip()} {{\n{kept}\n}}"
        elif rule.lower_at_keyword not in ("charset", "import"):
            yield rule.serialize()


def used(sheet, names, folder=""):
    """Return what a page can use of a sheet's text; its addresses lead from `folder`, where it lay, as before."""
    rules = tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True)
    return ADDRESS.sub(rf"url(\1{folder}\2\1)", "\n".join(used_rules(rules, names)))


def write(app, error):
    """Write the sheet, and into every page which version of it that is."""
    if error or not app.course_sheets or app.builder.format != "html":
        return
    site = Path(app.outdir)
    static = site / "_static"
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    scripts = [path for path in static.rglob("*.js") if "vendor" not in path.parts and path.name != "fontawesome.js"]
    names = Names(pages.values(), [path.read_text(encoding="utf-8") for path in scripts])
    parts = ['@charset "UTF-8";']
    for name in app.course_sheets:
        here = Path(name).parent.as_posix()
        try:
            folder = "" if here == "styles" else f"../{here}/".replace("/./", "/")
            parts.append(used((static / name).read_text(encoding="utf-8"), names, folder))
        except ValueError as problem:
            raise ValueError(f"{name}, {problem}") from problem
    text = "\n".join(parts) + "\n"
    (static / SHEET).write_text(text, encoding="utf-8", newline="\n")
    version = f"{SHEET}?v={hashlib.sha256(text.encode()).hexdigest()[:8]}"
    for path, page in pages.items():
        if (new := LINK.sub(version, page)) != page:
            path.write_text(new, encoding="utf-8", newline="\n")


def setup(app):
    app.course_sheets = []
    app.connect("html-page-context", link_one_sheet, priority=950)
    app.connect("build-finished", write, priority=900)  # the theme writes its colours of code at that time, too
    return {"parallel_read_safe": True, "parallel_write_safe": True}
