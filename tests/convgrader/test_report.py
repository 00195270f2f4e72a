"""What a batch says in the end."""

from types import SimpleNamespace

import pytest
from rich.console import Console

from convgrader.report import Summary


@pytest.mark.parametrize("count, says", [(1, "1 submission graded before"), (2, "2 submissions graded before")])
def test_where_all_were_graded_before_no_empty_table_is_shown(count, says, capsys):
    summary = Summary(SimpleNamespace(name="pooling", sources={}))
    summary.skipped = count
    summary.print(Console())
    assert capsys.readouterr().out == f"{says} and not changed since: left out.\n"


def test_what_other_checks_had_graded_is_said(capsys):
    summary = Summary(SimpleNamespace(name="pooling", sources={}))
    summary.outdated = 1
    summary.print(Console())
    assert capsys.readouterr().out == "1 submission graded before with other checks: graded again.\n"
    assert summary.as_dict()["outdated"] == 1
