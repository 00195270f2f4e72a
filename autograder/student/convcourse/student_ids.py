"""The one rule for what students are called: what hands in, what collects and what imports a class keep to it."""

import re

PATTERN = r"[A-Za-z0-9][A-Za-z0-9.\-]*"  # no underscore: in the name of a hand-in it ends what a platform puts before
RULE = "letters from A to Z, digits, dots and dashes, and a letter or a digit first"


def is_valid(name: str) -> bool:
    """Say whether a student who is called so can hand in.

    Examples
    --------
    >>> is_valid("ada.l-2"), is_valid("o_neil"), is_valid("Ada L"), is_valid("ada@school.example")
    (True, False, False, False)
    """
    return re.fullmatch(PATTERN, name) is not None
