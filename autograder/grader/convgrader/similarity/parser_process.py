"""Parse what students wrote, in a process of its own: a parser may take any time and memory for a text, or crash.

``python -m convgrader.similarity.parser_process`` is that process. It reads answers as lines of JSON, and writes a line
for each: its fingerprints, or null where there is no tree. Python's own parser works here on strangers' texts, so the
system limits memory, and the time for each; nothing of a text is ever run. Where the process dies, the text that it was
at has no tree, and another process goes on with the next one.
"""

import ast
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from convgrader.similarity import tokens
from convgrader.similarity.simplify import simplify
from convgrader.similarity.winnowing import Fingerprint, fingerprints

with contextlib.suppress(ImportError):  # Windows has no limits
    import resource

PASSAGE, WINDOW = 6, 3  # of trees; see `fingerprints`
MAX_TEXT = 20_000  # characters of an answer that are parsed
MAX_TOKENS = 20_000
SECONDS = 1.0  # of the processor, for one answer
MEMORY = 1 << 30  # bytes
CHUNK = 250  # answers that one process reads
STEPS = 900  # frames of Python: a tree that is deeper has none
_MAGIC = re.compile(r"^([ \t]*)[%!?][^\n]*", re.MULTILINE)


class Code(NamedTuple):
    """A piece of code, and the function in it that was asked for, "" where all of it counts."""

    text: str
    root: str = ""


def trees(codes: Sequence[Code], workers: int = 1) -> list[list[Fingerprint] | None]:
    """Return the fingerprints of the syntax tree of each piece of code, None where it has none."""
    chunks = [codes[start : start + CHUNK] for start in range(0, len(codes), CHUNK)]
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        return [found for chunk in pool.map(_parsed, chunks) for found in chunk]


def _parsed(codes: Sequence[Code]) -> list[list[Fingerprint] | None]:
    found: list[list[Fingerprint] | None] = []
    while len(found) < len(codes):
        replies = _replies(codes[len(found) :])
        found += replies
        if len(found) < len(codes):
            found.append(None)  # what the process died of
    return found


def _replies(codes: Sequence[Code]) -> list[list[Fingerprint] | None]:
    """Return what a process says to each piece of code, up to the one that it dies of."""
    request = "".join(json.dumps(code) + "\n" for code in codes)
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-m", __name__],
        input=request.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
        env={"PATH": os.defpath, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    lines = done.stdout.decode("utf-8", "replace").split("\n")[:-1]  # what has no end is not whole
    return [_reply(line) for line in lines]


def _reply(line: str) -> list[Fingerprint] | None:
    reply = json.loads(line)
    return None if reply is None else [Fingerprint(number, tuple(lines)) for number, lines in reply]


def serve() -> None:
    """Answer standard input, line by line, on standard output."""
    _limit()
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)  # nobody waits for its signal, which ends the process
        found = tree_fingerprints(Code(*json.loads(line)))
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


def _limit() -> None:
    for name, value in (("RLIMIT_AS", MEMORY), ("RLIMIT_CORE", 0), ("RLIMIT_FSIZE", 0), ("RLIMIT_NOFILE", 64)):
        with contextlib.suppress(ValueError, OSError):  # a system that has no such limit
            resource.setrlimit(getattr(resource, name), (value, value))


def tree_fingerprints(code: Code) -> list[Fingerprint] | None:
    """Return the fingerprints of the tree of some code, None where it has none.

    For texts that may be hostile this is called in a process of its own alone.
    """
    sys.setrecursionlimit(max(STEPS, sys.getrecursionlimit()))
    if len(code.text) > MAX_TEXT:
        return None
    try:
        tree = simplify(ast.parse(_MAGIC.sub(r"\1pass", code.text)), code.root)
        return fingerprints(tokens.of_tree(tree)[:MAX_TOKENS], PASSAGE, WINDOW)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


if __name__ == "__main__":
    serve()
