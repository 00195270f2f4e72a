"""Grade one notebook: the student's cells run in a sandbox, the instructor's checks here.

The graded functions are stand-ins here: a call goes to the sandbox and comes back as plain values.
"""

import ast
import contextlib
import functools
import io
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import CodeType
from typing import Any, TypeAlias

from convcourse.calls.call import time_limit
from convcourse.calls.values import Function
from convcourse.engine.check import Check
from convcourse.engine.context import graded_run
from convcourse.engine.display import failing_call, printable
from convcourse.engine.helpers import right_function, with_note
from convcourse.engine.model import Verdict
from convcourse.grade_ids import CHECK
from convgrader.errors import AssignmentError, SandboxError, TimeUpError
from convgrader.jobs import Budget, TaskVerdict
from convgrader.notebooks.bindings import bound_names
from convgrader.notebooks.files import StrPath
from convgrader.notebooks.plan import GradingPlan, plain_python
from convgrader.notebooks.reader import Node
from convgrader.sandbox.bounds import MAX_CHECK_MEMORY, bounded_memory
from convgrader.sandbox.client import RemoteFunction, SandboxClient
from convgrader.sandbox.clock import Clock
from convgrader.sandbox.protocol import Output
from convgrader.sandbox.validate import error_output, find_unserializable
from convgrader.sandbox.zygote import SandboxZygote

MAX_PRINTED = 100_000  # characters that a check cell may print
MAX_ERROR = 1000  # characters of an error's message
MAX_KEPT = 400  # characters of a sentence, or of a call, that is kept of a verdict

Helpers: TypeAlias = Mapping[str, Function]  # right ones, by the names of those that they stand in for


@dataclass
class CheckRun:
    """What one run of a check cell gave: its points, what it shows, and whether all that it looked for was there.

    `problem` says why there are no verdicts.
    """

    score: float = 0.0
    outputs: list[Output] = field(default_factory=list)
    is_complete: bool = True
    verdicts: list[Verdict] = field(default_factory=list)
    problem: str = ""


class CheckTimeError(BaseException):
    """The time is up while a check is evaluated; nothing in there catches it."""


class NotebookGrader:
    """Grades one notebook: `run` writes the outputs of all its cells and returns the scores.

    Its time runs from when this is made, and all that is done for the notebook takes from it.

    Parameters
    ----------
    plan : GradingPlan
    zygote : SandboxZygote
    seed : int
        The course's secret.
    budget : Budget
    folder : str or Path
        Where the submission's other files lie: trained models.
    site : str
        Where the course's site is published, for the links of the verdicts.
    """

    def __init__(
        self,
        plan: GradingPlan,
        zygote: SandboxZygote,
        seed: int,
        budget: Budget | None = None,
        folder: StrPath = ".",
        site: str = "",
    ) -> None:
        self.plan, self.zygote, self.seed, self.folder, self.site = plan, zygote, seed, folder, site
        self.budget = budget or Budget()
        self.clock = Clock(self.budget.notebook)
        self.names = plan.names
        self.unreached: dict[str, str] = {}  # name -> the cell that should define it, and why that did not get there
        self.prepared: set[str] = set()
        self.client = SandboxClient(zygote, self.budget, plan.provided, self.clock)
        self.namespace: dict[str, Any] = {"__name__": "__main__", "get_ipython": _NullShell}
        self.verdicts: list[TaskVerdict] = []  # of `run`: what is kept of the verdicts that count

    def run(self, cells: Iterable[Node]) -> dict[str, float]:
        """Run the code cells of a notebook in order, write their outputs, and return {grade_id of a check: points}.

        `cells` come from a submission: only their grade_id is used to find the instructor's own, and only what has
        none of those runs in the sandbox.
        """
        code = [cell for cell in cells if cell.cell_type == "code"]
        runs: dict[str, CheckRun] = {}
        labels: dict[str, str] = {}
        try:
            for number, cell in enumerate(code, 1):
                name = cell.metadata.get("nbgrader", {}).get("grade_id")
                label = f"cell [{number}]" + (f", {name}," if name else "")
                if name in self.plan.points:
                    labels[name] = label
                    runs[name] = self._run_check(name, label)
                else:
                    cell.outputs = self.client.run(cell.source, label)
                    self._note_unreached(cell, label)
            for name, first in runs.items():
                if not first.is_complete:  # what it needs was defined further down
                    runs[name] = max(first, self._run_check(name, labels[name]), key=lambda run: run.score)
            self._pay_faults_once(runs, labels)
        finally:
            self.client.close()
        self.verdicts = [verdict for name, run in runs.items() for verdict in self._kept_verdicts(name, run)]
        for number, cell in enumerate(code, 1):
            cell.execution_count = number
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in runs:
                cell.outputs = runs[name].outputs
            for output in cell.outputs:
                if output["output_type"] == "execute_result":
                    output["execution_count"] = number
        return {name: run.score for name, run in runs.items()}

    def _pay_faults_once(self, runs: dict[str, CheckRun], labels: dict[str, str]) -> None:
        """Run failed checks once more with right helpers in the place of wrong ones; the better of both runs counts.

        The rule stands in `convcourse.engine.helpers`. All checks have run before.
        """
        failed = {cell for cell, run in runs.items() if run.score < self.plan.points[cell]}
        wrong = {task for cell in failed for task in self.plan.tasks[cell]}
        for cell in (cell for cell in self.plan.tasks if cell in failed):
            checks = [self.plan.checks[name] for name in self.plan.helpers(cell) if name in wrong]
            lent = {check.name: right_function(check) for check in checks if isinstance(check, Check)}
            if lent and self.clock.left() > 0:
                runs[cell] = max(runs[cell], self._run_check(cell, labels[cell], lent), key=lambda run: run.score)

    def _kept_verdicts(self, cell: str, run: CheckRun) -> list[TaskVerdict]:
        """Return what is kept of a check cell's verdicts, and why there is none where there is none."""
        if run.verdicts:
            return [_kept(cell, verdict) for verdict in run.verdicts]
        tasks = self.plan.tasks[cell] or [cell.removeprefix(CHECK)]
        return [TaskVerdict(cell, tasks[0], float(self.plan.points[cell]), run.score, problem=_bounded(run.problem))]

    def _run_check(self, name: str, label: str, lent: Helpers | None = None) -> CheckRun:
        """Run one of the instructor's check cells in the time that is left; return a CheckRun.

        Helpers that are `lent`, {name: function}, stand in the place of the student's own.
        """
        with self.clock.charge_to(label):
            self._prepare(name)
            try:
                with contextlib.nullcontext() if lent is None else self.client.lending(lent):
                    functions = self._bind_functions()
                    limit = time_limit(self.clock.within(math.inf), CheckTimeError, insists=False)
                    with limit, bounded_memory(MAX_CHECK_MEMORY):
                        return self._evaluate_check(name, functions, lent)
            except CheckTimeError:
                self.zygote.stop()  # in the middle of whatever it was doing
                return _failed_run("TimeLimitError", f"This check was ended. {self.clock.expired_message()}")
            except TimeUpError as error:
                return _failed_run("TimeLimitError", f"This check was not reached. {error}")
            except SandboxError as error:
                return _failed_run("SandboxError", f"This check could not be run. {error}", is_complete=False)

    def _evaluate_check(self, name: str, functions: dict[str, RemoteFunction], lent: Helpers | None) -> CheckRun:
        """Evaluate a check cell, whatever goes wrong in it; return a CheckRun."""
        printed = io.StringIO()
        verdicts: list[Verdict] = []
        problem = ""
        try:
            context = graded_run(self.seed, verdicts.append, self.folder)
            with context, contextlib.redirect_stdout(printed), _discarded_stderr():
                value = evaluate(self.plan.locked[name], self.namespace)
            score, outputs = _score_of(value, float(self.plan.points[name]))
        except MemoryError:
            problem = "The check needed more memory than a check may take."
            score, outputs = 0.0, [error_output("MemoryError", problem)]
        except Exception as error:
            problem = " ".join(str(error).split())[:MAX_ERROR]
            score, outputs = 0.0, [error_output(type(error).__name__, problem)]
        annotated = [with_note(verdict, list(lent)) if lent else verdict for verdict in verdicts]
        shown = [_display(replace(v, site=self.site, notes=(*v.notes, *self._reasons(v)))) for v in annotated]
        if printed.getvalue():
            shown.insert(0, {"output_type": "stream", "name": "stdout", "text": printed.getvalue()[:MAX_PRINTED]})
        lacks_name = any(function.lacks_a_name for function in functions.values())
        missing = any(verdict.name not in self.namespace for verdict in verdicts)
        return CheckRun(score, [*shown, *outputs], not (lacks_name or missing), annotated, problem)

    def _note_unreached(self, cell: Node, label: str) -> None:
        """Keep why names of a cell that failed are not defined, for the verdicts that will miss them."""
        error = next((output for output in cell.outputs if output["output_type"] == "error"), None)
        if error is None and self.unreached:
            for name in bound_names(cell.source):
                self.unreached.pop(name, None)
        elif error is not None:
            fate = "was stopped" if error["ename"] == "TimeLimitError" else f"failed with {error['ename']}"
            reason = f"{label.rstrip(',')}, which {fate}: {' '.join(error['evalue'].split())[:300]}"
            task_name = {cell.metadata.get("nbgrader", {}).get("grade_id")} & set(self.names)
            self.unreached |= dict.fromkeys({*bound_names(cell.source), *task_name}, reason)

    def _reasons(self, verdict: Verdict) -> list[str]:
        """List why there is not what a verdict misses: the task's function, or a name that it uses."""
        problem = verdict.failure.problem if verdict.failure is not None else ""
        missing = {verdict.name} - set(self.namespace) | set(re.findall(r"name '(\w+)' is not defined", problem))
        explained = sorted(missing & self.unreached.keys())
        return [f"{name} should come from {self.unreached[name]}" for name in explained]

    def _prepare(self, check: str) -> None:
        """Run the instructor's cells that come before a check here too: they define what checks use."""
        try:
            for name, source in self.plan.locked.items():
                if name == check:
                    return
                if name not in self.prepared and name not in self.plan.points:
                    self.prepared.add(name)
                    with contextlib.redirect_stdout(io.StringIO()), _discarded_stderr():
                        evaluate(source, self.namespace)
        except Exception as error:
            raise AssignmentError(f"an instructor's cell failed: {type(error).__name__}: {error}") from error

    def _bind_functions(self) -> dict[str, RemoteFunction]:
        """Put stand-ins for the student's functions into the namespace of the checks, and only there."""
        descriptions, functions = self.client.names(self.names), {}
        for name in self.names:
            description = descriptions.get(name)
            fields = description if isinstance(description, tuple) else ()
            kind = fields[0] if fields else None
            if not isinstance(kind, str) or kind not in ("function", "value"):
                if isinstance(self.namespace.get(name), RemoteFunction):
                    del self.namespace[name]
            elif kind == "function":
                functions[name] = self.namespace[name] = RemoteFunction(self.client, name)
            elif len(fields) == 2 and find_unserializable(fields[1]) is None:
                self.namespace[name] = fields[1]
        return functions


def evaluate(source: str, namespace: dict[str, Any]) -> Any:
    """Run a cell; return the value of its last expression, or None."""
    body, last_expression = _compiled(source)
    exec(body, namespace)
    return eval(last_expression, namespace) if last_expression is not None else None


@functools.lru_cache(4096)
def _compiled(source: str) -> tuple[CodeType, CodeType | None]:
    tree = ast.parse(plain_python(source))
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        return compile(tree, "<check>", "exec"), None
    del tree.body[-1]
    return compile(tree, "<check>", "exec"), compile(ast.Expression(last.value), "<check>", "eval")


def _score_of(value: Any, points: float) -> tuple[float, list[Output]]:
    """Return the points that the value of a check cell stands for, and the output that nbgrader reads them off.

    A check that asserts, and gives no number, has earned all of them.
    """
    if value is None:
        return points, []
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"a check gave {number}")
    number = min(max(number, 0.0), points)
    data = {"text/plain": repr(number)}
    return number, [{"output_type": "execute_result", "execution_count": None, "data": data, "metadata": {}}]


def _failed_run(kind: str, message: str, is_complete: bool = True) -> CheckRun:
    """Return what a check gives that found no verdict: no points, and why."""
    return CheckRun(0.0, [error_output(kind, message)], is_complete, problem=message)


def _kept(cell: str, verdict: Verdict) -> TaskVerdict:
    """Return what is kept of the verdict of a check cell."""
    return TaskVerdict(
        cell,
        verdict.name,
        verdict.points,
        verdict.earned,
        parts=dict(verdict.parts),
        broken=tuple(map(_bounded, verdict.broken)),
        mistakes=tuple(_bounded(message) for message in verdict.mistakes if message),
        problem=_bounded(verdict.failure.problem if verdict.failure is not None else ""),
        call=_bounded(failing_call(verdict)),
        outcomes=verdict.outcomes,
        digest=verdict.digest,
        section=verdict.section,
    )


def _bounded(text: str) -> str:
    """Return a text that is kept: one line, of a length that 5,000 submissions can have."""
    line = printable(text)
    return line if len(line) <= MAX_KEPT else line[: MAX_KEPT - 3] + "..."


def _display(verdict: Verdict) -> Output:
    data = {"text/plain": str(verdict), "text/html": verdict._repr_html_()}
    return {"output_type": "display_data", "data": data, "metadata": {}}


class _NullShell:
    """What the instructor's cells get from ``get_ipython()`` here: every magic does nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments, **options: None


def _discarded_stderr() -> contextlib.redirect_stderr[io.StringIO]:
    return contextlib.redirect_stderr(io.StringIO())
