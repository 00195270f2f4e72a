"""Print in any terminal: what its encoding has not is written in plain letters and signs, and never an error."""

import argparse
import codecs
import sys
import unicodedata
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # what a command adds its parser to

ERRORS = "convcourse.plain"  # the name of the way in which what cannot be encoded is replaced
PLAIN = {
    "✓": "+", "✗": "x", "×": "x", "·": ".", "−": "-", "–": "-", "—": "-", "…": "...", "→": "->", "≤": "<=", "≥": ">=",
    "≠": "!=", "≈": "~", "∞": "inf", "“": '"', "”": '"', "‘": "'", "’": "'", "ß": "ss",
}  # fmt: skip


def plain(text: str) -> str:
    """Write text in ASCII.

    Examples
    --------
    >>> plain("✓ für 3 × 3 … 語")
    '+ fur 3 x 3 ... ?'
    """
    return "".join(PLAIN.get(character) or _bare(character) for character in text)


def _bare(character: str) -> str:
    """Return a character without its accents, "?" where nothing is left."""
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end


codecs.register_error(ERRORS, _replaced)


def print_everything() -> None:
    """Have this process print whatever there is, also where the output goes through a pipe in an old encoding."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=ERRORS)
