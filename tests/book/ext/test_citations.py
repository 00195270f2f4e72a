"""The list of references: named by authors and year, and each entry agrees with its key."""

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from pybtex.database import parse_file

from book._ext import citations

ROOT = Path(__file__).parents[3]
ENTRIES = parse_file(ROOT / "book" / "references.bib").entries
LATE_ON_ARXIV = {"1701.04128"}  # put there a month after its conference
LIBRARY = r"""
@book{lone1998, author = {Lone, A.}, title = {One}, publisher = {P}, year = {1998}}
@book{pair1999, author = {van Hateren, J. and J{\'e}gou, H.}, title = {Two}, publisher = {P}, year = {1999}}
@book{more2000, author = {Ab, C. and De, F. and Gh, I.}, title = {Three}, publisher = {P}, year = {2000}}
"""
PAGE = "# Page\n\n{cite:p}`lone1998,more2000,pair1999`\n\n```{bibliography}\n```\n"


def test_the_list_names_authors_and_year_as_the_text_does(build):
    extensions = ["sphinxcontrib.bibtex", "book._ext.citations"]
    files = {"index.md": PAGE, "library.bib": LIBRARY}
    style = {"bibtex_reference_style": "author_year", "bibtex_default_style": "author_year"}
    site = build(files, extensions, bibtex_bibfiles=["library.bib"], **style)
    page = BeautifulSoup((site / "_build/html/index.html").read_text(encoding="utf-8"), "html.parser")
    labels = [label.get_text().strip("[]") for label in page.select(".citation .label")]
    assert labels == ["Ab et al., 2000", "Lone, 1998", "van Hateren and Jégou, 1999"]
    cited = page.select_one("p").get_text()
    assert all(label in cited for label in labels), cited


def test_no_two_entries_have_the_same_name():
    labels = list(citations.AuthorYearLabels().format_labels(ENTRIES.values()))
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("key", ENTRIES)
def test_a_key_is_the_first_author_the_year_and_a_word_of_the_title(key):
    entry = ENTRIES[key]
    author, year, word = re.fullmatch(r"([a-z]+)(\d{4})([a-z]+)", key).groups()
    surname = re.sub(r"[^a-z]", "", citations.surname(entry.persons["author"][0]).lower())
    assert surname.endswith(author) and entry.fields["year"] == year
    assert word in re.sub(r"[^a-z]", "", entry.fields["title"].lower())


def authors(key):
    """Return the authors of an entry as they are written."""
    text = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    return re.search(rf"\{{{key},.*?author\s*=\s*\{{(.*?)\}},\n", text, re.DOTALL)[1]


@pytest.mark.parametrize("key", ENTRIES)
def test_an_entry_has_what_a_reader_needs_to_find_it(key):
    entry = ENTRIES[key]
    assert all("," in name for name in re.split(r"\s+and\s+", authors(key))), "Surname, Given name"
    assert set(entry.fields) & {"doi", "eprint", "url", "isbn", "pages", "booktitle", "publisher"}
    if number := entry.fields.get("eprint"):
        assert re.fullmatch(r"\d{4}\.\d{4,5}", number) and entry.fields["archiveprefix"] == "arXiv"
        submitted = 2000 + int(number[:2])
        assert submitted <= int(entry.fields["year"]) + (number in LATE_ON_ARXIV), "published before it was written?"
