"""Calls between examiner and sandbox: functions both ways, given functions, and what a reply may hold."""

import json
import os
import time

import numpy as np
import pytest

from autograder import given
from autograder.checks.calling import Outcome
from autograder.grading import examiner, wire
from autograder.grading.examiner import RemoteFunction, Session, _outcome, bound_arrays, bound_work
from autograder.grading.results import Budget


@pytest.fixture
def session(template):
    opened = Session(template, Budget(cell=5, notebook=60), {"conv1d": _conv1d, "grow": _grow})
    opened.run("import numpy as np")
    yield opened
    opened.close()


def _conv1d(x, weight):
    """Convolve."""
    return np.convolve(x, weight, "valid")


def _grow(size):
    """Allocate."""
    return np.ones(size * size * size)


def function(session, source):
    session.run(source)
    return RemoteFunction(session, "f")


def test_values_come_back_as_they_are(session):
    f = function(session, "def f(*args, **kwargs):\n    return args, kwargs")
    strided = np.arange(12.0).reshape(3, 4)[:, ::2]
    args, kwargs = f.call((strided, (1, "two")), {"three": None}, 1.0).value
    np.testing.assert_array_equal(args[0], strided)
    assert args[1] == (1, "two") and kwargs == {"three": None}


def test_layout_and_protection_arrive(session):
    f = function(session, "def f(x):\n    return list(x.strides), x.flags.writeable, x.dtype.str")
    x = np.asfortranarray(np.ones((3, 4), np.float32))
    x.flags.writeable = False
    assert f.call((x,), {}, 1.0).value == (list(x.strides), False, "<f4")


def test_changed_input_and_views_are_reported(session):
    f = function(session, "def f(x):\n    x[0] = 7\n    return x[:2]")
    outcome = f.call((np.zeros(3),), {}, 1.0)
    assert outcome.modified and outcome.shares_memory


def test_a_callable_argument_is_called_here(session):
    f = function(session, "def f(g, x):\n    return sum(g(x + h) for h in range(5))")
    called = []

    def g(x):
        called.append(x)
        return float(x) ** 2

    assert f.call((g, 1), {}, 2.0).value == 55.0 and called == [1, 2, 3, 4, 5]


def test_an_error_in_a_callable_argument_reaches_the_student(session):
    f = function(
        session, "def f(g):\n    try:\n        g()\n    except ValueError as error:\n        return str(error)"
    )

    def g():
        raise ValueError("not like this")

    assert f.call((g,), {}, 2.0).value == "not like this"


def test_a_returned_function_can_be_called(session):
    f = function(session, "def f(n):\n    return lambda x: x + n")
    add = f.call((3,), {}, 1.0).value
    assert add(4) == 7


def test_given_functions_work_and_others_do_not(session):
    f = function(session, "from autograder.given import conv1d\ndef f(x, w):\n    return conv1d(x, w)")
    np.testing.assert_allclose(f.call((np.ones(4), np.ones(2)), {}, 2.0).value, [2, 2, 2])
    outputs = session.run("from autograder.given import conv2d")
    assert outputs[0]["ename"] == "ImportError"
    assert "Convolve." in str(session.run("print(conv1d.__doc__)"))


def test_given_functions_do_not_take_the_machine_along(session):
    f = function(session, "from autograder.given import grow, conv1d\ndef f(n):\n    return grow(n)")
    assert "Unable to allocate" in f.call((4000,), {}, 5.0).problem
    assert "too large" in f.call((5000,), {}, 5.0).problem
    f = function(session, "def f(n):\n    return conv1d(np.ones(n), np.ones(2))")
    assert "too large" in f.call((1 << 19,), {}, 5.0).problem


X, G = np.ones((1, 1, 512, 512)), np.ones((2, 4, 16, 16))
HARMLESS = [
    ("conv2d", (np.ones((2, 8, 32, 32)), np.ones((16, 8, 3, 3)), None, 1, 1), {}),
    ("conv2d_input", ((2, 3, 32, 32), np.ones((8, 3, 3, 3)), np.ones((2, 8, 32, 32))), {"padding": (1, 1)}),
    ("conv2d_weight", (np.ones((2, 3, 32, 32)), (8, 3, 3, 3), np.ones((2, 8, 32, 32))), {"padding": 1}),
    ("max_pool2d", (X, 2), {"return_indices": True}),
    ("unfold", (G, np.array([3, 3])), {"padding": 1}),
    ("fold", (np.ones((2, 36, 256)), (18, 18), 3), {}),
    ("softmax", (G,), {"axis": -1}),
]
DEAR = {
    "function": ("relu", (lambda: 0,), {}),
    "number": ("softmax", (G, 1 << 20), {}),
    "nested": ("conv_output_shape", ([[1 << 20]], 3), {}),
    "float": ("conv2d", (G, G), {"padding": 9000.0}),
    "not a number": ("lp_pool2d", (G, np.nan, 2), {}),
    "array": ("conv2d", (G, G), {"padding": np.array([10_000, 10_000])}),
    "smallest integer": ("softmax", (G, np.int64(-(2**63))), {}),
    "window": ("max_pool2d", (X, 1023, 1, 511), {}),
    "window by name": ("avg_pool2d", (X,), {"kernel_size": (301, 301), "stride": 1, "padding": (150, 150)}),
    "padding": ("conv2d", (np.ones((1, 1, 1, 1)), np.ones((1, 1, 64, 64)), None, 1, 4096), {}),
    "input size": ("conv2d_input", ((1, 1, 4096, 4096), np.ones((1, 1, 64, 64)), np.ones((1, 1, 2, 2))), {}),
    "weight size": ("conv2d_weight", (X, (64, 1, 256, 256), np.ones((1, 64, 257, 257))), {}),
}


@pytest.mark.parametrize("name", DEAR)
def test_what_would_take_long_is_refused(name):
    function, args, kwargs = DEAR[name]
    with pytest.raises((TypeError, ValueError)):
        bound_work(given.NAMES[function], args, kwargs)


@pytest.mark.parametrize("call", HARMLESS, ids=lambda call: call[0])
def test_what_assignments_need_is_not(call):
    function, args, kwargs = call
    bound_arrays(args, kwargs)
    bound_work(given.NAMES[function], args, kwargs)
    given.NAMES[function](*args, **kwargs)


def test_functions_in_a_result_show_no_address(session):
    f = function(session, "def f():\n    return (lambda: 7,)")
    (found,) = f.call((), {}, 5.0).value
    assert repr(found) == "a function" and found() == 7


def test_what_a_notebook_may_show_is_bounded(session, monkeypatch):
    monkeypatch.setattr(examiner, "MAX_OUTPUT", 10_000)
    first, second = (session.run("print('y' * 8_000)")[0]["text"] for _ in range(2))
    assert first.startswith("yyy") and "too long" in second
    assert session.run("x = 1") == []


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processors can be chosen on Linux only")
def test_a_sandbox_keeps_to_its_processor(template, monkeypatch):
    monkeypatch.setattr(template, "processor", 1)
    own = Session(template, Budget(cell=5, notebook=60), {})
    try:
        f = function(
            own,
            """\
import os
def f():
    try:
        os.sched_setaffinity(0, range(64))
    except OSError:
        pass
    return len(os.sched_getaffinity(0))""",
        )
        found = f.call((), {}, 5.0)
        assert found.value == 1 or not template.is_confined
    finally:
        own.close()


def test_names_that_do_not_exist_are_missing_and_values_are_values(session):
    session.run("answer = 42\ndef f():\n    pass\nodd = object()")
    assert session.names(["answer", "f", "gone"]) == {
        "answer": ("value", 42), "f": ("function",), "gone": ("missing",),
    }  # fmt: skip
    assert session.names(["odd"])["odd"][1] == wire.Unfit("object")


def test_a_time_limit_holds_even_against_deaf_code(session):
    f = function(
        session,
        "import signal\ndef f():\n    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\n    while 1: pass",
    )
    start = time.monotonic()
    outcome = f.call((), {}, 0.5)
    assert outcome.kind == "timeout" and time.monotonic() - start < 10
    assert function(session, "def f():\n    return 1").call((), {}, 1.0).value == 1


def test_a_busy_machine_is_not_the_students_fault(session):
    f = function(session, "import time\ndef f(n):\n    time.sleep(n)\n    return 1")
    assert f.call((0.6,), {}, 0.5).ok  # it used no processor time
    assert f.call((9.0,), {}, 0.5).problem == "It did not finish within 0.5 s."


def test_a_sandbox_that_ends_is_replaced_and_remembers(session):
    session.run("kept = 5")
    f = function(session, "import os\ndef f(end):\n    return os._exit(0) if end else kept")
    assert "ended its own process" in f.call((True,), {}, 1.0).problem
    assert f.call((False,), {}, 1.0).value == 5


FORGED = {
    "not_a_tuple": ["ok"],
    "short": ("ok", 1),
    "kind": ("great", 1, "", False, False, 0),
    "problem": ("raised", 1, 7, False, False, 0),
}


@pytest.mark.parametrize("name", FORGED)
def test_malformed_replies_are_refused(name):
    with pytest.raises(wire.WireError):
        _outcome(FORGED[name])


def test_values_that_cannot_cross_are_named():
    outcome = _outcome(("ok", [1, {"a": wire.Unfit("generator")}], "", False, False, 0))
    assert outcome == Outcome("unfit", problem="It returned a value of type generator.")


def test_outputs_hold_text_and_pictures_alone(session):
    source = "display({'text/html': '<b>', 'text/plain': 'plain', 'image/png': 'aGk='}, raw=True)\n"
    source += "print('\\x1b[31mred\\x07')\n3"
    shown = session.run(source)
    assert [o["output_type"] for o in shown] == ["display_data", "stream", "execute_result"]
    assert shown[0]["data"] == {"text/plain": "plain", "image/png": "aGk="}
    assert shown[1]["text"] == "[31mred\n" and shown[2]["data"] == {"text/plain": "3"}
    json.dumps(shown)


def test_a_semicolon_hides_a_value(session):
    assert session.run("3;") == [] and session.run("# three;\n3") != []
