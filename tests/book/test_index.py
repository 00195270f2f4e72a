"""What the first page says of the course: its chapters, their hours, and the evidence for what is on trial."""

import re
from pathlib import Path

import pytest
import yaml

from tools import contents

ROOT = Path(__file__).parents[2]
INDEX = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
STEMS = contents.stems(ROOT)
NUMBERS = {"two": "2", "three": "3", "four": "4", "five": "5", "six": "6"}
CELL = re.compile(r"^(`{3,}).*?^\1$", re.MULTILINE | re.DOTALL)
ON_TRIAL = re.compile(r"^`{3,}\{admonition\} On trial", re.MULTILINE)


def sections(text):
    """Return the parts of a page between its headings of the second level, those in code left alone."""
    shown = CELL.sub(lambda cell: re.sub(r"^#", " ", cell.group(), flags=re.MULTILINE), text)
    starts = [match.start() for match in re.finditer(r"^## ", shown, re.MULTILINE)]
    return [text[start:end] for start, end in zip([0, *starts], [*starts, len(text)])]


def evidence(section):
    """Return the code cells of a section that stop with an error when something does not hold."""
    return [
        cell
        for cell in (match.group() for match in CELL.finditer(section))
        if "{code-cell}" in cell and "assert" in cell
    ]


def test_the_table_has_the_chapters_in_their_order():
    rows = re.findall(r"^\| (\d+) \| \[\]\((\w+)\.md\) ", INDEX, re.MULTILINE)
    assert rows == [(str(number), stem) for number, stem in enumerate(STEMS, 1)]
    assert len(STEMS) == 14 and "Fourteen chapters" in INDEX


@pytest.mark.parametrize("stem", STEMS)
def test_the_hours_of_the_table_are_those_of_the_assignment(stem):
    assignment = (ROOT / "solutions" / "assignments" / f"{stem}.md").read_text(encoding="utf-8")
    planned = re.search(r"Plan (\w+(?: to \w+)?) hours", assignment).group(1)
    in_digits = re.sub(r"\w+", lambda word: NUMBERS.get(word.group(), word.group()), planned)
    row = re.search(rf"\]\({stem}\.md\) .*\| ([^|]+) h \|$", INDEX, re.MULTILINE)
    assert row.group(1) == in_digits


def test_the_hours_add_up_to_about_seventy():
    hours = re.findall(r"\| ([\d.]+) h \| ([\d.]+)(?: to ([\d.]+))? h \|$", INDEX, re.MULTILINE)
    assert len(hours) == 14 and "about seventy in all" in INDEX
    assert sum(float(read) + float(least) for read, least, _ in hours) > 65
    assert sum(float(read) + float(most or least) for read, least, most in hours) < 75


def test_fewer_than_half_of_the_claims_are_true_as_they_stand_and_most_others_under_a_condition():
    claims = yaml.safe_load((ROOT / "book" / "claims.yml").read_text(encoding="utf-8"))
    counts = {
        verdict: sum(claim["verdict"] == verdict for claim in claims) for verdict in ("true", "conditional", "false")
    }
    assert sum(counts.values()) == len(claims)
    assert 2 * counts["true"] < len(claims) and counts["conditional"] > counts["false"] > 0


@pytest.mark.parametrize("stem", STEMS)
def test_a_section_that_puts_something_on_trial_has_a_cell_that_would_stop(stem):
    page = (ROOT / "book" / f"{stem}.md").read_text(encoding="utf-8")
    without = [section[:60] for section in sections(page) if ON_TRIAL.search(section) and not evidence(section)]
    assert not without


def test_code_that_only_prints_is_no_evidence():
    page = (
        '# A\n\n## B\n\n```{admonition} On trial: "x"\n```\n\n```{code-cell} ipython3\n## no heading\nprint(1)\n```\n'
    )
    (_, section) = sections(page)
    assert ON_TRIAL.search(section) and not evidence(section)
    assert evidence(section.replace("print(1)", "assert True"))
