"""Try the checks: every known mistake, every right answer, and the reference broken on purpose, change by change.

For each task: how many mistakes are rejected and named by their own sentence, how many right answers are accepted, and
how long the check takes for the reference. Then every operator, constant, comparison and term of the reference's
solution is changed, one at a time. A change that the check does not notice is a survivor: either the change makes no
difference (``solutions/answers/equivalent.yml`` says why), or the check has to become stronger.
"""

import argparse
import ast
import copy
import fnmatch
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from convcourse import checks
from convcourse.calls.call import LocalFunction
from convcourse.engine.check import Check
from convcourse.engine.context import current_context, graded_run
from convcourse.engine.model import Verdict
from convcourse.grade_ids import PROVIDED
from tools import answers
from tools.weave import ProjectPaths, Solution, woven

SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
NAMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "floor": "ceil", "ceil": "floor"}


# --- breaking a function -----------------------------------------------------------------------------------------


def mutations(code: str, lines: Collection[int] | None = None) -> Iterator[tuple[int, str, str]]:
    """Yield (line, what was changed, code) for every single change of a piece of code, on `lines` alone if given.

    Left out is what a task does not ask for: conditions under which an error is raised, and ``strict=`` of zip.

    Examples
    --------
    >>> [changed for _, _, changed in mutations("y = x + 1")]
    ['y = x - 1', 'y = x', 'y = 1', 'y = x + 2', 'y = x + 0']
    """
    tree = ast.parse(code)
    left_out = {part for node in ast.walk(tree) for part in _not_asked_for(node)}
    for number, node in enumerate(ast.walk(tree)):
        if node in left_out or (lines is not None and getattr(node, "lineno", None) not in lines):
            continue
        for changed in _changes(node):
            other = copy.deepcopy(tree)
            target = next(n for k, n in enumerate(ast.walk(other)) if k == number)
            whole = _put(other, target, changed)
            line = getattr(node, "lineno", 0)
            yield line, f"{ast.unparse(node)[:60]} -> {ast.unparse(changed)[:60]}", ast.unparse(whole)


def _not_asked_for(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of checks of arguments."""
    if isinstance(node, ast.Raise | ast.Assert) or (isinstance(node, ast.keyword) and node.arg == "strict"):
        yield from ast.walk(node)
    elif isinstance(node, ast.If) and all(isinstance(statement, ast.Raise) for statement in node.body):
        yield from ast.walk(node.test)
    elif isinstance(node, ast.FunctionDef):
        yield from ast.walk(node.args)


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that may stand in the place of `node`."""
    if isinstance(node, ast.BinOp):
        yield from _swapped(node, "op", node.op)
        if isinstance(node.op, ast.Add | ast.Sub):
            yield node.left
            yield node.right
    elif isinstance(node, ast.AugAssign):
        yield from _swapped(node, "op", node.op)
        yield ast.Assign([node.target], node.value, lineno=node.lineno)
    elif isinstance(node, ast.BoolOp):
        yield from _swapped(node, "op", node.op)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for operator in _swapped(node.ops[0], None, node.ops[0]):
            yield ast.Compare(node.left, [operator], node.comparators)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield node.operand
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
        if node.value:
            yield ast.Constant(node.value - 1)
    elif isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield ast.Attribute(node.value, NAMES[node.attr], node.ctx)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
        yield ast.Call(ast.Name(NAMES[node.func.id], ast.Load()), node.args, node.keywords)


def _swapped(node: ast.AST, field: str | None, operator: ast.AST) -> Iterator[Any]:
    other = SWAPS.get(type(operator))
    if other is None:
        return
    if field is None:
        yield other()
    else:
        changed = copy.copy(node)
        setattr(changed, field, other())
        yield changed


def _put(tree: ast.AST, target: ast.AST, changed: ast.AST) -> Any:
    class Put(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return copy.deepcopy(changed) if node is target else self.generic_visit(node)

    return ast.fix_missing_locations(Put().visit(tree))


# --- running a check on it ---------------------------------------------------------------------------------------


class MutantTimeoutError(BaseException):
    """A mutant ran for too long as a whole."""


def verdict_on(check: Check, function: Callable[..., Any], seed: int = 0) -> Verdict:
    """Run a check as the grader does: no pictures, no smallest case."""
    with graded_run(seed, lambda verdict: None):
        return check.run(lambda name: LocalFunction(function), 1.0, current_context())


def survives(check: Check, head: str, code: str, space: dict[str, Any], seconds: int = 10) -> bool:
    """Say whether the check gives full points to a solution with this body."""
    namespace = dict(space)
    try:
        exec(f"{head}\n{textwrap.indent(code, '    ')}", namespace)
    except Exception:
        return False

    def stop(*_: object) -> None:
        raise MutantTimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        with np.errstate(all="ignore"):
            return verdict_on(check, namespace[check.name]).passed
    except MutantTimeoutError:
        return False
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def lines_run(check: Check, head: str, body: str, space: dict[str, Any]) -> set[int]:
    """Return the lines of `body` that run when the check tries the solution."""
    namespace, seen, offset = dict(space), set(), head.count("\n") + 1
    exec(compile(f"{head}\n{textwrap.indent(body, '    ')}", "<solution>", "exec"), namespace)

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename != "<solution>":
            return None
        if event == "line":
            seen.add(frame.f_lineno - offset)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        verdict_on(check, namespace[check.name])
    finally:
        sys.settrace(before)
    return _whole_statements(body, seen)


def _whole_statements(body: str, lines: set[int]) -> set[int]:
    """Add the other lines of statements that span several."""
    for node in ast.walk(ast.parse(body)):
        if isinstance(node, ast.stmt) and not hasattr(node, "body") and node.lineno in lines:
            lines |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def solved(root: Path, stem: str) -> tuple[list[Solution], dict[str, Any]]:
    """Return the solutions of an assignment, and the namespace in which they all stand."""
    space, assignment = {"np": np}, woven(root, stem)
    for cell in assignment.notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        is_solution = about.get("solution") and cell.cell_type == "code"
        if is_solution or about.get("grade_id", "").startswith(PROVIDED):
            exec(cell.source, space)
    return assignment.solutions, space


def equivalents(root: Path) -> list[dict[str, str]]:
    """Return the equivalent mutants, changes that make no difference: a list of {task, line, change, because}.

    `task` may hold ``*``; `line` is a part of the line that was changed, `change` of what was changed (default: any).
    """
    import yaml

    path = Path(root) / "solutions" / "answers" / "equivalent.yml"
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or []) if path.is_file() else []


def reason_for(equivalent_mutants: list[dict[str, str]], task: str, line: str, change: str) -> str | None:
    """Return why a change makes no difference, or None."""
    for entry in equivalent_mutants:
        fits = fnmatch.fnmatch(task, entry["task"]) and entry.get("line", "") in line
        if fits and entry.get("change", "") in change:
            return entry["because"]
    return None


# --- the report --------------------------------------------------------------------------------------------------


def report_on_checks(root: Path, stem: str) -> list[str]:
    """Print a line per task: mistakes rejected and named, right answers accepted, seconds; return what failed."""
    failed = []
    spaces = solved(root, stem)[1] if stem in ProjectPaths(Path(root)).stems() else {}
    for name, check in checks.of_functions(stem).items():
        verdicts = [(mistake, verdict_on(check, mistake.function)) for mistake in check.mistakes]
        rejected = [mistake.name for mistake, verdict in verdicts if verdict.earned < 1]
        spoken = [(mistake, verdict) for mistake, verdict in verdicts if mistake.message]
        named = [mistake.name for mistake, verdict in spoken if mistake.message in str(verdict)]
        right = answers.functions(root, stem).get(name, {})
        accepted = [style for style, function in right.items() if verdict_on(check, function).passed]
        start = time.perf_counter()
        reference = verdict_on(check, spaces[name]).passed if name in spaces else None
        seconds = time.perf_counter() - start
        outcome = {True: f"{seconds:.3f} s", False: "REJECTED", None: "not in the assignment"}[reference]
        count = len(check.mistakes)
        print(
            f"{stem + '.' + name:42} rejected {len(rejected):2}/{count:<2}  named {len(named):2}/{len(spoken):<2}  "
            f"right {len(accepted)}/{len(right)}  reference {outcome}"
        )
        if len(rejected) < count or len(named) < len(spoken) or len(accepted) < len(right) or reference is False:
            failed.append(f"{stem}.{name}")
    return failed


def report_on_changes(root: Path, stem: str) -> list[str]:
    """Print how many changes of each solution the check noticed, and the survivors; return the unexplained ones."""
    solutions, space = solved(root, stem)
    equivalent_mutants, unexplained = equivalents(root), []
    all_checks = checks.of_functions(stem)
    for solution in solutions:
        name, head, body = solution.name, solution.head, solution.body
        if name not in all_checks:
            continue
        tried, survivors = 0, []
        lines = lines_run(all_checks[name], head, body, space)
        for line, change, code in mutations(body, lines):
            tried += 1
            if survives(all_checks[name], head, code, space):
                survivors.append((line, change))
        print(f"{stem + '.' + name:42} {tried:4} changes, {len(survivors)} not noticed")
        source = body.split("\n")
        for line, change in survivors:
            reason = reason_for(equivalent_mutants, f"{stem}.{name}", source[line - 1], change)
            print(f"    {source[line - 1].strip()}\n        {change}: {reason or 'UNEXPLAINED'}")
            if not reason:
                unexplained.append(f"{stem}.{name}: {change}")
    return unexplained


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all checks, or those of the topics named; the exit status is 1 where a check failed its trial."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=main.__doc__)
    parser.add_argument("stems", nargs="*", metavar="TOPIC")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the project (default: this folder)")
    parser.add_argument("--checks-only", action="store_true", help="do not break the reference")
    options = parser.parse_args(arguments)
    stems = options.stems or checks.topics()
    failed = [name for stem in stems for name in report_on_checks(options.root, stem)]
    survivors = []
    if not options.checks_only:
        print()
        with_assignment = [stem for stem in stems if stem in ProjectPaths(options.root).stems()]
        survivors = [s for stem in with_assignment for s in report_on_changes(options.root, stem)]
    for name in failed:
        print(f"FAILED: {name}")
    print(f"{len(failed)} checks failed their trial, {len(survivors)} survivors without a reason")
    return 1 if failed or survivors else 0


if __name__ == "__main__":
    sys.exit(main())
