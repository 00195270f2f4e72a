"""Every row that the course must treat is treated: marked in a chapter, and judged on the page of claims."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tools import contents

ROOT = Path(__file__).parents[2]
ROWS = {
    line.split()[0]: tuple(line.split()[1:])
    for line in (Path(__file__).parent / "rows.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
}
CHAPTERS = sorted(ROOT.glob("book/*.md"))
CLAIMS = yaml.safe_load((ROOT / "book" / "claims.yml").read_text(encoding="utf-8")) or []
MARK = re.compile(r"^% covers:(.*)$", re.MULTILINE)
LABEL = re.compile(r"^\(([\w-]+)\)=\s*$|\bname:\s*([a-z]\w*-[\w-]+)", re.MULTILINE)
JUDGED = {"claim", "concept", "question"}  # the kinds that the page of claims lists


def marks(path):
    """Return the lists of rows of the `% covers:` comments of a chapter."""
    return [line.split() for line in MARK.findall(path.read_text(encoding="utf-8"))]


def labels(path):
    """Return the labels of sections and figures of a chapter."""
    text = re.sub(r"\A---\n.*?\n---\n", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [next(filter(None, groups)) for groups in LABEL.findall(text)]


def test_there_are_209_rows_and_no_other():
    assert len(ROWS) == 209
    assert {kind for kind, _ in ROWS.values()} == {"claim", "concept", "question", "exercise", "worked-example"}


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_marks_name_rows_that_exist_and_at_most_six(path):
    for rows in marks(path):
        assert 1 <= len(rows) <= 6, rows
        assert not [row for row in rows if row not in ROWS], rows


def test_every_row_is_marked_in_a_chapter_of_the_book():
    marked = Counter(row for page in contents.pages(ROOT) for rows in marks(page) for row in rows)
    missing = [row for row in ROWS if row not in marked]
    assert not missing, f"{len(missing)} rows are treated nowhere: {' '.join(missing)}"


def test_every_claim_is_judged():
    judged = {row for entry in CLAIMS for row in entry["ids"]}
    missing = [row for row, (kind, _) in ROWS.items() if kind in JUDGED and row not in judged]
    assert not missing, f"{len(missing)} rows are not on the page of claims: {' '.join(missing)}"


@pytest.mark.parametrize("entry", CLAIMS, ids=lambda entry: "-".join(map(str, entry.get("ids", ["?"])))[:40])
def test_a_claim_is_well_formed_and_its_evidence_exists(entry):
    assert set(entry) <= {"ids", "topic", "claim", "verdict", "condition", "evidence"}
    assert entry["ids"] and not [row for row in entry["ids"] if row not in ROWS], entry["ids"]
    assert entry["claim"].endswith((".", "?", "!")), entry["claim"]
    assert entry["verdict"] in ("true", "conditional", "false"), "write the verdict in quotes"
    if entry["verdict"] != "true":
        assert entry.get("condition"), "say when it holds, or what holds instead"
    stem, label = entry["evidence"].split("#")
    page = ROOT / "book" / f"{stem}.md"
    assert page.is_file(), f"there is no {page.name}"
    assert label in labels(page), f"{page.name} has no label {label}"


def test_a_wrong_row_is_not_called_true():
    wrong = {row for row, (_, holds) in ROWS.items() if holds == "WRONG"}
    # The claim of an entry is in our words; it may be the correct statement only if the condition names the wrong one.
    called_true = [
        e["ids"] for e in CLAIMS if wrong & set(e["ids"]) and e["verdict"] == "true" and "condition" not in e
    ]
    assert not called_true, called_true


def test_labels_are_unique_in_the_book():
    count = Counter(label for page in contents.pages(ROOT) for label in labels(page))
    assert not [label for label, times in count.items() if times > 1]
