"""The files about the project itself: they are complete, and they say what the code says."""

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
import yaml

import convcourse
from tools import dependencies

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


@pytest.mark.parametrize(("version", "text"), [(version, text) for version, _, text in sections()])
def test_a_section_of_the_changelog_has_the_usual_kinds_and_whole_sentences(version, text):
    kinds = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert set(kinds) <= KINDS and len(kinds) == len(set(kinds)) and (kinds or version == "Unreleased")
    entries = re.findall(r"^- (.*)$", text, re.MULTILINE)
    assert [entry for entry in entries if not re.fullmatch(r"[A-Z`].*\.", entry)] == []


def test_no_package_index_takes_the_solutions():
    project = tomllib.loads((ROOT / "solutions/pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "Private :: Do Not Upload" in project["classifiers"]


def loaded(name):
    """Return what a YAML file of the project holds."""
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_citation_has_the_version_the_title_and_the_licence_of_the_course():
    citation = loaded("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(citation), "what a reader of the format asks for"
    assert citation["title"] == loaded("_config.yml")["title"]
    (_, (version, day, _), *_) = sections()
    assert (citation["version"], citation["date-released"]) == (version, date.fromisoformat(day))
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert citation["license"] == "MIT" and "MIT License" in licence
    assert "CC BY 4.0" in citation["abstract"] and "(CC BY 4.0)" in licence
    (author,) = citation["authors"]
    assert set(author) == {"name"} and f"(c) 2026 {author['name']}" in licence, "an entity, as the licence has it"


FORMS = sorted(path.name for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
NEEDED = {  # the kind of a field of an issue form -> what GitHub asks for below `attributes`
    "markdown": {"value"},
    "input": {"label"},
    "textarea": {"label"},
    "dropdown": {"label", "options"},
}


@pytest.mark.parametrize("form", FORMS)
def test_an_issue_form_has_what_github_needs(form):
    """The rules are those of GitHub's syntax for issue forms."""
    content = loaded(f".github/ISSUE_TEMPLATE/{form}")
    assert content["name"] and content["description"] and set(content) <= {"name", "description", "title", "body"}
    fields = content["body"]
    for field in fields:
        assert NEEDED[field["type"]] <= {key for key, value in field["attributes"].items() if value}
        assert isinstance(field.get("validations", {}).get("required", False), bool)
    answered = [field for field in fields if field["type"] != "markdown"]
    ids = [field["id"] for field in answered]
    labels = [field["attributes"]["label"] for field in answered]
    assert answered and len(set(ids)) == len(ids) and len(set(labels)) == len(labels)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", name) for name in ids)
    for options in (field["attributes"]["options"] for field in fields if field["type"] == "dropdown"):
        assert len(set(options)) == len(options) and all(isinstance(option, str) for option in options)


def test_there_is_a_form_for_each_kind_of_report_and_none_for_what_leaves_the_sandbox():
    assert FORMS == ["bug.yml", "page.yml", "verdict.yml"]
    config = loaded(".github/ISSUE_TEMPLATE/config.yml")
    assert config["blank_issues_enabled"] is False
    (link,) = config["contact_links"]
    assert set(link) == {"name", "about", "url"} and link["url"].startswith("https://docs.github.com/")
    assert "SECURITY.md" in link["about"] and "sandbox" in link["name"]
    for form in ("bug.yml", "verdict.yml"):
        assert "(../security/policy)" in (ROOT / ".github/ISSUE_TEMPLATE" / form).read_text(encoding="utf-8")


def test_the_policy_for_security_names_sections_that_exist_and_nobody_by_mail():
    policy = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", (ROOT / "book/grading.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"Why students' code and checks are kept apart", "What is not defended"} <= set(headings)
    for heading in ("Why students' code and checks are kept apart", "What is not defended"):
        assert f"*{heading}*" in policy
    assert "@" not in policy and "Report a vulnerability" in policy


def test_newer_versions_are_looked_for_where_versions_are_pinned():
    dependabot = loaded(".github/dependabot.yml")
    assert dependabot["version"] == 2
    updates = {update["package-ecosystem"]: update for update in dependabot["updates"]}
    assert set(updates) == {"github-actions", "pip"}
    for update in updates.values():
        assert (ROOT / update["directory"].lstrip("/")).is_dir() and update["schedule"]["interval"] == "monthly"
    by_hand = {entry["dependency-name"] for entry in updates["pip"]["ignore"]}
    names = [pin.name for pin in dependencies.pins(ROOT)]
    assert {name for name in names if names.count(name) > 1} < by_hand <= set(names)


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda path: path.name)
def test_every_file_for_github_is_yaml_without_a_key_twice(path):
    class Strict(yaml.SafeLoader):
        """Refuses a key that stands twice, of which YAML keeps the last."""

        def construct_mapping(self, node, deep=False):
            keys = [key.value for key, _ in node.value]
            assert len(set(keys)) == len(keys), keys
            return super().construct_mapping(node, deep)

    assert yaml.load(path.read_text(encoding="utf-8"), Strict)


PINNED = re.compile(r"(?P<action>[\w-]+/[\w/-]+)@(?P<commit>[0-9a-f]{40}) # (?P<version>v\d+\.\d+\.\d+)")


def test_every_action_is_pinned_by_the_hash_of_a_commit_with_its_version_beside():
    """A tag can be moved to other code; the hash of a commit cannot."""
    used = {}
    for path in sorted((ROOT / ".github/workflows").glob("*.yml")):
        for text in re.findall(r"\buses: *(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            match = PINNED.fullmatch(text)
            assert match, f"{path.name}: {text} is pinned by no hash"
            used.setdefault(match["action"], set()).add((match["commit"], match["version"]))
    assert len(used) == 5 and all(len(pins) == 1 for pins in used.values()), "one version of each action"
