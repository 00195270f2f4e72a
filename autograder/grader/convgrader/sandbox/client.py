"""The grader's handle on a sandbox: cells are run in it and functions called, and it is replaced when it ends."""

import contextlib
import inspect
import time

from convcourse.calls.call import Outcome, StudentFunction
from convgrader.errors import ProtocolError, ReplyTimeoutError, SandboxError
from convgrader.sandbox.bounds import bound_arrays, bound_work, bounded_memory
from convgrader.sandbox.protocol import PATIENCE
from convgrader.sandbox.validate import MAX_OUTPUTS, as_outcome, checked_outputs, error_output

MAX_NOTEBOOK_OUTPUT = 16 << 20  # characters that all cells of a notebook may show
MAX_NOTEBOOK_OUTPUTS = 2000  # outputs of all cells
GRACE = 2.0  # seconds that a sandbox may take beyond a time limit before it is ended
MAX_ASKED = 20_000  # calls that a submission may make of provided functions and callbacks


class SandboxClient:
    """The sandbox of one submission. When it ends, or must be ended, another one takes its place."""

    def __init__(self, zygote, budget, provided):
        self.zygote, self.budget, self.provided = zygote, budget, provided
        self.stop = time.monotonic() + budget.notebook
        self.pid = self.channel = None
        self.history, self.left, self.asked, self.sent = [], budget.sandboxes, 0, 0
        self.callbacks, self.shown, self.outputs = [], 0, 0
        self.ended, self.was_killed = "", False

    def time_left(self):
        """Return the seconds that the submission still has."""
        return self.stop - time.monotonic()

    def open(self):
        """Make sure that there is a sandbox in which all cells so far have run."""
        if self.channel is not None:
            return
        if not self.left:
            raise SandboxError("Its process was ended too often.")
        self.left -= 1
        self.pid, self.channel = self.zygote.spawn()
        docs = {name: f"{name}{inspect.signature(f)}\n\n{inspect.getdoc(f)}" for name, f in self.provided.items()}
        self._exchange("provided", docs, seconds=10)
        for source, ended_well in self.history:
            seconds = self._cell_seconds()
            with contextlib.suppress(ProtocolError):
                self._exchange("run" if ended_well else "define", source, seconds, seconds=seconds)

    def _cell_seconds(self):
        return max(0.1, min(self.budget.cell, self.time_left()))

    def close(self, is_gone=False):
        """End the sandbox; note why it had ended before, if it had."""
        if self.channel is not None:
            self.channel.close()
            self.ended, self.was_killed = self.zygote.end(self.pid, is_gone)
            self.channel = None

    def run(self, source):
        """Run a cell; return its outputs."""
        if self.time_left() <= 0:
            return [error_output("TimeLimitError", "The time for the whole notebook is used up.")]
        seconds = self._cell_seconds()
        try:
            outputs = self._steadily("run", source, seconds, seconds=seconds)
            self.history.append((source, True))
            most = min(MAX_OUTPUTS, MAX_NOTEBOOK_OUTPUTS - self.outputs)
            return self._within_bounds(checked_outputs(outputs, max(most, 0)))
        except ReplyTimeoutError:
            says = error_output("TimeLimitError", "The cell did not finish and could not be interrupted.")
        except ProtocolError:
            says = error_output("SandboxError", f"The cell ended its own process{': ' * bool(self.ended)}{self.ended}.")
        except SandboxError as error:
            says = error_output("SandboxError", str(error))
        self.history.append((source, False))
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

    def _steadily(self, verb, *what, seconds):
        """Make an exchange; once more if the sandbox was killed by somebody else than the code that runs in it."""
        try:
            self.open()
            return self._exchange(verb, *what, seconds=seconds)
        except ReplyTimeoutError:
            raise
        except ProtocolError:
            self.close(is_gone=True)
            if not self.was_killed:
                raise
            self.open()
            return self._exchange(verb, *what, seconds=seconds)

    def names(self, wanted):
        """Return what each of the names stands for in the sandbox."""
        try:
            found = self._steadily("names", list(wanted), seconds=5)
            return {name: found[name] for name in wanted if isinstance(found, dict) and name in found}
        except (ProtocolError, SandboxError):
            self.close()
            return {}

    def call(self, verb, what, args, kwargs, limit):
        """Call a function; return an Outcome, whatever happens."""
        if self.time_left() <= 0:
            return Outcome("timeout", problem="The time for the whole notebook is used up.")
        try:
            reply = self._steadily(verb, what, list(args), dict(kwargs), limit, seconds=PATIENCE * limit)
            return as_outcome(reply)
        except ReplyTimeoutError:
            self.close()
            return Outcome("timeout", problem=f"It did not finish within {limit:g} s and could not be interrupted.")
        except ProtocolError:
            self.close()
            return Outcome("raised", problem=f"It ended its own process{': ' * bool(self.ended)}{self.ended}.")
        except SandboxError as error:
            return Outcome("raised", problem=str(error))

    def _exchange(self, verb, *what, seconds):
        """Send a request and serve what the student's code asks for until the reply comes."""
        stop = time.monotonic() + min(seconds, max(0.0, self.time_left())) + GRACE
        self.sent += 1
        self.callbacks = []
        self.channel.send((self.sent, verb, *what), self._number_of)
        while time.monotonic() < stop:
            got = self.channel.receive(self._function_of, max(0.001, stop - time.monotonic()))
            if not isinstance(got, tuple) or len(got) < 3 or not isinstance(got[0], str) or type(got[1]) is not int:
                raise ProtocolError("out of step")
            if got[0] == "reply" and got[1] == self.sent:
                return got[2]
            if got[0] != "ask" or len(got) != 6:
                raise ProtocolError("out of step")
            self.channel.send(("answer", got[1], *self._answer(*got[2:])), self._number_of)
        raise ReplyTimeoutError("no answer in time")

    def _number_of(self, function):
        self.callbacks.append(function)
        return len(self.callbacks) - 1

    def _function_of(self, number):
        return RemoteFunction(self, number, "call_number")

    def _answer(self, verb, what, args, kwargs):
        """Call one of our functions for the student's code: a provided one, or a callback of the call in progress."""
        self.asked += 1
        try:
            if self.asked > MAX_ASKED:
                raise ValueError("too many calls")
            function = self.provided[what] if verb == "provided" else self.callbacks[what]
            bound_arrays(args, kwargs)
            if verb == "provided":
                bound_work(function, args, kwargs)
            with bounded_memory():
                return True, function(*args, **kwargs)
        except Exception as error:
            return False, (type(error).__name__[:80], " ".join(str(error).split())[:500])


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
