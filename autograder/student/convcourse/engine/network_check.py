"""The check of a trained network: the grader builds it from its layer list and measures it.

A model is worth points for its score on pictures that the grading seed draws, and for the student's own NumPy functions
agreeing with PyTorch on it.
"""

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from convcourse.calls.values import Array, Shape, SubmittedValue
from convcourse.engine.check import Finder
from convcourse.engine.context import RunContext
from convcourse.engine.model import Case, Failure, Verdict, malformed, not_defined
from convcourse.errors import ModelError
from convcourse.networks import tasks, trainer
from convcourse.networks.files import Model
from convcourse.networks.layers import build, parameter_count, weights_of
from convcourse.networks.measure import TEST_PICTURES, TOO_LARGE, load, measure

AGREES = 1e-4
REPLAY_SECONDS = 4.0  # a replay earns no points: a costly network gets fewer steps
Call = Callable[..., SubmittedValue]  # ``call(name, *args)`` calls a student's function
WEIGHTS = {"score": 5, "forward in NumPy": 2, "gradient in NumPy": 2, "shape and parameters": 1}


@dataclass(frozen=True)
class Bounds:
    """Scores that are worth nothing and everything: `full` is the lowest reference less the sampling error."""

    floor: float
    full: float

    def share(self, score: float) -> float:
        """Return the share of the points, from 0 to 1."""
        return min(1.0, max(0.0, (score - self.floor) / (self.full - self.floor)))


@dataclass(frozen=True)
class NetworkCheck:
    """The check of one trained network.

    Parameters
    ----------
    name : str
        The student's function that returns the layer list.
    task : Task
    bounds : Bounds
    section : str
        Label of the section in the book that explains it.
    """

    name: str
    task: tasks.Task
    bounds: Bounds
    section: str = ""
    builds_on: tuple[str, ...] = ()  # its parts ask for the student's own functions, so none is lent
    limit: float = 20.0
    # the score of a model, by its digest, the seed and the split
    cache: dict[tuple[str, int, str], float] = field(default_factory=dict, init=False, repr=False, compare=False)

    def warm(self, seed: int) -> None:
        """Do nothing: what is right is computed for every network anew; see `convcourse.engine.check.Gradable.warm`."""

    def run(self, find: Finder, points: float, context: RunContext) -> Verdict:
        """Grade what lies in the context's folder; see `convcourse.engine.check.Gradable.run`."""
        function = find(self.name)
        if function is None:
            return self._rejected(points, not_defined(self.name))
        outcome = function.call((), {}, 2.0)
        if not outcome.ok:
            return self._rejected(points, outcome.problem)
        try:
            return self._graded(find, points, context, outcome.value)
        except ModelError as error:
            return self._rejected(points, str(error))

    def _graded(self, find: Finder, points: float, context: RunContext, in_notebook: SubmittedValue) -> Verdict:
        """Grade the files; `in_notebook` are the layers that the notebook gives. ModelError if none can be graded."""
        model, net = load(context.folder, self.task)
        split = "validation" if context.at_home else "test"
        score = self._measured(model, net, context.seed, split)
        share = self.bounds.share(score)
        notes = [self._summary(score, split, net)]
        if _plain(in_notebook) != _plain(model.layers):
            notes.append(f"{self.name}() gives other layers than {self.task.name}.json, which is graded: train again?")
        if model.log_problem:
            notes.append(f"{model.log_problem} It costs no points.")
        if not context.at_home:
            notes += for_instructor(model, self.task, score)
        if share == 0:
            return self._rejected(
                points, notes[0] + " That is no better than a network that learned nothing.", notes[1:]
            )
        problems = self._problems(find, model, net, context)
        return self._verdict(points, share, problems, notes)

    def _measured(self, model: Model, net: nn.Module, seed: int, split: str) -> float:
        """Return the score of a network, measured once."""
        key = _digest(model), seed, split
        if key not in self.cache:
            with torch.no_grad():
                self.cache[key] = measure(net, self.task, seed, split)
        return self.cache[key]

    def _summary(self, score: float, split: str, net: nn.Module) -> str:
        bounds, count = self.bounds, parameter_count(net)
        return (
            f"{self.task.measure} {score:.3f} on {TEST_PICTURES:,} {split} pictures: {bounds.full:.2f} gives full "
            f"points, {bounds.floor:.2f} none. {count:,} parameters, at most {self.task.budget:,}."
        )

    def _problems(self, find: Finder, model: Model, net: nn.Module, context: RunContext) -> dict[str, str]:
        """Return {part: sentence} of the student's functions that do not agree with PyTorch on this network."""
        draw = self.task.draw_test if not context.at_home else self.task.draw
        x, _ = draw(2, (context.seed, 1))
        layers, call = as_options(model.layers), self._call(find)
        attempts: list[tuple[str, Callable[[], None]]] = [
            ("shape and parameters", functools.partial(_summary, call, layers, x.shape, self.task, net))
        ]
        other = untrained(model.layers, self.task, context.seed)
        for setting, each in (("on your network", net), ("on your layers with other weights", other)):
            target = trainer.predict(each, x).argmin(1)  # the least believed: with right labels all may be rounding
            right = torch_gradients(each, x, target)
            weights = {name: value.numpy() for name, value in weights_of(each).items()}
            arguments = call, layers, weights, x.numpy()
            attempts += [
                ("forward in NumPy", functools.partial(_forward, *arguments, right, setting)),
                ("gradient in NumPy", functools.partial(_backward, *arguments, target.numpy(), right, setting)),
            ]
        problems: dict[str, str] = {}
        for part, attempt in attempts:
            if part not in problems and (message := _attempted(attempt)):
                problems[part] = message
        return problems

    def _call(self, find: Finder) -> Call:
        def call(name: str, *args: Any) -> SubmittedValue:
            function = find(name)
            if function is None:
                raise _MismatchError(not_defined(name))
            outcome = function.call(args, {}, self.limit)
            if not outcome.ok:
                raise _MismatchError(f"{name}: {outcome.problem}")
            return outcome.value

        return call

    def _verdict(self, points: float, share: float, problems: Mapping[str, str], notes: Sequence[str]) -> Verdict:
        earned = WEIGHTS["score"] * share + sum(WEIGHTS[part] for part in list(WEIGHTS)[1:] if part not in problems)
        parts = {part: part not in problems for part in WEIGHTS} | {"score": share == 1}
        failure = Failure(Case(), " ".join(problems.values())) if problems else None
        return Verdict.of(self, points, earned / sum(WEIGHTS.values()), parts, broken=notes, failure=failure)

    def _rejected(self, points: float, message: str, notes: Sequence[str] = ()) -> Verdict:
        """Make the verdict on what earns nothing: the message says why."""
        return Verdict.of(self, points, 0.0, {}, broken=notes, failure=Failure(Case(), message))


def for_instructor(model: Model, task: tasks.Task, score: float, tolerance: float = 0.02) -> list[str]:
    """List what an instructor may want to know and what earns no points: whether the log is this model's."""
    logged = model.log.get("score")
    if isinstance(logged, int | float) and 0 <= logged <= 1:
        message = f"The log states {logged:.3f} on validation pictures; measured on the test: {score:.3f}."
        notes = [message + (" These differ by more than chance." if abs(logged - score) > 0.1 else "")]
    else:
        notes = ["The log states no score."]
    replayed = trainer.replay(task, model.layers, model.log, seconds=REPLAY_SECONDS)
    if replayed is None:
        return [*notes, "The log cannot be replayed."]
    losses, again = replayed
    gap = np.max(np.abs(np.subtract(losses, again)) / np.maximum(1.0, np.abs(again)))  # NaN if one of them is
    verb = "gives" if gap < tolerance else "does not give"
    return [*notes, f"A replay of the log's first {len(again)} steps {verb} its losses (largest gap {gap:.1e})."]


# --- the student's functions against PyTorch -------------------------------------------------------------------------


class _MismatchError(Exception):
    """What is wrong, in a sentence."""


Gradients = tuple[Array, Array, dict[str, Array]]  # logits, their gradient, and by name those of the weights


def _attempted(attempt: Callable[[], None]) -> str | None:
    try:
        attempt()
    except _MismatchError as error:
        return str(error)
    except Exception as error:
        return malformed(error)
    return None


def untrained(layers: Any, task: tasks.Task, seed: int) -> nn.Sequential:
    """Return a network of these layers with weights that nobody chose: none hides what the layers compute."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = build(layers, task)
        for name, value in weights_of(net).items():
            if "running" in name:
                value.uniform_(0.5, 1.5)
    return net


def torch_gradients(net: nn.Module, x: torch.Tensor, target: torch.Tensor) -> Gradients:
    """Return the logits of a batch, and the gradients of the cross-entropy for them and, by name, for the weights.

    Raises ModelError if one of the numbers is not finite.
    """
    net.zero_grad()
    logits = net(x)
    logits.retain_grad()
    F.cross_entropy(logits, target).backward()
    grads = {name: p.grad.numpy().copy() for name, p in net.named_parameters() if p.grad is not None}
    values, slope = logits.detach().numpy(), logits.grad.numpy()
    if not all(np.isfinite(each).all() for each in (values, slope, *grads.values())):
        raise ModelError(f"The network's gradients hold NaN or infinity: {TOO_LARGE}")
    return values, slope, grads


def _forward(
    call: Call, layers: list[dict[str, Any]], weights: dict[str, Array], x: Array, expected: Gradients, setting: str
) -> None:
    _compare(f"convnet_forward, {setting}:", call("convnet_forward", layers, weights, x), expected[0])


def _backward(
    call: Call,
    layers: list[dict[str, Any]],
    weights: dict[str, Array],
    x: Array,
    target: Array,
    expected: Gradients,
    setting: str,
) -> None:
    logits, slope, grads = expected
    upstream = call("cross_entropy_backward", 1.0, logits, target)
    _compare(f"cross_entropy_backward, {setting}, for its logits:", upstream, slope)
    answer = call("convnet_backward", upstream, layers, weights, x)
    if not isinstance(answer, tuple | list) or len(answer) != 2 or not isinstance(answer[0], dict):
        raise _MismatchError("convnet_backward must return a dict of gradients, and the gradient of x.")
    largest = max(np.abs(grad).max() for grad in grads.values())
    for name, grad in grads.items():
        if name not in answer[0]:
            raise _MismatchError(f"convnet_backward, {setting}: there is no gradient {name!r}.")
        label = f"convnet_backward, {setting}: the gradient {name!r}:"
        _compare(label, answer[0][name], grad, 1e-3 * largest)  # what is smaller may be rounding alone


def _summary(call: Call, layers: list[dict[str, Any]], input_shape: Shape, task: tasks.Task, net: nn.Module) -> None:
    answer = call("network_summary", layers, tuple(input_shape))
    shape, count = (input_shape[0], *task.output_shape[1:]), parameter_count(net)
    if not isinstance(answer, tuple | list) or len(answer) != 2 or (tuple(answer[0]), answer[1]) != (shape, count):
        raise _MismatchError(
            f"network_summary, on your network: the output has shape {shape}, the parameters are {count:,}."
        )


def _compare(label: str, answer: Any, expected: Array, scale: float = 0.0) -> None:
    """Refuse what is further from PyTorch than 1e-4 of the largest number, or of `scale` if that is larger."""
    actual = np.asarray(answer, dtype=float)
    if actual.shape != expected.shape:
        raise _MismatchError(f"{label} shape {actual.shape}, PyTorch has {expected.shape}.")
    with np.errstate(invalid="ignore", over="ignore"):
        gap = np.abs(actual - expected).max()
    if not gap <= AGREES * max(scale, np.abs(expected).max()) < np.inf:
        raise _MismatchError(f"{label} the largest difference from PyTorch is {gap:.2g}.")


def as_options(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return layers as a student writes them: pairs are tuples."""
    return [{k: tuple(v) if isinstance(v, list) else v for k, v in layer.items()} for layer in layers]


def _plain(layers: SubmittedValue) -> object:
    """Return layers in a form that can be compared, whatever a student's function gave."""
    if isinstance(layers, list | tuple):
        return [_plain(item) for item in layers]
    if isinstance(layers, dict):
        return {key: _plain(value) for key, value in layers.items()}
    if isinstance(layers, int | np.integer):
        return int(layers)
    return layers if isinstance(layers, str) else repr(layers)


def _digest(model: Model) -> str:
    """Return what tells a model from others: its layers and its weights."""
    digest = hashlib.sha256(repr(model.layers).encode())
    for name in sorted(model.weights):
        digest.update(name.encode() + model.weights[name].numpy().tobytes())
    return digest.hexdigest()
