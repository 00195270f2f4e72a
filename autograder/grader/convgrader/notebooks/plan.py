"""What has to be known of an assignment's notebook to grade it."""

import ast
import contextlib
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from IPython.core.inputtransformer2 import TransformerManager

if TYPE_CHECKING:
    from convcourse.engine.check import Gradable

N = TypeVar("N", bound=ast.AST)


@dataclass
class GradingPlan:
    """What has to be known of an assignment's notebook to grade it: the instructor's cells, never the submission's."""

    locked: dict[str, str] = field(default_factory=dict)  # grade_id -> source of the instructor's code cells
    points: dict[str, float] = field(default_factory=dict)  # grade_id -> points, of those among them that earn points
    solution_ids: tuple[str, ...] = ()  # grade_ids of cells that students fill in

    @functools.cached_property
    def names(self) -> list[str]:
        """The names that a check may look for: the tasks' and those that check cells mention."""
        texts = self._texts_in_calls(self.points)
        return sorted(name for name in texts.union(self.solution_ids) if name.isidentifier())

    def _texts_in_calls(self, cells: Iterable[str]) -> set[str]:
        """Return the texts that are arguments of calls in some of the instructor's cells."""
        arguments = (argument for call in self._nodes(ast.Call, cells) for argument in call.args)
        values = (argument.value for argument in arguments if isinstance(argument, ast.Constant))
        return {value for value in values if isinstance(value, str)}

    @functools.cached_property
    def checks(self) -> "dict[str, Gradable]":
        """The checks of the topics whose checks the instructor's cells ask for, by the name of the task."""
        from convcourse import checks

        return {name: check for topic in self.topics for name, check in checks.load(topic).items()}

    @functools.cached_property
    def tasks(self) -> dict[str, list[str]]:
        """The tasks that the check cells ask for, in the notebook's order: grade_id -> names."""
        tasks = {}
        for cell in self.points:
            mentioned = self._texts_in_calls([cell])
            tasks[cell] = [name for name in self.checks if name in mentioned]
        return tasks

    def helpers(self, cell: str) -> list[str]:
        """Return the helpers of the tasks of a check cell: those that an earlier check cell grades."""
        from convcourse.engine.helpers import helper_names

        earlier = itertools.takewhile(lambda other: other != cell, self.tasks)
        graded = {name for other in earlier for name in self.tasks[other]}
        return [name for task in self.tasks[cell] for name in helper_names(self.checks, task) if name in graded]

    @functools.cached_property
    def provided(self) -> dict[str, Callable[..., Any]]:
        """The provided functions that the instructor's cells import: name -> function."""
        imports = [node for node in self._nodes(ast.ImportFrom) if node.module == "convcourse.provided"]
        names = {alias.name for node in imports for alias in node.names}
        if not names:
            return {}
        from convcourse.functional import FUNCTIONS

        return {name: FUNCTIONS[name] for name in names if name in FUNCTIONS}

    @functools.cached_property
    def topics(self) -> list[str]:
        """The topics whose checks the instructor's cells ask for, by ``convcourse.checker("pooling")``."""
        calls = [node for node in self._nodes(ast.Call) if ast.unparse(node.func).split(".")[-1] == "checker"]
        first = [node.args[0] for node in calls if node.args]
        return sorted({str(argument.value) for argument in first if isinstance(argument, ast.Constant)})

    def _nodes(self, kind: type[N], cells: Iterable[str] | None = None) -> Iterator[N]:
        """Yield the nodes of a kind in some of the instructor's cells, in all by default."""
        for name in self.locked if cells is None else cells:
            with contextlib.suppress(SyntaxError):
                tree = ast.parse(plain_python(self.locked[name]))
                yield from (node for node in ast.walk(tree) if isinstance(node, kind))


@functools.lru_cache(4096)
def plain_python(source: str) -> str:
    """Return a cell's source with magics and shell lines written as calls of ``get_ipython()``."""
    return TransformerManager().transform_cell(source)
