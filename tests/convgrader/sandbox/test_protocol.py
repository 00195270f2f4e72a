"""What crosses between sandbox and grader comes out as it went in, and nothing malformed gets in."""

import gc
import json
import os
import socket
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convgrader.errors import ConnectionClosedError, ProtocolError, ReplyTimeoutError
from convgrader.sandbox import protocol
from convgrader.sandbox.validate import find_unserializable


def there_and_back(value, number_of=None, function_of=None):
    packer = protocol.Packer(number_of)
    text, arrays = packer.pack(value)
    return protocol.Unpacker(function_of).unpack(text, b"".join(arrays))


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.complex_numbers(allow_nan=False),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(plain)
def test_plain_values_cross_unchanged(value):
    back = there_and_back(value)
    assert back == value and type(back) is type(value)


BASE = np.arange(24.0).reshape(2, 3, 4)
LAYOUTS = {
    "contiguous": BASE,
    "fortran": np.asfortranarray(BASE),
    "every_second": BASE[..., ::2],
    "backwards": BASE[::-1, :, ::-1],
    "transposed": BASE.transpose(2, 0, 1),
    "repeated": np.broadcast_to(np.arange(4.0), (3, 4)),
    "scalar_array": np.array(3.0),
    "empty": np.empty((0, 3)),
    "thin_view": np.zeros((100, 1000))[:, 0],
    "float32": BASE.astype(np.float32),
    "big_endian": BASE.astype(">f8"),
    "bool": BASE > 3,
    "complex": BASE + 1j,
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_arrays_keep_values_and_layout(name):
    array = LAYOUTS[name]
    back = there_and_back(array)
    np.testing.assert_array_equal(back, array)
    assert back.dtype.kind == array.dtype.kind and back.flags.writeable == array.flags.writeable
    if name not in ("thin_view", "empty", "repeated"):
        assert back.strides == array.strides


def test_what_is_packed_once_goes_into_any_number_of_frames():
    packed = protocol.Packed.of((BASE, {"k": len}))
    for count in (1, 3):
        back = there_and_back([7, *[packed] * count], function_of=lambda number: packed.functions[number])
        assert back[0] == 7 and len(back) == count + 1
        for array, options in back[1:]:
            np.testing.assert_array_equal(array, BASE)
            assert options == {"k": len}


@pytest.mark.parametrize(
    "value", [np.zeros(protocol.MAX_ARRAYS // 16), [0] * (protocol.MAX_ITEMS // 2), dict.fromkeys(range(5001))],
    ids=["arrays", "items", "keys"],
)  # fmt: skip
def test_what_is_packed_once_counts_in_each_frame(value):
    packed = protocol.Packed.of(value)
    protocol.Packer().pack([packed])
    with pytest.raises(ProtocolError):
        protocol.Packer().pack([packed, packed, packed])


def test_read_only_arrays_stay_read_only_and_numbers_keep_their_type():
    array = np.ones(3)
    array.flags.writeable = False
    assert not there_and_back(array).flags.writeable
    assert type(there_and_back(np.float32(2.5))) is np.float32
    assert np.isnan(there_and_back(float("nan")))


def test_subclasses_cross_as_plain_values_and_objects_as_unfit():
    class Liar(float):
        __eq__ = lambda self, other: True  # noqa: E731
        __hash__ = None

    class Sly(np.ndarray):
        def __array_finalize__(self, source):
            pass

    assert type(there_and_back(Liar(2))) is float
    assert type(there_and_back(np.ones(3).view(Sly))) is np.ndarray
    assert there_and_back(object()) == protocol.Unserializable("object")
    assert isinstance(there_and_back(np.array([object()])), protocol.Unserializable)
    assert there_and_back({"f": print}, lambda f: 7, lambda number: number) == {"f": 7}


def test_lone_surrogates_do_not_cross():
    there_and_back("\ud800").encode()


@pytest.mark.parametrize(
    "value",
    [2**5000, "x" * (protocol.MAX_STRING + 1), [[]] * (protocol.MAX_ITEMS + 1), np.zeros(protocol.MAX_ARRAYS // 8 + 1)],
    ids=["integer", "string", "items", "array"],
)
def test_oversized_values_are_refused(value):
    with pytest.raises(ProtocolError):
        there_and_back(value)


def test_endless_nesting_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(ProtocolError):
        there_and_back(loop)


FORGED = {
    "deep": "[" * 100_000,
    "not_json": "{",
    "unknown_tag": '["x", 1]',
    "object": '{"a": 1}',
    "empty": "[]",
    "function_where_none_is_expected": '["f", 1]',
    "object_dtype": '["a", "|O", [1], [8], 0, 8, true]',
    "structured": '["a", "i4,i4", [1], [8], 0, 8, true]',
    "too_short": '["a", "<f8", [100], [8], 0, 8, true]',
    "huge_by_strides": '["a", "<f8", [1000000000000], [0], 0, 8, true]',
    "negative_shape": '["a", "<f8", [-1], [8], 0, 8, true]',
    "float_shape": '["a", "<f8", [1.5], [8], 0, 8, true]',
    "outside": '["a", "<f8", [1], [8], 4096, 8, true]',
    "long_integer": "[" + '"t", ' + "9" * 5000 + "]",
    "unhashable_key": '["d", [["l"], 1]]',
    "many_items": json.dumps(["l", *[0] * 200_001]),
    "repeated": '["a", "|i1", [9], [0], 0, 8, true]',
    "dtype_to_parse": '["a", "<f8, <f8", [1], [8], 0, 8, true]',
    "dtype_by_another_name": '["a", "float64", [1], [8], 0, 8, true]',
    "dtype_as_a_list": '["a", ["<f8"], [1], [8], 0, 8, true]',
    "text_array": '["a", "<U2", [1], [8], 0, 8, true]',
    "dates": '["a", "<M8[s]", [1], [8], 0, 8, true]',
    "key_of_floats": '["d", [0.5, 1]]',
    "key_of_truth": '["d", [true, 1]]',
    "key_of_tuples": '["d", [["t", 1], 1]]',
    "large_key": '["d", [2305843009213693951, 1]]',
    "long_key": json.dumps(["d", ["k" * 1000, 1]]),
    "many_keys": json.dumps(["l", *[["d", *[[key, 0] for key in range(101)]]] * 100]),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_frames_are_refused(name):
    with pytest.raises(ProtocolError):
        protocol.Unpacker().unpack(FORGED[name], bytes(8))


def test_whatever_a_frame_raises_it_is_malformed():
    def odd(number):
        raise ZeroDivisionError

    with pytest.raises(ProtocolError, match="malformed"):
        protocol.Unpacker(odd).unpack('["f", 1]', b"")


@pytest.mark.parametrize("value", [{0.5: 1}, {True: 1}, {(1, 2): 3}, {"k" * 1000: 1}, dict.fromkeys(range(10_001))])
def test_what_could_not_arrive_does_not_leave(value):
    with pytest.raises(ProtocolError, match="key"):
        protocol.Packer().pack(value)


def rows(node, spent=16):
    """Return a list of as many such nodes as fit into the text of a frame."""
    return b'["l",' + b",".join([node] * ((protocol.MAX_TEXT - spent) // (len(node) + 1))) + b"]"


SIZE, SMALL, ROW = protocol.MAX_ARRAYS, 1 << 14, 480
DEAR = {  # frames that become as much as can be made of them
    "empty lists": (rows(b"[]"), b""),
    "lists": (rows(b"[0]"), b""),
    "objects": (rows(b"{}"), b""),
    "numbers": (rows(b"1e9"), b""),
    "long integers": (rows(b"9" * 1200), b""),
    "texts": (b'["l",' + b",".join([b'"%017d"' % n for n in range(190_000)]) + b"]", b""),
    "one long text": (json.dumps(["l", "x" * (1 << 20), *["y"] * 1000]).encode(), b""),
    "empty arrays": (rows(b'["a","|b1",[0],[1],0,0,true]'), b""),
    "a large array": (b'["a","|i1",[%d],[1],0,%d,true]' % (SIZE, SIZE), bytes(SIZE)),
    "arrays, one of them of complex numbers": (
        b'["l",' + b'["a","|i1",[16384],[1],0,16384,true],' * ROW + b'["a","<c16",[16384],[16],0,262144,true]]',
        bytes(ROW * SMALL + 16 * SMALL),
    ),
}  # fmt: skip


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="the kernel tells no peak of memory")
@pytest.mark.parametrize("name", DEAR)
def test_no_frame_costs_more_than_two_seconds_or_256_megabytes(name):
    def take(channel, text):
        try:
            value = channel.receive(seconds=60)
            if find_unserializable(value) is None:
                np.asarray(value)
        except (ProtocolError, ValueError):
            pass

    seconds, megabytes = cost(take, *DEAR[name])
    assert seconds < 2 and megabytes < 256


def test_nobody_looks_for_cycles_while_a_frame_is_read():
    looked = []
    watch = lambda phase, about: looked.append(about)  # noqa: E731 (the same object is taken out again)
    gc.callbacks.append(watch)
    try:
        protocol.Unpacker().unpack(json.dumps(["l", *[["l"]] * 50_000]), b"")
    finally:
        gc.callbacks.remove(watch)
    assert len(looked) < 10 and gc.isenabled()  # one look, when all is read, is told twice


def cost(take, text, arrays):
    """Have a fork of this process take a frame; return its seconds of processor time and its megabytes."""
    grader_socket, sandbox_socket = socket.socketpair()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        grader_socket.close()
        Path("/proc/self/clear_refs").write_text("5")
        before, start = _kilobytes("VmRSS"), time.process_time()
        take(protocol.Channel(sandbox_socket), text)
        spent = time.process_time() - start, (_kilobytes("VmHWM") - before) / 1024
        os.write(writing, json.dumps(spent).encode())
        os._exit(0)
    sandbox_socket.close()
    os.close(writing)
    try:
        grader_socket.sendall(struct.pack("!IQ", len(text), len(arrays)) + text + arrays)
        with os.fdopen(reading) as pipe:
            return json.loads(pipe.read())
    finally:
        grader_socket.close()
        os.waitpid(pid, 0)


def _kilobytes(what):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


def test_channel_refuses_huge_frames_and_does_not_wait_for_ever():
    grader_socket, sandbox_socket = socket.socketpair()
    channel = protocol.Channel(grader_socket)
    with pytest.raises(ReplyTimeoutError):
        channel.receive(seconds=0.05)
    sandbox_socket.send(struct.pack("!IQ", 1 << 31, 0))
    with pytest.raises(ProtocolError):
        channel.receive(seconds=1)
    sandbox_socket.close()
    with pytest.raises(ConnectionClosedError):
        channel.receive(seconds=1)
    channel.close()
