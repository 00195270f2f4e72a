"""Believing nothing: what a sandbox reports is taken apart and put together from what is well formed."""

import re
from collections.abc import Iterable
from itertools import groupby

from convcourse.calls.call import Outcome
from convcourse.calls.values import SubmittedValue
from convgrader.errors import ProtocolError
from convgrader.sandbox import protocol
from convgrader.sandbox.protocol import MAX_OUTPUTS, Output


def as_outcome(reply: SubmittedValue) -> Outcome:
    """Turn a sandbox's report into an Outcome; it may be forged, so every part is looked at."""
    if not isinstance(reply, tuple) or len(reply) != 6:
        raise ProtocolError("a malformed reply")
    kind, value, problem, *flags = reply
    kinds = ("ok", "blank", "raised", "timeout", "unfit")
    if not isinstance(kind, str) or kind not in kinds or not isinstance(problem, str):
        raise ProtocolError("a malformed reply")
    if kind != "ok":
        return Outcome(kind, problem=problem[:1000] or "It failed.")
    unserializable = find_unserializable(value)
    if unserializable is not None:
        return Outcome("unfit", problem=f"It returned a value of type {unserializable.type_name}.")
    return Outcome("ok", value, "", *(flag is not False for flag in flags))


MAX_TEXTS = 1 << 20  # characters of an array of all texts in a value: each takes the room of the longest


def find_unserializable(value: SubmittedValue) -> protocol.Unserializable | None:
    """Return what stands for something in a value that cannot be taken, or None if there is no such thing."""
    todo: list[SubmittedValue] = [value]
    texts, longest = 0, 0
    while todo:
        item = todo.pop()
        if isinstance(item, protocol.Unserializable):
            return item
        if isinstance(item, str):
            texts, longest = texts + 1, max(longest, len(item))
            if texts * longest > MAX_TEXTS:
                return protocol.Unserializable("list of long texts")
        if isinstance(item, dict):
            todo += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple):
            todo += item
    return None


_PICTURES = ("image/png", "image/jpeg")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_CONTROL = {code: None for code in (*range(32), *range(127, 160)) if code not in (9, 10)}


def validated_outputs(outputs: SubmittedValue, limit: int = MAX_OUTPUTS) -> list[Output]:
    """Keep of a sandbox's outputs what is well formed: text without control characters, and pictures, never HTML.

    What is printed in a row is one output. Of more than `limit`, the first are kept, with a remark.
    """
    pieces = outputs if isinstance(outputs, list) else []
    validated = [_validated(piece) for piece in pieces if isinstance(piece, dict)]
    joined: list[Output] = []
    for is_text, row in groupby(filter(None, validated), key=lambda output: output["output_type"] == "stream"):
        in_a_row = list(row)
        joined += [_stream("".join(output["text"] for output in in_a_row))] if is_text else in_a_row
    if len(joined) <= limit:
        return joined
    return [*joined[:limit], _stream(f"{len(joined) - limit} more outputs are left out.\n")]


def _stream(text: str) -> Output:
    return {"output_type": "stream", "name": "stdout", "text": text}


def _validated(output: dict[SubmittedValue, SubmittedValue]) -> Output | None:
    """Build an output of one of nbformat's four kinds from what is well formed in one; None for any other kind."""
    kind = output.get("output_type")
    if not isinstance(kind, str):
        return None
    if kind == "stream":
        return _stream(_clean(output.get("text")))
    if kind == "error":
        lines = output.get("traceback")
        lines = [_clean(line) for line in lines] if isinstance(lines, list) else []
        return error_output(_clean(output.get("ename"))[:200], _clean(output.get("evalue"))[:2000], lines)
    data = output.get("data")
    if kind not in ("display_data", "execute_result") or not isinstance(data, dict):
        return None
    bundle = {"text/plain": _clean(data.get("text/plain"))}
    pictures = {mime: data.get(mime) for mime in _PICTURES}
    bundle |= {mime: code for mime, code in pictures.items() if isinstance(code, str) and _BASE64.fullmatch(code)}
    count = {"execution_count": None} if kind == "execute_result" else {}
    return {"output_type": kind, "data": bundle, "metadata": {}, **count}


def _clean(text: SubmittedValue) -> str:
    return text.translate(_CONTROL) if isinstance(text, str) else ""


def error_output(name: str, message: str, traceback: Iterable[str] = ()) -> Output:
    """Return an error as nbformat has it; what it says may be a student's words."""
    name, message = _clean(name), _clean(message)
    lines = list(traceback) or [f"{name}: {message}"]
    return {"output_type": "error", "ename": name, "evalue": message, "traceback": lines}
