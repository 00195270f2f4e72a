"""Who is in the class: the list that is given, that of the course, or the gradebook's."""

from datetime import UTC, datetime, timedelta

import pytest
from nbgrader.api import Gradebook

from convcourse.errors import UsageError
from convgrader.batch import CourseFolders
from convgrader.platforms.class_list import read_class


def read(course, path=None, assignment="pooling"):
    here = CourseFolders.here()
    return read_class(here.directory, here.config, assignment, path)


@pytest.fixture
def here(course, monkeypatch):
    monkeypatch.chdir(course.root)
    return course


def test_the_class_is_that_of_the_list_else_of_the_gradebook_else_nobodys(here):
    with pytest.raises(UsageError, match=r"nobody is known of the class: write its list to .*students.csv"):
        read(here)
    with Gradebook(here.url, "test") as gradebook:
        gradebook.add_student("ada", first_name="Ada", last_name="L", email="a@x.org")
        gradebook.update_or_create_assignment("pooling", duedate=datetime(2027, 2, 1, 12))  # noqa: DTZ001 (nbgrader's)
        gradebook.add_submission("pooling", "ada")
        gradebook.grant_extension("pooling", "ada", days=2)
    found = read(here)
    assert [(one.id, one.name, one.email) for one in found.roster.students] == [("ada", "Ada L", "a@x.org")]
    assert found.due_for("bob") == datetime(2027, 2, 1, 12, tzinfo=UTC)
    assert found.due_for("ada") == found.due_for("bob") + timedelta(days=2) and found.registered == {"ada"}
    (here.root / "students.csv").write_text("id\nbob\n")
    (here.root / "others.csv").write_text("id\ncy\n")
    assert [one.id for one in read(here).roster.students] == ["bob"]
    assert [one.id for one in read(here, "others.csv").roster.students] == ["cy"]


def test_an_assignment_or_a_gradebook_that_is_not_there_is_named(here):
    with pytest.raises(UsageError, match="no assignment poling; it has pooling"):
        read(here, assignment="poling")
    (here.root / "gradebook.db").unlink()
    with pytest.raises(UsageError, match="there is no gradebook"):
        read(here)


def test_due_dates_extensions_and_groups_are_those_of_the_rules_of_the_course(here):
    rules = here.root / "course.toml"
    with (here.root / "nbgrader_config.py").open("a") as config:
        config.write(f"c.CourseFile.path = {str(rules)!r}\n")
    rules.write_text(
        'zone = "Europe/Berlin"\n[assignments.pooling]\ndue = 2027-02-01T13:00:00\n'
        'groups.owls = ["ada", "bob"]\n[extensions]\nada = { pooling = "2 days" }\n'
    )
    (here.root / "students.csv").write_text("id\nada\nbob\n")
    found = read(here)
    assert found.due_for("bob") == datetime(2027, 2, 1, 12, tzinfo=UTC) and str(found.zone) == "Europe/Berlin"
    assert found.due_for("ada") == datetime(2027, 2, 3, 12, tzinfo=UTC)
    assert found.groups == dict.fromkeys(("ada", "bob"), ("ada", "bob"))
