"""Worker processes behind a small interface, `Pool`.

A `LocalPool` survives its workers: one that dies is replaced, and its job is tried once more; so is one that takes far
too long, and its job is given up.
"""

import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Protocol

from convgrader.errors import PoolError
from convgrader.jobs import AssignmentSpec, Job, SubmissionResult
from convgrader.sandbox import isolation
from convgrader.sandbox.zygote import ONE_THREAD, SandboxZygote

if TYPE_CHECKING:  # it imports IPython, which whoever starts workers need not wait for
    from convgrader.worker import SubmissionGrader

TRIES = 2
SLACK = 5.0  # seconds beyond the time of a notebook after which it is given up: there it has long been ended


class Pool(Protocol):
    """What grades many submissions, on this machine or elsewhere."""

    def map(self, assignment: AssignmentSpec, jobs: Sequence[Job]) -> Iterator[SubmissionResult]:
        """Grade all jobs by an AssignmentSpec; yield a SubmissionResult for each as soon as it is done."""

    def close(self) -> None:
        """End all that was started."""


class WorkerZygote:
    """A process that has everything imported and computed once, and forks workers."""

    def __init__(self, is_confined: bool) -> None:
        self.control, child_socket = socket.socketpair()
        with child_socket:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "convgrader.pool", str(child_socket.fileno())],
                pass_fds=[child_socket.fileno()],
                env=os.environ | ONE_THREAD,
                stdin=subprocess.DEVNULL,
            )
        self.send(is_confined)

    def send(self, value: object) -> None:
        """Send a value, pickled: both ends are ours. Later requests are JSON, since descriptors go with them."""
        with contextlib.closing(Connection(os.dup(self.control.fileno()))) as connection:
            connection.send(value)

    def prepare(self, assignment: AssignmentSpec) -> None:
        """Tell it what will be graded, and wait until it is ready for that."""
        connection = Connection(os.dup(self.control.fileno()))
        try:
            connection.send(assignment)
            reply = connection.recv()
        except (EOFError, OSError):
            raise PoolError(f"The grading process ended (exit status {self.process.wait()}).") from None
        finally:
            connection.close()
        if reply is not True:
            raise PoolError(reply)

    def ask(self, request: dict[str, str | int], descriptors: Iterable[int] = ()) -> Any:
        """Send a request, with descriptors for it to keep, and return the answer; PoolError where there is none."""
        try:
            socket.send_fds(self.control, [json.dumps(request).encode()], list(descriptors))
            text = self.control.recv(4096)
        except OSError:
            text = b""
        if not text:
            raise PoolError("The process that starts the graders has ended; go on with --resume.")
        return json.loads(text)

    def close(self) -> None:
        """End the process, and with it all workers: the kernel kills them when their parent dies."""
        self.control.close()
        self.process.kill()
        self.process.wait()


class Worker:
    """A worker process and the connection to it."""

    def __init__(self, zygote: WorkerZygote, number: int) -> None:
        pool_socket, worker_socket = socket.socketpair()
        with worker_socket:
            self.zygote, self.number = zygote, number
            self.pid = zygote.ask({"op": "fork", "number": number}, [worker_socket.fileno()])
        self.connection = Connection(pool_socket.detach())
        self.job: Job | None = None
        self.deadline = float("inf")

    def assign(self, job: Job, seconds: float) -> None:
        """Have it grade one submission."""
        self.job, self.deadline = job, time.monotonic() + seconds
        self.connection.send(job)

    def kill(self) -> None:
        """Kill the process, whatever it does: the zygote waits for its end, so nothing of it writes any more."""
        self.connection.close()
        self.zygote.ask({"op": "kill", "pid": self.pid})


class LocalPool(Pool):
    """Worker processes on this machine; for one assignment, whose expected values they share.

    Parameters
    ----------
    workers : int
    is_confined : bool
    """

    def __init__(self, workers: int, is_confined: bool = True) -> None:
        self.size = workers
        self.workers: list[Worker] = []
        self.zygote = WorkerZygote(is_confined)

    def map(self, assignment: AssignmentSpec, jobs: Sequence[Job]) -> Iterator[SubmissionResult]:
        """Grade all jobs; see `Pool.map`."""
        pending = deque(jobs)
        attempts: dict[Job, int] = {}
        seconds = (assignment.budget.notebook + SLACK) * max(1, len(assignment.sources))
        self.zygote.prepare(assignment)
        self.workers = [Worker(self.zygote, number) for number in range(min(self.size, len(pending)))]
        for worker in self.workers:
            worker.assign(pending.popleft(), seconds)
        while any(worker.job for worker in self.workers):
            for worker in self._ready():
                result = _receive_result(worker)
                if result is None and worker.job is not None:
                    job, is_late = worker.job, worker.deadline <= time.monotonic()
                    worker = self._replace(worker)  # the old one has ended before anything is written in its place
                    attempts[job] = attempts.get(job, 0) + 1
                    if attempts[job] < TRIES and not is_late:
                        pending.appendleft(job)
                    else:
                        result = _failed_result(job, assignment, is_late)
                worker.job, worker.deadline = None, float("inf")
                if pending:
                    worker.assign(pending.popleft(), seconds)
                if result is not None:
                    yield result

    def _ready(self) -> list[Worker]:
        """Wait for workers that have something to say, or have taken too long."""
        busy = [worker for worker in self.workers if worker.job is not None]
        remaining = min(worker.deadline for worker in busy) - time.monotonic()
        readable = wait([worker.connection for worker in busy], max(0.0, remaining))
        return [w for w in busy if w.connection in readable or w.deadline <= time.monotonic()]

    def _replace(self, worker: Worker) -> Worker:
        worker.kill()
        self.workers[worker.number] = replacement = Worker(self.zygote, worker.number)
        return replacement

    def close(self) -> None:
        """End the zygote and all workers, in the midst of whatever they grade."""
        self.zygote.close()
        for worker in self.workers:
            worker.connection.close()
        self.workers = []


def _receive_result(worker: Worker) -> SubmissionResult | None:
    """Return a worker's result, or None if it has ended or is late."""
    try:
        result: SubmissionResult | None = worker.connection.recv() if worker.connection.poll() else None
    except (EOFError, OSError):
        return None
    return result


def _failed_result(job: Job, assignment: AssignmentSpec, is_late: bool) -> SubmissionResult:
    from convgrader.worker import give_up  # it imports IPython, which whoever starts workers need not wait for

    reason = "it took far longer than its budget" if is_late else "the process that graded it ended twice"
    return give_up(assignment, job, reason)


# --- the process itself --------------------------------------------------------------------------------------------


def main(descriptor: int) -> None:
    """Import and compute everything once, then fork workers until the owner hangs up or ends."""
    isolation.die_with_parent()
    connection = Connection(os.dup(descriptor))
    zygote = SandboxZygote(bool(connection.recv()))
    try:
        zygote.start()
        import torch

        from convgrader.worker import SubmissionGrader

        torch.set_num_threads(1)
        grader = SubmissionGrader(connection.recv(), zygote)
        grader.warm()
    except EOFError:
        return
    except Exception as error:
        connection.send(str(error))
        return
    connection.send(True)
    connection.close()
    gc.collect()
    gc.freeze()
    _fork_workers(socket.socket(fileno=descriptor), grader, zygote)


def _fork_workers(control: socket.socket, grader: "SubmissionGrader", zygote: SandboxZygote) -> None:
    """Answer the owner: fork a worker that has a sandbox zygote of its own, or kill one, until the owner hangs up."""
    while True:
        text, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
        if not text:
            return
        request = json.loads(text)
        if request["op"] == "kill":
            with contextlib.suppress(OSError):
                os.kill(request["pid"], signal.SIGKILL)
                os.waitpid(request["pid"], 0)
            control.sendall(b"true")
            continue
        clone = zygote.clone(request["number"])
        pid = os.fork()
        if pid == 0:
            isolation.die_with_parent()
            control.close()
            zygote.disown()
            grader.zygote = clone
            try:
                _serve_jobs(Connection(descriptors[0]), grader)
            finally:
                os._exit(0)
        clone.disown()
        os.close(descriptors[0])
        control.sendall(json.dumps(pid).encode())


def _serve_jobs(connection: Connection, grader: "SubmissionGrader") -> None:
    """Grade what comes until the owner hangs up."""
    while True:
        try:
            connection.send(grader.grade(connection.recv()))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


if __name__ == "__main__":
    main(int(sys.argv[1]))
