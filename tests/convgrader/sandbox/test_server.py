"""Cells that the sandbox's shell hands on untouched are those that IPython would not touch either."""

import json
import subprocess
import sys

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from tests.helpers.courses import ROOT

MAGIC = {
    "line magic": "x = 1\n%timeit x",
    "indented magic": "if True:\n    %timeit 1",
    "cell magic": "%%time\nx = 1",
    "shell": "x = 1\n!ls",
    "assigned shell": "x = 1\nfiles = !ls",
    "assigned magic": "x = 1\nwhere = %pwd",
    "help": "x = 1\nx?",
    "help before": "x = 1\n?x",
    "help with blanks": "x = 1\nx??  ",
    "quoted": "x = 1\n,print a b",
    "quoted whole": "x = 1\n;print a b",
    "called": "x = 1\n/print 1 2",
    "prompts": ">>> x = 1\n>>> y = 2",
    "prompts below an output": "x\n>>> y = 2",
    "numbered prompts": "In [1]: x = 1\n   ...: y = 2",
    "indented as a whole": "    x = 1\n    y = 2",
    "indented by a tab": "\tx = 1\n\ty = 2",
    "indented after an empty line": "\n    x = 1\n    y = 2",
}


@pytest.fixture(scope="module")
def pattern():
    from convgrader.sandbox import server

    return server._MAYBE_MAGIC


@pytest.mark.parametrize("name", MAGIC)
def test_a_magic_is_looked_at_closely(pattern, name):
    assert pattern.search(MAGIC[name])


def test_what_is_left_alone_would_not_have_changed(pattern):
    manager, untouched = TransformerManager(), 0
    for path in sorted((ROOT / "exercises").glob("*/*.ipynb")) + sorted((ROOT / "solutions/answers").glob("*.py")):
        is_notebook = path.suffix == ".ipynb"
        cells = nbformat.read(path, 4).cells if is_notebook else [nbformat.v4.new_code_cell(path.read_text())]
        for source in [cell.source for cell in cells if cell.cell_type == "code" and "\n" in cell.source]:
            if not pattern.search(source):
                untouched += 1
                assert manager.transform_cell(source).rstrip("\n") == source.rstrip("\n")
    assert untouched > 100, "nearly all cells are plain Python"


STRUCK = """\
import json, os
from convcourse.calls import call
from convgrader.sandbox import server

call.REPEAT_SECONDS = 0.003  # so a machine looks that takes long to tell of an error
own = server.SandboxServer(None, server.make_shell())
loop = "while True:\\n    pass"
cells = [loop, "import time\\ntime.sleep(60)", "x = 1", f"print(x)\\n{loop}", "1 / 0"]
outputs = [own.run(cell, 0.2) for cell in cells for _ in range(10)]
os.write(1, json.dumps([[o.get("ename") for o in found if o["output_type"] == "error"] for found in outputs]).encode())
"""


@pytest.mark.slow
def test_a_cell_that_was_stopped_says_so_whatever_became_of_the_error():
    """The next strike may come while IPython tells of the first, and then nothing is told."""
    output = subprocess.run([sys.executable, "-c", STRUCK], capture_output=True, text=True, timeout=100).stdout
    late = [["TimeLimitError"]] * 10
    assert json.loads(output) == [*late, *late, *[[]] * 10, *late, *[["ZeroDivisionError"]] * 10]
