"""The grader's handle on a sandbox: cells are run in it and functions called, and it is replaced when it ends."""

import contextlib
import inspect
import time
from dataclasses import dataclass

from convcourse.calls.call import Outcome, StudentFunction
from convgrader.errors import ProtocolError, ReplyTimeoutError, SandboxError, TimeUpError
from convgrader.sandbox.bounds import bound_arrays, bound_lent, bound_work, bounded_memory
from convgrader.sandbox.clock import Clock
from convgrader.sandbox.protocol import PATIENCE
from convgrader.sandbox.validate import MAX_OUTPUTS, as_outcome, checked_outputs, error_output, find_unfit

MAX_NOTEBOOK_OUTPUT = 16 << 20  # characters that all cells of a notebook may show
MAX_NOTEBOOK_OUTPUTS = 2000  # outputs of all cells
MAX_ASKED = 20_000  # calls that a submission may make of provided functions and callbacks
OPENING = 30.0  # seconds that it may take until there is a sandbox
_LESS = {"run": "define", "define": None}  # what is done with a cell that could not be done again


@dataclass
class RanCell:
    """A cell that has run, and what is done with it in the next sandbox: "run", "define", or nothing."""

    source: str
    label: str | None
    verb: str | None


class SandboxClient:
    """The sandbox of one submission. When it ends, or must be ended, another one takes its place.

    All waiting takes from one clock; when that has run out, nothing is begun.
    """

    def __init__(self, zygote, budget, provided, clock=None):
        self.zygote, self.budget, self.provided = zygote, budget, provided
        self.clock = clock or Clock(budget.notebook)
        self.pid = self.channel = None
        self.history, self.left, self.asked, self.sent = [], budget.sandboxes, 0, 0
        self.callbacks, self.shown, self.outputs = [], 0, 0
        self.lent = {}  # helpers that stand in the place of the student's own: name -> function
        self.ended, self.was_killed = "", False

    def open(self):
        """Make sure that there is a sandbox in which all cells so far have run."""
        while self.channel is None:
            self.clock.refuse_if_over()
            if not self.left:
                raise SandboxError("Its process was ended too often.")
            self.left -= 1
            try:
                self.pid, self.channel = self.zygote.spawn(self.clock.within(OPENING))
            except SandboxError:
                self.clock.refuse_if_over()
                raise
            self._replay()

    def _replay(self):
        """Run all cells so far; one that is late, or breaks it, ends the sandbox, and less of it is done next time."""
        docs = {name: f"{name}{inspect.signature(f)}\n\n{inspect.getdoc(f)}" for name, f in self.provided.items()}
        cell = no_cell = RanCell("", None, None)
        try:
            self._exchange("provided", docs, seconds=OPENING)
            for cell in self.history:
                if cell.verb is not None:
                    with self.clock.on(cell.label):
                        self._do(cell.verb, cell.source)
            cell = no_cell
            if self.lent:
                self._exchange("lend", list(self.lent), seconds=5)
        except ProtocolError as error:
            self.close(is_gone=not isinstance(error, ReplyTimeoutError))
            if not self.was_killed:
                cell.verb = _LESS.get(cell.verb)

    def _do(self, verb, source):
        """Run or define a cell."""
        seconds = max(0.1, min(self.budget.cell, self.clock.left()))
        return self._exchange(verb, source, seconds, seconds=seconds)

    def close(self, is_gone=False):
        """End the sandbox; note why it had ended before, if it had."""
        if self.channel is not None:
            self.channel.close()
            self.ended, self.was_killed = self.zygote.end(self.pid, is_gone)
            self.channel = None

    def run(self, source, label=None):
        """Run a cell; return its outputs. Its time is counted for its label."""
        try:
            with self.clock.on(label):
                said = self._steadily(lambda: self._do("run", source))
            most = min(MAX_OUTPUTS, MAX_NOTEBOOK_OUTPUTS - self.outputs)
            outputs = _well_formed(checked_outputs, said, max(most, 0))
            self.history.append(RanCell(source, label, "run"))
            return self._within_bounds(outputs)
        except TimeUpError as error:
            return [error_output("TimeLimitError", str(error))]
        except ReplyTimeoutError:
            says = error_output("TimeLimitError", "The cell did not finish and could not be interrupted.")
        except ProtocolError:
            says = error_output("SandboxError", f"The cell ended its own process{': ' * bool(self.ended)}{self.ended}.")
        except SandboxError as error:
            says = error_output("SandboxError", str(error))
        self.history.append(RanCell(source, label, "define"))
        self.close()
        return [says]

    def _within_bounds(self, outputs):
        """Return the outputs of a cell, or a remark in their place where the notebook has shown enough."""
        self.outputs += len(outputs)
        self.shown += sum(len(str(output)) for output in outputs)
        if self.shown <= MAX_NOTEBOOK_OUTPUT:
            return outputs
        remark = "The outputs of this notebook are too long: those of this cell are left out.\n"
        return [{"output_type": "stream", "name": "stdout", "text": remark}] if outputs else []

    def _steadily(self, exchange):
        """Make an exchange; once more if the sandbox was killed by somebody else than the code that runs in it."""
        try:
            self.open()
            return exchange()
        except ReplyTimeoutError:
            raise
        except ProtocolError:
            self.close(is_gone=True)
            if not self.was_killed:
                raise
            self.open()
            return exchange()

    def names(self, wanted):
        """Return what each of the names stands for in the sandbox; SandboxError if it does not say."""
        try:
            found = self._steadily(lambda: self._exchange("names", list(wanted), seconds=5))
        except ProtocolError:
            self.close()
            self.clock.refuse_if_over()
            raise SandboxError("Its process did not say what is defined.") from None
        return {name: found[name] for name in wanted if isinstance(found, dict) and name in found}

    @contextlib.contextmanager
    def lending(self, functions):
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

    def _lend(self):
        """Tell a sandbox what is lent now; the next one learns it when it opens."""
        try:
            if self.channel is not None:
                self._exchange("lend", list(self.lent), seconds=5)
        except ProtocolError:
            self.close()

    def call(self, verb, what, args, kwargs, limit):
        """Call a function; return an Outcome, whatever happens."""
        try:
            request = verb, what, list(args), dict(kwargs), limit
            return _well_formed(as_outcome, self._steadily(lambda: self._exchange(*request, seconds=PATIENCE * limit)))
        except ReplyTimeoutError:
            self.close()
            late = f"It did not finish within {limit:g} s and could not be interrupted."
            return Outcome("timeout", problem=late if self.clock.left() > 0 else self.clock.used_up())
        except ProtocolError:
            self.close()
            return Outcome("raised", problem=f"It ended its own process{': ' * bool(self.ended)}{self.ended}.")
        except TimeUpError as error:
            return Outcome("timeout", problem=str(error))
        except SandboxError as error:
            return Outcome("raised", problem=str(error))

    def _exchange(self, verb, *what, seconds):
        """Send a request and serve what the student's code asks for until the reply comes."""
        self.clock.refuse_if_over()
        stop = time.monotonic() + self.clock.within(seconds)
        self.sent += 1
        self.callbacks = []
        self.channel.send((self.sent, verb, *what), self._number_of, stop - time.monotonic())
        while time.monotonic() < stop:
            got = self.channel.receive(self._function_of, stop - time.monotonic())
            if not isinstance(got, tuple) or len(got) < 3 or not isinstance(got[0], str) or type(got[1]) is not int:
                raise ProtocolError("out of step")
            if got[0] == "reply" and got[1] == self.sent:
                return got[2]
            if got[0] != "ask" or len(got) != 6:
                raise ProtocolError("out of step")
            answer = ("answer", got[1], *self._answer(*got[2:]))
            self.channel.send(answer, self._number_of, stop - time.monotonic())
        raise ReplyTimeoutError("no answer in time")

    def _number_of(self, function):
        self.callbacks.append(function)
        return len(self.callbacks) - 1

    def _function_of(self, number):
        return RemoteFunction(self, number, "call_number")

    def _answer(self, verb, what, args, kwargs):
        """Call one of our functions for the student's code: provided, lent, or a callback of the call in progress.

        Return whether it went well, its value, and the number of the argument that the value is, for the other side to
        hand back the very same.
        """
        self.asked += 1
        try:
            if self.asked > MAX_ASKED:
                raise ValueError("too many calls")
            if find_unfit([args, kwargs]) is not None:
                raise TypeError("only plain values can be handed over")
            if verb == "lent":
                if what not in self.lent:
                    raise ValueError("this helper is not lent now")
                function = self.lent[what]
                bound_lent(args, kwargs)
            else:
                function = self.provided[what] if verb == "provided" else self.callbacks[what]
                bound_arrays(args, kwargs)
            if verb == "provided":
                bound_work(function, args, kwargs)
            with bounded_memory():
                value = function(*args, **kwargs)
            same = next((number for number, given in enumerate(args) if value is given), None)
            return True, None if same is not None else value, same
        except Exception as error:
            return False, (type(error).__name__[:80], " ".join(str(error).split())[:500]), None


def _well_formed(read, *said):
    """Take apart what a sandbox said; whatever goes wrong with that, it was malformed."""
    try:
        return read(*said)
    except Exception as error:
        raise ProtocolError(f"a malformed reply ({type(error).__name__})") from None


class RemoteFunction(StudentFunction):
    """A student's function, by its name or by the number under which one of them returned it or handed it on.

    `call` is what checks use; calling it directly serves plain assertions.
    """

    def __init__(self, client, name, verb="call"):
        self.client, self.name, self.verb = client, name, verb
        self.__name__ = name if verb == "call" else "a function"
        self.lacks_a_name = False

    def __repr__(self):
        return self.__name__

    def call(self, args, kwargs, limit):
        """Call it in the sandbox for at most `limit` seconds; return an Outcome."""
        outcome = self.client.call(self.verb, self.name, args, kwargs, limit)
        self.lacks_a_name |= outcome.kind == "raised" and "NameError" in outcome.problem
        return outcome

    def __call__(self, *args, **kwargs):
        outcome = self.call(args, kwargs, 10.0)
        if not outcome.ok:
            raise RuntimeError(outcome.problem)
        return outcome.value
