"""Pairs and groups: rarity counts, what was handed out does not, and what is short is not judged."""

import math

import pytest

from convgrader.similarity.likeness import SHORT, Prints, common_from, compare

NOTHING = Prints(frozenset(), frozenset())


def tree(*numbers):
    return Prints(frozenset(numbers), frozenset())


def answer(start, count=20):
    return tree(*range(start, start + count))


def names(found):
    return [pair.names for pair in found.pairs]


def test_a_copy_is_a_pair_and_others_are_none():
    found = compare({"ada": answer(0), "bob": answer(100), "eve": answer(0)}, NOTHING)
    assert names(found) == [("ada", "eve")] and found.pairs[0].likeness == 1.0
    assert found.groups == (("ada", "eve"),) and found.compared == 3


def test_likeness_is_the_share_of_weight_that_both_have():
    """In a class of two all that is shared weighs 1, as all does that is not: half is half."""
    (pair,) = compare({"ada": answer(0), "bob": answer(10)}, NOTHING, threshold=0.1).pairs
    assert pair.likeness == pytest.approx(0.5)


def test_what_was_handed_out_is_nobodys_own():
    given = answer(0, 15)
    found = compare({"ada": answer(0, 30), "bob": tree(*range(15), *range(50, 65))}, given, threshold=0.01)
    assert names(found) == []


def test_what_everybody_wrote_weighs_less_than_what_two_wrote():
    common, rare = range(20), range(100, 120)
    group = {f"s{n:02}": tree(*common, *range(1000 * n, 1000 * n + 20)) for n in range(1, 40)}
    group |= {"ada": tree(*common, *rare), "bob": tree(*common, *rare, *range(200, 210))}
    found = compare(group, NOTHING, threshold=0.5)
    assert names(found) == [("ada", "bob")]


def test_short_answers_are_said_to_be_short():
    group = {"ada": answer(0, SHORT - 1), "bob": answer(0, SHORT - 1), "eve": answer(0, SHORT)}
    found = compare(group, NOTHING)
    assert found.short == ("ada", "bob") and found.pairs == () and found.compared == 1


@pytest.mark.parametrize("class_size", [0, 1])
def test_where_there_are_no_two_there_is_no_pair(class_size):
    assert compare({"ada": answer(0)} if class_size else {}, NOTHING).pairs == ()


def test_an_answer_that_a_tenth_wrote_is_common_and_its_pairs_are_not_listed():
    group = {f"s{n:03}": answer(0) for n in range(12)} | {f"t{n:03}": answer(100 * (n + 1)) for n in range(88)}
    found = compare(group, NOTHING)
    assert common_from(100) == 10
    assert found.common == (tuple(f"s{n:03}" for n in range(12)),) and found.pairs == () and found.groups == ()


def test_in_a_small_class_a_copy_is_no_common_answer():
    assert common_from(2) == common_from(30) == 4 and common_from(5000) == 30
    found = compare({"ada": answer(0), "bob": answer(0), "cem": answer(0)}, NOTHING)
    assert len(found.pairs) == 3 and found.groups == (("ada", "bob", "cem"),)


def test_the_rarer_a_likeness_the_more_bits_it_has():
    group = {name: answer(0) for name in ("ada", "bob")} | {name: answer(50) for name in ("cem", "dan", "eve")}
    bits = {pair.names: pair.bits for pair in compare(group, NOTHING).pairs}
    assert bits["ada", "bob"] == pytest.approx(math.log2(5 / 2))
    assert bits["cem", "dan"] == pytest.approx(math.log2(5 / 3))


def test_answers_beside_the_class_are_compared_with_it_alone():
    group = {"old/1": answer(0), "old/2": answer(0), "ada": answer(0)}
    assert names(compare(group, NOTHING, beside=("old/1", "old/2"))) == [("ada", "old/1"), ("ada", "old/2")]


def test_of_a_group_that_works_together_nothing_is_said():
    assert names(compare({"ada": answer(0), "bob": answer(0)}, NOTHING, together={("ada", "bob")})) == []


def test_what_has_no_tree_is_compared_by_its_text_with_all():
    text = frozenset(range(20))
    group = {"ada": Prints(None, text), "bob": Prints(frozenset(range(50, 70)), text), "eve": answer(900)}
    assert names(compare(group, NOTHING)) == [("ada", "bob")]
    assert compare({**group, "ada": Prints(frozenset(range(80, 99)), text)}, NOTHING).pairs == ()


def test_a_class_larger_than_a_block_is_compared_whole(monkeypatch):
    monkeypatch.setattr("convgrader.similarity.likeness.BLOCK", 3)
    group = {f"s{n}": answer(100 * (n % 5)) for n in range(10)}
    assert len(compare(group, NOTHING).pairs) == 5
