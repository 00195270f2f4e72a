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
JUDGED = {"claim", "concept", "question"}  # the kinds that the page of claims lists
NO_CLAIM = {"S3-1"}  # it names a text to read
TRIAL = re.compile(
    r'^`{3,}\{admonition\} On trial: "([^\n]*)"\n:class: on-trial\n(.*?)^`{3,}$', re.MULTILINE | re.DOTALL
)


def marks(path):
    """Return the lists of rows of the `% covers:` comments of a chapter."""
    return [line.split() for line in MARK.findall(path.read_text(encoding="utf-8"))]


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
    missing = [row for row, (kind, _) in ROWS.items() if kind in JUDGED and row not in judged | NO_CLAIM]
    assert not missing, f"{len(missing)} rows are not on the page of claims: {' '.join(missing)}"


def test_a_row_has_one_verdict():
    entries = Counter(row for entry in CLAIMS for row in entry["ids"])
    assert not [row for row, times in entries.items() if times > 1]


def trials():
    """Return {title: (its chapter, what it says in bold at the end)} of the boxes in which a claim is on trial."""
    boxes = [(page.stem, *box) for page in CHAPTERS for box in TRIAL.findall(page.read_text(encoding="utf-8"))]
    return {title: (stem, re.findall(r"\*\*(.+?)\*\*", text, re.DOTALL)[-1].lower()) for stem, title, text in boxes}


def test_every_trial_of_a_chapter_is_on_the_page_of_claims():
    written = sum(page.read_text(encoding="utf-8").count(":class: on-trial") for page in CHAPTERS)
    listed = [title for entry in CLAIMS for title in entry.get("trials", [])]
    assert len(trials()) == written, "two boxes have the same title, or one has no verdict in bold"
    assert sorted(listed) == sorted(trials())


@pytest.mark.parametrize("entry", [e for e in CLAIMS if "trials" in e], ids=lambda entry: entry["trials"][0][:40])
def test_the_page_of_claims_and_the_trial_agree(entry):
    for title in entry["trials"]:
        stem, said = trials()[title]
        assert stem in {entry[key].split("#")[0] for key in ("evidence", "also") if key in entry}, title
        plainly_false = re.sub(r"^verdict: ", "", said).rstrip(".") in {"false", "false, twice"}
        fits = {
            "true": "false" not in said,
            "conditional": not plainly_false,
            "false": "false" in said or "not" in said.split(),
        }
        assert fits[entry["verdict"]], f"{title}: {said} in the chapter, {entry['verdict']} on the page"


def test_where_the_terms_are_marked_they_are_defined():
    for path in CHAPTERS:
        for part in re.split(r"^(?=#+ )", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            if re.search(r"^% covers:.*\bS1-4\b", part, re.MULTILINE):
                terms = ("input", "kernel", "feature map")
                missing = [term for term in terms if not re.search(rf"\*\*\S*{term}", part)]
                assert not missing, f"{path.name} is marked for terms that it does not define: {missing}"


@pytest.mark.parametrize("entry", CLAIMS, ids=lambda entry: "-".join(map(str, entry.get("ids", ["?"])))[:40])
def test_a_claim_is_well_formed_and_its_evidence_exists(entry):
    known = {"ids", "topic", "claim", "verdict", "condition", "evidence", "also", "cited", "control", "control_at"}
    assert set(entry) <= known | {"trials"}
    assert entry["ids"] or entry["trials"], "whose claim is it?"
    assert not [row for row in entry["ids"] if row not in ROWS], entry["ids"]
    assert entry["claim"].endswith((".", "?", "!")), entry["claim"]
    assert entry["verdict"] in ("true", "conditional", "false"), "write the verdict in quotes"
    if entry["verdict"] != "true":
        assert entry.get("condition"), "say when it holds, or what holds instead"
    for place in filter(None, map(entry.get, ("evidence", "also", "control_at"))):
        stem, label = place.split("#")
        page = ROOT / "book" / f"{stem}.md"
        assert page.is_file(), f"there is no {page.name}"
        assert label in contents.labels(page), f"{page.name} has no label {label}"


def section(text, label):
    """Return the section that a label stands above, or in; its subsections aside; nothing where it is missing."""
    at = re.search(rf"^\({label}\)=|\bname: {label}$", text, re.MULTILINE)
    if at is None:
        return ""
    headings = [match.start() for match in re.finditer(r"^#{2,6} ", text, re.MULTILINE)]
    after = [place for place in headings if place > at.start()] + [len(text), len(text)]
    if at[0].startswith("("):
        return text[at.start() : after[1]]
    return text[max([0, *(place for place in headings if place < at.start())]) : after[0]]


def measured(place):
    """Say whether the section of a label runs an experiment: whether it trains, fits, or draws by a seed."""
    stem, label = place.split("#")
    text = section((ROOT / "book" / f"{stem}.md").read_text(encoding="utf-8"), label)
    code = "\n".join(re.findall(r"^```\{code-cell\}.*?^```", text, re.MULTILINE | re.DOTALL))
    return re.search(r"\bexperiments\.|\.recorded\(|\btrain\w*\(|\.fit\(|torch\.optim|default_rng\(\w*seed", code)


@pytest.mark.parametrize(
    "entry",
    [entry for entry in CLAIMS if measured(entry["evidence"]) and "cited" not in entry],
    ids=lambda entry: "-".join(entry["ids"])[:40],
)
def test_a_claim_that_rests_on_an_experiment_names_its_control(entry):
    assert entry.get("control", "").endswith("."), f"what stands beside {entry['evidence']}, and would refute it?"


def test_a_wrong_row_is_not_called_true():
    wrong = {row for row, (_, holds) in ROWS.items() if holds == "WRONG"}
    # The claim of an entry is in our words; it may be the correct statement only if the condition names the wrong one.
    called_true = [
        e["ids"] for e in CLAIMS if wrong & set(e["ids"]) and e["verdict"] == "true" and "condition" not in e
    ]
    assert not called_true, called_true


def test_labels_are_unique_in_the_book():
    count = Counter(label for page in contents.pages(ROOT) for label in contents.labels(page))
    assert not [label for label, times in count.items() if times > 1]
