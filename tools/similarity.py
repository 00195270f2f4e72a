"""Measure what `autograder similar` finds: right answers, disguised in many ways, and right answers that are no copies.

The answers are those of ``solutions/answers``, several styles of each task that do not know of each other. Each is
copied and disguised: it is found if original and copy are shown as a pair in the class of all styles. Two styles that
are shown as a pair are falsely paired. The threshold was chosen on every second topic (`tuned`), and the page has the
figures of the others beside them: `python -m tools.similarity --page book/_similarity.md`.
"""

import argparse
import ast
import itertools
import keyword
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from convcourse import checks
from convgrader.similarity import likeness, parser_process
from convgrader.similarity.likeness import Prints
from convgrader.similarity.parser_process import Code
from tools import answers

Disguise = Callable[[str], str]
NOBODY = Prints(frozenset(), frozenset())  # a class that was handed nothing


# --- disguises: a function's text in, another text of the same function out ----------------------------------------


def renamed(code: str) -> str:
    """All names of its own have become others."""
    tree = ast.parse(code)
    function = _function(tree)
    names = sorted(_own_names(function))
    others = {name: f"{'abcdefgh'[number % 8]}{number}_" for number, name in enumerate(names)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = others.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg = others.get(node.arg, node.arg)
        elif isinstance(node, ast.FunctionDef) and node is not function:
            node.name = others.get(node.name, node.name)
    return ast.unparse(tree)


def reformatted(code: str) -> str:
    """Comments, another docstring, empty lines, other breaks of lines."""
    tree = ast.parse(code)
    function = _function(tree)
    function.body = [ast.Expr(ast.Constant("My own way of doing it.")), *_undocumented(function)]
    lines = ast.unparse(tree).splitlines()
    indents = [line[: len(line) - len(line.lstrip())] for line in lines]
    broken = [line.replace(", ", ",\n" + indent + "        ") if "(" in line and '"""' not in line and "'" not in line
              and not line.lstrip().startswith(("def", "for")) and _is_inside(line) else line
              for line, indent in zip(lines, indents)]  # fmt: skip
    return "\n".join(f"{indent}# then\n{line}\n" for line, indent in zip(broken, indents))


def _is_inside(line: str) -> bool:
    """Say whether all commas of a line stand in brackets, where a line may be broken."""
    depth = 0
    for sign in line:
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and not depth:
            return False
    return True


def reordered(code: str) -> str:
    """Neighbours that do not need each other have changed places."""
    tree = ast.parse(code)
    for block in _blocks(tree):
        place = 0
        while place + 1 < len(block):
            if _are_independent(block[place], block[place + 1]):
                block[place], block[place + 1] = block[place + 1], block[place]
                place += 1
            place += 1
    return ast.unparse(tree)


def with_loops(code: str) -> str:
    """Lists that a comprehension makes are made by a loop."""
    tree = ast.parse(code)
    counter = itertools.count()
    for block in _blocks(tree):
        for statement in list(block):
            if isinstance(statement, ast.Assign | ast.Return) and statement.value is not None:
                for node in [each for each in ast.walk(statement) if isinstance(each, ast.ListComp)][:1]:
                    name = f"built{next(counter)}"
                    loop: ast.stmt = ast.parse(f"{name}.append(0)").body[0]
                    loop.value.args = [node.elt]  # type: ignore[attr-defined]  # a call
                    for generator in reversed(node.generators):
                        for test in reversed(generator.ifs):
                            loop = ast.If(test, [loop], [])
                        loop = ast.For(generator.target, generator.iter, [loop], [])
                    block[block.index(statement) : block.index(statement)] = [ast.parse(f"{name} = []").body[0], loop]
                    _replace(statement, node, ast.Name(name, ast.Load()))
    return ast.unparse(ast.fix_missing_locations(tree))


def with_helpers(code: str) -> str:
    """What the second half of the function does stands in a helper."""
    tree = ast.parse(code)
    function = _function(tree)
    body = _undocumented(function)
    half = len(body) // 2
    if not half:
        return _with_helper_of_the_result(tree, function)
    first, second = body[:half], body[half:]
    known = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)} | _stored(first)
    needed = sorted(_read(second) & known)
    helper = ast.parse(f"def finish({', '.join(needed)}):\n    pass").body[0]
    helper.body = second  # type: ignore[attr-defined]  # a function
    function.body = [*first, *ast.parse(f"return finish({', '.join(needed)})").body]
    tree.body.insert(tree.body.index(function), helper)
    return ast.unparse(ast.fix_missing_locations(tree))


def _with_helper_of_the_result(tree: ast.Module, function: ast.FunctionDef) -> str:
    known = sorted(node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg))
    helper = ast.parse(f"def finish({', '.join(known)}):\n    pass").body[0]
    helper.body = _undocumented(function)  # type: ignore[attr-defined]  # a function
    function.body = ast.parse(f"result = finish({', '.join(known)})\nreturn result").body
    tree.body.insert(tree.body.index(function), helper)
    return ast.unparse(ast.fix_missing_locations(tree))


def inlined(code: str) -> str:
    """Variables that are used once or twice are written out where they are used."""
    tree = ast.parse(code)
    function = _function(tree)
    for statement in [node for node in ast.walk(function) if isinstance(node, ast.Assign)]:
        target = statement.targets[0]
        if not isinstance(target, ast.Name) or len(statement.targets) > 1:
            continue
        uses = [n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == target.id]
        reads = [n for n in uses if isinstance(n.ctx, ast.Load)]
        if len(uses) == len(reads) + 1 and 1 <= len(reads) <= 2 and target.id not in _read([statement]):
            for use in reads:
                _replace(function, use, statement.value)
            for block in _blocks(function):
                if statement in block and len(block) > 1:
                    block.remove(statement)
    return ast.unparse(ast.fix_missing_locations(tree))


def extracted(code: str) -> str:
    """Arguments of calls have become variables."""
    tree = ast.parse(code)
    counter = itertools.count()
    for block in _blocks(_function(tree)):
        for statement in list(block):
            if isinstance(statement, ast.Assign | ast.Return) and isinstance(call := statement.value, ast.Call):
                for number, argument in enumerate(call.args):
                    if not isinstance(argument, ast.Name | ast.Constant | ast.Starred):
                        name = f"part{next(counter)}"
                        assigned = ast.Assign([ast.Name(name, ast.Store())], argument)
                        block.insert(block.index(statement), assigned)
                        call.args[number] = ast.Name(name, ast.Load())
    return ast.unparse(ast.fix_missing_locations(tree))


def respelled(code: str) -> str:
    """Numbers are written in another way: 2 as 0x1 + 1, 0.5 as 5 / 10."""

    class Respell(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.AST:
            if type(node.value) is int and node.value > 1:
                return ast.BinOp(ast.Constant(node.value - 1), ast.Add(), ast.Constant(1))
            if type(node.value) is float and 0 < node.value < 1e6:
                return ast.BinOp(ast.Constant(node.value * 10), ast.Div(), ast.Constant(10))
            return node

        def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
            return node

    tree = ast.parse(code)
    function = _function(tree)
    function.body = [Respell().visit(statement) for statement in function.body]
    return ast.unparse(ast.fix_missing_locations(tree))


def with_dead_code(code: str) -> str:
    """Variables that nobody reads, a branch that never runs, prints, a helper that nobody calls."""
    tree = ast.parse(code)
    function = _function(tree)
    dead = "unused = [n * n for n in range(10)]\nif False:\n    unused = sorted(unused)\nprint('so far')\nn_steps = 0\n"
    for number, statement in enumerate(ast.parse(dead).body):
        function.body.insert(min(1 + 2 * number, len(function.body) - 1), statement)
    tree.body += ast.parse("def another(x):\n    for n in range(3):\n        x = x + n\n    return x").body
    return ast.unparse(ast.fix_missing_locations(tree))


def annotated(code: str) -> str:
    """Types stand with the arguments, the result and the variables."""
    tree = ast.parse(code)
    function = _function(tree)
    function.returns = ast.parse("np.ndarray | tuple[int, ...]", mode="eval").body
    for argument in function.args.args:
        argument.annotation = ast.parse("np.ndarray", mode="eval").body
    for block in _blocks(function):
        for number, statement in enumerate(block):
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                block[number] = ast.AnnAssign(
                    statement.targets[0], ast.Name("object", ast.Load()), statement.value, simple=1
                )
    return ast.unparse(ast.fix_missing_locations(tree))


def swapped(code: str) -> str:
    """Operands of sums, products and comparisons, and the branches of a choice, have changed sides."""

    class Swap(ast.NodeTransformer):
        turned: ClassVar[dict[type[ast.cmpop], type[ast.cmpop]]] = {
            ast.Lt: ast.Gt,
            ast.Gt: ast.Lt,
            ast.LtE: ast.GtE,
            ast.GtE: ast.LtE,
            ast.Eq: ast.Eq,
            ast.NotEq: ast.NotEq,
        }

        def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
            self.generic_visit(node)
            if isinstance(node.op, ast.Add | ast.Mult):
                node.left, node.right = node.right, node.left
            return node

        def visit_Compare(self, node: ast.Compare) -> ast.AST:
            self.generic_visit(node)
            if len(node.ops) == 1 and type(node.ops[0]) in self.turned:
                node.left, node.comparators = node.comparators[0], [node.left]
                node.ops = [self.turned[type(node.ops[0])]()]
            return node

        def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
            self.generic_visit(node)
            node.test = ast.UnaryOp(ast.Not(), node.test)
            node.body, node.orelse = node.orelse, node.body
            return node

        def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
            self.generic_visit(node)
            if isinstance(node.op, ast.Add | ast.Mult) and isinstance(node.target, ast.Name):
                value = ast.BinOp(node.value, node.op, ast.Name(node.target.id, ast.Load()))
                return ast.Assign([node.target], value)
            return node

    return ast.unparse(ast.fix_missing_locations(Swap().visit(ast.parse(code))))


def several(code: str) -> str:
    """Renamed, reordered, operands swapped, types, dead code and other comments, all at once."""
    for disguise in (reordered, swapped, annotated, with_dead_code, renamed, reformatted):
        code = disguise(code)
    return code


DISGUISES: dict[str, Disguise] = {
    "names": renamed, "comments, docstrings, line breaks": reformatted, "the order of statements": reordered,
    "loops for comprehensions": with_loops, "split into helpers": with_helpers, "variables written out": inlined,
    "variables for arguments": extracted, "numbers spelled otherwise": respelled, "dead code": with_dead_code,
    "type hints": annotated, "operands and branches swapped": swapped, "six of these at once": several,
}  # fmt: skip


def _function(tree: ast.Module) -> ast.FunctionDef:
    return next(node for node in tree.body if isinstance(node, ast.FunctionDef))


def _undocumented(function: ast.FunctionDef) -> list[ast.stmt]:
    return function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body


def _blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in list(ast.walk(tree)):
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            if isinstance(block, list) and not isinstance(node, ast.Module):
                yield block


def _stored(statements: Sequence[ast.AST]) -> set[str]:
    nodes = [node for statement in statements for node in ast.walk(statement)]
    return {n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)} | {
        n.name for n in nodes if isinstance(n, ast.FunctionDef)
    }


def _read(statements: Sequence[ast.AST]) -> set[str]:
    nodes = [node for statement in statements for node in ast.walk(statement)]
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _own_names(function: ast.FunctionDef) -> set[str]:
    names = _stored(function.body) | {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    return {name for name in names if not keyword.iskeyword(name)}


def _are_independent(one: ast.stmt, other: ast.stmt) -> bool:
    simple = isinstance(one, ast.Assign) and isinstance(other, ast.Assign)
    names = [isinstance(target, ast.Name | ast.Tuple) for s in (one, other) for target in getattr(s, "targets", [None])]
    return (
        simple
        and all(names)
        and not _stored([one]) & (_read([other]) | _stored([other]))
        and not _stored([other]) & _read([one])
    )


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    class Replace(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return new if node is old else self.generic_visit(node)

    Replace().visit(tree)


# --- measuring -----------------------------------------------------------------------------------------------------


def originals(root: Path, stem: str) -> dict[str, dict[str, str]]:
    """Return the right answers to the tasks of a topic: {task: {style: code}}, without what several of them share."""
    path = answers.path_of(root, stem)
    text = path.read_text(encoding="utf-8")
    functions = {n.name: ast.unparse(n) for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)}
    found: dict[str, dict[str, str]] = {}
    for task, names in answers.styles(root, stem).items():
        found[task] = {
            name.partition("__")[2]: functions[name].replace(f"def {name}(", f"def {task}(") for name in names
        }
    return found


def prints_of(codes: Sequence[Code]) -> list[Prints]:
    """Return the fingerprints of pieces of code."""
    return [
        Prints(None if tree is None else frozenset(each.number for each in tree), frozenset())
        for tree in parser_process.trees(codes)
    ]


def tuned() -> list[str]:
    """Return the topics on which the threshold was chosen."""
    return sorted(checks.topics())[::2]


def examine(root: Path, stem: str, only: Collection[str] = ()) -> Counter[str]:
    """Count which copies are found of the answers of a topic, or to some of its tasks, and which styles are paired."""
    counts: Counter[str] = Counter()
    for task, styles in originals(root, stem).items():
        if not only or task in only:
            counts += _examine_task(task, styles)
    return counts


def _examine_task(task: str, styles: dict[str, str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    changed = {(name, how): change(code) for name, code in styles.items() for how, change in DISGUISES.items()}
    copies = {key: code for key, code in changed.items() if _is_other(code, styles[key[0]])}
    found = prints_of([Code(code, task) for code in (*styles.values(), *copies.values())])
    group = dict(zip(styles, found))
    alone = likeness.compare(group, NOBODY)
    judged = group.keys() - alone.short
    counts["styles"] += len(group)
    counts["too short"] += len(alone.short)
    counts["pairs of styles"] += len(judged) * (len(judged) - 1) // 2
    counts["falsely paired"] += len(alone.pairs) + sum(len(names) * (len(names) - 1) // 2 for names in alone.common)
    for (name, how), prints in zip(copies, found[len(group) :]):
        if name in judged:
            pairs = likeness.compare({**group, "copy": prints}, NOBODY).pairs
            counts[f"{how}: copies"] += 1
            counts[f"{how}: found"] += any({name, "copy"} == set(pair.names) for pair in pairs)
    return counts


def _is_other(code: str, original: str) -> bool:
    """Say whether a disguise changed anything."""
    return code.split() != original.split()


# --- the page ------------------------------------------------------------------------------------------------------

PAGE = """\
| a copy is disguised by | copies | found | copies, threshold chosen on these | found |
|---|---|---|---|---|
{rows}

| right answers that are no copies | other topics | topics that the threshold was chosen on |
|---|---|---|
| answers | {other[styles]} | {ours[styles]} |
| too short to be judged | {other[too short]} | {ours[too short]} |
| pairs of answers to one task | {other[pairs of styles]} | {ours[pairs of styles]} |
| falsely shown as alike | {other[falsely paired]} | {ours[falsely paired]} |
"""


def table(other: Mapping[str, int], ours: Mapping[str, int]) -> str:
    """Write the tables of the manual from what was counted."""
    rows = [f"| {how} | {_cells(other, how)} | {_cells(ours, how)} |" for how in DISGUISES]
    return PAGE.format(rows="\n".join(rows), other=Counter(other), ours=Counter(ours))


def _cells(counts: Mapping[str, int], how: str) -> str:
    copies = counts.get(f"{how}: copies", 0)
    return f"{copies} | {100 * counts.get(f'{how}: found', 0) // max(copies, 1)} %"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the topics, or some."""
    parser = argparse.ArgumentParser(prog="python -m tools.similarity", description=main.__doc__)
    parser.add_argument("stems", nargs="*", metavar="STEM")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the project (default: this folder)")
    parser.add_argument("--page", type=Path, help="write the tables of the manual into a file")
    options = parser.parse_args(arguments)
    total: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for stem in options.stems or checks.topics():
        counts = examine(options.root, stem)
        print(f"== {stem}: " + ", ".join(f"{key} {number}" for key, number in sorted(counts.items())), flush=True)
        total[stem in tuned()] += counts
    text = table(total[False], total[True])
    print(text)
    if options.page:
        options.page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
