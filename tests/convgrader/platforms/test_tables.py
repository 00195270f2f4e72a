"""Tables of other programs: what they hold is read whatever their marks and signs, or a sentence says why not."""

import pytest

from convcourse.errors import UsageError
from convgrader.platforms.tables import harmless, read_table, write_table

ROWS = (("ada", "Lovelace, Ada"), ("rené", ""))


def written(tmp_path, data):
    path = tmp_path / "table.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(path)


@pytest.mark.parametrize(
    "data",
    [
        'id,Name\nada,"Lovelace, Ada"\nrené,\n',
        'id;Name\r\nada;"Lovelace, Ada"\r\n\r\n;\r\nrené;\r\n',
        "id\tName\nada\tLovelace, Ada\nrené\n",
        'sep=;\nid;Name\nada;"Lovelace, Ada"\nrené;\n',
        '\ufeffid,Name\nada,"Lovelace, Ada"\n rené , ,\n',
        'id,Name\nada,"Lovelace, Ada"\nrené,'.encode("utf-16"),
    ],
    ids=["commas", "semicolons", "tabs", "Excel's first line", "a byte order mark", "UTF-16"],
)
def test_a_table_is_read_whatever_its_signs(tmp_path, data):
    table = read_table(written(tmp_path, data))
    assert table.columns == ("id", "Name") and table.rows == ROWS
    assert table.column("NAME") == 1 and table.column("email") is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\n ; \n", "is empty"),
        (b"PK\3\4 a spreadsheet", "save the spreadsheet as CSV"),
        (b"id\0,name", "save the spreadsheet as CSV"),
        ("id,name\nada,x\nrené,y".encode("latin-1"), r"line 3: it is not written in UTF-8"),
        (b"id,name\nada,x,y", r"line 2: it has 3 cells, and the table has 2 columns"),
        (b'id,name\nada,"x', r"line 2: this is no table"),
        (b"id,name\nada," + b"x" * 200_000, r"line 2: this is no table"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_said_in_a_sentence(tmp_path, data, message):
    with pytest.raises(UsageError, match=message):
        read_table(written(tmp_path, data))


def test_a_table_must_be_a_file(tmp_path):
    with pytest.raises(UsageError, match="there is no file"):
        read_table(str(tmp_path))


def test_a_table_is_written_as_it_is_and_its_texts_compute_nothing(tmp_path):
    path = tmp_path / "out.csv"
    write_table(str(path), [["a", harmless("@SUM(1)")], ["é;", harmless("-1,5")]], ";")
    assert path.read_text(encoding="utf-8") == 'a;\'@SUM(1)\n"é;";-1,5\n'
    with pytest.raises(UsageError, match="cannot write"):
        write_table(str(tmp_path), [])
