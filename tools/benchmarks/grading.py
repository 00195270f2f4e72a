"""Time grading beside stock nbgrader in the same run: `python -m tools.benchmarks.grading`.

Copies of the assignment `pooling`, answered by the reference solution, are graded by ``nbgrader autograde`` and by
``autograder grade``, start-up included, on the same two processors. Then the cost of one more submission is measured
for more and more of them, and the largest memory of the process that keeps the records: both should stay flat.

Elapsed time is what an instructor waits for; processor time, of all processes together where the kernel counts it
(control groups), weighs other programs on the machine less.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.small_course import SmallCourse, environment

ROOT = Path(__file__).parents[2]
LOAD = os.getloadavg()[0]  # of other programs, when this one starts
TARGET = 20  # times the throughput of stock nbgrader


class CourseOfCopies(SmallCourse):
    """A course with copies of one submission, answered by the reference solution."""

    def __init__(self, folder, stem, plugin):
        super().__init__(folder, plugin)
        self.stem = stem
        source = ROOT / "course" / "source" / stem / f"{stem}.ipynb"
        self.answers = source.read_text()
        self.generate(source)

    def hand_in(self, copies):
        """Hand in so many copies in all."""
        for number in range(copies):
            self.submit(f"s{number:05}", self.answers, self.stem)

    def run(self, module, *arguments):
        """Run a command; return (seconds, processor seconds or None, largest memory in MB of its first process)."""
        start = time.monotonic()
        with _Group() as group:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments], cwd=self.root, env=environment(), stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, preexec_fn=group.enter,  # noqa: PLW1509 (this process has one thread)
            )  # fmt: skip
            memory, log = 0, b""
            while process.poll() is None:
                memory = max(memory, _peak(process.pid))
                with contextlib.suppress(subprocess.TimeoutExpired):
                    log = process.communicate(timeout=0.2)[0]
            if process.returncode:
                raise SystemExit(f"{module} {' '.join(arguments)} failed:\n{log.decode()[-2000:]}")
            seconds = time.monotonic() - start
            return seconds, group.seconds(), memory


class _Group:
    """A control group that adds up the processor time of a command and of all that it starts."""

    def __enter__(self):
        self.path = Path("/sys/fs/cgroup/cpuacct") / f"bench-{os.getpid()}-{time.monotonic_ns()}"
        try:
            self.path.mkdir()
        except OSError:
            self.path = None
        return self

    def enter(self):
        """Put the calling process into it."""
        if self.path:
            (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def seconds(self):
        """Return the processor time so far."""
        return int((self.path / "cpuacct.usage").read_text()) / 1e9 if self.path else None

    def __exit__(self, *error):
        if self.path:
            time.sleep(0.3)
            with contextlib.suppress(OSError):
                self.path.rmdir()


def _peak(pid):
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0


def compare(folder, stem, copies, stock_copies, workers):
    """Return a row for stock nbgrader and one for ours, over the same submission."""
    rows = []
    for name, count in (("nbgrader autograde", stock_copies), ("autograder grade", copies)):
        course = CourseOfCopies(Path(folder) / name.split()[0], stem, plugin=name.startswith("autograder"))
        course.hand_in(count)
        command = ("nbgrader", "autograde", stem) if name.startswith("nbgrader") else _ours(stem, workers)
        seconds, processor, _ = course.run(*command)
        rows.append({"what": name, "copies": count, "seconds": seconds, "processor": processor})
    return rows


def _ours(stem, workers):
    return "convcourse", "grade", stem, "--json", "--workers", str(workers)


def flatness(folder, stem, sizes, workers):
    """Return, for each size, the cost of one more submission since the size before and the memory of the parent."""
    course, rows, before = CourseOfCopies(Path(folder) / "flat", stem, plugin=True), [], None
    for size in sizes:
        course.hand_in(size)
        seconds, processor, memory = course.run(*_ours(stem, workers))
        row = {"copies": size, "seconds": seconds, "processor": processor, "memory": memory}
        if before:
            more = size - before["copies"]
            row["each"] = (seconds - before["seconds"]) / more
            row["each_processor"] = (processor - before["processor"]) / more if processor else None
        rows.append(row)
        before = row
    return rows


def main():
    """Measure the throughput and the cost of one more submission, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assignment", default="pooling")
    parser.add_argument("--copies", type=int, default=64)
    parser.add_argument("--stock-copies", type=int, help="fewer for stock nbgrader; its time is then scaled up")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 256, 1024], help="for the second table")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", metavar="FILE", help="write the numbers there too")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables of the page for instructors there")
    options = parser.parse_args()
    if not (ROOT / "course" / "source" / options.assignment).exists():
        raise SystemExit("weave the assignments first: make weave")
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.workers])
    with tempfile.TemporaryDirectory() as folder:
        stock, ours = compare(
            folder, options.assignment, options.copies, options.stock_copies or options.copies, options.workers
        )
        rows = flatness(folder, options.assignment, options.sizes, options.workers) if options.sizes else []
    _print_ratio(stock, ours, options.workers)
    _print_flatness(rows)
    if options.json:
        Path(options.json).write_text(json.dumps({"stock": stock, "ours": ours, "flatness": rows}, indent=1))
    if options.markdown:
        Path(options.markdown).write_text(as_markdown(stock, ours, rows))


def as_markdown(stock, ours, rows):
    """Write both tables, and say what they were measured on."""
    ratio = (stock["seconds"] / stock["copies"]) / (ours["seconds"] / ours["copies"])
    work = (stock["processor"] / stock["copies"]) / (ours["processor"] / ours["copies"]) if ours["processor"] else None
    lines = [
        "| start-up included | copies | seconds | seconds each | processor seconds each |",
        "|---|---|---|---|---|",
        *(
            f"| `{row['what']}` | {row['copies']} | {row['seconds']:.1f} | {row['seconds'] / row['copies']:.2f} | "
            f"{row['processor'] / row['copies'] if row['processor'] else float('nan'):.2f} |"
            for row in (stock, ours)
        ),
        "",
        f"That is {ratio:.0f} times as many submissions in the same time"
        + (f", and {work:.0f} times less work for the processor." if work else "."),
        f"Before the run the machine's load was {LOAD:.1f} on {os.cpu_count()} processors.",
        "",
        "| copies | seconds | processor seconds for one more | memory of the parent |",
        "|---|---|---|---|",
    ]
    for row in rows:
        more = f"{row['each_processor']:.2f}" if row.get("each_processor") else ""
        lines.append(f"| {row['copies']} | {row['seconds']:.1f} | {more} | {row['memory']:.0f} MB |")
    return "\n".join(lines) + "\n"


def _print_ratio(stock, ours, workers):
    print(f"{'':22}{'copies':>8}{'seconds':>10}{'each':>9}{'processor':>11}")
    for row in (stock, ours):
        processor = f"{row['processor']:.1f}" if row["processor"] else "-"
        each = row["seconds"] / row["copies"]
        print(f"{row['what']:22}{row['copies']:>8}{row['seconds']:>10.1f}{each:>9.3f}{processor:>11}")
    ratio = (stock["seconds"] / stock["copies"]) / (ours["seconds"] / ours["copies"])
    print(f"{ratio:.1f} times the throughput, start-up included, {workers} workers (target {TARGET})")


def _print_flatness(rows):
    print(f"\n{'copies':>8}{'seconds':>10}{'one more':>10}{'processor':>11}{'memory of the parent':>24}")
    for row in rows:
        each = f"{1000 * row['each']:.0f} ms" if "each" in row else "-"
        processor = f"{1000 * row['each_processor']:.0f} ms" if row.get("each_processor") else "-"
        print(f"{row['copies']:>8}{row['seconds']:>10.1f}{each:>10}{processor:>11}{row['memory']:>21.0f} MB")


if __name__ == "__main__":
    main()
