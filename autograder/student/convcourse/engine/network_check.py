"""The check of a trained network: the grader builds it from its layer list and measures it.

A model is worth points for its score on pictures that the grading seed draws, and for the student's own NumPy functions
agreeing with PyTorch on it.
"""

import functools
import hashlib
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F

from convcourse.engine.model import Case, Failure, Verdict, malformed, not_defined
from convcourse.errors import ModelError
from convcourse.networks import tasks, trainer
from convcourse.networks.layers import build, parameter_count, weights_of
from convcourse.networks.measure import TESTED, TOO_LARGE, load, measure

AGREES = 1e-4
REPLAY_SECONDS = 4.0  # a replay earns no points: a costly network gets fewer steps
WEIGHTS = {"score": 5, "forward in NumPy": 2, "gradient in NumPy": 2, "shape and parameters": 1}


@dataclass(frozen=True)
class Bounds:
    """Scores that are worth nothing and everything: `full` is the lowest reference less the sampling error."""

    floor: float
    full: float

    def share(self, score):
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
    builds_on: tuple = ()  # its parts ask for the student's own functions, so none is lent
    limit: float = 20.0
    kept: dict = field(default_factory=dict, init=False, repr=False, compare=False)  # (model, seed, split) -> score

    def warm(self, seed):
        """Do nothing: what is right is computed for every network anew; see `convcourse.engine.check.Gradable.warm`."""

    def run(self, find, points, context):
        """Grade what lies in the context's folder; see `convcourse.engine.check.Gradable.run`."""
        function = find(self.name)
        if function is None:
            return self._nothing(points, not_defined(self.name))
        outcome = function.call((), {}, 2.0)
        if not outcome.ok:
            return self._nothing(points, outcome.problem)
        try:
            return self._graded(find, points, context, outcome.value)
        except ModelError as error:
            return self._nothing(points, str(error))

    def _graded(self, find, points, context, said):
        """Grade the files; `said` are the layers that the notebook gives. ModelError if they cannot be graded."""
        model, net = load(context.folder, self.task)
        split = "validation" if context.at_home else "test"
        score = self._measured(model, net, context.seed, split)
        share = self.bounds.share(score)
        notes = [self._told(score, split, net)]
        if _plain(said) != _plain(model.layers):
            notes.append(f"{self.name}() gives other layers than {self.task.name}.json, which is graded: train again?")
        if model.without_log:
            notes.append(f"{model.without_log} It costs no points.")
        if not context.at_home:
            notes += for_instructor(model, self.task, score)
        if share == 0:
            return self._nothing(
                points, notes[0] + " That is no better than a network that learned nothing.", notes[1:]
            )
        problems = self._problems(find, model, net, context)
        return self._verdict(points, share, problems, notes)

    def _measured(self, model, net, seed, split):
        """Return the score of a network, measured once."""
        key = _digest(model), seed, split
        if key not in self.kept:
            with torch.no_grad():
                self.kept[key] = measure(net, self.task, seed, split)
        return self.kept[key]

    def _told(self, score, split, net):
        bounds, count = self.bounds, parameter_count(net)
        return (
            f"{self.task.measure} {score:.3f} on {TESTED:,} {split} pictures: {bounds.full:.2f} gives full points, "
            f"{bounds.floor:.2f} none. {count:,} parameters, at most {self.task.budget:,}."
        )

    def _problems(self, find, model, net, context):
        """Return {part: sentence} of the student's functions that do not agree with PyTorch on this network."""
        draw = self.task.draw_test if not context.at_home else self.task.draw
        x, _ = draw(2, (context.seed, 1))
        layers, call = as_options(model.layers), self._call(find)
        tried = [("shape and parameters", functools.partial(_summary, call, layers, x.shape, self.task, net))]
        other = untrained(model.layers, self.task, context.seed)
        for where, each in (("on your network", net), ("on your layers with other weights", other)):
            target = trainer.predict(each, x).argmin(1)  # the least believed: with right labels all may be rounding
            right = torch_gradients(each, x, target)
            weights = {name: value.numpy() for name, value in weights_of(each).items()}
            given = call, layers, weights, x.numpy()
            tried += [
                ("forward in NumPy", functools.partial(_forward, *given, right, where)),
                ("gradient in NumPy", functools.partial(_backward, *given, target.numpy(), right, where)),
            ]
        problems = {}
        for part, attempt in tried:
            if part not in problems and (says := _attempted(attempt)):
                problems[part] = says
        return problems

    def _call(self, find):
        def call(name, *args):
            function = find(name)
            if function is None:
                raise _Wrong(not_defined(name))
            outcome = function.call(args, {}, self.limit)
            if not outcome.ok:
                raise _Wrong(f"{name}: {outcome.problem}")
            return outcome.value

        return call

    def _verdict(self, points, share, problems, notes):
        earned = WEIGHTS["score"] * share + sum(WEIGHTS[part] for part in list(WEIGHTS)[1:] if part not in problems)
        parts = {part: part not in problems for part in WEIGHTS} | {"score": share == 1}
        failure = Failure(Case(), " ".join(problems.values())) if problems else None
        return Verdict.of(self, points, earned / sum(WEIGHTS.values()), parts, broken=notes, failure=failure)

    def _nothing(self, points, says, notes=()):
        return Verdict.of(self, points, 0.0, {}, broken=notes, failure=Failure(Case(), says))


def for_instructor(model, task, score, tolerance=0.02):
    """List what an instructor may want to know and what earns no points: whether the log is this model's."""
    told = model.log.get("score")
    if isinstance(told, int | float) and 0 <= told <= 1:
        says = f"The log states {told:.3f} on validation pictures; measured on the test: {score:.3f}."
        notes = [says + (" These differ by more than chance." if abs(told - score) > 0.1 else "")]
    else:
        notes = ["The log states no score."]
    replayed = trainer.replay(task, model.layers, model.log, seconds=REPLAY_SECONDS)
    if replayed is None:
        return [*notes, "The log cannot be replayed."]
    told, found = replayed
    gap = np.max(np.abs(np.subtract(told, found)) / np.maximum(1.0, np.abs(found)))  # NaN if one of them is
    verb = "gives" if gap < tolerance else "does not give"
    return [*notes, f"A replay of the log's first {len(found)} steps {verb} its losses (largest gap {gap:.1e})."]


# --- the student's functions against PyTorch -------------------------------------------------------------------------


class _Wrong(Exception):
    """What is wrong, in a sentence."""


def _attempted(attempt):
    try:
        attempt()
    except _Wrong as error:
        return str(error)
    except Exception as error:
        return malformed(error)
    return None


def untrained(layers, task, seed):
    """Return a network of these layers with weights that nobody chose: none hides what the layers compute."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = build(layers, task)
        for name, value in weights_of(net).items():
            if "running" in name:
                value.uniform_(0.5, 1.5)
    return net


def torch_gradients(net, x, target):
    """Return the logits of a batch, and the gradients of the cross-entropy for them and, by name, for the weights.

    Raises ModelError if one of the numbers is not finite.
    """
    net.zero_grad()
    logits = net(x)
    logits.retain_grad()
    F.cross_entropy(logits, target).backward()
    grads = {name: p.grad.numpy().copy() for name, p in net.named_parameters()}
    logits, slope = logits.detach().numpy(), logits.grad.numpy()
    if not all(np.isfinite(values).all() for values in (logits, slope, *grads.values())):
        raise ModelError(f"The network's gradients hold NaN or infinity: {TOO_LARGE}")
    return logits, slope, grads


def _forward(call, layers, weights, x, right, where):
    found = np.asarray(call("convnet_forward", layers, weights, x), dtype=float)
    _compare(f"convnet_forward, {where}:", found, right[0])


def _backward(call, layers, weights, x, target, right, where):
    logits, slope, grads = right
    upstream = call("cross_entropy_backward", 1.0, logits, target)
    _compare(f"cross_entropy_backward, {where}, for its logits:", upstream, slope)
    found = call("convnet_backward", upstream, layers, weights, x)
    if not isinstance(found, tuple | list) or len(found) != 2 or not isinstance(found[0], dict):
        raise _Wrong("convnet_backward must return a dict of gradients, and the gradient of x.")
    largest = max(np.abs(grad).max() for grad in grads.values())
    for name, grad in grads.items():
        if name not in found[0]:
            raise _Wrong(f"convnet_backward, {where}: there is no gradient {name!r}.")
        words = f"convnet_backward, {where}: the gradient {name!r}:"
        _compare(words, found[0][name], grad, 1e-3 * largest)  # what is smaller may be rounding alone


def _summary(call, layers, input_shape, task, net):
    found = call("network_summary", layers, tuple(input_shape))
    right = (input_shape[0], *task.output_shape[1:]), parameter_count(net)
    if not isinstance(found, tuple | list) or len(found) != 2 or (tuple(found[0]), found[1]) != right:
        raise _Wrong(
            f"network_summary, on your network: the output has shape {right[0]}, the parameters are {right[1]:,}."
        )


def _compare(words, found, right, scale=0.0):
    """Refuse what is further from PyTorch than 1e-4 of the largest number, or of `scale` if that is larger."""
    found = np.asarray(found, dtype=float)
    if found.shape != right.shape:
        raise _Wrong(f"{words} shape {found.shape}, PyTorch has {right.shape}.")
    with np.errstate(invalid="ignore", over="ignore"):
        gap = np.abs(found - right).max()
    if not gap <= AGREES * max(scale, np.abs(right).max()) < np.inf:
        raise _Wrong(f"{words} the largest difference from PyTorch is {gap:.2g}.")


def as_options(layers):
    """Return layers as a student writes them: pairs are tuples."""
    return [{k: tuple(v) if isinstance(v, list) else v for k, v in layer.items()} for layer in layers]


def _plain(layers):
    """Return layers in a form that can be compared, whatever a student's function gave."""
    if isinstance(layers, list | tuple):
        return [_plain(item) for item in layers]
    if isinstance(layers, dict):
        return {key: _plain(value) for key, value in layers.items()}
    if isinstance(layers, int | np.integer):
        return int(layers)
    return layers if isinstance(layers, str) else repr(layers)


def _digest(model):
    """Return what tells a model from others: its layers and its weights."""
    found = hashlib.sha256(repr(model.layers).encode())
    for name in sorted(model.weights):
        found.update(name.encode() + model.weights[name].numpy().tobytes())
    return found.hexdigest()
