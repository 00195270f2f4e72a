"""One answer, written by many hands: other names, other forms of the same statements, other remarks; it does the same.

`written_by` makes of an answer what somebody else might have typed. Two people who write the same answer then differ
as two people do, and a copy that was disguised is an answer written by a second hand.
"""

import ast
import re
from collections.abc import Callable, Iterator
from itertools import count

import numpy as np

NAMES = {  # what students call things
    "out": ("out_size", "out_shape", "target", "new_size"), "sizes": ("result", "shape_out", "all_sizes", "dims"),
    "y": ("out", "result", "output", "pooled"), "gx": ("grad", "dx", "grad_input", "g"),
    "padded": ("xp", "x_pad", "bigger"), "seen": ("patch", "windows_", "part", "view_"),
    "indices": ("idx", "positions", "where"), "total": ("s_all", "acc", "summed"), "pairs": ("pads", "answer", "both"),
    "n": ("size_in", "length"), "k": ("ks", "kern"), "s": ("step", "st"), "p": ("pad", "padd"), "d": ("dil", "di"),
    "i": ("r", "ii", "row_"), "j": ("q", "jj", "col_"), "b": ("batch", "nn"), "c": ("chan", "cc_", "ch_"),
    "shape": ("current", "sh", "now"), "found": ("rows_", "table", "done"), "low": ("smallest", "lo"),
    "planes": ("n_planes", "maps"), "area": ("hw", "pixels"), "size": ("length", "m_out"), "matrix": ("mat", "w"),
}  # fmt: skip
REMARKS = (
    "# see the chapter", "# as in the lecture", "# TODO: tidy up", "# this took me an hour", "# first the sizes",
    "# works for the example", "# from my notes", "# both axes", "# step by step", "# now the result",
)  # fmt: skip


def written_by(hand: int, code: str, task: str) -> str:
    """Return the answer `code` to `task` as the person with the number `hand` writes it.

    Only the task's function keeps its name and its arguments. What a cell defines beside it gets a name of its own, so
    that no other cell of the notebook defines it anew.
    """
    rng = np.random.default_rng([hand, *task.encode()])
    tree = ast.parse(code)
    tree = _Forms(rng).visit(tree)
    tree = _Renamed(_new_names(tree, task, rng)).visit(tree)
    text = ast.unparse(ast.fix_missing_locations(tree))
    return _with_remarks(text, rng) if rng.random() < 0.6 else text


class _Renamed(ast.NodeTransformer):
    """Gives other names to what a cell defines and to what its functions assign."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id), node.ctx)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self.names.get(node.name, node.name)
        return self.generic_visit(node)


def _new_names(tree: ast.Module, task: str, rng: np.random.Generator) -> dict[str, str]:
    """Return {name: new name}; names of arguments stay, since calls may say them."""
    nodes = list(ast.walk(tree))
    used = {node.id for node in nodes if isinstance(node, ast.Name)} | {n.arg for n in nodes if isinstance(n, ast.arg)}
    fixed = {node.arg for node in nodes if isinstance(node, ast.arg | ast.keyword)} | {task}
    used |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    helpers = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name != task]
    initials = "".join(word[0] for word in task.split("_"))
    names = {helper: f"{helper.strip('_').split('__')[0]}_{initials}" for helper in helpers}
    local = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for name in sorted(local - fixed - set(names)):
        free = [new for new in NAMES.get(name, ()) if new not in used and new not in names.values()]
        if free and rng.random() < 0.7:
            names[name] = str(rng.choice(free))
    return names


class _Forms(ast.NodeTransformer):
    """Writes some statements in another form that does the same."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.numbers = rng, count(1)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Turn products of numbers around: `2 * p` and `p * 2`."""
        self.generic_visit(node)
        if isinstance(node.op, ast.Mult) and not _has_calls(node) and self.rng.random() < 0.3:
            return ast.BinOp(node.right, node.op, node.left)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Turn comparisons around: `a < b` and `b > a`."""
        self.generic_visit(node)
        turned = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq}
        operator = turned.get(type(node.ops[0]))
        if len(node.ops) == 1 and operator and self.rng.random() < 0.3:
            return ast.Compare(node.comparators[0], [operator()], [node.left])
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST | list[ast.stmt]:
        """Give the value a name first."""
        self.generic_visit(node)
        if node.value is None or isinstance(node.value, ast.Name) or self.rng.random() < 0.5:
            return node
        name = str(self.rng.choice(["res", "ret", "answer_", "final"]))
        return [ast.Assign([ast.Name(name, ast.Store())], node.value), ast.Return(ast.Name(name, ast.Load()))]

    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.stmt]:
        """Write `a, b = x, y` as two statements, and a choice as an `if`."""
        self.generic_visit(node)
        (target, *more), value = node.targets, node.value
        if more or self.rng.random() < 0.4:
            return node
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and _is_independent(target, value):
            return [ast.Assign([one], each) for one, each in zip(target.elts, value.elts, strict=True)]
        if isinstance(value, ast.IfExp):
            return ast.If(value.test, [ast.Assign([target], value.body)], [ast.Assign([target], value.orelse)])
        return node


def _has_calls(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Call | ast.Tuple | ast.List) for part in ast.walk(node))


def _is_independent(target: ast.Tuple, value: ast.Tuple) -> bool:
    """Say whether the parts can be assigned one after the other."""
    names = {part.id for part in target.elts if isinstance(part, ast.Name)}
    read = {part.id for part in ast.walk(value) if isinstance(part, ast.Name)}
    return len(names) == len(target.elts) == len(value.elts) and not names & read


def _with_remarks(text: str, rng: np.random.Generator) -> str:
    """Put remarks before some lines of the functions."""
    return "\n".join(_remarked(text.split("\n"), lambda: rng.random() < 0.12, lambda: str(rng.choice(REMARKS))))


def _remarked(lines: list[str], is_chosen: Callable[[], bool], remark: Callable[[], str]) -> Iterator[str]:
    for line in lines:
        start = re.match(r"    +(?!else|elif|except|finally)(?=\w)", line)
        if start and is_chosen():
            yield start[0] + remark()
        yield line
