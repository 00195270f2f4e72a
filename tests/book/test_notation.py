"""One notation: a letter in a chapter's formulas is one of the book's, or is listed as that chapter's own."""

import re
from pathlib import Path

import pytest

from tools import contents

ROOT = Path(__file__).parents[2]
GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi varphi chi psi"
)
CAPITALS = "omega Gamma Delta Theta Lambda Sigma Phi Psi Omega"
LETTER = re.compile(rf"\\(?:{'|'.join([*GREEK.split(), *CAPITALS.split()])})(?![a-zA-Z])|[A-Za-z]")
WORDS = re.compile(r"\\(?:text|operatorname|mathrm|label|begin|end)\*?\{[^}]*\}")  # they hold no letters of formulas
COMMAND = re.compile(rf"\\(?!(?:{'|'.join([*GREEK.split(), *CAPITALS.split()])})(?![a-zA-Z]))[a-zA-Z]+")


def formulas(text):
    """Return what stands between dollars, outside of code."""
    text = re.sub(r"^(`{3,})\{code-cell\}.*?^\1$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)
    return [display or inline for display, inline in re.findall(r"\$\$(.+?)\$\$|\$([^$]+)\$", text, re.DOTALL)]


def letters(text):
    """Return the letters of the formulas in a text."""
    plain = [COMMAND.sub(" ", WORDS.sub(" ", formula)) for formula in formulas(text)]
    return {letter for formula in plain for letter in LETTER.findall(formula)}


def table(label):
    """Return the rows of the table below a label of the page of notation."""
    page = (ROOT / "book" / "notation.md").read_text(encoding="utf-8")
    section = page.split(f"({label})=\n")[1].split("\n## ")[0]
    return [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]


def named(text):
    """Return the letters that get a meaning in a list "letters: meaning; ..."; "$a$ to $l$" are all between, too."""
    found = set()
    for names in (part.split(":")[0] for part in text.split(";")):
        found |= letters(names)
        for first, last in re.findall(r"\$(\w)\$ to \$(\w)\$", names):
            found |= {chr(code) for code in range(ord(first), ord(last) + 1)}
    return found


BOOK = set().union(*(letters(row[0]) for row in table("notation-letters")))
OWN = {re.search(r"\((\w+)\.md\)", chapter)[1]: meaning for chapter, meaning in table("notation-own")}


def test_the_parts_of_a_formula_that_are_letters():
    text = r"Then $y_p = \sum_i w_i \cos(\omega_i)$, `$no$` and $$\text{if } \hat P \in \mathbb R,$$ they say."
    assert letters(text) == {"y", "p", "i", "w", r"\omega", "P", "R"}
    assert named(r"$a$, $\mu$: two; $j$ to $l$: as in $x$") == {"a", r"\mu", "j", "k", "l"}


def used_in(stem):
    """Return the letters of a chapter and of its assignment."""
    pages = (ROOT / "book" / f"{stem}.md", ROOT / "solutions" / "assignments" / f"{stem}.md")
    return set().union(*(letters(page.read_text(encoding="utf-8")) for page in pages))


@pytest.mark.parametrize("stem", contents.stems(ROOT))
def test_every_letter_of_a_chapter_and_its_assignment_is_listed(stem):
    unknown = sorted(used_in(stem) - BOOK - named(OWN.get(stem, "")))
    assert not unknown, f"{unknown} have no meaning on the page of notation, neither for the book nor for {stem}.md"


@pytest.mark.parametrize("stem", OWN)
def test_a_chapters_own_letters_are_used_there(stem):
    assert not sorted(named(OWN[stem]) - used_in(stem)), f"{stem}.md does not use them"


def test_the_rows_stand_in_the_order_of_the_chapters():
    assert list(OWN) == [stem for stem in contents.stems(ROOT) if stem in OWN]
