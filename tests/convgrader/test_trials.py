"""The claims on trial that a report recommends stand in the book, under the anchors that the site gives them."""

import re

import pytest

from convcourse import checks
from convgrader import trials
from tests.book import test_coverage

CLAIMS = [(label, claim) for label, claim in trials._CLAIMS.items() if claim]
SECTIONS = {check.section for topic in checks.topics() for check in checks.load(topic).values()}


@pytest.mark.parametrize("section", sorted(SECTIONS))
def test_the_claim_of_a_section_is_on_trial_in_its_chapter(section):
    assert section.split("#")[1] in trials._CLAIMS, "a section without a claim says so"
    trial = trials.fitting(section)
    if trial is not None:
        chapter, _ = test_coverage.trials()[trial.claim]
        assert section.startswith(f"{chapter}#") and trial.page.startswith(f"book/{chapter}.html#on-trial-")


@pytest.mark.parametrize(("words", "chapter", "claim"), trials._BY_WORDS)
def test_the_claim_of_a_sentence_is_on_trial_and_some_mistakes_say_it(words, chapter, claim):
    assert test_coverage.trials()[claim][0] == chapter
    every = [check for topic in checks.topics() for check in checks.load(topic).values()]
    said = [(one.section, each.message) for one in every for each in getattr(one, "mistakes", ()) if each.message]
    found = [pair for pair in said if re.search(words, pair[1])]
    assert found and all(trials.fitting(*pair).page == f"book/{chapter}.html#{trials.anchor(claim)}" for pair in found)


def test_the_table_speaks_of_no_other_sections():
    assert set(trials._CLAIMS) == {section.split("#")[1] for section in SECTIONS}


def test_most_sections_have_a_claim_and_no_two_claims_share_an_anchor():
    assert len(CLAIMS) > 0.75 * len(SECTIONS)
    claims = list(test_coverage.trials())
    assert len({trials.anchor(claim) for claim in claims}) == len(claims)
