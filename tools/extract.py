"""Take a function out of the reference package as text: signature and docstring, and a body that stands alone.

Nothing is imported: the files are read and parsed, so the weaver works where the reference package is not installed.
"""

import ast
import functools
import re
import symtable
import textwrap
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom

PACKAGE = "miniconv"
PAIR = """\
def as_pair(value):
    return tuple(value) if isinstance(value, tuple | list) else (value, value)
"""
# The reference package's checks of arguments are not part of what a task asks for: a solution gets these instead.
LEAN = {"as_array": "np.asarray({})", "as_int": "int({})", "as_pair": "as_pair({})"}


class UnknownReferenceError(Exception):
    """What is wrong with the function that was asked for, in a sentence."""


@dataclass(frozen=True)
class ReferenceFunction:
    """A function as a task shows it: the head is what a student gets, the body is the solution."""

    name: str
    head: str
    body: str


@dataclass(frozen=True)
class _Module:
    path: Path
    source: str
    definitions: dict[str, Definition]  # name -> node at the module's top level
    scopes: dict[str, symtable.SymbolTable]  # function or class name -> symbol table

    def text(self, node: Definition) -> str:
        """Return a node's whole lines, comments included, without indentation."""
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        return textwrap.dedent("\n".join(self.source.splitlines()[first - 1 : node.end_lineno]))


@functools.lru_cache(maxsize=64)
def _parse(path: Path, _modified: int) -> _Module:
    source = path.read_text(encoding="utf-8")
    definitions: dict[str, Definition] = {}
    for node in ast.parse(source, str(path)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            definitions[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for name in (n for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)):
                definitions[name.id] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                definitions[alias.asname or alias.name.split(".")[0]] = node
    table = symtable.symtable(source, str(path), "exec")
    return _Module(path, source, definitions, {child.get_name(): child for child in table.get_children()})


def read(package: Path, stem: str) -> _Module:
    """Parse the module `stem` of the reference package in the folder `package`."""
    path = Path(package) / f"{stem}.py"
    if not path.is_file():
        raise UnknownReferenceError(f"there is no module {path.name} in {PACKAGE}")
    return _parse(path, path.stat().st_mtime_ns)


def function(package: Path, stem: str, name: str, defined: Collection[str] = ()) -> ReferenceFunction:
    """Return a public function of the reference package as a `ReferenceFunction`.

    Parameters
    ----------
    package : path
        The folder of the reference package.
    stem, name : str
        Module and function.
    defined : collection of str
        Names that the notebook has already: the body may use them. Everything else that it needs is copied into it.
    """
    module = read(package, stem)
    node = module.definitions.get(name)
    while isinstance(node, ast.ImportFrom) and _origin(node).startswith(f"{PACKAGE}."):
        module = read(package, _origin(node).split(".", 1)[1])
        node = module.definitions.get(name)
    if not isinstance(node, ast.FunctionDef):
        public = sorted(n for n, d in module.definitions.items() if isinstance(d, ast.FunctionDef) and n[0] != "_")
        raise UnknownReferenceError(f"there is no function {name} in {PACKAGE}.{stem}; it has {', '.join(public)}")
    if not ast.get_docstring(node):
        raise UnknownReferenceError(
            f"{PACKAGE}.{stem}.{name} has no docstring: it is the specification that students read, "
            "and without it the first line of the solution would be shown in its place"
        )
    if node.decorator_list:
        raise UnknownReferenceError(f"{PACKAGE}.{stem}.{name} has a decorator, which a notebook would not have")
    if len(node.body) == 1:
        raise UnknownReferenceError(f"{PACKAGE}.{stem}.{name} has a docstring and no body")
    lines = module.source.splitlines()
    cut = node.body[0].end_lineno
    head = re.sub(rf"\b{PACKAGE}\.\w+\.", "", "\n".join(lines[node.lineno - 1 : cut]))
    body = _lean(textwrap.dedent("\n".join(lines[cut : node.end_lineno])).strip("\n"))
    copies = _Copies(package, {name, *defined})
    copies.collect(module, name)
    if "as_pair(" in body + "".join(copies.parts):
        copies.parts.insert(0, PAIR.rstrip())
    return ReferenceFunction(name, head, copies.before(body))


def functions(path: Path) -> list[str]:
    """List the names of the functions of the file `path`, in order."""
    module = _parse(Path(path), Path(path).stat().st_mtime_ns)
    return [name for name, node in module.definitions.items() if isinstance(node, ast.FunctionDef)]


def standalone(path: Path, name: str, new_name: str) -> str:
    """Return a function of the file `path` under `new_name`, after all that it needs of that file beside NumPy."""
    module = _parse(Path(path), Path(path).stat().st_mtime_ns)
    if not isinstance(module.definitions.get(name), ast.FunctionDef):
        raise UnknownReferenceError(f"there is no function {name} in {path}")
    copies = _Copies(Path(path).parent, {name})
    copies.collect(module, name)
    text = re.sub(rf"\b{name}\b", new_name, module.text(module.definitions[name]))  # also where it calls itself
    return copies.before(text)


class _Copies:
    """What a body needs beside itself: imports, constants and helper functions, each after what it needs itself."""

    def __init__(self, package: Path, defined: Collection[str]) -> None:
        self.package, self.done = package, set(defined) | {"np"}
        self.imports: list[str] = []
        self.parts: list[str] = []

    def collect(self, module: _Module, name: str) -> None:
        """Copy all that the function or class `name` of `module` uses."""
        node = module.definitions[name]
        around = _around_body(node) if isinstance(node, ast.FunctionDef | ast.ClassDef) else set()
        for used in sorted(_globals(module.scopes[name]) | around):
            self.copy(module, used)

    def copy(self, module: _Module, name: str) -> None:
        node = module.definitions.get(name)
        if node is None or name in self.done or name in LEAN:
            return
        self.done.add(name)
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.follow(module, node, name)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            self.collect(module, name)
            self.parts.append(_lean(_without_docstring(module, node)))
        else:
            for used in sorted({n.id for n in ast.walk(node.value or ast.Pass()) if isinstance(n, ast.Name)}):
                self.copy(module, used)
            self.parts.append(module.text(node))

    def follow(self, module: _Module, node: ast.Import | ast.ImportFrom, name: str) -> None:
        alias = next(a for a in node.names if (a.asname or a.name.split(".")[0]) == name)
        origin = _origin(node, alias)
        if origin.split(".")[0] not in (PACKAGE, self.package.name):
            as_name = f" as {alias.asname}" if alias.asname else ""
            start = f"from {node.module} " if isinstance(node, ast.ImportFrom) else ""
            self.imports.append(f"{start}import {alias.name}{as_name}")
        elif not isinstance(node, ast.ImportFrom) or origin == PACKAGE or alias.asname:
            raise UnknownReferenceError(
                f"{module.path.name} has a form of import that cannot be copied into a notebook for {name}: "
                f"write `from {PACKAGE}.<stem> import <name>`"
            )
        else:
            self.done.discard(name)
            self.copy(read(self.package, origin.split(".", 1)[1]), name)

    def before(self, body: str) -> str:
        return "\n\n".join([part for part in ["\n".join(self.imports), *self.parts, body] if part])


def _around_body(node: ast.FunctionDef | ast.ClassDef) -> set[str]:
    """Names in decorators, bases, defaults and annotations, which are looked up outside the scope itself."""
    if isinstance(node, ast.ClassDef):
        parts = [*node.decorator_list, *node.bases, *node.keywords]
        parts += [item.annotation for item in node.body if isinstance(item, ast.AnnAssign)]
    else:
        parts = [*node.decorator_list, node.args]
    return {name.id for part in parts for name in ast.walk(part) if isinstance(name, ast.Name)}


def _origin(node: ast.Import | ast.ImportFrom, alias: ast.alias | None = None) -> str:
    """Return the dotted name of the module that an import takes something from; `alias` tells names of one apart."""
    if isinstance(node, ast.Import):
        return (alias or node.names[0]).name
    return ".".join([PACKAGE] * bool(node.level) + [node.module or ""] * bool(node.module))


def _globals(table: symtable.SymbolTable) -> set[str]:
    """Names that a function's scope, and those inside it, take from the module."""
    names = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() and symbol.is_referenced()}
    return names.union(*(_globals(child) for child in table.get_children()))


def _without_docstring(module: _Module, node: ast.FunctionDef | ast.ClassDef) -> str:
    lines = module.text(node).splitlines()
    if ast.get_docstring(node) is None or len(node.body) == 1:
        return "\n".join(lines)
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    docstring = node.body[0]
    kept = "\n".join(lines[_end(docstring) - first + 1 :]).lstrip("\n")
    return "\n".join(lines[: docstring.lineno - first]) + "\n" + kept


def _lean(text: str) -> str:
    """Put the short forms of `LEAN` in the place of the reference package's checks of arguments."""
    while True:
        calls = [
            node
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in LEAN
            and len(node.args) > 1
        ]
        if not calls:
            return text
        call = max(calls, key=lambda node: (node.lineno, node.col_offset))
        argument = ast.get_source_segment(text, call.args[0])
        before, after = _around(text, call)
        text = before + LEAN[ast.unparse(call.func)].format(argument) + after


def _end(node: ast.stmt | ast.expr) -> int:
    """Return the last line of a node: what was parsed has one."""
    return node.end_lineno or node.lineno


def _around(text: str, node: ast.expr) -> tuple[str, str]:
    """Return the text before and after a node; the parser counts its columns in bytes."""
    lines = [line.encode() for line in text.splitlines(keepends=True)]
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: _end(node) - 1])) + (node.end_col_offset or 0)
    data = text.encode()
    return data[:start].decode(), data[end:].decode()
