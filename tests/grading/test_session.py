"""Calls between examiner and sandbox: functions both ways, given functions, and what a reply may hold."""

import json
import time

import numpy as np
import pytest

from autograder.checks.calling import Outcome
from autograder.grading import wire
from autograder.grading.examiner import RemoteFunction, Session, _outcome, bound
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


@pytest.mark.parametrize("bad", [(lambda: 0,), (1 << 20,), ([[1 << 20]],)], ids=["function", "number", "nested"])
def test_odd_arguments_of_given_functions_are_refused(bad):
    with pytest.raises((TypeError, ValueError)):
        bound(list(bad), {})


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
