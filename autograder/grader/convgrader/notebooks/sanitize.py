"""Make a student's text harmless to what renders it as Markdown: no markup in it, no address that runs or loads."""

import re
import textwrap
from collections.abc import Collection

ZERO_WIDTH_SPACE = "\u200b"  # breaks up a tag or an address
MAX_CELL = 20_000  # characters: what renders Markdown takes time that grows with the square
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_SCHEME = re.compile(r"(javascript|vbscript|data)(?=[\s\\]*:)", re.IGNORECASE)
_ENTITY = re.compile(r"&(?=#|amp;|colon;|tab;|newline;|lt;|lpar;)", re.IGNORECASE)
_TEX = re.compile(r"\\(?=(?:href|require|style|class|cssId|unicode|html\w*|data|mmlToken|bbox)(?![A-Za-z]))")
_DIAGRAM = re.compile(r"[`~]\s*(?=mermaid)")
_IMAGE = re.compile(r"!(?=\[(?:(?:(?!://)[^][\\`<>$\n])*\]\(attachment:([\w.%-]+)\))?)")


def sanitize_markdown(text: str, pictures: Collection[str] | None = None) -> str:
    """Return Markdown that reads the same and holds neither HTML nor addresses that run or load.

    Parameters
    ----------
    text : str
        Of a cell. What is too long to be rendered becomes preformatted text.
    pictures : collection of str or None
        The names of the attached pictures, if they are known: an image that is none of these becomes a link.

    Examples
    --------
    >>> sanitize_markdown("a < b, <i>c</i>") == "a < b, <\u200bi>c<\u200b/i>"
    True
    """

    def image(match: re.Match[str]) -> str:
        is_attached = match[1] if pictures is None else match[1] in pictures
        return "!" if is_attached else "!" + ZERO_WIDTH_SPACE

    for pattern in (_TAG, _ENTITY, _TEX, _SCHEME, _DIAGRAM):
        text = pattern.sub(lambda match: match.group() + ZERO_WIDTH_SPACE, text)
    text = _IMAGE.sub(image, text)
    return textwrap.indent(text, "    ") if len(text) > MAX_CELL else text
