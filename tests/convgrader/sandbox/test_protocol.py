"""What crosses between sandbox and grader comes out as it went in, and nothing malformed gets in."""

import json
import socket
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convgrader.errors import ConnectionClosedError, ProtocolError, ReplyTimeoutError
from convgrader.sandbox import protocol


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
    "broadcast": np.broadcast_to(np.arange(4.0), (3, 4)),
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
    if name not in ("thin_view", "empty"):
        assert back.strides == array.strides


def test_read_only_arrays_stay_read_only_and_numbers_keep_their_type():
    array = np.ones(3)
    array.flags.writeable = False
    assert not there_and_back(array).flags.writeable
    assert type(there_and_back(np.float32(2.5))) is np.float32
    assert np.isnan(there_and_back(float("nan")))


def test_subclasses_cross_as_plain_values_and_objects_as_unfit():
    class Liar(float):
        __eq__ = lambda self, other: True  # noqa: E731

    class Sly(np.ndarray):
        def __array_finalize__(self, source):
            pass

    assert type(there_and_back(Liar(2))) is float
    assert type(there_and_back(np.ones(3).view(Sly))) is np.ndarray
    assert there_and_back(object()) == protocol.Unfit("object")
    assert isinstance(there_and_back(np.array([object()])), protocol.Unfit)
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
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_frames_are_refused(name):
    with pytest.raises(ProtocolError):
        protocol.Unpacker().unpack(FORGED[name], bytes(8))


def test_channel_refuses_huge_frames_and_does_not_wait_for_ever():
    ours, theirs = socket.socketpair()
    channel = protocol.Channel(ours)
    with pytest.raises(ReplyTimeoutError):
        channel.receive(seconds=0.05)
    theirs.send(struct.pack("!IQ", 1 << 31, 0))
    with pytest.raises(ProtocolError):
        channel.receive(seconds=1)
    theirs.close()
    with pytest.raises(ConnectionClosedError):
        channel.receive(seconds=1)
