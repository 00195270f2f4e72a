"""What holds for an assignment and a student: due dates with extensions, groups, the order of a course."""

from datetime import UTC, datetime, timedelta

from convgrader.rules.model import AssignmentRules, CourseRules

DUE = datetime(2027, 1, 31, 16, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = CourseRules(
    "course.toml",
    assignments={
        "pooling": AssignmentRules("pooling", DUE + 7 * DAY),
        "layer": AssignmentRules("layer", DUE, groups={"red": ("ada", "bob")}),
        "training": AssignmentRules("training"),
        "attention": AssignmentRules("attention", DUE),
    },
    extensions={"ada": {"layer": 2 * DAY, "*": DAY}, "bob": {"layer": DUE + 3 * DAY}},
)


def test_an_extension_for_an_assignment_goes_before_the_one_for_all():
    assert RULES.due("layer", "ada") == DUE + 2 * DAY and RULES.due("pooling", "ada") == DUE + 8 * DAY
    assert RULES.due("layer", "bob") == DUE + 3 * DAY and RULES.due("pooling", "bob") == DUE + 7 * DAY
    assert RULES.due("layer", "eve") == RULES.due("layer") == DUE


def test_what_has_no_due_date_has_none_with_an_extension_either():
    assert RULES.due("training", "ada") is None and RULES.last_due("training") is None
    assert RULES.due("unknown") is None


def test_the_last_one_has_time_until_the_longest_extension_ends():
    assert RULES.last_due("layer") == DUE + 3 * DAY and RULES.last_due("pooling") == DUE + 8 * DAY


def test_late_days_go_by_due_dates_and_among_equal_ones_by_name():
    assert RULES.in_order() == ["attention", "layer", "pooling"]


def test_a_group_is_found_by_each_member():
    assert RULES.members("layer", "bob") == ("ada", "bob") and RULES.group_name("layer", "ada") == "red"
    assert RULES.members("layer", "eve") == () and RULES.group_name("pooling", "ada") == ""
