"""What every page of a report has: texts are texts, nothing is loaded, a name that is missing is a fault."""

import pytest
from jinja2 import UndefinedError

from convgrader import pages


def test_texts_are_escaped_and_move_or_hide_nothing():
    found = pages.environment().from_string("{{ name }}").render(name="<b>a\u202eb\x1b[1m")
    assert found.startswith("&lt;b&gt;a") and "\u202e" not in found and "\x1b" not in found


def test_a_value_that_nobody_gave_is_a_fault_of_ours():
    with pytest.raises(UndefinedError):
        pages.environment().from_string("{{ name }}").render()


@pytest.mark.parametrize("name", ["class", "student", "similar"])
def test_every_page_has_the_policy_of_all(name):
    source, *_ = pages.environment().loader.get_source(pages.environment(), f"{name}.html.j2")
    base, *_ = pages.environment().loader.get_source(pages.environment(), "report.html.j2")
    assert '{% extends "report.html.j2" %}' in source
    assert "default-src 'none'" in base and "<script" not in base + source
