"""One student over the term, as the terminal shows it and as JSON has it."""

import io
from dataclasses import replace

from rich.console import Console

from convgrader import student_report
from convgrader.class_statistics import AssignmentResults
from convgrader.student_statistics import report_on
from tests.convgrader.test_class_statistics import CLASS, POOL, STRIDE

LATER = AssignmentResults("layer", ("ada",), (replace(POOL, scores={"ada": 4.0}, verdicts={}),), missing=("bob",))


def printed(student, width=120):
    console = Console(file=io.StringIO(), width=width)
    student_report.show(report_on([CLASS, LATER], student), console, "https://example.org/")
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_the_table_has_a_row_for_each_assignment_with_the_place_in_the_class():
    """Bob has 2 of 4 in `pooling`, second of eight, where the mean is 0.94 and the spread 1.47."""
    rows = [line.split() for line in printed("bob")]
    assert ["pooling", "2.00", "4", "50", "%", "2", "of", "8", "0.94", "1.47", "-"] in rows
    assert ["layer", "not", "handed", "in", "4.00", "-", "-"] in rows


def test_mistakes_and_what_to_read_stand_below():
    lines = printed("bob")
    at = lines.index("pooling", 5)
    assert lines[at : at + 5] == [
        "pooling",
        f"  pool: {STRIDE}",
        "    pool(array(4, 4), 2)",
        "  To read, the costliest first:",
        "    https://example.org/book/pooling.html#max",
    ]
    assert "not handed in: layer: nothing was handed in for an assignment" in lines
    assert "  pool: Nothing was written." in printed("gil")


def test_what_waits_for_a_person_is_told_and_who_did_all_right_has_nothing_to_read():
    lines = printed("ada")
    assert "  1 answer still to grade by hand." in lines and "  To read, the costliest first:" not in lines


def test_nothing_is_cut_in_a_terminal_of_80_columns():
    assert "…" not in "".join(printed("bob", 80))


def test_json_has_all_of_it_with_pages_in_the_place_of_labels():
    found = student_report.as_dict(report_on([CLASS, LATER], "bob"), "https://example.org/")
    first, second = found["assignments"]
    assert first["to_read"] == ["https://example.org/book/pooling.html#max"]
    assert first["tasks"][0]["section"] == first["to_read"][0] and first["standing"]["rank"] == 2
    assert (second["state"], second["standing"]) == ("not handed in", None)
