"""Where the course's site is published: who says it, and whose word goes first."""

import pytest

from convcourse import site


@pytest.fixture
def kit(tmp_path, monkeypatch):
    """Let the package be that of a kit; returns a function that writes its address."""
    monkeypatch.delenv("COURSE_SITE", raising=False)
    monkeypatch.setattr(site.resources, "files", lambda package: tmp_path)
    return (tmp_path / site.FILE).write_text


def test_a_grader_goes_before_the_environment_and_that_before_the_kit(kit, monkeypatch):
    assert site.published() == ""
    kit("https://kit.example/course\n")
    assert site.published() == "https://kit.example/course/"
    monkeypatch.setenv("COURSE_SITE", "https://here.example/")
    assert site.published() == "https://here.example/"
    assert site.published("https://school.example") == "https://school.example/"


@pytest.mark.parametrize("address", ["", "\n", "javascript:alert(1)", "file:///etc", "school.example"])
def test_only_the_web_counts(kit, address):
    kit(address)
    assert site.published() == site.published(address) == ""


def test_a_clone_says_it_in_its_configuration(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_SITE", raising=False)
    assert site.configured(tmp_path) == "" and site.settings(tmp_path) == {}
    (tmp_path / "_config.yml").write_text("html: {baseurl: https://a.example/b}\n")
    assert site.configured(tmp_path) == "https://a.example/b"
    monkeypatch.setenv("COURSE_SITE", "https://here.example")
    assert site.configured(tmp_path) == "https://here.example"
