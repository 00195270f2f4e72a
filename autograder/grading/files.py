"""Files that were handed in: read and copied without following what they point to."""

import fnmatch
import hashlib
import os
import shutil
import stat
from pathlib import Path

MAX_FILE = 32 << 20  # bytes of a notebook file
MAX_COPIED = 64 << 20  # bytes of other files that are kept beside a graded notebook


def read_regular(path):
    """Read a file that must be one: no link to something else, no pipe, not too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OSError(f"The notebook cannot be read: {error.strerror}.") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("The notebook is not a file.")
        return file.read(MAX_FILE + 1)


def digest(folder, data):
    """Return the fingerprint of a submission: of a notebook's bytes, and of the other files handed in with it."""
    found = hashlib.sha256(data)
    for place, folders, names in os.walk(folder):
        folders.sort()
        for path in (os.path.join(place, name) for name in sorted(names) if not name.endswith(".ipynb")):
            if stat.S_ISREG(os.lstat(path).st_mode) and os.path.getsize(path) <= MAX_COPIED:
                content = hashlib.sha256(Path(path).read_bytes())
                found.update(os.fsencode(os.path.relpath(path, folder)) + content.digest())
    return found.hexdigest()


def copy_files(source, target, ignore, left):
    """Copy what else was handed in, notebooks aside: regular files alone, `left` bytes at most; return what is left."""

    def is_wanted(name):
        return not any(fnmatch.fnmatch(name, pattern) for pattern in ignore)

    for folder, folders, files in os.walk(source):
        folders[:] = filter(is_wanted, folders)
        for name in filter(is_wanted, files):
            path = os.path.join(folder, name)
            found = os.lstat(path)
            if not stat.S_ISREG(found.st_mode) or found.st_size > left or name.endswith(".ipynb"):
                continue
            left -= found.st_size
            place = target / os.path.relpath(path, source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place, follow_symlinks=False)
    return left
