"""Call a student's function and report all that happened, without letting any of it out.

This module runs on the untrusted side of grading too: NumPy and the standard library alone.
"""

import _thread
import abc
import contextlib
import ctypes
import functools
import io
import signal
import sys
import textwrap
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, Protocol

import numpy as np

from convcourse.calls.values import Array, Function, SubmittedValue


@dataclass(frozen=True, eq=False)
class Call:
    """The arguments of one call, which nobody changes.

    Two calls are the same only if they are one object: what is known of a call is kept under it.
    """

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    @functools.cached_property
    def arrays(self) -> list[Array]:
        """The arrays in its arguments."""
        return arrays_in([self.args, self.kwargs])


@dataclass(frozen=True)
class Outcome:
    """What one call gave.

    `kind` is "ok", "blank" (still to be written), "raised", "timeout" or "unfit" (a value that cannot be handed over).
    `problem` is one sentence for every kind but "ok". `modified`: the call changed its arguments; `shares_memory`: its
    result is a view of one; `overwrites`: it changed the result of the call before, or handed it out again.
    """

    kind: str = "ok"
    value: SubmittedValue = None
    problem: str = ""
    modified: bool = False
    shares_memory: bool = False
    overwrites: bool = False

    @property
    def ok(self) -> bool:
        return self.kind == "ok"


class StudentFunction(abc.ABC):
    """A function of a student's, wherever it lives: what every check calls."""

    @abc.abstractmethod
    def call_all(self, calls: Sequence[Call], limit: float) -> list[Outcome]:
        """Make calls in turn, each with copies of its arguments and for at most `limit` seconds.

        Return the Outcomes, whatever happens. These may be fewer than the calls, but never none: the caller decides
        whether to go on with the others. Of calls that are made, one that takes too long is the last.
        """

    def call(self, args: Sequence[Any], kwargs: Mapping[str, Any], limit: float) -> Outcome:
        """Make one call."""
        return self.call_all([Call(tuple(args), dict(kwargs))], limit)[0]


class LocalFunction(StudentFunction):
    """A function in this process.

    Examples
    --------
    >>> LocalFunction(lambda x: x + 1).call((1,), {}, limit=1).value
    2
    >>> LocalFunction(lambda x: x / 0).call((1,), {}, limit=1).problem
    'It raised ZeroDivisionError: division by zero (line 1).'
    """

    def __init__(self, function: Function) -> None:
        self.function = function
        self.earlier: list[tuple[Array, Array]] = []  # arrays of the last result, as they are now and as they were

    def call_all(self, calls: Sequence[Call], limit: float) -> list[Outcome]:
        """Make the first call alone: the next one might change what it returned before somebody has looked at it."""
        return [self._outcome(calls[0].args, calls[0].kwargs, limit)]

    def _outcome(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], limit: float) -> Outcome:
        """Call with copies of `args` and `kwargs`."""
        originals = [*args, *kwargs.values()]
        copies = [clone(value) for value in originals]
        positional, keywords = copies[: len(args)], dict(zip(kwargs, copies[len(args) :]))
        timer, late = time_limit(limit), Outcome("timeout", problem=f"It did not finish within {limit:g} s.")
        try:
            with _quiet(), timer:
                value = self.function(*positional, **keywords)
        except TimeLimitError:
            return late
        except NotImplementedError:
            return Outcome("blank", problem="It is not written yet.")
        except (Exception, SystemExit, GeneratorExit) as error:
            return Outcome("raised", problem=describe_error(error))
        if timer.has_struck:  # and the function swallowed the error, however often it came
            return late
        results = arrays_in(value)
        overwrites = any(not unchanged(after, before) for after, before in self.earlier)
        overwrites |= any(np.may_share_memory(a, b) for a in results for b, _ in self.earlier)
        self.earlier = [(array, array.copy()) for array in results]
        return Outcome(
            value=value,
            modified=any(not unchanged(before, after) for before, after in zip(originals, copies)),
            shares_memory=any(np.may_share_memory(a, b) for a in results for b in arrays_in(copies)),
            overwrites=overwrites,
        )


def clone(value: Any) -> Any:
    """Return a copy of a value made of arrays, lists, tuples and dicts, which keeps what matters to a caller."""
    return mapped(value, _copied)


def _copied(array: Array) -> Array:
    """Copy an array with its dtype, its layout and whether it may be written to."""
    if array.flags.c_contiguous or array.flags.f_contiguous:
        copy = array.copy(order="K")
    else:
        copy = np.empty((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)[..., ::2]  # not contiguous either
        copy[...] = array
    copy.flags.writeable = array.flags.writeable
    return copy


def arrays_in(value: object) -> list[Array]:
    """List the arrays in a value made of arrays, lists, tuples and dicts."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [array for item in value for array in arrays_in(item)]
    return []


def mapped(value: Any, change: Callable[[Array], Any]) -> Any:
    """Return a value made of arrays, lists, tuples and dicts with its arrays changed.

    Examples
    --------
    >>> mapped((np.ones(2), {"x": [np.zeros(1)], "y": 3}), np.sum)
    (np.float64(2.0), {'x': [np.float64(0.0)], 'y': 3})
    """
    if isinstance(value, np.ndarray):
        return change(value)
    if isinstance(value, list | tuple):
        return type(value)(mapped(item, change) for item in value)
    if isinstance(value, dict):
        return {key: mapped(item, change) for key, item in value.items()}
    return value


def unchanged(before: object, after: object) -> bool:
    """Say whether a value made of arrays, lists, tuples and dicts still holds what it held before.

    Examples
    --------
    >>> unchanged([{"stride": 2}], [{"stride": 2}]), unchanged([{"stride": 2}], [{}])
    (True, False)
    """
    if isinstance(before, np.ndarray):
        if not isinstance(after, np.ndarray) or before.shape != after.shape or before.dtype != after.dtype:
            return False
        return before.tobytes() == after.tobytes()
    if isinstance(before, dict):
        return (
            isinstance(after, dict)
            and unchanged([*before], [*after])
            and unchanged([*before.values()], [*after.values()])
        )
    if isinstance(before, list | tuple):
        if not isinstance(after, list | tuple) or len(before) != len(after):
            return False
        return all(map(unchanged, before, after))
    if isinstance(before, str | int | float | None.__class__):
        return before is after or (type(before) is type(after) and before == after)
    return True  # of other things it is not known what they hold


def describe_error(error: BaseException) -> str:
    """Say in one sentence what was raised and on which line of the student's cell."""
    text = textwrap.shorten(str(error), 300, placeholder=" ...")
    frames = traceback.extract_tb(error.__traceback__)[1:]
    where = f" (line {frames[0].lineno})" if frames else ""
    return f"It raised {type(error).__name__}{': ' if text else ''}{text}{where}."


class _Sink(io.TextIOBase):
    """Somewhere to print to that keeps nothing."""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return len(text)


@contextlib.contextmanager
def replaced(namespace: dict[str, Any], functions: Mapping[str, Any]) -> Iterator[None]:
    """Let a namespace hold these functions, {name: function}, in the place of its own while the body runs.

    Examples
    --------
    >>> namespace = {"f": 1}
    >>> with replaced(namespace, {"f": 2, "g": 3}):
    ...     print(namespace)
    {'f': 2, 'g': 3}
    >>> namespace
    {'f': 1}
    """
    originals = {name: namespace[name] for name in functions if name in namespace}
    namespace.update(functions)
    try:
        yield
    finally:
        for name in functions:
            namespace.pop(name, None)
        namespace.update(originals)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    sink = _Sink()
    with (
        contextlib.redirect_stdout(sink),
        contextlib.redirect_stderr(sink),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        yield


REPEAT_SECONDS = 0.05  # seconds between two of the errors that a student's code is sent when its time is up
LENIENT_REPEAT_SECONDS = (
    1.0  # seconds between two that code of ours is sent, which swallows none but where nobody sees them
)


class TimeLimitError(BaseException):
    """Raised inside a call whose time is up; not an Exception, so that few handlers catch it."""


class TimeLimit(Protocol):
    """A context that raises an error in its body when its time is up."""

    has_struck: bool

    def __enter__(self) -> None:
        """Let the time begin."""

    def __exit__(self, *error: object) -> None:
        """Raise nothing any more, and put back what raised before."""


def time_limit(seconds: float, error: type[BaseException] = TimeLimitError, insists: bool = True) -> TimeLimit:
    """Return a context that raises an error in its body after `seconds`, again and again until the body has ended.

    In the main thread a signal interrupts even a sleep: a timer's where there is one, else (Windows) one that a second
    thread sends. In any other thread the error is raised at the next bytecode. Of two timers, one around the other, the
    one that ends first is heard: the outer goes on when the inner has ended.

    If it `insists`, as a student's code may swallow errors, the error comes every 50 ms, and each time once more at the
    next line. That line may be where a ``with`` begins to end, which is then left out: code that must clean up after
    itself has to stand around the limit, or be spared that by ``insists=False``. What runs in the body may swallow all
    errors: ``has_struck`` of the context says afterwards whether the time was up.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        return _ThreadLimit(seconds, error, insists)
    handler = signal.getsignal(signal.SIGALRM)
    is_ours = isinstance(getattr(handler, "__self__", None), _SignalLimit)
    around = signal.getitimer(signal.ITIMER_REAL)[0] if is_ours else 0
    if 0 < around <= seconds:
        return _NoLimit()
    return _SignalLimit(seconds, error, insists, signal.SIGALRM, signal.ITIMER_REAL, (around, handler))


def processor_limit(seconds: float, error: type[BaseException] = TimeLimitError) -> TimeLimit:
    """Return a context that raises an error in its body when it has used so many seconds of the processor.

    A machine that grades may be busy: it takes longer than a student's own for the same work.
    """
    return _SignalLimit(seconds, error, True, signal.SIGPROF, signal.ITIMER_PROF)


class _NoLimit(contextlib.nullcontext[None]):
    """A limit inside of one that ends before it does."""

    has_struck = False


class _Limit(abc.ABC):
    """Raises in its body when its time is up, but never while a limit is armed or disarmed: it would go on for ever."""

    def __init__(self, seconds: float, error: type[BaseException], insists: bool) -> None:
        self.has_struck = False
        self.owner: FrameType | None = None
        self.seconds, self.error, self.insists, self.is_over = seconds, error, insists, False
        self.again = REPEAT_SECONDS if insists else LENIENT_REPEAT_SECONDS

    def __enter__(self) -> None:
        self.owner, self.tracing = sys._getframe(1), sys.gettrace()
        self.arm()

    def __exit__(self, *_: object) -> None:
        self.is_over, self.owner = True, None
        sys.settrace(self.tracing)
        self.disarm()

    @abc.abstractmethod
    def arm(self) -> None:
        """Start the timer or the thread that raises the error."""

    @abc.abstractmethod
    def disarm(self) -> None:
        """Stop what `arm` has started; nothing of it may strike afterwards."""

    def may_raise_in(self, frame: FrameType | None) -> bool:
        """Say whether `frame` is part of the body."""
        if self.is_over:
            return False
        while frame is not None and frame.f_code not in _SPARED:
            frame = frame.f_back
        return frame is None

    def handle(self, _: int, frame: FrameType | None) -> None:
        """Raise in whatever runs and, if this limit insists, at the next line below the frame that it stands in."""
        if not self.may_raise_in(frame):
            return
        self.has_struck = True
        if self.insists:
            while frame is not None and frame is not self.owner and frame.f_code.co_filename != __file__:
                frame.f_trace = self.trace
                frame = frame.f_back
            sys.settrace(self.trace)
        raise self.error

    def trace(self, _frame: FrameType, event: str, _: object) -> Any:
        """Raise at the next line of a frame that was struck, after which Python traces no more.

        What the frame calls until then goes free: a finalizer or the report of its error would swallow this one too.
        """
        if self.is_over or event == "call":
            return None
        if event == "line":
            raise self.error
        return self.trace


_SPARED: set[CodeType] = {_Limit.__enter__.__code__, _Limit.__exit__.__code__}


class _SignalLimit(_Limit):
    """A limit that a timer's signal keeps; `around`: the seconds that a timer around it has left, and its handler."""

    def __init__(
        self,
        seconds: float,
        error: type[BaseException],
        insists: bool,
        number: signal.Signals,
        timer: int,
        around: tuple[float, Any] = (0, None),
    ) -> None:
        super().__init__(seconds, error, insists)
        self.number, self.timer = number, timer
        self.left, handler = around
        self.afterwards = handler.__self__.again if self.left else 0

    def arm(self) -> None:
        """Start the timer, and remember the handler that it displaces."""
        self.start = time.monotonic()
        self.previous = signal.signal(self.number, self.handle)
        signal.setitimer(self.timer, self.seconds, self.again)

    def disarm(self) -> None:
        """Stop the timer and let the one around it go on."""
        signal.setitimer(self.timer, 0)
        signal.signal(self.number, self.previous)
        if self.left:
            signal.setitimer(self.timer, max(self.left - (time.monotonic() - self.start), 0.001), self.afterwards)


class _ThreadLimit(_Limit):
    """A limit that a second thread keeps."""

    def arm(self) -> None:
        """Start the thread that watches the time; the main thread it strikes by a signal, any other by an exception."""
        self.thread, self.over = threading.get_ident(), threading.Event()
        self.is_main = threading.current_thread() is threading.main_thread()
        if self.is_main:
            self.previous = signal.signal(signal.SIGINT, self.handle)
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    def watch(self) -> None:
        """Strike when the time is up, then again and again until the body has ended."""
        wait = self.seconds
        while not self.over.wait(wait):
            self.strike()
            wait = self.again

    def strike(self) -> None:
        """Raise in the other thread, if it is in the body."""
        if self.is_main:
            _thread.interrupt_main()
        elif self.may_raise_in(sys._current_frames().get(self.thread)):
            self.has_struck = True
            thread, error = ctypes.c_ulong(self.thread), ctypes.py_object(self.error)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, error)

    def disarm(self) -> None:
        """Stop the thread, and swallow a strike that is on its way."""
        self.over.set()
        while self.watcher.is_alive():
            with contextlib.suppress(self.error):  # of a strike that was on its way
                self.watcher.join()
        if self.is_main:
            signal.signal(signal.SIGINT, self.previous)
