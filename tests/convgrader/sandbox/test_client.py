"""Calls between grader and sandbox: functions both ways, provided functions, limits of time and of what is shown."""

import json
import os
import re
import time

import numpy as np
import psutil
import pytest

from convcourse.calls.call import Call
from convgrader.errors import SandboxError
from convgrader.jobs import Budget
from convgrader.sandbox import protocol
from convgrader.sandbox.client import MAX_BATCH, RemoteFunction, SandboxClient
from convgrader.sandbox.clock import GRACE, Clock


@pytest.fixture
def client(zygote):
    opened = SandboxClient(zygote, Budget(cell=5, notebook=60), {"conv1d": _conv1d, "grow": _grow})
    opened.run("import numpy as np")
    yield opened
    opened.close()


def _conv1d(x, weight):
    """Convolve."""
    return np.convolve(x, weight, "valid")


def _grow(size):
    """Allocate."""
    return np.ones(size * size * size)


def function(client, source):
    client.run(source)
    return RemoteFunction(client, "f")


def test_values_come_back_as_they_are(client):
    f = function(client, "def f(*args, **kwargs):\n    return args, kwargs")
    strided = np.arange(12.0).reshape(3, 4)[:, ::2]
    args, kwargs = f.call((strided, (1, "two")), {"three": None}, 1.0).value
    np.testing.assert_array_equal(args[0], strided)
    assert args[1] == (1, "two") and kwargs == {"three": None}


def test_many_calls_are_one_exchange(client):
    f = function(client, "def f(x, k=1):\n    return k * x")
    before = client.request_number
    calls = [Call((np.full(3, number),), {"k": number}) for number in range(20)]
    outcomes = f.call_all(calls, 1.0)
    assert client.request_number == before + 1
    assert [outcome.value.tolist() for outcome in outcomes] == [[number**2] * 3 for number in range(20)]


def test_each_of_many_calls_has_its_own_report_on_what_it_did_to_its_arguments(client):
    f = function(client, "def f(x):\n    if x[0] == 1:\n        x += 1\n    return x if x[0] == 3 else x + 1")
    outcomes = f.call_all([Call((np.full(2, number),)) for number in (0, 1, 0, 3, 0)], 1.0)
    assert [outcome.modified for outcome in outcomes] == [False, True, False, False, False]
    assert [outcome.shares_memory for outcome in outcomes] == [False, False, False, True, False]


BUSY_CALL = """\
import time
def f(seconds):
    stop = time.process_time() + seconds
    while time.process_time() < stop:
        pass
    return 7
"""


def test_each_of_many_calls_has_its_own_time_and_the_first_that_takes_too_long_ends_them(client):
    f = function(client, BUSY_CALL)
    fast, slow = Call((0.3,)), Call((20.0,))
    assert [outcome.value for outcome in f.call_all([fast] * 4, 1.0)] == [7] * 4
    assert [outcome.kind for outcome in f.call_all([fast, slow, fast, fast], 1.0)] == ["ok", "timeout"]
    assert f.call((0.0,), {}, 1.0).value == 7, "the other side is in step"


def test_of_many_calls_the_one_that_ends_its_process_is_the_last(client):
    f = function(client, "import os\ndef f(x):\n    return os._exit(0) if x == 2 else x")
    outcomes = f.call_all([Call((number,)) for number in range(5)], 1.0)
    assert [outcome.kind for outcome in outcomes] == ["ok", "ok", "raised"]
    assert "ended its own process" in outcomes[-1].problem
    assert [outcome.value for outcome in f.call_all([Call((number,)) for number in (3, 4)], 1.0)] == [3, 4]


def test_of_many_calls_those_that_had_an_answer_are_not_made_again_when_somebody_else_kills_the_sandbox(client):
    f = function(client, "def f(g):\n    return g()")
    made = []

    def dies():
        made.append("dies")
        if len(made) == 2:
            psutil.Process(client.pid).children()[0].kill()
        return len(made)

    assert [outcome.value for outcome in f.call_all([Call((dies,)) for _ in range(3)], 2.0)] == [1, 3, 4]


def test_a_call_knows_no_function_that_is_an_argument_of_another(client):
    f = function(client, "kept = []\ndef f(g, *more):\n    kept.append(g)\n    return [each() for each in kept]")
    calls = [Call((lambda: 1,)), Call((lambda: 2,)), Call((lambda: 3, lambda: 4))]
    assert [outcome.value for outcome in f.call_all(calls, 1.0)] == [[1], [2, 2], [3, 3, 3]]


def test_one_request_holds_no_more_than_it_may(client):
    f = function(client, "def f(x):\n    return len(x)")
    before = client.request_number
    calls = [Call((np.zeros(size),)) for size in (1, MAX_BATCH // 16, MAX_BATCH // 16, 1)]
    assert [outcome.value for outcome in f.call_all(calls, 1.0)] == [1, MAX_BATCH // 16]
    assert [outcome.value for outcome in f.call_all([Call((np.zeros(1 << 17),)), calls[0]], 1.0)] == [1 << 17]
    assert [outcome.value for outcome in f.call_all([Call(([0] * (MAX_BATCH + 1),)), calls[0]], 1.0)] == [MAX_BATCH + 1]
    assert client.request_number == before + 3


def test_of_many_calls_none_is_waited_for_after_the_time_of_the_notebook(zygote):
    own_client = SandboxClient(zygote, Budget(cell=5, notebook=60), {})
    try:
        f = function(own_client, BUSY_CALL)
        assert f.call((0.0,), {}, 1.0).value == 7
        own_client.clock.deadline = time.monotonic() + 0.2
        outcomes = f.call_all([Call((0.3,))] * 20, 1.0)
        assert [outcome.kind for outcome in outcomes[-2:]] == ["ok", "timeout"] and len(outcomes) < 20
        assert "is used up" in outcomes[-1].problem and own_client.channel is None
    finally:
        own_client.close()


def test_what_is_packed_once_is_what_was_given(client):
    f = function(client, "def f(x, g):\n    x *= g(x)\n    return x")
    call = Call((np.asfortranarray(np.eye(2)), lambda x: 2 * x))
    for _ in range(2):
        assert f.call_all([call], 1.0)[0].value.tolist() == [[2, 0], [0, 2]]


def test_layout_and_protection_arrive(client):
    f = function(client, "def f(x):\n    return list(x.strides), x.flags.writeable, x.dtype.str")
    x = np.asfortranarray(np.ones((3, 4), np.float32))
    x.flags.writeable = False
    assert f.call((x,), {}, 1.0).value == (list(x.strides), False, "<f4")


SWALLOWING = """\
from contextlib import suppress
def f():
    for _ in range(2):
        with suppress(BaseException), suppress(BaseException):
            while True:
                pass
    return 7
"""


def test_a_call_that_was_struck_is_late_whatever_it_gives_in_the_end(client):
    outcome = function(client, SWALLOWING).call((), {}, 0.3)
    assert (outcome.kind, outcome.value) == ("timeout", None)
    assert outcome.problem == "It did not finish within 0.3 s."


def test_changed_input_and_views_are_reported(client):
    f = function(client, "def f(x):\n    x[0] = 7\n    return x[:2]")
    outcome = f.call((np.zeros(3),), {}, 1.0)
    assert outcome.modified and outcome.shares_memory


def test_a_callable_argument_is_called_here(client):
    f = function(client, "def f(g, x):\n    return sum(g(x + h) for h in range(5))")
    called = []

    def g(x):
        called.append(x)
        return float(x) ** 2

    assert f.call((g, 1), {}, 2.0).value == 55.0 and called == [1, 2, 3, 4, 5]


def test_a_callable_argument_may_hand_back_what_it_was_given(client):
    f = function(client, "def f(g, *arrays):\n    return [g(*arrays) is array for array in arrays]")
    x, y = np.zeros(2), np.zeros(2)
    assert f.call((lambda a, b: b, x, y), {}, 2.0).value == [False, True]
    assert f.call((lambda a, b: a + b, x, y), {}, 2.0).value == [False, False]


def test_an_error_in_a_callable_argument_reaches_the_student(client):
    f = function(client, "def f(g):\n    try:\n        g()\n    except ValueError as error:\n        return str(error)")

    def g():
        raise ValueError("not like this")

    assert f.call((g,), {}, 2.0).value == "not like this"


def test_a_returned_function_can_be_called(client):
    f = function(client, "def f(n):\n    return lambda x: x + n")
    add = f.call((3,), {}, 1.0).value
    assert add(4) == 7


def test_provided_functions_work_and_others_do_not(client):
    f = function(client, "from convcourse.provided import conv1d\ndef f(x, w):\n    return conv1d(x, w)")
    np.testing.assert_allclose(f.call((np.ones(4), np.ones(2)), {}, 2.0).value, [2, 2, 2])
    outputs = client.run("from convcourse.provided import conv2d")
    assert outputs[0]["ename"] == "ImportError"
    assert outputs[0]["evalue"].startswith("conv2d is not handed out with this notebook, which hands out conv1d, grow")
    assert "Convolve." in str(client.run("print(conv1d.__doc__)"))


def test_provided_functions_do_not_take_the_machine_along(client):
    f = function(client, "from convcourse.provided import grow, conv1d\ndef f(n):\n    return grow(n)")
    assert "Unable to allocate" in f.call((4000,), {}, 5.0).problem
    assert "too large" in f.call((5000,), {}, 5.0).problem
    f = function(client, "def f(n):\n    return conv1d(np.ones(n), np.ones(2))")
    assert "too large" in f.call((1 << 19,), {}, 5.0).problem


def test_functions_in_a_result_show_no_address(client):
    f = function(client, "def f():\n    return (lambda: 7,)")
    (reply,) = f.call((), {}, 5.0).value
    assert repr(reply) == "a function" and reply() == 7


def test_what_a_notebook_may_show_is_bounded(client, monkeypatch):
    monkeypatch.setattr("convgrader.sandbox.client.MAX_NOTEBOOK_OUTPUT", 10_000)
    first, second = (client.run("print('y' * 8_000)")[0]["text"] for _ in range(2))
    assert first.startswith("yyy") and "too long" in second
    assert client.run("x = 1") == []


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processors can be chosen on Linux only")
def test_a_sandbox_keeps_to_its_processor(zygote, monkeypatch):
    monkeypatch.setattr(zygote, "processor", 1)
    own_client = SandboxClient(zygote, Budget(cell=5, notebook=60), {})
    try:
        f = function(
            own_client,
            """\
import os
def f():
    try:
        os.sched_setaffinity(0, range(64))
    except OSError:
        pass
    return len(os.sched_getaffinity(0))""",
        )
        reply = f.call((), {}, 5.0)
        assert reply.value == 1 or not zygote.is_confined
    finally:
        own_client.close()


def test_names_that_do_not_exist_are_missing_and_values_are_values(client):
    client.run("answer = 42\ndef f():\n    pass\nodd = object()")
    assert client.names(["answer", "f", "gone"]) == {
        "answer": ("value", 42), "f": ("function",), "gone": ("missing",),
    }  # fmt: skip
    assert client.names(["odd"])["odd"][1] == protocol.Unserializable("object")


@pytest.mark.slow
def test_a_time_limit_holds_even_against_deaf_code(client):
    f = function(
        client,
        "import signal\ndef f():\n    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\n    while 1: pass",
    )
    start = time.monotonic()
    outcome = f.call((), {}, 0.5)
    assert outcome.kind == "timeout" and time.monotonic() - start < 10
    assert function(client, "def f():\n    return 1").call((), {}, 1.0).value == 1


def test_a_busy_machine_is_not_the_students_fault(client):
    f = function(client, "import time\ndef f(n):\n    time.sleep(n)\n    return 1")
    assert f.call((0.6,), {}, 0.5).ok  # it used no processor time
    assert f.call((9.0,), {}, 0.5).problem == "It did not finish within 0.5 s."


def test_a_sandbox_that_ends_is_replaced_and_remembers(client):
    client.run("kept = 5")
    f = function(client, "import os\ndef f(end):\n    return os._exit(0) if end else kept")
    assert "ended its own process" in f.call((True,), {}, 1.0).problem
    assert f.call((False,), {}, 1.0).value == 5


def test_outputs_hold_text_and_pictures_alone(client):
    source = "display({'text/html': '<b>', 'text/plain': 'plain', 'image/png': 'aGk='}, raw=True)\n"
    source += "print('\\x1b[31mred\\x07')\n3"
    shown = client.run(source)
    assert [o["output_type"] for o in shown] == ["display_data", "stream", "execute_result"]
    assert shown[0]["data"] == {"text/plain": "plain", "image/png": "aGk="}
    assert shown[1]["text"] == "[31mred\n" and shown[2]["data"] == {"text/plain": "3"}
    json.dumps(shown)


def test_a_semicolon_hides_a_value(client):
    assert client.run("3;") == [] and client.run("# three;\n3") != []


DEAF = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\nwhile True: pass"
BUSY = 2.0  # seconds by which a busy machine may be late


@pytest.fixture
def opened(zygote, monkeypatch):
    """The moments at which sandboxes were opened."""
    moments, real = [], zygote.spawn

    def spawn(seconds):
        moments.append(time.monotonic())
        return real(seconds)

    monkeypatch.setattr(zygote, "spawn", spawn)
    return moments


@pytest.mark.slow
def test_a_cell_that_is_late_when_it_is_run_again_ends_that_sandbox_and_is_only_defined_in_the_next(zygote, opened):
    own_client = SandboxClient(zygote, Budget(cell=0.5, notebook=60), {})
    try:
        late = DEAF.replace("\n", "\n    ")
        defined = "import os, time\ndef f(end):\n    return os._exit(0) if end else 7\n"
        own_client.run(f"{defined}if time.time() > {time.time() + 3}:\n    {late}")
        f = RemoteFunction(own_client, "f")
        assert f.call((False,), {}, 1.0).value == 7
        time.sleep(3)
        assert not f.call((True,), {}, 1.0).ok
        start = time.monotonic()
        assert [f.call((False,), {}, 1.0).value for _ in range(3)] == [7, 7, 7]
        assert len(opened) == 3 and time.monotonic() - start < 0.5 + GRACE + BUSY
    finally:
        own_client.close()


@pytest.mark.parametrize("magic", ["%matplotlib inline", "size = 7 \\\n    % 9"], ids=["magic", "operator"])
def test_what_a_cell_that_ended_its_sandbox_defines_beside_a_magic_is_there_in_the_next(client, magic):
    client.run(f"{magic}\ndef f():\n    return 7\nimport os\nos._exit(0)")
    assert RemoteFunction(client, "f").call((), {}, 1.0).value == 7


def test_after_the_time_nothing_is_opened_and_nothing_is_begun(zygote, opened):
    own_client = SandboxClient(zygote, Budget(), {}, Clock(0))
    assert "is used up" in own_client.run("1")[0]["evalue"]
    assert "is used up" in RemoteFunction(own_client, "f").call((), {}, 1.0).problem
    with pytest.raises(SandboxError):
        own_client.names(["f"])
    assert opened == []


def test_an_open_sandbox_is_asked_nothing_after_the_time(client):
    f = function(client, "def f():\n    return 7")
    assert f.call((), {}, 1.0).value == 7
    client.clock.deadline = time.monotonic()
    assert "is used up" in f.call((), {}, 1.0).problem
    assert "is used up" in client.run("1")[0]["evalue"]


@pytest.mark.slow
def test_grace_comes_once_however_much_is_late(zygote, opened):
    own_client = SandboxClient(zygote, Budget(cell=1, notebook=4), {})
    start = time.monotonic()
    try:
        shown = [own_client.run(DEAF, f"cell [{number}]")[0]["evalue"] for number in range(8)]
        outcome = RemoteFunction(own_client, "f").call((), {}, 1.0)
    finally:
        own_client.close()
    assert time.monotonic() - start < 4 + GRACE + BUSY
    assert max(opened) < start + 4
    assert "could not be interrupted" in shown[0] and not outcome.ok
    assert re.search(r"cell \[0\] (took most of it|\(\d s\))", shown[-1])


@pytest.mark.slow
def test_a_sandbox_that_does_not_read_takes_no_longer_than_one_that_does_not_answer(zygote):
    own_client = SandboxClient(zygote, Budget(cell=1, notebook=3), {})
    try:
        own_client.run("def f(x):\n    return 1")
        for process in (psutil.Process(own_client.pid), *psutil.Process(own_client.pid).children(recursive=True)):
            process.suspend()
        start = time.monotonic()
        assert not RemoteFunction(own_client, "f").call((np.ones(1 << 19),), {}, 1.0).ok
        assert time.monotonic() - start < 3 + GRACE + BUSY
    finally:
        own_client.close()


def test_whatever_goes_wrong_with_a_reply_it_was_malformed(zygote, monkeypatch):
    def odd(*rest):
        raise ZeroDivisionError

    own_client = SandboxClient(zygote, Budget(cell=5, notebook=60), {})
    try:
        own_client.run("def f():\n    return 1")
        monkeypatch.setattr("convgrader.sandbox.client.validated_outputs", odd)
        monkeypatch.setattr("convgrader.sandbox.client.as_outcome", odd)
        assert RemoteFunction(own_client, "f").call((), {}, 1.0).kind == "raised"
        assert own_client.run("1")[0]["ename"] == "SandboxError"
    finally:
        own_client.close()


def test_a_value_that_cannot_cross_hides_no_function(client):
    client.run("def f():\n    return 1\nlarge = np.zeros(1 << 24)\nodd = {(1, 2): 3}")
    reply = client.names(["f", "large", "odd"])
    assert reply["f"] == ("function",) and {reply[name][1] for name in ("large", "odd")} == {
        protocol.Unserializable("object")
    }


# --- helpers that are lent -----------------------------------------------------------------------------------------

BUILT_ON = "def helper(x):\n    return 0\n\ndef f(x):\n    return helper(x) + 1"


def _right(x):
    return 10 * x


def test_a_helper_that_is_lent_stands_in_the_place_of_the_students_own_for_a_while(client):
    f = function(client, BUILT_ON)
    with client.lending({"helper": _right}):
        assert f.call((4,), {}, 2.0).value == 41
    assert f.call((4,), {}, 2.0).value == 1


def test_a_helper_that_is_not_there_is_lent_and_is_gone_again(client):
    f = function(client, BUILT_ON + "\ndel helper")
    with client.lending({"helper": _right}):
        assert f.call((4,), {}, 2.0).value == 41
    assert "NameError" in f.call((4,), {}, 2.0).problem


def test_a_helper_that_is_lent_is_lent_again_when_a_sandbox_was_replaced(client):
    f = function(client, BUILT_ON + "\ndef ends(x):\n    import os\n    os._exit(0)")
    with client.lending({"helper": _right}):
        assert not RemoteFunction(client, "ends").call((1,), {}, 2.0).ok
        assert f.call((4,), {}, 2.0).value == 41
    assert f.call((4,), {}, 2.0).value == 1


def test_a_helper_answers_while_it_is_lent_and_no_longer(client):
    f = function(client, "kept = []\n\ndef f(x):\n    kept.append(globals().get('helper'))\n    return kept[0](x)")
    with client.lending({"helper": _right}):
        assert f.call((4,), {}, 2.0).value == 40
    outcome = f.call((4,), {}, 2.0)
    assert not outcome.ok and "KeyError" not in outcome.problem and "not lent" in outcome.problem


def test_only_what_is_lent_answers(client):
    asks = """
def f(what, x):
    import sys
    frame = sys._getframe()
    while not hasattr(frame.f_locals.get("self"), "ask"):
        frame = frame.f_back
    return frame.f_locals["self"].ask("lent", what, (x,), {})"""
    f = function(client, asks)
    with client.lending({"helper": _right}):
        assert f.call(("helper", 4), {}, 2.0).value == 40
        assert not f.call(("other", 4), {}, 2.0).ok
        assert not f.call(("conv1d", 4), {}, 2.0).ok
    assert not f.call(("helper", 4), {}, 2.0).ok


def test_what_a_helper_that_is_lent_would_take_long_for_is_refused(client):
    f = function(client, "def f():\n    return helper(np.ones((1000, 1000)), np.ones((100, 100)))")
    with client.lending({"helper": lambda *args: 1}):
        assert "too much to compute" in f.call((), {}, 2.0).problem


ENDS_WHEN_LENT = """
import gc, os
(server,) = [thing for thing in gc.get_objects() if type(thing).__name__ == "SandboxServer"]
server.lend = lambda names: os._exit(0)"""


def test_a_sandbox_that_ends_when_a_helper_is_lent_ends_too_often_and_no_cell_is_blamed(client):
    client.run(ENDS_WHEN_LENT)
    f = function(client, BUILT_ON)
    with client.lending({"helper": _right}):
        assert f.call((4,), {}, 2.0).problem == "Its process was ended too often."
    assert {cell.verb for cell in client.history} == {"run"}
