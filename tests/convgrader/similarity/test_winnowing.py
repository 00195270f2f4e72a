"""Passages that two rows share leave the same fingerprints, wherever they stand."""

import random

from convgrader.similarity.tokens import Token
from convgrader.similarity.winnowing import fingerprints


def row(words):
    return [Token(word, line) for line, word in enumerate(words, 1)]


def numbers(words, passage=5, window=3):
    return {each.number for each in fingerprints(row(words), passage, window)}


def test_a_passage_of_window_and_passage_less_one_is_always_found():
    rng = random.Random(3)
    for _ in range(50):
        shared = [str(rng.random()) for _ in range(5 + 3 - 1)]
        one, other = ([str(rng.random()) for _ in range(rng.randrange(9))] for _ in range(2))
        assert numbers([*one, *shared, *other]) & numbers([*other, *shared, *one])


def test_what_is_shorter_than_a_passage_leaves_nothing():
    assert numbers("abcd") == set() and len(numbers("abcde")) == 1


def test_fewer_are_kept_than_there_are_passages():
    words = [str(number) for number in range(200)]
    assert 60 < len(numbers(words)) < 140


def test_a_fingerprint_knows_its_lines():
    assert fingerprints(row("abcde"), 5, 3)[0].lines == (1, 2, 3, 4, 5)


def test_numbers_are_the_same_in_every_process():
    assert numbers("abcde") == {4660542934402231897}
