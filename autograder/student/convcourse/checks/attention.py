"""Attention: stable softmax, scaled dot product and its gradient, heads, glimpses, convolution as attention."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from convcourse.engine.builders import Arrays, claim_mistakes, handed
from convcourse.engine.check import Check
from convcourse.engine.evidence import verdict_and_evidence
from convcourse.engine.model import Case, Mistake, Property
from convcourse.engine.oracles import array, gradient, on_torch, tensor

# --- softmax -------------------------------------------------------------------------------------------------------

_softmax = on_torch(lambda x, axis=-1: torch.softmax(x if x.is_floating_point() else x.double(), axis))


def _one(x, axis=-1, *rest):
    return 1.0


def _naive(x, axis=-1):
    e = np.exp(x)
    return e / e.sum(axis, keepdims=True)


_x = Arrays("attention", "softmax")
SOFTMAX = Check(
    "softmax",
    section="attention#attention-softmax",
    oracle=_softmax,
    scale=_one,
    parts={"last axis": 2, "other axes": 1, "large scores": 2},
    cases=(
        Case((np.log(np.array([1.0, 3.0])),), {}, "last axis"),
        Case((_x(2, 3, 4),), {}, "last axis", "rows of a batch"),
        Case((_x(3, 5, dtype=np.float32),), {}, "last axis", "float32"),
        Case((np.array([[1, 2, 0], [3, -1, 1]]),), {}, "last axis", "whole numbers"),
        Case((_x(3, 4), 0), {}, "other axes", "down the columns"),
        Case((_x(2, 3, 4),), {"axis": -2}, "other axes"),
        Case((_x(2, 3, 4), 0), {}, "other axes"),
        Case((np.array([[1000.0, 1000.0, 999.0], [1.0, 2.0, 3.0]]),), {}, "large scores", "exp(1000) overflows"),
        Case((np.array([[-1e16, -2e16], [-4e16, -3e16]]),), {}, "large scores", "all far below 0"),
        Case((np.array([[-1000.0, -1001.0], [0.0, 1.0]]),), {}, "large scores", "exp(-1000) is 0"),
        Case((np.array([[0.0, -np.inf, 1.0]]),), {}, "large scores", "a hidden score"),
        Case((np.array([[800.0, -800.0], [3.0, 800.0]]),), {}, "large scores", "rows of different size"),
        Case((np.array([[-np.inf, -np.inf], [0.0, 1.0]]),), {}, "large scores", "nothing to choose from: NaN"),
    ),
    draw_case=lambda d: Case((d.array(d.integer(1, 3), d.integer(2, 5)) * 3,), {}, "last axis"),
    mistakes=(
        Mistake(
            "overflows",
            "Your exponential overflows for large scores (or divides 0 by 0 for very negative ones): take the largest score away first.",
            _naive,
            share=3 / 5,
        ),
        Mistake(
            "ignores axis",
            "You ignored `axis`: your weights always add up to 1 along the last one.",
            lambda x, axis=-1: _softmax(x),
            share=4 / 5,
        ),
        Mistake(
            "keeps whole numbers",
            "For whole numbers your result is made of whole numbers: the weights are fractions.",
            lambda x, axis=-1: _softmax(x, axis).astype(x.dtype),
            share=3 / 5,
        ),
        Mistake(
            "gives zeros for nothing to choose from",
            "Where all scores are minus infinity there is nothing to choose from, and the result is NaN.",
            lambda x, axis=-1: np.where(np.isneginf(x).all(axis, keepdims=True), 0, _softmax(x, axis)).astype(
                np.result_type(x, np.float32)
            ),
            share=3 / 5,
        ),
        Mistake(
            "divides by everything",
            "You divided by the sum over the whole array; every row has a sum of its own.",
            lambda x, axis=-1: np.exp(x - x.max()) / np.exp(x - x.max()).sum(),
        ),
        Mistake(
            "takes one maximum for all",
            "You took the maximum of the whole array away: a row far below it underflows to 0 / 0. Take each row's own.",
            lambda x, axis=-1: _naive(x - x.max(), axis),
            share=3 / 5,
        ),
        Mistake(
            "adds an epsilon",
            "You added a small number to the sum: with the largest score at 0 the sum is at least 1, and the weights must add up to 1.",
            lambda x, axis=-1: (lambda e: e / (e.sum(axis, keepdims=True) + 1e-8))(
                np.exp(x.astype(float) - x.max(axis, keepdims=True))
            ),
        ),
        Mistake(
            "normalises without exponential",
            "You divided the scores by their sum; exponentials make them positive first.",
            lambda x, axis=-1: x / x.sum(axis, keepdims=True),
        ),
        Mistake(
            "returns logarithms",
            "You returned the logarithms of the weights.",
            on_torch(lambda x, axis=-1: torch.log_softmax(x, axis)),
        ),
        Mistake(
            "forgets to divide",
            "You forgot to divide by the sum: the weights must add up to 1.",
            lambda x, axis=-1: np.exp(x - x.max(axis, keepdims=True)),
        ),
        Mistake(
            "picks the largest",
            "You picked the largest score; softmax is soft, every score gets a share.",
            lambda x, axis=-1: (x == x.max(axis, keepdims=True)).astype(x.dtype),
        ),
    ),
)


def _softmax_grad(grad_output, x, axis=-1):
    return gradient(torch.softmax)(grad_output, x, axis)


def _soft_scale(g, x, axis=-1):
    return np.full(np.shape(x), np.abs(g).max() * 2)


def _softmax_backward_by(change):
    def wrong(grad_output, x, axis=-1):
        y = _softmax(x, axis)
        return change(grad_output, y, axis).astype(x.dtype)

    return wrong


_x = Arrays("attention", "softmax_backward")
SOFTMAX_BACKWARD = Check(
    "softmax_backward",
    builds_on=("softmax",),
    section="attention#attention-softmax",
    oracle=_softmax_grad,
    scale=_soft_scale,
    parts={"last axis": 2, "other axes": 1},
    cases=(
        Case((np.array([1.0, 0.0]), np.array([0.0, 0.0])), {}, "last axis"),
        Case((_x(2, 3, 4), _x(2, 3, 4)), {}, "last axis"),
        Case((_x(3, 4, dtype=np.float32), _x(3, 4, dtype=np.float32)), {}, "last axis", "float32"),
        Case((_x(2, 3), np.array([[1e5, 1e5 - 1, 0.0], [1.0, 2.0, 3.0]])), {}, "last axis", "large scores"),
        Case((_x(2, 4), -1e16 * np.array([[1.0, 2, 3, 4], [4, 3, 2, 1]])), {}, "last axis", "all far below 0"),
        Case((_x(4, 3), _x(4, 3), 0), {}, "other axes"),
        Case((_x(2, 3, 4), _x(2, 3, 4)), {"axis": -2}, "other axes"),
        Case((_x(2, 3, 4), _x(2, 3, 4), 0), {}, "other axes", "the first of three axes"),
    ),
    draw_case=lambda d: Case(
        (lambda n, m: (d.array(n, m), d.array(n, m)))(d.integer(1, 3), d.integer(2, 5)), {}, "last axis"
    ),
    mistakes=(
        Mistake(
            "takes the diagonal alone",
            "You used y (1 - y) for each score alone; raising one score lowers all the other weights.",
            _softmax_backward_by(lambda g, y, axis: g * y * (1 - y)),
        ),
        Mistake(
            "forgets the common term",
            "You forgot the sum: every weight shares one total, so sum(g y) is taken away.",
            _softmax_backward_by(lambda g, y, axis: g * y),
        ),
        Mistake(
            "sums the gradient alone",
            "You took away sum(g); each part of the sum is weighted by its y.",
            _softmax_backward_by(lambda g, y, axis: y * (g - g.sum(axis, keepdims=True))),
        ),
        Mistake(
            "forgets to multiply by y",
            "You forgot the factor y in front.",
            _softmax_backward_by(lambda g, y, axis: g - (g * y).sum(axis, keepdims=True)),
        ),
        Mistake(
            "overflows",
            "Your exponential overflows for large scores: use your stable softmax.",
            lambda g, x, axis=-1: (lambda y: y * (g - (g * y).sum(axis, keepdims=True)))(_naive(x, axis)),
            share=1 / 3,
        ),
        Mistake(
            "ignores the upstream gradient",
            "You ignored grad_output.",
            _softmax_backward_by(lambda g, y, axis: y * (1 - y)),
        ),
        Mistake(
            "ignores axis",
            "You ignored `axis`: you always work along the last one.",
            lambda g, x, axis=-1: _softmax_grad(g, x, -1),
            share=2 / 3,
        ),
    ),
)

# --- scaled dot product ----------------------------------------------------------------------------------------------


def _sdpa(query, key, value, attn_mask=None, is_causal=False, scale=None):
    return F.scaled_dot_product_attention(query, key, value, attn_mask, is_causal=is_causal, scale=scale)


_attend = on_torch(_sdpa)


def _largest_value(query, key, value, *rest, **options):
    return float(value.max())


_ATTENDED = "query, key, value, attn_mask=None, is_causal=False, scale=None"


def _attend_with(change):
    return handed(_ATTENDED, change, 3)


def _probabilities(query, key, options):
    """Return the weights themselves: the output for values that are one-hot."""
    eye = np.broadcast_to(np.eye(key.shape[-2], dtype=key.dtype), (*key.shape[:-1], key.shape[-2]))
    return _attend(query, key, eye.copy(), **options)


def _qkv(*lead, n=3, s=4, e=5, v=2, dtype=np.float64):
    return _x(*lead, n, e, dtype=dtype), _x(*lead, s, e, dtype=dtype), _x(*lead, s, v, dtype=dtype)


_MASK = np.array([[1, 1, 0, 1], [1, 0, 0, 0], [0, 1, 1, 1]], dtype=bool)


def _draw_attention(d):
    n, s, e, v, batch = (d.integer(1, 4) for _ in range(5))
    part = d.choice(("plain", "causal"))
    if part == "causal":
        n = s = max(s, 2)
    args = (d.array(batch, n, e), d.array(batch, s, e), d.array(batch, s, v))
    return Case(args, {"is_causal": True} if part == "causal" else {}, part)


def _wrong_causal(query, key, value, options):
    n, s = query.shape[-2], key.shape[-2]
    if options["is_causal"]:
        options = options | {
            "is_causal": False,
            "attn_mask": np.tri(n, s, dtype=bool).T[:n, :s] if n == s else ~np.tri(n, s, -1, dtype=bool),
        }
    return _attend(query, key, value, **options)


def _aligned_at_the_end(query, key, value, options):
    """Let the last query see all keys, as when the first queries are missing."""
    n, s = query.shape[-2], key.shape[-2]
    if options["is_causal"]:
        options = options | {"is_causal": False, "attn_mask": np.tri(n, s, s - n, dtype=bool)}
    return _attend(query, key, value, **options)


def _zeroed(query, key, value, options, again=False):
    """Put zeros where scores should be hidden, and divide as before, or divide again by what is left."""
    n, s = query.shape[-2], key.shape[-2]
    mask = options["attn_mask"]
    if options["is_causal"]:
        mask = np.tri(n, s, dtype=bool)
    free = options | {"attn_mask": None, "is_causal": False}
    if mask is None or mask.dtype != bool:
        return _attend(query, key, value, **options)
    weights = np.where(mask, _probabilities(query, key, free), 0)
    weights = weights / weights.sum(-1, keepdims=True) if again else weights
    return (weights @ value).astype(value.dtype)


def _unstable(query, key, value, options):
    """Be right but where an exponential overflows or all of them are 0."""
    scores = query @ key.swapaxes(-1, -2) * _scale_of(query, options)
    sums = np.exp(scores).sum(-1, keepdims=True)
    return np.where(np.isfinite(sums) & (sums > 0), _attend(query, key, value, **options), np.nan).astype(value.dtype)


def _mask_kind(options):
    return "" if options["attn_mask"] is None else options["attn_mask"].dtype.kind


def _scaled_mask(query, key, value, options):
    mask = options["attn_mask"]
    if mask is not None and mask.dtype != bool:
        options = options | {"attn_mask": mask / np.sqrt(query.shape[-1])}
    return _attend(query, key, value, **options)


def _hidden_by_a_number(function, arrays, options, causal_alone=False, adds=False):
    """Put -1e9 in the place of the scores that are to be hidden, or add it to them."""
    arrays = [a.astype(np.result_type(*arrays, np.float32)) for a in arrays]
    query, key, _ = arrays[-3:]
    mask = np.tri(query.shape[-2], key.shape[-2], dtype=bool) if options["is_causal"] else options["attn_mask"]
    if mask is None or mask.dtype != bool or (causal_alone and not options["is_causal"]):
        return function(*arrays, **options)
    scores = query @ key.swapaxes(-1, -2) * _scale_of(query, options)
    added = np.where(mask, 0, -1e9 if adds else -1e9 - scores).astype(query.dtype)
    return function(*arrays, **(options | {"is_causal": False, "attn_mask": added}))


def _inverted(query, key, value, options):
    mask = options["attn_mask"]
    return _attend(
        query, key, value, **(options | {"attn_mask": ~mask if mask is not None and mask.dtype == bool else mask})
    )


_x = Arrays("attention", "attention_cases")
_FAR = np.full((2, 3, 1), -1e16), np.repeat([[[1.0], [2.0], [-1.0], [-2.0]]], 2, 0), _x(2, 4, 5)
ATTENTION_CASES = (
    Case(
        (np.array([[1000.0, 0.0], [0.0, 0.0]]), np.eye(2), np.array([[10.0], [20.0]])),
        {},
        "plain",
        "a sure query, an undecided one",
    ),
    Case(_qkv(), {}, "plain", "sizes L, S, E, Ev that all differ"),
    Case(_qkv(2, 3), {}, "plain", "leading axes for batch and heads"),
    Case(_qkv(2, dtype=np.float32), {}, "plain", "float32"),
    Case(_qkv(2, n=4), {}, "plain", "as many queries as keys"),
    Case(_qkv(2, 3, n=1, e=1, v=1), {}, "plain", "one query, one feature"),
    Case(_qkv(s=1, v=1), {}, "plain", "one key: nothing to choose"),
    Case(
        (np.array([[1000.0, 1.0], [-1000.0, 1.0]]), np.array([[2.0, 0.3], [2.0, 1.2], [2.0, -1.0]]), _x(3, 2)),
        {},
        "plain",
        "large scores",
    ),
    Case(_qkv(n=4), {"is_causal": True}, "causal"),
    Case(_qkv(2, n=4, e=3), {"is_causal": True}, "causal"),
    Case(_qkv(n=2), {"is_causal": True}, "causal", "more keys than queries"),
    Case(_qkv(n=5, s=3), {"is_causal": True}, "causal", "more queries than keys"),
    Case(_qkv(), {"attn_mask": _MASK}, "mask", "bool: True where a query may look"),
    Case(_qkv(2), {"attn_mask": _x(3, 4)}, "mask", "float: added to the scores"),
    Case(_qkv(2, 3), {"attn_mask": _MASK}, "mask", "one mask for all samples and heads"),
    Case(_qkv(2), {"attn_mask": np.stack([_MASK, _MASK[::-1]])}, "mask", "a mask for each sample"),
    Case(_FAR, {"attn_mask": np.tri(3, 4, dtype=bool)}, "mask", "hidden keys have scores that are far larger"),
    Case(_qkv(), {"attn_mask": np.where(_MASK, 1.0, -np.inf)}, "mask", "float: minus infinity hides"),
    Case(_qkv(2), {"attn_mask": np.zeros((3, 4))}, "mask", "numbers that are all 0"),
    Case(_qkv(), {"scale": 0.3}, "scale"),
    Case(_qkv(), {"scale": 0.0}, "scale", "all scores are 0"),
    Case(_qkv(2, e=2), {"scale": 2.0}, "scale"),
    Case(_qkv(2, n=4), {"scale": 1.5, "is_causal": True}, "scale", "and causal"),
    Case(_qkv(2), {"scale": -0.7, "attn_mask": _MASK}, "scale", "and a mask"),
)

_NO_INFINITY = (
    "Scores that you hide become a large negative number, and others may lie below it: hide with minus infinity."
)
_NO_INFINITY_LATER = (
    "Later keys get a large negative score, and earlier ones may lie below it: hide with minus infinity."
)

SCALED_DOT_PRODUCT_ATTENTION = Check(
    "scaled_dot_product_attention",
    builds_on=("softmax",),
    section="attention#attention-scaled-dot-product",
    oracle=_attend,
    scale=_largest_value,
    exempt={"combinations": "a mask and is_causal never come together"},
    parts={"plain": 3, "causal": 1, "mask": 2, "scale": 1},
    cases=ATTENTION_CASES,
    draw_case=_draw_attention,
    properties=(
        Property(
            "hides later keys",
            _NO_INFINITY_LATER,
            lambda call, d: np.allclose(call(*_FAR, is_causal=True), _attend(*_FAR, is_causal=True)),
        ),
    ),
    mistakes=(
        Mistake(
            "hides with a number",
            _NO_INFINITY,
            _attend_with(lambda q, k, v, o: _hidden_by_a_number(_attend, (q, k, v), o)),
            share=5 / 7,
        ),
        Mistake(
            "hides by adding a number",
            _NO_INFINITY,
            _attend_with(lambda q, k, v, o: _hidden_by_a_number(_attend, (q, k, v), o, adds=True)),
            share=5 / 7,
        ),
        Mistake(
            "hides later keys with a number",
            _NO_INFINITY_LATER,
            _attend_with(lambda q, k, v, o: _hidden_by_a_number(_attend, (q, k, v), o, causal_alone=True)),
            share=3 / 4,
        ),
        Mistake(
            "forgets the scale",
            "You forgot to divide the scores by the root of E.",
            _attend_with(
                lambda q, k, v, o: _attend(q, k, v, **(o | {"scale": 1.0 if o["scale"] is None else o["scale"]}))
            ),
            share=1 / 7,
        ),
        Mistake(
            "divides by E",
            "You divided by E; a dot product of E numbers grows like the root of E.",
            _attend_with(
                lambda q, k, v, o: _attend(
                    q, k, v, **(o | {"scale": 1 / q.shape[-1] if o["scale"] is None else o["scale"]})
                )
            ),
            share=1 / 7,
        ),
        Mistake(
            "ignores scale",
            "You ignored `scale`: when it is given, it takes the place of 1 / root of E.",
            _attend_with(lambda q, k, v, o: _attend(q, k, v, **(o | {"scale": None}))),
            share=6 / 7,
        ),
        Mistake(
            "takes 0 for not given",
            "A `scale` of 0 was given, and you took it for none: ask `scale is None`.",
            _attend_with(lambda q, k, v, o: _attend(q, k, v, **(o | {"scale": o["scale"] or None}))),
            share=6 / 7,
        ),
        Mistake(
            "overflows",
            "Your exponential overflows for large scores (or divides 0 by 0 for very negative ones): use your stable softmax.",
            _attend_with(_unstable),
            share=2 / 7,
        ),
        Mistake(
            "ignores the mask",
            "You ignored `attn_mask`.",
            _attend_with(lambda q, k, v, o: _attend(q, k, v, **(o | {"attn_mask": None}))),
            share=4 / 7,
        ),
        Mistake(
            "ignores masks of numbers",
            "You ignored a mask of numbers: it is added to the scores.",
            _attend_with(
                lambda q, k, v, o: _attend(
                    q, k, v, **(o | {"attn_mask": None if _mask_kind(o) == "f" else o["attn_mask"]})
                )
            ),
            share=5 / 7,
        ),
        Mistake(
            "scales the mask",
            "You scaled the mask as well; it is added to the scores when they have been scaled.",
            _attend_with(_scaled_mask),
            share=5 / 7,
        ),
        Mistake(
            "inverts the mask",
            "You read the mask the wrong way round: True is where a query may look.",
            _attend_with(_inverted),
            share=4 / 7,
        ),
        Mistake(
            "ignores is_causal",
            "You ignored `is_causal`: a query must not see later keys.",
            _attend_with(lambda q, k, v, o: _attend(q, k, v, **(o | {"is_causal": False}))),
            share=5 / 7,
        ),
        Mistake(
            "looks into the future",
            "Your causal mask is upside down: query l sees keys 0 to l.",
            _attend_with(_wrong_causal),
            share=5 / 7,
        ),
        Mistake(
            "aligns the causal mask at the end",
            "Your causal mask starts at the last key and query; query l sees keys 0 to l, however many keys there are.",
            _attend_with(_aligned_at_the_end),
            share=6 / 7,
        ),
        Mistake(
            "masks after the softmax",
            "You set weights to 0 after the softmax: what is left no longer adds up to 1. Hide scores (minus infinity) before it.",
            _attend_with(_zeroed),
            share=3 / 7,
        ),
        Mistake(
            "masks after the softmax and divides again",
            "You set weights to 0 after the softmax and divided again: where hidden scores are far larger, nothing is left "
            "to divide. Hide scores (minus infinity) before it.",
            _attend_with(lambda q, k, v, o: _zeroed(q, k, v, o, again=True)),
            share=5 / 7,
        ),
        Mistake(
            "normalises over the queries",
            "Your softmax runs over the queries; each query shares its weight of 1 among the keys.",
            _attend_with(
                lambda q, k, v, o: (_softmax(np.log(_probabilities(q, k, o) + 1e-300), -2) @ v).astype(v.dtype)
            ),
        ),
        Mistake(
            "returns the weights",
            "You returned the attention weights; multiply them by the values.",
            _attend_with(lambda q, k, v, o: _probabilities(q, k, o)),
        ),
        Mistake(
            "averages",
            "You took the plain mean of the values: the scores play no part.",
            _attend_with(
                lambda q, k, v, o: np.broadcast_to(v.mean(-2, keepdims=True), (*q.shape[:-1], v.shape[-1])).copy()
            ),
        ),
        Mistake(
            "picks one key",
            "You took the value of the best key alone; attention is soft.",
            _attend_with(lambda q, k, v, o: _attend(q, k, v, **(o | {"scale": 1e9}))),
        ),
    ),
)

_attend_grad = gradient(_sdpa, wrt=(0, 1, 2))


def _attend_backward(g, query, key, value, attn_mask=None, is_causal=False, scale=None):
    return _attend_grad(g, query, key, value, tensor(attn_mask), is_causal, scale)


def _backward_scale(g, query, key, value, *rest, **options):
    size = 4 * g.max() * query.shape[-2]
    scores = size * value.max() * np.sqrt(query.shape[-1])
    sizes = scores * max(key.max(), 1.0), scores * max(query.max(), 1.0), size
    return tuple(np.full(a.shape, float(size)) for a, size in zip((query, key, value), sizes, strict=True))


def _backward_case(args, kwargs, part, note=""):
    q, _, v = args
    return Case((_x(*q.shape[:-1], v.shape[-1], dtype=q.dtype), *args), kwargs, part, note)


def _backward_with(change):
    return handed(f"g, {_ATTENDED}", change, 4)


def _replace(number, new):
    def change(g, q, k, v, o):
        grads = list(_attend_backward(g, q, k, v, **o))
        grads[number] = new(grads[number], g, q, k, v, o)
        return tuple(grads)

    return _backward_with(change)


def _scale_of(q, o):
    return 1 / np.sqrt(q.shape[-1]) if o["scale"] is None else o["scale"]


def _without_sum(g, q, k, v, o):
    """Add the common term of softmax's gradient again, which the right gradient takes away: attention to the keys."""
    common = (g * _attend(q, k, v, **o)).sum(-1, keepdims=True) * _scale_of(q, o)
    gq, gk, gv = _attend_backward(g, q, k, v, **o)
    back = _attend_backward((common * q).astype(q.dtype), q, k, k, **o)[2]
    return (gq + common * _attend(q, k, k, **o)).astype(q.dtype), gk + back, gv


def _hides_on_the_way_back(call):
    grad_output = np.ones((2, 3, 5))
    found, right = (f(grad_output, *_FAR, is_causal=True) for f in (call, _attend_backward))
    return all(np.allclose(*pair, atol=1e3) for pair in zip(found, right, strict=True))


def _draw_backward(d):
    case = _draw_attention(d)
    q, _, v = case.args
    return Case((d.array(*q.shape[:-1], v.shape[-1]), *case.args), case.kwargs, case.part)


_x = Arrays("attention", "scaled_dot_product_attention_backward")
SCALED_DOT_PRODUCT_ATTENTION_BACKWARD = Check(
    "scaled_dot_product_attention_backward",
    builds_on=("softmax", "softmax_backward", "scaled_dot_product_attention"),
    section="attention#attention-gradient",
    oracle=_attend_backward,
    scale=_backward_scale,
    outputs=("grad_query", "grad_key", "grad_value"),
    exempt={"combinations": "a mask and is_causal never come together"},
    parts={"plain": 3, "causal": 1, "mask": 1, "scale": 1},
    cases=tuple(
        _backward_case(case.args, case.kwargs, case.part, case.note)
        for case in ATTENTION_CASES
        if case.note != "a sure query, an undecided one"
    ),
    draw_case=_draw_backward,
    properties=(Property("hides later keys", _NO_INFINITY_LATER, lambda call, d: _hides_on_the_way_back(call)),),
    mistakes=(
        Mistake(
            "hides with a number",
            _NO_INFINITY,
            _backward_with(lambda g, q, k, v, o: _hidden_by_a_number(_attend_backward, (g, q, k, v), o)),
            share=5 / 6,
        ),
        Mistake(
            "hides by adding a number",
            _NO_INFINITY,
            _backward_with(lambda g, q, k, v, o: _hidden_by_a_number(_attend_backward, (g, q, k, v), o, adds=True)),
            share=5 / 6,
        ),
        Mistake(
            "hides later keys with a number",
            _NO_INFINITY_LATER,
            _backward_with(
                lambda g, q, k, v, o: _hidden_by_a_number(_attend_backward, (g, q, k, v), o, causal_alone=True)
            ),
            share=3 / 4,
        ),
        Mistake(
            "forgets the common term",
            "You forgot the sum in softmax's gradient: raising one score lowers the other weights.",
            _backward_with(_without_sum),
        ),
        Mistake(
            "swaps query and key",
            "You returned the gradients of query and key in the wrong order.",
            _backward_with(lambda g, q, k, v, o: tuple(_attend_backward(g, q, k, v, **o)[i] for i in (1, 0, 2))),
        ),
        Mistake(
            "forgets the scale for the query",
            "You forgot the scale on the way back: the scores were multiplied by it.",
            _replace(0, lambda gq, g, q, k, v, o: (gq / _scale_of(q, o)).astype(q.dtype)),
        ),
        Mistake(
            "forgets the scale for both",
            "You forgot the scale on the way back, for query and key: the scores were multiplied by it.",
            _backward_with(
                lambda g, q, k, v, o: tuple(
                    (a / f).astype(a.dtype)
                    for a, f in zip(
                        _attend_backward(g, q, k, v, **o), (_scale_of(q, o), _scale_of(q, o), 1), strict=True
                    )
                )
            ),
        ),
        Mistake(
            "does not transpose the weights",
            "The gradient of the values is the transposed weights times grad_output: you left the transpose out.",
            _replace(2, lambda gv, g, q, k, v, o: (_probabilities(q, k, o) @ g).astype(gv.dtype)),
        ),
        Mistake(
            "gives the values a mean",
            "The gradient of the values is the transposed weights times grad_output, not the plain mean of it.",
            _replace(2, lambda gv, g, q, k, v, o: np.broadcast_to(g.mean(-2, keepdims=True), v.shape).copy()),
        ),
        Mistake(
            "ignores the upstream gradient",
            "You ignored grad_output.",
            _backward_with(lambda g, q, k, v, o: _attend_backward(np.ones_like(g), q, k, v, **o)),
        ),
        Mistake(
            "overflows",
            "Your exponential overflows for large scores (or divides 0 by 0 for very negative ones): use your stable softmax.",
            _backward_with(
                lambda g, q, k, v, o: tuple(
                    grad if np.isfinite(_unstable(q, k, v, o)).all() else np.full_like(grad, np.nan)
                    for grad in _attend_backward(g, q, k, v, **o)
                )
            ),
            share=1 / 3,
        ),
        Mistake(
            "takes a scale of 0 for not given",
            "A `scale` of 0 was given, and you took it for none: ask `scale is None`.",
            _backward_with(lambda g, q, k, v, o: _attend_backward(g, q, k, v, **(o | {"scale": o["scale"] or None}))),
            share=5 / 6,
        ),
        Mistake(
            "ignores scale",
            "You ignored `scale`: when it is given, it takes the place of 1 / root of E, forwards and backwards.",
            _backward_with(lambda g, q, k, v, o: _attend_backward(g, q, k, v, **(o | {"scale": None}))),
            share=5 / 6,
        ),
        Mistake(
            "ignores the mask",
            "You ignored `attn_mask` on the way back.",
            _backward_with(lambda g, q, k, v, o: _attend_backward(g, q, k, v, **(o | {"attn_mask": None}))),
            share=2 / 3,
        ),
        Mistake(
            "ignores is_causal",
            "You ignored `is_causal` on the way back.",
            _backward_with(lambda g, q, k, v, o: _attend_backward(g, q, k, v, **(o | {"is_causal": False}))),
            share=2 / 3,
        ),
    ),
)

# --- heads, glimpses, convolution ------------------------------------------------------------------------------------


def _heads(query, key, value, num_heads, w, b, w_out, b_out, attn_mask=None):
    layer = torch.nn.MultiheadAttention(query.shape[2], num_heads, batch_first=True, dtype=torch.float64)
    for parameter, given in zip(
        (layer.in_proj_weight, layer.in_proj_bias, layer.out_proj.weight, layer.out_proj.bias),
        (w, b, w_out, b_out),
        strict=True,
    ):
        parameter.data = torch.from_numpy(np.array(given, dtype=float))
    mask = None if attn_mask is None else torch.from_numpy(~attn_mask)
    inputs = [torch.from_numpy(np.array(a, dtype=float)) for a in (query, key, value)]
    return array(layer(*inputs, attn_mask=mask, need_weights=False)[0]).astype(query.dtype)


def _heads_scale(query, key, value, num_heads, w, b, w_out, b_out, attn_mask=None):
    joined = (value.max(1).max(0) @ w[-query.shape[2] :].T + b[-query.shape[2] :]).max()
    return np.full(query.shape, joined * w_out.sum(1).max() + b_out.max() + 1)


def _heads_case(part, note="", n=2, length=3, s=5, e=6, heads=2, mask=None, dtype=np.float64):
    arrays = (_x(n, length, e, dtype=dtype), *(_x(n, s, e, dtype=dtype) for _ in range(2)))
    weights = (_x(3 * e, e, dtype=dtype), _x(3 * e, dtype=dtype), _x(e, e, dtype=dtype), _x(e, dtype=dtype))
    return Case((*arrays, heads, *weights), {} if mask is None else {"attn_mask": mask}, part, note)


def _far_heads():
    """Let hidden keys have scores that are far larger in both heads, by projections that change nothing."""
    query = np.full((2, 3, 4), [-1e16, 0.0, -1e16, 0.0])
    key = np.array([1.0, 2.0, -1.0, -2.0])[:, None] * np.array([[[1.0, 0.0, 1.0, 0.0]]] * 2)
    same = np.vstack([np.eye(4)] * 3), np.zeros(12), np.eye(4), np.zeros(4)
    note = "hidden keys have scores that are far larger"
    return Case((query, key, _x(2, 4, 4), 2, *same), {"attn_mask": np.tri(3, 4, dtype=bool)}, "mask", note)


def _heads_with(change):
    def wrong(query, key, value, num_heads, w, b, w_out, b_out, attn_mask=None):
        return _heads(*change(query, key, value, num_heads, w, b, w_out, b_out, attn_mask))

    return wrong


def _interleave(heads, e):
    return np.arange(e).reshape(heads, -1).T.ravel().argsort()


def _rows(w, order):
    e = len(order)
    return np.concatenate([w[i * e : (i + 1) * e][order] for i in range(3)])


def _one_head_scale(q, k, v, h, w, b, wo, bo, m):
    """Scale by the root of E instead of the root of the head's own size."""
    factor = 1 / np.sqrt(h)
    w, b = w.copy(), b.copy()
    w[: q.shape[2]] *= factor
    b[: q.shape[2]] *= factor
    return q, k, v, h, w, b, wo, bo, m


def _permuted(q, k, v, h, w, b, wo, bo, m):
    order = _interleave(h, q.shape[2])
    return q, k, v, h, _rows(w, order), _rows(b, order), wo[:, order], bo, m


def _by_reshape(cut, join, attend=_attend):
    """Build a wrong answer from how it cuts features into heads, and what it does before it reshapes them back."""

    def wrong(query, key, value, num_heads, w, b, w_out, b_out, attn_mask=None):
        parts = zip((query, key, value), np.split(w, 3), np.split(b, 3), strict=True)
        heads = [np.ascontiguousarray(cut(x @ weight.T + bias, num_heads)) for x, weight, bias in parts]
        return join(attend(*heads, attn_mask)).reshape(query.shape) @ w_out.T + b_out

    return wrong


_x = Arrays("attention", "multi_head_attention")
MULTI_HEAD_ATTENTION = Check(
    "multi_head_attention",
    builds_on=("scaled_dot_product_attention",),
    section="attention#attention-heads",
    oracle=_heads,
    scale=_heads_scale,
    parts={"one head": 1, "several heads": 2, "mask": 1},
    cases=(
        _heads_case("one head", n=1, length=2, s=3, e=2, heads=1),
        _heads_case("one head", heads=1),
        _heads_case("several heads", heads=2),
        _heads_case("several heads", heads=3, length=4),
        _heads_case("several heads", heads=6, n=1),
        _heads_case("several heads", "float32", heads=2, dtype=np.float32),
        _heads_case("mask", "True where a query may look", length=2, s=3, e=4, mask=np.tri(2, 3, 1, dtype=bool)),
        _heads_case("mask", heads=3, length=4, mask=np.tri(4, 5, 0, dtype=bool)),
        _far_heads(),
    ),
    draw_case=lambda d: _draw_heads(d),
    mistakes=(
        Mistake(
            "scales by E",
            "You scaled by the root of E; in a head, dot products have E / heads terms.",
            _heads_with(_one_head_scale),
            share=1 / 4,
        ),
        Mistake(
            "cuts every other feature",
            "You cut the features the wrong way: head 0 has the first E / heads of them, not every heads-th.",
            _heads_with(_permuted),
            share=1 / 4,
        ),
        Mistake(
            "uses one head",
            "You used a single head, whatever num_heads.",
            _heads_with(lambda q, k, v, h, *rest: (q, k, v, 1, *rest)),
            share=1 / 4,
        ),
        Mistake(
            "forgets the last projection",
            "You forgot the projection of the joined heads.",
            _heads_with(lambda q, k, v, h, w, b, wo, bo, m: (q, k, v, h, w, b, np.eye(len(wo)), 0 * bo, m)),
        ),
        Mistake(
            "transposes the weights",
            "You multiplied by the weights; a linear layer multiplies by their transpose, x W^T + b.",
            _heads_with(
                lambda q, k, v, h, w, b, wo, bo, m: (
                    q,
                    k,
                    v,
                    h,
                    np.concatenate([part.T for part in np.split(w, 3)]),
                    b,
                    wo.T,
                    bo,
                    m,
                )
            ),
        ),
        Mistake(
            "forgets the biases",
            "You forgot the biases.",
            _heads_with(lambda q, k, v, h, w, b, wo, bo, m: (q, k, v, h, w, 0 * b, wo, 0 * bo, m)),
        ),
        Mistake(
            "attends to itself",
            "You projected the query three times; keys and values come from `key` and `value`.",
            _heads_with(lambda q, k, v, h, w, b, wo, bo, m: (q, q, q, h, w, b, wo, bo, None)),
        ),
        Mistake(
            "inverts the mask",
            "You read the mask the wrong way round: True is where a query may look.",
            _heads_with(
                lambda q, k, v, h, w, b, wo, bo, m: (
                    q,
                    k,
                    v,
                    h,
                    w,
                    b,
                    wo,
                    bo,
                    None if m is None else np.where((~m).any(1, keepdims=True), ~m, True),
                )
            ),
            share=3 / 4,
        ),
        Mistake(
            "ignores the mask",
            "You ignored `attn_mask`.",
            _heads_with(lambda q, k, v, h, w, b, wo, bo, m: (q, k, v, h, w, b, wo, bo, None)),
            share=3 / 4,
        ),
        Mistake(
            "hides with a number",
            _NO_INFINITY,
            _by_reshape(
                lambda x, heads: x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2),
                lambda y: y.swapaxes(1, 2),
                lambda q, k, v, mask: (
                    _attend(q, k, v)
                    if mask is None
                    else _softmax(np.where(mask, q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]), -1e9)) @ v
                ),
            ),
            share=3 / 4,
        ),
        Mistake(
            "cuts by reshape alone",
            "You reshaped (N, L, E) to (N, heads, L, D) at once, which mixes places and features: reshape to (N, L, heads, D), "
            "then swap the axes.",
            _by_reshape(lambda x, heads: x.reshape(len(x), heads, x.shape[1], -1), lambda y: y),
            share=1 / 4,
        ),
        Mistake(
            "joins by reshape alone",
            "You reshaped the heads (N, heads, L, D) to (N, L, E) at once, which mixes places and features: swap the axes back "
            "first.",
            _by_reshape(lambda x, heads: x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2), lambda y: y),
            share=1 / 4,
        ),
        Mistake(
            "orders the projections key, query, value",
            "The first third of in_proj_weight is the query's, the second the key's, the third the value's.",
            _heads_with(
                lambda q, k, v, h, w, b, wo, bo, m: (
                    q,
                    k,
                    v,
                    h,
                    np.concatenate([np.split(w, 3)[i] for i in (1, 0, 2)]),
                    np.concatenate([np.split(b, 3)[i] for i in (1, 0, 2)]),
                    wo,
                    bo,
                    m,
                )
            ),
        ),
    ),
)


def _draw_heads(d):
    n, length, s, heads = d.integer(1, 2), d.integer(1, 3), d.integer(2, 4), d.integer(2, 3)
    e = 2 * heads
    arrays = (d.array(n, length, e), d.array(n, s, e), d.array(n, s, e), heads)
    return Case((*arrays, d.array(3 * e, e), d.array(3 * e), d.array(e, e), d.array(e)), {}, "several heads")


def _glimpse(features, scores):
    f, s = tensor(np.asarray(features, dtype=float)), tensor(np.asarray(scores, dtype=float))
    weights = torch.softmax(s.flatten(1), 1).reshape(s.shape)
    return array((torch.einsum("nchw,nhw->nc", f, weights), weights))


def _glimpse_scale(features, scores):
    return features.max((2, 3)), np.ones(scores.shape)


def _glimpse_by(change):
    def wrong(features, scores):
        pair = change(features, scores)
        return tuple(np.asarray(a, dtype=features.dtype) for a in pair)

    return wrong


def _per_row(f, s):
    weights = _softmax(s) / s.shape[1]
    return np.einsum("nchw,nhw->nc", f, weights), weights


def _over_batch(f, s):
    weights = _softmax(s.reshape(1, -1)).reshape(s.shape)
    return np.einsum("nchw,nhw->nc", f, weights), weights


def _hard(f, s):
    weights = (s == s.max((1, 2), keepdims=True)).astype(s.dtype)
    return np.einsum("nchw,nhw->nc", f, weights), weights


def _seen_with(features, weights):
    return np.einsum("nchw,nhw->nc", features, weights), weights


_x = Arrays("attention", "soft_glimpse")
SOFT_GLIMPSE = Check(
    "soft_glimpse",
    builds_on=("softmax",),
    section="attention#attention-glimpse",
    oracle=_glimpse,
    scale=_glimpse_scale,
    outputs=("glimpse", "weights"),
    parts={"plain": 3, "large scores": 1},
    cases=(
        Case((np.array([[[[1.0, 5.0]]]]), np.array([[[0.0, 0.0]]])), {}, "plain", "undecided: the mean"),
        Case((_x(2, 3, 4, 5), _x(2, 4, 5)), {}, "plain", "batch, channels, not square"),
        Case((_x(2, 1, 3, 2, dtype=np.float32), _x(2, 3, 2, dtype=np.float32)), {}, "plain", "float32"),
        Case((_x(2, 2, 1, 1), _x(2, 1, 1)), {}, "plain", "a single place"),
        Case((_x(2, 2, 2, 3), _x(2, 2, 3) + np.array([[[1000.0]], [[-1000.0]]])), {}, "large scores"),
        Case(
            (_x(2, 2, 2, 2), np.array([[[-1e16, -2e16], [-3e16, -4e16]], [[-9e16, -8e16], [-7e16, -6e16]]])),
            {},
            "large scores",
            "all far below 0",
        ),
    ),
    draw_case=lambda d: (lambda n, c, h, w: Case((d.array(n, c, h, w), d.array(n, h, w)), {}, "plain"))(
        d.integer(1, 3), d.integer(1, 3), d.integer(1, 3), d.integer(1, 3)
    ),
    mistakes=(
        Mistake(
            "takes a softmax per row",
            "Your softmax runs along each row; one weight of 1 is shared among all places of the image.",
            _glimpse_by(_per_row),
        ),
        Mistake(
            "shares over the batch",
            "Your softmax runs over the batch too; each sample has a weight of 1 of its own.",
            _glimpse_by(_over_batch),
        ),
        Mistake(
            "looks at one place", "You took the best place alone; soft attention takes a mean.", _glimpse_by(_hard)
        ),
        Mistake(
            "takes the plain mean",
            "You took the plain mean: the scores play no part.",
            _glimpse_by(lambda f, s: (f.mean((2, 3)), np.full(s.shape, 1 / s[0].size))),
        ),
        Mistake(
            "weights by the scores",
            "You weighted by the scores themselves; softmax makes them positive and adds them up to 1.",
            _glimpse_by(lambda f, s: (np.einsum("nchw,nhw->nc", f, s), s)),
        ),
        Mistake(
            "divides by the area",
            "You took the mean of weighted features; the weights add up to 1 already.",
            _glimpse_by(lambda f, s: (_glimpse(f, s)[0] / s[0].size, _glimpse(f, s)[1])),
        ),
        Mistake(
            "overflows",
            "Your exponential overflows for large scores (or divides 0 by 0 for very negative ones): use your stable softmax.",
            _glimpse_by(lambda f, s: _seen_with(f, _naive(s.reshape(len(s), -1)).reshape(s.shape))),
            share=3 / 4,
        ),
        Mistake(
            "takes one maximum for all",
            "You took the largest score of the whole batch away: a sample far below it underflows to 0 / 0.",
            _glimpse_by(lambda f, s: _seen_with(f, _naive((s - s.max()).reshape(len(s), -1)).reshape(s.shape))),
            share=3 / 4,
        ),
        Mistake(
            "swaps the outputs",
            "Your results stand the wrong way round: the glimpse comes first, then the weights.",
            _glimpse_by(lambda f, s: _glimpse(f, s)[::-1]),
        ),
    ),
)


def _conv(x, weight, padding=0):
    return array(F.conv2d(tensor(np.asarray(x)), tensor(np.asarray(weight)), padding=padding))


def _soft_conv(x, weight, padding=0, sharpness=1000.0):
    """Blur the image once per kernel element by the softmax of the distances, then add up the elements' products."""
    vertical, horizontal = padding if isinstance(padding, tuple) else (padding, padding)
    x, weight = tensor(np.asarray(x)), tensor(np.asarray(weight))
    x = F.pad(x, (horizontal, horizontal, vertical, vertical))
    (height, width), (kh, kw) = x.shape[2:], weight.shape[2:]
    y: Any = 0
    for i in range(kh):
        for j in range(kw):
            down = _looks(height, height - kh + 1, i, sharpness).to(x.dtype)
            right = _looks(width, width - kw + 1, j, sharpness).to(x.dtype)
            y = y + torch.einsum("fc,nchw,ph,qw->nfpq", weight[:, :, i, j], x, down, right)
    return array(y)


def _looks(keys, queries, offset, sharpness):
    """Return the weights along one axis: those of the squared distance are a product of both axes'."""
    far = torch.arange(keys)[None] - torch.arange(queries)[:, None] - offset
    return torch.softmax(-sharpness * far.double() ** 2, 1)


def _conv_with(change):
    """Break the convolution at full sharpness, and with it the soft one: the mistake is seen in both."""

    def wrong(x, weight, padding=0, sharpness=1000.0):
        return change(x, weight, padding, lambda *arguments: _soft_conv(*arguments, sharpness=sharpness))

    return wrong


def _in_the_window(x, weight, padding=0, sharpness=1000.0):
    """Blur the kernel in place of the image: head (i, j) looks at the elements of its window."""
    kh, kw = weight.shape[2:]
    down, right = (_looks(k, k, 0, sharpness).numpy() for k in (kh, kw))
    return _conv(x, np.einsum("fcij,ip,jq->fcpq", weight, down, right).astype(weight.dtype), padding)


def _not_at_the_padding(x, weight, padding=0, sharpness=1000.0):
    """Share each head's weight among the places of the image itself."""
    inside = np.ones((1, 1, *x.shape[2:]), x.dtype)
    y = 0
    for i, j in np.ndindex(weight.shape[2:]):
        one = np.zeros_like(weight)
        one[:, :, i, j] = weight[:, :, i, j]
        here = np.zeros((1, 1, *weight.shape[2:]), x.dtype)
        here[0, 0, i, j] = 1
        share = _soft_conv(inside, here, padding, sharpness)
        seen = _soft_conv(x, one, padding, sharpness)
        y = y + np.divide(seen, share, out=np.zeros_like(seen), where=share > 0)
    return y


def _draw_soft_conv(d):
    n, c, f, kh, kw = (d.integer(1, 2) for _ in range(5))
    x, weight = d.array(n, c, d.integer(2, 4), d.integer(2, 4)), d.array(f, c, kh, kw)
    part = d.choice(("no padding", "padding", "sharpness"))
    options = {
        "no padding": {},
        "padding": {"padding": (d.integer(0, 1), d.integer(1, 2))},
        "sharpness": {"sharpness": d.integer(1, 30) / 10},
    }
    return Case((x, weight), options[part], part)


_x = Arrays("attention", "convolution_as_attention")
CONVOLUTION_AS_ATTENTION = Check(
    "convolution_as_attention",
    builds_on=("softmax", "scaled_dot_product_attention"),
    section="attention#attention-convolution",
    oracle=_soft_conv,
    photographs=True,
    exempt={"words": "the notebook says that the checks give padding as numbers"},
    parts={"no padding": 2, "padding": 1, "sharpness": 1},
    cases=(
        Case((np.array([[[[1.0, 2.0, 4.0]]]]), np.array([[[[-1.0, 1.0]]]])), {}, "no padding"),
        Case((_x(2, 3, 4, 5), _x(2, 3, 3, 2)), {}, "no padding", "channels, not square"),
        Case((_x(2, 2, 3, 4), _x(3, 2, 1, 1)), {}, "no padding", "1 x 1: every place looks at itself"),
        Case((_x(1, 2, 4, 3, dtype=np.float32), _x(2, 2, 2, 3, dtype=np.float32)), {}, "no padding", "float32"),
        Case((_x(2, 1, 3, 4), np.ones((1, 1, 1, 1))), {}, "no padding", "every pixel comes out as it went in"),
        Case((_x(1, 2, 2, 3), _x(2, 2, 1, 2)), {"padding": (1, 2)}, "padding", "both axes padded by a kernel"),
        Case((_x(2, 2, 4, 3), _x(3, 2, 3, 3)), {"padding": 1}, "padding"),
        Case((_x(2, 1, 3, 4), _x(2, 1, 2, 3), (1, 2)), {}, "padding"),
        Case((_x(2, 2, 1, 1), _x(2, 2, 2, 3), (1, 1)), {}, "padding", "a single pixel, and a kernel larger than it"),
        Case((_x(1, 1, 3, 4), _x(2, 1, 2, 1)), {"sharpness": 0.5}, "sharpness", "heads that are not sharp"),
        Case((_x(1, 2, 4, 3), _x(1, 2, 2, 3)), {"sharpness": 2.0, "padding": (1, 0)}, "sharpness"),
        Case((_x(1, 1, 2, 3), _x(1, 1, 1, 2)), {"sharpness": 0.0}, "sharpness", "heads that look everywhere alike"),
    ),
    draw_case=_draw_soft_conv,
    mistakes=(
        Mistake(
            "ignores the sharpness",
            "You ignored `sharpness`: a head looks at its neighbours, too, by the softmax of its scores.",
            lambda x, weight, padding=0, sharpness=1000.0: _conv(x, weight, padding),
            share=3 / 4,
        ),
        Mistake(
            "takes the distance, not its square",
            "Your scores fall with the distance; asked for is its square.",
            lambda x, weight, padding=0, sharpness=1000.0: _by_distance(x, weight, padding, sharpness),
            share=3 / 4,
        ),
        Mistake(
            "looks inside the window alone",
            "Your softmax runs over the places of the window; a head that is not sharp looks at the whole image.",
            _in_the_window,
            share=3 / 4,
        ),
        Mistake(
            "does not look at the padding",
            "Your softmax leaves the padding out; its zeros are places that can be looked at, too.",
            _not_at_the_padding,
            share=3 / 4,
        ),
        Mistake(
            "takes 0 for not given",
            "A `sharpness` of 0 was given, and you took it for the default.",
            lambda x, weight, padding=0, sharpness=1000.0: _soft_conv(x, weight, padding, sharpness or 1000.0),
            share=3 / 4,
        ),
        Mistake(
            "flips the kernel",
            "Your kernel is flipped: head (i, j) looks i rows down and j columns to the right.",
            _conv_with(lambda x, w, p, conv: conv(x, w[..., ::-1, ::-1].copy(), p)),
        ),
        Mistake(
            "transposes the kernel",
            "You swapped the rows and the columns of the offsets.",
            _conv_with(
                lambda x, w, p, conv: conv(
                    np.swapaxes(x, 2, 3).copy(), w, p if isinstance(p, int) else p[::-1]
                ).swapaxes(2, 3)
            ),
        ),
        Mistake(
            "ignores padding",
            "You ignored the padding: the zeros are places to look at, too.",
            _conv_with(lambda x, w, p, conv: conv(x, w)),
            share=1 / 2,
        ),
        Mistake(
            "averages the heads",
            "You averaged the heads; their outputs are added.",
            _conv_with(lambda x, w, p, conv: (conv(x, w, p) / np.prod(w.shape[2:])).astype(x.dtype)),
        ),
        Mistake(
            "looks at the mean",
            "Your heads see a mean over the whole image: they are not sharp.",
            _conv_with(
                lambda x, w, p, conv: np.broadcast_to(
                    (w.sum((2, 3)) @ x.mean((2, 3))[..., None])[..., None], conv(x, w, p).shape
                ).copy()
            ),
        ),
        Mistake(
            "wraps round",
            "Your places wrap round at the border; where padding is asked for, zeros lie beyond it.",
            _conv_with(
                lambda x, w, p, conv: conv(
                    np.pad(
                        x,
                        ((0, 0), (0, 0), *(((p, p),) * 2 if isinstance(p, int) else ((p[0],) * 2, (p[1],) * 2))),
                        mode="wrap",
                    ),
                    w,
                )
            ),
            share=1 / 2,
        ),
    ),
)


def _by_distance(x, weight, padding, sharpness):
    """Attend with scores that fall with the distance itself."""
    down, across = padding if isinstance(padding, tuple) else (padding, padding)
    x = np.pad(x, ((0, 0), (0, 0), (down, down), (across, across)))
    (height, width), (kh, kw) = x.shape[2:], weight.shape[2:]
    keys = np.moveaxis(np.mgrid[:height, :width], 0, -1).reshape(-1, 2)
    queries = np.moveaxis(np.mgrid[: height - kh + 1, : width - kw + 1], 0, -1).reshape(-1, 2)
    y = np.zeros((len(x), len(weight), len(queries)))
    for i, j in np.ndindex(kh, kw):
        far = np.linalg.norm(keys - queries[:, None] - (i, j), axis=-1)
        seen = x.reshape(*x.shape[:2], -1) @ _softmax(-sharpness * far).T
        y += weight[:, :, i, j] @ seen
    return y.reshape(len(x), len(weight), height - kh + 1, width - kw + 1).astype(x.dtype)


# --- claims on trial -----------------------------------------------------------------------------------------------


def _judge_order(value, case):
    """True: without positions, attention cannot tell order. Evidence: the output for permuted keys, and permuted queries."""
    verdict, evidence = verdict_and_evidence(value)
    if not verdict:
        return "You judged it false. Permute the keys and their values alike: does any output change?"
    query, key, value_, queries, keys = case.args
    right = _attend(query[queries], key[keys], value_[keys])
    got = np.asarray(evidence, dtype=float)
    if got.shape != right.shape or not np.allclose(got, right):
        return "That is not what attention gives for the permuted queries, keys and values."
    return None


def _order_case(n, s):
    query, key, value = _qkv(n=n, s=s)
    rng = _x.generator("order", n, s)
    return Case((query, key, value, rng.permutation(n), rng.permutation(s)))


def _draw_order(d):
    n, s, e = d.integer(2, 4), d.integer(3, 5), d.integer(2, 4)
    queries, keys = d.array(n).argsort(), d.array(s).argsort()
    return Case((d.array(n, e), d.array(s, e), d.array(s, 2), queries, keys))


def _judge_learned(value, case):
    """False: attention is no convolution with learned kernels; its weights depend on the input."""
    verdict, evidence = verdict_and_evidence(value)
    if verdict:
        return "You judged it true. Is attention linear in its input, as every convolution is?"
    x = np.asarray(evidence, dtype=float)
    if x.ndim != 2 or not 4 <= x.size <= 400 or not np.isfinite(x).all():
        return f"The evidence must be a finite array (L, E) of 4 to 400 numbers, got shape {x.shape}."
    if np.abs(x).max() > 1e3:
        return "Your numbers are too large to be compared: keep them below 1,000."
    if np.allclose(_attend(2 * x, 2 * x, 2 * x), 2 * _attend(x, x, x), rtol=0, atol=1e-10 * np.abs(x).max()):
        return "For your sequence, doubling the input doubles the output, up to rounding: it shows nothing."
    return None


_x = Arrays("attention", "claim_order")
CLAIM_ORDER = Check(
    "claim_order",
    builds_on=("scaled_dot_product_attention",),
    section="attention#attention-positions",
    judge=_judge_order,
    cases=(_order_case(3, 4), _order_case(2, 5), _order_case(4, 3)),
    draw_case=_draw_order,
    mistakes=(
        *claim_mistakes(True, "You judged it false.", lambda q, k, v, qs, ks: _attend(q, k, v)),
        Mistake(
            "does not permute", "That is not what attention gives", lambda q, k, v, qs, ks: (True, _attend(q, k, v))
        ),
        Mistake(
            "gives zeros", "That is not what attention gives", lambda q, k, v, qs, ks: (True, 0 * _attend(q, k, v))
        ),
        Mistake("permutes by the keys' order", "", lambda q, k, v, qs, ks: (True, _attend(q, k, v)[ks[ks < len(q)]])),
    ),
)

CLAIM_LEARNED_KERNELS = Check(
    "claim_learned_kernels",
    section="attention#attention-convolution",
    judge=_judge_learned,
    cases=(Case(),),
    mistakes=(
        *claim_mistakes(False, "You judged it true.", lambda: np.eye(3)),
        Mistake("gives zeros", "For your sequence, doubling", lambda: (False, np.zeros((3, 2)))),
        Mistake("overflows", "keep the numbers of the evidence between", lambda: (False, np.full((3, 2), 1e200))),
        Mistake("gives equal rows", "For your sequence, doubling", lambda: (False, np.ones((3, 2)))),
    ),
)

CHECKS = (
    SOFTMAX,
    SOFTMAX_BACKWARD,
    SCALED_DOT_PRODUCT_ATTENTION,
    SCALED_DOT_PRODUCT_ATTENTION_BACKWARD,
    MULTI_HEAD_ATTENTION,
    SOFT_GLIMPSE,
    CONVOLUTION_AS_ATTENTION,
    CLAIM_ORDER,
    CLAIM_LEARNED_KERNELS,
)
