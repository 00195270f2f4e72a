"""The courses that come ready-made: their topics, their hours, and the table of the site that is made of them."""

from pathlib import Path

import pytest

from convgrader.rules import reader
from tools import contents, paths

ROOT = Path(__file__).parents[2]


@pytest.fixture
def course(tmp_path):
    """A folder with a table of contents, the ready-made courses, and no choice of its own."""
    for name in ("_toc.yml", "book/index.md", paths.DATA):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "course").mkdir()
    return tmp_path


def choose(course, text):
    (course / paths.RULES).write_text(text)
    return paths.chosen(course)


def test_the_table_of_the_site_is_made_of_the_data():
    assert (ROOT / paths.PAGE).read_text(encoding="utf-8") == paths.table(ROOT), "python -m tools.paths writes it anew"
    for page in ("index", "instructors"):
        assert "```{include} _paths.md" in (ROOT / "book" / f"{page}.md").read_text(encoding="utf-8")


def test_each_course_has_as_many_topics_as_weeks_in_the_order_of_the_book():
    order = contents.stems(ROOT)
    for name, about in paths.read(ROOT).items():
        assert len(about["topics"]) == int(name.split("-")[0])
        assert (
            about["topics"] == [stem for stem in order if stem in about["topics"]] and about["needs"] and about["for"]
        )
    assert {name: list(topics) for name, topics in reader.paths().items()} == {
        name: about["topics"] for name, about in paths.read(ROOT).items()
    }


def test_hours_are_the_sum_of_those_of_the_chapters():
    """Convolution takes 1.5 and 3 hours, gradients 2 and 3 to 4."""
    assert paths.hours(ROOT, ["convolution", "gradients"]) == (3.5, 6, 7)
    with pytest.raises(LookupError, match="no hours for sound"):
        paths.hours(ROOT, ["sound"])


def test_the_file_of_rules_chooses_and_a_path_that_is_named_goes_before_it(course):
    assert paths.chosen(course) == contents.stems(ROOT)
    assert choose(course, 'path = "4-weeks"') == ["convolution", "shapes", "layer", "pooling"]
    assert choose(course, 'topics = ["pooling", "layer"]') == ["layer", "pooling"], "in the order of the course"
    assert choose(course, "[total]\ndrop_lowest = 1") == contents.stems(ROOT)
    assert len(paths.chosen(course, "7-weeks")) == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('path = "5-weeks"', "there is no course 5-weeks: there are 4-weeks, 7-weeks, 14-weeks"),
        ('topics = ["poolign"]', "_toc.yml has no assignment poolign"),
        ('topics = "pooling"', "_toc.yml has no assignment pooling"),
        ("topics = []", "_toc.yml has no assignment at all of this course"),
        ("topics = ", "course/course.toml cannot be read: Invalid value"),
    ],
)
def test_what_cannot_be_chosen_is_a_sentence(course, text, message):
    with pytest.raises(paths.UnknownTopicsError) as error:
        choose(course, text)
    assert str(error.value).startswith(message)
