"""Sandboxes that are killed from outside are replaced, and those that take too much are ended."""

import mmap
import os
import signal
import threading
import time

import psutil
import pytest

from convgrader.jobs import Budget
from convgrader.sandbox import zygote as zygote_module
from convgrader.sandbox.client import RemoteFunction, SandboxClient
from convgrader.sandbox.isolation import Limits
from convgrader.sandbox.zygote import SandboxZygote
from tests.helpers.courses import CONFINES
from tests.helpers.grading_fixtures import BUDGET

pytestmark = pytest.mark.slow


@pytest.mark.skipif(not CONFINES, reason="a sandbox that is not confined could kill itself")
def test_a_sandbox_is_killed_and_its_submission_graded_again(zygote):
    client = SandboxClient(zygote, BUDGET, {})
    client.run("def f():\n    return 7")
    assert RemoteFunction(client, "f").call((), {}, 1.0).value == 7
    os.kill(client.pid, signal.SIGKILL)
    assert RemoteFunction(client, "f").call((), {}, 1.0).value == 7
    zygote.process.kill()
    assert RemoteFunction(client, "f").call((), {}, 1.0).value == 7
    client.close()


@pytest.mark.skipif(not CONFINES, reason="a sandbox that is not confined could kill itself")
def test_a_sandbox_whose_end_is_seen_late_is_graded_again_too(zygote):
    client = SandboxClient(zygote, BUDGET, {})
    client.run("def f():\n    return 7")
    outer = psutil.Process(client.pid)  # waits for the one that runs the student's code
    outer.suspend()
    outer.children()[0].kill()
    late = threading.Timer(0.3, outer.resume)
    late.start()
    assert RemoteFunction(client, "f").call((), {}, 1.0).value == 7
    late.join()
    client.close()


def test_a_sandbox_that_only_hangs_up_is_not_waited_for_long(zygote):
    client = SandboxClient(zygote, BUDGET, {})
    start = time.monotonic()
    message = client.run("import os, time\nos.closerange(3, 100)\ntime.sleep(20)")
    assert message[0]["ename"] == "SandboxError"
    assert time.monotonic() - start < 10
    client.close()


def test_memory_of_all_its_processes_together_is_bounded(zygote):
    small = SandboxZygote(zygote.is_confined, Limits(memory=600 << 20))
    client = SandboxClient(small, Budget(cell=20, notebook=30), {})
    try:
        source = "import os, time\nfor _ in range(3):\n    if os.fork() == 0:\n        a = b'x' * (250 << 20)\n"
        message = client.run(source + "        time.sleep(20)\nimport time\ntime.sleep(20)")
        assert "too much memory" in message[0]["evalue"]
    finally:
        client.close()
        small.stop()


SHARED = "held = b'x' * (150 << 20); os.fork(); time.sleep(30)"
HOLD = "import time; held = b'x' * (60 << 20); time.sleep(30)"


@pytest.mark.parametrize(
    ("source", "too_much"),
    [
        (f"import subprocess, sys\nfor _ in range(7):\n    subprocess.Popen([sys.executable, '-c', {HOLD!r}])", True),
        (f"for _ in range(3):\n    if os.fork() == 0:\n        {SHARED}", True),
        ("shared = b'x' * (150 << 20)\nfor _ in range(5):\n    os.fork() or time.sleep(3)", False),
    ],
    ids=["programs executed afresh count whole", "what forks share counts", "and counts once"],
)
def test_the_memory_of_a_sandbox_is_what_it_holds(zygote, source, too_much):
    small = SandboxZygote(zygote.is_confined, Limits(memory=400 << 20))
    client = SandboxClient(small, Budget(cell=20, notebook=30), {})
    try:
        message = client.run(
            f"import os, time\n{source}\nheld = os.getpid() == 1 and time.sleep({20 if too_much else 2})"
        )
        assert [output["evalue"] for output in message] == [
            "The cell ended its own process: it used too much memory."
        ] * too_much
    finally:
        client.close()
        small.stop()


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the kernel tells nothing of a process")
def test_where_the_kernel_tells_no_shares_all_that_is_no_file_counts(monkeypatch):
    monkeypatch.setattr(
        zygote_module,
        "_sum_fields",
        lambda path, *prefixes, real=zygote_module._sum_fields: 0 if "smaps" in path else real(path, *prefixes),
    )
    size = 50 << 20
    before = zygote_module.memory_of(os.getpid())
    with mmap.mmap(-1, size) as held:  # new pages: what this process has freed does not come back as its own
        held.write(b"x" * 4096 * (size // 4096))
        assert zygote_module.memory_of(os.getpid()) >= before + size * 0.9
