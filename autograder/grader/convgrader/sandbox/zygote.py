"""A warm process that forks one sandbox per submission, and its handle.

NumPy, Matplotlib and IPython are imported once, here. This process has no threads, no sockets but the one to its
owner, and an environment without anything of the owner's; so have its forks. It ends when its owner does.
"""

import atexit
import contextlib
import functools
import gc
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from dataclasses import asdict
from typing import TYPE_CHECKING, NoReturn, TypedDict

from convgrader.errors import IsolationError, ProtocolError, SandboxError, ZygoteEndedError
from convgrader.sandbox import isolation, protocol

if TYPE_CHECKING:
    from convgrader.sandbox.server import SandboxShell

ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}  # forks of more hang
DISTRIBUTIONS = ("numpy", "matplotlib", "ipython", "matplotlib-inline")
CLONES: set[int] = set()  # processes below this one that are not sandboxes
KILLED = 137  # exit status of a sandbox that was killed from outside
EXIT_GRACE = 2.0  # seconds that a sandbox whose channel broke has to end by itself
CLONE_TIMEOUT = 30.0  # seconds until a clone answers
END_ALL_TIMEOUT = 20.0  # seconds for which processes are killed that start others faster than they end
END_TIMEOUT = 5.0  # seconds in which a sandbox has been ended; if not, the process that forks them is ended with it
TRIES = 2  # to get a sandbox, where the process that forks them is gone
WATCH_INTERVAL = 0.25  # seconds between two looks at the memory of a sandbox


class Answer(TypedDict, total=False):
    """What the process answers: the pid of a new one, or how a sandbox ended; nothing when it is ready."""

    pid: int
    reason: str  # why a sandbox had ended before
    killed: bool  # from outside


class SandboxZygote:
    """Starts the warm process and asks it for sandboxes.

    Parameters
    ----------
    is_confined : bool
        False runs students' code with the rights of the caller: for machines that cannot confine, at one's own risk.
    processor : int or None
        The one that its sandboxes are kept on, counted from 0.
    """

    def __init__(
        self, is_confined: bool = True, limits: isolation.Limits | None = None, processor: int | None = None
    ) -> None:
        self.is_confined, self.limits, self.processor = is_confined, limits or isolation.Limits(), processor
        self.process: subprocess.Popen[bytes] | None = None  # None in a clone, which somebody else started
        self.control: socket.socket | None = None
        self.folder = ""
        self.is_ready = False

    def start(self) -> None:
        """Start the process, or do nothing if it runs; it takes a second until it answers."""
        if self.control is not None and (self.process is None or self.process.poll() is None):
            return
        self.stop()
        if not hasattr(os, "fork"):
            raise SandboxError("Grading needs processes that fork, which this system has not.")
        self.control, child_socket = socket.socketpair()
        self.folder = tempfile.mkdtemp(prefix="zygote-")
        with child_socket:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "convgrader.sandbox.zygote", str(child_socket.fileno())],
                pass_fds=[child_socket.fileno()],
                env=_environment(self.folder),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.is_ready = False

    def wait(self, seconds: float = 120) -> None:
        """Start the process and wait until it answers."""
        self.start()
        if not self.is_ready:
            self._receive_answer(seconds)
            self.is_ready = True
            shutil.rmtree(self.folder, ignore_errors=True)

    def spawn(self, seconds: float = 120) -> tuple[int, protocol.Channel]:
        """Return (pid, Channel) of a new sandbox that is ready to be used, after at most so many seconds."""
        deadline = time.monotonic() + seconds
        for _ in range(TRIES):
            try:
                return self._spawn(deadline)
            except (OSError, ZygoteEndedError) as error:
                self.stop()  # what it might still say would be taken for an answer to the next request
                reason = error
            if time.monotonic() > deadline:
                break
        raise ZygoteEndedError(str(reason)) from None

    def _spawn(self, deadline: float) -> tuple[int, protocol.Channel]:
        """Have a sandbox forked, and wait for its greeting: "ready", or why it could not be locked."""
        self.wait(deadline - time.monotonic())
        grader_socket, sandbox_socket = socket.socketpair()
        with sandbox_socket:
            request = {
                "op": "spawn", "confined": self.is_confined, "limits": asdict(self.limits), "processor": self.processor,
            }  # fmt: skip
            socket.send_fds(self._connected(), [json.dumps(request).encode()], [sandbox_socket.fileno()])
            pid = self._receive_answer(deadline - time.monotonic())["pid"]
        channel = protocol.Channel(grader_socket)
        try:
            greeting = channel.receive(seconds=deadline - time.monotonic())
        except ProtocolError as error:
            greeting = ("refused", str(error))
        match greeting:
            case ("ready",):
                return pid, channel
            case ("refused", reason):
                self.end(pid)
                raise SandboxError(str(reason))
        self.end(pid)
        raise SandboxError("The sandbox did not say that it is ready.")

    def end(self, pid: int, is_gone: bool = False) -> tuple[str, bool]:
        """End a sandbox and all that it started; return (why it had ended before, was it killed from outside?).

        `is_gone` says that its channel broke: it has ended, or is about to, so its exit status is waited for.
        """
        try:
            self._connected().sendall(json.dumps({"op": "end", "pid": pid, "is_gone": is_gone}).encode())
            answer = self._receive_answer(END_TIMEOUT)
            return answer["reason"], answer["killed"]
        except (OSError, SandboxError):
            self.stop()
            return "", True

    def _connected(self) -> socket.socket:
        """Return the socket to the process; ZygoteEndedError where it was stopped."""
        if self.control is None:
            raise ZygoteEndedError("The process that forks sandboxes has ended.")
        return self.control

    def _receive_answer(self, seconds: float) -> Answer:
        """Wait for the answer to the last request; ZygoteEndedError if none comes in time."""
        control = self._connected()
        control.settimeout(max(seconds, 0.001))
        try:
            text = control.recv(65536)
        except OSError as error:
            raise ZygoteEndedError(f"The process that forks sandboxes does not answer ({error}).") from None
        if not text:
            raise ZygoteEndedError("The process that forks sandboxes has ended.")
        answer: Answer = json.loads(text)
        return answer

    def clone(self, processor: int | None = None) -> "SandboxZygote":
        """Return another handle, with a warm process of its own, forked from this one: cheaper than a new one."""
        self.wait()
        clone = SandboxZygote(self.is_confined, self.limits, processor)
        clone.control, child_socket = socket.socketpair()
        clone.is_ready = True
        with child_socket:
            socket.send_fds(self._connected(), [b'{"op": "clone"}'], [child_socket.fileno()])
            self._receive_answer(CLONE_TIMEOUT)
        return clone

    def stop(self) -> None:
        """End the process and every sandbox."""
        if self.control is not None:
            self.control.close()
            self.control = None
        if self.process is not None:
            try:
                self.process.wait(1)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def disown(self) -> None:
        """Forget the process without ending it: in a fork of its owner."""
        if self.control is not None:
            self.control.close()
        self.control = self.process = None


@functools.cache
def warm_zygote(is_confined: bool) -> SandboxZygote:
    """Return this process's zygote; refuse where the machine cannot confine."""
    if is_confined:
        require_isolation()
    zygote = SandboxZygote(is_confined)
    zygote.start()  # answers when it is first needed
    atexit.register(zygote.stop)
    return zygote


@functools.cache
def require_isolation() -> None:
    """Raise IsolationError where students' code cannot be confined."""
    reason = isolation.unsupported_reason()
    if reason:
        raise IsolationError(
            f"{reason} Students' code would run with your rights. To grade submissions that you trust all the same, "
            "pass --unconfined (or set c.GradeCells.unconfined = True)."
        )


def _environment(folder: str) -> dict[str, str]:
    """Return the little that the warm process may know of its owner's environment."""
    import matplotlib

    inherited = {key: os.environ[key] for key in ("LD_LIBRARY_PATH", "PYTHONPATH") if key in os.environ}
    return {
        "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": folder, "IPYTHONDIR": folder, "MPLBACKEND": "agg",
        "MPLCONFIGDIR": matplotlib.get_cachedir(), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
        **ONE_THREAD, **inherited,
    }  # fmt: skip


# --- the process itself --------------------------------------------------------------------------------------------


def serve(control: socket.socket) -> None:
    """Fork sandboxes until the owner hangs up."""
    from convgrader.sandbox import server

    isolation.adopt_orphans()
    shell = server.make_shell()
    is_linux = sys.platform == "linux"
    mounts = isolation.python_environment(DISTRIBUTIONS) if is_linux else isolation.ReadOnlyMounts()
    control.sendall(b"{}")
    gc.collect()
    gc.freeze()  # so that forks do not copy what nobody changes
    owner: socket.socket | None = control
    while owner is not None:
        owner = _serve_until_cloned(owner, shell, mounts)


def _serve_until_cloned(
    control: socket.socket, shell: "SandboxShell", mounts: isolation.ReadOnlyMounts
) -> socket.socket | None:
    """Serve; return None in the end, and in a clone, at once, the socket of its own owner."""
    memory_limit, reason = 0, ""  # no limit where no sandbox runs
    while True:
        ready = select.select([control], [], [], WATCH_INTERVAL if memory_limit else None)[0]
        if not ready:
            if memory_used() > memory_limit:
                reason = "it used too much memory"
                end_all(keep=CLONES)
            continue
        text, descriptors, _, _ = socket.recv_fds(control, 65536, 1)
        if not text:
            end_all(keep=CLONES)
            return None
        request = json.loads(text)
        if request["op"] == "end":
            was_killed = not reason and request["is_gone"] and _was_killed(request["pid"])
            end_all(keep=CLONES)
            control.sendall(json.dumps({"reason": reason, "killed": was_killed}).encode())
            memory_limit, reason = 0, ""
            continue
        pid = os.fork()
        if pid == 0 and request["op"] == "clone":
            control.close()
            CLONES.clear()
            isolation.adopt_orphans()
            return socket.socket(fileno=descriptors[0])
        if pid == 0:
            limits = isolation.Limits(**request["limits"])
            isolation.pin_to_processor(request["processor"])
            _become_sandbox(descriptors[0], request["confined"], mounts, limits, shell, control)
        os.close(descriptors[0])
        if request["op"] == "clone":
            CLONES.add(pid)
        else:
            memory_limit = request["limits"]["memory"]
        control.sendall(json.dumps({"pid": pid}).encode())


def _was_killed(pid: int) -> bool:
    """Wait for a sandbox whose channel broke; say whether it was killed: nothing in there can send it a SIGKILL.

    A process closes its descriptors first and can be waited for a little later, on a busy machine much later. One
    that only closed its channel does not end at all.
    """
    deadline = time.monotonic() + EXIT_GRACE
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            ended_pid, status = os.waitpid(pid, os.WNOHANG)
            if ended_pid:
                return os.waitstatus_to_exitcode(status) in (-signal.SIGKILL, KILLED)
        time.sleep(0.001)
    return False


def _become_sandbox(
    descriptor: int,
    is_confined: bool,
    mounts: isolation.ReadOnlyMounts,
    limits: isolation.Limits,
    shell: "SandboxShell",
    control: socket.socket,
) -> NoReturn:
    """Serve as a sandbox in this fork until the grader hangs up, then end the process: it never returns."""
    from convgrader.sandbox import server

    code = 0
    try:
        control.close()
        os.setsid()
        isolation.close_descriptors([descriptor])
        channel = protocol.Channel(socket.socket(fileno=descriptor))

        def run() -> None:
            server.start_afresh()
            server.SandboxServer(channel, shell).serve()

        try:
            if is_confined:
                status = isolation.run_confined(run, mounts, limits, close=[descriptor])
                code = KILLED if status == -signal.SIGKILL else 0
            else:
                run_unconfined(run)
        except IsolationError as error:
            channel.send(("refused", str(error)))
    finally:
        os._exit(code)


def run_unconfined(run: Callable[[], None]) -> None:
    """Run without walls, in a folder of its own that is removed in the end."""
    folder = tempfile.mkdtemp(prefix="submission-")
    os.chdir(folder)
    try:
        run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def children(pid: int) -> list[int]:
    """List the processes that `pid` started, or inherited."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        if os.path.exists("/proc/self/stat"):
            return []
        import psutil  # where there is no /proc

        with contextlib.suppress(psutil.Error):
            return [process.pid for process in psutil.Process(pid).children()]
        return []


def memory_used() -> int:
    """Return the bytes that all processes below this one hold: what some of them share is divided among them."""
    todo, total = [pid for pid in children(os.getpid()) if pid not in CLONES], 0
    while todo:
        pid = todo.pop()
        total += memory_of(pid)
        todo += children(pid)
    return total


def memory_of(pid: int) -> int:
    """Return the bytes that a process holds, in memory or swapped out: its share of what it shares with others.

    Where the kernel does not tell that share, all that is no file counts: a fork's too, so never too little.
    """
    return _sum_fields(f"/proc/{pid}/smaps_rollup", "Pss:", "SwapPss:") or _sum_fields(
        f"/proc/{pid}/status", "RssAnon:", "RssShmem:", "VmSwap:"
    )


def _sum_fields(path: str, *prefixes: str) -> int:
    """Sum up lines such as ``Pss: 216 kB`` of one of the kernel's files; 0 where it cannot be read."""
    try:
        with open(path) as file:
            return sum(int(line.split()[1]) for line in file if line.startswith(prefixes)) << 10
    except OSError:
        return 0


def end_all(keep: Collection[int] = ()) -> None:
    """End every process below this one. Orphans come here, so nothing escapes by leaving its parent."""
    deadline = time.monotonic() + END_ALL_TIMEOUT
    while time.monotonic() < deadline:
        descendants = [pid for pid in children(os.getpid()) if pid not in keep]
        if not descendants:
            return
        for pid in descendants:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for pid in descendants:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
