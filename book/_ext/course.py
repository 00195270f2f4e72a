"""Directives of the course's pages: self-checks, interactive figures."""

import copy
import html
import json
from fractions import Fraction
from pathlib import Path

import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from myst_nb.core import render
from myst_nb.core.utils import coalesce_streams
from PIL import Image
from sphinx.util.docutils import SphinxDirective

from convgrader import trials

STATIC = Path(__file__).parent.parent / "_static"

# What each interactive figure is called on the page; the name is also its module and its custom element.
FIGURES = json.loads((STATIC / "figures" / "titles.json").read_text(encoding="utf-8"))


def raw(text):
    """Return a piece of HTML that other builders leave out."""
    return nodes.raw("", text, format="html")


def parse_number(text):
    """Return the number written in `text` ("9", "-0.5", "1/3"), or None when it is not one.

    Examples
    --------
    >>> parse_number("1/4"), parse_number("9 pixels")
    (0.25, None)
    """
    try:
        return float(Fraction(text.strip().replace("−", "-").replace(",", "")))
    except (ValueError, ZeroDivisionError):
        return None


class SelfCheck(SphinxDirective):
    """A question, a line ``---``, and the answer that says why.

    Interactive where scripts run, a folded answer where they do not. ``:answer:`` is a number (with an optional
    ``:tolerance:``), one of ``:choices:`` (separated by ``|``), or a word.
    """

    has_content = True
    option_spec = {  # noqa: RUF012
        "answer": directives.unchanged_required,
        "tolerance": float,
        "choices": directives.unchanged,
    }

    def run(self):
        lines = [line.strip() for line in self.content]
        if "---" not in lines:
            raise self.error("self-check: a line '---' must separate the question from the answer")
        cut = lines.index("---")
        question = nodes.container(classes=["self-check-question"])
        self.state.nested_parse(self.content[:cut], self.content_offset, question)
        answer = nodes.container(classes=["self-check-answer"])
        self.state.nested_parse(self.content[cut + 1 :], self.content_offset + cut + 1, answer)
        data, choices = self.read_answer()
        number = self.env.new_serialno("self-check") + 1
        key = f"{self.env.docname.split('/')[-1]}-{number}"
        attributes = " ".join(f'data-{name}="{html.escape(str(value))}"' for name, value in data.items())
        opening = raw(f'<self-check id="self-check-{number}" data-key="{key}" {attributes}>')
        opening["self_check"] = f"self-check-{number}" if "answer" in data else ""
        result = [opening, question]
        if choices:
            result.append(choices)
        return [
            *result,
            raw("<details><summary>Answer</summary>"),
            answer,
            raw("</details></self-check>"),
        ]

    def read_answer(self):
        """Return what the browser compares with, and the list of choices as nodes."""
        answer = self.options.get("answer")
        if answer is None:
            return {"kind": "open"}, None
        answer = answer.strip().strip("\"'")
        if "choices" in self.options:
            options = [choice.strip().strip("\"'") for choice in self.options["choices"].split("|")]
            if answer not in options:
                raise self.error(f"self-check: the answer {answer!r} is not one of the choices {options}")
            listing = nodes.bullet_list(classes=["self-check-choices"])
            for option in options:
                inline, messages = self.state.inline_text(option, self.lineno)
                listing += nodes.list_item("", nodes.paragraph("", "", *inline, *messages))
            return {"kind": "choice", "answer": options.index(answer)}, listing
        number = parse_number(answer)
        if number is None:
            return {"kind": "text", "answer": answer}, None
        tolerance = self.options.get("tolerance", 1e-9 * max(1.0, abs(number)))
        return {"kind": "number", "answer": repr(number), "shown": answer, "tolerance": tolerance}, None


def mark_progress(app, doctree):
    """Put a link to each self-check below the title of a page. self-check.js keeps it up to date."""
    names = [node["self_check"] for node in doctree.findall(nodes.raw) if node.get("self_check")]
    title = next(doctree.findall(nodes.title), None)
    if not names or title is None:
        return
    dots = "".join(
        f'<a href="#{name}" class="open" aria-label="Self-check {number}: not answered"></a>'
        for number, name in enumerate(names, 1)
    )
    mark = (
        '<p class="self-check-progress d-print-none"><span class="self-check-progress-text">'
        f'Self-checks: 0 of {len(names)} right</span><span class="self-check-dots">{dots}</span></p>'
    )
    title.parent.insert(title.parent.index(title) + 1, raw(mark))


def anchor_trials(app, doctree):
    """Give each box *On trial* an anchor, at which reports on a class point."""
    for box in doctree.findall(nodes.admonition):
        if "on-trial" in box["classes"]:
            claim = box[0].astext().removeprefix("On trial:")
            box["ids"].append(trials.anchor(claim))


class Interactive(SphinxDirective):
    """An interactive figure by name, with its still picture, and in the content what to try.

    ``:options:`` is JSON handed to the element as ``data-options``: the state it starts in. ``:still:`` names the
    picture of another state than the figure's own first one.
    """

    has_content = True
    required_arguments = 1
    option_spec = {  # noqa: RUF012
        "alt": directives.unchanged,
        "caption": directives.unchanged,
        "options": directives.unchanged,
        "name": directives.unchanged,
        "still": directives.unchanged,
    }

    def run(self):
        name = self.arguments[0]
        if name not in FIGURES:
            raise self.error(f"interactive: no figure {name!r}; there are {', '.join(FIGURES)}")
        title = FIGURES[name]
        options = self.options.get("options", "{}")
        try:
            json.loads(options)
        except json.JSONDecodeError as error:
            raise self.error(f"interactive: options are not JSON: {error}") from None
        alt = self.options.get("alt", f"A still of the interactive figure: {title.lower()}.")
        root = "../" * self.env.docname.count("/")
        still = STATIC / "figures" / "stills" / f"{self.options.get('still', name)}.png"
        if still.exists():
            with Image.open(still) as image:
                width, height = image.size
            source = f"{root}_static/figures/stills/{still.name}"
            picture = (
                f'<img class="interactive-still" src="{source}" alt="{html.escape(alt)}" '
                f'width="{width // 2}" height="{height // 2}" loading="lazy" decoding="async">'
            )
        else:
            picture = f'<p class="interactive-still">{html.escape(alt)}</p>'
        number = self.env.new_serialno("interactive")
        anchor = self.options.get("name") or (f"interactive-{name}" + (f"-{number}" if number else ""))
        opening = (
            f'<figure class="interactive" id="{html.escape(anchor)}">'
            f'<figcaption class="interactive-title">{html.escape(self.options.get("caption") or title)}</figcaption>'
            f"<course-{name} data-options='{html.escape(options)}'>{picture}</course-{name}>"
        )
        if not self.content:
            return [raw(opening + "</figure>")]
        todo = nodes.container(classes=["interactive-try"])
        self.state.nested_parse(self.content, self.content_offset, todo)
        return [raw(opening + '<p class="interactive-try-title">Try this</p>'), todo, raw("</figure>")]


VERDICTS = {"true": "true", "conditional": "true under a condition", "false": "false"}


class Claims(SphinxDirective):
    """The claims of one topic with their verdicts and evidence, from book/claims.yml.

    Without a topic their count, and the place where claims-filter.js puts the choice of chapter, verdict and control.
    """

    optional_arguments = 1

    def run(self):
        path = Path(__file__).parent.parent / "claims.yml"
        self.env.note_dependency(str(path))
        claims = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        if self.arguments:
            claims = [claim for claim in claims if claim["topic"] == self.arguments[0]]
            lines = self.table(claims)
        else:
            count = {verdict: sum(claim["verdict"] == verdict for claim in claims) for verdict in VERDICTS}
            lines = [
                (
                    f"**{len(claims)} claims: {count['true']} true, {count['conditional']} true under a condition, "
                    f"{count['false']} false.**"
                )
            ]
        node = nodes.container(classes=["course-claims"])
        self.state.nested_parse(StringList(lines, str(path)), self.content_offset, node)
        if not self.arguments:
            return [node, raw("<claims-filter></claims-filter>")]
        rows = [row for body in node.findall(nodes.tbody) for row in body]
        for row, claim in zip(rows, claims, strict=True):
            row["classes"] += [f"verdict-{claim['verdict']}", f"{'with' if 'control' in claim else 'without'}-control"]
        return [node]

    @classmethod
    def table(cls, claims):
        """Return a table of claims as lines of MyST."""
        lines = ["````{list-table}", ":header-rows: 1", ":widths: 18 82", "", "* - Verdict", "  - Claim and evidence"]
        for claim in claims:
            first, *more = cls.said(claim)
            lines += [f"* - **{VERDICTS[claim['verdict']]}**", f"  - {first}"]
            lines += [line for paragraph in more for line in ("", f"    {paragraph}")]
        return [*lines, "````"]

    @staticmethod
    def said(claim):
        """Return the paragraphs that a row says of a claim."""
        yield claim["claim"].strip()
        if "condition" in claim:
            yield f"*{'It holds' if claim['verdict'] == 'true' else 'What holds'}:* {claim['condition'].strip()}"
        if "control" in claim:
            control = f"[control](#{claim['control_at'].split('#')[1]})" if "control_at" in claim else "control"
            yield f"*Beside it, as {control}:* {claim['control'].strip()}"
        places = [f"[](#{claim[key].split('#')[1]})" for key in ("evidence", "also") if key in claim]
        yield f"*{'Cited' if 'cited' in claim else 'Evidence'}:* {' and '.join(places)}"


def merged_streams(outputs):
    """Join what was printed piece by piece, then merge as MyST-NB does: alone it ends every piece with a new line."""
    joined, streams = [], {}
    for output in outputs:
        name = output.get("name") if output["output_type"] == "stream" else None
        if name in streams:
            streams[name]["text"] += output["text"]
            continue
        joined.append(copy.deepcopy(output))
        if name:
            streams[name] = joined[-1]
    return coalesce_streams(joined)


def setup(app):
    render.coalesce_streams = merged_streams
    app.connect("doctree-read", mark_progress)
    app.connect("doctree-read", anchor_trials)
    app.add_directive("claims", Claims)
    app.add_directive("self-check", SelfCheck)
    app.add_directive("interactive", Interactive)
    app.add_css_file("course.css")
    app.add_js_file("course.js")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
