"""The sandbox's side: an IPython shell that runs a student's cells, keeps their outputs and answers calls.

Nothing here is trusted once a cell has run: the grader believes only that what comes is a plain value.
"""

import ast
import contextlib
import importlib
import importlib.machinery
import itertools
import os
import random
import re
import signal
import sys
import threading
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell

from convcourse import COURSE
from convcourse.calls.call import LocalFunction, Outcome, processor_limit, replaced, time_limit
from convcourse.calls.values import Function
from convcourse.errors import not_provided
from convgrader.errors import ConnectionClosedError, ProtocolError
from convgrader.sandbox import protocol
from convgrader.sandbox.protocol import MAX_OUTPUTS, Output

MAX_CELL_OUTPUT = 1 << 20  # bytes of output that one cell may leave
MAX_FUNCTIONS = 1000
CALLS = ("call", "call_number")  # requests with a reply for each of their calls
REQUEST_TIMEOUT = 86_400  # seconds between two requests: the grader ends a sandbox, never the other way
ANSWER_TIMEOUT = 600  # seconds for an answer to `ask`; the grader's own clock has ended the notebook long before
_PRELOADED = (  # what NumPy imports late, and what students import most: a fork then has it already
    "numpy.random", "numpy.fft", "numpy.linalg", "numpy.testing", "numpy.lib.stride_tricks", "numpy.typing",
    "collections", "dataclasses", "fractions", "functools", "itertools", "math", "operator", "time", "typing",
)  # fmt: skip
_MAYBE_MAGIC = re.compile(  # what IPython may read otherwise than Python does; some plain cells match too
    r"^\s*[%!?,;/]|\?\s*$|=\s*[%!]|\A\s*[ \t]|\A(.*\n)?\s*(>>>|\.\.\.|In \[)", re.MULTILINE
)
_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class OutputBuffer:
    """What a cell displays, in nbformat's shape, up to a bound."""

    def __init__(self) -> None:
        self.items: list[Output] = []
        self.left, self.cut = MAX_CELL_OUTPUT, False

    def add(self, item: Output, size: int) -> None:
        """Keep one output of about `size` bytes, or note once that there were more."""
        if size > self.left or len(self.items) >= MAX_OUTPUTS:
            if not self.cut:
                self.cut = True
                self.items.append({"output_type": "stream", "name": "stdout", "text": "\n[more output was cut]\n"})
            return
        self.left -= size
        self.items.append(item)

    def write(self, name: str, text: str) -> None:
        """Keep text printed to stdout or stderr."""
        last = self.items[-1] if self.items else {}
        if last.get("output_type") == "stream" and last["name"] == name and len(text) <= self.left and not self.cut:
            self.left -= len(text)
            last["parts"].append(text)
        else:
            self.add({"output_type": "stream", "name": name, "parts": [text[: self.left]]}, len(text[: self.left]))

    def take(self) -> list[Output]:
        """Return the outputs so far and start afresh."""
        items = self.items
        for item in items:
            if "parts" in item:
                item["text"] = "".join(item.pop("parts"))
        self.items, self.left, self.cut = [], MAX_CELL_OUTPUT, False
        return items


OUTPUTS = OutputBuffer()
TIME_LIMIT_OUTPUT = {
    "output_type": "error",
    "ename": "TimeLimitError",
    "evalue": "The cell did not finish in time.",
    "traceback": [],
}
RUN_CELL = InteractiveShell.run_cell  # kept from students who replace it


class OutputStream:
    """A text stream that ends in the cell's outputs."""

    encoding, errors, closed = "utf-8", "replace", False

    def __init__(self, name: str) -> None:
        self.name = name

    def write(self, text: str) -> int:
        OUTPUTS.write(self.name, str(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True


class CellDisplayHook(DisplayHook):
    """Emits a cell's value as an execute_result; a plain shell would print "Out[2]: 2.5"."""

    shell: "SandboxShell"

    def quiet(self) -> bool:
        """Say whether the cell ends in a semicolon; it is not looked for in a history here."""
        return bool(self.semicolon_at_end_of_expression(self.shell.current))

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Mapping[str, object], md_dict: Mapping[str, object] | None = None) -> None:
        count = self.shell.execution_count
        self.shell.keep({"output_type": "execute_result", "execution_count": count}, format_dict, md_dict)

    def finish_displayhook(self) -> None:
        pass

    def update_user_ns(self, result: object) -> None:
        self.shell.user_ns["_"] = result


class CellDisplayPublisher(DisplayPublisher):
    """Keeps what ``display`` shows."""

    shell: "SandboxShell"

    def publish(
        self,
        data: Mapping[str, object],
        metadata: Mapping[str, object] | None = None,
        source: object = None,
        **rest: object,
    ) -> None:
        self.shell.keep({"output_type": "display_data"}, data, metadata)

    def clear_output(self, wait: bool = False) -> None:
        OUTPUTS.take()


class SandboxShell(InteractiveShell):
    """An IPython shell without terminal, kernel, history or event loop."""

    current = ""  # the source of the cell that runs

    def keep(self, output: Output, data: Mapping[str, object], metadata: Mapping[str, object] | None) -> None:
        """Keep a rich output: texts and base64 pictures, each of bounded size."""
        texts = {str(kind): _text(value) for kind, value in dict(data).items()}
        size = sum(len(text) for text in texts.values())
        OUTPUTS.add({**output, "data": texts, "metadata": {}}, size)

    def _showtraceback(self, etype: object, evalue: object, stb: Iterable[str]) -> None:
        name = getattr(etype, "__name__", "Error")
        if name == TIME_LIMIT_OUTPUT["ename"]:
            evalue, stb = TIME_LIMIT_OUTPUT["evalue"], []
        traceback = [line[:4000] for line in list(stb)[-60:]]
        size = sum(map(len, traceback))
        OUTPUTS.add({"output_type": "error", "ename": name, "evalue": str(evalue)[:2000], "traceback": traceback}, size)

    def transform_cell(self, raw_cell: str) -> str:
        """Leave lines alone in which nothing can be a magic: looking closely takes longer than most cells run."""
        if "\n" not in raw_cell or _MAYBE_MAGIC.search(raw_cell) or self.input_transformers_post:
            return str(super().transform_cell(raw_cell))
        return raw_cell if raw_cell.endswith("\n") else raw_cell + "\n"

    def should_run_async(self, raw_cell: str, **options: Any) -> bool:
        """Look for an ``await`` outside of functions only where there is one at all."""
        return ("await" in raw_cell or "async" in raw_cell) and super().should_run_async(raw_cell, **options)

    def enable_gui(self, gui: object = None) -> None:
        """Do nothing: there is no window, and ``%matplotlib inline`` asks for none."""


def _text(value: object) -> str:
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode()
    return value if isinstance(value, str) else str(value)


def make_shell() -> SandboxShell:
    """Make the shell, with plots inline and everything it needs imported and used once."""
    for name in _PRELOADED:
        importlib.import_module(name)
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.Completer.use_jedi = False
    shell = SandboxShell.instance(
        config=config, displayhook_class=CellDisplayHook, display_pub_class=CellDisplayPublisher
    )
    shell.enable_matplotlib("inline")
    sys.stdout, sys.stderr = OutputStream("stdout"), OutputStream("stderr")
    shell.run_cell("import numpy as np\nimport matplotlib.pyplot as plt\nplt.plot([0, 1]);\nplt.imshow(np.eye(2)); 1")
    shell.run_cell("%timeit -n1 -r1 0")
    shell.run_cell("1 / 0")
    OUTPUTS.take()
    shell.reset(new_session=False)
    shell.execution_count = 1
    return shell


class SandboxServer:
    """Answers the grader until it hangs up."""

    def __init__(self, channel: protocol.Channel, shell: SandboxShell) -> None:
        self.channel, self.shell = channel, shell
        self.lock, self.numbers = threading.RLock(), itertools.count()
        self.functions: dict[int, Function] = {}  # the student's that went out, by the number that the grader calls
        self.last_called: LocalFunction | None = None
        self.lending = contextlib.ExitStack()  # closing it puts the student's own helpers back

    def serve(self) -> None:
        """Receive requests, one after the other."""
        self.channel.send(("ready",))
        while True:
            try:
                request: Any = self.channel.receive(self.callback, seconds=REQUEST_TIMEOUT)
            except ConnectionClosedError:
                return
            number, verb, arguments = request[0], request[1], request[2:]
            for answer in self.call_all(verb, *arguments) if verb in CALLS else [self.dispatch(verb, arguments)]:
                try:
                    self.channel.send(("reply", number, answer), self.number_of)
                except ProtocolError as error:
                    self.channel.send(("reply", number, self.fallback_reply(verb, error)))

    def dispatch(self, verb: str, arguments: Sequence[Any]) -> object:
        """Do one request, whatever the student's code raises."""
        if verb == "run":
            return self.run(*arguments)
        if verb == "define":
            return self.define(*arguments)
        if verb == "names":
            return {name: self.describe(name) for name in arguments[0]}
        if verb == "provided":
            return self.install(*arguments)
        if verb == "lend":
            return self.lend(*arguments)
        raise ValueError(verb)

    def fallback_reply(self, verb: str, error: ProtocolError) -> object:
        """Answer for an answer that cannot cross."""
        if verb in ("run", "define"):
            return [{"output_type": "stream", "name": "stdout", "text": f"[the output was cut: {error}]"}]
        if verb == "names":
            return {}
        return ("unfit", None, f"It returned a value that cannot be handed over: {error}.", False, False, False)

    # --- cells

    def run(self, source: str, seconds: float) -> list[Output]:
        """Run a cell for at most `seconds`; return its outputs."""
        self.shell.current = source
        limit = time_limit(seconds)
        try:
            with limit:
                RUN_CELL(self.shell, source, store_history=False)
        except BaseException as error:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self.shell._showtraceback(type(error), error, [repr(error)[:2000]])
        self.shell.execution_count += 1
        outputs = OUTPUTS.take()
        if limit.has_struck and not any(output["output_type"] == "error" for output in outputs):
            # The next strike came while IPython was telling of the first: on a busy machine.
            outputs.append(TIME_LIMIT_OUTPUT)
        return outputs

    def define(self, source: str, seconds: float) -> list[Output]:
        """Run only the imports and definitions of a cell that ended an earlier sandbox, not its magics."""
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            python_source = TransformerManager().transform_cell(source) if _MAYBE_MAGIC.search(source) else source
            tree = ast.parse(python_source)
            definitions = [node for node in tree.body if isinstance(node, _DEFINITIONS)]
            source = "\n".join(ast.unparse(node) for node in definitions)
            return self.run(source, seconds)
        return []

    # --- calls

    def describe(self, name: str) -> tuple[object, ...]:
        """Say what a name stands for: ("function",), ("value", value) or ("missing",)."""
        namespace = self.shell.user_ns
        if name not in namespace:
            return ("missing",)
        value = namespace[name]
        if callable(value):
            return ("function",)
        with contextlib.suppress(ProtocolError):
            protocol.Packer(lambda function: 0).pack(value)
            return ("value", value)
        return ("value", object())  # what cannot cross keeps no other name from it

    def call_all(
        self, verb: str, target: str | int, limit: float, calls: Iterable[tuple[Sequence[Any], Mapping[str, Any]]]
    ) -> Iterator[tuple[object, ...]]:
        """Call a function of the student's in turn, and report each outcome, until a call takes too long."""
        functions: Mapping[Any, Function] = self.shell.user_ns if verb == "call" else self.functions
        for args, kwargs in calls:
            outcome = self.call_function(functions.get(target), args, kwargs, limit)
            yield outcome
            if outcome[0] == "timeout":
                return

    def call_function(
        self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], limit: float
    ) -> tuple[object, ...]:
        """Call a function and report the outcome as a tuple of plain values."""
        timer = processor_limit(limit)
        try:
            with timer:
                if self.last_called is None or self.last_called.function is not function:
                    self.last_called = LocalFunction(function)
                outcome = self.last_called.call(tuple(args), dict(kwargs), protocol.WALL_TIME_FACTOR * limit)
        except BaseException as error:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.setitimer(signal.ITIMER_PROF, 0)
            outcome = Outcome("raised", problem=f"It raised {type(error).__name__}.")
        if outcome.kind == "timeout" or (outcome.ok and timer.has_struck):
            outcome = Outcome("timeout", problem=f"It did not finish within {limit:g} s.")
        return (
            outcome.kind, outcome.value, str(outcome.problem)[:1000], bool(outcome.modified),
            bool(outcome.shares_memory), bool(outcome.overwrites),
        )  # fmt: skip

    def number_of(self, function: Function) -> int:
        """Give a function of the student's that goes out a number to be called by."""
        if len(self.functions) >= MAX_FUNCTIONS:
            raise ProtocolError("too many functions")
        number = len(self.functions)
        self.functions[number] = function
        return number

    # --- asking the grader

    def ask(self, verb: str, target: str | int, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Ask for a call on the other side: of a callback that was passed in, of a provided function, of a lent one."""
        with self.lock:
            number = next(self.numbers)
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGPROF})
            try:
                self.channel.send(("ask", number, verb, target, list(args), dict(kwargs)), self.number_of)
                answer: Any = self.channel.receive(self.callback, seconds=ANSWER_TIMEOUT)
                tag, answered_number, ok, value, same_argument = answer
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        if tag != "answer" or answered_number != number:
            raise RuntimeError("out of step")
        if not ok:
            raise {"TypeError": TypeError, "ValueError": ValueError}.get(value[0], RuntimeError)(value[1])
        return value if same_argument is None else args[same_argument]

    def callback(self, number: int) -> Function:
        """Stand in for a function of the grader's."""

        def callback(*args: Any, **kwargs: Any) -> Any:
            return self.ask("callback", number, args, kwargs)

        return callback

    def install(self, docs: Mapping[str, str]) -> tuple[()]:
        """Put a stand-in in the place of ``convcourse``: its functions ask the grader, its checks do nothing."""
        package, provided, networks = (
            types.ModuleType(name) for name in ("convcourse", "convcourse.provided", "convcourse.networks")
        )

        def refuse(name: str) -> NoReturn:
            if name.startswith("__"):
                raise AttributeError(name)
            raise ImportError(not_provided(name, list(docs)))

        functions = {name: self.stand_in("provided", name, doc) for name, doc in docs.items()}
        vars(provided).update(functions, __getattr__=refuse)
        vars(networks).update(train=_checked_later)
        vars(package).update(
            COURSE=COURSE, __path__=[], checker=lambda *arguments, **options: _checked_later, provided=provided,
            networks=networks,
        )  # fmt: skip
        for module in (package, provided, networks):
            module.__spec__ = importlib.machinery.ModuleSpec(module.__name__, None)
            sys.modules[module.__name__] = module
        return ()

    def lend(self, names: Iterable[str]) -> tuple[()]:
        """Put stand-ins in the place of the student's functions of these names, and all others back."""
        self.lending.close()
        self.lending.enter_context(replaced(self.shell.user_ns, {name: self.stand_in("lent", name) for name in names}))
        return ()

    def stand_in(self, verb: str, name: str, doc: str | None = None) -> Function:
        """Make the stand-in for a function of the grader's, a provided one or a helper that is lent."""

        def function(*args: Any, **kwargs: Any) -> Any:
            return self.ask(verb, name, args, kwargs)

        function.__name__ = function.__qualname__ = name
        function.__doc__ = doc
        return function


def _checked_later(*rest: object, **options: object) -> None:
    """Do nothing: when grading, checks run on the other side, and nothing is trained."""


vars(_checked_later)["case"] = lambda: ((), {})  # of a notebook's `check.case()`: no call has been shown


def start_afresh() -> None:
    """Undo, in a fork, what a process inherits that it should not share, and make chance repeatable."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 (students use the old generator too)
    os.environ.clear()
    os.environ.update(HOME="/tmp", TMPDIR="/tmp", LANG="C.UTF-8", MPLCONFIGDIR="/tmp", OMP_NUM_THREADS="1")
    for name in [name for name in sys.modules if name.split(".")[0] in ("convcourse", "convgrader")]:
        del sys.modules[name]  # what stands for ours inside is `SandboxServer.install`'s
    import matplotlib.pyplot as plt
    from IPython import get_ipython

    plt.close("all")
    get_ipython().enable_matplotlib("inline")
    OUTPUTS.take()
