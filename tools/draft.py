"""An assignment that is being written: where its parts lie, and what its tasks lack, in sentences.

First come the places marked TODO. When none is left, the check is tried: on the right answers, on the known mistakes,
on answers that nobody thought about.
"""

import contextlib
import doctest
import inspect
import re
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np

from convcourse import checks
from convcourse.engine.check import Check
from convcourse.engine.display import call_of, explanation
from convcourse.engine.model import NOT_TRIED, Verdict
from tools import answers, contents, reliability
from tools.demands import TaskSpec, lacking_kinds, trivial_answers
from tools.mutation import solved, verdict_on
from tools.weave import WeaveError, woven

T = TypeVar("T")

SEEDS = 4  # for right answers: none may fail at a case that is drawn
MISTAKES, STYLES = 4, 3  # what `make test` asks of a task that the course keeps; two styles where a judge decides


class AuthorError(Exception):
    """Why something cannot be written, or cannot be run, in a sentence."""


@dataclass(frozen=True)
class Places:
    """The files that hold the parts of an assignment's tasks, below the folder of the course."""

    root: Path
    stem: str

    @property
    def text(self) -> Path:
        return self.root / "solutions" / "assignments" / f"{self.stem}.md"

    @property
    def checks(self) -> Path:
        return self.root / "autograder" / "student" / "convcourse" / "checks" / f"{self.stem}.py"

    @property
    def answers(self) -> Path:
        return answers.path_of(self.root, self.stem)

    @property
    def chapter(self) -> Path:
        return self.root / "book" / f"{self.stem}.md"


@dataclass(frozen=True)
class Draft:
    """An assignment as it is written so far: all that has to be run to try its tasks."""

    places: Places
    tasks: list[str]
    checks: dict[str, Check]  # of functions: name -> Check
    answers: dict[str, dict[str, Callable[..., Any]]]  # task -> {style: function}
    space: dict[str, Any]  # the right answers of the assignment's text, by name

    @classmethod
    def read(cls, root: Path, stem: str) -> Self:
        """Weave and run an assignment; what keeps it from that is an AuthorError."""
        places = Places(root, stem)
        try:
            tasks = [task.name for task in woven(root, stem).tasks if not task.by_hand]
        except WeaveError as error:
            raise AuthorError(str(error).replace(f"{root}/", "")) from None
        check_by_name = _run(places.checks, lambda: checks.of_functions(stem))
        styles = _run(places.answers, lambda: answers.functions(root, stem))
        space = _run(places.text, lambda: solved(root, stem)[1])
        return cls(places, tasks, check_by_name, styles, space)


def _run(path: Path, read: Callable[[], T]) -> T:
    """Return what `read` gives; an error says in which file, and where it can be known in which line."""
    try:
        return read()
    except Exception as error:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == path]
        lines = [error.lineno] if isinstance(error, SyntaxError) else lines
        place = f"{shown(path)}:{lines[-1]}" if lines else shown(path)
        raise AuthorError(f"{place}: this cannot be run: {type(error).__name__}: {error}") from None


def lacking(draft: Draft, name: str) -> list[str]:
    """Return what a task of a draft lacks: what is marked TODO, and when all that is filled in, what is not right."""
    places, check = draft.places, draft.checks.get(name)
    missing = [sentence for path in (places.text, places.checks, places.answers) for sentence in todo(path, name)]
    if name not in draft.tasks:
        missing.append(f"{shown(places.text)} does not ask for it.")
    if check is None:
        missing.append(f"CHECKS at the end of {shown(places.checks)} does not list its check.")
    if missing or check is None:
        return missing
    function, answer_by_style = draft.space[name], draft.answers.get(name, {})
    if not answer_by_style:
        missing.append(f"{shown(places.answers)} has no {name}__loops, or of another style: a second right answer.")
    right = {"the right answer in the assignment": function}
    right |= {f"{name}__{style}": other for style, other in answer_by_style.items()}
    missing += [*_docstring(places, check, function), *_section(places, check)]
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        try:
            tried = _run(places.checks, lambda: [*_right(check, right), *_wrong(check), *_damaged(check, function)])
        except AuthorError as error:
            tried = [f"{error}."]
    return missing + tried


def todo(path: Path, name: str = "") -> Iterator[str]:
    """Yield what is marked TODO in the part of a file that a task has, or in the whole file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number in part(path, name) if name else range(len(lines)):
        if "TODO" in lines[number]:
            message = lines[number].rpartition("TODO")[2].strip(" :\"',)#(.") or "something is left out here"
            yield f"{shown(path)}:{number + 1}: {message}."


def _lines(path: Path, name: str) -> list[str]:
    """Return the lines that a task has in a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [lines[number] for number in part(path, name)]


def part(path: Path, name: str) -> range:
    """Return the range of the lines that a task has in a file: between headings or rules, around its name."""
    lines = path.read_text(encoding="utf-8").splitlines()
    is_text = path.suffix == ".md"
    rule = re.compile(r"#+ " if is_text else r"# --- |CHECKS = ")
    opening = re.compile(rf"#: (?:answer|solve) {name}\s*$" if is_text else rf'(?:    "{name}",|def {name}__)')
    place = next((number for number, line in enumerate(lines) if opening.match(line)), None)
    if place is None:
        return range(len(lines))
    inside, rules = False, []
    for number, line in enumerate(lines):
        inside ^= line.startswith("```")  # a comment in a cell is no heading
        if rule.match(line) and not (is_text and inside):
            rules.append(number)
    start = max([number for number in rules if number <= place], default=0)
    return range(start, min([number for number in rules if number > place], default=len(lines)))


class _Examples(doctest.DocTestRunner):
    """Runs the examples of a docstring, and keeps those that do not give what it shows, with what they gave."""

    failed: list[tuple[doctest.Example, str]]

    def run(self, *arguments: Any, **options: Any) -> Any:
        self.failed = []
        return super().run(*arguments, **options)

    def report_failure(self, _out: Any, _test: doctest.DocTest, example: doctest.Example, got: str) -> None:
        self.failed.append((example, got.strip()))

    def report_unexpected_exception(
        self, _out: Any, _test: doctest.DocTest, example: doctest.Example, exc_info: tuple[Any, BaseException, Any]
    ) -> None:
        self.failed.append((example, repr(exc_info[1])))


def _docstring(places: Places, check: Check, function: Callable[..., Any]) -> Iterator[str]:
    """Yield what a docstring does not say, and examples that do not give what it shows."""
    task = TaskSpec(check, function)
    for parameter in task.signature.parameters:
        if parameter not in task.parameters:
            yield f"The docstring does not say under Parameters what {parameter} is."
    space = {**function.__globals__, "np": np, check.name: function}
    examples = doctest.DocTestParser().get_doctest(task.doc, space, function.__name__, None, 0)
    if check.oracle and not examples.examples and "*By hand:*" not in "".join(_lines(places.text, check.name)):
        yield "The docstring has no example: a call that can be checked by hand, behind >>>."
    runner = _Examples(verbose=False)
    runner.run(examples, out=lambda text: None)
    for example, got in runner.failed:
        yield f"The docstring says that {example.source.strip()} gives {example.want.strip()}; it gives {got}."


def _section(places: Places, check: Check) -> Iterator[str]:
    """Yield what is wrong with the label of the section that teaches a task."""
    stem, _, label = check.section.partition("#")
    page = places.chapter.with_stem(stem or "no section")
    if not page.is_file():
        yield f"The check has section={check.section!r}: name a page and a label, pooling#pooling-max for example."
        return
    labels = contents.labels(page)
    if label not in labels:
        yield f"{shown(page)} has no label ({label})= for the check's section; it has {', '.join(labels)}."


def _right(check: Check, right: dict[str, Callable[..., Any]]) -> Iterator[str]:
    """Yield the right answers that the check does not accept."""
    for which, function in right.items():
        verdict = next((v for v in (verdict_on(check, function, seed) for seed in range(SEEDS)) if not v.passed), None)
        if verdict is not None:
            yield f"The check rejects {which}: {_first(verdict)}"


def _wrong(check: Check) -> Iterator[str]:
    """Yield the mistakes that the check does not reject as it should, and whatever else earns points."""
    if not check.mistakes:
        yield "The check knows no mistake: write at least one, with the sentence that you would say."
    for mistake in check.mistakes:
        verdict = verdict_on(check, mistake.function)
        if verdict.passed:
            yield f"The check accepts the mistake {mistake.name!r}: it needs a case in which that is wrong."
        elif abs(verdict.earned - mistake.share) > 0.011:
            yield (
                f"The mistake {mistake.name!r} earns {verdict.earned:g} of the points, and its share is "
                f"{mistake.share:g}: add cases to the parts in which it is wrong, or say share={verdict.earned:g}."
            )
        elif mistake.message not in str(verdict):
            yield f"The mistake {mistake.name!r} is rejected and not named. The verdict says: {_first(verdict)}"
    for does, function in trivial_answers(check).items():
        earned = verdict_on(check, function).earned
        if earned:
            yield f"An answer that {does} earns {earned:g} of the points: add cases that tell it from a right one."


def _damaged(check: Check, right: Callable[..., Any]) -> Iterator[str]:
    """Yield the damages to a right answer that the check does not notice."""
    for damage in reliability.DAMAGES:
        if reliability.can_show(check, damage, right) and reliability.tried(check, damage(right)).share == 1:
            does = (inspect.getdoc(damage) or "").rstrip(".")
            yield (
                f"The check accepts a right answer that is damaged: {does[0].lower()}{does[1:]}. The smallest case of "
                "each part that has 8 numbers or more must show it."
            )


def _first(verdict: Verdict) -> str:
    """Return the first sentence of a verdict that says something, and the call."""
    message = next((words for _, words in explanation(verdict) if words != NOT_TRIED), "no reason is given.")
    return f"{message} The call: {call_of(verdict.name, verdict.failure.case)}" if verdict.failure else message


def shown(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return path.relative_to(Path.cwd()).as_posix()
    return path.as_posix()


def kept_also(draft: Draft, name: str) -> list[str]:
    """Return what `make test` asks for beside, of a task that the course keeps: a list of sentences."""
    check, style_count = draft.checks[name], len(draft.answers[name])
    styles_wanted = STYLES if check.oracle else 2
    missing = []
    if len(check.mistakes) < MISTAKES:
        missing.append(f"{MISTAKES} known mistakes; it has {len(check.mistakes)}.")
    if style_count < styles_wanted:
        missing.append(f"{styles_wanted} right answers in solutions/answers, in several styles; it has {style_count}.")
    if check.draw_case is None and any(case.args or case.kwargs for case in check.cases):
        missing.append(
            "further calls that are drawn by chance (draw_case), so that nobody can hand in a list of results."
        )
    return missing + [
        f"{message[0].upper()}{message[1:]}." for message in lacking_kinds(TaskSpec(check, draft.space[name]))
    ]
