"""Pictures as outputs: a loss per pixel, overlap, enlarging, inputs of any size, refinement, and two claims on trial."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from convcourse.engine.builders import Arrays, claim_mistakes, lopsided, pair
from convcourse.engine.check import Check
from convcourse.engine.evidence import verdict_and_evidence
from convcourse.engine.model import VIEW, Case, Mistake
from convcourse.engine.oracles import gradient, on_torch, tensor


def _labels(classes, *shape, ignored=None, value=-100):
    """Draw labels, of every class where there is room; `ignored` of them hold the index to ignore."""
    rng = _x.generator("labels", *shape)
    labels = rng.integers(classes, size=shape)
    labels.ravel()[: min(classes, labels.size)] = np.arange(min(classes, labels.size))
    if ignored:
        labels.ravel()[rng.permutation(labels.size)[:ignored]] = value
    return labels


# --- the loss ------------------------------------------------------------------------------------------------------


def _loss_of(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    weight = None if weight is None else tensor(np.asarray(weight)).to(logits.dtype)
    return F.cross_entropy(logits, tensor(target).long(), weight, ignore_index=ignore_index, reduction=reduction)


def _number(loss):
    """Return a loss as a number, or as an array where there is one for each pixel."""
    return loss.numpy() if loss.ndim else loss.item()


def _floats(x):
    return x.astype(_float_of(x))


def _float_of(x):
    """Return the dtype of what is computed from x: its own, or float64 for whole numbers."""
    return np.result_type(x, 0.0)


def _loss(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    return _number(_loss_of(tensor(_floats(logits)), target, weight, ignore_index, reduction))


def _loss_scale(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    size = 3 * (1 + float(np.abs(logits).max())) * (1 if weight is None else np.max(weight))
    return size * (target.size if reduction == "sum" else 1)


def _slope(grad_output, logits, target, weight=None, ignore_index=-100, reduction="mean"):
    def loss(scores):
        return _loss_of(scores, target, weight, ignore_index, reduction)

    return gradient(loss)(grad_output, _floats(logits))


def _slope_scale(grad_output, logits, target, weight=None, ignore_index=-100, reduction="mean"):
    return float(np.max(np.abs(grad_output))) * (1 if weight is None else np.max(weight))


def _loss_with(change=None, **instead):
    """Build a wrong loss: `change` changes the scores first, keywords replace arguments."""

    def wrong(logits, target, weight=None, ignore_index=-100, reduction="mean"):
        scores = logits if change is None else change(logits)
        options = {"weight": weight, "ignore_index": ignore_index, "reduction": reduction} | instead
        return _loss(scores, target, **options)

    return wrong


def _mean_over(count):
    """Build a wrong mean: `count` gets the target, the weight and the index to ignore, and gives the divisor."""

    def loss(logits, target, weight=None, ignore_index=-100, reduction="mean"):
        if reduction != "mean":
            return _loss(logits, target, weight, ignore_index, reduction)
        total = _loss(logits, target, weight, ignore_index, "sum")
        return total / _float_of(logits).type(count(target, weight, ignore_index))

    def slope(grad_output, logits, target, weight=None, ignore_index=-100, reduction="mean"):
        if reduction != "mean":
            return _slope(grad_output, logits, target, weight, ignore_index, reduction)
        total = _slope(grad_output, logits, target, weight, ignore_index, "sum")
        return total / _float_of(logits).type(count(target, weight, ignore_index))

    return loss, slope


def _all_pixels(target, weight, ignore_index):
    return target.size


def _samples(target, weight, ignore_index):
    return len(target)


def _counted(target, weight, ignore_index):
    return (target != ignore_index).sum()


def _weights_of_all(target, weight, ignore_index):
    """Let pixels without a label weigh as much as the first class."""
    return _counted(target, weight, ignore_index) if weight is None else weight[np.maximum(target, 0)].sum()


def _mean_of_means(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    if reduction != "mean":
        return _loss(logits, target, weight, ignore_index, reduction)
    pairs = zip(np.split(logits, len(logits)), np.split(target, len(target)), strict=True)
    return np.mean([_loss(*pair, weight, ignore_index) for pair in pairs])


def _replaced(change):
    """Build a wrong loss and its gradient: `change` gets classes, target and options, and gives those to use."""

    def loss(logits, target, weight=None, ignore_index=-100, reduction="mean"):
        return _loss(logits, *change(logits.shape[1], target, weight, ignore_index, reduction))

    def slope(grad_output, logits, target, weight=None, ignore_index=-100, reduction="mean"):
        return _slope(grad_output, logits, *change(logits.shape[1], target, weight, ignore_index, reduction))

    return loss, slope


_weights_in_mean_alone = _replaced(
    lambda k, t, weight, i, reduction: (t, weight if reduction == "mean" else None, i, reduction)
)
_without_strange_labels = _replaced(
    lambda k, t, weight, i, reduction: (np.where((t < 0) | (t >= k), -100, t), weight, -100, reduction)
)
_always_100 = _replaced(  # an index of -1 takes the last class
    lambda k, t, weight, i, reduction: (np.where(t == -1, k - 1, t), weight, -100, reduction)
)
_WEIGHED = "With class weights your mean also divides by the weights of pixels without a label."
_MEAN_ALONE = 'You used weight in the mean alone: with "sum" and "none" it counts too.'
_LARGEST = (
    "You did not subtract each pixel's own largest score: where all its scores lie far below, its powers are all 0."
)
_ALWAYS_100 = "You always ignore the label -100: ignore_index says which label is ignored."
_NO_CLASS = "You left out labels that are no class: leave out those that equal ignore_index, which can be a class too."


def _overflows(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    """Exponentiate before anything is subtracted."""
    power = tensor(_floats(logits)).exp()
    return _of_linear_scores(
        (power / power.sum(1, keepdim=True)).log().numpy(), target, weight, ignore_index, reduction
    )


def _of_linear_scores(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    """Leave the softmax out."""
    scores, labels = tensor(_floats(logits)), tensor(target).long()
    weight = None if weight is None else tensor(np.asarray(weight)).to(scores.dtype)
    return _number(F.nll_loss(scores, labels, weight, ignore_index=ignore_index, reduction=reduction))


def _cut_off(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    """Take the logarithm of no probability below 1e-15."""
    logs = tensor(_floats(logits)).softmax(1).clamp(min=1e-15).log().numpy()
    return _of_linear_scores(logs, target, weight, ignore_index, reduction)


def _less_largest_of_all(logits):
    """Return probabilities by powers that underflow where a pixel's scores lie far below the largest of all."""
    power = (logits - logits.max()).exp()
    return power / power.sum(1, keepdim=True)


def _loss_below_largest(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    shifted = tensor(_floats(logits)) - float(logits.max())
    logs = shifted - shifted.exp().sum(1, keepdim=True).log()
    return _of_linear_scores(logs.numpy(), target, weight, ignore_index, reduction)


def _narrow_logs(logits):
    """Take the softmax of small integers in their own type, and its logarithm."""
    if logits.dtype != np.int8:
        return logits
    power = np.exp(logits - logits.max(axis=1, keepdims=True))
    with np.errstate(divide="ignore"):
        return np.log(power / power.sum(axis=1, keepdims=True)).astype(float)


def _zero_of_nothing(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    return np.nan_to_num(_loss(logits, target, weight, ignore_index, reduction))


def _along(axis):
    def normalised(logits):
        scores = tensor(_floats(logits)).log_softmax(axis)
        return (scores + 0).numpy()

    def wrong(logits, target, weight=None, ignore_index=-100, reduction="mean"):
        return _of_linear_scores(normalised(logits), target, weight, ignore_index, reduction)

    return wrong


_WEIGHT = np.array([0.5, 2.0, 1.25])
_x = Arrays("structured_outputs", "losses")
_PLAIN = (
    (np.zeros((1, 2, 1, 1)), np.array([[[1]]])),
    (_x(2, 3, 5, 4), _labels(3, 2, 5, 4)),
    (_x(3, 4, 2, 5, dtype=np.float32), _labels(4, 3, 2, 5)),
    (np.swapaxes(_x(2, 3, 4, 2), 2, 3), _labels(3, 2, 2, 4)),
)
_FEW = (_x(2, 3, 2, 4), _labels(3, 2, 2, 4, ignored=4))
_OTHER = (_x(2, 3, 4, 2), _labels(3, 2, 4, 2, ignored=5, value=-1))
_NONE = (_x(2, 3, 2, 5), np.full((2, 2, 5), -100))
_CLASS = (_x(2, 3, 2, 4), _labels(3, 2, 2, 4))
_BOTH = (_x(2, 3, 4, 2), _labels(3, 2, 4, 2, ignored=4), _WEIGHT)
_INT8 = (np.rint(40 * _x(2, 3, 3, 4)).astype(np.int8), _labels(3, 2, 3, 4))
_BYTES = (_x(2, 3, 4, 3), _labels(3, 2, 4, 3, ignored=5, value=255).astype(np.uint8))
_NARROW = "You computed with scores of int8 in their own type: their differences wrap around, and np.exp gives float16."


def _draw_loss(sampler):
    n, k, h, w = sampler.integer(1, 2), sampler.integer(2, 3), sampler.integer(1, 3), sampler.integer(1, 4)
    logits = sampler.array(n, k, h, w)
    target = np.random.default_rng(sampler.integer(0, 99)).integers(k, size=(n, h, w))
    part = sampler.choice(("plain", "weights", "ignored", "reductions"))
    options = {}
    if part == "weights":
        options["weight"] = np.abs(sampler.array(k)) + 0.5
    if part == "ignored":
        target[0, 0, 0] = -100
        target = np.concatenate([target, target * 0])
        logits = np.concatenate([logits, -logits])
    if part == "reductions":
        options["reduction"] = sampler.choice(("sum", "none"))
    return Case((logits, target), options, part)


_x = Arrays("structured_outputs", "pixelwise_cross_entropy")
PIXELWISE_CROSS_ENTROPY = Check(
    "pixelwise_cross_entropy",
    section="structured_outputs#structured_outputs-labels",
    oracle=_loss,
    scale=_loss_scale,
    parts={"plain": 2, "large scores": 1, "weights": 1, "ignored": 1, "reductions": 1},
    cases=(
        Case(_PLAIN[0], {}, "plain", "log 2"),
        Case(_PLAIN[1], {}, "plain", "batch, not square"),
        Case(_PLAIN[2], {}, "plain", "float32"),
        Case(_PLAIN[3], {}, "plain", "an array that is not contiguous"),
        Case((np.array([900.0, -900, 0]).reshape(1, 3, 1, 1), np.array([[[2]]])), {}, "large scores"),
        Case((900 * _x(2, 3, 2, 4), _labels(3, 2, 2, 4)), {}, "large scores"),
        Case((1e9 * _x(2, 3, 2, 4) - 5e9, _labels(3, 2, 2, 4)), {}, "large scores", "all of them far below 0"),
        Case((*_PLAIN[1], _WEIGHT), {}, "weights"),
        Case(
            (_x(2, 3, 2, 2, dtype=np.float32), _labels(3, 2, 2, 2)),
            {"weight": np.float32(_WEIGHT)},
            "weights",
            "float32",
        ),
        Case(_BOTH, {}, "weights", "some pixels have no label"),
        Case(_FEW, {}, "ignored", "some pixels have no label"),
        Case(_OTHER, {"ignore_index": -1}, "ignored", "another index"),
        Case(_CLASS, {"ignore_index": 1}, "ignored", "the pixels of a class do not count"),
        Case(_NONE, {}, "ignored", "no pixel has a label: NaN"),
        Case((_x(2, 3, 2, 5), _labels(3, 2, 2, 5)), {"reduction": "sum"}, "reductions"),
        Case((_x(2, 3, 1, 4), _labels(3, 2, 1, 4)), {"reduction": "none"}, "reductions"),
        Case(_BOTH, {"reduction": "sum"}, "reductions", "weights, and pixels without a label"),
        Case(_BOTH, {"reduction": "none"}, "reductions", "weights, and pixels without a label"),
        Case((*_OTHER, _WEIGHT), {"ignore_index": -1, "reduction": "sum"}, "reductions", "all options"),
        Case((*_PLAIN[1], np.zeros(3)), {"reduction": "sum"}, "reductions", "weights of 0 are weights"),
        Case((*_OTHER, _WEIGHT), {"ignore_index": -1, "reduction": "none"}, "reductions", "all options"),
        Case(_INT8, {}, "large scores", "whole numbers (int8)"),
        Case(_BYTES, {"ignore_index": 255}, "ignored", "labels in bytes (uint8)"),
    ),
    draw_case=_draw_loss,
    mistakes=(
        Mistake("exponentiates int8", _NARROW, _loss_with(_narrow_logs), share=5 / 6),
        Mistake(
            "no softmax",
            "You took the scores themselves for logarithms of probabilities: the softmax is missing.",
            _of_linear_scores,
        ),
        Mistake(
            "softmax over the columns",
            "Your softmax runs along the last axis, over pixels; it runs over the classes of each pixel, axis 1.",
            _along(3),
        ),
        Mistake(
            "softmax over the batch",
            "Your softmax runs over the batch; it runs over the classes of each pixel, axis 1.",
            _along(0),
        ),
        Mistake(
            "no minus",
            "The sign is wrong: the loss is minus the logarithm, so that it is never negative.",
            lambda *args, **options: -_loss(*args, **options),
        ),
        Mistake(
            "in bits",
            "You used the logarithm to base 2: the natural one is asked for.",
            lambda *args, **options: _loss(*args, **options) / math.log(2),
        ),
        Mistake(
            "overflows",
            "Large scores overflow: subtract each pixel's largest score before you exponentiate.",
            _overflows,
            share=5 / 6,
        ),
        Mistake("subtracts the largest of all", _LARGEST, _loss_below_largest, share=5 / 6),
        Mistake(
            "mean over the samples",
            "You divided by the number of pictures; the mean runs over pixels.",
            _mean_over(_samples)[0],
            share=1 / 6,
        ),
        Mistake(
            "mean over all pixels",
            "You divided by the number of all pixels: divide by the weights of those with a label.",
            _mean_over(_all_pixels)[0],
            share=4 / 6,
        ),
        Mistake(
            "weighted sum over a plain count",
            "With class weights you divided by the number of labelled pixels: divide by the sum of their weights.",
            _mean_over(_counted)[0],
            share=5 / 6,
        ),
        Mistake("weighs pixels without a label", _WEIGHED, _mean_over(_weights_of_all)[0], share=5 / 6),
        Mistake(
            "mean of the pictures' means",
            "You averaged the means of the pictures: one mean runs over the pixels of all of them.",
            _mean_of_means,
            share=4 / 6,
        ),
        Mistake("ignores the weights", "You ignored weight.", _loss_with(weight=None), share=4 / 6),
        Mistake("weights in the mean alone", _MEAN_ALONE, _weights_in_mean_alone[0], share=5 / 6),
        Mistake(
            "cuts the probabilities off",
            "You keep the logarithm away from 0 by a smallest probability: a pixel that is very wrong then costs too little.",
            _cut_off,
            share=5 / 6,
        ),
        Mistake(
            "nothing costs 0",
            "Where no pixel has a label you gave 0: the mean of nothing is NaN.",
            _zero_of_nothing,
            share=5 / 6,
        ),
        Mistake("always -100", _ALWAYS_100, _always_100[0], share=2 / 3),
        Mistake("leaves out what is no class", _NO_CLASS, _without_strange_labels[0], share=5 / 6),
        Mistake("always the mean", "You ignored reduction.", _loss_with(reduction="mean"), share=5 / 6),
    ),
)


def _slope_with(change=None, **instead):
    """Build a wrong gradient: `change` changes the right one, keywords replace arguments."""

    def wrong(grad_output, logits, target, weight=None, ignore_index=-100, reduction="mean"):
        options = {"weight": weight, "ignore_index": ignore_index, "reduction": reduction} | instead
        right = _slope(grad_output, logits, target, **options)
        return (
            right if change is None else change(right, grad_output, logits, target, options).astype(_float_of(logits))
        )

    return wrong


def _pixel_weights(grad_output, target, given):
    """Return (N, 1, H, W): the factor that each pixel's probabilities minus its label get."""
    kept = target != given["ignore_index"]
    weight = np.ones(target.shape) if given["weight"] is None else given["weight"][np.where(kept, target, 0)]
    weight = np.where(kept, weight, 0)
    return (grad_output * weight / (weight.sum() if given["reduction"] == "mean" else 1))[:, None]


def _probabilities(right, grad_output, logits, target, given):
    return tensor(_floats(logits)).softmax(1).numpy() * _pixel_weights(grad_output, target, given)


def _below_largest(right, grad_output, logits, target, given):
    labels = _labels_alone(right, grad_output, logits, target, given)
    return labels + _less_largest_of_all(tensor(_floats(logits))).numpy() * _pixel_weights(grad_output, target, given)


def _labels_alone(right, grad_output, logits, target, given):
    return right - _probabilities(right, grad_output, logits, target, given)


def _also_ignored(right, grad_output, logits, target, given):
    """Give pixels without a label the gradient of class 0."""
    fake = np.where(target == given["ignore_index"], 0, target)
    return _slope(grad_output, logits, fake, given["weight"], -100, given["reduction"])


def _draw_slope(sampler):
    case = _draw_loss(sampler)
    shape = case.args[1].shape if case.kwargs.get("reduction") == "none" else ()
    upstream = sampler.array(*shape) + 3 if shape else float(sampler.choice((0.5, -2.0, 3.0)))
    return Case((upstream, *case.args), case.kwargs, case.part)


_x = Arrays("structured_outputs", "pixelwise_cross_entropy_backward")
PIXELWISE_CROSS_ENTROPY_BACKWARD = Check(
    "pixelwise_cross_entropy_backward",
    section="structured_outputs#structured_outputs-labels",
    oracle=_slope,
    scale=_slope_scale,
    exempt={"identities": "probabilities come out, and never what went in"},
    parts={"plain": 3, "weights": 1, "ignored": 1, "reductions": 1},
    cases=(
        Case((2, *_PLAIN[0]), {}, "plain", "probabilities (1/2, 1/2)"),
        Case((-0.7, *_PLAIN[1]), {}, "plain", "batch, not square"),
        Case((1.3, *_PLAIN[2]), {}, "plain", "float32"),
        Case((0.4, *_PLAIN[3]), {}, "plain", "an array that is not contiguous"),
        Case((2.0, 900 * _x(2, 3, 2, 4), _labels(3, 2, 2, 4)), {}, "plain", "large scores"),
        Case((0.9, *_PLAIN[1], _WEIGHT), {}, "weights"),
        Case(
            (1.7, _x(2, 3, 2, 2, dtype=np.float32), _labels(3, 2, 2, 2), np.float32(_WEIGHT)), {}, "weights", "float32"
        ),
        Case((0.8, *_BOTH), {}, "weights", "some pixels have no label"),
        Case((1.1, *_FEW), {}, "ignored", "some pixels have no label"),
        Case((-2.0, *_OTHER), {"ignore_index": -1}, "ignored", "another index"),
        Case((0.6, *_CLASS), {"ignore_index": 1}, "ignored", "the pixels of a class do not count"),
        Case((3.0, _x(2, 3, 2, 5), _labels(3, 2, 2, 5)), {"reduction": "sum"}, "reductions"),
        Case((_x(2, 1, 4), _x(2, 3, 1, 4), _labels(3, 2, 1, 4)), {"reduction": "none"}, "reductions"),
        Case((-1.4, *_BOTH), {"reduction": "sum"}, "reductions", "weights, and pixels without a label"),
        Case((_x(2, 4, 2), *_BOTH), {"reduction": "none"}, "reductions", "weights, and pixels without a label"),
        Case((0.7, *_OTHER, _WEIGHT), {"ignore_index": -1, "reduction": "sum"}, "reductions", "all options"),
        Case((0.7, *_PLAIN[1], np.zeros(3)), {"reduction": "sum"}, "reductions", "weights of 0 are weights"),
        Case((_x(2, 4, 2), *_OTHER, _WEIGHT), {"ignore_index": -1, "reduction": "none"}, "reductions", "all options"),
        Case((1.5, *_INT8), {}, "plain", "whole numbers (int8)"),
        Case((0.3, *_BYTES), {"ignore_index": 255}, "ignored", "labels in bytes (uint8)"),
    ),
    draw_case=_draw_slope,
    mistakes=(
        Mistake(
            "exponentiates int8",
            _NARROW,
            lambda g, logits, *rest, **options: _slope(g, _narrow_logs(logits), *rest, **options),
            share=3 / 6,
        ),
        Mistake(
            "ignores the gradient from above",
            "You ignored grad_output: what comes from above multiplies everything.",
            lambda grad_output, *args, **options: _slope(np.ones_like(grad_output), *args, **options),
        ),
        Mistake(
            "labels minus probabilities",
            "The sign is wrong: the gradient is the probability minus the label.",
            _slope_with(lambda right, *rest: -right),
        ),
        Mistake(
            "probabilities alone",
            "You did not subtract 1 at the right class.",
            _slope_with(_probabilities),
        ),
        Mistake(
            "labels alone",
            "You left the probabilities out: raising any score of a pixel changes its softmax.",
            _slope_with(_labels_alone),
        ),
        Mistake("subtracts the largest of all", _LARGEST, _slope_with(_below_largest), share=3 / 6),
        Mistake(
            "a sum instead of a mean",
            "You did not divide: the gradient of a mean is that of the sum, divided as the mean was.",
            _slope_with(
                lambda right, grad_output, logits, target, given: _slope(
                    grad_output,
                    logits,
                    target,
                    given["weight"],
                    given["ignore_index"],
                    "sum" if given["reduction"] == "mean" else given["reduction"],
                )
            ),
            share=1 / 6,
        ),
        Mistake(
            "mean over the samples",
            "You divided by the number of pictures; the mean runs over pixels.",
            _mean_over(_samples)[1],
            share=1 / 6,
        ),
        Mistake(
            "mean over all pixels",
            "You divided by the number of all pixels: the forward pass divided by the weights of those with a label.",
            _mean_over(_all_pixels)[1],
            share=4 / 6,
        ),
        Mistake(
            "weighted sum over a plain count",
            "With class weights you divided by the number of labelled pixels: divide by the sum of their weights.",
            _mean_over(_counted)[1],
            share=5 / 6,
        ),
        Mistake("weighs pixels without a label", _WEIGHED, _mean_over(_weights_of_all)[1], share=5 / 6),
        Mistake("ignores the weights", "You ignored weight.", _slope_with(weight=None), share=4 / 6),
        Mistake("weights in the mean alone", _MEAN_ALONE, _weights_in_mean_alone[1], share=5 / 6),
        Mistake("always -100", _ALWAYS_100, _always_100[1], share=2 / 3),
        Mistake("leaves out what is no class", _NO_CLASS, _without_strange_labels[1], share=5 / 6),
        Mistake(
            "pixels without a label learn",
            "Pixels that do not count get a gradient: it is 0 there.",
            _slope_with(_also_ignored),
            share=3 / 6,
        ),
    ),
)

# --- the score -----------------------------------------------------------------------------------------------------


def _counts(prediction, target, num_classes, ignore_index=-100):
    """Return for each class the pixels that are it in both, in the prediction, and in the target."""
    p, t = (tensor(np.array(labels, np.int64)).flatten() for labels in (prediction, target))
    p, t = p[t != ignore_index], t[t != ignore_index]
    inside = [torch.bincount(v, minlength=num_classes).double().numpy() for v in (p[p == t], p, t)]
    return [counts[:num_classes] for counts in inside]


def _overlap(prediction, target, num_classes, ignore_index=-100):
    both, predicted, true = _counts(prediction, target, num_classes, ignore_index)
    with np.errstate(invalid="ignore"):
        return both / (predicted + true - both)


def _score(change):
    """Build a wrong score: `change` gets the three counts."""

    def wrong(prediction, target, num_classes, ignore_index=-100):
        with np.errstate(all="ignore"):
            return change(*_counts(prediction, target, num_classes, ignore_index))

    return wrong


def _ignored_count(prediction, target, num_classes, ignore_index=-100):
    """Leave pixels without a label out of the target's counts, but not out of the prediction's."""
    both, _, true = _counts(prediction, target, num_classes, ignore_index)
    flat = np.asarray(prediction).ravel()
    predicted = np.bincount(flat[(flat >= 0) & (flat < num_classes)], minlength=num_classes)
    with np.errstate(all="ignore"):
        return both / (predicted + true - both)


def _without_strange_targets(prediction, target, num_classes, ignore_index=-100):
    return _overlap(prediction, np.where((target < 0) | (target >= num_classes), -100, target), num_classes)


def _without_predictions(prediction, target, num_classes, ignore_index=-100):
    return _overlap(prediction, np.where(prediction == ignore_index, ignore_index, target), num_classes, ignore_index)


def _in_bytes(prediction, target, num_classes, ignore_index=-100):
    """Give every pair of labels a number of the labels' own type."""
    pairs = num_classes * target + prediction
    labels = np.where(target == ignore_index, np.int64(ignore_index), pairs // num_classes)
    return _overlap(pairs % num_classes, labels, num_classes, ignore_index)


def _once(prediction, target, num_classes, ignore_index=-100):
    """Count every pair of labels once."""
    kept = target != ignore_index
    pairs = np.unique(num_classes * target[kept].astype(int) + prediction[kept])
    return _overlap(pairs % num_classes, pairs // num_classes, num_classes)


def _filled(value):
    return lambda *args, **options: np.nan_to_num(_overlap(*args, **options), nan=value)


def _draw_overlap(sampler):
    k, h, w = sampler.integer(2, 4), sampler.integer(2, 4), sampler.integer(2, 5)
    prediction, target = np.random.default_rng(sampler.integer(0, 99)).integers(k, size=(2, 2, h, w))
    part = sampler.choice(("classes present", "empty classes", "ignored"))
    if part == "classes present":
        target.ravel()[: min(k, target.size)] = np.arange(k)[: target.size]
    if part == "ignored":
        target[0, 0] = -100
        target.ravel()[-k:] = np.arange(k)
    return Case((prediction, target, k + (part == "empty classes")), {}, part)


_TARGET = np.array([[[0, 0, 1, 1], [0, 2, 2, 1]], [[2, 2, 0, 0], [1, 0, 0, 0]]])
_GUESS = np.array([[[0, 1, 1, 1], [0, 2, 0, 1]], [[2, 0, 0, 0], [1, 1, 0, 2]]])
_HOLES = np.where(np.arange(16).reshape(2, 2, 4) % 5 == 1, -100, _TARGET)
_LINE, _OTHER_LINE = np.array([[[0, 1, 1, 1]]]), np.array([[[0, 0, 1, 1]]])
_MANY = np.append(_labels(20, 26), [255] * 4).reshape(2, 3, 5).astype(np.uint8)

_x = Arrays("structured_outputs", "intersection_over_union")
INTERSECTION_OVER_UNION = Check(
    "intersection_over_union",
    section="structured_outputs#structured_outputs-scores",
    oracle=_overlap,
    scale=lambda *args, **options: 1.0,
    parts={"classes present": 2, "empty classes": 2, "ignored": 1},
    cases=(
        Case((_LINE, _OTHER_LINE, 2), {}, "classes present"),
        Case((1 - _LINE, 1 - _LINE, 2), {}, "classes present", "a class of one pixel"),
        Case((np.array([[[0, 1, 1, 2]]]), np.array([[[0, 2, 2, 1]]]), 3), {}, "classes present", "nothing in common"),
        Case((_GUESS, _TARGET, 3), {}, "classes present", "three classes, two pictures"),
        Case((_labels(4, 2, 3, 5), _labels(4, 2, 3, 5), 4), {}, "classes present"),
        Case((_LINE, _OTHER_LINE, 3), {}, "empty classes", "class 2 is nowhere"),
        Case((_GUESS, np.minimum(_TARGET, 1), 4), {}, "empty classes", "class 2 is in the prediction alone"),
        Case((np.minimum(_GUESS, 1), _TARGET, 4), {}, "empty classes", "class 2 is in the target alone"),
        Case((_GUESS, _HOLES, 3), {}, "ignored"),
        Case((np.flip(_GUESS), _HOLES, 3), {}, "ignored"),
        Case(
            (np.flip(_MANY) % 20, _MANY, 20), {"ignore_index": 255}, "ignored", "another index, labels in bytes (uint8)"
        ),
        Case((_GUESS, _TARGET, 3), {"ignore_index": 0}, "ignored", "the background does not count"),
    ),
    draw_case=_draw_overlap,
    mistakes=(
        Mistake(
            "Dice",
            "You computed the Dice score: twice the intersection over the sum of both sizes.",
            _score(lambda both, predicted, true: 2 * both / (predicted + true)),
        ),
        Mistake(
            "counts the intersection twice",
            "Your union counts the common pixels twice: subtract the intersection once.",
            _score(lambda both, predicted, true: both / (predicted + true)),
        ),
        Mistake(
            "recall",
            "You divided by the pixels of the target alone; the union holds those of the prediction too.",
            _score(lambda both, predicted, true: both / true),
        ),
        Mistake(
            "precision",
            "You divided by the predicted pixels alone; the union holds those of the target too.",
            _score(lambda both, predicted, true: both / predicted),
        ),
        Mistake(
            "an empty class is 0",
            "You gave a class that is in neither picture 0; it is NaN, so that a mean can leave it out.",
            _filled(0.0),
            share=3 / 5,
        ),
        Mistake(
            "an empty class is 1",
            "You gave a class that is in neither picture 1; it is NaN, so that a mean can leave it out.",
            _filled(1.0),
            share=3 / 5,
        ),
        Mistake(
            "looks for classes in the target alone",
            "You gave NaN to a class that was predicted but is not in the target: its score is 0.",
            _score(lambda both, predicted, true: np.where(true == 0, np.nan, both / (predicted + true - both))),
            share=2 / 5,
        ),
        Mistake(
            "NaN where nothing is in common",
            "You gave NaN to a class that is nowhere in both pictures at once, but is in one of them: its score is 0.",
            _score(lambda both, predicted, true: np.where(both == 0, np.nan, both / (predicted + true - both))),
        ),
        Mistake(
            "counts every pair of labels once",
            "You count no pair of labels more than once: counts[indices] += 1 adds 1 to a place, however often it is named.",
            _once,
        ),
        Mistake(
            "the mean",
            "You return the mean; a score for each class is asked for.",
            lambda *args, **options: np.nanmean(_overlap(*args, **options)),
        ),
        Mistake(
            "mean over the pictures",
            "You averaged the scores of the pictures: count the pixels of all of them first.",
            lambda prediction, target, *rest, **options: np.nanmean(
                [_overlap(p, t, *rest, **options) for p, t in zip(prediction, target, strict=True)], axis=0
            ),
        ),
        Mistake(
            "counts predictions without a label",
            "Where the target has no label you left out the target but still counted the prediction.",
            _ignored_count,
            share=4 / 5,
        ),
        Mistake(
            "bytes wrap around",
            "You computed with labels in their own type: bytes (uint8) wrap around at 256.",
            _in_bytes,
            share=4 / 5,
        ),
        Mistake("leaves out what is no class", _NO_CLASS, _without_strange_targets, share=4 / 5),
        Mistake(
            "leaves out predictions",
            "You left pixels out for what is predicted there: ignore_index is looked for in the target alone.",
            _without_predictions,
            share=4 / 5,
        ),
    ),
)

# --- enlarging -----------------------------------------------------------------------------------------------------


def _size(x, size, scale_factor):
    if size is not None:
        return pair(size)
    vertical, horizontal = pair(scale_factor)
    return x.shape[2] * vertical, x.shape[3] * horizontal


def _resize(mode, **fixed):
    """Return PyTorch's function for arrays, and its gradient."""

    def forward(x, size=None, scale_factor=None, **options):
        return F.interpolate(x, size=_size(x, size, scale_factor), mode=mode, **fixed, **options)

    return on_torch(forward), gradient(forward)


_nearest, _nearest_slope = _resize("nearest")
_bilinear, _ = _resize("bilinear")


def _weights(n, m, position, inside=True):
    """Return (m, n): how much each input element counts for each output, at these positions of the input."""
    at = np.array([position(i, n, m) for i in range(m)], dtype=float)
    if inside:
        at = np.clip(at, 0, n - 1)
    return np.maximum(1 - np.abs(at[:, None] - np.arange(n)), 0)


def _mixed(rows, columns=None):
    """Build a wrong enlargement from the weights along rows and along columns."""

    def wrong(x, size=None, scale_factor=None, **options):
        height, width = _size(x, size, scale_factor)
        down = rows(x.shape[2], height)
        across = (columns or rows)(x.shape[3], width)
        return (
            torch.einsum("ph,nchw,qw->ncpq", tensor(down), tensor(x).double(), tensor(across)).numpy().astype(x.dtype)
        )

    return wrong


def _copies(n, m, index):
    chosen = np.clip(np.array([index(i, n, m) for i in range(m)], dtype=int), 0, n - 1)
    return np.eye(n)[chosen]


def _divided_first(i, n, m):
    return int(i * (n / m))


def _by_the_factor(i, n, m):
    return int(i / (m / n))


def _middle(i, n, m):
    return (i + 0.5) * n / m - 0.5


def _aligned(i, n, m):
    return i * (n - 1) / max(m - 1, 1)


def _swapped(function):
    def wrong(x, size=None, scale_factor=None, **options):
        turned = {"size": size, "scale_factor": scale_factor}
        turned = {key: value and pair(value)[::-1] for key, value in turned.items()}
        return function(x, **turned, **options)

    return wrong


def _draw_resize(sampler, other=()):
    x = sampler.array(sampler.integer(1, 2), sampler.integer(1, 2), sampler.integer(1, 3), sampler.integer(2, 4))
    part = sampler.choice(("scale factor", "size", *other))
    if part == "scale factor":
        return Case((x,), {"scale_factor": sampler.choice(((2, 3), (1, 2), (3, 1)))}, part)
    size = (sampler.integer(1, 7), sampler.integer(2, 7))
    return Case((x,), {"size": size} | ({"align_corners": True} if other and part == other[0] else {}), part)


_SMALL = np.array([[[[1.0, 2.0], [3.0, 5.0]]]])
_x = Arrays("structured_outputs", "resized")
_RESIZED = (
    Case((_SMALL,), {"scale_factor": 2}, "scale factor"),
    Case((_x(2, 3, 2, 3),), {"scale_factor": (3, 2)}, "scale factor", "two factors, batch, channels"),
    Case((np.swapaxes(_x(2, 2, 3, 4), 2, 3),), {"scale_factor": (1, 3)}, "scale factor", "not contiguous"),
    Case((_x(2, 2, 3, 2, dtype=np.float32),), {"scale_factor": 2}, "scale factor", "float32"),
    Case((_x(1, 2, 1, 1),), {"scale_factor": (2, 3)}, "scale factor", "a single pixel"),
    Case((_SMALL,), {"scale_factor": 1}, "scale factor", "no larger than before"),
    Case((_x(1, 1, 22, 1),), {"scale_factor": (2, 1)}, "scale factor", "many rows"),
    Case((_x(2, 2, 3, 4),), {"size": (7, 9)}, "size", "a size that does not divide"),
    Case((_x(1, 3, 6, 4), (8, 4)), {}, "size", "one axis stays as it is"),
    Case((_x(2, 1, 5, 7),), {"size": (3, 5)}, "size", "smaller than before"),
    Case((_x(1, 2, 3, 4),), {"size": 5}, "size", "one number for both"),
    Case((_x(1, 2, 2, 3),), {"size": 1}, "size", "to a single pixel"),
    Case((_x(1, 1, 30, 14),), {"size": (22, 18)}, "size", "many rows and columns"),
    Case((_x(1, 1, 42, 22),), {"size": (14, 22)}, "size", "many rows and columns"),
)

_FRACTION = (
    "You divided too early: the fraction may lie just below a whole number, and is then rounded down to the one before."
)

UPSAMPLE_NEAREST2D = Check(
    "upsample_nearest2d",
    section="structured_outputs#structured_outputs-upsampling",
    oracle=_nearest,
    exempt={"combinations": "size or scale_factor is given, never both"},
    parts={"scale factor": 2, "size": 1},
    cases=_RESIZED,
    draw_case=_draw_resize,
    photographs=True,
    mistakes=(
        Mistake("divides first", _FRACTION, _mixed(lambda n, m: _copies(n, m, _divided_first)), share=2 / 3),
        Mistake("divides by the factor", _FRACTION, _mixed(lambda n, m: _copies(n, m, _by_the_factor)), share=2 / 3),
        Mistake(
            "tiles the picture",
            "You set copies of the whole picture side by side; each pixel becomes a block.",
            _mixed(lambda n, m: _copies(n, m, lambda i, n, m: i % n)),
        ),
        Mistake(
            "mixes",
            "You mixed neighbours, as bilinear enlargement does: here pixels are copied.",
            _bilinear,
        ),
        Mistake(
            "rounds",
            "You rounded the position; round it down, so that every pixel of a whole factor is copied equally often.",
            _mixed(lambda n, m: _copies(n, m, lambda i, n, m: round(i * n / m))),
        ),
        Mistake(
            "from the middle",
            "You computed positions from the middle of the pixels; output i copies input floor(i n / m).",
            _mixed(lambda n, m: _copies(n, m, lambda i, n, m: math.floor((i + 0.5) * n / m))),
            share=2 / 3,
        ),
        Mistake(
            "swaps height and width",
            "You swapped height and width: the first number of a pair is for the rows.",
            _swapped(_nearest),
        ),
        Mistake(
            "rows alone",
            "You enlarged the rows alone and filled the width with the first column.",
            _mixed(
                lambda n, m: _copies(n, m, lambda i, n, m: i * n // m), lambda n, m: _copies(n, m, lambda i, n, m: 0)
            ),
        ),
        Mistake(
            "leaves gaps",
            "You left zeros between the pixels: each is copied to its whole block.",
            _mixed(lambda n, m: _copies(n, m, lambda i, n, m: i * n // m) * (np.arange(m) * n % m == 0)[:, None]),
        ),
    ),
)


def _cell(index, keep):
    """Build a wrong gradient: for each input, `keep` makes one number of the gradients (..., copies) of its outputs."""

    def wrong(grad_output, x, size=None, scale_factor=None):
        rows = [index(i, x.shape[2], grad_output.shape[2]) for i in range(grad_output.shape[2])]
        columns = [index(j, x.shape[3], grad_output.shape[3]) for j in range(grad_output.shape[3])]
        result = np.zeros(x.shape, grad_output.dtype)
        for p, q in np.ndindex(x.shape[2:]):
            part = grad_output[:, :, np.equal(rows, p)][:, :, :, np.equal(columns, q)]
            if part.size:
                result[:, :, p, q] = keep(part.reshape(*part.shape[:2], -1))
        return result

    return wrong


def _floor(i, n, m):
    return i * n // m


def _with_gradient(case):
    """Put a random gradient of the output's shape before the case's arguments."""
    shape = _nearest(*case.args, **case.kwargs).shape
    return Case((_x(*shape, dtype=case.args[0].dtype), *case.args), case.kwargs, case.part, case.note)


def _draw_nearest_slope(sampler):
    case = _draw_resize(sampler)
    return Case((sampler.array(*_nearest(*case.args, **case.kwargs).shape), *case.args), case.kwargs, case.part)


_x = Arrays("structured_outputs", "upsample_nearest2d_backward")
UPSAMPLE_NEAREST2D_BACKWARD = Check(
    "upsample_nearest2d_backward",
    section="structured_outputs#structured_outputs-upsampling",
    oracle=_nearest_slope,
    exempt={"combinations": "size or scale_factor is given, never both"},
    parts={"scale factor": 2, "size": 1},
    cases=tuple(map(_with_gradient, _RESIZED)),
    draw_case=_draw_nearest_slope,
    mistakes=(
        Mistake(
            "the last copy",
            "You assigned where a pixel has several copies: their gradients add.",
            _cell(_floor, lambda part: part[..., -1]),
        ),
        Mistake(
            "the first copy",
            "You took the gradient of the first copy alone: those of all copies add.",
            _cell(_floor, lambda part: part[..., 0]),
        ),
        Mistake(
            "the mean",
            "You took the mean over the copies: each of them contributes its whole gradient.",
            _cell(_floor, lambda part: part.mean(-1)),
        ),
        Mistake(
            "from the middle",
            "You add at the nearest middle; output i came from input floor(i n / m).",
            _cell(lambda i, n, m: min(math.floor((i + 0.5) * n / m), n - 1), lambda part: part.sum(-1)),
            share=2 / 3,
        ),
        Mistake("divides first", _FRACTION, _cell(_divided_first, lambda part: part.sum(-1)), share=2 / 3),
        Mistake("divides by the factor", _FRACTION, _cell(_by_the_factor, lambda part: part.sum(-1)), share=2 / 3),
        Mistake(
            "ignores the gradient from above",
            "You counted the copies of each pixel: grad_output says what each of them weighs.",
            lambda grad_output, x, size=None, scale_factor=None: _nearest_slope(
                np.ones_like(grad_output), x, size, scale_factor
            ),
        ),
        Mistake(
            "flipped",
            "Your sums are in reverse order.",
            lambda *args, **options: _nearest_slope(*args, **options)[:, :, ::-1, ::-1].copy(),
        ),
        Mistake(
            "adds up the batch",
            "You added the pictures of the batch up: each has a gradient of its own.",
            lambda *args, **options: (
                _nearest_slope(*args, **options).sum(0, keepdims=True) + np.zeros_like(args[1], dtype=args[0].dtype)
            ),
        ),
    ),
)


def _either(plain, aligned):
    """Build a wrong bilinear enlargement from one for each convention."""

    def wrong(x, size=None, scale_factor=None, align_corners=False):
        return (aligned if align_corners else plain)(x, size, scale_factor)

    return wrong


def _right_aligned(x, size=None, scale_factor=None):
    return _bilinear(x, size, scale_factor, align_corners=True)


_at_corners = _mixed(lambda n, m: _weights(n, m, _aligned))

_x = Arrays("structured_outputs", "upsample_bilinear2d")
UPSAMPLE_BILINEAR2D = Check(
    "upsample_bilinear2d",
    section="structured_outputs#structured_outputs-upsampling",
    oracle=_bilinear,
    scale=lambda x, *rest, **options: np.abs(x).max(),
    exempt={"combinations": "size or scale_factor is given, never both"},
    parts={"scale factor": 3, "size": 1, "aligned corners": 2},
    cases=(
        Case((np.array([[[[0.0, 8.0]]]]),), {"scale_factor": (1, 2)}, "scale factor"),
        Case((_SMALL,), {"scale_factor": 2}, "scale factor"),
        Case((_x(2, 3, 2, 3),), {"scale_factor": (3, 2)}, "scale factor", "two factors, batch, channels"),
        Case((np.swapaxes(_x(2, 2, 3, 4), 2, 3),), {"scale_factor": (1, 3)}, "scale factor", "not contiguous"),
        Case((_x(2, 2, 3, 2, dtype=np.float32),), {"scale_factor": 2}, "scale factor", "float32"),
        Case((_x(1, 2, 1, 1),), {"scale_factor": (2, 3)}, "scale factor", "a single pixel"),
        Case((_SMALL,), {"scale_factor": 1}, "scale factor", "no larger than before"),
        Case((_x(2, 2, 3, 4),), {"size": (7, 9)}, "size", "a size that does not divide"),
        Case((_x(1, 3, 6, 4), (8, 4)), {}, "size", "one axis stays as it is"),
        Case((_x(2, 1, 5, 7),), {"size": (3, 5)}, "size", "smaller than before"),
        Case((_x(2, 1, 4, 3),), {"size": (1, 7)}, "size", "one axis shrinks, the other grows"),
        Case((_x(1, 2, 3, 4),), {"size": 5}, "size", "one number for both"),
        Case((np.array([[[[0.0, 9.0]]]]),), {"scale_factor": (1, 2), "align_corners": True}, "aligned corners"),
        Case((_x(2, 2, 3, 4),), {"size": (7, 9), "align_corners": True}, "aligned corners"),
        Case((_x(1, 2, 3, 4),), {"size": (1, 5), "align_corners": True}, "aligned corners", "one row out"),
        Case((_x(1, 2, 4, 3),), {"size": (2, 7), "align_corners": True}, "aligned corners", "two rows out"),
    ),
    draw_case=lambda sampler: _draw_resize(sampler, ("aligned corners",)),
    photographs=True,
    mistakes=(
        Mistake(
            "copies",
            "You copied pixels: bilinear enlargement mixes neighbours.",
            lambda x, size=None, scale_factor=None, align_corners=False: _nearest(x, size, scale_factor),
        ),
        Mistake(
            "always aligned",
            "You always align the corners: by default the borders of the pixels are aligned.",
            _either(_right_aligned, _right_aligned),
            share=2 / 6,
        ),
        Mistake(
            "never aligned",
            "You ignored align_corners.",
            _either(_bilinear, _bilinear),
            share=4 / 6,
        ),
        Mistake(
            "the pixels' corners",
            "Your positions are i n / m: the half pixels are missing, so that the picture moves.",
            _either(_mixed(lambda n, m: _weights(n, m, lambda i, n, m: i * n / m)), _at_corners),
            share=2 / 6,
        ),
        Mistake(
            "fades at the borders",
            "At the borders you mix with zeros: positions outside the picture count as those of its first or last pixel.",
            _either(_mixed(lambda n, m: _weights(n, m, _middle, inside=False)), _at_corners),
            share=2 / 6,
        ),
        Mistake(
            "the other weight",
            "You exchanged the weights: the nearer neighbour gets the larger one.",
            _either(
                _mixed(
                    lambda n, m: _weights(
                        n, m, lambda i, n, m: 2 * math.floor(max(_middle(i, n, m), 0)) + 1 - max(_middle(i, n, m), 0)
                    )
                ),
                _mixed(
                    lambda n, m: _weights(
                        n, m, lambda i, n, m: 2 * math.floor(_aligned(i, n, m)) + 1 - _aligned(i, n, m)
                    )
                ),
            ),
        ),
        Mistake(
            "rows alone",
            "You mixed along the columns of the picture alone and copied along its rows.",
            _either(
                _mixed(lambda n, m: _weights(n, m, _middle), lambda n, m: _copies(n, m, _floor)),
                _mixed(lambda n, m: _weights(n, m, _aligned), lambda n, m: _copies(n, m, _floor)),
            ),
        ),
        Mistake(
            "swaps height and width",
            "You swapped height and width: the first number of a pair is for the rows.",
            _swapped(_bilinear),
        ),
    ),
)

# --- pictures of any size ------------------------------------------------------------------------------------------


def _to_kernels(weight, input_shape):
    return torch.clone(tensor(weight).unflatten(1, tuple(int(n) for n in input_shape))).numpy()


def _kernels_with(change):
    return lambda weight, input_shape: np.ascontiguousarray(change(_to_kernels(weight, input_shape)))


def _channels_last(weight, input_shape):
    c, h, w = input_shape
    return np.ascontiguousarray(np.moveaxis(weight.reshape(-1, h, w, c), 3, 1))


def _draw_kernels(sampler):
    c, h, w = sampler.integer(1, 3), sampler.integer(1, 3), sampler.integer(2, 4)
    part = "one channel" if c == 1 else "several channels"
    return Case((sampler.array(sampler.integer(1, 3), c * h * w), (c, h, w)), {}, part)


_x = Arrays("structured_outputs", "dense_to_conv")
_FASTEST = "You let another axis than the last run fastest: pixels are flattened row by row."

DENSE_TO_CONV = Check(
    "dense_to_conv",
    section="structured_outputs#structured_outputs-sliding",
    oracle=_to_kernels,
    parts={"one channel": 1, "several channels": 2},
    cases=(
        Case((np.array([[1.0, 2, 3, 4, 5, 6]]), (1, 2, 3)), {}, "one channel"),
        Case((_x(3, 6, dtype=np.float32), (1, 3, 2)), {}, "one channel", "float32"),
        Case((_x(2, 30), (2, 3, 5)), {}, "several channels"),
        Case((_x(4, 24)[:, ::2], (3, 4, 1)), {}, "several channels", "an array that is not contiguous"),
    ),
    draw_case=_draw_kernels,
    mistakes=(
        Mistake("a view", VIEW, lambda weight, input_shape: weight.reshape(len(weight), *input_shape), share=0.75),
        Mistake(
            "flips the kernels",
            "You flipped the kernels: a convolution layer does not flip, so each weight stays at its pixel.",
            _kernels_with(lambda kernels: kernels[:, :, ::-1, ::-1]),
        ),
        Mistake(
            "channels last",
            "You took the channels for the last axis of the flattened picture: they are the first.",
            _channels_last,
            share=1 / 4,
        ),
        Mistake(
            "the first axis fastest",
            _FASTEST,
            lambda weight, input_shape: np.stack([row.reshape(input_shape, order="F") for row in weight]),
        ),
        Mistake(
            "column by column",
            _FASTEST,
            _kernels_with(lambda k: np.swapaxes(k.reshape(*k.shape[:2], k.shape[3], k.shape[2]), 2, 3)),
            share=0.0,
        ),
        Mistake(
            "swaps height and width",
            "You swapped height and width of the kernels.",
            _kernels_with(lambda kernels: np.swapaxes(kernels, 2, 3)),
        ),
        Mistake(
            "channels before outputs",
            "You put the input channels before the outputs: kernels have the shape (K, C, kH, kW).",
            _kernels_with(lambda kernels: np.swapaxes(kernels, 0, 1)),
        ),
    ),
)


def _pyramid(x, levels=(1, 2, 4), pool=F.adaptive_avg_pool2d, join=None):
    parts = [pool(tensor(x), n) for n in levels]
    if join is not None:
        parts = [join(part) for part in parts]
    return torch.cat([part.flatten(1) for part in parts], dim=1).numpy()


def _levels_inside(x, levels=(1, 2, 4)):
    """Join the levels of each channel, then the channels."""
    one_by_one = [_pyramid(np.ascontiguousarray(channel), levels) for channel in np.split(x, x.shape[1], axis=1)]
    return np.concatenate(one_by_one, axis=1)


def _whole_bins(x, n):
    """Bins of one size, side by side; what is left over is dropped."""
    size = max(x.shape[2] // n, 1), max(x.shape[3] // n, 1)
    return F.adaptive_avg_pool2d(x[:, :, : size[0] * n, : size[1] * n], n)


def _cut(start, end):
    """Build wrong bins: from start(i, m, n) to end(i, m, n), bin i of n along an axis of m."""

    def pool(x, n):
        rows, columns = [[slice(start(i, m, n), end(i, m, n)) for i in range(n)] for m in x.shape[2:]]
        means = [[x[:, :, r, c].mean((2, 3), dtype=torch.double) for c in columns] for r in rows]
        return torch.stack([torch.stack(row, -1) for row in means], -2).to(torch.result_type(x, 0.0))

    return lambda x, levels=(1, 2, 4): _pyramid(x, levels, pool)


_down = lambda i, m, n: i * m // n  # noqa: E731
_APART = (
    "Your bins end where the next ones begin: round the end of a bin up, so that bins overlap where they do not fit."
)


def _sums(x, n):
    return F.adaptive_avg_pool2d(x, n) * (-(-x.shape[2] // n) * -(-x.shape[3] // n))


def _draw_pyramid(sampler):
    h, w = sampler.integer(2, 7), sampler.integer(3, 7)
    levels = sampler.choice(((1, 2), (2,), (1, 3), (3, 1, 2)))
    part = "even" if all(h % n == 0 and w % n == 0 for n in levels) else "uneven"
    return Case((sampler.array(sampler.integer(1, 2), sampler.integer(1, 3), h, w), levels), {}, part)


_x = Arrays("structured_outputs", "spatial_pyramid_pool")
SPATIAL_PYRAMID_POOL = Check(
    "spatial_pyramid_pool",
    section="structured_outputs#structured_outputs-fixed-output",
    oracle=_pyramid,
    parts={"even": 3, "uneven": 1},
    cases=(
        Case((np.array([[[[1.0, 3.0], [5.0, 7.0]]]]), (1, 2)), {}, "even"),
        Case((_x(2, 3, 4, 8),), {}, "even", "the default levels"),
        Case((_x(2, 2, 6, 3, dtype=np.float32), (1, 3)), {}, "even", "float32"),
        Case((lopsided(_x(1, 2, 9, 6)), (3,)), {}, "even", "running sums of float32 lose digits"),
        Case(
            (np.swapaxes(_x(3, 2, 4, 2), 2, 3), [2, 1]),
            {},
            "even",
            "not contiguous, levels in a list and another order",
        ),
        Case((_x(2, 2, 5, 7),), {}, "uneven", "bins that overlap"),
        Case((_x(1, 3, 7, 4), (3,)), {}, "uneven"),
        Case((_x(2, 2, 3, 5), (4, 1)), {}, "uneven", "more bins than rows"),
        Case((_x(2, 2, 1, 1), (2, 1)), {}, "uneven", "a single pixel"),
        Case((_x(1, 1, 42, 2), (14,)), {}, "uneven", "many bins"),
        Case((_x(1, 1, 22, 30), (22,)), {}, "uneven", "many bins along both axes"),
        Case((_x(1, 1, 14, 3), (18,)), {}, "uneven", "more bins than rows, and many"),
    ),
    draw_case=_draw_pyramid,
    photographs=True,
    mistakes=(
        Mistake(
            "the largest",
            "You took the largest value of each bin; the average is asked for.",
            lambda x, levels=(1, 2, 4): _pyramid(x, levels, F.adaptive_max_pool2d),
        ),
        Mistake(
            "channels last",
            "Within a level you run through the channels of each bin; all bins of a channel come first.",
            lambda x, levels=(1, 2, 4): _pyramid(x, levels, join=lambda part: part.permute(0, 2, 3, 1)),
        ),
        Mistake(
            "bins column by column",
            "Your bins run down the columns; they run row by row.",
            lambda x, levels=(1, 2, 4): _pyramid(x, levels, join=lambda part: part.transpose(2, 3)),
        ),
        Mistake(
            "levels inside channels",
            "You joined all levels of a channel: level comes after level, and within a level channel after channel.",
            _levels_inside,
        ),
        Mistake(
            "ignores the levels",
            "You ignored levels.",
            lambda x, levels=(1, 2, 4): _pyramid(x),
        ),
        Mistake(
            "sorts the levels",
            "You sorted the levels: they come in the order in which they are given.",
            lambda x, levels=(1, 2, 4): _pyramid(x, sorted(levels)),
            share=0.0,
        ),
        Mistake(
            "drops what is left over",
            "Your bins all have the same size and drop what is left over: round the start of a bin down, its end up.",
            lambda x, levels=(1, 2, 4): _pyramid(x, levels, _whole_bins),
            share=3 / 4,
        ),
        Mistake(
            "ends a pixel late",
            "You divided too early: the end of a bin may lie just above a whole number, and is then rounded up to the next.",
            _cut(_down, lambda i, m, n: math.ceil((i + 1) / n * m)),
            share=3 / 4,
        ),
        Mistake(
            "divides first",
            "You divided before multiplying: the border of a bin may then lie just beside a whole number, and is rounded to"
            " the wrong side. Multiply first, then divide whole numbers.",
            _cut(lambda i, m, n: math.floor(i * (m / n)), lambda i, m, n: math.ceil((i + 1) * (m / n))),
            share=3 / 4,
        ),
        Mistake("side by side", _APART, _cut(_down, lambda i, m, n: _down(i + 1, m, n)), share=3 / 4),
        Mistake(
            "side by side, of a pixel at least",
            _APART,
            _cut(_down, lambda i, m, n: max(_down(i + 1, m, n), _down(i, m, n) + 1)),
            share=3 / 4,
        ),
        Mistake(
            "sums",
            "You added the pixels of each bin up; the average is asked for.",
            lambda x, levels=(1, 2, 4): _pyramid(x, levels, _sums),
        ),
        Mistake(
            "the finest level alone",
            "You return one level: all of them are joined.",
            lambda x, levels=(1, 2, 4): _pyramid(x, levels[-1:]),
        ),
    ),
)

# --- refinement ----------------------------------------------------------------------------------------------------


def _round(x, u, v, w, labels, activation=torch.relu):
    hidden = activation(F.conv2d(x, u, padding="same") + F.conv2d(labels, w, padding="same"))
    return F.conv2d(hidden, v, padding="same")


def _refine(x, u, v, w, steps, start=0.0, to_labels=lambda scores: scores.softmax(1), activation=torch.relu):
    x, u, v, w = map(tensor, (x, u, v, w))
    labels = torch.full((len(x), len(v), *x.shape[2:]), start, dtype=x.dtype)
    scores = []
    for _ in range(steps):
        scores.append(_round(x, u, v, w, labels, activation))
        labels = to_labels(scores[-1])
    return torch.stack(scores).numpy()


def _refine_with(**change):
    return lambda x, input_weight, hidden_weight, label_weight, steps: _refine(
        x, input_weight, hidden_weight, label_weight, steps, **change
    )


def _hard(scores):
    return F.one_hot(scores.argmax(1), scores.shape[1]).permute(0, 3, 1, 2).to(scores.dtype)


def _first_guess(x, u, v, w, steps):
    """Look at the first round's labels in every later round."""
    first = _refine(x, u, v, w, 1)
    later = _round(*map(tensor, (x, u, v, w)), tensor(first[0]).softmax(1)).numpy()
    return np.stack([first[0], *[later] * (steps - 1)])


def _keeps_hidden(x, u, v, w, steps):
    """Add each round's labels to the hidden maps of the round before."""
    x, u, v, w = map(tensor, (x, u, v, w))
    hidden = torch.relu(F.conv2d(x, u, padding="same"))
    scores = [F.conv2d(hidden, v, padding="same")]
    for _ in range(steps - 1):
        hidden = torch.relu(hidden + F.conv2d(scores[-1].softmax(1), w, padding="same"))
        scores.append(F.conv2d(hidden, v, padding="same"))
    return torch.stack(scores).numpy()


def _adds_after_relu(x, u, v, w, steps):
    """Add the labels to hidden maps that went through the relu already."""
    x, u, v, w = map(tensor, (x, u, v, w))
    drive = torch.relu(F.conv2d(x, u, padding="same"))
    scores = [F.conv2d(drive, v, padding="same")]
    for _ in range(steps - 1):
        hidden = drive + F.conv2d(scores[-1].softmax(1), w, padding="same")
        scores.append(F.conv2d(hidden, v, padding="same"))
    return torch.stack(scores).numpy()


def _scale_refine(x, u, v, w, steps):
    return 1 + np.abs(_refine(x, u, v, w, steps)).max()


def _weights_of(channels, hidden, classes, u=(3, 3), v=(1, 1), w=(3, 3), shape=(4, 5), samples=2, dtype=np.float64):
    return (
        _x(samples, channels, *shape, dtype=dtype),
        _x(hidden, channels, *u, dtype=dtype),
        _x(classes, hidden, *v, dtype=dtype),
        _x(hidden, classes, *w, dtype=dtype),
    )


def _draw_refine(sampler):
    c, m, k = sampler.integer(1, 2), sampler.integer(1, 3), sampler.integer(2, 3)
    h, w = sampler.integer(2, 3), sampler.integer(3, 4)
    sizes = [sampler.choice(((1, 1), (3, 3), (1, 3))) for _ in range(3)]
    arrays = sampler.array(2, c, h, w), sampler.array(m, c, *sizes[0]), sampler.array(k, m, *sizes[1])
    steps = sampler.integer(1, 3)
    part = "one round" if steps == 1 else "more rounds"
    return Case((*arrays, sampler.array(m, k, *sizes[2]), steps), {}, part)


_ONE = np.ones((1, 1, 1, 1))
_DEEP = np.array([-2e9, -3e9]).reshape(2, 1, 1, 1)
_x = Arrays("structured_outputs", "net")
_NET = _weights_of(2, 3, 3)

_x = Arrays("structured_outputs", "refine")
REFINE = Check(
    "refine",
    section="structured_outputs#structured_outputs-refinement",
    oracle=_refine,
    scale=_scale_refine,
    parts={"one round": 2, "more rounds": 4},
    cases=(
        Case((3 * _ONE, _ONE, 2 * _ONE, 10 * _ONE, 1), {}, "one round", "a single pixel"),
        Case((*_NET, 1), {}, "one round"),
        Case((*_weights_of(1, 4, 2, (5, 3), (3, 1), (3, 3), (3, 5), dtype=np.float32), 1), {}, "one round", "float32"),
        Case((3 * _ONE, _ONE, 2 * _ONE, 10 * _ONE, 2), {}, "more rounds", "a single pixel"),
        Case((*_NET, 3), {}, "more rounds"),
        Case((*_weights_of(1, 2, 4, (1, 3), (3, 3), (5, 1), (3, 4)), 4), {}, "more rounds", "kernels of other sizes"),
        Case((*_weights_of(3, 2, 2, dtype=np.float32), 2), {}, "more rounds", "float32"),
        Case((np.swapaxes(_NET[0], 2, 3), *_NET[1:], 2), {}, "more rounds", "an array that is not contiguous"),
        Case((*_NET[:2], 300 * _NET[2], _NET[3], 2), {}, "more rounds", "large scores"),
        Case((3 * _ONE, _ONE, _DEEP, 10 * _ONE + _DEEP.reshape(1, 2, 1, 1) / 1e9, 2), {}, "more rounds", "far below 0"),
    ),
    draw_case=_draw_refine,
    photographs=True,
    tolerance32=1e-4,
    mistakes=(
        Mistake(
            "feeds the scores back",
            "You fed the scores back: the next round sees probabilities, a softmax over the classes.",
            _refine_with(to_labels=lambda scores: scores),
            share=2 / 6,
        ),
        Mistake(
            "feeds hard labels back",
            "You fed the most probable label back as 0 and 1: the next round sees the probabilities.",
            _refine_with(to_labels=_hard),
            share=2 / 6,
        ),
        Mistake(
            "softmax over the pixels",
            "Your softmax runs over pixels; it runs over the classes of each pixel.",
            _refine_with(to_labels=lambda scores: scores.softmax(3)),
            share=2 / 6,
        ),
        Mistake(
            "overflows",
            "Large scores overflow in your softmax: subtract each pixel's largest score before you exponentiate.",
            _refine_with(to_labels=lambda scores: scores.exp() / scores.exp().sum(1, keepdim=True)),
            share=2 / 6,
        ),
        Mistake("subtracts the largest of all", _LARGEST, _refine_with(to_labels=_less_largest_of_all), share=2 / 6),
        Mistake(
            "starts from equal probabilities",
            "You started from equal probabilities: before the first round there are no labels, P_0 = 0.",
            lambda x, u, v, w, steps: _refine(x, u, v, w, steps, start=1 / len(v)),
        ),
        Mistake(
            "no relu",
            "The relu is missing: hidden maps are never negative.",
            _refine_with(activation=lambda hidden: hidden),
        ),
        Mistake(
            "adds after the relu",
            "You added the labels after the relu: it takes the sum of both convolutions.",
            _adds_after_relu,
            share=2 / 6,
        ),
        Mistake(
            "does not look back",
            "All your rounds are the same: each must see the labels of the round before.",
            _refine_with(to_labels=torch.zeros_like),
            share=2 / 6,
        ),
        Mistake(
            "looks at the first guess for ever",
            "Every round sees the labels of the first; it must see those of the round before.",
            _first_guess,
            share=2 / 6,
        ),
        Mistake(
            "keeps the hidden maps",
            "You added to the hidden maps of the round before: each round starts again from U * X.",
            _keeps_hidden,
            share=2 / 6,
        ),
        Mistake(
            "the last round alone",
            "You return the last round alone: the scores of all rounds are asked for, one after the other.",
            lambda x, u, v, w, steps: _refine(x, u, v, w, steps)[-1],
        ),
        Mistake(
            "returns probabilities",
            "You return probabilities; the scores before the softmax are asked for.",
            lambda *args: tensor(_refine(*args)).softmax(2).numpy(),
        ),
        Mistake(
            "flips the kernels",
            "You flipped the kernels: these are convolution layers, which do not.",
            lambda x, u, v, w, steps: _refine(
                x, *(np.ascontiguousarray(k[:, :, ::-1, ::-1]) for k in (u, v, w)), steps
            ),
        ),
    ),
)


def _reach(input_size, hidden_size, label_size, steps):
    """Grow the field of view layer by layer, from the last round down to the picture."""
    wide = hidden_size
    for _ in range(steps - 1):
        wide = wide + label_size - 1 + hidden_size - 1
    return wide + input_size - 1


def _draw_reach(sampler):
    sizes = [2 * sampler.integer(0, 3) + 3 for _ in range(3)]
    part = sampler.choice(("one round", "more rounds"))
    return Case((*sizes, 1 if part == "one round" else sampler.integer(2, 6)), {}, part)


REFINEMENT_REACH = Check(
    "refinement_reach",
    section="structured_outputs#structured_outputs-refinement",
    oracle=_reach,
    parts={"one round": 1, "more rounds": 1},
    cases=(
        Case((3, 3, 3, 1), {}, "one round"),
        Case((5, 3, 7, 1), {}, "one round"),
        Case((7, 1, 3, 1), {}, "one round"),
        Case((3, 3, 3, 3), {}, "more rounds"),
        Case((5, 1, 3, 2), {}, "more rounds"),
        Case((1, 3, 7, 5), {}, "more rounds"),
        Case((3, 5, 1, 4), {}, "more rounds"),
        Case((17, 15, 3, 2), {}, "more rounds", "large kernels"),
    ),
    draw_case=_draw_reach,
    mistakes=(
        Mistake(
            "the picture again",
            "You added the input kernel in every round. A longer way leads through W and V: the picture is entered once.",
            lambda u, v, w, steps: _reach(u, v, u, steps),
            share=0.5,
        ),
        Mistake(
            "forgets to overlap",
            "You added the sizes: a kernel of k makes the view k - 1 wider, since windows overlap.",
            lambda u, v, w, steps: u + v + (steps - 1) * (w + v),
        ),
        Mistake(
            "without V",
            "You left out the kernel from the hidden maps to the scores, which every round passes through.",
            lambda u, v, w, steps: u + (steps - 1) * (w - 1),
        ),
        Mistake(
            "V once",
            "Every further round passes through V again, not only through W.",
            lambda u, v, w, steps: u + v - 1 + (steps - 1) * (w - 1),
            share=0.5,
        ),
        Mistake(
            "one round too many",
            "You counted the feedback once too often: the first round sees no labels.",
            lambda u, v, w, steps: _reach(u, v, w, steps + 1),
        ),
        Mistake(
            "always one round",
            "You ignored steps.",
            lambda u, v, w, steps: _reach(u, v, w, 1),
            share=0.5,
        ),
        Mistake(
            "the radius",
            "You return how far the view reaches to one side; its whole width is asked for.",
            lambda u, v, w, steps: (_reach(u, v, w, steps) - 1) // 2,
        ),
    ),
)

# --- claims on trial -----------------------------------------------------------------------------------------------


def _judge_scores(value, case):
    verdict, evidence = verdict_and_evidence(value)
    if not verdict:
        return "You judged it false. Missing a rare class costs few pixels, and all of that class's overlap."
    (target,) = case.args
    classes = int(target.max()) + 1
    maps = [np.asarray(one) for one in evidence]
    if len(maps) != 2 or any(one.shape != target.shape or one.dtype.kind not in "iu" for one in maps):
        raise ValueError(f"the evidence must be two integer maps of shape {target.shape}")
    if any(one.min() < 0 or one.max() >= classes for one in maps):
        raise ValueError(f"the labels must be 0 ... {classes - 1}")
    (first, second), (one, other) = (
        [float((m == target).mean()) for m in maps],
        [float(np.nanmean(_overlap(m, target, classes))) for m in maps],
    )
    if first <= second:
        return f"The first map must have more right pixels: it has {first:.1%}, the second {second:.1%}."
    if one >= other:
        return f"The first map must have the lower mean overlap: it has {one:.3f}, the second {other:.3f}."
    return None


def _judge_doubling(value, case):
    verdict, x = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. Follow a single bright pixel: how much of it stays in its own block?"
    x = np.asarray(x, dtype=float)
    if x.ndim != 4 or x.size > 4096 or not np.isfinite(x).all():
        raise ValueError("the evidence must be a finite picture (N, C, H, W) of at most 4,096 numbers")
    back = F.avg_pool2d(F.interpolate(tensor(x), scale_factor=2, mode="bilinear"), 2).numpy()
    gap = np.abs(back - x).max()
    if gap <= 0.01 * np.abs(x).max() or gap == 0:
        return f"No counterexample: the largest difference is {gap:.3g}, which is too little beside your picture."
    return None


def _rare(classes, shape, seed):
    """Draw a map in which every class but 0 is rare."""
    rng = np.random.default_rng(seed)
    target = np.zeros(math.prod(shape), dtype=int)
    places = rng.permutation(target.size)
    for k in range(1, classes):
        target[places[3 * k : 3 * k + 3]] = k
    return target.reshape(shape)


def _draw_scores(d):
    classes, shape = d.integer(2, 3), (d.integer(7, 9), d.integer(7, 12))
    part = "two classes" if classes == 2 else "three classes"
    return Case((_rare(classes, shape, d.integer(5, 10**6)),), {}, part)


def _blind(target):
    return np.zeros_like(target)


_SPOT = np.zeros((1, 1, 3, 3))
_SPOT[0, 0, 1, 1] = 1

CLAIMS = (
    Check(
        "claim_scores",
        section="structured_outputs#structured_outputs-scores",
        judge=_judge_scores,
        parts={"two classes": 1, "three classes": 1},
        cases=(
            Case((_rare(2, (6, 8), 8),), {}, "two classes", "rare pixels among the first and the last"),
            Case((_rare(2, (6, 8), 111),), {}, "two classes"),
            Case((_rare(2, (9, 5), 2),), {}, "two classes"),
            Case((_rare(3, (8, 9), 8),), {}, "three classes", "rare pixels among the first and the last"),
            Case((_rare(3, (8, 9), 24),), {}, "three classes"),
            Case((_rare(3, (7, 12), 4),), {}, "three classes"),
        ),
        draw_case=_draw_scores,
        mistakes=(
            *claim_mistakes(True, "You judged it false.", lambda target: None),
            Mistake(
                "the better one is better in both",
                "The first map must have the lower mean overlap",
                lambda target: (True, (target, _blind(target))),
            ),
            Mistake(
                "the other way round",
                "The first map must have more right pixels",
                lambda target: (True, (_blind(target), target)),
            ),
            Mistake(
                "twice the same", "The first map must have more right pixels", lambda target: (True, (target, target))
            ),
            Mistake("no maps", "not of the form", lambda target: (True, None)),
            Mistake(
                "another size",
                "the evidence must be two integer maps",
                lambda target: (True, (np.zeros((4, 4), int), np.zeros((4, 4), int))),
            ),
        ),
    ),
    Check(
        "claim_doubling",
        section="structured_outputs#structured_outputs-upsampling",
        judge=_judge_doubling,
        cases=(Case(),),
        mistakes=(
            *claim_mistakes(False, "You judged it true.", lambda: _SPOT),
            Mistake("a flat picture", "No counterexample", lambda: (False, np.ones((1, 2, 3, 4)))),
            Mistake(
                "overflows", "keep the numbers of the evidence between", lambda: (False, np.full((1, 1, 4, 4), 1e308))
            ),
            Mistake("a black picture", "No counterexample", lambda: (False, np.zeros((1, 1, 4, 4)))),
            Mistake("a matrix", "must be a finite picture", lambda: (False, _SPOT[0, 0])),
        ),
    ),
)

CHECKS = (
    PIXELWISE_CROSS_ENTROPY,
    PIXELWISE_CROSS_ENTROPY_BACKWARD,
    INTERSECTION_OVER_UNION,
    UPSAMPLE_NEAREST2D,
    UPSAMPLE_NEAREST2D_BACKWARD,
    UPSAMPLE_BILINEAR2D,
    DENSE_TO_CONV,
    SPATIAL_PYRAMID_POOL,
    REFINE,
    REFINEMENT_REACH,
    *CLAIMS,
)
