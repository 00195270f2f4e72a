"""Who may import what: the contracts in pyproject.toml hold, and each of them would notice a wrong import."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
PACKAGES = {
    "convcourse": "autograder/student",
    "convgrader": "autograder/grader",
    "miniconv": "solutions",
    "tools": ".",
    "drawings": "book",
    "experiments": "book",
}
# (a file, an import that must not stand in it, the beginning of the name of the contract that it breaks)
BROKEN = [
    ("convcourse/engine/trial.py", "import convcourse.checks.pooling", "convcourse:"),
    ("convcourse/networks/tasks.py", "from convcourse.engine import model", "convcourse:"),
    ("convcourse/errors.py", "from convcourse import cli", "convcourse:"),
    ("convgrader/sandbox/client.py", "from convgrader import worker", "convgrader:"),
    ("convgrader/grade.py", "from convgrader.nbgrader_plugin import gradebook", "convgrader:"),
    ("convcourse/checks/pooling.py", "import miniconv.pooling", "what a student installs"),
    ("convcourse/commands/check.py", "import convgrader.grade", "what a student installs"),
    ("convgrader/nbgrader_plugin/autograding.py", "from tools import kit", "the grader knows"),
    ("convgrader/sandbox/server.py", "from convcourse.engine import expected", "the side where"),
    ("convgrader/sandbox/protocol.py", "import torch", "the side where"),
    ("convgrader/sandbox/isolation.py", "import numpy", "a process is locked away"),
    ("miniconv/pooling.py", "import torch", "the reference package"),
    ("tools/extract.py", "from convgrader.notebooks import plan", "weaving needs"),
    ("drawings/pooling.py", "from miniconv import pooling", "a drawing computes"),
    ("experiments/pooling.py", "import matplotlib.pyplot", "an experiment draws"),
]


def lint(folder, paths):
    """Run the contracts in a folder; return the status and what was said."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_the_contracts_hold():
    status, said = lint(ROOT, [ROOT / "book"])
    assert status == 0, said
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in said


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The packages, without what is not Python."""
    folder = tmp_path_factory.mktemp("copy")
    for name, place in PACKAGES.items():
        ignored = shutil.ignore_patterns("__pycache__", "*.json", "*.safetensors")
        shutil.copytree(ROOT / place / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.parametrize(("file", "line", "contract"), BROKEN, ids=lambda text: text.split("/")[-1])
@pytest.mark.slow
def test_a_wrong_import_breaks_its_contract(copy, file, line, contract):
    path = copy / file
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}\n\n{line}\n", encoding="utf-8")
    try:
        status, said = lint(copy, [copy])
    finally:
        path.write_text(text, encoding="utf-8")
    assert status == 1
    broken = " ".join(said.split("Broken contracts")[1].split())
    assert contract in broken, said


def test_every_contract_is_tried():
    tried = {contract for _, _, contract in BROKEN}
    assert all(any(contract["name"].startswith(beginning) for beginning in tried) for contract in CONTRACTS)
