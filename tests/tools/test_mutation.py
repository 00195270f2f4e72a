"""Breaking the reference: single changes, those that run, and survivors that are explained."""

import fnmatch
from pathlib import Path

import numpy as np
import pytest
import yaml

from convcourse import checks
from tools import mutation

ROOT = Path(__file__).parents[2]
CODE = """\
if a.ndim != 2:
    raise ValueError("2 axes")
total = 0
for i, x in zip(range(3), a, strict=True):
    total += min(x[i], 1.5)
return -total if total < 2 else total"""
HEAD = "def trace(a):"


def changes(code):
    return [change for _, change, _ in mutation.mutations(code)]


def test_every_change_is_single_and_compiles():
    code = "def f(a):\n" + "\n".join(f"    {line}" for line in CODE.splitlines())
    found = list(mutation.mutations(code))
    for _, _, changed in found:
        compile(changed, "changed", "exec")
    assert len({changed for _, _, changed in found}) == len(found)


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("y = a // b", "a // b -> a * b"),
        ("y += x", "y += x -> y = x"),
        ("y = a < b", "a < b -> a <= b"),
        ("y = np.floor(x)", "np.floor -> np.ceil"),
        ("y = min(x)", "min(x) -> max(x)"),
        ("y = x[::-1]", "-1 -> 1"),
        ("y = True", "True -> False"),
    ],
)
def test_the_usual_slips_are_among_the_changes(code, change):
    assert change in changes(code)


def test_checks_of_arguments_are_left_out():
    assert changes('if a.ndim != 2:\n    raise ValueError("a" + "b")') == []
    assert changes("zip(a, b, strict=True)") == []


def test_only_lines_that_run_are_changed():
    check = checks.of_functions("pooling")["channel_max_pool"]
    head = "def channel_max_pool(x, pool_size):"
    body = "n, c, h, w = x.shape\nif c < 0:\n    return x + 1\nreturn x.reshape(n, -1, pool_size, h, w).max(2)"
    assert mutation.lines_run(check, head, body, {"np": np}) == {1, 2, 4}


@pytest.mark.slow
def test_a_check_notices_a_change_and_stops_an_endless_one():
    check = checks.of_functions("pooling")["channel_max_pool"]
    head, right = (
        "def channel_max_pool(x, pool_size):",
        "n, c, h, w = x.shape\nreturn x.reshape(n, -1, pool_size, h, w)",
    )
    assert mutation.survives(check, head, right + ".max(2)", {"np": np})
    assert not mutation.survives(check, head, right + ".min(2)", {"np": np})
    assert not mutation.survives(check, head, "while True: pass", {"np": np}, seconds=1)


def test_reasons_are_for_tasks_that_exist():
    tasks = [f"{topic}.{name}" for topic in checks.topics() for name in checks.of_functions(topic)]
    entries = yaml.safe_load((ROOT / "solutions" / "answers" / "equivalent.yml").read_text(encoding="utf-8"))
    for entry in entries:
        assert set(entry) <= {"task", "line", "change", "because"}
        assert fnmatch.filter(tasks, entry["task"]), entry
        assert len(entry["because"]) > 20


def test_a_reason_is_found_by_task_line_and_change():
    known = [{"task": "pooling.*", "line": "x + 1", "change": "1 ->", "because": "it does not matter"}]
    assert mutation.reason_for(known, "pooling.f", "y = x + 1", "1 -> 2") == "it does not matter"
    assert mutation.reason_for(known, "layer.f", "y = x + 1", "1 -> 2") is None
    assert mutation.reason_for(known, "pooling.f", "y = x", "1 -> 2") is None
    assert mutation.reason_for(known, "pooling.f", "y = x + 1", "x -> 1") is None
