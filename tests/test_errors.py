"""Each package has one tree of errors, and its docstring draws it."""

import inspect
import re

import pytest

import convcourse.errors
import convgrader.errors

LINE = re.compile(r"^(?P<before>[ │├└─]*)(?P<name>\w+Error)\b")


def drawn(module):
    """Return {error: the one that it is drawn below, or None} of a module's docstring."""
    found, above = {}, []
    for line in inspect.getdoc(module).splitlines():
        if match := LINE.match(line):
            depth = len(match["before"])
            above = [(d, name) for d, name in above if d < depth]
            found[match["name"]] = above[-1][1] if above else None
            above.append((depth, match["name"]))
    return found


@pytest.mark.parametrize("module", [convcourse.errors, convgrader.errors], ids=lambda module: module.__name__)
def test_the_docstring_draws_the_tree(module):
    defined = {name: kind for name, kind in vars(module).items() if getattr(kind, "__module__", "") == module.__name__}
    classes = {name: kind for name, kind in defined.items() if inspect.isclass(kind)}
    tree = drawn(module)
    assert set(tree) == set(classes) and list(tree.values()).count(None) == 1
    for name, parent in tree.items():
        assert classes[name].__doc__
        assert classes[name].__bases__[0] is (classes[parent] if parent else Exception)
