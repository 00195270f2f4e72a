"""The only language that sandbox and grader share: plain values in bounded frames, never pickle.

A frame is a JSON text and the bytes of its arrays. What can cross: None, bool, int, float, complex, short strings,
NumPy numbers and arrays with their layout in memory, lists, tuples, dicts of those, and functions, which stay where
they are and cross as a number to call them by. Anything else crosses as an `Unserializable`: its type's name and no
more.

What a frame becomes is bounded like the frame: arrays are of kinds from a table and take the bytes that were sent for
them, keys of dicts are of kinds whose hashes nobody can make collide.
"""

import contextlib
import ctypes
import gc
import json
import math
import select
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from convcourse.calls.values import Array, Function, SubmittedValue
from convgrader.errors import ConnectionClosedError, ProtocolError, ReplyTimeoutError

WALL_TIME_FACTOR = 3  # times the limit of a call may go by on the clock, if it has used less of the processor
MAX_TEXT = 4 << 20  # bytes of JSON in a frame
MAX_ARRAYS = 8 << 20  # bytes of arrays in a frame
MAX_STRING = 1 << 20
MAX_ITEMS = 200_000
MAX_DEPTH = 40
MAX_BITS = 4096  # of an integer
MAX_KEYS = 10_000  # of all dicts in a frame
MAX_KEY = 200  # characters of a key that is a text
MAX_WHOLE_KEY = 1 << 20  # absolute value of a key that is an integer
MAX_OUTPUTS = 200  # pieces of output that one cell may leave: cut in the sandbox, and again by the grader
Output: TypeAlias = dict[str, Any]  # of a cell, as nbformat has it
JSON: TypeAlias = Any  # of a frame, before its values are made
NumberOf: TypeAlias = Callable[[Function], int]  # gives the number that a function is called by
FunctionOf: TypeAlias = Callable[[int], Function]  # stands in for the function of a number

_DTYPES = {np.dtype(code).str: np.dtype(code) for code in "?bhilqBHILQefdgFD"}
_PLAIN, _INT64_LIMIT = {type(None), bool, float}, 1 << 63
_NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)  # macOS has not
_HEADER = struct.Struct("!IQ")


@dataclass(frozen=True)
class Unserializable:
    """Stands for a value that cannot cross."""

    type_name: str


@dataclass(frozen=True)
class Packed:
    """A value that is packed already, to go into any number of frames; `functions` are those in it, by their number."""

    node: JSON
    arrays: list[bytes]
    functions: list[Function]
    items: int
    keys: int

    @property
    def size(self) -> int:
        """The bytes of its arrays."""
        return sum(map(len, self.arrays))

    @classmethod
    def of(cls, value: object) -> "Packed":
        """Pack a value."""
        functions: list[Function] = []

        def number_of(function: Function) -> int:
            functions.append(function)
            return len(functions) - 1

        packer = Packer(number_of)
        return cls(packer.node(value), packer.arrays, functions, packer.items, packer.keys)


class Packer:
    """Turns a value into JSON and bytes; `number_of` gives the number that a function is called by.

    Examples
    --------
    >>> text, arrays = Packer().pack({"a": (1, None)})
    >>> text
    '["d", ["a", ["t", 1, null]]]'
    """

    def __init__(self, number_of: NumberOf | None = None) -> None:
        self.number_of = number_of
        self.arrays: list[bytes] = []
        self.size = self.items = self.keys = 0

    def pack(self, value: object) -> tuple[str, list[bytes]]:
        """Return (JSON text, list of bytes)."""
        return json.dumps(self.node(value)), self.arrays

    def node(self, value: object) -> JSON:
        """Return the JSON of a value, not written out yet; its arrays are added to those before."""
        return self._node(value, 0)

    def _node(self, value: Any, depth: int) -> JSON:
        """Return the JSON of a value. The commonest kinds come first: a frame may hold hundreds of thousands."""
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise ProtocolError("too many values, or nested too deeply")
        kind = type(value)
        if kind in _PLAIN or (kind is int and -_INT64_LIMIT < value < _INT64_LIMIT):
            return value
        if kind is list or kind is tuple:
            return ["l" if kind is list else "t", *(self._node(item, depth + 1) for item in value)]
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, np.generic):
            return ["s", *self._array(np.asarray(value))[1:]]
        if isinstance(value, str):
            return self._bounded_text(str.__str__(value))
        if isinstance(value, int):
            return self._bounded_integer(int(value))
        if isinstance(value, float):
            return float(value)
        return self._compound(value, depth + 1)

    def _compound(self, value: Any, depth: int) -> JSON:
        """Return the JSON of the rarer kinds: subclasses too, which cross as what they are based on."""
        if isinstance(value, complex):
            return ["c", value.real, value.imag]
        if isinstance(value, Packed):
            return self._packed(value)
        if isinstance(value, list | tuple):
            return ["l" if isinstance(value, list) else "t", *(self._node(item, depth) for item in value)]
        if isinstance(value, dict):
            self.keys += len(value)
            _refuse_keys(value, self.keys)
            return ["d", *([self._node(key, depth), self._node(item, depth)] for key, item in value.items())]
        if callable(value) and self.number_of is not None and not isinstance(value, type):
            return ["f", self.number_of(value)]
        return ["o", type(value).__name__[:80]]

    def _packed(self, packed: Packed) -> JSON:
        """Take in what is packed already."""
        self.items, self.keys, self.size = self.items + packed.items, self.keys + packed.keys, self.size + packed.size
        if self.items > MAX_ITEMS or self.keys > MAX_KEYS or self.size > MAX_ARRAYS:
            raise ProtocolError("too many values, or too large ones")
        self.arrays += packed.arrays
        return packed.node

    def _bounded_text(self, text: str) -> str:
        if len(text) > MAX_STRING:
            raise ProtocolError("a string is too long")
        return text

    def _bounded_integer(self, number: int) -> int:
        if number.bit_length() > MAX_BITS:
            raise ProtocolError("an integer is too long")
        return number

    def _array(self, array: Array) -> list[JSON]:
        """Pack the stretch of memory that an array lies in, and how it lies there."""
        array = np.asarray(array)
        native = array.dtype.newbyteorder("=")
        if native.str not in _DTYPES:
            return ["o", f"array of {array.dtype}"[:80]]
        if array.nbytes > MAX_ARRAYS - self.size:
            raise ProtocolError("the arrays are too large")
        array = array.astype(native, copy=False)
        low, high = _byte_bounds(array)
        # Where an array repeats itself, or is a thin view, its stretch of memory says nothing of what it costs.
        if not array.nbytes <= high - low <= max(4 * array.nbytes, 4096):
            array = _copy(array)
            low, high = _byte_bounds(array)
        self.size += high - low
        if self.size > MAX_ARRAYS:
            raise ProtocolError("the arrays are too large")
        self.arrays.append(ctypes.string_at(low, high - low))
        start = array.__array_interface__["data"][0] - low if array.size else 0
        return ["a", array.dtype.str, array.shape, array.strides, start, high - low, array.flags.writeable]


def _copy(array: Array) -> Array:
    """Copy an array that may be shared, or thin; what was protected stays so."""
    copy = array.copy(order="K")
    copy.flags.writeable = array.flags.writeable
    return copy


def _refuse_keys(keys: Iterable[SubmittedValue], count: int) -> None:
    """Raise ProtocolError for keys of a dict that may not cross, or if `count` of them are too many."""
    if count > MAX_KEYS:
        raise ProtocolError("too many keys of dicts")
    for key in keys:
        is_short = isinstance(key, str) and len(key) <= MAX_KEY
        if not is_short and not (type(key) is int and abs(key) <= MAX_WHOLE_KEY):
            raise ProtocolError("a key of a dict is neither a short text nor a small integer")


def _byte_bounds(array: Array) -> tuple[int, int]:
    return np.lib.array_utils.byte_bounds(array) if array.size else (0, 0)


class Unpacker:
    """Turns JSON and bytes back into a value, believing nothing.

    Examples
    --------
    >>> Unpacker().unpack('["d", ["a", ["t", 1, null]]]', b"")
    {'a': (1, None)}
    """

    def __init__(self, function_of: FunctionOf | None = None) -> None:
        self.function_of = function_of
        self.position = self.items = self.keys = 0

    def unpack(self, text: bytes | str, arrays: bytes) -> SubmittedValue:
        """Return the value; raise ProtocolError for anything malformed."""
        try:
            with _paused_collection():
                return self._value(json.loads(text), memoryview(arrays), 0)
        except ProtocolError:
            raise
        except Exception as error:
            raise ProtocolError(f"a malformed frame ({type(error).__name__})") from None

    def _value(self, node: JSON, arrays: memoryview, depth: int) -> SubmittedValue:
        """Return the value of a piece of JSON: what is no list stands for itself, a list begins with its tag."""
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise ProtocolError("too many values, or nested too deeply")
        kind = type(node)
        if kind in _PLAIN:
            return node
        if kind is str:
            return node if node.isascii() and len(node) <= MAX_STRING else _clean_text(node)
        if kind is not list:
            if kind is not int or node.bit_length() > MAX_BITS:
                raise ProtocolError("a malformed frame, or an integer that is too long")
            return node
        tag, rest = node[0], node[1:]
        if tag in ("l", "t", "d"):
            return self._container(tag, rest, arrays, depth + 1)
        if tag == "a":
            return self._array(rest, arrays)
        if tag == "s":
            return self._array(rest, arrays)[()]
        if tag == "c":
            return complex(float(rest[0]), float(rest[1]))
        if tag == "f" and self.function_of is not None:
            return self.function_of(_natural(rest[0]))
        if tag == "o":
            return Unserializable(str(rest[0])[:80].encode("ascii", "replace").decode())
        raise ProtocolError("a malformed frame")

    def _container(self, tag: str, rest: list[JSON], arrays: memoryview, depth: int) -> SubmittedValue:
        if tag == "d":
            self.keys += len(rest)
            keys = [self._value(key, arrays, depth) for key, _ in rest]
            _refuse_keys(keys, self.keys)
            return dict(zip(keys, [self._value(item, arrays, depth) for _, item in rest]))
        items = [self._value(item, arrays, depth) for item in rest]
        return items if tag == "l" else tuple(items)

    def _array(self, fields: list[JSON], arrays: memoryview) -> Array:
        """Lay an array over a copy of its bytes; NumPy refuses strides that lead out of them."""
        code, lengths, strides, start, byte_count, writeable = fields
        dtype, shape = _DTYPES[code], tuple(_natural(n) for n in lengths)
        nbytes, end = dtype.itemsize * math.prod(shape), self.position + _natural(byte_count)
        if nbytes > byte_count or end > len(arrays):
            raise ProtocolError("an array is larger than what came of it")
        memory = bytearray(arrays[self.position : end])
        self.position = end
        if nbytes:
            array = np.ndarray(shape, dtype, memory, _natural(start), tuple(int(n) for n in strides))
        else:
            array = np.empty(shape, dtype)
        array.flags.writeable = bool(writeable)
        return array


def _clean_text(text: str) -> str:
    """Cut a text that is too long, and replace what is no character."""
    return text[:MAX_STRING].encode("utf-8", "replace").decode()


@contextlib.contextmanager
def _paused_collection() -> Iterator[None]:
    """Keep Python from looking for cycles: a frame has none, and a million lists would have it look all the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _natural(number: JSON) -> int:
    if type(number) is not int or not 0 <= number < 1 << 40:
        raise ProtocolError("a malformed frame")
    return number


class Channel:
    """Sends and receives frames on a socket, each side waiting no longer than it wants to."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket, self.pending = sock, bytearray()
        self.socket.setblocking(False)

    def send(self, value: object, number_of: NumberOf | None = None, seconds: float = 30.0) -> None:
        """Send one value as a frame; ProtocolError if it cannot cross, ReplyTimeoutError if nobody takes it in time."""
        packer = Packer(number_of)
        json_text, arrays = packer.pack(value)
        text = json_text.encode()
        if len(text) > MAX_TEXT:
            raise ProtocolError("too much text")
        self._write(b"".join([_HEADER.pack(len(text), sum(map(len, arrays))), text, *arrays]), seconds)

    def _write(self, data: bytes, seconds: float) -> None:
        """Send all bytes in the time given, whenever the other side takes some."""
        deadline, view = time.monotonic() + seconds, memoryview(data)
        while view:
            try:
                view = view[self.socket.send(view, _NO_SIGNAL) :]
            except BlockingIOError:
                self._wait_for(select.POLLOUT, deadline)
            except OSError as error:
                raise ConnectionClosedError(str(error)) from None

    def receive(self, function_of: FunctionOf | None = None, seconds: float = 30.0) -> SubmittedValue:
        """Receive one value; ReplyTimeoutError after `seconds`, ConnectionClosedError if the other side is gone."""
        deadline = time.monotonic() + seconds
        text, arrays = _HEADER.unpack(self._read(_HEADER.size, deadline))
        if text > MAX_TEXT or arrays > MAX_ARRAYS:
            raise ProtocolError("a frame is too large")
        return Unpacker(function_of).unpack(self._read(text, deadline), self._read(arrays, deadline))

    def _read(self, size: int, deadline: float) -> bytes:
        """Return the next bytes; what comes beyond them is kept for the next call."""
        while len(self.pending) < size:
            try:
                received = self.socket.recv(max(1 << 16, min(size - len(self.pending), 1 << 22)))
            except BlockingIOError:
                self._wait_for(select.POLLIN, deadline)
                continue
            except OSError as error:
                raise ConnectionClosedError(str(error)) from None
            if not received:
                raise ConnectionClosedError("the other side closed")
            self.pending += received
            if time.monotonic() > deadline:  # it sends and sends
                raise ReplyTimeoutError("no answer in time")
        data = bytes(memoryview(self.pending)[:size])
        del self.pending[:size]
        return data

    def _wait_for(self, event: int, deadline: float) -> None:
        """Wait until the socket can be read or written; ReplyTimeoutError after the deadline."""
        poll = select.poll()
        poll.register(self.socket, event)
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not poll.poll(remaining * 1000):
            raise ReplyTimeoutError("no answer in time")

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self.socket.close()
