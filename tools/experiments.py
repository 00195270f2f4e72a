"""Run the experiments that are recorded, and write what they gave: ``python -m tools.experiments``.

An experiment is run again when its own code has changed, or code of this project that it uses: the definitions
that its function names, those that these name, and so on. What stands beside them in a file does not count, nor do
comments and docstrings.
"""

import argparse
import ast
import functools
import hashlib
import importlib
import json
import sys
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.recording import Experiment


ROOT = Path(__file__).parents[1]
IMPORTED = ("book", "solutions", "autograder/student")  # folders of this project that experiments import from
PACKAGES = ("numpy", "scipy", "scikit-learn", "torch")
DIGITS = 6  # of a number that are kept
BESIDE = ("__init__", "recording", "small_network")  # what is no chapter's


# --- what an experiment hangs on -------------------------------------------------------------------------------------


def code_of(module: str, name: str, root: Path = ROOT) -> str:
    """Return a hash of the definition of a name in a module of this project, and of all of ours that it uses."""
    definitions: dict[tuple[str, str], str] = {}
    _follow(root, module, name, definitions)
    texts = [f"{where}.{what}: {text}" for (where, what), text in sorted(definitions.items())]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _follow(root: Path, module: str, name: str, definitions: dict[tuple[str, str], str]) -> None:
    """Add the definition of a name, and of what it uses, to `definitions`: {(module, name): text}."""
    defined, imported = _definitions(root, module)
    if (module, name) in definitions:
        return
    if name in imported:
        place, what = imported[name]
        if what is not None:
            _follow(root, place, what, definitions)
        return
    if name not in defined:
        return
    definitions[module, name] = "\n".join(ast.dump(node) for node in defined[name])
    for node in (node for definition in defined[name] for node in ast.walk(definition)):
        if isinstance(node, ast.Name):
            if imported.get(node.id, ("", ""))[1] is not None:  # a module alone says nothing
                _follow(root, module, node.id, definitions)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            place, what = imported.get(node.value.id, ("", ""))
            if what is None:
                _follow(root, place, node.attr, definitions)


@functools.cache
def _definitions(root: Path, module: str) -> tuple[dict[str, list[ast.AST]], dict[str, tuple[str, str | None]]]:
    """Return what a module defines, {name: nodes}, and what it imports of this project, {name: (module, name)}.

    An imported module has None in the place of the second name.
    """
    defined: dict[str, list[ast.AST]] = {}
    imported: dict[str, tuple[str, str | None]] = {}
    file = _file(root, module)
    assert file is not None, f"{module} is a module of this project"
    tree = _plain(ast.parse(file.read_text(encoding="utf-8")))
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            package = module.rsplit(".", node.level)[0] if node.level else ""
            source = ".".join(filter(None, [package, node.module]))
            for alias in node.names:
                if _file(root, f"{source}.{alias.name}"):
                    imported[alias.asname or alias.name] = f"{source}.{alias.name}", None
                elif _file(root, source):
                    imported[alias.asname or alias.name] = source, alias.name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname and _file(root, alias.name):
                    imported[alias.asname] = alias.name, None
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.setdefault(node.name, []).append(node)
        else:
            for target in (n for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)):
                defined.setdefault(target.id, []).append(node)
    return defined, imported


def _file(root: Path, module: str) -> Path | None:
    """Return the file of a module of this project, or None."""
    for folder in IMPORTED:
        path = Path(root, folder, *module.split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file
    return None


def _plain(tree: ast.Module) -> ast.Module:
    """Take away what computes nothing: docstrings, types, and the decorator that says how often it is run."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = [d for d in node.decorator_list if "experiment" not in ast.dump(d)]
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
    return ast.fix_missing_locations(_Untyped().visit(tree))


class _Untyped(ast.NodeTransformer):
    """Writes ``x: int = 1`` as ``x = 1``, but in the fields of a class, which it defines."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.body = [part if isinstance(part, ast.AnnAssign) else self.visit(part) for part in node.body]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        return node if node.value is None else ast.Assign([node.target], node.value)


# --- running them ----------------------------------------------------------------------------------------------------


def experiments(stem: str) -> "dict[str, Experiment]":
    """Return {name: Experiment} of a chapter."""
    from experiments.recording import Experiment

    module = importlib.import_module(f"experiments.{stem}")
    return {name: value for name, value in vars(module).items() if isinstance(value, Experiment)}


def stems() -> list[str]:
    """Return the chapters that have experiments in a file of their own."""
    names = (path.stem for path in (ROOT / "book" / "experiments").glob("*.py"))
    return sorted(name for name in names if name not in BESIDE)


def is_current(name: str, trial: "Experiment", record: dict[str, Any] | None) -> bool:
    """Say whether a record is of this experiment as it is now."""
    return (
        record is not None
        and record["code"] == code_of(trial.__module__, name)
        and {len(values) for values in record["values"].values()} == {trial.seeds}
    )


def measure(stem: str, name: str, seed: int) -> tuple[dict[str, Any], float]:
    """Run one seed on one core; return {name: numbers} and the seconds that it took."""
    import torch

    torch.set_num_threads(1)
    start = time.perf_counter()
    measured = experiments(stem)[name](seed)
    return {key: _short(values.tolist()) for key, values in measured.items()}, time.perf_counter() - start


def _short(values: Any) -> Any:
    if isinstance(values, list):
        return [_short(value) for value in values]
    return int(values) if float(values).is_integer() and abs(values) < 10**DIGITS else float(f"{values:.{DIGITS}g}")


def record(stem: str, workers: int = 2, again: bool = False, names: Collection[str] | None = None) -> list[str]:
    """Run what has changed in a chapter's experiments, and write its records; return the names of what was run."""
    trials = experiments(stem)
    path = ROOT / "book" / "experiments" / "results" / f"{stem}.json"
    old = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    new: dict[str, Any] = {}
    run: list[str] = []
    with ProcessPoolExecutor(workers) as pool:
        for name, trial in trials.items():
            is_asked = names is None or name in names
            if not is_asked or (not again and is_current(name, trial, old.get(name))):
                new |= {name: old[name]} if name in old else {}
                continue
            runs = list(pool.map(measure, [stem] * trial.seeds, [name] * trial.seeds, range(trial.seeds)))
            new[name] = {
                "code": code_of(trial.__module__, name),
                "versions": {package: version(package) for package in PACKAGES},
                "seconds": round(sum(seconds for _, seconds in runs), 1),
                "values": {key: [measured[key] for measured, _ in runs] for key in runs[0][0]},
            }
            run.append(name)
            print(f"{stem}.{name}: {trial.seeds} seeds, {new[name]['seconds']:g} s", flush=True)
    if new != old:
        path.parent.mkdir(exist_ok=True)
        path.write_text(_lines(new), encoding="utf-8") if new else path.unlink()
    return run


def _lines(records: dict[str, Any]) -> str:
    """Write records as JSON, the numbers of one seed in a line."""
    parts = []
    for name, entry in records.items():
        values = ",\n".join(
            f"   {json.dumps(key)}: [\n" + ",\n".join(f"    {json.dumps(seed)}" for seed in seeds) + "\n   ]"
            for key, seeds in entry["values"].items()
        )
        rest = "".join(f"  {json.dumps(key)}: {json.dumps(entry[key])},\n" for key in ("code", "versions", "seconds"))
        parts.append(f' {json.dumps(name)}: {{\n{rest}  "values": {{\n{values}\n  }}\n }}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the experiments that have changed and write their records."""
    parser = argparse.ArgumentParser(prog="python -m tools.experiments", description=main.__doc__)
    parser.add_argument("stem", nargs="?", choices=stems(), help="of this chapter alone (default: all)")
    parser.add_argument("names", nargs="*", help="these experiments alone (default: all)")
    parser.add_argument("--workers", type=int, default=2, help="how many run side by side (default: 2)")
    parser.add_argument("--again", action="store_true", help="run also what has not changed")
    options = parser.parse_args(arguments)
    sys.path.insert(0, str(ROOT / "book"))
    todo = [options.stem] if options.stem else stems()
    run = [name for stem in todo for name in record(stem, options.workers, options.again, options.names or None)]
    print(f"{len(run)} experiments run")


if __name__ == "__main__":
    main()
