"""Run every attack against stock nbgrader and against this course's grading, and write the table of the docs.

    python -m tests.attacks.table book/_attacks.md

Attacks that would harm the machine are not run against stock nbgrader. Takes about ten minutes.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.attacks.submissions import ATTACKS
from tests.helpers.courses import ROOT, CourseUnderTest
from tests.helpers.grading_fixtures import copy_of
from tools.small_course import environment

MARKS = {"stealing": "STOLEN", "reaching the reader": "<script"}


def stock(generated, attack, folder):
    """Return what stock nbgrader makes of one attack."""
    course = copy_of(generated, folder / attack.name, plugin=False)
    course.submit("eve", attack.make(course.released("pooling")))
    command = [sys.executable, "-m", "nbgrader", "autograde", "pooling", "--student", "eve"]
    process = subprocess.Popen(
        command,
        cwd=course.root,
        env=environment(HOME=str(folder)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        log = process.communicate(timeout=150)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        log = None
    finally:
        _end_session(process.pid)
    if log is None:
        return "hangs"
    if process.returncode < 0:
        return "the grader is killed"
    if process.returncode:
        return (
            "the whole batch is aborted"
            if "upgrade" in log or "nbgrader update" in log or "newer" in log
            else "no score"
        )
    return verdict(course, attack)


def _end_session(leader):
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
            if int(fields[3]) == leader:
                os.kill(int(path.parent.name), signal.SIGKILL)
        except (OSError, ProcessLookupError):
            continue


def verdict(course, attack, student="eve"):
    """Say what a graded submission came to."""
    total = course.total(student)
    said = [] if total == attack.earns else [f"**{total:g} points** for {attack.earns:g}"]
    nb = course.graded(student)
    outputs = [output for cell in nb.cells if cell.cell_type == "code" for output in cell.outputs]
    texts = [output.get("text", "") for output in outputs]
    if attack.family == "stealing" and any("STOLEN" in text for text in texts):
        said.append("**succeeds**")
    if attack.family == "reaching the reader":
        shown = [o["data"].get(kind, "") for o in outputs if "data" in o for kind in ("text/html", "image/svg+xml")]
        shown += [cell.source for cell in nb.cells if cell.cell_type != "code"]
        if any("<script" in text for text in shown) or any("\x1b" in text for text in texts):
            said.append(
                "**runs in the reader's browser**" if "\x1b" not in "".join(texts) else "**reaches the terminal**"
            )
    return ", ".join(said) or "as earned"


def main(target):
    """Write the table."""
    target = Path(target).resolve()  # grading goes into the course's folder
    folder = Path(tempfile.mkdtemp(prefix="attacks-"))
    os.environ.update(environment())
    generated = CourseUnderTest(folder / "generated")
    generated.generate(ROOT / "course" / "source" / "pooling" / "pooling.ipynb")
    ours = copy_of(generated, folder / "ours")
    with (ours.root / "nbgrader_config.py").open("a") as config:
        config.write("c.GradeCells.cell_seconds = 3\nc.GradeCells.notebook_seconds = 30\n")
    for attack in ATTACKS:
        ours.submit(attack.name, attack.make(generated.released("pooling")))
    ours.grade(workers=2)
    rows = []
    for attack in ATTACKS:
        theirs = stock(generated, attack, folder) if attack.stock else "not run"
        rows.append((attack, theirs, verdict(ours, attack, attack.name)))
        print(attack.family, attack.name, rows[-1][1:], flush=True)
    target.write_text(as_markdown(rows), encoding="utf-8", newline="\n")


def as_markdown(rows):
    """Write the rows as a table for each family, with a sentence that counts."""
    run = [(attack, theirs) for attack, theirs, _ in rows if theirs != "not run"]
    paid = sum("points**" in theirs and not theirs.startswith("**0 ") for _, theirs in run)
    took = sum(theirs.startswith(("**succeeds", "**runs", "**reaches")) for _, theirs in run)
    stopped = sum(theirs.startswith(("no score", "hangs", "the ")) for _, theirs in run)
    held = sum(mine == "as earned" for _, _, mine in rows)
    lines = [
        (
            f"Of {len(rows)} attacks, {held} came to nothing here: the score was what the honest part earns, and "
            f"nothing was stolen, stopped or left behind. Stock nbgrader was tried with the {len(run)} that do no harm "
            f"to the machine: {paid} were paid points that they had not earned, {took} read what they should not or "
            f"reached the reader, and {stopped} left the submission, or the whole batch, without a score."
        ),
        "",
    ]
    for family in dict.fromkeys(attack.family for attack, _, _ in rows):
        lines += [f"**{family.capitalize()}**", "", "| attack | stock nbgrader | here |", "|---|---|---|"]
        lines += [
            f"| {a.description} | {theirs} | {mine.replace(' ', '&nbsp;')} |"
            for a, theirs, mine in rows
            if a.family == family
        ]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1])
