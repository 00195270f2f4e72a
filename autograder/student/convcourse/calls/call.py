"""Call a student's function and report all that happened, without letting any of it out.

This module runs on the untrusted side of grading too: NumPy and the standard library alone.
"""

import _thread
import abc
import contextlib
import ctypes
import io
import signal
import sys
import textwrap
import threading
import time
import traceback
import warnings
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Outcome:
    """What one call gave.

    `kind` is "ok", "blank" (still to be written), "raised", "timeout" or "unfit" (a value that cannot be handed over).
    `problem` is one sentence for every kind but "ok". `modified`: the call changed its arguments; `shares_memory`: its
    result is a view of one; `overwrites`: it changed the result of the call before, or handed it out again.
    """

    kind: str = "ok"
    value: object = None
    problem: str = ""
    modified: bool = False
    shares_memory: bool = False
    overwrites: bool = False

    @property
    def ok(self):
        return self.kind == "ok"


class StudentFunction(abc.ABC):
    """A function of a student's, wherever it lives: what every check calls."""

    @abc.abstractmethod
    def call(self, args, kwargs, limit):
        """Call it with copies of the arguments for at most `limit` seconds; return an Outcome, whatever happens."""


class LocalFunction(StudentFunction):
    """A function in this process.

    Examples
    --------
    >>> LocalFunction(lambda x: x + 1).call((1,), {}, limit=1).value
    2
    >>> LocalFunction(lambda x: x / 0).call((1,), {}, limit=1).problem
    'It raised ZeroDivisionError: division by zero (line 1).'
    """

    def __init__(self, function):
        self.function = function
        self.earlier = []  # arrays of the last result, as they are now and as they were

    def call(self, args, kwargs, limit):
        """Call with copies of `args` and `kwargs`; see StudentFunction."""
        own = [clone(value) for value in (*args, *kwargs.values())]
        positional, keywords = own[: len(args)], dict(zip(kwargs, own[len(args) :]))
        try:
            with _quiet(), time_limit(limit):
                value = self.function(*positional, **keywords)
        except TimeLimitError:
            return Outcome("timeout", problem=f"It did not finish within {limit:g} s.")
        except NotImplementedError:
            return Outcome("blank", problem="It is not written yet.")
        except (Exception, SystemExit, GeneratorExit) as error:
            return Outcome("raised", problem=describe_error(error))
        given, found = [*args, *kwargs.values()], arrays_in(value)
        overwrites = any(not unchanged(after, before) for after, before in self.earlier)
        overwrites |= any(np.may_share_memory(a, b) for a in found for b, _ in self.earlier)
        self.earlier = [(array, array.copy()) for array in found]
        return Outcome(
            value=value,
            modified=any(not unchanged(before, after) for before, after in zip(given, own)),
            shares_memory=any(np.may_share_memory(a, b) for a in found for b in arrays_in(own)),
            overwrites=overwrites,
        )


def clone(value):
    """Return a copy that keeps what matters to a caller: dtype, layout and whether it may be written to."""
    if isinstance(value, np.ndarray):
        if value.flags.c_contiguous or value.flags.f_contiguous:
            copy = value.copy(order="K")
        else:
            copy = np.empty((*value.shape[:-1], 2 * value.shape[-1]), value.dtype)[..., ::2]
            copy[...] = value
        copy.flags.writeable = value.flags.writeable
        return copy
    if isinstance(value, list | tuple):
        return type(value)(clone(item) for item in value)
    if isinstance(value, dict):
        return {key: clone(item) for key, item in value.items()}
    return value


def arrays_in(value):
    """List the arrays in a value made of arrays, lists, tuples and dicts."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [array for item in value for array in arrays_in(item)]
    return []


def unchanged(before, after):
    """Say whether a value made of arrays, lists, tuples and dicts still holds what it held before.

    Examples
    --------
    >>> unchanged([{"stride": 2}], [{"stride": 2}]), unchanged([{"stride": 2}], [{}])
    (True, False)
    """
    if isinstance(before, np.ndarray):
        is_alike = isinstance(after, np.ndarray) and before.shape == after.shape and before.dtype == after.dtype
        return is_alike and before.tobytes() == after.tobytes()
    if isinstance(before, dict):
        return (
            isinstance(after, dict)
            and unchanged([*before], [*after])
            and unchanged([*before.values()], [*after.values()])
        )
    if isinstance(before, list | tuple):
        is_alike = isinstance(after, list | tuple) and len(before) == len(after)
        return is_alike and all(map(unchanged, before, after))
    if isinstance(before, str | int | float | None.__class__):
        return before is after or (type(before) is type(after) and before == after)
    return True  # of other things it is not known what they hold


def describe_error(error):
    """Say in one sentence what was raised and on which line of the student's cell."""
    text = textwrap.shorten(str(error), 300, placeholder=" ...")
    frames = traceback.extract_tb(error.__traceback__)[1:]
    where = f" (line {frames[0].lineno})" if frames else ""
    return f"It raised {type(error).__name__}{': ' if text else ''}{text}{where}."


class _Sink(io.TextIOBase):
    """Somewhere to print to that keeps nothing."""

    def writable(self):
        return True

    def write(self, text):
        return len(text)


@contextlib.contextmanager
def _quiet():
    sink = _Sink()
    with (
        contextlib.redirect_stdout(sink),
        contextlib.redirect_stderr(sink),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        yield


AGAIN = 0.05  # seconds between two of the errors that a body is sent when its time is up


class TimeLimitError(BaseException):
    """Raised inside a call whose time is up; not an Exception, so that few handlers catch it."""


@contextlib.contextmanager
def time_limit(seconds, error=TimeLimitError):
    """Raise an error in the body after `seconds`, and at every line from then on if the body swallows it.

    In the main thread a signal interrupts even a sleep: a timer's where there is one, else (Windows) one that a second
    thread sends. In any other thread the error is raised at the next bytecode, again and again. Of two timers, one
    around the other, the one that ends first is heard: the outer goes on when the inner has ended.
    """
    if threading.current_thread() is not threading.main_thread():
        with _watch(seconds, _raiser_in(threading.get_ident(), error)):
            yield
    elif hasattr(signal, "setitimer"):
        is_ours = getattr(signal.getsignal(signal.SIGALRM), "is_ours", False)
        around, start = signal.getitimer(signal.ITIMER_REAL)[0] if is_ours else 0, time.monotonic()
        if 0 < around <= seconds:
            yield
            return
        with _handler(signal.SIGALRM, error):
            signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
            try:
                yield
            finally:
                left = max(around - (time.monotonic() - start), 0.001) if around else 0
                signal.setitimer(signal.ITIMER_REAL, left, AGAIN)
    else:
        with _handler(signal.SIGINT, error), _watch(seconds, _thread.interrupt_main):
            yield


@contextlib.contextmanager
def _handler(number, error):
    """Let the signal raise in whatever runs, and in every line that it runs afterwards."""
    tracing = sys.gettrace()

    def raise_here(frame, event, value):
        if event == "line":
            raise error
        return raise_here

    def handle(signum, frame):
        while frame is not None and frame.f_code.co_filename != __file__:
            frame.f_trace = raise_here
            frame = frame.f_back
        sys.settrace(raise_here)
        raise error

    handle.is_ours = True
    previous = signal.signal(number, handle)
    try:
        yield
    finally:
        sys.settrace(tracing)
        signal.signal(number, previous)


@contextlib.contextmanager
def _watch(seconds, strike):
    """Call `strike` from a second thread after `seconds`, then again and again until the body has ended."""
    over, lock = threading.Event(), threading.Lock()

    def watch():
        wait = seconds
        while not over.wait(wait):
            with lock:
                if not over.is_set():
                    strike()
            wait = AGAIN

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        with lock:
            over.set()
        watcher.join()


def _raiser_in(ident, error):
    """Return a function that raises an error in the thread `ident`."""
    target = ctypes.c_ulong(ident)
    return lambda: ctypes.pythonapi.PyThreadState_SetAsyncExc(target, ctypes.py_object(error))
