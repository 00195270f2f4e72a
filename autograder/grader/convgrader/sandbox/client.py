"""The grader's handle on a sandbox: cells are run in it and functions called, and it is replaced when it ends."""

import contextlib
import inspect
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from convcourse.calls.call import Call, Outcome, StudentFunction
from convcourse.calls.values import Function, SubmittedValue
from convgrader.errors import (
    ConnectionClosedError,
    MalformedReplyError,
    ProtocolError,
    ReplyTimeoutError,
    SandboxError,
    TimeUpError,
)
from convgrader.jobs import Budget
from convgrader.sandbox.bounds import bound_arrays, bound_lent, bound_work, bounded_memory
from convgrader.sandbox.clock import Clock
from convgrader.sandbox.protocol import MAX_OUTPUTS, WALL_TIME_FACTOR, Channel, Output, Packed
from convgrader.sandbox.validate import as_outcome, error_output, find_unserializable, validated_outputs
from convgrader.sandbox.zygote import SandboxZygote

R = TypeVar("R")

MAX_NOTEBOOK_OUTPUT = 16 << 20  # characters that all cells of a notebook may show
MAX_NOTEBOOK_OUTPUTS = 2000  # outputs of all cells
MAX_ASKS = 20_000  # calls that a submission may make of provided functions and callbacks
START_TIMEOUT = 30.0  # seconds that it may take until there is a sandbox
REPLY_TIMEOUT = 5.0  # seconds for a reply that runs nothing of a student's: what is defined, what is lent
ASSERTION_SECONDS = 10.0  # that a call may take in a check that only asserts, and so names no limit
MAX_BATCH = 1 << 16  # values, and bytes of arrays, that one request of several calls may hold
_PACKED: WeakKeyDictionary[Call, Packed] = WeakKeyDictionary()  # what is sent again and again: the cases of checks
_REDUCED = {"run": "define"}  # what is done with a cell that could not be done again; else nothing


@dataclass
class ExecutedCell:
    """A cell that has run, and what is done with it in the next sandbox: "run", "define", or nothing."""

    source: str
    label: str | None
    verb: str | None


class SandboxClient:
    """The sandbox of one submission. When it ends, or must be ended, another one takes its place.

    All waiting takes from one clock; when that has run out, nothing is begun.
    """

    def __init__(
        self, zygote: SandboxZygote, budget: Budget, provided: Mapping[str, Function], clock: Clock | None = None
    ) -> None:
        self.zygote, self.budget, self.provided = zygote, budget, provided
        self.clock = clock or Clock(budget.notebook)
        self.pid = 0
        self.channel: Channel | None = None  # to the sandbox that is open
        self.history: list[ExecutedCell] = []
        self.callbacks: Sequence[Function] = ()  # of the call in progress
        self.lent: Mapping[str, Function] = {}  # helpers that stand in the place of the student's own: name -> function
        self.sandboxes_left, self.ask_count, self.request_number = budget.sandboxes, 0, 0
        self.shown_characters = self.output_count = 0
        self.end_reason, self.was_killed = "", False

    def open(self) -> None:
        """Make sure that there is a sandbox in which all cells so far have run."""
        while self.channel is None:
            self.clock.raise_if_expired()
            if not self.sandboxes_left:
                raise SandboxError("Its process was ended too often.")
            self.sandboxes_left -= 1
            try:
                self.pid, self.channel = self.zygote.spawn(self.clock.within(START_TIMEOUT))
            except SandboxError:
                self.clock.raise_if_expired()
                raise
            self._replay()

    def _replay(self) -> None:
        """Run all cells so far; one that is late, or breaks it, ends the sandbox, and less of it is done next time."""
        docs = {name: f"{name}{inspect.signature(f)}\n\n{inspect.getdoc(f)}" for name, f in self.provided.items()}
        cell = no_cell = ExecutedCell("", None, None)
        try:
            self._request("provided", docs, seconds=START_TIMEOUT)
            for cell in self.history:
                if cell.verb is not None:
                    with self.clock.charge_to(cell.label):
                        self._do(cell.verb, cell.source)
            cell = no_cell
            if self.lent:
                self._request("lend", list(self.lent), seconds=REPLY_TIMEOUT)
        except ProtocolError as error:
            self.close(is_gone=not isinstance(error, ReplyTimeoutError))
            if not self.was_killed:
                cell.verb = _REDUCED.get(cell.verb or "")

    def _do(self, verb: str, source: str) -> SubmittedValue:
        """Run or define a cell."""
        seconds = max(0.1, min(self.budget.cell, self.clock.left()))
        return self._request(verb, source, seconds, seconds=seconds)

    def close(self, is_gone: bool = False) -> None:
        """End the sandbox; note why it had ended before, if it had."""
        if self.channel is not None:
            self.channel.close()
            self.end_reason, self.was_killed = self.zygote.end(self.pid, is_gone)
            self.channel = None

    def _end_reason(self) -> str:
        """Return the end of a sentence that says that the sandbox ended: why, if that is known."""
        return f": {self.end_reason}" if self.end_reason else ""

    def run(self, source: str, label: str | None = None) -> list[Output]:
        """Run a cell; return its outputs. Its time is counted for its label."""
        try:
            with self.clock.charge_to(label):
                reply = self._with_retry(lambda: self._do("run", source))
            limit = min(MAX_OUTPUTS, MAX_NOTEBOOK_OUTPUTS - self.output_count)
            outputs = _parse_reply(validated_outputs, reply, max(limit, 0))
            self.history.append(ExecutedCell(source, label, "run"))
            return self._bounded_outputs(outputs)
        except TimeUpError as error:
            return [error_output("TimeLimitError", str(error))]
        except ReplyTimeoutError:
            output = error_output("TimeLimitError", "The cell did not finish and could not be interrupted.")
        except ProtocolError:
            output = error_output("SandboxError", f"The cell ended its own process{self._end_reason()}.")
        except SandboxError as error:
            output = error_output("SandboxError", str(error))
        self.history.append(ExecutedCell(source, label, "define"))
        self.close()
        return [output]

    def _bounded_outputs(self, outputs: list[Output]) -> list[Output]:
        """Return the outputs of a cell, or a remark in their place where the notebook has shown enough."""
        self.output_count += len(outputs)
        self.shown_characters += sum(len(str(output)) for output in outputs)
        if self.shown_characters <= MAX_NOTEBOOK_OUTPUT:
            return outputs
        remark = "The outputs of this notebook are too long: those of this cell are left out.\n"
        return [{"output_type": "stream", "name": "stdout", "text": remark}] if outputs else []

    def _with_retry(self, request: Callable[[], R]) -> R:
        """Make an exchange; once more if the sandbox was killed by somebody else than the code that runs in it."""
        try:
            self.open()
            return request()
        except (ReplyTimeoutError, MalformedReplyError):
            raise
        except ProtocolError:
            self.close(is_gone=True)
            if not self.was_killed:
                raise
            self.open()
            return request()

    def names(self, wanted: Iterable[str]) -> dict[str, SubmittedValue]:
        """Return what each of the names stands for in the sandbox; SandboxError if it does not say."""
        try:
            reply = self._with_retry(lambda: self._request("names", list(wanted), seconds=REPLY_TIMEOUT))
        except ProtocolError:
            self.close()
            self.clock.raise_if_expired()
            raise SandboxError("Its process did not say what is defined.") from None
        return {name: reply[name] for name in wanted if isinstance(reply, dict) and name in reply}

    @contextlib.contextmanager
    def lending(self, functions: Mapping[str, Function]) -> Iterator[None]:
        """Let these functions, {name: function}, stand in the place of the student's own while the body runs.

        They answer for no longer, whatever the sandbox makes of that.
        """
        self.lent = functions
        self._lend()
        try:
            yield
        finally:
            self.lent = {}
            with contextlib.suppress(TimeUpError):  # nothing more is called then
                self._lend()

    def _lend(self) -> None:
        """Tell a sandbox what is lent now; the next one learns it when it opens."""
        try:
            if self.channel is not None:
                self._request("lend", list(self.lent), seconds=REPLY_TIMEOUT)
        except ProtocolError:
            self.close()

    def call_all(self, verb: str, target: str | int, calls: Sequence[Call], limit: float) -> list[Outcome]:
        """Call a function; return Outcomes, whatever happens: see `StudentFunction.call_all`.

        One that ends its process, or cannot be interrupted, is the last.
        """
        outcomes: list[Outcome] = []
        try:
            self._with_retry(lambda: self._call_all(verb, target, calls, limit, outcomes))
            return outcomes
        except ReplyTimeoutError:
            self.close()
            message = f"It did not finish within {limit:g} s and could not be interrupted."
            failed = Outcome("timeout", problem=message if self.clock.left() > 0 else self.clock.expired_message())
        except ProtocolError:
            self.close()
            failed = Outcome("raised", problem=f"It ended its own process{self._end_reason()}.")
        except TimeUpError as error:
            self.close()  # it may be in the midst of further calls
            failed = Outcome("timeout", problem=str(error))
        except SandboxError as error:
            failed = Outcome("raised", problem=str(error))
        return [*outcomes, failed]

    def _call_all(
        self, verb: str, target: str | int, calls: Sequence[Call], limit: float, outcomes: list[Outcome]
    ) -> None:
        """Ask for the calls that have no outcome yet, or for so many of them as one request may hold; add outcomes."""
        packed = _first_of([_packed(call) for call in calls[len(outcomes) :]])
        seconds = WALL_TIME_FACTOR * limit
        deadline = self._send(verb, target, limit, packed, seconds=seconds)
        for number, call in enumerate(packed):
            self.callbacks = call.functions
            if number:
                self.clock.raise_if_expired()
                deadline = time.monotonic() + self.clock.within(seconds)
            outcomes.append(_parse_reply(as_outcome, self._receive_reply(deadline)))
            if outcomes[-1].kind == "timeout":
                return

    def _request(self, verb: str, *arguments: object, seconds: float) -> SubmittedValue:
        """Send a request and serve what the student's code asks for until the reply comes."""
        self.callbacks = ()
        return self._receive_reply(self._send(verb, *arguments, seconds=seconds))

    def _send(self, verb: str, *arguments: object, seconds: float) -> float:
        """Send a request; return when the reply must have come."""
        self.clock.raise_if_expired()
        deadline = time.monotonic() + self.clock.within(seconds)
        self.request_number += 1
        self._channel().send((self.request_number, verb, *arguments), seconds=deadline - time.monotonic())
        return deadline

    def _channel(self) -> Channel:
        """Return the channel to the sandbox; ConnectionClosedError where there is none."""
        if self.channel is None:
            raise ConnectionClosedError("there is no sandbox")
        return self.channel

    def _receive_reply(self, deadline: float) -> SubmittedValue:
        """Serve what the student's code asks for until a reply comes; return it."""
        channel = self._channel()
        while time.monotonic() < deadline:
            frame = channel.receive(self._function_of, deadline - time.monotonic())
            if (
                not isinstance(frame, tuple)
                or len(frame) < 3
                or not isinstance(frame[0], str)
                or type(frame[1]) is not int
            ):
                raise ProtocolError("out of step")
            if frame[0] == "reply" and frame[1] == self.request_number:
                return frame[2]
            if frame[0] != "ask" or len(frame) != 6:
                raise ProtocolError("out of step")
            answer = ("answer", frame[1], *self._serve(*frame[2:]))
            channel.send(answer, self._number_of, deadline - time.monotonic())
        raise ReplyTimeoutError("no answer in time")

    def _number_of(self, function: Function) -> int:
        """Give a function that a callback returned the number that it is called by, until the call ends."""
        self.callbacks = [*self.callbacks, function]
        return len(self.callbacks) - 1

    def _function_of(self, number: int) -> "RemoteFunction":
        return RemoteFunction(self, number, "call_number")

    def _serve(self, verb: SubmittedValue, target: Any, args: Any, kwargs: Any) -> tuple[bool, object, int | None]:
        """Call one of our functions for the student's code: provided, lent, or a callback of the call in progress.

        Return whether it went well, its value, and the number of the argument that the value is, for the other side to
        hand back the very same.
        """
        self.ask_count += 1
        try:
            if self.ask_count > MAX_ASKS:
                raise ValueError("too many calls")
            if find_unserializable([args, kwargs]) is not None:
                raise TypeError("only plain values can be handed over")
            if verb == "lent":
                if target not in self.lent:
                    raise ValueError("this helper is not lent now")
                function = self.lent[target]
                bound_lent(args, kwargs)
            else:
                function = self.provided[target] if verb == "provided" else self.callbacks[target]
                bound_arrays(args, kwargs)
            if verb == "provided":
                bound_work(function, args, kwargs)
            with bounded_memory():
                value = function(*args, **kwargs)
            same_argument = next((number for number, argument in enumerate(args) if value is argument), None)
            return True, None if same_argument is not None else value, same_argument
        except Exception as error:
            return False, (type(error).__name__[:80], " ".join(str(error).split())[:500]), None


def _parse_reply(parse: Callable[..., R], *reply: SubmittedValue) -> R:
    """Take apart what a sandbox said; whatever goes wrong with that, it was malformed."""
    try:
        return parse(*reply)
    except Exception as error:
        raise MalformedReplyError(f"a malformed reply ({type(error).__name__})") from None


def _packed(call: Call) -> Packed:
    """Return the arguments of a call as they are sent, which are packed once."""
    if call not in _PACKED:
        _PACKED[call] = Packed.of((list(call.args), dict(call.kwargs)))
    return _PACKED[call]


def _first_of(packed: list[Packed]) -> list[Packed]:
    """Return the first of some calls, so many as one request may hold, and one at least."""
    sizes = accumulate(max(call.items, call.size) for call in packed)
    return packed[: max(1, sum(size <= MAX_BATCH for size in sizes))]


class RemoteFunction(StudentFunction):
    """A student's function, by its name or by the number under which one of them returned it or handed it on.

    `call` is what checks use; calling it directly serves plain assertions.
    """

    def __init__(self, client: SandboxClient, name: str | int, verb: str = "call") -> None:
        self.client, self.name, self.verb = client, name, verb
        self.__name__ = str(name) if verb == "call" else "a function"
        self.lacks_a_name = False

    def __repr__(self) -> str:
        return self.__name__

    def call_all(self, calls: Sequence[Call], limit: float) -> list[Outcome]:
        """Call it in the sandbox; see StudentFunction."""
        outcomes = self.client.call_all(self.verb, self.name, calls, limit)
        self.lacks_a_name |= any(one.kind == "raised" and "NameError" in one.problem for one in outcomes)
        return outcomes

    def __call__(self, *args: object, **kwargs: object) -> Any:
        outcome = self.call(args, kwargs, ASSERTION_SECONDS)
        if not outcome.ok:
            raise RuntimeError(outcome.problem)
        return outcome.value
