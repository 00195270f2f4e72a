"""The files about the project itself: they are complete, and they say what the code says."""

import re
from datetime import date
from pathlib import Path

import pytest

import convcourse

ROOT = Path(__file__).parents[1]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
HEADING = re.compile(r"^## \[(?P<version>.+?)\](?: - (?P<day>\S+))?$", re.MULTILINE)
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def sections():
    """Return [(version, day or None, what stands below)] of the changelog."""
    parts = HEADING.split(CHANGELOG)[1:]
    return list(zip(parts[::3], parts[1::3], parts[2::3], strict=True))


def test_the_version_of_the_packages_has_a_section_in_the_changelog():
    first, newest, *_ = (version for version, _, _ in sections())
    assert (first, newest) == ("Unreleased", convcourse.__version__), "the newest version stands below Unreleased"


def test_versions_and_days_of_the_changelog_run_backwards():
    _, *released = sections()
    versions = [tuple(map(int, version.split("."))) for version, _, _ in released]
    days = [date.fromisoformat(day) for _, day, _ in released]
    assert versions == sorted(set(versions), reverse=True) and days == sorted(days, reverse=True)


@pytest.mark.parametrize("version, text", [(version, text) for version, _, text in sections()])
def test_a_section_of_the_changelog_has_the_usual_kinds_and_whole_sentences(version, text):
    kinds = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert set(kinds) <= KINDS and len(kinds) == len(set(kinds)) and (kinds or version == "Unreleased")
    entries = re.findall(r"^- (.*)$", text, re.MULTILINE)
    assert [entry for entry in entries if not re.fullmatch(r"[A-Z`].*\.", entry)] == []
