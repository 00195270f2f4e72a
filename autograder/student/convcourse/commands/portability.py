"""What a notebook relies on at home and will not find where submissions are graded: modules, helper files, data."""

import ast
import contextlib
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from convcourse.limits import is_available

if TYPE_CHECKING:
    from convcourse.commands.notebook import SubmittedNotebook

NO_FILES = "Nothing that lies beside a notebook is there when it is graded, trained networks aside: "


def differences(notebook: "SubmittedNotebook", folder: Path) -> list[str]:
    """List sentences on the modules and files that the code of a notebook in `folder` names and grading has not."""
    trees = [_tree(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    modules = {name.split(".")[0] for node in nodes for name in _imported(node)}
    absent = sorted(name for name in modules if not is_available(name))
    local = [name for name in absent if (folder / f"{name}.py").is_file() or (folder / name).is_dir()]
    messages = [f"{NO_FILES}copy what you need of {name} into a cell, the import of it will fail." for name in local]
    if not_local := [name for name in absent if name not in local]:
        messages.append(
            f"{', '.join(not_local)}: imported here, and not there where submissions are graded, which has NumPy and "
            "Matplotlib alone. The import fails, and with it all of its cell."
        )
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    files = sorted(text for text in texts if _is_file(folder, text))
    return messages + [f"{NO_FILES}{text} is named in a cell; write its numbers into the notebook." for text in files]


def _tree(source: str) -> ast.Module:
    """Parse a cell, without its magics if it has some; what is no Python has nothing in it."""
    plain = re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE)
    for text in (source, plain):  # a line may begin with the operator %
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    return ast.Module([], [])


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []


def _is_file(folder: Path, text: str) -> bool:
    """Say whether a text names a file that is not handed in."""
    if not re.fullmatch(r"[^\0\n]{1,200}", text) or text.endswith((".ipynb", ".json", ".safetensors")):
        return False
    with contextlib.suppress(OSError, ValueError):
        return (folder / text).is_file()
    return False
