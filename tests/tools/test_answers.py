"""Right answers are found by their task and their style; a helper is none."""

import pytest

from tools import answers

TEXT = """\
def helper(x):
    return x


def double__sum(x):
    return helper(x) + x


def double__product(x):
    return 2 * x


def double_all__loop(xs):
    return [double__sum(x) for x in xs]
"""


@pytest.fixture
def root(tmp_path):
    path = answers.path_of(tmp_path, "small")
    path.parent.mkdir(parents=True)
    path.write_text(TEXT)
    return tmp_path


def test_by_task_and_style(root):
    assert answers.styles(root, "small") == {
        "double": ["double__sum", "double__product"], "double_all": ["double_all__loop"]
    }  # fmt: skip
    found = answers.functions(root, "small")
    assert {task: list(styles) for task, styles in found.items()} == {
        "double": ["sum", "product"], "double_all": ["loop"]
    }  # fmt: skip
    assert found["double"]["sum"](3) == 6 and found["double_all"]["loop"]([1, 2]) == [2, 4]
