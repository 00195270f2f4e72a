"""Files that a command writes where its user says: a text, a table for a spreadsheet."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from convcourse.errors import UsageError


def write_text(path: "str | PathLike[str]", text: str) -> None:
    """Write a text; UsageError says why that cannot be done."""
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise _unwritable(path, error) from None


def write_table(path: "str | PathLike[str]", columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as CSV, in which no text is a formula; what a row does not have stays empty."""
    from convgrader.nbgrader_plugin.exporting import as_cell  # it imports much

    try:
        with open(path, "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(columns)
            for row in rows:
                table.writerow([as_cell(row.get(column)) for column in columns])
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: "str | PathLike[str]", error: OSError) -> UsageError:
    return UsageError(f"cannot write {path}: {error.strerror or error}")
