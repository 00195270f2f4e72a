"""Do one step of a build and say how long it took: ``python tools/step.py "Building the site" COMMAND...``.

What the command prints is shown where it fails, or where ``VERBOSE`` is set; it stands in ``.make/logs`` besides. A
terminal shows meanwhile how long the step has been going.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

LOGS = Path(".make") / "logs"


def passed(start: float) -> str:
    """Return the time since a moment, as a person reads it."""
    seconds = round(time.monotonic() - start)
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60} s"


def shown(title: str, start: float, command: Sequence[str]) -> int:
    """Run a command whose output is shown; return its status."""
    print(f"{title}:", flush=True)
    status = subprocess.run(command, check=False).returncode
    print(f"{title}: {passed(start)}", flush=True)
    return status


def quiet(title: str, start: float, command: Sequence[str], log: Path) -> int:
    """Run a command whose output goes into a file, and is shown where it fails; return its status."""
    moves = sys.stdout.isatty()
    with open(log, "wb") as file, subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT) as process:
        while True:
            try:
                process.wait(timeout=1)
                break
            except subprocess.TimeoutExpired:
                if moves:
                    print(f"\r{title} ... {passed(start)}", end="", flush=True)
    print("\r" * moves + f"{title:<38} {passed(start):>12}" + f"   failed; {log} has this:" * bool(process.returncode))
    if process.returncode:
        sys.stdout.flush()
        sys.stdout.buffer.write(Path(log).read_bytes())
    sys.stdout.flush()
    return process.returncode


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one step: a title, and the command with its arguments."""
    title, *command = arguments or sys.argv[1:]
    start = time.monotonic()
    if os.environ.get("VERBOSE"):
        return shown(title, start, command)
    LOGS.mkdir(parents=True, exist_ok=True)
    return quiet(title, start, command, LOGS / (re.sub(r"\W+", "-", title.lower()) + ".txt"))


if __name__ == "__main__":
    sys.exit(main())
