"""How numbers are written in reports."""

from convgrader.wording import counted, number, outcomes, page, percent


def test_what_is_missing_is_a_dash_and_one_is_no_plural():
    assert (number(None), percent(None), number(2), percent(1 / 3)) == ("-", "-", "2.00", "33 %")
    assert (counted(1, "point"), counted(0, "point"), counted(5000, "student")) == (
        "1 point", "0 points", "5,000 students",
    )  # fmt: skip


def test_a_section_is_a_page_of_the_site_and_none_is_nothing():
    assert page("pooling#pooling-max", "https://example.org/") == "https://example.org/book/pooling.html#pooling-max"
    assert page("", "https://example.org/") == ""


def test_the_outcomes_of_a_table_are_counted_in_words():
    assert outcomes("rwwb-") == "Of 5 cases: 1 right, 2 wrong, 1 blank, 1 not tried." and outcomes("") == ""
