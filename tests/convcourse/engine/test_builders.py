"""The parts that all topics build their checks of: keyed arrays, wrong answers, a claim's standard mistakes."""

import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from convcourse import checks
from convcourse.calls.call import arrays_in
from convcourse.engine.builders import Arrays, altered, claim_mistakes, handed, pair, swapped
from convcourse.engine.check import Check

FOLDER = Path(checks.__path__[0])
SECTION = re.compile(r"^_x = Arrays\(.*\)\n", re.MULTILINE)
DRAWING = [path.stem for path in sorted(FOLDER.glob("*.py")) if SECTION.search(path.read_text(encoding="utf-8"))]


def arrays_of(source, name):
    """Return {check: the bytes of all arrays of its table} of a topic's module, given its source."""
    module = ModuleType(f"convcourse.checks.{name}")
    exec(compile(source, name, "exec"), vars(module))
    found = {check.name: check for check in module.CHECKS if isinstance(check, Check)}
    return {
        name: [array.tobytes() for case in check.cases for array in arrays_in([case.args, case.kwargs])]
        for name, check in found.items()
    }


def test_nearly_all_topics_draw_arrays():
    assert len(DRAWING) == 12


@pytest.mark.parametrize("topic", DRAWING)
def test_one_more_array_changes_no_other(topic):
    """In the first section and in the last: an array of a shape that nobody draws."""
    source = (FOLDER / f"{topic}.py").read_text(encoding="utf-8")
    sections = [match.end() for match in SECTION.finditer(source)]
    before = arrays_of(source, topic)
    for place in (sections[0], sections[-1]):
        assert arrays_of(source[:place] + "_x(97)\n" + source[place:], topic) == before


@pytest.mark.parametrize("topic", ["pooling", "layer", "convolution"])
def test_one_more_array_of_a_shape_that_is_drawn_stays_in_its_check(topic):
    source = (FOLDER / f"{topic}.py").read_text(encoding="utf-8")
    name = {"pooling": "avg_pool2d", "layer": "unfold", "convolution": "circular_convolve1d"}[topic]
    place = source.index(f'_x = Arrays("{topic}", "{name}")\n')
    place = source.index("\n", place) + 1
    shape = re.search(r"_x\(([\d, ]+)\)", source[place:])[1]
    before, after = arrays_of(source, topic), arrays_of(f"{source[:place]}_x({shape})\n{source[place:]}", topic)
    assert [check for check in before if before[check] != after[check]] == [name]


def test_the_key_is_the_check_the_shape_and_the_number():
    x, again, other = Arrays("pooling", "a"), Arrays("pooling", "a"), Arrays("pooling", "b")
    first, second = x(3, 2), x(3, 2)
    again(5)
    np.testing.assert_array_equal(again(3, 2), first)
    assert not np.array_equal(first, second) and not np.array_equal(other(3, 2), first)
    np.testing.assert_array_equal(Arrays("pooling", "a")(3, 2, dtype=np.float32), first.astype(np.float32))


def test_other_draws_have_a_key_too():
    one, two = Arrays("a").generator("labels", 4), Arrays("a").generator("labels", 4)
    assert one.integers(100, size=9).tolist() == two.integers(100, size=9).tolist()
    assert Arrays("a").generator("order").random() != Arrays("a").generator("labels").random()


def test_an_altered_answer_gets_every_argument_and_does_right_afterwards():
    seen = []
    wrong = altered(
        lambda x, stride: x * stride,
        "x, stride=2",
        lambda arguments: seen.append(arguments) or arguments | {"stride": 5},
    )
    assert wrong(3) == wrong(x=3, stride=7) == 15
    assert seen == [{"x": 3, "stride": 2}, {"x": 3, "stride": 7}]
    with pytest.raises(TypeError):
        wrong()


HANDED_ON = {None: (1, 2, 3), 1: (1, {"stride": 2, "padding": 3}), 0: ({"x": 1, "stride": 2, "padding": 3},)}


@pytest.mark.parametrize(("positional", "handed_on"), HANDED_ON.items())
def test_arguments_are_handed_on(positional, handed_on):
    assert handed("x, stride=2, padding=0", lambda *arguments: arguments, positional)(1, padding=3) == handed_on


@pytest.mark.parametrize("holds", [True, False])
def test_a_claim_can_be_misjudged_and_judged_without_evidence(holds):
    misjudged, alone = claim_mistakes(holds, "You misjudged it.", lambda x: x + 1, "Give evidence.")
    assert misjudged.name == ("disbelieves it" if holds else "believes it")
    assert misjudged.function(1) == (not holds, 2) and misjudged.message == "You misjudged it."
    assert alone.function(1) is holds and alone.message == "Give evidence."
    assert misjudged.share == alone.share == 0


def test_pairs():
    assert pair(3) == (3, 3) and pair((1, 2)) == pair([1, 2]) == (1, 2)
    assert swapped((1, 2)) == (2, 1) and swapped(4) == 4
