"""The types that all packages share."""

import ast
import sys
from pathlib import Path

from convcourse.calls import values


def test_nothing_is_known_of_a_students_value_before_somebody_has_looked():
    """The type checker lets nobody compute with an `object`, as it would with `Any`."""
    assert values.SubmittedValue is object


def test_the_untrusted_side_imports_no_more_than_numpy_for_them():
    tree = ast.parse(Path(values.__file__).read_text(encoding="utf-8"))
    modules = {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules - sys.stdlib_module_names == {"numpy"}
