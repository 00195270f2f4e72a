"""Grade one notebook: the student's cells run in a sandbox, the instructor's checks here.

The graded functions are stand-ins here: a call goes to the sandbox and comes back as plain values.
"""

import ast
import contextlib
import functools
import io
import math
import re
from dataclasses import dataclass, field, replace

from convcourse.calls.call import time_limit
from convcourse.engine.context import graded_run
from convcourse.engine.helpers import right_function, with_note
from convgrader.errors import AssignmentError, SandboxError, TimeUpError
from convgrader.jobs import Budget
from convgrader.notebooks.bindings import bound_names
from convgrader.notebooks.plan import plain_python
from convgrader.sandbox.bounds import MAX_CHECK_MEMORY, bounded_memory
from convgrader.sandbox.client import RemoteFunction, SandboxClient
from convgrader.sandbox.clock import Clock
from convgrader.sandbox.validate import error_output, find_unfit


@dataclass
class CheckRun:
    """What one run of a check cell gave: its points, what it shows, and whether all that it looked for was there."""

    score: float = 0.0
    outputs: list = field(default_factory=list)
    is_complete: bool = True


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

    def __init__(self, plan, zygote, seed, budget=None, folder=".", site=""):
        self.plan, self.zygote, self.seed, self.folder, self.site = plan, zygote, seed, folder, site
        self.budget = budget or Budget()
        self.clock = Clock(self.budget.notebook)
        self.names = plan.names
        self.unreached = {}  # name -> the cell that should define it, and why that did not get there
        self.prepared = set()
        self.namespace = {"__name__": "__main__", "get_ipython": _NoShell}

    def run(self, cells):
        """Run the code cells of a notebook in order, write their outputs, and return {grade_id of a check: points}.

        `cells` come from a submission: only their grade_id is used to find the instructor's own, and only what has
        none of those runs in the sandbox.
        """
        code = [cell for cell in cells if cell.cell_type == "code"]
        self.client = SandboxClient(self.zygote, self.budget, self.plan.provided, self.clock)
        try:
            runs, labels = {}, {}
            for number, cell in enumerate(code, 1):
                name = cell.metadata.get("nbgrader", {}).get("grade_id")
                label = f"cell [{number}]" + (f", {name}," if name else "")
                if name in self.plan.graded:
                    labels[name] = label
                    runs[name] = self._check(name, label)
                else:
                    cell.outputs = self.client.run(cell.source, label)
                    self._note_unreached(cell, label)
            for name, first in runs.items():
                if not first.is_complete:  # what it needs was defined further down
                    runs[name] = max(first, self._check(name, labels[name]), key=lambda run: run.score)
            self._pay_faults_once(runs, labels)
        finally:
            self.client.close()
        for number, cell in enumerate(code, 1):
            cell.execution_count = number
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in runs:
                cell.outputs = runs[name].outputs
            for output in cell.outputs:
                if output["output_type"] == "execute_result":
                    output["execution_count"] = number
        return {name: run.score for name, run in runs.items()}

    def _pay_faults_once(self, runs, labels):
        """Run failed checks once more with right helpers in the place of wrong ones; the better of both runs counts.

        The rule stands in `convcourse.engine.helpers`. All checks have run before.
        """
        failed = {cell for cell, run in runs.items() if run.score < self.plan.graded[cell]}
        wrong = {task for cell in failed for task in self.plan.tasks[cell]}
        for cell in (cell for cell in self.plan.tasks if cell in failed):
            lent = {name: right_function(self.plan.checks[name]) for name in self.plan.helpers(cell) if name in wrong}
            if lent and self.clock.left() > 0:
                runs[cell] = max(runs[cell], self._check(cell, labels[cell], lent), key=lambda run: run.score)

    def _check(self, name, label, lent=None):
        """Run one of the instructor's check cells in the time that is left; return a CheckRun.

        Helpers that are `lent`, {name: function}, stand in the place of the student's own.
        """
        with self.clock.on(label):
            self._prepare(name)
            try:
                with contextlib.nullcontext() if lent is None else self.client.lending(lent):
                    functions = self._look_up()
                    limit = time_limit(self.clock.within(math.inf), CheckTimeError, insists=False)
                    with limit, bounded_memory(MAX_CHECK_MEMORY):
                        return self._evaluated(name, functions, lent)
            except CheckTimeError:
                self.zygote.stop()  # in the middle of whatever it was doing
                return _not_run("TimeLimitError", f"This check was ended. {self.clock.used_up()}")
            except TimeUpError as error:
                return _not_run("TimeLimitError", f"This check was not reached. {error}")
            except SandboxError as error:
                return _not_run("SandboxError", f"This check could not be run. {error}", is_complete=False)

    def _evaluated(self, name, functions, lent):
        """Evaluate a check cell, whatever goes wrong in it; return a CheckRun."""
        printed, verdicts = io.StringIO(), []
        try:
            context = graded_run(self.seed, verdicts.append, self.folder)
            with context, contextlib.redirect_stdout(printed), _no_stderr():
                value = evaluate(self.plan.locked[name], self.namespace)
            score, outputs = _scored(value, float(self.plan.graded[name]))
        except MemoryError:
            score, outputs = 0.0, [error_output("MemoryError", "The check needed more memory than a check may take.")]
        except Exception as error:
            score, outputs = 0.0, [error_output(type(error).__name__, " ".join(str(error).split())[:1000])]
        told = [with_note(verdict, list(lent)) if lent else verdict for verdict in verdicts]
        shown = [_display(replace(v, site=self.site, notes=(*v.notes, *self._reasons(v)))) for v in told]
        if printed.getvalue():
            shown.insert(0, {"output_type": "stream", "name": "stdout", "text": printed.getvalue()[:100_000]})
        lacking = any(function.lacks_a_name for function in functions.values())
        missing = any(verdict.name not in self.namespace for verdict in verdicts)
        return CheckRun(score, [*shown, *outputs], not (lacking or missing))

    def _note_unreached(self, cell, label):
        """Keep why names of a cell that failed are not defined, for the verdicts that will miss them."""
        error = next((output for output in cell.outputs if output["output_type"] == "error"), None)
        if error is None and self.unreached:
            for name in bound_names(cell.source):
                self.unreached.pop(name, None)
        elif error is not None:
            says = "was stopped" if error["ename"] == "TimeLimitError" else f"failed with {error['ename']}"
            why = f"{label.rstrip(',')}, which {says}: {' '.join(error['evalue'].split())[:300]}"
            task = {cell.metadata.get("nbgrader", {}).get("grade_id")} & set(self.names)
            self.unreached |= dict.fromkeys({*bound_names(cell.source), *task}, why)

    def _reasons(self, verdict):
        """List why there is not what a verdict misses: the task's function, or a name that it uses."""
        problem = verdict.failure.problem if verdict.failure is not None else ""
        missing = {verdict.name} - set(self.namespace) | set(re.findall(r"name '(\w+)' is not defined", problem))
        known = sorted(missing & self.unreached.keys())
        return [f"{name} should come from {self.unreached[name]}" for name in known]

    def _prepare(self, check):
        """Run the instructor's cells that come before a check here too: they define what checks use."""
        try:
            for name, source in self.plan.locked.items():
                if name == check:
                    return
                if name not in self.prepared and name not in self.plan.graded:
                    self.prepared.add(name)
                    with contextlib.redirect_stdout(io.StringIO()), _no_stderr():
                        evaluate(source, self.namespace)
        except Exception as error:
            raise AssignmentError(f"an instructor's cell failed: {type(error).__name__}: {error}") from error

    def _look_up(self):
        """Put stand-ins for the student's functions into the namespace of the checks, and only there."""
        found, functions = self.client.names(self.names), {}
        for name in self.names:
            said = found.get(name)
            kind = said[0] if isinstance(said, tuple) and said else None
            if not isinstance(kind, str) or kind not in ("function", "value"):
                if isinstance(self.namespace.get(name), RemoteFunction):
                    del self.namespace[name]
            elif kind == "function":
                functions[name] = self.namespace[name] = RemoteFunction(self.client, name)
            elif len(said) == 2 and find_unfit(said[1]) is None:
                self.namespace[name] = said[1]
        return functions


def evaluate(source, namespace):
    """Run a cell; return the value of its last expression, or None."""
    body, last = _compiled(source)
    exec(body, namespace)
    return eval(last, namespace) if last is not None else None


@functools.lru_cache(4096)
def _compiled(source):
    tree = ast.parse(plain_python(source))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    last = compile(ast.Expression(last.value), "<check>", "eval") if last is not None else None
    return compile(tree, "<check>", "exec"), last


def _scored(value, points):
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


def _not_run(kind, says, is_complete=True):
    """Return what a check gives that found no verdict: no points, and why."""
    return CheckRun(0.0, [error_output(kind, says)], is_complete)


def _display(verdict):
    data = {"text/plain": str(verdict), "text/html": verdict._repr_html_()}
    return {"output_type": "display_data", "data": data, "metadata": {}}


class _NoShell:
    """What the instructor's cells get from ``get_ipython()`` here: every magic does nothing."""

    def __getattr__(self, name):
        return lambda *arguments, **options: None


def _no_stderr():
    return contextlib.redirect_stderr(io.StringIO())
