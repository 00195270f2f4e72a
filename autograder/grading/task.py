"""What an examiner must know of an assignment's notebook."""

import ast
import contextlib
import functools
from dataclasses import dataclass, field

from IPython.core.inputtransformer2 import TransformerManager

TRAIN = "train-"  # how the grade_id of a cell begins that trains a network: inert here


@dataclass
class Task:
    """What an examiner must know of an assignment's notebook: the instructor's cells, never the submission's."""

    locked: dict = field(default_factory=dict)  # grade_id -> source of the instructor's code cells
    graded: dict = field(default_factory=dict)  # grade_id -> points, of those among them that earn points
    answers: tuple = ()  # grade_ids of cells that students fill in

    @functools.cached_property
    def names(self):
        """The names that a check may look for: the tasks' and those that check cells mention."""
        texts = {a.value for node in self._nodes(ast.Call) for a in node.args if isinstance(a, ast.Constant)}
        texts = {text for text in texts if isinstance(text, str)}
        return sorted(name for name in texts.union(self.answers) if name.isidentifier())

    @functools.cached_property
    def given(self):
        """The given functions that the instructor's cells import: name -> function."""
        imports = [node for node in self._nodes(ast.ImportFrom) if node.module == "autograder.given"]
        names = {alias.name for node in imports for alias in node.names}
        if not names:
            return {}
        from autograder import given

        return {name: given.NAMES[name] for name in names if name in given.NAMES}

    @functools.cached_property
    def topics(self):
        """The topics whose checks the instructor's cells ask for, by ``checker("pooling")``."""
        calls = [node for node in self._nodes(ast.Call) if isinstance(node.func, ast.Name) and node.args]
        return sorted({node.args[0].value for node in calls if node.func.id == "checker"})

    def _nodes(self, kind):
        for source in self.locked.values():
            with contextlib.suppress(SyntaxError):
                yield from (node for node in ast.walk(ast.parse(plain_python(source))) if isinstance(node, kind))


@functools.lru_cache(4096)
def plain_python(source):
    """Return a cell's source with magics and shell lines written as calls of ``get_ipython()``."""
    return TransformerManager().transform_cell(source)
