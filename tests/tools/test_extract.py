"""Every public function of the reference package can become a task: taken out, it stands alone and does the same."""

import ast
import doctest
import importlib
from pathlib import Path

import numpy as np
import pytest

from tools import extract

PACKAGE = Path(__file__).parents[2] / "solutions" / "miniconv"


def public():
    for path in sorted(PACKAGE.glob("[a-z]*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield pytest.param(path.stem, node.name, id=f"{path.stem}.{node.name}")


@pytest.mark.parametrize(("stem", "name"), list(public()))
def test_alone_it_passes_its_own_examples(stem, name):
    function = extract.function(PACKAGE, stem, name)
    space = {"np": np}
    body = "\n".join(f"    {line}" for line in function.body.split("\n"))
    exec(f"{function.head}\n{body}", space)
    assert space[name].__module__ != f"miniconv.{stem}"
    others = vars(importlib.import_module(f"miniconv.{stem}"))
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    said = []
    for test in doctest.DocTestFinder().find(space[name], name, globs={**others, name: space[name]}):
        assert test.examples, f"{stem}.{name} has no example"
        runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)
