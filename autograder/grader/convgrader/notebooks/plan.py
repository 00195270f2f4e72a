"""What has to be known of an assignment's notebook to grade it."""

import ast
import contextlib
import functools
import itertools
from dataclasses import dataclass, field

from IPython.core.inputtransformer2 import TransformerManager


@dataclass
class GradingPlan:
    """What has to be known of an assignment's notebook to grade it: the instructor's cells, never the submission's."""

    locked: dict = field(default_factory=dict)  # grade_id -> source of the instructor's code cells
    graded: dict = field(default_factory=dict)  # grade_id -> points, of those among them that earn points
    answers: tuple = ()  # grade_ids of cells that students fill in

    @functools.cached_property
    def names(self):
        """The names that a check may look for: the tasks' and those that check cells mention."""
        calls = self._nodes(ast.Call, self.graded)
        texts = {a.value for node in calls for a in node.args if isinstance(a, ast.Constant)}
        texts = {text for text in texts if isinstance(text, str)}
        return sorted(name for name in texts.union(self.answers) if name.isidentifier())

    @functools.cached_property
    def checks(self):
        """The checks of the topics whose checks the instructor's cells ask for, by the name of the task."""
        from convcourse import checks

        return {name: check for topic in self.topics for name, check in checks.load(topic).items()}

    @functools.cached_property
    def tasks(self):
        """The tasks that the check cells ask for, in the notebook's order: grade_id -> names."""
        asked = {}
        for cell in self.graded:
            named = {a.value for n in self._nodes(ast.Call, [cell]) for a in n.args if isinstance(a, ast.Constant)}
            asked[cell] = [name for name in self.checks if name in named]
        return asked

    def helpers(self, cell):
        """Return the helpers of the tasks of a check cell: those that an earlier check cell grades."""
        from convcourse.engine.helpers import helper_names

        earlier = itertools.takewhile(lambda other: other != cell, self.tasks)
        graded = {name for other in earlier for name in self.tasks[other]}
        return [name for task in self.tasks[cell] for name in helper_names(self.checks, task) if name in graded]

    @functools.cached_property
    def provided(self):
        """The provided functions that the instructor's cells import: name -> function."""
        imports = [node for node in self._nodes(ast.ImportFrom) if node.module == "convcourse.provided"]
        names = {alias.name for node in imports for alias in node.names}
        if not names:
            return {}
        from convcourse.functional import FUNCTIONS

        return {name: FUNCTIONS[name] for name in names if name in FUNCTIONS}

    @functools.cached_property
    def topics(self):
        """The topics whose checks the instructor's cells ask for, by ``convcourse.checker("pooling")``."""
        calls = [node for node in self._nodes(ast.Call) if node.args and isinstance(node.args[0], ast.Constant)]
        return sorted({node.args[0].value for node in calls if ast.unparse(node.func).split(".")[-1] == "checker"})

    def _nodes(self, kind, cells=None):
        """Yield the nodes of a kind in some of the instructor's cells, in all by default."""
        for name in self.locked if cells is None else cells:
            with contextlib.suppress(SyntaxError):
                tree = ast.parse(plain_python(self.locked[name]))
                yield from (node for node in ast.walk(tree) if isinstance(node, kind))


@functools.lru_cache(4096)
def plain_python(source):
    """Return a cell's source with magics and shell lines written as calls of ``get_ipython()``."""
    return TransformerManager().transform_cell(source)
