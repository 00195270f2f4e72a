"""Write the lock: what stands in requirements.txt, and all that it needs, for every system: ``python -m tools.lock``.

There are three files in ``locks/``. ``course.txt`` has everything but PyTorch, with hashes. ``torch.txt`` has PyTorch
and what its CUDA build alone needs, by version: a machine takes the CPU build where its index has one, and the hashes
of that are others. ``student.txt`` has what a student installs, by version; the student kit's requirements are made of
it. It leaves out what CUDA needs, which the CPU build must not bring along.
"""

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tools.dependencies import needed_by, pins

FOLDER = "locks"
OLDEST = "3.11"  # the oldest Python that the course runs on
CUDA = re.compile(r"(triton|(nvidia|cuda)-[\w-]+)==")  # what PyTorch's CUDA build alone needs
CONSTRAINTS = (  # versions that some systems have no wheels of
    "argon2-cffi-bindings<26; sys_platform == 'darwin' and platform_machine == 'x86_64'",
)
MADE = "# Written by `make lock` from the pins of requirements.txt, whose digest is {digest}\n"


class LockError(Exception):
    """Why there is no new lock, in uv's words."""


def digest(root: Path) -> str:
    """Return a digest of the pins of requirements.txt; their remarks do not count."""
    return hashlib.sha256("\n".join(map(str, pins(root))).encode()).hexdigest()[:16]


def resolve(lines: Iterable[str], preferred: str, *flags: str) -> list[str]:
    """Return the requirements that some requirements come to on every system, one text each.

    Versions in the text `preferred` stay as they are where they can, so that a new pin moves nothing else.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "requirements.txt", Path(folder) / "lock.txt"
        source.write_text("\n".join(lines) + "\n", encoding="utf-8")
        constraints = source.with_name("constraints.txt")
        constraints.write_text("\n".join(CONSTRAINTS) + "\n", encoding="utf-8")
        target.write_text(preferred, encoding="utf-8")
        command = [sys.executable, "-m", "uv", "pip", "compile", "--universal", "--python-version", OLDEST]
        command += ["--no-config", "--no-annotate", "--no-header", "--quiet", *flags]
        command += ["--constraint", str(constraints), "--output-file", str(target), str(source)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise LockError(done.stderr.strip())
        return re.findall(r"^[a-z0-9].*(?:\n .*)*", target.read_text(encoding="utf-8"), re.MULTILINE)


def locks(root: Path) -> dict[str, str]:
    """Return the text of each file of the lock, by its name."""
    folder, made = Path(root) / FOLDER, MADE.format(digest=digest(root))
    earlier = [folder / name for name in ("course.txt", "torch.txt") if (folder / name).is_file()]
    preferred = "".join(path.read_text(encoding="utf-8") for path in earlier)
    everything = resolve(map(str, pins(root)), preferred, "--generate-hashes")
    student = resolve(map(str, needed_by(root, "student")), "\n".join(everything))
    of_torch = [
        requirement for requirement in everything if CUDA.match(requirement) or requirement.startswith("torch==")
    ]
    texts = {
        "course.txt": [requirement for requirement in everything if requirement not in of_torch],
        "torch.txt": [requirement.split(" \\\n")[0] for requirement in of_torch],
        "student.txt": [requirement for requirement in student if not CUDA.match(requirement)],
    }
    return {name: made + "\n".join(lines) + "\n" for name, lines in texts.items()}


def requirements(root: Path, name: str) -> list[str]:
    """Return the requirements in a file of the lock, without hashes."""
    text = (Path(root) / FOLDER / name).read_text(encoding="utf-8")
    return [line.removesuffix(" \\") for line in text.splitlines() if re.match(r"[a-z0-9]", line)]


def is_stale(root: Path) -> bool:
    """Tell whether the pins of requirements.txt have changed since the lock was written."""
    made = MADE.format(digest=digest(root))
    files = [Path(root) / FOLDER / name for name in ("course.txt", "torch.txt", "student.txt")]
    return any(not file.is_file() or not file.read_text(encoding="utf-8").startswith(made) for file in files)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the lock from requirements.txt; asks the package index."""
    parser = argparse.ArgumentParser(prog="python -m tools.lock", description=main.__doc__)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the project (default: this folder)")
    options = parser.parse_args(arguments)
    try:
        texts = locks(options.root)
    except LockError as error:
        print(f"There is no new lock: {error}", file=sys.stderr)
        return 1
    (options.root / FOLDER).mkdir(exist_ok=True)
    for name, text in texts.items():
        (options.root / FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
        print(f"{FOLDER}/{name}: {len(requirements(options.root, name))} requirements")
    return 0


if __name__ == "__main__":
    sys.exit(main())
