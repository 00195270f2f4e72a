"""A student's function is called, and nothing of what happens in it gets out: no loop, no change, no alias."""

import contextlib
import io
import signal
import sys
import threading
import time

import numpy as np
import pytest

from convcourse.calls import call
from convcourse.calls.call import Call, LocalFunction, Outcome, clone, time_limit


def stubborn():
    while True:
        try:
            time.sleep(0.001)
        except BaseException:
            continue


def busy():
    while True:
        pass


@pytest.mark.parametrize("function", [stubborn, busy, lambda: time.sleep(60)], ids=["stubborn", "busy", "asleep"])
def test_the_main_thread_gets_out_of_every_loop(function):
    start = time.monotonic()
    assert LocalFunction(function).call((), {}, 0.3).kind == "timeout"
    assert time.monotonic() - start < 2
    assert LocalFunction(lambda: 1 + sum(range(9))).call((), {}, 1).value == 37  # nothing is left behind


def test_a_limit_holds_around_calls_that_have_limits_of_their_own():
    class Outer(BaseException):
        pass

    for inner in (0.2, 60):
        start, kinds = time.monotonic(), set()
        with pytest.raises(Outer), time_limit(0.5, Outer):  # noqa: PT012 (the limit strikes anywhere in it)
            while True:
                kinds.add(LocalFunction(lambda: time.sleep(0.01)).call((), {}, inner).kind)
                kinds.add(LocalFunction(stubborn).call((), {}, inner).kind)
        assert 0.5 <= time.monotonic() - start < 2
        assert kinds == {"ok", "timeout"} if inner < 0.5 else {"ok"}
    time.sleep(0.1)  # nothing of it is left


class Managed:
    """Counts how often it is entered and not left."""

    inside = 0

    def __enter__(self):
        self.inside += 1

    def __exit__(self, *_):
        self.inside -= 1


@pytest.mark.parametrize("insists", [True, False])
def test_a_limit_around_a_loop_of_the_same_function_leaves_nothing_behind(insists):
    class Outer(BaseException):
        pass

    managed, handler = Managed(), signal.getsignal(signal.SIGALRM)
    with contextlib.suppress(Outer), managed, time_limit(0.1, Outer, insists):
        while True:
            sum(range(9))
    assert sys.exc_info()[0] is None and not managed.inside
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0 and signal.getsignal(signal.SIGALRM) is handler


def test_a_limit_that_does_not_insist_leaves_what_its_body_opened():
    class Outer(BaseException):
        pass

    def body():
        with managed, contextlib.redirect_stderr(io.StringIO()):
            while True:
                sum(range(9))

    managed, before = Managed(), sys.stderr
    with pytest.raises(Outer), time_limit(0.1, Outer, insists=False):
        body()
    assert sys.exc_info()[0] is None and not managed.inside and sys.stderr is before


def swallowing():
    """Go on with whatever there is, after an error and after the next one."""
    for _ in range(2):
        with contextlib.suppress(BaseException), contextlib.suppress(BaseException):
            while True:
                pass
    return 7


def test_what_was_struck_is_late_whatever_it_gives_in_the_end():
    assert LocalFunction(swallowing).call((), {}, 0.1).kind == "timeout"


def test_another_thread_gets_out_of_a_busy_loop():
    found = []
    thread = threading.Thread(target=lambda: found.append(LocalFunction(busy).call((), {}, 0.3)))
    thread.start()
    thread.join(10)
    assert found[0].kind == "timeout"


def test_without_timers_the_main_thread_is_struck_by_a_second_one(monkeypatch):
    monkeypatch.delattr("signal.setitimer")
    for function in (stubborn, busy):
        assert LocalFunction(function).call((), {}, 0.3).kind == "timeout"


def finalizing():
    class Thing:
        def __del__(self):
            sum(range(1000))

    while True:
        Thing()


@pytest.fixture
def plain_reports(monkeypatch):
    """A strike in a finalizer is lost, as any error there, and Python tells of it; pytest would make it a failure."""
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)


@pytest.mark.usefixtures("plain_reports")
def test_a_strike_that_a_finalizer_swallows_is_followed_by_another_at_once():
    start = time.monotonic()
    for _ in range(20):
        assert LocalFunction(finalizing).call((), {}, 0.01).kind == "timeout"
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("where", ["main", "without timers", "another thread"])
@pytest.mark.usefixtures("plain_reports")
def test_a_limit_never_strikes_outside_of_its_body(where, monkeypatch):
    """However slow a machine is: here there are 200 ends, and a strike every tenth of a millisecond."""
    monkeypatch.setattr(call, "REPEAT_SECONDS", 1e-4)
    if where == "without timers":
        monkeypatch.delattr("signal.setitimer")

    def many():
        for function in [stubborn, busy] if where == "main" else [busy]:
            kinds.update(LocalFunction(function).call((), {}, 0.001).kind for _ in range(100))

    kinds = set()
    if where == "another thread":
        thread = threading.Thread(target=many)
        thread.start()
        thread.join(60)
    else:
        many()
    assert kinds == {"timeout"}
    time.sleep(0.01)  # nothing of it is left


@pytest.mark.parametrize("name", ["arm", "disarm"])
def test_a_strike_that_meets_a_limit_where_it_begins_or_ends_is_not_felt(name, monkeypatch):
    original = getattr(call._SignalLimit, name)

    def struck(limit):
        original(limit) if name == "arm" else None
        signal.raise_signal(signal.SIGALRM)
        original(limit) if name == "disarm" else None

    monkeypatch.setattr(call._SignalLimit, name, struck)
    assert LocalFunction(lambda: 7).call((), {}, 1).value == 7
    assert LocalFunction(busy).call((), {}, 0.1).kind == "timeout"


def test_clones_keep_what_a_caller_can_see():
    for array in (np.asfortranarray(np.ones((2, 3))), np.ones((3, 4))[:, ::2], np.ones(3, np.float32)):
        copy = clone(array)
        assert copy.flags.c_contiguous == array.flags.c_contiguous
        assert copy.flags.f_contiguous == array.flags.f_contiguous
        assert copy.dtype == array.dtype
        assert not np.may_share_memory(copy, array)
    fixed = np.ones(2)
    fixed.flags.writeable = False
    assert not clone(fixed).flags.writeable


def test_outcomes_report_change_and_sharing_inside_tuples():
    def change(x):
        x[0] = 7.0
        return (x, 1)

    outcome = LocalFunction(change).call((np.zeros(2),), {}, 1)
    assert outcome.modified
    assert outcome.shares_memory
    assert isinstance(outcome, Outcome)


def test_a_call_that_changes_the_result_before_it_is_seen():
    buffer = np.zeros(2)

    def fill(x):
        buffer[...] = x
        return buffer

    kept = LocalFunction(fill)
    assert not kept.call((np.ones(2),), {}, 1).overwrites
    assert kept.call((np.ones(2),), {}, 1).overwrites, "nothing has changed, but the caller has one array twice"
    assert kept.call((np.zeros(2),), {}, 1).overwrites
    fresh = LocalFunction(lambda x: x + 1)
    assert not any(fresh.call((np.full(2, k),), {}, 1).overwrites for k in range(3))


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"x": x}], ids=["array", "list", "dict"])
def test_arguments_are_copied_and_watched_however_they_are_handed_over(wrap):
    def change(value):
        (value if isinstance(value, np.ndarray) else value[0] if isinstance(value, list) else value["x"])[0] = 7.0

    x = np.zeros(2)
    for args, kwargs in (((wrap(x),), {}), ((), {"value": wrap(x)})):
        assert LocalFunction(change).call(args, kwargs, 1).modified
        assert np.array_equal(x, np.zeros(2))


@pytest.mark.parametrize(
    "change",
    [
        lambda layers: layers[0].pop("kind"),
        lambda layers: layers[0].setdefault("stride", 1),
        lambda layers: layers.append({}),
        lambda layers: layers[0].update(kind="pool"),
        lambda layers: layers[0]["sizes"].sort(),
    ],
)
def test_a_change_of_a_dict_or_list_is_seen(change):
    layers = [{"kind": "conv", "sizes": [3, 2]}, {"kind": "pool"}]
    assert LocalFunction(change).call((layers,), {}, 1).modified
    assert not LocalFunction(lambda layers: [dict(layer, kind="x") for layer in layers]).call((layers,), {}, 1).modified


def test_a_nan_stays_unchanged_and_another_shape_is_a_change():
    assert not LocalFunction(lambda x: 1).call((np.array([np.nan]),), {}, 1).modified
    assert LocalFunction(lambda x: setattr(x, "shape", (2, 1))).call((np.zeros(2),), {}, 1).modified


def test_of_many_calls_of_a_function_in_this_process_one_is_made_whose_result_no_other_has_changed():
    buffer = np.zeros(1)

    def f(x):
        buffer[0] = x
        return buffer

    assert [outcome.value.tolist() for outcome in LocalFunction(f).call_all([Call((1,)), Call((2,))], 1)] == [[1.0]]
