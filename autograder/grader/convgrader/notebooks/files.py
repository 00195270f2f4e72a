"""Files that were handed in: read and copied without following what they point to."""

import contextlib
import fnmatch
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from convcourse.limits import MAX_FILE

StrPath = str | Path

MAX_COPIED = 64 << 20  # bytes of other files that are kept beside a graded notebook
MAX_FILES = 1000  # of them
MAX_NOTEBOOKS = 20  # that a submission may hold, to find the right one among them
MAX_PATH = 1000  # bytes of the path of one of them inside a submission


def read_regular(path: StrPath) -> bytes:
    """Read a file that must be one: no link to something else, no pipe, not too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise OSError(f"The notebook cannot be read: {error.strerror}.") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("The notebook is not a file.")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_FILE + 1)
    finally:
        os.close(descriptor)


def timestamp(folder: StrPath) -> str:
    """Return what a submission says about when it was handed in, "" if it says nothing that can be read."""
    with contextlib.suppress(OSError, ValueError):
        return read_regular(os.path.join(folder, "timestamp.txt"))[:100].decode().strip()
    return ""


def is_regular(path: StrPath) -> bool:
    """Say whether a path is a file, and no link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def attached_files(
    folder: StrPath, ignore: Iterable[str] = (), max_bytes: float = MAX_COPIED
) -> Iterator[tuple[str, str]]:
    """Yield (path inside the folder, path) of what else was handed in, notebooks aside: so many regular files.

    What is too large, too deep, too much or no file is left out.
    """
    file_count = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_wanted(name, ignore))
        for name in sorted(name for name in names if _is_wanted(name, ignore)):
            path = os.path.join(parent, name)
            inside = os.path.relpath(path, folder)
            file_count += 1
            if file_count > MAX_FILES:
                return
            if len(os.fsencode(inside)) <= MAX_PATH and is_regular(path) and os.path.getsize(path) <= max_bytes:
                max_bytes -= os.path.getsize(path)
                yield inside, path


def _is_wanted(name: str, ignore: Iterable[str]) -> bool:
    return not name.endswith(".ipynb") and not any(fnmatch.fnmatch(name, pattern) for pattern in ignore)


def notebooks(folder: StrPath) -> list[str]:
    """List the notebooks of a submission, wherever they lie in it: regular files, the first so many of them."""
    paths: list[str] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        candidates = (os.path.join(parent, name) for name in sorted(names) if name.endswith(".ipynb"))
        inside = [os.path.relpath(path, folder) for path in candidates if is_regular(path)]
        paths += [name for name in inside if len(os.fsencode(name)) <= MAX_PATH and not name.startswith(".")]
        if len(paths) >= MAX_NOTEBOOKS:
            break
    return paths[:MAX_NOTEBOOKS]


def digest(folder: StrPath, notebook_names: Iterable[str]) -> str:
    """Return the fingerprint of a submission: of its notebooks, and of the other files handed in with them.

    Parameters
    ----------
    folder : str or Path
    notebook_names : iterable of str
        The names of the assignment's notebooks, which count however many others there are.
    """
    submission_digest = hashlib.sha256()
    assignment_files = (f"{name}.ipynb" for name in notebook_names)
    file_names = list(
        dict.fromkeys([*notebooks(folder), *(n for n in assignment_files if is_regular(os.path.join(folder, n)))])
    )
    for name in file_names:
        with contextlib.suppress(OSError):
            submission_digest.update(read_regular(os.path.join(folder, name)))
        if len(file_names) > 1:
            submission_digest.update(os.fsencode(name))
    for inside, path in attached_files(folder):
        with contextlib.suppress(OSError), open(path, "rb") as file:  # one that may not be read is not copied either
            submission_digest.update(os.fsencode(inside) + hashlib.file_digest(file, "sha256").digest())
    return submission_digest.hexdigest()


def copy_files(source: StrPath, target: Path, ignore: Iterable[str] = (), max_bytes: float = MAX_COPIED) -> None:
    """Copy what else was handed in, notebooks aside; what the target has already stays."""
    for inside, path in attached_files(source, ignore, max_bytes):
        try:
            file = open(path, "rb")  # noqa: SIM115 (only its own errors are passed over, not the target's)
        except OSError:
            continue
        with file, contextlib.suppress(FileExistsError, NotADirectoryError):
            destination = target / inside
            destination.parent.mkdir(parents=True, exist_ok=True)
            with open(destination, "xb") as copy:
                shutil.copyfileobj(file, copy)


def copy_graded(source: StrPath, target: StrPath) -> None:
    """Put a copy of a graded submission in the place of another one, once it is whole."""
    target = Path(target)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    for folder in (draft, target):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
        if folder is draft:
            shutil.copytree(source, draft)
    draft.rename(target)
