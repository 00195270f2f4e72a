"""What is demanded of a task, as sentences about what it lacks: tests hold the course's own tasks to it.

`autograder new-task` says the same of a task that is being written. CONTRIBUTING.md has the kinds of inputs in a table.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcourse.calls.call import arrays_in
from convcourse.engine import expected, kinds
from convcourse.engine.check import Check

VARIED_KINDS = {kind.name: kind for kind in kinds.KINDS}  # of the table's cases, by the engine


@dataclass
class TaskSpec:
    """A check, and the right answer in the assignment, whose signature and docstring a student reads."""

    check: Check
    function: Callable[..., Any]

    @cached_property
    def signature(self) -> inspect.Signature:
        return inspect.signature(self.function)

    @cached_property
    def parameters(self) -> dict[str, tuple[str, str]]:
        """The docstring's description of each parameter: {name: (its type, in words; the whole)}."""
        section = re.search(r"Parameters\n-+\n(.*?)(?:\n\n?\w+\n-+\n|\Z)", self.doc, re.DOTALL)
        descriptions = {}
        for names, text in re.findall(
            r"^(\w[\w, ]*) : (.*(?:\n(?: .*)?)*)", section[1] if section else "", re.MULTILINE
        ):
            for name in names.split(", "):
                descriptions[name] = text.splitlines()[0], text
        return descriptions

    @cached_property
    def doc(self) -> str:
        return inspect.getdoc(self.function) or ""

    @cached_property
    def calls(self) -> list[dict[str, Any]]:
        """The arguments of every case of the table, by name."""
        bound = []
        for case in self.check.cases:
            try:
                bound.append(dict(self.signature.bind(*case.args, **case.kwargs).arguments))
            except TypeError:
                continue
        return bound

    @property
    def takes_images(self) -> bool:
        """Whether the first argument may be a photograph."""
        is_named = next(iter(self.signature.parameters), "") in ("x", "image", "images", "stimuli")
        return is_named and any(_first_image(call) is not None for call in self.calls)

    def values_of(self, name: str) -> list[Any]:
        """Return what the cases of the table hand over for a parameter."""
        return [call[name] for call in self.calls if name in call]


# --- the kinds that stand in the table: what concerns a task, and what covers it -----------------------------------


def lacking_defaults(task: TaskSpec) -> Iterator[str]:
    """Every parameter with a default is left out in one case, and something else in another."""
    for name, parameter in task.signature.parameters.items():
        if parameter.default is inspect.Parameter.empty:
            continue
        if all(name in call for call in task.calls):
            yield f"no case leaves {name} out"
        if all(_alike(value, parameter.default) for value in task.values_of(name)):
            yield f"in no case is {name} anything but its default"


def lacking_nothings(task: TaskSpec) -> Iterator[str]:
    """An array that may be left out is there in one case, and holds nothing but zeros: that is not the same."""
    for name, parameter in task.signature.parameters.items():
        arrays = [value for value in task.values_of(name) if isinstance(value, np.ndarray) and value.dtype.kind == "f"]
        if parameter.default is None and arrays and all(array.any() for array in arrays):
            yield f"in no case is {name} there and 0"


def lacking_identities(task: TaskSpec) -> Iterator[str]:
    """What goes in comes out, as for a window of one pixel: there the input itself, or a view of it, looks right."""
    changes = {"kernel_size", "size", "output_size", "scale_factor", "factor", "stride", "dilation", "weight", "dy"}
    is_concerned = next(iter(task.signature.parameters), "") in ("x", "image", "images", "grad_output", "input_size")
    if task.check.oracle is None or not (is_concerned and changes & set(task.signature.parameters)):
        return
    for case in task.check.cases:
        first = next(iter(arrays_in([case.args])), None)
        right = expected.expectation(task.check, case)[0]
        outputs = arrays_in([right] if isinstance(right, np.ndarray) else right)
        if first is not None and any(
            o.size == first.size and np.array_equal(o.ravel(), first.ravel()) for o in outputs
        ):
            return
    if any(arrays_in([case.args]) for case in task.check.cases):
        yield "in no case does what goes in come out"


def lacking_words(task: TaskSpec) -> Iterator[str]:
    """Every word that the docstring allows for a parameter is given to it in a case, or is its default."""
    for name, (kind, _) in task.parameters.items():
        words = re.findall(r"['\"]([\w-]+)['\"]", kind)
        default = getattr(task.signature.parameters.get(name), "default", None)
        for word in words:
            if word != default and not any(_alike(value, word) for value in task.values_of(name)):
                yield f"no case has {name}={word!r}"


def lacking_pairs(task: TaskSpec) -> Iterator[str]:
    """A parameter that may be a number or a pair is a number in one case, and a pair of two numbers in another."""
    for name, (kind, _) in task.parameters.items():
        if re.search(r"\bint or (tuple|\(int, int\)|pair|two ints)", kind):
            values = task.values_of(name)
            pairs = [value for value in values if isinstance(value, tuple | list)]
            if not any(len(set(map(str, pair))) > 1 for pair in pairs):
                yield f"no case has two different numbers for {name}"
            default = task.signature.parameters[name].default
            if not isinstance(default, int) and not any(isinstance(value, int) for value in values):
                yield f"no case has a single number for {name}"
            if name == "padding" and not any(0 in pair and any(pair) for pair in pairs):
                yield "no case pads one axis alone"


def lacking_lists(task: TaskSpec) -> Iterator[str]:
    """Where the docstring's example hands over a nested list, a case does."""
    for line in re.findall(r">>> (.*)", task.doc):
        has_list = any(isinstance(value, list) for call in task.calls for value in call.values())
        if re.search(rf"\b{task.check.name}\(\[\[", line) and not has_list:
            yield "its example hands over a nested list, no case does (or write the example with np.array)"


def lacking_large_kernels(task: TaskSpec) -> Iterator[str]:
    """A kernel that is larger than what it slides over."""
    for call in task.calls:
        slid, kernel = _slid(call)
        if (
            slid is not None
            and kernel is not None
            and any(k > n for k, n in zip(kernel[::-1], slid[::-1], strict=False))
        ):
            return
    if any(_slid(call)[1] is not None for call in task.calls) and re.search(r"padding|\bmode\b", task.doc):
        yield "no case has a kernel larger than what it slides over"


def lacking_single_pixels(task: TaskSpec) -> Iterator[str]:
    """A map of one pixel."""
    firsts = [_first_image(call) for call in task.calls] if task.check.oracle else []
    images = [image for image in firsts if image is not None]
    if images and not any(image.shape[2:] == (1, 1) for image in images):
        yield "no case has a map of 1 x 1"


def lacking_ties(task: TaskSpec) -> Iterator[str]:
    """Numbers that are equal, where the docstring says which of them wins."""
    if re.search(r"\btie[sd]?\b|the first of|\bequal(ly)? (large|good|near|far)", task.doc):
        arrays = [array for call in task.calls for array in arrays_in(list(call.values())) if array.size > 2]
        if not any(1 < np.unique(array).size < array.size for array in arrays):
            yield "no case has ties"


def lacking_infinity(task: TaskSpec) -> Iterator[str]:
    """Numbers below every stand-in for minus infinity, where a largest number is looked for."""
    summary = f"{task.check.name} {task.doc.partition('Parameters')[0]}"
    if task.check.oracle and re.search(r"\bmax|_max|maximum|softmax|\bmask", summary):
        arrays = [array for call in task.calls for array in arrays_in(list(call.values())) if array.dtype.kind == "f"]
        if not any(array.size and array.max() < -1e9 for array in arrays):
            yield "no case has numbers below -1e9 alone"


def lacking_sizes(task: TaskSpec) -> Iterator[str]:
    """Lengths at which a fraction of floating-point numbers rounds down: 14 to 18 and 30 to 44."""
    numbers = [value for call in task.calls for value in call.values()]
    if (
        numbers
        and all(isinstance(value, int | tuple) for value in numbers)
        and re.search("stride|floor|round", task.doc)
    ):
        flat = {n for value in numbers for n in (value if isinstance(value, tuple) else (value,))}
        if not any(isinstance(n, int) and (14 <= n <= 18 or 30 <= n <= 44) for n in flat):
            yield "no size lies in 14 to 18 or in 30 to 44"


def lacking_combinations(task: TaskSpec) -> Iterator[str]:
    """Two options that are both given, and both something else than their defaults, in one case."""
    defaults = {n: p.default for n, p in task.signature.parameters.items() if p.default is not inspect.Parameter.empty}
    for one, other in combinations(defaults, 2):
        both = [call for call in task.calls if one in call and other in call]
        if not any(all(not _alike(call[name], defaults[name]) for name in (one, other)) for call in both):
            yield f"no case changes both {one} and {other}"


TABLE_DEMANDS = {
    "defaults": lacking_defaults,
    "combinations": lacking_combinations,
    "nothings": lacking_nothings,
    "identities": lacking_identities,
    "words": lacking_words,
    "pairs": lacking_pairs,
    "lists": lacking_lists,
    "large kernels": lacking_large_kernels,
    "single pixels": lacking_single_pixels,
    "ties": lacking_ties,
    "infinity": lacking_infinity,
    "sizes": lacking_sizes,
}


def _alike(value: Any, other: Any) -> bool:
    return isinstance(value, type(other)) and bool(np.all(value == other))


def _slid(call: dict[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...]] | tuple[None, None]:
    """Return the shapes of what a kernel slides over and of the kernel, None where there are none."""
    slid = next((v for n, v in call.items() if n in ("x", "image", "signal", "a", "grad_output")), None)
    kernel = next((v for n, v in call.items() if n in ("kernel", "weight", "w", "b", "k")), None)
    if isinstance(slid, np.ndarray) and isinstance(kernel, np.ndarray) and kernel.ndim == slid.ndim:
        return slid.shape[2 if slid.ndim > 2 else 0 :], kernel.shape[2 if slid.ndim > 2 else 0 :]
    return None, None


def _first_image(call: dict[str, Any]) -> NDArray[Any] | None:
    first = next(iter(call.values()), None)
    return first if isinstance(first, np.ndarray) and first.ndim == 4 else None


def lacking_kinds(task: TaskSpec) -> Iterator[str]:
    """Yield every kind of input that the table of a check has not, and says no reason for."""
    for kind, lacking in TABLE_DEMANDS.items():
        if kind not in task.check.exempt:
            yield from lacking(task)


# --- answers that nobody thought about ------------------------------------------------------------------------------


def trivial_answers(check: Check) -> dict[str, Callable[..., Any]]:
    """Return functions that must earn nothing: {what they do: function}."""

    def blank(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    answers = {
        "raises NotImplementedError": blank,
        "returns None": lambda *a, **k: None,
        "returns True": lambda *a, **k: True,
        "returns False": lambda *a, **k: False,
        "returns (True, None)": lambda *a, **k: (True, None),
        "returns (False, None)": lambda *a, **k: (False, None),
        "returns its first argument": lambda *a, **k: a[0] if a else None,
    }
    if check.oracle and any(case.args for case in check.cases):
        right = {repr((case.args, case.kwargs)): expected.expectation(check, case)[0] for case in check.cases}
        first = expected.expectation(check, check.cases[0])[0]
        answers |= {
            "returns zeros of the right shape": lambda *a, **k: _filled(right.get(repr((a, k))), 0),
            "returns threes of the right shape": lambda *a, **k: _filled(right.get(repr((a, k))), 3),
            "returns what is right for the first case": lambda *a, **k: first,
        }
    return answers


def _filled(value: Any, number: int) -> Any:
    """Return a value of the same form that holds one number alone."""
    if isinstance(value, tuple):
        return tuple(_filled(item, number) for item in value)
    return np.full_like(value, number) if isinstance(value, np.ndarray) else number
