"""Lock the calling process away by the operating system's own means: Linux namespaces, rlimits and a seccomp filter.

`run_confined` runs a function as the first process of a new world: a process table, a network (with nothing on it), a
mount table (the Python environment read-only, a small /tmp), System V queues and a host name of its own; without
privileges, under limits. When that function ends, or is killed, the kernel kills all that it left behind.

Standard library alone: this runs between a fork and a student's code.
"""

import contextlib
import ctypes
import errno
import os
import platform
import re
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from convgrader.errors import IsolationError

with contextlib.suppress(ImportError):  # Windows, where nothing here can be used but `unsupported_reason`
    import resource

MIB = 1 << 20

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWCGROUP = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x02000000,
)  # fmt: skip
NAMESPACES = NEWNS | NEWUTS | NEWIPC | NEWPID | NEWNET
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1, 2, 4, 8, 32, 4096, 16384, 1 << 18,
)  # fmt: skip
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 38
PR_SET_CHILD_SUBREAPER = 36
INSIDE_UID = 1000  # what the student's code sees; outside it is an ordinary user, never root
_MOUNT_POINTS = ("/mnt", "/media", "/srv", "/sys", "/run")  # any folder does: it is covered in the new world alone
FIRST_FREE_UID = 2_000_000_000  # as root every sandbox gets a user id of its own, above all that are in use


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Bytes and seconds; `memory` holds for each process and for all of them together."""

    memory: int = 2048 * MIB
    processes: int = 32
    file_size: int = 16 * MIB
    open_files: int = 128
    tmp: int = 32 * MIB
    cpu_seconds: int = 120


if sys.platform == "linux":  # Windows has none to open
    _libc = ctypes.CDLL(None, use_errno=True)


def _raise_for_errno(result: int, operation: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{operation}: {os.strerror(number)}")


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    arguments = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    _raise_for_errno(_libc.mount(*arguments[:3], ctypes.c_ulong(flags), arguments[3]), f"mount {target}")


def _prctl(*arguments: int) -> None:
    _raise_for_errno(_libc.prctl(*map(ctypes.c_ulong, arguments)), f"prctl {arguments[0]}")


# --- what the sandbox can see ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReadOnlyMounts:
    """The paths that a sandbox can read, in the order they are laid over each other, and folders emptied in between."""

    standard: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


def python_environment(distributions: Iterable[str]) -> ReadOnlyMounts:
    """Return the ReadOnlyMounts of a Python with the standard library, these distributions and all that they require.

    Nothing else of ``site-packages`` is in it: what is not there cannot be imported, or read.
    """
    library = Path(os.__file__).parent
    executables = {Path(sys.executable), Path(os.path.realpath(sys.executable))}
    standard = {library, Path(sys.prefix) / "pyvenv.cfg"} | executables | _system_libraries()
    added: set[Path] = set()
    for name in _required_distributions(distributions):
        distribution = metadata.distribution(name)
        top_levels = {file.parts[0] for file in distribution.files or () if "__editable__" not in file.parts[0]}
        added |= {Path(str(distribution.locate_file(top))) for top in top_levels - {"..", "__pycache__"}}
    emptied = [library / name for name in ("site-packages", "dist-packages")]
    standard = {path for path in standard if not standard.intersection(path.parents)}
    return ReadOnlyMounts(
        *(tuple(sorted(str(path) for path in paths if path.exists())) for paths in (standard, emptied, added))
    )


def _required_distributions(distributions: Iterable[str]) -> set[str]:
    """Return the names of the distributions and of all that they require and that is installed."""
    required: set[str] = set()
    todo = list(distributions)
    while todo:
        name = todo.pop().lower().replace("_", "-")
        if name in required:
            continue
        with contextlib.suppress(metadata.PackageNotFoundError):
            requires = metadata.distribution(name).requires or ()
            required.add(name)
            todo += [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in requires if "extra ==" not in line]
    return required


def _system_libraries() -> set[Path]:
    """Return the system's folders of shared libraries that this process uses, and its dynamic loader."""
    with open("/proc/self/maps") as maps:
        names = {line.split(maxsplit=5)[5].strip() for line in maps if ".so" in line and "/" in line}
    prefixes, library = {Path(sys.base_prefix), Path(sys.prefix)} - {Path("/usr")}, Path(sys.base_prefix) / "lib"
    is_used = any(Path(name).parent == library for name in names)
    beside = set(library.glob("*.so*")) if is_used else set()  # conda, for one
    files = {Path(name) for name in names if not any(Path(name).is_relative_to(prefix) for prefix in prefixes)}
    # In these folders there are shared libraries alone; any other library is shown by itself.
    folders = {file.parent if file.parent.parent.name in ("lib", "lib64") else file for file in files}
    loaders = {path for folder in ("/lib", "/lib64") for path in Path(folder).glob("ld-linux*.so*")}
    return folders | beside | {Path(os.path.realpath(path.parent)) / path.name for path in loaders}


# --- entering ------------------------------------------------------------------------------------------------------


def run_confined(
    function: Callable[[], object], mounts: ReadOnlyMounts, limits: Limits, close: Iterable[int] = ()
) -> int:
    """Run `function` as the first process of a new world; return its exit status when all of that world is gone.

    Parameters
    ----------
    function : callable
        Called without arguments once confined. Its process ends with it.
    mounts : ReadOnlyMounts
        What it may read; see `python_environment`.
    limits : Limits
    close : iterable of int
        Descriptors that the function needs and this process must not keep.

    Raises
    ------
    IsolationError
        In the calling process, if the kernel refuses to make the new world.
    """
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    uid, gid = os.geteuid(), os.getegid()
    try:
        _unshare(uid, gid)
    except OSError as error:
        raise IsolationError(f"This machine does not let a process be confined ({error}).") from error
    private_uid = FIRST_FREE_UID + os.getpid() if uid == 0 else None
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        problem = os.read(reading, 4096).decode()
        os.close(reading)
        for descriptor in () if problem else close:
            os.close(descriptor)
        status = os.waitpid(child, 0)[1]
        if problem:
            raise IsolationError(problem)
        return os.waitstatus_to_exitcode(status)
    try:
        os.close(reading)
        os.setsid()
        _enter(mounts, limits, private_uid)
        os.close(writing)
    except BaseException as error:
        os.write(writing, f"This machine does not let a process be confined ({error}).".encode()[:4000])
        os._exit(1)
    try:
        function()
    finally:
        os._exit(0)


def _unshare(uid: int, gid: int) -> None:
    """Leave the shared namespaces: as root directly, as an ordinary user by way of a user namespace."""
    if uid == 0:
        _raise_for_errno(_libc.unshare(NAMESPACES), "unshare")
        return
    _raise_for_errno(_libc.unshare(NAMESPACES | NEWUSER), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{INSIDE_UID} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{INSIDE_UID} {gid} 1")


def _enter(mounts: ReadOnlyMounts, limits: Limits, private_uid: int | None) -> None:
    """Build the world, then give up what built it. The order counts: each step needs rights that later ones drop."""
    _libc.sethostname(b"sandbox", 7)
    _build_root(mounts, limits, private_uid or INSIDE_UID)
    os.umask(0o077)
    if private_uid is not None:
        os.setgroups([])
        os.setresgid(private_uid, private_uid, private_uid)
    _set_limits(limits)
    _drop_privileges(private_uid)
    _install_filter()


def _build_root(mounts: ReadOnlyMounts, limits: Limits, owner: int) -> None:
    """Make a file system of the paths in `mounts`, read-only, and a private /tmp, and leave the old one for good."""
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    shown = (*mounts.standard, *mounts.added)
    root = next(path for path in _MOUNT_POINTS if os.path.isdir(path) and not any(p.startswith(path) for p in shown))
    _mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,nr_inodes=4k,mode=755")
    _add_tmp(root, limits, owner)  # first: what is shown may itself lie in /tmp
    for path in mounts.standard:
        _bind_readonly(path, root + path)
    for path in mounts.emptied:
        _mount("tmpfs", root + path, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,nr_inodes=4k,mode=755")
    for path in mounts.added:
        _bind_readonly(path, root + path)
    for path in mounts.emptied:
        _make_readonly(root + path)
    _add_devices(root)
    os.chdir(root)
    _raise_for_errno(_libc.syscall(_SYSCALLS["pivot_root"], b".", b"."), "pivot_root")
    _raise_for_errno(_libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")
    _mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    os.chdir("/tmp")


def _add_tmp(root: str, limits: Limits, owner: int) -> None:
    """Add a /tmp of bounded size."""
    os.makedirs(root + "/tmp", exist_ok=True)
    size = f"size={limits.tmp},nr_inodes=4k,mode=700"
    _mount("tmpfs", root + "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, size)
    os.chown(root + "/tmp", owner, owner) if os.geteuid() == 0 else None


def _add_devices(root: str) -> None:
    """Add what every program expects: a few devices, the loader's folders."""
    for folder in ("/lib", "/lib64"):  # the dynamic loader's own path
        if os.path.islink(folder) and not os.path.lexists(root + folder):
            os.symlink(os.readlink(folder), root + folder)
    os.makedirs(root + "/dev", exist_ok=True)
    for device in ("null", "zero", "full", "random", "urandom"):
        target = f"{root}/dev/{device}"
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        _mount(f"/dev/{device}", target, None, MS_BIND)
    os.symlink("/tmp", root + "/dev/shm")


def _bind_readonly(source: str, target: str) -> None:
    """Bind `source` read-only at `target`."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(source, target, None, MS_BIND | MS_REC)
    _make_readonly(target)


def _make_readonly(target: str) -> None:
    """Make a bind mount, and all mounts below it, read-only."""
    attributes = struct.pack("=QQQQ", MS_RDONLY | MS_NOSUID | MS_NODEV, 0, 0, 0)
    recursive, at_cwd = 0x8000, -100  # AT_RECURSIVE, AT_FDCWD
    if (
        _libc.syscall(_SYSCALLS["mount_setattr"], at_cwd, os.fsencode(target), recursive, attributes, len(attributes))
        == 0
    ):
        return
    if ctypes.get_errno() not in (errno.ENOSYS, errno.EPERM):
        _raise_for_errno(-1, f"mount_setattr {target}")
    kept_flags = os.statvfs(target).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)  # before Linux 5.12
    _mount(None, target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept_flags)


def _set_limits(limits: Limits) -> None:
    """Set the rlimits, hard ones too, so that nothing inside can raise them; a lower bound of the caller's stays."""
    for kind, value in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_FSIZE, limits.file_size),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _drop_privileges(private_uid: int | None) -> None:
    """Give up every capability, now and for all that is executed; no debugger and no core dump can look in."""
    for capability in range(64):
        if _libc.prctl(*map(ctypes.c_ulong, (PR_CAPBSET_DROP, capability, 0, 0, 0))) != 0:
            break  # the kernel knows no higher one
    if private_uid is not None:
        os.setresuid(private_uid, private_uid, private_uid)
    header, nothing = struct.pack("=Ii", 0x20080522, 0), bytes(24)  # _LINUX_CAPABILITY_VERSION_3, of this process
    _raise_for_errno(_libc.syscall(_SYSCALLS["capset"], header, nothing), "capset")
    _prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # after the change of user, which forgets it


# --- system calls --------------------------------------------------------------------------------------------------

_X86_64 = dict(
    pivot_root=155, capset=126, clone=56, clone3=435, socket=41, unshare=272, setns=308, mount=165, umount2=166,
    chroot=161, ptrace=101, process_vm_readv=310, process_vm_writev=311, kcmp=312, memfd_create=319, shmget=29,
    msgget=68, semget=64, mq_open=240, keyctl=250, add_key=248, request_key=249, bpf=321, perf_event_open=298,
    userfaultfd=323, io_uring_setup=425, init_module=175, finit_module=313, delete_module=176, kexec_load=246,
    kexec_file_load=320, open_by_handle_at=304, name_to_handle_at=303, fanotify_init=300, inotify_init=253,
    inotify_init1=294, swapon=167, swapoff=168, reboot=169, syslog=103, acct=163, quotactl=179, settimeofday=164,
    clock_settime=227, adjtimex=159, clock_adjtime=305, sethostname=170, setdomainname=171, iopl=172, ioperm=173,
    personality=135, pidfd_open=434, pidfd_getfd=438, fsopen=430, fsmount=432, open_tree=428, move_mount=429,
    mount_setattr=442, memfd_secret=447, vmsplice=278, nfsservctl=180, lookup_dcookie=212, modify_ldt=154,
    migrate_pages=256, move_pages=279, sched_setaffinity=203, prctl=157,
)  # fmt: skip
_AARCH64 = dict(
    pivot_root=41, capset=91, clone=220, clone3=435, socket=198, unshare=97, setns=268, mount=40, umount2=39,
    chroot=51, ptrace=117, process_vm_readv=270, process_vm_writev=271, kcmp=272, memfd_create=279, shmget=194,
    msgget=186, semget=190, mq_open=180, keyctl=219, add_key=217, request_key=218, bpf=280, perf_event_open=241,
    userfaultfd=282, io_uring_setup=425, init_module=105, finit_module=273, delete_module=106, kexec_load=104,
    kexec_file_load=294, open_by_handle_at=265, name_to_handle_at=264, fanotify_init=262, inotify_init1=26,
    swapon=224, swapoff=225, reboot=142, syslog=116, acct=89, quotactl=60, settimeofday=170, clock_settime=112,
    adjtimex=171, clock_adjtime=266, sethostname=161, setdomainname=162, personality=92, pidfd_open=434,
    pidfd_getfd=438, fsopen=430, fsmount=432, open_tree=428, move_mount=429, mount_setattr=442, memfd_secret=447,
    vmsplice=75, nfsservctl=42, lookup_dcookie=18, migrate_pages=238, move_pages=239, sched_setaffinity=122, prctl=167,
)  # fmt: skip
_SYSCALLS_OF = {"x86_64": _X86_64, "aarch64": _AARCH64}
_SYSCALLS = _SYSCALLS_OF.get(platform.machine(), {})
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # classic BPF
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets into struct seccomp_data
_NEW_NAMESPACE = NAMESPACES | NEWUSER | NEWCGROUP
Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


def _filter_program() -> list[Instruction]:
    """Write the filter: refuse what no assignment needs and what reaches around the namespaces."""
    refused = [number for name, number in _SYSCALLS.items() if name not in ("clone", "clone3", "socket", "prctl")]
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, _AUDIT[platform.machine()]), (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),  # the other x86 calling convention
        (_EQUAL, 0, 1, _SYSCALLS["clone3"]), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),  # the C library then uses clone
    ]  # fmt: skip
    for number in refused:
        program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | errno.EPERM)]
    program += [  # of prctl, what would undo a part of the lock
        (_EQUAL, 0, 5, _SYSCALLS["prctl"]), (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 1, 0, PR_SET_PDEATHSIG), (_EQUAL, 0, 1, PR_SET_DUMPABLE), (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
        (_EQUAL, 0, 3, _SYSCALLS["socket"]), (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 4, 0, socket.AF_UNIX), (_RETURN, 0, 0, _ERRNO | errno.EACCES),
        (_EQUAL, 0, 2, _SYSCALLS["clone"]), (_LOAD, 0, 0, _FIRST_ARGUMENT), (_ANY_BIT, 1, 0, _NEW_NAMESPACE),
        (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERRNO | errno.EPERM),
    ]  # fmt: skip
    return program


def _install_filter() -> None:
    """Hand the filter to the kernel as a ``struct sock_fprog``: from here on it holds for all descendants."""
    packed = b"".join(struct.pack("=HBBI", *line) for line in _filter_program())
    buffer = ctypes.create_string_buffer(packed, len(packed))
    program = struct.pack("@HP", len(packed) // 8, ctypes.addressof(buffer))
    pointer = ctypes.create_string_buffer(program, len(program))
    mode_filter = 2
    _raise_for_errno(_libc.prctl(PR_SET_SECCOMP, mode_filter, ctypes.byref(pointer), 0, 0), "seccomp")


# --- can it be done here? ------------------------------------------------------------------------------------------


def unsupported_reason() -> str:
    """Say in a sentence why this machine cannot confine a process, or return "" if it can. Tries it in a child."""
    if sys.platform != "linux":
        return f"Students' code can be confined on Linux only; this is {sys.platform}."
    if not _SYSCALLS:
        return f"Confinement is not available on {platform.machine()} processors."
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            run_confined(lambda: None, ReadOnlyMounts(), Limits())
        except BaseException as error:
            os.write(writing, str(error).encode()[:4000])
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, errors="replace") as pipe:
        problem = pipe.read()
    os.waitpid(child, 0)
    return problem


def pin_to_processor(processor: int | None) -> None:
    """Keep this process, and all that it starts, on one processor: however many they are, the others stay free."""
    if hasattr(os, "sched_setaffinity") and processor is not None:
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[processor % len(allowed)]})


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it ends."""
    if sys.platform == "linux":
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    if sys.platform == "linux":
        _prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def close_descriptors(keep: Iterable[int]) -> None:
    """Close every open descriptor but 0, 1, 2 and those in `keep`, and point 0, 1 and 2 at nothing."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    low = 3
    for number in sorted(keep):
        os.closerange(low, number)
        low = number + 1
    os.closerange(low, max(low, min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1 << 16)))
