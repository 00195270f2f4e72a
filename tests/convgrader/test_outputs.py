"""Files for the user: whole, without formulas, or a sentence."""

import csv

import pytest

from convcourse.errors import UsageError
from convgrader import outputs


def test_a_table_has_its_columns_in_order_and_no_formula(tmp_path):
    path = tmp_path / "table.csv"
    outputs.write_table(path, ["name", "points"], [{"points": 2.5, "name": "=cmd", "other": 1}, {"name": "é"}])
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [["name", "points"], ["'=cmd", "2.5"], ["é", ""]]


@pytest.mark.parametrize("write", [lambda p: outputs.write_text(p, "x"), lambda p: outputs.write_table(p, ["a"], [])])
def test_what_cannot_be_written_is_told_in_a_sentence(write, tmp_path):
    with pytest.raises(UsageError, match=r"^cannot write .*missing/file: No such file or directory$"):
        write(tmp_path / "missing" / "file")
