"""Who is in the sample class: enough of every kind, drawn by a seed, with scores that spread."""

import re

import pytest

from convcourse import student_ids
from tools import sample_students
from tools.sample_students import DUE, SIZE, STEMS, STORIES, students, works


def kinds(stem):
    return [work.kind for work in works(stem)[len(STORIES) :]]


def test_the_class_has_its_size_and_all_names_are_different():
    class_ = students()
    assert len(class_) == SIZE == 120 and len(set(class_.values())) == SIZE
    assert all(re.fullmatch(student_ids.PATTERN, name) for name in class_)


def test_everybody_hands_in_the_first_assignment_and_all_but_one_the_second():
    assert [work.name for work in works("shapes")] == list(students())
    assert set(students()) - {work.name for work in works("pooling")} == {"anouk"}


def test_two_classes_of_a_seed_are_the_same_and_of_another_are_not():
    assert [w.edits for w in works("pooling")] == [w.edits for w in works("pooling")]
    assert [w.edits for w in works("pooling")] != [w.edits for w in works("pooling", seed=1)]


def test_all_that_happens_in_a_class_is_there():
    found = kinds("pooling")
    counts = {"copied": 6, "handed in twice": 2, "fell behind": 7, "stopped somewhere": 5, "one cell is not Python": 3}
    assert {kind: found.count(kind) for kind in counts} == counts
    assert found.count("right") > 10 and found.count("with slips") > 40


def test_every_habit_is_among_the_first_twelve():
    assert set(kinds("pooling")) == {work.kind for work in works("pooling", len(STORIES) + 12)[len(STORIES) :]}


def test_some_are_late_by_minutes_hours_and_days():
    late = sorted(
        (w.moment - DUE["pooling"]).total_seconds() / 3600 for w in works("pooling") if w.moment > DUE["pooling"]
    )
    assert sum(hours < 0.5 for hours in late) >= 3
    assert sum(1 < hours < 12 for hours in late) >= 3 and sum(hours > 24 for hours in late) >= 3
    assert len(late) < SIZE / 8


def test_a_copy_is_of_somebody_who_handed_in_and_has_the_same_mistakes():
    everybody = {work.name: work for work in works("pooling")}
    copies = [work for work in everybody.values() if work.kind == "copied"]
    for copy in copies:
        original = everybody[copy.story.rpartition(" ")[2]]
        assert copy.edits == original.edits and copy.left_out == original.left_out and copy.hand != original.hand
        assert copy.moment > original.moment


@pytest.mark.parametrize("stem", STEMS)
def test_there_are_at_least_twenty_five_slips_in_the_class(stem):
    made = {edit for work in works(stem) for edit in work.edits}
    assert len(made) >= 25


def test_those_who_fall_behind_do_worse_than_before():
    for number in sample_students.BEHIND:
        before, after = (sample_students.drawn(stem, number) for stem in STEMS)
        assert len(after.edits) + len(after.left_out) > len(before.edits) + len(before.left_out)
