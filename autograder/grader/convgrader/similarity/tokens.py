"""Write an answer as a row of tokens: of a syntax tree without the names that its author chose, or of its text."""

import ast
import itertools
import keyword
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

MAX_ORDERED = 100  # statements of a block that are brought into an order of their own


class Token(NamedTuple):
    """A word of a tree or of a text, and the line that it comes from."""

    word: str
    line: int


Tokens = list[Token]
OWN_NAME = "_"  # stands for every name that the author chose
_COMMUTES = ast.Add | ast.Mult | ast.BitAnd | ast.BitOr | ast.BitXor
_SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Gt: ast.Lt, ast.GtE: ast.LtE}
_SYMMETRIC = ast.Eq | ast.NotEq | ast.Is | ast.IsNot
_LONGEST_STRING = 20  # characters of one that is an option, "constant" for example
_BARRIER = ast.Return | ast.Raise | ast.Break | ast.Continue | ast.Yield | ast.YieldFrom | ast.Await


def of_tree(tree: ast.Module) -> Tokens:
    r"""Return the tokens of a simplified tree.

    Names that the program itself binds are one and the same; what a module gives goes by its last name; operands that
    may be swapped, and statements that do not need each other, come in an order of their own.

    Examples
    --------
    >>> [token.word for token in of_tree(ast.parse("def f(x):\n    return np.pad(x, 2) * 3"))]
    ['def', 'return', '*', '3', 'pad()', '_', '2']
    """
    writer = _Writer(tree)
    return writer.block(tree.body)


class _Writer(ast.NodeVisitor):
    """Writes nodes as tokens; it knows which names the program binds."""

    def __init__(self, tree: ast.AST) -> None:
        self.bound: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                self.bound.add(node.id)
            elif isinstance(node, ast.arg):
                self.bound.add(node.arg)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.bound.add(node.name)

    # --- statements

    def block(self, statements: Sequence[ast.stmt]) -> Tokens:
        """Return the tokens of statements, of those that do not need each other the smaller first."""
        written = [self.write(statement) for statement in statements]
        if len(statements) > MAX_ORDERED:
            return _joined(written)
        return _joined(written[number] for number in _order(statements, written))

    def write(self, node: ast.AST) -> Tokens:
        """Return the tokens of a node."""
        tokens: Tokens = self.visit(node)
        return tokens

    def generic_visit(self, node: ast.AST) -> Tokens:
        return self.mark(type(node).__name__, node) + self.all(ast.iter_child_nodes(node))

    def all(self, nodes: Iterable[ast.AST]) -> Tokens:
        return _joined(map(self.write, nodes))

    def mark(self, word: str, node: ast.AST) -> Tokens:
        return [Token(word, getattr(node, "lineno", 0))]

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Tokens:
        return self.mark("def", node) + self.block(node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> Tokens:
        return self.mark("def", node) + self.mark("return", node) + self.write(node.body)

    def visit_ClassDef(self, node: ast.ClassDef) -> Tokens:
        return self.mark("class", node) + self.all(node.bases) + self.block(node.body)

    def visit_Return(self, node: ast.Return) -> Tokens:
        return self.mark("return", node) + (self.write(node.value) if node.value else [])

    def visit_Expr(self, node: ast.Expr) -> Tokens:
        return self.write(node.value)

    def visit_Assign(self, node: ast.Assign) -> Tokens:
        if isinstance(node.value, ast.Lambda) or (isinstance(node.value, ast.Name) and node.value.id in self.bound):
            return self.write(node.value) if isinstance(node.value, ast.Lambda) else []
        target = node.targets[0]
        if isinstance(target, ast.Name | ast.Tuple | ast.List):
            return self.mark("=", node) + self.write(node.value)
        return self.mark("=", node) + self.write(target) + self.write(node.value)

    def visit_For(self, node: ast.For) -> Tokens:
        return self.mark("for", node) + self.write(node.iter) + self.block(node.body) + self.block(node.orelse)

    def visit_While(self, node: ast.While) -> Tokens:
        return self.mark("while", node) + self.write(node.test) + self.block(node.body) + self.block(node.orelse)

    def visit_If(self, node: ast.If) -> Tokens:
        otherwise = self.mark("else", node) + self.block(node.orelse) if node.orelse else []
        return self.mark("if", node) + self.write(node.test) + self.block(node.body) + otherwise

    def visit_Raise(self, node: ast.Raise) -> Tokens:
        return self.mark("raise", node)

    # --- expressions

    def visit_Name(self, node: ast.Name) -> Tokens:
        return self.mark(OWN_NAME if node.id in self.bound else node.id, node)

    def visit_Constant(self, node: ast.Constant) -> Tokens:
        value = node.value
        if isinstance(value, str | bytes):
            return self.mark(repr(value) if len(value) <= _LONGEST_STRING else "text", node)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return self.mark(repr(value)[:40], node)

    def visit_Attribute(self, node: ast.Attribute) -> Tokens:
        if self.is_of_module(node):
            return self.mark(node.attr, node)
        return self.mark(f".{node.attr}", node) + self.write(node.value)

    def is_of_module(self, node: ast.expr) -> bool:
        """Say whether something is taken out of what the program does not bind, as NumPy is."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id not in self.bound

    def visit_Call(self, node: ast.Call) -> Tokens:
        """A method of a value is written as the function of a module with the value as its first argument."""
        arguments = self.all(node.args)
        arguments += self.all(word.value for word in sorted(node.keywords, key=lambda word: word.arg or ""))
        if isinstance(node.func, ast.Attribute):
            first = [] if self.is_of_module(node.func) else self.write(node.func.value)
            return self.mark(f"{node.func.attr}()", node) + first + arguments
        if isinstance(node.func, ast.Name):
            name = OWN_NAME if node.func.id in self.bound else node.func.id
            return self.mark(f"{name}()", node) + arguments
        return self.mark("()", node) + self.write(node.func) + arguments

    def visit_Subscript(self, node: ast.Subscript) -> Tokens:
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return self.mark("[]", node) + self.write(node.value) + self.all(parts)

    def visit_Slice(self, node: ast.Slice) -> Tokens:
        return self.mark(":", node) + self.all(part for part in (node.lower, node.upper, node.step) if part)

    def visit_Tuple(self, node: ast.Tuple | ast.List) -> Tokens:
        return self.mark("(,)", node) + self.all(node.elts)

    visit_List = visit_Tuple

    def visit_BinOp(self, node: ast.BinOp) -> Tokens:
        word = _symbol(node.op)
        if not isinstance(node.op, _COMMUTES):
            return self.mark(word, node) + self.write(node.left) + self.write(node.right)
        operands, todo = [], [node.left, node.right]
        while todo:
            part = todo.pop()
            if isinstance(part, ast.BinOp) and type(part.op) is type(node.op):
                todo += [part.left, part.right]
            else:
                operands.append(self.write(part))
        return self.mark(word, node) * (len(operands) - 1) + _sorted(operands)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Tokens:
        return self.mark(_symbol(node.op), node) + self.write(node.operand)

    def visit_BoolOp(self, node: ast.BoolOp) -> Tokens:
        operands = [self.write(value) for value in node.values]
        return self.mark(_symbol(node.op), node) * (len(operands) - 1) + _sorted(operands)

    def visit_Compare(self, node: ast.Compare) -> Tokens:
        sides = [self.write(side) for side in (node.left, *node.comparators)]
        pairs = [self.comparison(node, op, *pair) for op, pair in zip(node.ops, itertools.pairwise(sides))]
        return self.mark("And", node) * (len(pairs) - 1) + _sorted(pairs)

    def comparison(self, node: ast.Compare, operator: ast.cmpop, left: Tokens, right: Tokens) -> Tokens:
        swapped = _SWAPPED.get(type(operator))
        if swapped:
            return self.mark(swapped.__name__, node) + right + left
        sides = _sorted([left, right]) if isinstance(operator, _SYMMETRIC) else left + right
        return self.mark(type(operator).__name__, node) + sides

    def visit_IfExp(self, node: ast.IfExp) -> Tokens:
        choices = self.write(node.body) + self.mark("else", node) + self.write(node.orelse)
        return self.mark("if", node) + self.write(node.test) + choices

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Tokens:
        return self.loops(node.generators) + self.mark("item", node) + self.write(node.elt)

    visit_SetComp = visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> Tokens:
        return self.loops(node.generators) + self.mark("item", node) + self.write(node.key) + self.write(node.value)

    def loops(self, generators: Iterable[ast.comprehension]) -> Tokens:
        tokens: Tokens = []
        for each in generators:
            tokens += self.mark("for", each.iter) + self.write(each.iter)
            tokens += _joined(self.mark("if", test) + self.write(test) for test in each.ifs)
        return tokens


def _symbol(operator: ast.AST) -> str:
    names = {ast.Add: "+", ast.Sub: "-", ast.USub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%"}
    return names.get(type(operator), type(operator).__name__)


def _joined(rows: Iterable[Tokens]) -> Tokens:
    return [token for row in rows for token in row]


def _words(tokens: Tokens) -> tuple[str, ...]:
    return tuple(token.word for token in tokens)


def _sorted(rows: list[Tokens]) -> Tokens:
    return _joined(sorted(rows, key=lambda row: (len(row), _words(row))))


# --- the order of statements ---------------------------------------------------------------------------------------


def _order(statements: Sequence[ast.stmt], written: Sequence[Tokens]) -> Iterator[int]:
    """Yield the numbers of statements in an order that their dependencies allow, of several the smallest first."""
    reads, writes = zip(*map(_effects, statements)) if statements else ((), ())
    left = list(range(len(statements)))
    keys = [(len(row), _words(row)) for row in written]
    while left:
        ready = [
            number
            for place, number in enumerate(left)
            if not any(_conflict(reads, writes, earlier, number) for earlier in left[:place])
        ]
        chosen = min(ready, key=lambda number: keys[number])
        left.remove(chosen)
        yield chosen


def _conflict(reads: Sequence[Collection[str] | None], writes: Sequence[set[str]], one: int, other: int) -> bool:
    """Say whether two statements have to stay in their order; whoever reads None may leave the block."""
    first, second = reads[one], reads[other]
    if first is None or second is None:
        return True
    return bool(writes[one] & (writes[other] | set(second)) or writes[other] & set(first))


def _effects(statement: ast.stmt) -> tuple[set[str] | None, set[str]]:
    """Return the names that a statement reads, None where it may leave the block, and those that it changes."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return set(), {statement.name}
    reads: set[str] = set()
    writes: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, _BARRIER):
            return None, set()
        if isinstance(node, ast.Name):
            (reads if isinstance(node.ctx, ast.Load) else writes).add(node.id)
        elif isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            writes |= _root(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            for part in (node.value.func, *node.value.args):
                writes |= _root(part)
    return reads, writes


def _root(node: ast.AST) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


# --- texts that no parser reads ------------------------------------------------------------------------------------

_CODE = re.compile(
    r'(?P<left_out>#[^\n]*|"""(?:[^"\\]|\\.|"(?!""))*(?:"""|\Z)|' + r"'''(?:[^'\\]|\\.|'(?!''))*(?:'''|\Z))"
    r'|(?P<text>"(?:[^"\\n]|\\.)*"?|' + r"'(?:[^'\\n]|\\.)*'?)"
    r"|(?P<number>\d[\w.]*)|(?P<name>[^\W\d]\w*)(?P<call>[ \t]*\()?|(?P<line>\n)|(?P<sign>[^\s\w])",
    re.DOTALL,
)
_PROSE = re.compile(r"\w+|\n")


def of_code(text: str) -> Tokens:
    r"""Return the tokens of code that has no tree: in one pass, whatever was written.

    Examples
    --------
    >>> [token.word for token in of_code("def f(x:\n    return np.pad(x, 2)  # two")]
    ['def', '_', '(', '_', ':', 'return', '_', '.', 'pad', '(', '_', ',', '2', ')']
    """
    tokens, line, before = [], 1, ""
    for match in _CODE.finditer(text):
        word = match.group()
        if match["name"]:
            is_kept = match["name"] in keyword.kwlist or (match["call"] and before not in ("def", "class"))
            tokens.append(Token(match["name"] if is_kept else OWN_NAME, line))
            before = match["name"]
            if match["call"]:
                tokens.append(Token("(", line))
        elif match["number"] or match["sign"]:
            tokens.append(Token(word, line))
        elif match["text"]:
            tokens.append(Token("text", line))
        line += word.count("\n")
    return tokens


def of_prose(text: str) -> Tokens:
    """Return the words of an answer in words."""
    tokens, line = [], 1
    for match in _PROSE.finditer(text.casefold()):
        if match.group() == "\n":
            line += 1
        else:
            tokens.append(Token(match.group(), line))
    return tokens
