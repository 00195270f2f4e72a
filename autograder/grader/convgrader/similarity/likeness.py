"""Which answers of a class to one task are alike: an index of fingerprints, their rarity, pairs and groups.

A product of sparse matrices is the index: it compares answers only where they share a fingerprint, and is exact, which
hashing for nearest neighbours (datasketch) would not be; five thousand answers are few for it.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, diags_array

from convcourse.calls.values import Array

THRESHOLD = 0.5  # of likeness, from which on a pair is shown
SHORT = 10  # fingerprints of its own: of an answer with fewer nothing is said
SMALL_CLASS = 10  # answers that are thought to stand beside a class, so that two of two are not everybody
COMMON_SHARE, COMMON_LEAST, COMMON_MOST = 0.1, 4, 30  # when an answer is called common; see `Task.common`
BLOCK = 512  # answers that are compared with all others at a time


@dataclass(frozen=True)
class Prints:
    """The fingerprints of an answer: of its syntax tree, if it has one, and of its text."""

    tree: frozenset[int] | None
    text: frozenset[int]

    def without(self, given: "Prints") -> "Prints":
        """Return the fingerprints that were not handed out."""
        tree = None if self.tree is None else self.tree - (given.tree or frozenset())
        return Prints(tree, self.text - given.text)

    @property
    def size(self) -> int:
        """How much there is to compare."""
        return len(self.text if self.tree is None else self.tree)


@dataclass(frozen=True, order=True)
class Pair:
    """Two answers that are alike: `likeness` from 0 to 1, and in how many bits it is rare in the class."""

    likeness: float
    bits: float
    names: tuple[str, str]


@dataclass(frozen=True)
class TaskLikeness:
    """What is to be said of the answers to one task.

    Parameters
    ----------
    compared : int
        How many answers were compared.
    short : tuple of str
        Whose answer is too short to be judged.
    pairs : tuple of Pair
        The most alike first.
    groups : tuple of tuples of str
        Who are alike together, by pairs that each of them is in with another, the largest first.
    common : tuple of tuples of str
        Groups so large that their answer may be the natural one, or one that went round: their pairs are not listed.
    """

    compared: int
    short: tuple[str, ...]
    pairs: tuple[Pair, ...]
    groups: tuple[tuple[str, ...], ...]
    common: tuple[tuple[str, ...], ...]


def compare(
    answers: Mapping[str, Prints],
    given: Prints,
    threshold: float = THRESHOLD,
    beside: Collection[str] = (),
    together: Collection[tuple[str, str]] = (),
) -> TaskLikeness:
    """Compare the answers to one task.

    Parameters
    ----------
    answers : mapping
        Who wrote what.
    given : Prints
        What was handed out: nobody's own.
    threshold : float
    beside : collection of str
        Names of answers, of other terms for example, that are compared with the class and not with each other.
    together : collection of pairs of str
        Who worked together, in alphabetical order: nothing is said of them.
    """
    own = {name: prints.without(given) for name, prints in answers.items()}
    short = tuple(sorted(name for name, prints in own.items() if prints.size < SHORT))
    own = {name: prints for name, prints in sorted(own.items()) if prints.size >= SHORT}
    edges = {
        names: share
        for names, share in _edges(own, threshold).items()
        if not (names[0] in beside and names[1] in beside) and names not in together
    }
    alike = Counter(name for names in edges for name in names)
    most = common_from(len(own))
    rare = {names: share for names, share in edges.items() if max(alike[name] for name in names) < most}
    pairs = [
        Pair(share, math.log2(len(own) / (1 + max(alike[name] for name in names))), names)
        for names, share in rare.items()
    ]
    pairs.sort(key=lambda pair: (-pair.likeness, -pair.bits, pair.names))
    common = _groups(names for names in edges if names not in rare)
    return TaskLikeness(len(own), short, tuple(pairs), _groups(rare), common)


def common_from(count: int) -> int:
    """Return from how many answers that are alike on, of so many in all, they are called common."""
    return max(COMMON_LEAST, min(math.ceil(COMMON_SHARE * count), COMMON_MOST))


def _edges(own: Mapping[str, Prints], threshold: float) -> dict[tuple[str, str], float]:
    """Return {(name, name): likeness} of the pairs that reach the threshold: by texts where one has no tree."""
    names = list(own)
    with_tree = [name for name in names if own[name].tree is not None]
    edges = dict(_alike(with_tree, [own[name].tree or frozenset() for name in with_tree], threshold))
    if len(with_tree) < len(names):
        by_text = _alike(names, [own[name].text for name in names], threshold)
        edges |= {pair: share for pair, share in by_text if any(own[name].tree is None for name in pair)}
    return edges


def _alike(names: list[str], rows: list[frozenset[int]], threshold: float) -> Iterator[tuple[tuple[str, str], float]]:
    """Yield the pairs that are alike enough: the share of the weight of their fingerprints that both have."""
    if len(names) < 2:
        return
    has, weights = _matrix(rows)
    weighted = has @ diags_array(weights)
    sizes = np.asarray(weighted.sum(axis=1)).ravel()
    for start in range(0, len(names), BLOCK):
        shared = (weighted[start : start + BLOCK] @ has.T).toarray()
        larger = np.sqrt(np.multiply.outer(sizes[start : start + BLOCK], sizes))
        share = shared / np.maximum(larger, 1e-9)
        for one, other in np.argwhere(share >= threshold):
            if start + one < other:
                yield (names[start + one], names[other]), float(min(share[one, other], 1.0))


def _matrix(rows: list[frozenset[int]]) -> tuple[csr_matrix, Array]:
    """Return which answer has which fingerprint, and what each fingerprint weighs: the rarer, the more."""
    numbers, columns = np.unique(np.array([number for row in rows for number in row]), return_inverse=True)
    starts = np.cumsum([0, *map(len, rows)])
    has = csr_matrix((np.ones(len(columns)), columns, starts), shape=(len(rows), len(numbers)))
    count = np.asarray(has.sum(axis=0)).ravel()
    everybody = len(rows) + SMALL_CLASS
    return has, np.log(everybody / np.maximum(count, 2)) / np.log(everybody / 2)


def _groups(pairs: Collection[tuple[str, str]] | Iterator[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """Return who is connected by pairs, the largest group first."""
    group: dict[str, set[str]] = {}
    for one, other in pairs:
        joined = group.get(one, {one}) | group.get(other, {other})
        group.update(dict.fromkeys(joined, joined))
    found = {id(members): tuple(sorted(members)) for members in group.values()}
    return tuple(sorted(found.values(), key=lambda members: (-len(members), members)))
