"""Names are read off the lines of a student's code, whatever they hold, in a time that grows with their length."""

import time

import pytest

from convgrader.notebooks.bindings import bound_names, defined_names
from convgrader.notebooks.reader import MAX_SOURCES


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("def f(x):\n    y = x", "f"),
        ("@cache\nasync def f(x):\n    return x", "f"),
        ("class A(B):\n    def m(self):\n        pass", "A m"),
        ("f = g = lambda x: x", "f"),
        ("a, b = 1, 2\nc: int = 3", "a b c"),
        ("import numpy as np, os.path; x = 1", "np os"),
        ("from a.b import c as d, e", "d e"),
        ("from a import (\n    b,\n    c as d,\n)\ne = 1", "b d e"),
        ("a == b\nprint(c=1)\na[0] = 1\n", ""),
        ("!ls\n%time a = 1\nif (", ""),
    ],
)
def test_a_cell_binds_what_it_defines_assigns_and_imports(code, names):
    assert bound_names(code) == set(names.split())


def test_what_is_imported_is_not_defined_here():
    assert defined_names("from a import b\ndef c():\n    pass") == {"c"}


ODD = [
    "!ls\n",
    " ",
    "a",
    "a,",
    "a ,",
    "a=\n",
    "a: b",
    "import ",
    "import (\n",
    "from a ",
    "class ",
    "async def a\n",
    "(",
]


@pytest.mark.parametrize("unit", ODD, ids=repr)
def test_odd_code_costs_little(unit):
    """It is read where the grader is, which has no limit of time for it."""
    start = time.process_time()
    bound_names(unit * (MAX_SOURCES // len(unit)))
    assert time.process_time() - start < 20
