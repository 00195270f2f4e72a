"""A class to look at and to test with: 120 made-up students hand in two assignments, and are graded.

Sixteen have a story that decides their score; the others are drawn by a seed (`tools.sample_students`). What they hand
in is written by `tools.sample_work`, and what all of it left in course/ is told by `tools.sample_traces`.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from nbgrader.api import Gradebook

from convcourse.grade_ids import CHECK
from convgrader.nbgrader_plugin.gradebook import url_of
from convgrader.sandbox.isolation import unsupported_reason
from tools.sample_students import DUE, SEED, SIZE, STEMS, STORIES, students, told, works
from tools.sample_traces import MARK, ONE, REPORT, RULES, SampleTraces
from tools.sample_work import Writer
from tools.small_course import environment, nbgrader
from tools.weave import ProjectPaths

RULES_TEXT = """\
# The rules of the sample class. `autograder rules` says what they come to; --forget takes them away with the class.

[late]
penalty = "10 %"
grace = "15 minutes"
late_days = 1
"""

# --- grading them ------------------------------------------------------------------------------------------------


def stems_of(root: Path) -> list[str]:
    """List the assignments that the class hands in, as far as the course has them."""
    return [stem for stem in STEMS if stem in ProjectPaths(Path(root)).stems()]


def collect(root: Path, size: int = SIZE, seed: int = SEED) -> None:
    """Write the archives where a learning platform's download would lie, and let ``zip_collect`` take them in."""
    traces = SampleTraces(Path(root))
    for stem in stems_of(root):
        folder = Path(root) / "course" / "downloaded" / stem / "archive"
        written = Writer(root, stem).archives(folder, size, seed)
        _run(root, "zip_collect", stem, "--force")
        traces.add(stem, written)
    if _write_rules(root):
        traces.keep(RULES)
    traces.write()
    with Gradebook(_gradebook(root)) as gradebook:
        for student, (first, last) in students(size).items():
            gradebook.update_or_create_student(student, first_name=first, last_name=f"{last} {MARK}".strip())


def _write_rules(root: Path) -> bool:
    """Write when work is due, and what it costs to be late, where the course says nothing of it; say whether."""
    path = Path(root) / "course" / RULES
    with Gradebook(_gradebook(root)) as gradebook:
        if path.exists() or any(assignment.duedate for assignment in gradebook.assignments):
            return False
    dates = [f"\n[assignments.{stem}]\ndue = {DUE[stem].isoformat()}\n" for stem in stems_of(root)]
    path.write_text(RULES_TEXT + "".join(dates), encoding="utf-8")
    return True


def _gradebook(root: Path) -> str:
    return url_of(Path(root) / "course" / "gradebook.db")


def _run(root: Path, *arguments: str) -> None:
    status, output = nbgrader(root, *arguments)
    if status:
        raise RuntimeError(f"nbgrader {' '.join(arguments)} failed:\n{output}")


def grade(root: Path, stem: str) -> int:
    """Grade all submissions of an assignment with the course's own grader; return its status."""
    command = [sys.executable, "-m", "convcourse", "grade", stem]
    if unsupported_reason():
        command.append("--unconfined")  # these submissions are ours
    return subprocess.run(command, cwd=root, env=environment(), check=False).returncode


def report(root: Path) -> None:
    """Write the page of what the class has not understood, unless a page lies there that is not of the class."""
    traces, path = SampleTraces.read(root), Path(root) / "course" / REPORT
    if traces is None or path.exists():
        return
    command = [sys.executable, "-m", "convcourse", "report", *stems_of(root), "--html", str(path)]
    subprocess.run(command, cwd=root, env=environment(), check=True, stdout=subprocess.DEVNULL)
    traces.keep(REPORT)
    traces.write()


def scores(root: Path, stem: str) -> dict[str, dict[str, float]]:
    """Return {student: {task: points}} from the gradebook; a task without a grade counts 0."""
    earned = {}
    with Gradebook(_gradebook(root)) as gradebook:
        for handed_in in gradebook.assignment_submissions(stem):
            earned[handed_in.student.id] = {
                g.name.removeprefix(CHECK): float(g.auto_score or 0.0)
                for nb in handed_in.notebooks
                for g in nb.grades
                if g.name.startswith(CHECK)
            }
    return earned


def traces(root: Path) -> SampleTraces:
    """Return what the sample class wrote; where an earlier version did not keep it, what it would write now."""
    kept = SampleTraces.read(root)
    if (
        kept
        or not (Path(root) / "course" / "submitted").is_dir()
        or not ProjectPaths(Path(root)).released(ONE).is_file()
    ):
        return kept or SampleTraces(Path(root))
    with tempfile.TemporaryDirectory() as folder:
        traces = SampleTraces(Path(root), is_marked=False)
        traces.add(ONE, Writer(root, ONE).archives(Path(folder), len(STORIES)))
        return traces


def wrong_scores(root: Path, stem: str, size: int = SIZE) -> dict[str, str]:
    """Return what is otherwise than expected: {student: the points of each such task, and those expected}."""
    earned, wrong = scores(root, stem), {}
    for student, tasks in Writer(root, stem).expected(size).items():
        found = earned.get(student, {})
        other = [
            f"{task} {found.get(task, 0):g} not {right:g}"
            for task, right in tasks.items()
            if found.get(task, 0) != right
        ]
        if other:
            wrong[student] = ", ".join(other)
    return wrong


def table(root: Path, size: int = SIZE) -> str:
    """Return the scores as a table in plain text: those with a story by name, the others in sum."""
    earned = {stem: scores(root, stem) for stem in stems_of(root)}
    last = list(earned)[-1]
    lines = [f"{'student':8} {'points':>6}   what they handed in to {last}"]
    totals = {name: sum(tasks.values()) for name, tasks in earned[last].items()}
    lines += [f"{work.name:8} {totals.get(work.name, 0):6g}   {work.story}" for work in told(last)]
    lines.append(f"and {size - len(STORIES)} others: {_kinds(last, size)}")
    lines += [f"{stem + ':':8} {_in_sum(root, stem, earned[stem], size)}" for stem in earned]
    wrong = {stem: wrong_scores(root, stem, size) for stem in earned}
    lines += [f"expected otherwise, {stem}, {name}: {what}" for stem in wrong for name, what in wrong[stem].items()]
    if not any(wrong.values()):
        lines.append("Every score is the one that was to be earned. Answers in words wait in formgrader.")
    return "\n".join(lines)


def _in_sum(root: Path, stem: str, earned: dict[str, dict[str, float]], size: int) -> str:
    """Return a sentence on the scores of an assignment."""
    full = sum(float(task.points) for task in Writer(root, stem).assignment.tasks if not task.by_hand)
    late = sum(work.moment is not None and work.moment > DUE[stem] for work in works(stem, size))
    totals = sorted(sum(tasks.values()) for tasks in earned.values())
    return (
        f"{len(totals)} handed in, {late} of them late; from {totals[0]:g} to {totals[-1]:g} of {full:g} points given "
        f"by machine, {statistics.median(totals):g} in the middle"
    )


def _kinds(stem: str, size: int) -> str:
    """Return how many of the others handed in what."""
    kinds = Counter(work.kind for work in works(stem, size)[len(STORIES) :])
    return ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the sample class, collect it, grade it and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tools.sample_class", description=main.__doc__)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the project (default: this folder)")
    parser.add_argument("--students", type=int, default=SIZE, help=f"how many (default: {SIZE})")
    parser.add_argument("--archives", type=Path, help="only write the archives, into this folder")
    parser.add_argument("--quiet", action="store_true", help="do not print the table, only write it to course/")
    parser.add_argument("--forget", action="store_true", help="only remove the sample class from course/")
    options = parser.parse_args(arguments)
    stems = stems_of(options.root)
    if options.archives:
        for stem in stems:
            print(*Writer(options.root, stem).archives(options.archives / stem, options.students), sep="\n")
        return 0
    written = traces(options.root)
    if options.forget:
        written.remove()
        return 0
    strangers = written.strangers()
    if strangers:
        print(
            f"course/ holds the work of other students ({', '.join(strangers[:5])}): the sample class stays out of it"
        )
        return 0  # `make course` goes on without it
    written.remove()
    for stem in stems:
        _run(options.root, "generate_assignment", stem, "--force")
    collect(options.root, size=options.students)
    for stem in stems:
        grade(options.root, stem)
    nbgrader(options.root, "generate_feedback", stems[-1], "--force")  # a page each; those before are made when asked
    report(options.root)
    text = table(options.root, options.students)
    (options.root / "course" / "sample-class.txt").write_text(text + "\n", encoding="utf-8")
    if not options.quiet:
        print(text)
    return 1 if any(wrong_scores(options.root, stem, options.students) for stem in stems) else 0


if __name__ == "__main__":
    sys.exit(main())
