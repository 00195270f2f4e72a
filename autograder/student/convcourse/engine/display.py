"""A verdict as text for a terminal and as HTML for a notebook: both say the same."""

import html
from typing import TYPE_CHECKING, Any

import numpy as np

from convcourse import site
from convcourse.calls.values import Array

if TYPE_CHECKING:
    from convcourse.engine.model import Case, Failure, Verdict

CELLS = 16  # the largest picture, in cells a side
NUMBERS = 8  # up to this many cells a side, the picture has the numbers written in
LONGEST = 80  # characters of one argument of a call
SHOWN = 8  # numbers of an array of one axis in a call
TO_TRY = "args, kwargs = check.case()  # what it was called with"

_STYLE = (
    "border-left:4px solid {colour};padding:.4em .8em;margin:.3em 0;background:#fff;color:#1a1a1a;"
    "font-family:system-ui,sans-serif;line-height:1.45;max-width:60em"
)
_GOOD, _PARTLY, _BAD = "#1b7837", "#8a6d00", "#b2182b"


def headline(verdict: "Verdict") -> str:
    """Say name, points and outcome in one line."""
    mark = "✓" if verdict.passed else "✗"
    return f"{mark} {verdict.name}: {verdict.earned:g} of {verdict.points:g} points"


def explanation(verdict: "Verdict") -> list[tuple[str, str]]:
    """List (kind, sentence) of all that a verdict says below its headline."""
    lines = []
    if verdict.diagnosis and (verdict.failure is None or verdict.diagnosis not in verdict.failure.problem):
        lines.append(("diagnosis", verdict.diagnosis))
    if verdict.failure is not None:
        lines.append(("problem", verdict.failure.problem))
    lines += [("property", message) for message in verdict.broken]
    right = [part for part, passed in verdict.parts.items() if passed]
    wrong = [part for part, passed in verdict.parts.items() if not passed]
    if wrong and len(verdict.parts) > 1:
        lines.append(("parts", f"Right: {', '.join(right) or 'nothing yet'}. Not yet: {', '.join(wrong)}."))
    return lines + [("note", message) for message in verdict.notes]


def call_of(name: str, case: "Case") -> str:
    """Write the call of a case in one line, arrays by their shape."""
    words = [describe(value) for value in case.args]
    words += [f"{key}={describe(value)}" for key, value in case.kwargs.items()]
    note = f"  # {case.note}" if case.note else ""
    return f"{name}({', '.join(words)}){note}"


def failing_call(verdict: "Verdict") -> str:
    """Write the failing call of a verdict in one line; it is empty where nothing was called with arguments."""
    case = verdict.failure.case if verdict.failure is not None else None
    return call_of(verdict.name, case) if case is not None and (case.args or case.kwargs) else ""


def is_shortened(verdict: "Verdict") -> bool:
    """Say whether a call stands there without all of its numbers, to a student who can ask for them."""
    if verdict.failure is None or verdict.seed is None:
        return False
    case = verdict.failure.case
    return any(array.size > SHOWN or array.ndim > 1 for array in case.arrays)


def describe(value: Any) -> str:
    """Write a value as one would in a call: small arrays in full, larger ones by shape and dtype.

    Examples
    --------
    >>> describe(np.zeros((2, 3, 4))), describe([1, 2]), describe(np.array([1.0, 2.0]))
    ('array(2, 3, 4)', '[1, 2]', '[1, 2]')
    >>> print(describe([{"kind": "conv", "weight": np.zeros((8, 3, 5, 5))}, (1,)]))
    [{'kind': 'conv', 'weight': array(8, 3, 5, 5)}, (1,)]
    """
    if isinstance(value, np.ndarray):
        dtype = "" if value.dtype == np.float64 else f" {value.dtype}"
        if value.ndim <= 1 and value.size <= SHOWN:
            return "[" + ", ".join(f"{item:.4g}" for item in np.atleast_1d(value)) + "]" + dtype
        return f"array{value.shape}{dtype}"
    if isinstance(value, np.generic):
        value = value.item()
    if callable(value):
        return str(getattr(value, "__name__", "a function"))
    if isinstance(value, dict):
        text = "{" + ", ".join(f"{key!r}: {describe(item)}" for key, item in value.items()) + "}"
    elif isinstance(value, list):
        text = "[" + ", ".join(map(describe, value)) + "]"
    elif isinstance(value, tuple):
        text = "(" + ", ".join(map(describe, value)) + "," * (len(value) == 1) + ")"
    else:
        text = repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _pictures(verdict: "Verdict") -> list[tuple[str, Array]]:
    """Return (caption, 2-D array) of what came back, what was expected and the difference, where they can be shown."""
    failure = verdict.failure
    if failure is None or failure.difference is None:
        return []
    actual, expected = _output(failure, failure.difference.output)
    if not isinstance(expected, np.ndarray) or not isinstance(actual, np.ndarray):
        return []
    if actual.dtype.kind not in "iufb" or not actual.size:
        return []
    where = failure.difference.where or ()
    pictures = [*_inputs(failure.case), ("got", _plane(actual, where)), ("expected", _plane(expected, where))]
    if actual.shape == expected.shape and "b" not in (actual.dtype.kind, expected.dtype.kind):
        pictures.append(("difference", _plane(actual, where) - _plane(expected, where)))
    return pictures


def _output(failure: "Failure", number: int | None) -> tuple[Any, Any]:
    """Return (actual, expected) of the output with a number; of all that came back where there is none."""
    actual: Any = failure.actual
    return (actual, failure.expected) if number is None else (actual[number], failure.expected[number])


def _inputs(case: "Case") -> list[tuple[str, Array]]:
    """Return the inputs of a call that are small enough to be shown whole."""
    values = [("input " + str(n + 1), value) for n, value in enumerate(case.args)] + list(case.kwargs.items())
    arrays = [(name, v) for name, v in values if isinstance(v, np.ndarray) and v.dtype.kind in "iuf" and v.ndim > 1]
    return [(name, _plane(v, ())) for name, v in arrays if v.size == np.prod(v.shape[-2:]) and max(v.shape) <= NUMBERS]


def _plane(array: Array, where: tuple[int, ...]) -> Array:
    """Cut the last two axes out of an array, at the index where the error is, and a window around it."""
    array = np.asarray(array, dtype=bool if array.dtype.kind == "b" else float)
    index = where if len(where) == array.ndim else (0,) * array.ndim
    while array.ndim > 2:
        array, index = array[index[0]], index[1:]
    starts = [max(0, min(i - CELLS // 2, n - CELLS)) for i, n in zip(index, array.shape, strict=True)]
    return array[tuple(slice(start, start + CELLS) for start in starts)]


# --- text ----------------------------------------------------------------------------------------------------------


def as_text(verdict: "Verdict") -> str:
    """Write a verdict as plain text."""
    lines = [headline(verdict), *(f"  {message}" for _, message in explanation(verdict))]
    if call := failing_call(verdict):
        lines.append(f"  The call: {call}")
        if is_shortened(verdict):
            lines.append(f"  {TO_TRY}")
    for caption, plane in _pictures(verdict):
        if max(plane.shape, default=1) <= NUMBERS:
            table = np.array2string(plane, precision=4, suppress_small=True)
            lines += [f"  {caption}:", *(f"    {row}" for row in table.splitlines())]
    if verdict.section and not verdict.passed:
        lines.append(f"  Read: {site.published(verdict.site)}{link(verdict)}")
    if verdict.seed is not None and not verdict.passed:
        lines.append(f"  (seed {verdict.seed}: running the cell again tries the same cases)")
    return "\n".join(map(printable, lines))


def printable(text: str) -> str:
    r"""Return a text in one line, with a blank for all that moves the cursor, colours a terminal or turns the writing.

    Examples
    --------
    >>> printable("red: \x1b[31m, overwritten: \r")
    'red:  [31m, overwritten:  '
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def link(verdict: "Verdict") -> str:
    """Return the address of the section that explains it, below the site's root: ``book/pooling.html#pooling-max``."""
    return page_of(verdict.section)


def page_of(section: str) -> str:
    """Return the address of a section, by its label, below the site's root.

    Examples
    --------
    >>> page_of("pooling#pooling-max")
    'book/pooling.html#pooling-max'
    """
    stem, _, label = section.rpartition("#")
    return f"book/{stem}.html#{label}"


# --- HTML ----------------------------------------------------------------------------------------------------------


def as_html(verdict: "Verdict") -> str:
    """Write a verdict as a piece of HTML: no scripts, nothing loaded, every text escaped."""
    colour = _GOOD if verdict.passed else _PARTLY if verdict.earned else _BAD
    body = [f'<strong style="color:{colour}">{_escape(headline(verdict))}</strong>']
    for kind, message in explanation(verdict):
        text = _escape(message)
        body.append(f"<div><em>{text}</em></div>" if kind == "diagnosis" else f"<div>{text}</div>")
    if call := failing_call(verdict):
        more = f"<br><code>{TO_TRY}</code>" if is_shortened(verdict) else ""
        body.append(f"<div>The call: <code>{_escape(call)}</code>{more}</div>")
    pictures = _pictures(verdict)
    if pictures:
        body.append('<div style="display:flex;flex-wrap:wrap;gap:1.2em;margin:.5em 0">')
        pictures = [(caption, np.atleast_2d(plane)) for caption, plane in pictures]
        bound = max(float(np.abs(plane[np.isfinite(plane)] * 1.0).max(initial=0.0)) for _, plane in pictures) or 1.0
        body += [_svg(caption, plane, bound) for caption, plane in pictures]
        body.append("</div>")
    if not verdict.passed:
        small = [f"Read: {_anchor(verdict)}"] if verdict.section else []
        if verdict.seed is not None:
            small.append(f"seed {verdict.seed}: running the cell again tries the same cases")
        body.append(f'<div style="font-size:.85em;color:#444">{" · ".join(small)}</div>')
    return f'<div class="verdict" style="{_STYLE.format(colour=colour)}">{"".join(body)}</div>'


def _anchor(verdict: "Verdict") -> str:
    """Write the page that explains it as a link, or as its name where nobody has said where the site is."""
    address, name = site.published(verdict.site), _escape(link(verdict))
    if not address:
        return f"<code>{name}</code>"
    return f'<a href="{_escape(address)}{name}" target="_blank" rel="noopener">{name}</a>'


def _escape(text: object) -> str:
    return html.escape(printable(str(text)))


def _svg(caption: str, plane: Array, bound: float) -> str:
    """Draw a small matrix: red above zero, blue below, one scale for all pictures of a verdict."""
    rows, columns = plane.shape
    side = 40 if max(rows, columns) <= NUMBERS else 12
    cells = []
    for (i, j), value in np.ndenumerate(plane):
        fill, ink = _colour(value, bound)
        cells.append(f'<rect x="{j * side}" y="{i * side}" width="{side}" height="{side}" fill="{fill}"/>')
        if side > 12:
            cells.append(
                f'<text x="{(j + 0.5) * side:g}" y="{(i + 0.5) * side + 3:g}" fill="{ink}">{_short(value)}</text>'
            )
    numbers = "; ".join(" ".join(map(_short, row)) for row in plane[:NUMBERS, :NUMBERS])
    return (
        f'<figure style="margin:0"><figcaption>{caption}</figcaption><svg role="img" '
        f'aria-label="{caption}: {_escape(numbers)}" width="{columns * side}" height="{rows * side}" '
        f'font-size="9" text-anchor="middle" style="border:1px solid #888">{"".join(cells)}</svg></figure>'
    )


def _short(value: Any) -> str:
    if isinstance(value, np.bool_):
        return str(value)
    return "0" if abs(value) < 5e-4 else f"{value:.3f}".rstrip("0").rstrip(".") if abs(value) < 10 else f"{value:.3g}"


def _colour(value: Any, bound: float) -> tuple[str, str]:
    if not np.isfinite(value):
        return "#000", "#fff"
    depth = min(1.0, abs(value) / bound)
    fade = round(255 * (1 - 0.75 * depth))
    fill = f"rgb(255,{fade},{fade})" if value > 0 else f"rgb({fade},{fade},255)"
    return fill, "#fff" if value < 0 and depth > 0.6 else "#000"
