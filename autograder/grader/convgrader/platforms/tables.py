"""Tables as spreadsheets and platforms write them: with a byte order mark or none, with commas, semicolons or tabs."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from convcourse.errors import UsageError
from convgrader.nbgrader_plugin.exporting import as_cell
from convgrader.notebooks.files import is_regular

MAX_TABLE = 64 << 20  # bytes
DELIMITERS = (",", ";", "\t")
MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class Table:
    """A table that was read: texts without the blanks around them, as many in each row as there are columns."""

    path: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]  # where in the file each row ends
    delimiter: str = ","

    def column(self, *names: str) -> int | None:
        """Return which column bears one of these names; capitals do not matter."""
        wanted = [plain_title(name) for name in names]
        titles = [plain_title(title) for title in self.columns]
        return next((titles.index(name) for name in wanted if name in titles), None)


def plain_title(title: str) -> str:
    """Return the title of a column in small letters, with blanks for underscores.

    Examples
    --------
    >>> plain_title(" SIS_Login  ID")
    'sis login id'
    """
    return " ".join(title.replace("_", " ").casefold().split())


def read_table(path: str) -> Table:
    """Read a table; UsageError says in a sentence what keeps it from being read."""
    text = _decoded(path)
    if text.lower().startswith("sep="):  # which Excel writes to itself
        text = text.partition("\n")[2]
    delimiter = max(DELIMITERS, key=text.lstrip().partition("\n")[0].count)
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            cells = tuple(cell.strip() for cell in row)
            if any(cells):
                rows.append(cells)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: this is no table ({error})") from None
    if not rows:
        raise UsageError(f"{path} is empty")
    return Table(path, rows[0], tuple(_of_width(path, len(rows[0]), lines, rows)), tuple(lines[1:]), delimiter)


def _of_width(
    path: str, width: int, lines: Sequence[int], rows: Sequence[tuple[str, ...]]
) -> Iterator[tuple[str, ...]]:
    for line, row in zip(lines[1:], rows[1:], strict=True):
        if any(row[width:]):
            raise UsageError(f"{path}, line {line}: it has {len(row)} cells, and the table has {width} columns")
        yield (*row[:width], *[""] * (width - len(row)))


def _decoded(path: str) -> str:
    if not is_regular(path):
        raise UsageError(f"there is no file {path}")
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_TABLE + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    if len(data) > MAX_TABLE:
        raise UsageError(f"{path} is larger than {MAX_TABLE >> 20} MB")
    if data.startswith((b"PK\3\4", b"\xd0\xcf\x11\xe0")):
        raise UsageError(f"{path} is no table of text: save the spreadsheet as CSV, in UTF-8")
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}, line {line}: it is not written in UTF-8; save it as CSV in UTF-8") from None
    if "\0" in text:
        raise UsageError(f"{path} is no table of text: save the spreadsheet as CSV, in UTF-8")
    return text


def write_table(path: str, rows: Sequence[Sequence[str]], delimiter: str = ",") -> None:
    """Write a table whose cells are written as they are; what a person wrote goes through `as_cell` before."""
    try:
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=delimiter).writerows(rows)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None


def harmless(text: str) -> str:
    """Return a text of somebody's that no spreadsheet computes; a number and a dash stay as they are.

    Examples
    --------
    >>> harmless("=1+1"), harmless("-4.50"), harmless("-"), harmless("Ada")
    ("'=1+1", '-4.50', '-', 'Ada')
    """
    is_number = text.lstrip("+-").replace(",", "").replace(".", "").isdecimal()
    return text if text == "-" or is_number else str(as_cell(text))
