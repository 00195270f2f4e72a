"""What the figures show of recorded experiments is what was recorded."""

from sklearn.datasets import load_digits

from tools import figure_data


def test_the_module_is_what_the_records_give():
    assert figure_data.TARGET.read_text(encoding="utf-8") == figure_data.text(), "run `python -m tools.figure_data`"


def test_ink_is_kept_to_the_last_level():
    picture = load_digits().images[3]
    assert [figure_data.INK.index(letter) for letter in figure_data.ink(picture)] == picture.ravel().tolist()


def test_every_unit_is_excited_by_six_digits_and_more_by_the_picture_that_ascent_found():
    for network in figure_data.units().values():
        assert [len(layer) for layer in network] == [8] * 4
        for unit in (unit for layer in network for unit in layer):
            *digits, picture = unit["values"]
            assert digits == sorted(digits, reverse=True) and len(set(unit["digits"])) == 6
            assert picture >= digits[0] > 0
