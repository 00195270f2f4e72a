"""The names that a student's code binds, read off its lines.

Nothing is parsed, since a parser may take any time and memory for what a student wrote: these patterns take a time that
grows with the length of the text.
"""

import re

_DEFINED = re.compile(
    r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(?P<function>\w+)"
    r"|^(?P<values>\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*(?::[^=\n]*)?=(?!=)",
    re.MULTILINE,
)
_IMPORTED = re.compile(
    r"^(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+(?:\((?P<several>[^)]*)|(?P<line>[^\n;#]*))", re.MULTILINE
)


def defined_names(code: str) -> set[str]:
    r"""Return the names of functions and classes, and of values that are assigned at the beginning of a line.

    Examples
    --------
    >>> sorted(defined_names("def f(x):\n    y = x\nclass A:\n    pass\nb, c = 1, 2\nd: int = 3\ne == 4"))
    ['A', 'b', 'c', 'd', 'f']
    """
    texts = (match["function"] or match["values"] for match in _DEFINED.finditer(code))
    return {name for text in texts for name in re.findall(r"\w+", text)}


def defined_functions(code: str) -> set[str]:
    r"""Return the names of functions and classes alone.

    Examples
    --------
    >>> sorted(defined_functions("def f(x):\n    y = x\nclass A:\n    pass\nb = 1"))
    ['A', 'f']
    """
    return {match["function"] for match in _DEFINED.finditer(code) if match["function"]}


def bound_names(code: str) -> set[str]:
    r"""Return the names that are defined, as above, or imported.

    Examples
    --------
    >>> sorted(bound_names("import numpy as np, os.path\nfrom math import (pi,\n    tau as turn)\nx = pi"))
    ['np', 'os', 'pi', 'turn', 'x']
    """
    imports = (match["several"] or match["line"] or "" for match in _IMPORTED.finditer(code))
    words = (re.findall(r"\w+", name) for text in imports for name in text.split(","))
    return defined_names(code) | {name[-1] if "as" in name else name[0] for name in words if name}
