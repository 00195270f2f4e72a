"""Find solutions in what students can get: by syntax tree, whatever the names, and by text."""

import ast
import html
import io
import json
import re
import textwrap
import zipfile
from pathlib import Path

from tools import weave

ROOT = Path(__file__).parents[2]
MIN_NODES = 40  # below that, two people write the same by chance
MIN_TEXT = 40
BINARY = {".png", ".webp", ".jpg", ".woff", ".woff2", ".ttf", ".eot", ".otf", ".ico", ".inv", ".npz", ".safetensors"}
CHECKED_ARGUMENTS = {"as_array", "as_int", "as_pair", "asarray"}


# --- what must not get out ---------------------------------------------------------------------------------------


def solutions(root):
    """Return {name of the task: code of its solution} of every assignment, helper functions included."""
    stems = weave.ProjectPaths(Path(root)).stems()
    return {f"{stem}.{found.name}": found.body for stem in stems for found in weave.woven(root, stem).solutions}


def pieces(code):
    """Yield the lists of statements in a solution that say enough to be recognised."""
    tree = ast.parse("def solution():\n" + textwrap.indent(code, "    ")).body[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            body = [s for s in node.body if not _is_about_arguments(s) and not isinstance(s, ast.FunctionDef)]
            yield body
            yield from ([s] for s in body if isinstance(s, ast.For | ast.While))


def _is_about_arguments(statement):
    """Say whether a statement only checks or converts an argument."""
    if _is_docstring(statement):
        return True
    value = getattr(statement, "value", None)
    calls = [n.func for n in ast.walk(value) if isinstance(n, ast.Call)] if value is not None else []
    names = [getattr(f, "id", getattr(f, "attr", "")) for f in calls]
    return isinstance(statement, ast.Assign | ast.Expr) and bool(names) and set(names) <= CHECKED_ARGUMENTS


def _is_docstring(statement):
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def fingerprint(statements):
    """Return statements as text in which every name stands for its order of appearance."""
    numbers = {}

    def write(node):
        if isinstance(node, ast.AST):
            fields = []
            for name, value in ast.iter_fields(node):
                if name in ("ctx", "type_comment", "kind", "annotation", "returns"):
                    continue
                if (name == "id" and isinstance(node, ast.Name)) or (name == "arg" and isinstance(node, ast.arg)):
                    value = numbers.setdefault(value, f"v{len(numbers)}")
                fields.append(write(value))
            return f"{type(node).__name__}({','.join(fields)})"
        if isinstance(node, list):
            return "[" + ",".join(map(write, node)) + "]"
        return repr(node)

    return write(statements)


def nodes(statements):
    return sum(1 for statement in statements for _ in ast.walk(statement))


def squeezed(text):
    """Return code without comments and white space."""
    return re.sub(r"\s+", "", re.sub(r"#[^\n]*", "", text))


class Searcher:
    """Knows all solutions and finds them in code and in text."""

    def __init__(self, found):
        self.trees, self.texts = {}, {}
        for name, code in found.items():
            for body in pieces(code):
                if body and nodes(body) >= MIN_NODES:
                    kinds = tuple(type(s).__name__ for s in body)
                    self.trees.setdefault(kinds, {})[fingerprint(body)] = name
            own = code.split("\n\n")[-1]
            if len(squeezed(own)) >= MIN_TEXT:
                self.texts[squeezed(own)] = name

    def in_code(self, code):
        """Return the names of the tasks whose solution stands in `code`."""
        try:
            tree = ast.parse(textwrap.dedent(code))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return set()
        found = set()
        for node in ast.walk(tree):
            for _, block in ast.iter_fields(node):
                if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                    found |= self._in_block([s for s in block if not _is_about_arguments(s)])
        return found

    def _in_block(self, block):
        found = set()
        for start in range(len(block)):
            for kinds, known in self.trees.items():
                window = block[start : start + len(kinds)]
                if tuple(type(s).__name__ for s in window) == kinds:
                    name = known.get(fingerprint(window))
                    if name:
                        found.add(name)
        return found

    def in_text(self, text):
        """Return the names of the tasks whose solution stands in `text`, word for word."""
        text = squeezed(text)
        return {name for solution, name in self.texts.items() if solution in text}

    def in_file(self, name, data):
        """Return the names of the tasks whose solution stands in a file; archives are opened."""
        suffix = Path(name).suffix
        if suffix in (".whl", ".zip"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return set().union(*(self.in_file(n, archive.read(n)) for n in archive.namelist()))
        if suffix in BINARY:
            return set()
        text = data.decode("utf-8", errors="replace")
        found = set().union(*(self.in_code(code) for code in codes(suffix, text)))
        plain = html.unescape(re.sub(r"<[^>]*>", "", text)) if suffix == ".html" else text
        if suffix in (".ipynb", ".json", ".js"):
            plain = text.replace('\\n",', "\n").replace("\\n", "\n").replace('\\"', '"')
            plain = re.sub(r'^\s*"|"\s*$', "", plain, flags=re.MULTILINE)
        return found | self.in_text(plain)

    def in_folder(self, folder):
        """Return {file: tasks} for all files below a folder in which a solution stands."""
        found = {}
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                tasks = self.in_file(path.name, path.read_bytes())
                if tasks:
                    found[str(path.relative_to(folder))] = sorted(tasks)
        return found


def codes(suffix, text):
    """Return the pieces of Python in a file."""
    if suffix == ".py":
        return [text]
    if suffix == ".ipynb":
        try:
            cells = json.loads(text).get("cells", [])
        except ValueError:
            return []
        return ["".join(cell.get("source", "")) for cell in cells]
    if suffix == ".html":
        blocks = re.findall(r"<pre[^>]*>(.*?)</pre>", text, flags=re.DOTALL)
        return [html.unescape(re.sub(r"<[^>]*>", "", block)) for block in blocks]
    if suffix in (".md", ".txt", ".rst"):
        return re.findall(r"^[`~]{3,}[^\n]*\n(.*?)^[`~]{3,}", text, flags=re.DOTALL | re.MULTILINE)
    return []
