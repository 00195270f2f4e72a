"""Make different spellings of one program the same tree.

What the trees are made for is to be compared: a simplified tree need not run. Nothing here makes a tree larger than the
text it came from, so that no text can make it grow.
"""

import ast
import contextlib
import copy
import operator
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp

ROUNDS = 3  # what one step makes simpler gives another something to do
MAX_NUMBER = 1e9  # larger ones are not computed
SILENT = {"print", "display"}  # calls that show something and change nothing
_BLOCKS = ("body", "orelse", "finalbody")
ENDS = ast.Return | ast.Raise | ast.Break | ast.Continue  # nothing after them runs
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.NotEq: ast.Eq, ast.IsNot: ast.Is, ast.NotIn: ast.In, ast.GtE: ast.Lt, ast.LtE: ast.Gt,
}  # fmt: skip
_FOLDED: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip


def simplify(tree: ast.Module, root: str = "") -> ast.Module:
    r"""Return a tree that is the same for many spellings of one program.

    Left out are comments of all kinds, annotations, imports, what shows or asserts something, what never runs and what
    nobody reads. A variable or a function that is used once stands where it is used; a loop that builds a list or a sum
    is a comprehension.

    Parameters
    ----------
    tree : ast.Module
        It is changed.
    root : str
        The function that was asked for: what it does not need is left out. "" keeps all.

    Examples
    --------
    >>> loop = "def f(x: int):\n    r = []\n    for v in x:\n        w = v + 1\n        r.append(w)\n    return sum(r)"
    >>> print(ast.unparse(simplify(ast.parse(loop), "f")))
    def f(x):
        return sum([v + 1 for v in x])
    """
    tree = _Cleaner().visit(tree)
    if root:
        tree.body = _needed(tree.body, root)
    for _ in range(ROUNDS):
        before = ast.dump(tree)
        _inline_functions(tree, root)
        for scope in tree.body:
            _inline_variables(scope)
        _each_block(tree, _as_comprehensions)
        _each_block(tree, _as_expressions)
        if ast.dump(tree) == before:
            break
    return tree


# --- statements and expressions by themselves ----------------------------------------------------------------------


class _Cleaner(ast.NodeTransformer):
    """Leaves out what does nothing, and writes what remains in one way."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for field in _BLOCKS:
            block = getattr(node, field, None)
            if isinstance(block, list):
                setattr(node, field, _reached(block))
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list, node.returns = [], None
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]  # both have the same fields

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        self.generic_visit(node)
        call = node.value.func if isinstance(node.value, ast.Call) else None
        is_silent = isinstance(call, ast.Name) and call.id in SILENT
        return None if is_silent or isinstance(node.value, ast.Constant | ast.Name) else node

    def _left_out(self, node: ast.AST) -> None:
        """Leave a statement out."""

    visit_Import = visit_ImportFrom = visit_Pass = visit_Global = visit_Nonlocal = visit_Assert = _left_out

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | list[ast.AST] | None:
        if node.value is None:
            return None
        return self.visit_Assign(ast.copy_location(ast.Assign([node.target], node.value), node))

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | list[ast.AST]:
        value = ast.copy_location(ast.BinOp(_loaded(node.target), node.op, node.value), node)
        return self.visit_Assign(ast.copy_location(ast.Assign([node.target], value), node))

    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.AST]:
        """Write one assignment for each name."""
        if len(node.targets) == 1 and isinstance(target := node.targets[0], ast.Tuple | ast.List):
            values = node.value.elts if isinstance(node.value, ast.Tuple | ast.List) else ()
            if len(values) == len(target.elts) and not any(isinstance(v, ast.Starred) for v in (*values, *target.elts)):
                return self._assigned(node, zip(target.elts, values))
        if len(node.targets) > 1:
            return self._assigned(node, ((target, node.value) for target in node.targets[:1])) + self._assigned(
                node, ((target, _loaded(node.targets[0])) for target in node.targets[1:])
            )
        return self.generic_visit(node)

    def _assigned(self, node: ast.Assign, pairs: Iterable[tuple[ast.expr, ast.expr]]) -> list[ast.AST]:
        made = [ast.copy_location(ast.Assign([target], value), node) for target, value in pairs]
        return [self.generic_visit(each) for each in made]

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.copy_location(ast.Constant(""), node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        operand = node.operand
        if isinstance(node.op, ast.UAdd):
            return operand
        number = _number(operand)
        if isinstance(node.op, ast.USub) and number is not None:
            return ast.copy_location(ast.Constant(-number), node)
        if isinstance(node.op, ast.Not):
            if isinstance(operand, ast.UnaryOp) and isinstance(operand.op, ast.Not):
                return operand.operand
            if isinstance(operand, ast.Compare) and len(operand.ops) == 1:
                return _negated(operand)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        compute, left, right = _FOLDED.get(type(node.op)), _number(node.left), _number(node.right)
        largest = 64 if isinstance(node.op, ast.Pow) else MAX_NUMBER
        if compute and left is not None and right is not None and max(abs(left), abs(right)) < largest:
            with contextlib.suppress(ArithmeticError):
                result = compute(left, right)
                if isinstance(result, int | float):
                    return ast.copy_location(ast.Constant(result), node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Write infinity as NumPy has it, and a slice with colons."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and not node.keywords:
            if node.func.id == "float" and len(node.args) == 1 and isinstance(node.args[0], ast.Constant):
                word = str(node.args[0].value).lower().strip()
                infinity = ast.copy_location(ast.Name(word.strip("+-"), ast.Load()), node)
                if word.strip("+-") in ("inf", "nan"):
                    return ast.copy_location(ast.UnaryOp(ast.USub(), infinity), node) if word[0] == "-" else infinity
            if node.func.id == "slice" and 1 <= len(node.args) <= 3:
                bounds = [None if _is_none(bound) else bound for bound in node.args]
                if len(bounds) == 1:
                    bounds.insert(0, None)
                return ast.copy_location(ast.Slice(*bounds), node)
        return node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt] | None:
        self.generic_visit(node)
        if isinstance(node.test, ast.Constant):
            return (node.body if node.test.value else node.orelse) or None
        if not node.body and not node.orelse:
            return None
        if not node.body or (node.orelse and _is_negative(node.test)):
            node.test, node.body, node.orelse = _opposite(node.test), node.orelse, node.body
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        if _is_negative(node.test):
            node.test, node.body, node.orelse = _opposite(node.test), node.orelse, node.body
        return node

    def visit_While(self, node: ast.While) -> ast.AST | None:
        self.generic_visit(node)
        return None if isinstance(node.test, ast.Constant) and not node.test.value else node

    def visit_For(self, node: ast.For) -> ast.AST | None:
        self.generic_visit(node)
        return node if node.body else None


def _reached(block: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Return the statements of a block up to the one after which nothing runs."""
    for number, statement in enumerate(block):
        if isinstance(statement, ENDS):
            return list(block[: number + 1])
    return list(block)


def _number(node: ast.AST) -> float | None:
    """Return the number that a node is, None if it is none."""
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_negative(test: ast.expr) -> bool:
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return isinstance(test.ops[0], ast.NotEq | ast.IsNot | ast.NotIn)
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def _opposite(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _negated(test)
    return ast.copy_location(ast.UnaryOp(ast.Not(), test), test)


def _negated(test: ast.Compare) -> ast.Compare:
    opposites = _OPPOSITE | {other: one for one, other in _OPPOSITE.items()}
    return ast.copy_location(ast.Compare(test.left, [opposites[type(test.ops[0])]()], test.comparators), test)


def _loaded(target: ast.expr) -> ast.expr:
    """Return what stands on the left of an assignment as it is read."""
    read = copy.deepcopy(target)
    for node in ast.walk(read):
        if hasattr(node, "ctx"):
            node.ctx = ast.Load()
    return read


# --- what is needed ------------------------------------------------------------------------------------------------


def _needed(body: Sequence[ast.stmt], root: str) -> list[ast.stmt]:
    """Return the statements that the function `root` needs, all of them if there is no such function."""
    defines = [(statement, set(_defined(statement))) for statement in body]
    if not any(root in names for _, names in defines):
        return list(body)
    wanted, todo = {root}, [root]
    while todo:
        name = todo.pop()
        for statement, names in defines:
            if name in names:
                new = _read_from_outside(statement) - wanted
                wanted |= new
                todo += new
    return [statement for statement, names in defines if names & wanted]


def _read_from_outside(statement: ast.stmt) -> set[str]:
    """Return the names that a statement reads; of a function those that it does not bind itself."""
    bound, read = _uses(statement)
    return set(read) - set(bound) if isinstance(statement, Function) else set(read)


def _defined(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds where it stands."""
    if isinstance(statement, Function | ast.ClassDef):
        yield statement.name
        return
    for node in ast.walk(statement):
        if isinstance(node, Function | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id


# --- what is used once stands where it is used ---------------------------------------------------------------------


def _uses(tree: ast.AST) -> tuple[Counter[str], Counter[str]]:
    """Count how often each name is bound and read."""
    bound: Counter[str] = Counter()
    read: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound)[node.id] += 1
        elif isinstance(node, ast.arg):
            bound[node.arg] += 1
        elif isinstance(node, Function | ast.ClassDef):
            bound[node.name] += 1
    return bound, read


def _inline_variables(scope: ast.stmt) -> None:
    """Write the value of a name that is bound once and read once in its place; leave out what nobody reads."""
    _drop_aliases(scope)
    bound, read = _uses(scope)
    values: dict[str, ast.expr] = {}
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name) and bound[target.id] == 1:
            inside = {part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}
            if read[target.id] == 1 and target.id not in inside:
                values[target.id] = node.value
    unread = {name for name in bound if not read[name]}
    inliner = _Inliner(values)
    inliner.visit(scope)

    def kept(block: list[ast.stmt]) -> list[ast.stmt]:
        return [statement for statement in block if not _assigns(statement, inliner.done | unread)]

    _each_block(scope, kept)


def _drop_aliases(scope: ast.stmt) -> None:
    """Give a name that is bound once, to what another name stands for, that other name."""
    bound, _ = _uses(scope)
    others: dict[str, str] = {}
    for node in ast.walk(scope):
        names = _alias(node)
        if names and bound[names[0]] == 1 and names[1] not in others and names[0] not in others.values():
            others[names[0]] = names[1]
    for node in ast.walk(scope):
        if isinstance(node, ast.Name):
            node.id = others.get(node.id, node.id)

    def kept(block: list[ast.stmt]) -> list[ast.stmt]:
        return [statement for statement in block if not _assigns_itself(statement)]

    _each_block(scope, kept)


def _alias(node: ast.AST) -> tuple[str, str] | None:
    """Return the names on both sides of an assignment of one name to another."""
    if not isinstance(node, ast.Assign):
        return None
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Name) and isinstance(value, ast.Name) and target.id != value.id:
        return target.id, value.id
    return None


def _assigns_itself(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Assign) else None
    return isinstance(value, ast.Name) and _assigns(statement, {value.id})


class _Inliner(ast.NodeTransformer):
    """Puts values in the place of names."""

    def __init__(self, values: dict[str, ast.expr]) -> None:
        self.values, self.done = values, set[str]()

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """Leave a value that goes elsewhere as it is: it is visited there."""
        return node if _assigns(node, self.values.keys()) else self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self.values or not isinstance(node.ctx, ast.Load):
            return node
        self.done.add(node.id)
        return self.visit(self.values.pop(node.id))  # type: ignore[no-any-return]


def _assigns(statement: ast.stmt, names: Collection[str]) -> bool:
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    return isinstance(target, ast.Name) and target.id in names


def _inline_functions(tree: ast.Module, root: str) -> None:
    """Write the body of a function that is called once, and returns at its end, before the statement that calls it."""
    _, read = _uses(tree)
    functions = {
        node.name: node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name != root and read[node.name] == 1 and _returns_at_end(node)
    }
    done: set[str] = set()

    def expanded(block: list[ast.stmt]) -> list[ast.stmt]:
        statements: list[ast.stmt] = []
        for statement in block:
            call = _call_of(statement, functions)
            if call is not None and isinstance(call.func, ast.Name):
                function = functions.pop(call.func.id)
                arguments = list(zip(function.args.args, call.args))
                words = {argument.arg: argument.value for argument in call.keywords}
                arguments += [(each, words[each.arg]) for each in function.args.args if each.arg in words]
                if not _contains(function, statement) and len(arguments) == len(function.args.args):
                    done.add(function.name)
                    statements += _body_of(function, arguments, call)
                    _Replacer(call, _result_of(function)).visit(statement)
            statements.append(statement)
        return statements

    _each_block(tree, expanded)
    _each_block(tree, lambda block: [s for s in block if not (isinstance(s, Function) and s.name in done)])


def _returns_at_end(function: ast.FunctionDef) -> bool:
    inner = [node for node in ast.walk(function) if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom)]
    arguments = function.args
    plain = not (arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs)
    return plain and bool(function.body) and len(inner) == 1 and inner[0] is function.body[-1]


def _contains(tree: ast.AST, node: ast.AST) -> bool:
    return any(each is node for each in ast.walk(tree))


def _call_of(statement: ast.stmt, functions: dict[str, ast.FunctionDef]) -> ast.Call | None:
    """Return the first call of one of the functions in what a statement computes, outside of its blocks."""
    if isinstance(statement, Function | ast.ClassDef):
        return None
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
            return node
        todo += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt | ast.Lambda)]
    return None


def _body_of(
    function: ast.FunctionDef, arguments: Iterable[tuple[ast.arg, ast.expr]], call: ast.Call
) -> list[ast.stmt]:
    """Return what a function does before it returns, with its arguments assigned; its names become its own."""
    own = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    own |= {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id in own:
            node.id = f"{node.id} of {function.name}"
        elif isinstance(node, ast.arg):
            node.arg = f"{node.arg} of {function.name}"
    assigned: list[ast.stmt] = [
        ast.copy_location(ast.Assign([ast.Name(name.arg, ast.Store())], value), call) for name, value in arguments
    ]
    return assigned + function.body[:-1]


def _result_of(function: ast.FunctionDef) -> ast.expr:
    last = function.body[-1]
    value = last.value if isinstance(last, ast.Return) else None
    return value or ast.copy_location(ast.Constant(None), last)


class _Replacer(ast.NodeTransformer):
    """Puts one expression in the place of another."""

    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


# --- loops that build something ------------------------------------------------------------------------------------


def _each_block(tree: ast.AST, change: Callable[[list[ast.stmt]], list[ast.stmt]]) -> None:
    """Change all blocks of statements, the innermost first."""
    holders = [tree]
    for holder in holders:  # it grows
        for field in (*_BLOCKS, "handlers", "cases"):
            inside = getattr(holder, field, None)
            holders += inside if isinstance(inside, list) else ()
    for holder in reversed(holders):
        for field in _BLOCKS:
            block = getattr(holder, field, None)
            if isinstance(block, list):
                setattr(holder, field, change(block))


def _as_comprehensions(block: list[ast.stmt]) -> list[ast.stmt]:
    """Write loops that fill a list, a set or a dict, or add up a sum, as comprehensions."""
    statements: list[ast.stmt] = []
    for statement in block:
        made = _comprehension(statement) if isinstance(statement, ast.For) else None
        if made is not None:
            name, value = made
            first = next((s for s in reversed(statements) if _assigns(s, {name})), None)
            if isinstance(first, ast.Assign) and _is_empty(first.value):
                statements = [s for s in statements if s is not first]
                statement = ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], value), statement)
        statements.append(statement)
    return statements


def _comprehension(loop: ast.For) -> tuple[str, ast.expr] | None:
    """Return the name that a loop builds and the comprehension that builds it."""
    generators: list[ast.comprehension] = []
    statement: ast.stmt = loop
    while isinstance(statement, ast.For | ast.If) and len(statement.body) == 1 and not statement.orelse:
        if isinstance(statement, ast.For):
            generators.append(ast.comprehension(statement.target, statement.iter, [], 0))
        else:
            generators[-1].ifs.append(statement.test)
        statement = statement.body[0]
    made = _element(statement, generators)
    return (made[0], ast.copy_location(made[1], loop)) if made else None


def _element(statement: ast.stmt, generators: list[ast.comprehension]) -> tuple[str, ast.expr] | None:
    """Return the name to which a statement adds one element, and the comprehension of all these elements."""
    if isinstance(statement, ast.Expr) and isinstance(call := statement.value, ast.Call) and len(call.args) == 1:
        holder = call.func.value if isinstance(call.func, ast.Attribute) else None
        if (
            isinstance(holder, ast.Name)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr in ("append", "add")
        ):
            return holder.id, ast.ListComp(call.args[0], generators)
    if isinstance(statement, ast.Assign):
        target, value = statement.targets[0], statement.value
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            return target.value.id, ast.DictComp(target.slice, value, generators)
        if isinstance(target, ast.Name) and isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
            terms = [value.left, value.right]
            others = [term for term in terms if not (isinstance(term, ast.Name) and term.id == target.id)]
            if len(others) == 1:
                total = ast.copy_location(ast.GeneratorExp(others[0], generators), statement)
                return target.id, ast.Call(ast.copy_location(ast.Name("sum", ast.Load()), statement), [total], [])
    return None


def _is_empty(value: ast.expr) -> bool:
    """Say whether something is the empty list, set or dict, or zero."""
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id in ("list", "dict", "set") and not value.args
    if isinstance(value, ast.List):
        return not value.elts
    return (isinstance(value, ast.Dict) and not value.keys) or _number(value) == 0


def _as_expressions(block: list[ast.stmt]) -> list[ast.stmt]:
    """Write a choice between two values of a name, or between two results, as an expression."""
    if len(block) > 1 and isinstance(block[-1], ast.Return) and isinstance(choice := block[-2], ast.If):
        returns = [isinstance(statement, ast.Return) for statement in choice.body]
        if returns == [True] and not choice.orelse:
            choice.orelse = [block[-1]]
            if _is_negative(choice.test):
                choice.test, choice.body, choice.orelse = _opposite(choice.test), choice.orelse, choice.body
            block = block[:-1]
    return [_choice(statement) if isinstance(statement, ast.If) else statement for statement in block]


def _choice(statement: ast.If) -> ast.stmt:
    if len(statement.body) != 1 or len(statement.orelse) != 1:
        return statement
    one, other = statement.body[0], statement.orelse[0]
    if isinstance(one, ast.Return) and isinstance(other, ast.Return) and one.value and other.value:
        value = ast.copy_location(ast.IfExp(statement.test, one.value, other.value), statement)
        return ast.copy_location(ast.Return(value), statement)
    if isinstance(one, ast.Assign) and isinstance(other, ast.Assign):
        targets = one.targets[0], other.targets[0]
        if ast.dump(targets[0]) == ast.dump(targets[1]):
            value = ast.copy_location(ast.IfExp(statement.test, one.value, other.value), statement)
            return ast.copy_location(ast.Assign([targets[0]], value), statement)
    return statement
