"""Fingerprints of a row of tokens, by winnowing: a passage that two rows share leaves the same fingerprint in both.

References
----------
S. Schleimer, D. Wilkerson and A. Aiken, Winnowing: local algorithms for document fingerprinting, SIGMOD 2003.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from convgrader.similarity.tokens import Token


class Fingerprint(NamedTuple):
    """A short passage of an answer, as a number, and the lines that it stands on."""

    number: int
    lines: tuple[int, ...]


def fingerprints(tokens: Sequence[Token], passage: int, window: int) -> list[Fingerprint]:
    """Return the fingerprints of a row of tokens, in order.

    Parameters
    ----------
    tokens : list of Token
    passage : int
        How many tokens have a number together: what is shorter is not noticed.
    window : int
        Of so many passages in a row the one with the smallest number is taken, so passages that are shared are found
        wherever they stand.

    Examples
    --------
    >>> row = [Token(word, 1) for word in "the quick brown fox jumps over the lazy dog".split()]
    >>> longer = [Token(word, 1) for word in "see how the quick brown fox jumps over a wall".split()]
    >>> len(set(fingerprints(row, 3, 2)) & set(fingerprints(longer, 3, 2))) > 0
    True
    """
    words = [token.word for token in tokens]
    numbers = [_number(words[start : start + passage]) for start in range(len(words) - passage + 1)]
    chosen: list[int] = []
    for start in range(max(len(numbers) - window + 1, min(len(numbers), 1))):
        seen = numbers[start : start + window]
        place = start + len(seen) - 1 - seen[::-1].index(min(seen))  # of equal ones the last
        if not chosen or chosen[-1] != place:
            chosen.append(place)
    return [
        Fingerprint(numbers[place], tuple(sorted({token.line for token in tokens[place : place + passage]})))
        for place in chosen
    ]


def _number(words: Sequence[str]) -> int:
    digest = hashlib.blake2b("\0".join(words).encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest) >> 1  # as a signed number of 64 bits
