"""The file of rules is read as it is meant; what is wrong in it is a sentence with the file, the key, a way out."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from convcourse.errors import UsageError
from convgrader.rules import reader
from convgrader.rules.model import Amount, LateRule

KNOWN = ("convolution", "shapes", "layer", "pooling", "gradients", "motivation", "training")


def read(tmp_path, text, known=KNOWN):
    path = tmp_path / "course" / "course.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return reader.read(path, known)


FULL = """\
zone = "Europe/Berlin"
topics = ["layer", "pooling"]
[late]
penalty = "10 %"
floor = 3
grace = "15 minutes"
closes_after = "1 week"
late_days = 4
late_days_each = 2
[assignments.pooling]
due = 2027-01-31T16:00:00
weight = 20
extra_credit = ["max_pool2d"]
left_out = ["lp_pool2d"]
late = {penalty = 0.5, per = "hour"}
groups.green = ["ada", "grace"]
[assignments.layer]
due = "2027-07-01 16:00"
extra_credit = true
[total]
drop_lowest = 1
[extensions.ada]
pooling = "2 days"
layer = 2027-07-02T16:00:00Z
"*" = "1 day"
[groups]
red = ["ada", "bob"]
"""


def test_all_that_can_stand_in_it_is_read(tmp_path):
    rules = read(tmp_path, FULL)
    assert (rules.topics, rules.late_days, rules.drop_lowest) == (("layer", "pooling"), 4, 1)
    pooling, layer = rules.rules_of("pooling"), rules.rules_of("layer")
    assert rules.due("pooling") == datetime(2027, 1, 31, 15, tzinfo=UTC), "winter: an hour before UTC"
    assert rules.due("layer") == datetime(2027, 7, 1, 14, tzinfo=UTC), "summer: two"
    week = timedelta(weeks=1)
    assert layer.late == LateRule(
        Amount(10, True), floor=Amount(3), grace=timedelta(minutes=15), closes_after=week, late_days=2
    )
    assert pooling.late == LateRule(
        Amount(0.5), "hour", floor=Amount(3), grace=timedelta(minutes=15), closes_after=week, late_days=2
    )
    assert (pooling.weight, pooling.extra_tasks, pooling.left_out) == (20, ("max_pool2d",), ("lp_pool2d",))
    assert (layer.extra_credit, pooling.extra_credit, layer.weight) == (True, False, None)
    assert rules.due("layer", "ada") == datetime(2027, 7, 2, 16, tzinfo=UTC)
    assert rules.members("pooling", "ada") == ("ada", "grace") and rules.members("layer", "bob") == ("ada", "bob")
    assert rules.members("pooling", "bob") == ()


def test_the_template_can_be_read_as_it_is_and_with_every_line_of_it(tmp_path):
    text = reader.template()
    assert list(read(tmp_path, text).assignments) == list(KNOWN)
    lines = [line for line in text.splitlines() if not line.startswith(("# topics =", "# extra_credit = ["))]
    used = [re.sub(r"^# (?=[\[\w\"*.]+( =|\]))", "", line) for line in lines]
    rules = read(tmp_path, "\n".join(used))
    assert rules.path == "7-weeks" and rules.late_days == 4 and rules.drop_lowest == 1
    assert rules.rules_of("pooling").late.penalty == Amount(0) and rules.rules_of("layer").late.late_days == 2


def test_a_path_that_comes_ready_names_its_topics_and_the_order_of_the_course(tmp_path):
    rules = read(tmp_path, 'path = "4-weeks"')
    assert rules.topics == tuple(rules.assignments) == ("convolution", "shapes", "layer", "pooling")


def test_without_a_rule_for_late_work_nbgraders_plugin_has_the_word(tmp_path):
    rules = read(tmp_path, "[assignments.layer]\nlate.penalty = 1\n")
    assert rules.rules_of("pooling").late is None and rules.rules_of("layer").late == LateRule(Amount(1))


def test_an_extension_of_days_ends_at_the_same_time_of_day_after_the_clocks_change(tmp_path):
    text = 'zone = "Europe/Berlin"\nassignments.layer.due = 2027-03-27T16:00:00\nextensions.ada.layer = "2 days"'
    assert read(tmp_path, text).due("layer", "ada") == datetime(2027, 3, 29, 14, tzinfo=UTC)


DUE = "assignments.layer.due = 2027-01-31T16:00:00Z\n"
BAD = {
    "": "says nothing: remove it, or see what can stand in it: autograder rules --template",
    "# nothing": "says nothing",
    "x = ": "cannot be read as TOML: Invalid value (at end of document)",
    b"\xff\xfe": "is not a text in UTF-8",
    "zon = 1": "zon is unknown. Did you mean zone?",
    "[lade]": "lade is unknown. Did you mean late?",
    'zone = "Europe/Brelin"': 'zone is "Europe/Brelin"; it has to be a zone of time such as "Europe/Berlin"',
    'zone = "../etc/passwd"': "has to be a zone of time",
    'path = "5-weeks"': 'path is "5-weeks"; it has to be one of "4-weeks", "7-weeks", "14-weeks"',
    'path = "14-weeks"': "path names priors, which is no topic. There are: convolution,",
    'topics = ["poolign"]': "topics names poolign, which is no topic. Did you mean pooling?",
    'topics = ["layer", "layer"]': "topics names layer twice",
    "topics = []": "topics is an empty list",
    'topics = "layer"': 'topics is "layer"; it has to be a list of topics',
    'path = "4-weeks"\ntopics = ["layer"]': "topics stands beside path",
    "late = 3": "late is 3; it has to be a table",
    '[late]\npenalty = "ten"': 'late.penalty is "ten"; it has to be points or percent, such as 2 or "10 %"',
    "[late]\npenalty = -1": "late.penalty is -1; it has to be points",
    "[late]\npenalty = nan": "late.penalty is nan; it has to be points",
    '[late]\npenalty = "110 %"': "late.penalty is 110 %; it has to be 100 % at most",
    '[late]\nper = "week"': 'late.per is "week"; it has to be "day" or "hour"',
    '[late]\ngrace = "a while"': 'late.grace is "a while"; it has to be a length of time such as "15 minutes"',
    '[late]\ngrace = "2 days"\ncloses_after = "1 day"': "late.closes_after is shorter than the grace period",
    "[late]\nlate_days = 1.5": "late.late_days is 1.5; it has to be a number of days",
    "[late]\nlate_days = true": "late.late_days is true; it has to be a number of days",
    "[assignments.layer]\nlate = {late_days = 2}": "late.late_days is unknown. Did you mean late_days_each?",
    "[assignments.layr]": "assignments.layr names layr, which is no assignment. Did you mean layer?",
    'topics = ["layer"]\n[assignments.pooling]': "pooling, which is no assignment of this course. There are: layer.",
    "[assignments.layer]\ndue = 2027-01-31": "layer.due is 2027-01-31; it has to be a day and a time such as",
    "[assignments.layer]\ndue = 3027-01-31T16:00:00Z": "layer.due is 3027-01-31 16:00:00+00:00; it has to be",
    '[assignments.layer]\ndue = "soon"': 'layer.due is "soon"; it has to be',
    "[assignments.layer]\ndue = 2027-01-31T16:00:00": "nobody knows in which zone of time: write 2027-01-31T16:00:00+",
    "[assignments.layer]\nweight = 0": "layer.weight is 0; it has to be a number above 0",
    '[assignments.layer]\nextra_credit = "yes"': "has to be true, false, or a list of tasks",
    '[assignments.layer]\nleft_out = ["a", "b", "a"]': "assignments.layer.left_out names a twice",
    '[assignments.layer]\nleft_out = ["a"]\nextra_credit = ["a"]': "left_out names a, and so does extra_credit",
    "[total]\ndrop_lowest = 7": "total.drop_lowest is 7, and the course has 7 assignments",
    DUE + '[extensions.ada]\nlayr = "2 days"': "extensions.ada names layr, which is no assignment of this course. Did",
    DUE + "[extensions.ada]\nlayer = 2": "extensions.ada.layer is 2; it has to be a length of time such as",
    DUE + '[extensions.ada]\npooling = "2 days"': "pooling is an extension of an assignment without a due date",
    DUE + "[extensions.ada]\nlayer = 2027-01-30T16:00:00Z": "2027-01-31 16:00:00+00:00: that is no ext",
    DUE + "[extensions.ada]\nlayer = 2027-02-03T16:00:00": "nobody knows in which zone of time",
    '[groups]\nred = ["ada"]': "groups.red has fewer than two members",
    '[groups]\nred = ["ada", "ada"]': "groups.red names ada twice",
    '[groups]\nred = ["ada", "bob"]\nblue = ["eve", "bob"]': "groups.blue and groups.red overlap: bob is in both",
}


@pytest.mark.parametrize("text", BAD, ids=lambda text: repr(text)[-60:])
def test_what_is_wrong_is_a_sentence(tmp_path, text):
    with pytest.raises(UsageError) as error:
        read(tmp_path, text)
    message = str(error.value)
    assert message.startswith("course/course.toml") and BAD[text] in message and "\n" not in message


def test_a_file_that_cannot_be_read_or_is_far_too_large_is_a_sentence(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read .*: Is a directory"):
        reader.read(tmp_path, KNOWN)
    with pytest.raises(UsageError, match="larger than 1 MB"):
        read(tmp_path, b"#" * (2 << 20))
    with pytest.raises(UsageError, match="cannot be read as TOML: it is nested too deep"):
        read(tmp_path, "x = " + "[" * 100_000)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    assert read(tmp_path, "\ufeffzone = 'UTC'").topics == ()


def test_the_example_of_the_manual_can_be_read(tmp_path):
    manual = (Path(__file__).parents[3] / "book" / "instructors.md").read_text()
    (example,) = re.findall(r":caption: course/course\.toml\n(.*?)```", manual, re.DOTALL)
    rules = read(tmp_path, example)
    assert rules.late_days == 4 and rules.members("layer", "bob") == ("bob", "grace")
