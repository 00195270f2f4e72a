"""Files that were handed in: read and copied without following what they point to."""

import contextlib
import fnmatch
import hashlib
import os
import shutil
import stat

from convcourse.limits import MAX_FILE

MAX_COPIED = 64 << 20  # bytes of other files that are kept beside a graded notebook
MAX_FILES = 1000  # of them
MAX_NOTEBOOKS = 20  # that a submission may hold, to find the right one among them
MAX_PATH = 1000  # bytes of the path of one of them inside a submission


def read_regular(path):
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


def timestamp(folder):
    """Return what a submission says about when it was handed in, "" if it says nothing that can be read."""
    with contextlib.suppress(OSError, ValueError):
        return read_regular(os.path.join(folder, "timestamp.txt"))[:100].decode().strip()
    return ""


def is_regular(path):
    """Say whether a path is a file, and no link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def others(folder, ignore=(), most=MAX_COPIED):
    """Yield (path inside the folder, path) of what else was handed in, notebooks aside: so many regular files.

    What is too large, too deep, too much or no file is left out.
    """
    seen = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_wanted(name, ignore))
        for name in sorted(name for name in names if _is_wanted(name, ignore)):
            path = os.path.join(place, name)
            inside = os.path.relpath(path, folder)
            seen += 1
            if seen > MAX_FILES:
                return
            if len(os.fsencode(inside)) <= MAX_PATH and is_regular(path) and os.path.getsize(path) <= most:
                most -= os.path.getsize(path)
                yield inside, path


def _is_wanted(name, ignore):
    return not name.endswith(".ipynb") and not any(fnmatch.fnmatch(name, pattern) for pattern in ignore)


def notebooks(folder):
    """List the notebooks of a submission, wherever they lie in it: regular files, the first so many of them."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        paths = (os.path.join(place, name) for name in sorted(names) if name.endswith(".ipynb"))
        inside = [os.path.relpath(path, folder) for path in paths if is_regular(path)]
        found += [name for name in inside if len(os.fsencode(name)) <= MAX_PATH and not name.startswith(".")]
        if len(found) >= MAX_NOTEBOOKS:
            break
    return found[:MAX_NOTEBOOKS]


def digest(folder, own):
    """Return the fingerprint of a submission: of its notebooks, and of the other files handed in with them.

    Parameters
    ----------
    folder : str or Path
    own : iterable of str
        The names of the assignment's notebooks, which count however many others there are.
    """
    found = hashlib.sha256()
    named = (f"{name}.ipynb" for name in own)
    names = list(dict.fromkeys([*notebooks(folder), *(n for n in named if is_regular(os.path.join(folder, n)))]))
    for name in names:
        with contextlib.suppress(OSError):
            found.update(read_regular(os.path.join(folder, name)))
        if len(names) > 1:
            found.update(os.fsencode(name))
    for inside, path in others(folder):
        with contextlib.suppress(OSError), open(path, "rb") as file:  # one that may not be read is not copied either
            found.update(os.fsencode(inside) + hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


def copy_files(source, target, ignore=(), most=MAX_COPIED):
    """Copy what else was handed in, notebooks aside; what the target has already stays."""
    for inside, path in others(source, ignore, most):
        try:
            file = open(path, "rb")  # noqa: SIM115 (only its own errors are passed over, not the target's)
        except OSError:
            continue
        with file, contextlib.suppress(FileExistsError, NotADirectoryError):
            place = target / inside
            place.parent.mkdir(parents=True, exist_ok=True)
            with open(place, "xb") as copy:
                shutil.copyfileobj(file, copy)
