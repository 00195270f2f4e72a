"""A confined process sees, reaches and keeps nothing: as root, and as an ordinary user."""

import contextlib
import ctypes
import importlib.machinery
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import convgrader.errors
from convgrader.sandbox import isolation

pytestmark = pytest.mark.skipif(
    bool(isolation.unsupported_reason()), reason=f"no confinement here: {isolation.unsupported_reason()}"
)
SMALL = isolation.Limits(memory=512 << 20, processes=8, file_size=1 << 20, open_files=32, tmp=2 << 20)


def inside(function, limits=SMALL, view=None):
    """Run `function` confined; return what it returns, as JSON allows."""
    view = isolation.python_environment(["numpy"]) if view is None else view
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:

        def run():
            os.environ.clear()
            try:
                said = function()
            except BaseException as error:
                said = f"{type(error).__name__}: {error}"
            os.write(writing, json.dumps(said).encode())

        isolation.close_descriptors([writing])  # what the test runner has open would count
        with contextlib.suppress(BaseException):
            isolation.run_confined(run, view, limits, close=[writing])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(text)


def fails(action):
    """Say whether an action is refused."""
    try:
        action()
    except (OSError, ImportError, MemoryError):
        return True
    return False


def test_it_is_nobody_and_alone():
    def look():
        return [os.getpid(), os.getuid() == 0, os.geteuid() == 0, os.getgroups(), socket.gethostname()]

    pid, is_root, is_effectively_root, groups, host = inside(look)
    assert pid == 1 and not is_root and not is_effectively_root and host == "sandbox"
    assert 0 not in groups


def test_it_sees_only_python():
    here = [str(Path(__file__)), str(Path.home()), "/etc/passwd", "/proc/self/environ", "/proc/1/mem", "/sys"]
    seen = inside(lambda: [[path for path in here if os.path.exists(path)], os.listdir("/tmp")])
    home = [str(Path.home())] if str(Path(sys.executable).resolve()).startswith(str(Path.home())) else []
    python = [Path(path).resolve() for path in (sys.prefix, sys.executable, isolation.__file__)]
    below_tmp = {path.parts[2] for path in python if path.is_relative_to("/tmp")}
    assert seen[0] == home and set(seen[1]) <= below_tmp  # a folder that leads to Python exists, and holds nothing else
    find = importlib.machinery.PathFinder.find_spec  # what is imported already is in memory, and stays there
    assert inside(lambda: [name for name in ("torch", "scipy", "miniconv", "nbgrader", "numpy") if find(name)]) == [
        "numpy"
    ]
    assert inside(lambda: __import__("numpy").arange(3).sum().item()) == 3


WRITES = {
    "root": "/x",
    "library": os.__file__,
    "device_folder": "/dev/x",
    "python_folder": os.path.dirname(os.__file__) + "/sitecustomize.py",
}


@pytest.mark.parametrize("name", WRITES)
def test_it_writes_nowhere_but_in_tmp(name):
    assert inside(lambda: fails(lambda: Path(WRITES[name]).write_text("x")))
    assert inside(lambda: Path("/tmp/x").write_text("hello")) == 5
    assert not os.path.exists("/tmp/x") or os.stat("/tmp/x").st_mtime < time.time() - 5


def test_tmp_and_files_are_bounded():
    def fill():
        for number in range(10):
            with open(f"/tmp/{number}", "wb") as file:
                file.write(bytes(1 << 19))

    def large():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with open("/tmp/large", "wb") as file:
            file.write(bytes(3 << 20))

    assert inside(lambda: fails(fill)) and inside(lambda: fails(large))


FAMILIES = {"internet": socket.AF_INET, "internet6": socket.AF_INET6, "netlink": 16, "packet": 17, "vsock": 40}


@pytest.mark.parametrize("family", FAMILIES)
def test_there_is_no_network(family):
    assert inside(lambda: fails(lambda: socket.socket(FAMILIES[family])))


def test_sockets_between_own_processes_work():
    def talk():
        one, other = socket.socketpair()
        one.send(b"hello")
        return other.recv(5).decode()

    assert inside(talk) == "hello"


HEADERS = {  # of the kernel, where the numbers of its calls stand
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}


@pytest.mark.parametrize("machine", HEADERS)
def test_the_numbers_of_system_calls_are_the_kernels(machine):
    """Those of both kinds of machines, on either."""
    header = Path(HEADERS[machine])
    if not header.is_file():
        pytest.skip("not run: the kernel's headers are not installed (linux-libc-dev)")
    pattern = re.compile(r"^#define __NR_(\w+)\s+(\d+)$", re.MULTILINE)
    kernel = {name: int(number) for name, number in pattern.findall(header.read_text())}
    calls = isolation._SYSCALLS_OF[machine]
    assert calls == {name: kernel.get(name) for name in calls}
    other = {name for calls in isolation._SYSCALLS_OF.values() for name in calls}
    assert not (other & kernel.keys()) - calls.keys(), "what one machine refuses is refused on the other, too"


NUMBERS = isolation._SYSCALLS | {"setuid": {"x86_64": 105}.get(platform.machine(), 146)}
CALLS = {
    "unshare": (0x10000000,), "mount": (0, 0, 0, 0, 0), "ptrace": (0, 0, 0, 0), "bpf": (0, 0, 0),
    "memfd_create": (b"x", 0), "shmget": (0, 1 << 30, 0o600), "chroot": (b"/tmp",),
    "clone": (0x10000000 | 17, 0, 0, 0, 0), "setuid": (0,), "keyctl": (0, 0, 0, 0),
    "process_vm_readv": (1, 0, 0, 0, 0, 0), "io_uring_setup": (1, 0), "open_by_handle_at": (0, 0, 0),
    "prctl, to outlive its parent": (isolation.PR_SET_PDEATHSIG, 0, 0, 0, 0),
    "prctl, to outlive its parent by another signal": (isolation.PR_SET_PDEATHSIG, signal.SIGCONT, 0, 0, 0),
    "prctl, to be dumpable": (isolation.PR_SET_DUMPABLE, 1, 0, 0, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.slow
def test_system_calls_that_reach_around_the_walls_are_refused(name):
    def call():
        libc = ctypes.CDLL(None, use_errno=True)
        arguments = [a if isinstance(a, bytes) else ctypes.c_ulong(a) for a in CALLS[name]]
        return libc.syscall(NUMBERS[name.split(",")[0]], *arguments), ctypes.get_errno()

    result, number = inside(call)
    assert result == -1 and number in (1, 13, 22)


def test_what_else_a_process_may_say_of_itself_stays_allowed():
    set_name, get_name = 15, 16

    def call():
        libc, name = ctypes.CDLL(None), ctypes.create_string_buffer(16)
        return [libc.prctl(set_name, b"mine", 0, 0, 0), libc.prctl(get_name, name, 0, 0, 0), name.value.decode()]

    assert inside(call) == [0, 0, "mine"]


def test_memory_processes_and_files_are_bounded():
    def storm():
        started = 0
        with contextlib.suppress(OSError):
            for _ in range(20):
                if os.fork() == 0:
                    time.sleep(20)
                    os._exit(0)
                started += 1
        return started

    assert inside(lambda: fails(lambda: bytearray(1 << 30)))
    assert inside(storm) < 8
    assert inside(lambda: fails(lambda: [os.open("/dev/null", os.O_RDONLY) for _ in range(64)]))


def test_nothing_survives_it():
    reading, writing = os.pipe()

    def leave():
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(60)
        return True

    assert inside(leave)
    os.close(writing)
    start = time.monotonic()
    assert os.read(reading, 1) == b""  # whoever was left behind would hold the other end
    assert time.monotonic() - start < 5
    os.close(reading)


def test_it_ends_with_the_process_that_started_it():
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        isolation.run_confined(lambda: time.sleep(60), isolation.ReadOnlyMounts(), SMALL, close=[writing])
        os._exit(0)
    os.close(writing)
    time.sleep(0.3)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    start = time.monotonic()
    assert os.read(reading, 1) == b""  # the last process that held the pipe is gone
    assert time.monotonic() - start < 5
    os.close(reading)


def test_refusal_names_the_reason(monkeypatch):
    monkeypatch.setattr(isolation._libc, "unshare", lambda flags: ctypes.set_errno(1) or -1, raising=False)
    assert "does not let a process be confined" in isolation.unsupported_reason()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "Linux" in isolation.unsupported_reason()


SYSTEM_PYTHON = "/usr/bin/python3"


@pytest.mark.skipif(os.getuid() != 0 or not os.path.exists(SYSTEM_PYTHON), reason="needs root and a system Python")
def test_an_ordinary_user_can_confine_too(tmp_path):
    folder = Path("/var/tmp") / f"confine-{os.getpid()}"
    folder.mkdir()
    try:
        for path in (isolation.__file__, convgrader.errors.__file__):  # the standard library is all that they need
            target = folder / Path(path).relative_to(Path(convgrader.__file__).parents[1])
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        (folder / "look.py").write_text(
            "import os, sys\n"
            "from convgrader.sandbox import isolation\n"
            "def look():\n"
            "    seen = [p for p in ('/etc', '/home', '/proc/1', '/var') if os.path.exists(p)]\n"
            "    os.write(1, repr((os.getpid(), os.getuid(), seen)).encode())\n"
            "assert isolation.unsupported_reason() == '', isolation.unsupported_reason()\n"
            "isolation.run_confined(look, isolation.python_environment([]), isolation.Limits())\n"
        )
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        found = subprocess.run(
            [SYSTEM_PYTHON, "look.py"], cwd=folder, user=65534, group=65534, extra_groups=[], capture_output=True,
            text=True, env={}, timeout=60,
        )  # fmt: skip
        if "does not let" in found.stderr:
            pytest.skip("ordinary users may not make namespaces here")
        assert found.stdout == f"(1, {isolation.INSIDE_UID}, [])", found.stderr
    finally:
        shutil.rmtree(folder)
