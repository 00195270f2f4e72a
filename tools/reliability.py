"""Measure how far the checks can be trusted, on answers that are right, and on answers that are broken on purpose.

    python -m tools.reliability [STEM ...] [--mutants N] [--seeds N] [--page FILE]

Right answers must earn all points, and answers damaged in a way that every check must see must not. What the table of a
check accepts, no secret seed may reject. And what is wrong should be named: a known mistake beside a part that raises,
two at once, and single changes of right answers, which Cosmic Ray makes. The page of the site is written from a run
over all topics: `python -m tools.reliability --page book/_reliability.md`.
"""

import argparse
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcourse import checks
from convcourse.calls.call import Call, LocalFunction, Outcome, arrays_in, mapped
from convcourse.engine import expected, kinds
from convcourse.engine.check import Check
from convcourse.engine.context import RunContext
from convcourse.engine.display import call_of
from convcourse.engine.model import Case, Mistake
from convcourse.engine.trial import Trial
from tools import answers, extract

Damage = Callable[[Callable[..., Any]], Callable[..., Any]]  # makes of a right answer one that is damaged

SEEDS = 50
LIES = ("rejected", "accepted", "missed")  # how the names of the figures end that must be 0


# --- trying a function ---------------------------------------------------------------------------------------------


class CallBudgetError(Exception):
    """All calls of a broken answer together have used up their time."""


@dataclass
class TrialResult:
    """What came of a function: the share of the points that the table gives, what was said, what only draws found."""

    share: float
    diagnosis: str
    missed: list[str] = field(default_factory=list)


class Bounded(LocalFunction):
    """A function that is not called any more once all its calls together have taken too long."""

    def __init__(self, function: Callable[..., Any], seconds: float) -> None:
        super().__init__(function)
        self.stop = time.monotonic() + seconds

    def call_all(self, calls: Sequence[Call], limit: float) -> list[Outcome]:
        """Make the first call; CallBudgetError if its time is up."""
        if time.monotonic() > self.stop:
            raise CallBudgetError
        return super().call_all(calls, limit)


def tried(check: Check, function: Callable[..., Any], seeds: int = 0) -> TrialResult:
    """Try a function on the table and its variations, then on what `seeds` seeds draw for the parts that hold."""
    with np.errstate(all="ignore"):
        return _tried(check, LocalFunction(function), seeds)


def tried_within(check: Check, function: Callable[..., Any], seeds: int, seconds: float) -> TrialResult | None:
    """Try a function as above; None if it has not come to an end after `seconds` in all."""
    try:
        with np.errstate(all="ignore"):
            return _tried(check, Bounded(function, seconds), seeds)
    except CallBudgetError:
        return None


def _tried(check: Check, function: LocalFunction, seeds: int) -> TrialResult:
    trial = Trial(check, function, RunContext(seed=0, at_home=False))
    trial.try_table()
    trial.try_again()
    trial.try_kinds()
    broken = trial.broken()
    result = TrialResult(trial.share(broken), trial.diagnosis())
    for seed in range(seeds if not trial.given_up else 0):
        held = set(trial.failures)
        trial.try_drawn(seed)
        fresh = [trial.failures[part] for part in trial.failures if part not in held]
        result.missed += [f"seed {seed}: {_call(check, failure)}" for failure in fresh]
        if not trial.failures:
            trial.context = RunContext(seed=seed, at_home=False)
            result.missed += [f"seed {seed}: {message}" for message, _ in set(trial.broken()) - set(broken)]
    return result


def _call(check: Check, failure: Any) -> str:
    """Write the call that only a draw found, as it could stand in the table."""
    return f"{call_of(check.name, failure.case)}: {failure.problem}"


# --- answers that are broken on purpose ----------------------------------------------------------------------------


def cut(right: Callable[..., Any]) -> Callable[..., Any]:
    """Store results in arrays of the first array's dtype."""

    def damaged(*args: Any, **kwargs: Any) -> Any:
        result = right(*args, **kwargs)
        whole = [array.dtype for array in arrays_in([args, kwargs]) if array.dtype.kind in "iu"]
        return mapped(result, lambda a: a.astype(whole[0]) if whole and a.dtype.kind == "f" else a)

    return damaged


def wrapped(right: Callable[..., Any]) -> Callable[..., Any]:
    """Compute with bytes, where a photograph holds some."""

    def damaged(*args: Any, **kwargs: Any) -> Any:
        result = right(*args, **kwargs)
        is_photograph = any(array.dtype == np.uint8 for array in arrays_in([args, kwargs]))
        return mapped(result, lambda a: a % 256 - 1 if is_photograph else a)

    return damaged


def widened(right: Callable[..., Any]) -> Callable[..., Any]:
    """Give float64 for float32."""
    return lambda *args, **kwargs: mapped(right(*args, **kwargs), lambda a: a.astype(np.float64) if a.ndim else a)


def blunted(right: Callable[..., Any]) -> Callable[..., Any]:
    """Take for 0 what is below 1e-3 of what is usual."""

    def damaged(*args: Any, **kwargs: Any) -> Any:
        floats = [array for array in arrays_in([args, kwargs]) if array.dtype.kind == "f"]
        is_small = floats and np.abs(floats[0]).max(initial=0) < 0.02
        return mapped(right(*args, **kwargs), lambda a: np.zeros_like(a) if is_small and a.dtype.kind == "f" else a)

    return damaged


def remembering(right: Callable[..., Any]) -> Callable[..., Any]:
    """Give the first result again for arguments of the same shapes, types and options."""
    kept = {}

    def damaged(*args: Any, **kwargs: Any) -> Any:
        key = _outside((args, kwargs))
        if key not in kept:
            kept[key] = right(*args, **kwargs)
        return mapped(kept[key], np.copy)

    return damaged


def buffered(right: Callable[..., Any]) -> Callable[..., Any]:
    """Write every result into the array of the result before it."""
    kept: dict[Any, NDArray[Any]] = {}

    def damaged(*args: Any, **kwargs: Any) -> Any:
        def into(array: NDArray[Any]) -> NDArray[Any]:
            buffer = kept.setdefault((array.shape, array.dtype, len(order)), np.empty_like(array))
            order.append(buffer)
            buffer[...] = array
            return buffer

        order: list[NDArray[Any]] = []
        return mapped(right(*args, **kwargs), into)

    return damaged


def spoiling(right: Callable[..., Any]) -> Callable[..., Any]:
    """Change the inputs, after everything has been computed."""

    def damaged(*args: Any, **kwargs: Any) -> Any:
        result = mapped(right(*args, **kwargs), np.copy)
        for array in arrays_in([args, kwargs]):
            if array.flags.writeable and array.size:
                array.flat[0] = 0 if array.flat[0] else 1
        return result

    return damaged


# damage -> the kind of input that shows it, or None where the table's own cases do
DAMAGES: dict[Damage, kinds.Kind | None] = {
    cut: kinds.WHOLE, wrapped: kinds.BYTES, widened: kinds.SINGLE, blunted: kinds.SCALE, remembering: kinds.AGAIN,
    buffered: kinds.AGAIN, spoiling: None,
}  # fmt: skip


def _outside(value: Any) -> Any:
    """Return what can be seen of arguments without looking into arrays."""
    if isinstance(value, np.ndarray):
        return value.shape, str(value.dtype)
    if isinstance(value, list | tuple):
        return tuple(map(_outside, value))
    if isinstance(value, dict):
        return tuple((key, _outside(item)) for key, item in value.items())
    return repr(value)


def can_show(check: Check, damage: Damage, right: Callable[..., Any]) -> bool:
    """Say whether a damage can be seen at all: the check tries its kind of input, and the result has such arrays."""
    kind = DAMAGES[damage]
    tables = [(case, case) for case in check.cases] if kind is None else kinds.variations(check, kind)
    outcomes = [LocalFunction(right).call(case.args, case.kwargs, check.limit) for case, _ in tables]
    arrays_of_results = [arrays_in(outcome.value) for outcome in outcomes if outcome.ok]
    floats = [array for arrays in arrays_of_results for array in arrays if array.dtype.kind == "f" and array.ndim]
    if damage is remembering:  # two calls that look alike from outside, and are not
        alike = Counter(_outside((case.args, case.kwargs)) for case, _ in tables if kinds.is_plain(case))
        return any(arrays_of_results) and any(number > 2 for number in alike.values())
    if damage is buffered:
        return any(arrays_of_results)
    if damage is spoiling:
        return any(arrays_in([case.args, case.kwargs]) for case in check.cases)
    return bool(floats)


def two_at_once(check: Check, right: Callable[..., Any], one: Mistake, other: Mistake) -> Callable[..., Any]:
    """Make both of two known mistakes: the first where it shows, else the second."""

    def both(*args: Any, **kwargs: Any) -> Any:
        true = LocalFunction(right).call(args, kwargs, check.limit)
        first = LocalFunction(one.function).call(args, kwargs, check.limit)
        if expected.agree(first, true):
            return other.function(*args, **kwargs)
        return one.function(*args, **kwargs)

    return both


def beside_an_error(check: Check, mistake: Mistake, part: str) -> Callable[..., Any]:
    """Make a known mistake, and raise in the calls of one part of the points."""
    keys = {repr(_outside((case.args, case.kwargs))) for case in check.cases if case.part == part}

    def half(*args: Any, **kwargs: Any) -> Any:
        if repr(_outside((args, kwargs))) in keys:
            raise ValueError("this option is not written")
        return mistake.function(*args, **kwargs)

    return half


def mutants(root: Path, stem: str, task: str) -> Iterator[tuple[str, str, str]]:
    """Yield (style, what was changed, function): single changes of the right answers to a task, by Cosmic Ray."""
    from cosmic_ray import mutating, plugins

    for name in answers.styles(root, stem).get(task, ()):
        code = extract.standalone(answers.path_of(root, stem), name, task)
        for operator in sorted(set(plugins.operator_names()) - {"core/VariableReplacer", "core/VariableInserter"}):
            made = plugins.get_operator(operator)
            for number in range(1000):
                changed = mutating.mutate_code(code, made(), number)
                if changed is None:
                    break
                yield name, f"{operator.split('/')[1]} {number}", changed


# --- the figures ---------------------------------------------------------------------------------------------------


@dataclass
class Figures:
    """What was counted: {what: how often}, and the sentences about what is not as it should be."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def fault(self, kind: str, message: str) -> None:
        self.counts[kind] += 1
        self.faults.append(f"{kind}: {message}")

    def named(self, kind: str, diagnosis: str, true: Collection[str], about: str) -> None:
        """Count whether one of the true sentences is said, and whether any other is."""
        self.counts[f"{kind}: tried"] += 1
        others = diagnosis
        for message in true:
            others = others.replace(message, "")
        if others.strip():
            self.fault(f"{kind}: named wrongly", f"{about}: {diagnosis!r}")
        elif diagnosis:
            self.counts[f"{kind}: named"] += 1
        else:
            self.faults.append(f"{kind}: not named: {about}")


def examine(root: Path, stem: str, seeds: int = SEEDS, count: int = 40, only: Collection[str] | None = None) -> Figures:
    """Measure one topic; `count` mutants of every task are tried."""
    figures, right_answers = Figures(), answers.functions(root, stem)
    for name, check in checks.of_functions(stem).items():
        if only and name not in only:
            continue
        task, right = f"{stem}.{name}", right_answers[name]
        for style, function in right.items():
            _seeds(figures, check, function, f"{task}, {style}", seeds, "right")
        first = next(iter(right.values()))
        _damages(figures, check, right, task)
        _mistakes(figures, check, first, task, seeds)
        _mutants(figures, root, stem, check, seeds, count)
    return figures


def _seeds(
    figures: Figures, check: Check, function: Callable[..., Any], about: str, seeds: int, kind: str
) -> TrialResult:
    result = tried(check, function, seeds)
    _count(figures, result, about, kind)
    return result


def _count(figures: Figures, result: TrialResult, about: str, kind: str) -> None:
    figures.counts[f"{kind}: tried"] += 1
    if kind == "right" and result.share < 1:
        figures.fault("right: rejected", f"{about}: {result.share:.2f}")
    if result.missed:
        figures.fault(f"{kind}: a draw found what the table missed", f"{about}: {result.missed[0]}")


def _damages(figures: Figures, check: Check, right: dict[str, Callable[..., Any]], task: str) -> None:
    for damage in DAMAGES:
        for style, function in right.items():
            if not can_show(check, damage, function):
                continue
            figures.counts["damaged: tried"] += 1
            if tried(check, damage(function)).share == 1:
                figures.fault("damaged: accepted", f"{task}, {style}, {damage.__name__}")


def _mistakes(figures: Figures, check: Check, right: Callable[..., Any], task: str, seeds: int) -> None:
    """Try every known mistake beside a part that raises, and pairs of neighbours at once."""
    spoken = [each for each in check.mistakes if each.share < 1 and each.is_sentence]
    spoken = [each for each in spoken if tried(check, each.function).diagnosis == each.message]
    for each in check.mistakes:
        result = _seeds(figures, check, each.function, f"{task}, {each.name}", seeds, "mistakes")
        if result.share == 1:
            figures.fault("mistakes: accepted", f"{task}, {each.name}")
    for each in spoken:
        for part in list(check.parts) if len(check.parts) > 1 else []:
            function = beside_an_error(check, each, part)
            result = tried(check, function)
            if not _is_wrong_elsewhere(check, each, part):
                continue
            figures.named("beside an error", result.diagnosis, {each.message}, f"{task}, {each.name}, {part} raises")
    for one, other in zip(spoken, [*spoken[1:], *spoken[:1]], strict=True):
        if one.message == other.message:
            continue
        result = _seeds(
            figures, check, two_at_once(check, right, one, other), f"{task}, {one.name} and {other.name}", seeds, "two"
        )
        figures.named(
            "two at once", result.diagnosis, {one.message, other.message}, f"{task}, {one.name} and {other.name}"
        )


def _is_wrong_elsewhere(check: Check, mistake: Mistake, part: str) -> bool:
    """Say whether a mistake gives a wrong value outside of one part."""
    trial = Trial(check, LocalFunction(mistake.function), RunContext(seed=0, at_home=False))
    for case, theirs in zip(check.cases, expected.mistake_outcomes(check, mistake), strict=True):
        if case.part != part and theirs.ok and trial.judge(case, theirs).failure is not None:
            return True
    return False


def _mutants(figures: Figures, root: Path, stem: str, check: Check, seeds: int, count: int) -> None:
    made = list(mutants(root, stem, check.name))
    random.Random(f"{stem}.{check.name}").shuffle(made)
    for style, change, code in made[:count]:
        space: dict[str, Any] = {"np": np}
        try:
            exec(code, space)
        except Exception:
            continue
        about = f"{stem}.{check.name}, {style}, {change}"
        result = tried_within(check, space[check.name], seeds, seconds=20)
        if result is None:
            figures.counts["mutants: too slow to be tried"] += 1
            continue
        _count(figures, result, about, "mutants")
        if result.share < 1:
            figures.counts["mutants: caught"] += 1
            is_known, true = alike(check, space[check.name])
            if result.diagnosis or is_known:
                figures.named("known mutants", result.diagnosis, true, about)


def alike(check: Check, function: Callable[..., Any]) -> tuple[bool, set[str]]:
    """Compare a wrong function with the known mistakes, in unseen cases too.

    Returns
    -------
    tuple of (bool, set of str)
        Whether it does what one mistake does: all its wrong values are that mistake's, and it is wrong oftener than it
        is right where the mistake is not. And the sentences that are true of it: of mistakes that give half of its
        wrong values, or that give all of them by twos.
    """
    local = LocalFunction(function)
    trial = Trial(check, local, RunContext(seed=0, at_home=False))
    right: dict[Case, Outcome] = {}
    wrong: dict[Case, Outcome] = {}
    for case in [*check.cases, *(case for seed in range(900, 906) for case in expected.drawn(check, seed))]:
        ours = local.call(case.args, case.kwargs, check.limit)
        if ours.ok:
            is_right = trial.judge(case, ours).failure is None
            (right if is_right else wrong)[case] = ours
    gives: dict[str, tuple[set[Case], set[Case]]] = {mistake.message: (set(), set()) for mistake in check.mistakes}
    for mistake in check.mistakes:  # some share a sentence
        for cases, outcomes in zip(gives[mistake.message], (wrong, right)):
            cases |= _agreed(check, mistake, outcomes)
    is_known = any(len(ours) == len(wrong) > len(right) - len(theirs) for ours, theirs in gives.values())
    explained = {message: cases for message, (cases, _) in gives.items() if cases}
    pairs = [
        (a, b)
        for a, b in combinations(explained, 2)
        if explained[a] | explained[b] == set(wrong) not in (explained[a], explained[b])
    ]
    half = {message for message, cases in explained.items() if len(cases) >= len(wrong) / 2}
    return bool(wrong) and is_known, half.union(*pairs)


def _agreed(check: Check, mistake: Mistake, outcomes: dict[Case, Outcome]) -> set[Case]:
    """Return the cases in which a mistake gives the same as a function gave."""
    theirs = LocalFunction(mistake.function)
    return {
        case
        for case, ours in outcomes.items()
        if expected.agree(ours, theirs.call(case.args, case.kwargs, check.limit), expected.rounding_floor(check, case))
    }


# --- the page ------------------------------------------------------------------------------------------------------

ROWS = """\
| tried | answers | what must not happen | how often it did |
|---|---|---|---|
| right answers, in several styles | {right: tried} | some points are lost, under any seed | {right: rejected} |
| right answers damaged, each in up to seven ways | {damaged: tried} | full points | {damaged: accepted} |
| known mistakes | {mistakes: tried} | full points | {mistakes: accepted} |
| | | points that hang on the seed | {mistakes: a draw found what the table missed} |
| two known mistakes at once | {two: tried} | points that hang on the seed | {two: a draw found what the table missed} |
| mutants | {mutants: tried} | points that hang on the seed | {mutants: a draw found what the table missed} |

| what is wrong | answers | named | named wrongly |
|---|---|---|---|
| one known mistake, and a part that raises | {beside an error: tried} | {share: beside an error: named} | \
{share: beside an error: named wrongly} |
| two known mistakes at once | {two at once: tried} | {share: two at once: named} | \
{share: two at once: named wrongly} |
| mutants that do what a known mistake does | {known mutants: tried} | {share: known mutants: named} | \
{share: known mutants: named wrongly} |
"""


def table(counts: Mapping[str, int]) -> str:
    """Write the two tables of the page from what was counted.

    Examples
    --------
    >>> print(table(Counter({"right: tried": 3, "two at once: tried": 8, "two at once: named": 6})).splitlines()[2])
    | right answers, in several styles | 3 | some points are lost, under any seed | 0 |
    """

    def number(match: re.Match[str]) -> str:
        key = match[1]
        if not key.startswith("share: "):
            return f"{counts[key]:,}"
        key = key.removeprefix("share: ")
        return f"{100 * counts[key] / max(counts[key.partition(':')[0] + ': tried'], 1):.1f} %"

    return re.sub(r"\{([^}]*)\}", number, ROWS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the checks of all topics, or of some."""
    parser = argparse.ArgumentParser(prog="python -m tools.reliability", description=main.__doc__)
    parser.add_argument("stems", nargs="*", metavar="STEM")
    parser.add_argument("--task", action="append", help="these tasks alone")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the project (default: this folder)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"secret seeds (default: {SEEDS})")
    parser.add_argument("--mutants", type=int, default=15, help="mutants of every task (default: 15)")
    parser.add_argument("--workers", type=int, default=1, help="topics that are measured at the same time (default: 1)")
    parser.add_argument("--page", type=Path, help="write the tables of the site's page into a file")
    options = parser.parse_args(arguments)
    stems: list[str] = options.stems or checks.topics()
    total: Counter[str] = Counter()
    measured = partial(examine, options.root, seeds=options.seeds, count=options.mutants, only=options.task)
    with ProcessPoolExecutor(options.workers) as pool:
        for stem, figures in zip(stems, pool.map(measured, stems), strict=True):
            total += figures.counts
            print(f"== {stem}: " + ", ".join(f"{key} {number}" for key, number in sorted(figures.counts.items())))
            for fault in figures.faults:
                print("  ", fault[:300], flush=True)
    print("== all: " + ", ".join(f"{key} {number}" for key, number in sorted(total.items())))
    if options.page:
        options.page.write_text(table(total), encoding="utf-8")
    return int(any(total[key] for key in total if key.endswith(LIES)))


if __name__ == "__main__":
    sys.exit(main())
