"""What is to be said of the likeness of answers in a class: the answers in, a report out."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from convgrader.similarity import parser_process, tokens
from convgrader.similarity.likeness import THRESHOLD, Pair, Prints, TaskLikeness, compare
from convgrader.similarity.parser_process import Code
from convgrader.similarity.winnowing import Fingerprint, fingerprints

TEXT_PASSAGE, TEXT_WINDOW = 8, 3  # of code without a tree
PROSE_PASSAGE, PROSE_WINDOW = 4, 2
MAX_PROSE = 50_000  # characters of a text that is compared as such


@dataclass(frozen=True)
class TaskAnswers:
    """What a class wrote to one task, nobody's blanks among it.

    Parameters
    ----------
    assignment, notebook, task : str
    is_code : bool
        A function, or else an answer in words.
    answers : mapping of str to str
        Who wrote what.
    given : tuple of str
        The texts that were handed out.
    beside : frozenset of str
        Whose answers are of another term: they are compared with the class alone.
    """

    assignment: str
    notebook: str
    task: str
    is_code: bool
    answers: Mapping[str, str]
    given: tuple[str, ...] = ()
    beside: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TaskReport:
    """What is said of one task."""

    about: TaskAnswers
    likeness: TaskLikeness


@dataclass(frozen=True)
class AlikeTask:
    """A task to which two students gave answers that are alike."""

    about: TaskAnswers
    likeness: float


@dataclass
class StudentPair:
    """Two students with answers that are alike; `bits` says how rare that is in the class, over all tasks."""

    names: tuple[str, str]
    tasks: list[AlikeTask] = field(default_factory=list)
    bits: float = 0.0


@dataclass(frozen=True)
class SimilarityReport:
    """The report: task by task, and pairs of students, the rarest likeness first."""

    tasks: tuple[TaskReport, ...]
    pairs: tuple[StudentPair, ...]
    threshold: float


def make_report(
    tasks: Sequence[TaskAnswers],
    threshold: float = THRESHOLD,
    together: Collection[tuple[str, str]] = (),
    workers: int = 1,
) -> SimilarityReport:
    """Compare the answers of a class, task by task.

    Parameters
    ----------
    tasks : list of TaskAnswers
    threshold : float
        The likeness, from 0 to 1, from which on a pair is shown.
    together : collection of pairs of str
        Who worked together, in alphabetical order.
    workers : int
        Processes that parse side by side.
    """
    reports = []
    for about, found in zip(tasks, _prints_of(tasks, workers)):
        given = [found[text] for text in about.given]
        prints = {name: found[text] for name, text in about.answers.items()}
        reports.append(TaskReport(about, compare(prints, _union(given), threshold, about.beside, together)))
    return SimilarityReport(tuple(reports), tuple(_student_pairs(reports)), threshold)


def _student_pairs(reports: Iterable[TaskReport]) -> list[StudentPair]:
    """Return the pairs of students over all tasks, the rarest likeness first."""
    found: dict[tuple[str, str], StudentPair] = {}
    for report in reports:
        for pair in report.likeness.pairs:
            students = found.setdefault(pair.names, StudentPair(pair.names))
            students.tasks.append(AlikeTask(report.about, pair.likeness))
            students.bits += _weight(pair)
    return sorted(found.values(), key=lambda pair: (-pair.bits, pair.names))


def _weight(pair: Pair) -> float:
    return pair.bits * pair.likeness


# --- fingerprints --------------------------------------------------------------------------------------------------


def marked_lines(
    comparisons: Sequence[tuple[TaskAnswers, tuple[str, str]]],
) -> list[tuple[set[int], set[int]]]:
    """Return, for pairs of answers, the lines of both in which they are alike, and which were not handed out."""
    codes: dict[Code, None] = {}
    for about, names in comparisons:
        if about.is_code:
            codes.update(dict.fromkeys(Code(about.answers[name], about.task) for name in names))
            codes.update(dict.fromkeys(map(Code, about.given)))
    trees = dict(zip(codes, parser_process.trees(list(codes))))
    return [_marked(about, names, trees) for about, names in comparisons]


def _marked(
    about: TaskAnswers, names: tuple[str, str], trees: Mapping[Code, list[Fingerprint] | None]
) -> tuple[set[int], set[int]]:
    texts = [Code(about.answers[name], about.task) for name in names] + list(map(Code, about.given))
    rows = [trees.get(code) for code in texts]
    if rows[0] is None or rows[1] is None:
        rows = [_text_fingerprints(code.text, about.is_code) for code in texts]
    given = {each.number for row in rows[2:] for each in row or ()}
    shared = set.intersection(*({each.number for each in row or ()} for row in rows[:2])) - given
    one, other = ({line for each in row or () if each.number in shared for line in each.lines} for row in rows[:2])
    return one, other


def _prints_of(tasks: Sequence[TaskAnswers], workers: int) -> list[dict[str, Prints]]:
    """Return {text: fingerprints} for each task; a text that many handed in is looked at once."""
    codes: dict[Code, None] = {}
    for about in tasks:
        if about.is_code:
            codes.update(dict.fromkeys(Code(text, about.task) for text in about.answers.values()))
            codes.update(dict.fromkeys(Code(text) for text in about.given))
    trees = dict(zip(codes, parser_process.trees(list(codes), workers)))
    found = []
    for about in tasks:
        of_task = [(text, about.task) for text in about.answers.values()] + [(text, "") for text in about.given]
        by_text = any(trees.get(Code(text, about.task)) is None for text in about.answers.values())
        found.append({each[0]: _prints(each[0], trees.get(Code(*each)), about.is_code, by_text) for each in of_task})
    return found


def _prints(text: str, tree: list[Fingerprint] | None, is_code: bool, by_text: bool) -> Prints:
    """Return the fingerprints of a text; those of its words where some answer to the task has no tree."""
    words = _text_fingerprints(text, is_code) if by_text else ()
    return Prints(None if tree is None else _numbers(tree), _numbers(words))


def _text_fingerprints(text: str, is_code: bool) -> list[Fingerprint]:
    if is_code:
        return fingerprints(tokens.of_code(text[:MAX_PROSE]), TEXT_PASSAGE, TEXT_WINDOW)
    return fingerprints(tokens.of_prose(text[:MAX_PROSE]), PROSE_PASSAGE, PROSE_WINDOW)


def _numbers(row: Iterable[Fingerprint]) -> frozenset[int]:
    return frozenset(each.number for each in row)


def _union(given: Sequence[Prints]) -> Prints:
    trees = (prints.tree or frozenset() for prints in given)
    return Prints(frozenset().union(*trees), frozenset().union(*(prints.text for prints in given)))


def groups_of(reports: Iterable[TaskReport]) -> dict[tuple[str, ...], list[TaskAnswers]]:
    """Return {names: tasks} of the groups of three and more whose answers are alike, the largest first."""
    found: dict[tuple[str, ...], list[TaskAnswers]] = defaultdict(list)
    for report in reports:
        for names in report.likeness.groups:
            if len(names) > 2:
                found[names].append(report.about)
    return dict(sorted(found.items(), key=lambda item: (-len(item[0]), item[0])))
