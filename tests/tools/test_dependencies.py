"""One list of dependencies: the packages' own lists are made from it, and it names all that they import."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tools import dependencies

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = packages_distributions()  # top-level module -> the distributions that bring it
OURS = {"convcourse", "convgrader", "miniconv"}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(folder):
    """Return the top-level modules that the files below a folder import, the standard library's left out."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names)


@pytest.mark.parametrize("who", dependencies.PACKAGES)
def test_the_lists_of_the_packages_are_fresh(who):
    path = ROOT / dependencies.PACKAGES[who] / "pyproject.toml"
    assert path.read_text(encoding="utf-8") == dependencies.updated(ROOT, who), "run `make dependencies`"


@pytest.mark.parametrize("who", dependencies.PACKAGES)
def test_a_package_declares_what_it_imports_and_nothing_else_of_ours(who):
    declared = {canonical(pin.name) for pin in dependencies.needed_by(ROOT, who)}
    declared |= {canonical(pin.name) for pin in dependencies.needed_by(ROOT, "student")} if who == "grader" else set()
    folder = ROOT / dependencies.PACKAGES[who]
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    (package,) = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    for module in sorted(imported(folder / package) - OURS):
        brought_by = {canonical(name) for name in DISTRIBUTIONS[module]}
        assert brought_by & declared, f"{module} is imported and declared nowhere"


def test_every_line_is_a_pin():
    assert len(dependencies.pins(ROOT)) > 25


@pytest.mark.parametrize("line", ["numpy", "numpy>=2", "numpy==2.0 # student: yes", "numpy==2.0 # student >2 3"])
def test_a_line_of_another_form_is_refused(tmp_path, line):
    (tmp_path / "requirements.txt").write_text(f"# a remark\n\n{line}\n")
    with pytest.raises(ValueError, match="is not of the form"):
        dependencies.pins(tmp_path)


def test_a_pin_says_who_needs_it(tmp_path):
    (tmp_path / "requirements.txt").write_text("numpy==2.4.6  # student >=2.0, colab\nruff==1.0\n")
    first, second = dependencies.pins(tmp_path)
    assert (str(first), first.needed) == ("numpy==2.4.6", {"student": ">=2.0", "colab": ""})
    assert (str(second), second.needed) == ("ruff==1.0", {})


def test_a_pin_for_some_machines_has_a_marker(tmp_path):
    (tmp_path / "requirements.txt").write_text("torch==2.2.2; sys_platform == 'darwin'  # student >=2.2\n")
    (pin,) = dependencies.pins(tmp_path)
    assert str(pin) == "torch==2.2.2; sys_platform == 'darwin'"
    assert dependencies.dependencies(tmp_path, "student") == ["torch>=2.2; sys_platform == 'darwin'"]


def test_every_machine_has_one_pin_of_a_package():
    from packaging.markers import Marker

    machines = [
        ("darwin", "x86_64"),
        ("darwin", "arm64"),
        ("linux", "x86_64"),
        ("linux", "aarch64"),
        ("win32", "AMD64"),
    ]
    for system, machine in machines:
        there = {"sys_platform": system, "platform_machine": machine}
        names = [pin.name for pin in dependencies.pins(ROOT) if not pin.marker or Marker(pin.marker).evaluate(there)]
        assert len(names) == len(set(names)) and {"torch", "numpy"} <= set(names), f"{system}, {machine}"


def test_the_pins_fit_what_the_packages_ask_for():
    from packaging.specifiers import SpecifierSet

    for pin in dependencies.pins(ROOT):
        for who, wanted in pin.needed.items():
            assert pin.version in SpecifierSet(wanted), f"{pin} for {who}"


def test_the_version_stands_in_one_place():
    """The packages are built with the version of convcourse, and no notebook names it."""
    import convcourse

    for folder in dependencies.PACKAGES.values():
        text = (ROOT / folder / "pyproject.toml").read_text(encoding="utf-8")
        (path,) = re.findall(r'^\[tool.hatch.version\]\npath = "(.*)"$', text, re.MULTILINE)
        assert (ROOT / folder / path).resolve() == Path(convcourse.__file__)
    for path in ROOT.glob("exercises/*/*.ipynb"):
        assert convcourse.__version__ not in path.read_text(encoding="utf-8")
