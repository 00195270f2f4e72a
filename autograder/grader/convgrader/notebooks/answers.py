"""What a student wrote, beside what was handed out: text that stands elsewhere, and whether an answer has changed."""

import functools
import hashlib
import keyword
import re
from collections.abc import Collection, Sequence

from convcourse.grade_ids import CHECK
from convgrader.notebooks.reader import SubmittedCell
from convgrader.notebooks.source import SourceCell, SourceNotebook

ELSEWHERE = "Nothing was written in this cell. Text was found in other cells, and a person reads it."
_TEXTS = re.compile(  # what may hold words in code: texts in quotes, comments, lines of magics and of the shell
    r"\\.|"  # what is escaped begins none: each quote would be read to the end of the line
    r'"""(?:[^"\\]|\\.|"(?!""))*(?:"""|\Z)|' + r"'''(?:[^'\\]|\\.|'(?!''))*(?:'''|\Z)|"
    r'"(?:[^"\\\n]|\\.)*"|' + r"'(?:[^'\\\n]|\\.)*'|#[^\n]*|^[ \t]*[%!?][^\n]*",
    re.MULTILINE | re.DOTALL,
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_SIDE_BY_SIDE = re.compile(r"(?<!\w)(\w+) +(?=(\w+))")  # a word, and the one that follows it
_KEYWORDS = {*keyword.kwlist, *keyword.softkwlist}


class Answers:
    """What a submission says to each graded cell.

    Parameters
    ----------
    submitted : list of SubmittedCell
        What `reader.read` found.
    source : SourceNotebook
        The instructor's notebook, with all that was handed out.
    """

    def __init__(self, submitted: Sequence[SubmittedCell], source: SourceNotebook) -> None:
        self.source = source
        self.answers: dict[str, str] = {}  # grade_id -> text of the cells that count
        self.unassigned: list[tuple[str, str]] = []  # (kind, text) of all others
        frame = source.by_name()
        last = {cell.grade_id: number for number, cell in enumerate(submitted)}
        for number, (kind, text, name, _) in enumerate(submitted):
            source_cell = frame.get(name) if name is not None else None
            if source_cell is not None and last[name] == number and not source_cell.locked:
                self.answers[source_cell.name] = text
            elif text.strip() and text.strip() not in source.released_texts:
                if source_cell is not None and kind == "code":
                    text = _added(text, _lines(source_cell.source))
                self.unassigned.append((kind, text))

    @functools.cached_property
    def elsewhere(self) -> str:
        """Return the words that stand neither in an answer in words nor in what was handed out, "" if there are none.

        Of a cell of code they are words if nothing in it runs.
        """
        texts, released_lines = [], {line for text in self.source.released_texts for line in _lines(text)}
        for kind, text in self.unassigned:
            if kind != "code":
                texts.append(_added(text, released_lines))
            elif is_prose(text):
                texts.append(text)
        texts += [self.answers[name] for name in self._function_ids() if is_prose(self.answers.get(name, ""))]
        return "\n".join(text for text in texts if any(map(str.isalnum, text)))

    def _function_ids(self) -> list[str]:
        """List the names of the cells that hold the function of a task."""
        return [
            cell.name for cell in self.source.cells if cell.solution and not cell.grade and cell.cell_type == "code"
        ]

    def digests(self) -> dict[str, str]:
        """Return {grade_id: digest} of what each graded cell is given for: where it changes, the answer has changed."""
        code = [text for kind, text in self.unassigned if kind == "code"]
        digests = {}
        for cell in self.source.cells:
            if cell.task:
                texts = [*self.answers.values(), *(text for _, text in self.unassigned)]
            elif cell.grade and cell.solution:
                text = self.answers.get(cell.name, cell.source)
                texts = [text, self.elsewhere] if is_blank(text, cell) else [text]
            elif cell.grade:
                texts = [self.answers.get(cell.name.removeprefix(CHECK), ""), *code]
            else:
                continue
            digests[cell.name] = hashlib.sha256("\0".join(texts).encode()).hexdigest()
        return digests


def is_blank(text: str, cell: SourceCell) -> bool:
    """Say whether nothing was written in a cell: it is as it was handed out, or empty."""
    return text.strip() in ("", cell.source.strip())


def _lines(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines()}


def _added(text: str, released_lines: Collection[str]) -> str:
    """Return the lines of a text that are not among those that were handed out."""
    return "\n".join(line for line in text.splitlines() if line.strip() not in released_lines)


def is_prose(code: str) -> bool:
    """Say whether a code cell holds words and nothing that runs: a sentence, a comment, a text in quotes.

    Nothing is parsed, since a parser may take any time and memory for what a student wrote. Outside of texts and
    comments, Python has no two words side by side unless one of them is a keyword.

    Examples
    --------
    >>> [is_prose(text) for text in ("It keeps what, not where.", "# It forgets where.", "x = 1", "x", "%time f(x)")]
    [True, True, False, False, False]
    """
    remainder = _TEXTS.sub("\n", code)
    if not remainder.strip():
        return len(_WORD.findall(code)) >= 3
    return any(map(_are_words, _SIDE_BY_SIDE.findall(remainder)))


def _are_words(pair: tuple[str, str]) -> bool:
    return all(word.isidentifier() and word not in _KEYWORDS for word in pair)
