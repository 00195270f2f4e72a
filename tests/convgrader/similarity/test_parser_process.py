"""What students wrote is parsed in a process that may die of it: the others have their trees all the same."""

import pytest

from convgrader.similarity import parser_process
from convgrader.similarity.parser_process import Code, tree_fingerprints, trees

HONEST = "def f(x):\n    y = np.pad(x, 2)\n    return y[1:] * y[:-1] + y.sum(axis=0)"
HOSTILE = {
    "brackets": "(" * 5000,
    "attributes": "x" + ".a" * 9000,
    "signs": "-" * 9000 + "x",
    "lambdas": "lambda: " * 2000 + "1",
    "sums": "x = 1" + "+1" * 9000,
    "braces": "{" * 90 + ":",
    "texts in texts": "f'{" * 200,
    "a large number": "x = 9 ** 9 ** 9 ** 9",
    "digits": "x = " + "9" * 19000,
    "targets": "x = " * 4500 + "1",
    "zero bytes": "x = 1\0",
    "half a letter": "x = '\ud800'",
    "not Python": "def f(x:\n    return",
    "too long": "x = 1\n" * 5000,
    "nothing": "",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_text_costs_itself_alone(kind):
    codes = [Code(HONEST, "f"), Code(HOSTILE[kind], "f"), Code(HONEST, "f")]
    first, hostile, last = trees(codes)
    assert first == last == tree_fingerprints(codes[0]) and first
    assert hostile is None or len(hostile) <= parser_process.MAX_TOKENS


def test_a_process_that_dies_is_followed_by_another(monkeypatch):
    """The time for one answer is so short here that each process dies of the first."""
    dying = "x = " + "y[x" * 60 + "]" * 60 + " = " * 0
    codes = [Code(HONEST, "f"), Code(dying + "\n" * 10), Code(HONEST, "f")]
    replies = parser_process._replies
    monkeypatch.setattr(parser_process, "_replies", lambda some: replies(some)[: 1 if len(some) > 1 else None])
    first, lost, last = trees(codes)
    assert first and last and lost is None


def test_time_ends_a_process(monkeypatch, tmp_path):
    """In the process itself, since only there the limit holds."""
    import subprocess
    import sys

    script = (
        "from convgrader.similarity import parser_process as p\n"
        "p.SECONDS = 0.05\n"
        "def forever(code):\n"
        "    while True: pass\n"
        "p.tree_fingerprints = forever\n"
        "p.serve()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], input=b'["x = 1", ""]\n', capture_output=True, timeout=60)
    assert done.returncode < 0 and done.stdout == b""


def test_magics_and_lines_of_the_shell_are_no_error():
    assert tree_fingerprints(Code(f"%matplotlib inline\n!ls\n{HONEST}", "f")) == [
        (each.number, tuple(line + 2 for line in each.lines)) for each in tree_fingerprints(Code(HONEST, "f"))
    ]


def test_many_are_read_by_several_processes(monkeypatch):
    monkeypatch.setattr(parser_process, "CHUNK", 2)
    assert trees([Code(HONEST, "f")] * 5, workers=2) == [tree_fingerprints(Code(HONEST, "f"))] * 5
