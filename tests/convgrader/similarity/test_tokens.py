"""A tree, a text or prose as a row of tokens."""

import ast

import pytest

from convgrader.similarity import tokens


def words(code):
    return [token.word for token in tokens.of_tree(ast.parse(code))]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x):\n    return x + 1", "def other(array):\n    return array + 1"),
        ("y = a * b + 2", "y = 2 + b * a"),
        ("x < n", "n > x"),
        ("x.max(axis=1)", "np.max(x, 1)"),
        ("np.linalg.norm(x)", "norm(x)"),
        ("np.zeros(n, dtype=float)", "numpy.zeros(n, float)"),
        ("a = f(x)\nb = g(y) + 1", "b = g(y) + 1\na = f(x)"),
        ("a < b < c", "b < c and a < b"),
        ("2.0", "2"),
        ("f = lambda x: x + 1", "def f(x):\n    return x + 1"),
    ],
)
def test_what_says_the_same_has_the_same_tokens(one, other):
    names = "a = b = c = x = y = n = 0\n"
    assert words(names + one) == words(names + other)


def test_what_needs_each_other_stays_in_its_order():
    assert words("y = f(x) + 1\nz = g(y)") != words("z = g(y)\ny = f(x) + 1")


def test_what_a_module_gives_keeps_its_name():
    assert words("np.pad(x, 1)") != words("np.roll(x, 1)")


def test_a_token_knows_its_line():
    assert [token.line for token in tokens.of_tree(ast.parse("\n\nx = [\n1]"))] == [3, 3, 4]


def test_code_without_a_tree_has_the_words_of_its_text():
    found = tokens.of_code('def f(x:\n  """text\n"""\n  return x + 1.5  # why\n')
    assert [token.word for token in found] == ["def", "_", "(", "_", ":", "return", "_", "+", "1.5"]
    assert found[-1].line == 4


def test_prose_has_words_without_case_and_signs():
    assert [(token.word, token.line) for token in tokens.of_prose("It *keeps*\nWHAT.")] == [
        ("it", 1), ("keeps", 1), ("what", 2),
    ]  # fmt: skip
