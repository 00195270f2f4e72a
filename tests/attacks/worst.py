"""Hand in the costliest submissions, measure what each of them costs, and write the tables of the worst for the site.

    python -m tests.attacks.worst book/_worst.md
    python -m tests.attacks.worst --ten book/_worst_ten.md

The first is the most that any of them costs. Those of `LONG` have the budget of a notebook that the course has; the
others a sixth of it, since they cost no more memory in more time. The second has the ten that come nearest to a budget,
all at a sixth of the course's time, one at a time. Each takes about ten minutes, needs root to look into sandboxes, and
a machine that does little else.
"""

import argparse
import contextlib
import dataclasses
import os
import tempfile
import threading
import time
from pathlib import Path

import psutil

from convgrader.batch import start_pool
from convgrader.jobs import Budget
from convgrader.nbgrader_plugin import feedback
from tests.attacks.costly import COSTLY
from tests.helpers.courses import ROOT, CourseUnderTest, answer, right_answers
from tests.helpers.grading_fixtures import FULL, copy_of
from tests.helpers.memory import field, peak
from tools.small_course import environment

MIB = 1 << 20
LONG = ("deaf_cells", "late_calls", "slow_replays")
ONE_BY_ONE = "processes and memory"  # the family whose sandboxes are looked into
SHORT = Budget(cell=5, notebook=20)
BOUNDS = {  # what the table shows -> the most that a submission may cost
    "seconds, `autograder grade`": 125, "seconds, `nbgrader autograde`": 125, "memory of the grader, MB": 1024,
    "memory of the sandbox, MB, and for a moment more": 2048, "seconds for the page of feedback": 10,
    "memory for that page, MB": 200, "files that are kept, MB": 100,
}  # fmt: skip
SECONDS, STOCK_ROUTE, GRADER, SANDBOX, PAGE, PAGE_MEMORY, FILES = BOUNDS
GRACE = 5  # seconds that a notebook may take beyond its budget


@dataclasses.dataclass
class Cost:
    """What one submission cost: seconds by the clock and of processors, and the most MB that were held."""

    seconds: float = 0
    cpu: float = 0
    grader: float = 0
    sandbox: float = 0

    def shares(self, budget):
        """Return which share of its bound each of them is."""
        seconds = budget.notebook + GRACE
        bounds = Cost(seconds, seconds, BOUNDS[GRADER], BOUNDS[SANDBOX])
        return [mine / most for mine, most in zip(*map(dataclasses.astuple, (self, bounds)), strict=True)]


class Worst:
    """The largest value of each measure, and the submission that it is of."""

    def __init__(self):
        self.found = {}

    def see(self, measure, value, name):
        """Keep a value if none was as large."""
        if value > self.found.get(measure, (-1, ""))[0]:
            self.found[measure] = value, name

    def table(self):
        """Write Markdown."""
        descriptions = {attack.name: attack.description for attack in COSTLY}
        lines = ["| what a submission may cost | at most | the worst of all | which |", "|---|---|---|---|"]
        for measure, most in BOUNDS.items():
            value, name = self.found[measure]
            lines.append(f"| {measure} | {most:,} | {value:,.{0 if value >= 20 else 1}f} | {descriptions[name]} |")
        return "\n".join(lines) + "\n"


class Watch(threading.Thread):
    """Looks at the workers of a pool, and at the sandboxes below it, until it is told to end.

    What is in the sandboxes, and what all processes worked, is told apart only where a pool has one worker.
    """

    def __init__(self, pool, looks_inside):
        super().__init__(daemon=True)
        self.pool, self.looks_inside, self.is_over = pool, looks_inside, threading.Event()
        self.jobs, self.costs, self.worked = {}, {}, 0

    def run(self):
        """Look ten times a second."""
        while not self.is_over.wait(0.1):
            for worker in list(self.pool.workers):
                with contextlib.suppress(OSError, StopIteration, psutil.Error):
                    self.look(worker)

    def look(self, worker):
        """Measure what a worker holds beyond what it held when its job began, and what is in its sandbox."""
        if worker.job is None:
            return
        student, before = self.jobs.get(worker.pid, (None, 0))
        if student != worker.job.student:
            self.settle(student)
            Path(f"/proc/{worker.pid}/clear_refs").write_text("5")
            self.jobs[worker.pid] = student, before = worker.job.student, field("VmRSS", worker.pid)
        cost = self.costs.setdefault(student, Cost())
        cost.grader = max(cost.grader, (field("VmHWM", worker.pid) - before) / MIB)
        if self.looks_inside:
            cost.sandbox = max(cost.sandbox, sum(map(_share, self.sandboxed())) / MIB)

    def settle(self, student=None):
        """Put what all processes of the pool have worked since the last time on a student's account."""
        zygote, worked = psutil.Process(self.pool.zygote.process.pid), 0
        for process in [zygote, *zygote.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                worked += sum(process.cpu_times()[:4])  # its own and that of those that have ended
        if student:
            self.costs[student].cpu += worked - self.worked
        self.worked = worked

    def finish(self):
        """Look no more; what the last ones worked is theirs."""
        self.is_over.set()
        self.join()
        for student, _ in self.jobs.values():
            self.settle(student)

    def sandboxed(self):
        """Return the processes below the pool that live in a world of their own."""
        own = os.readlink("/proc/self/ns/pid")
        for process in psutil.Process(self.pool.zygote.process.pid).children(recursive=True):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{process.pid}/ns/pid") != own:
                    yield process.pid


def _share(pid):
    """Return the bytes of a process, of those that it shares its share."""
    try:
        return field("Pss", pid, "smaps_rollup")
    except (OSError, StopIteration):
        return 0


def grade(generated, folder, attacks, budget, workers=1, looks_inside=False):
    """Grade attacks beside an honest submission; return the course, and {attack: Cost}."""
    course = copy_of(generated, folder)
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write(f"c.GradeCells.cell_seconds = {budget.cell}\nc.GradeCells.notebook_seconds = {budget.notebook}\n")
    released = course.released("pooling")
    right, helpers = right_answers("pooling")
    course.submit("honest", answer(released, right, [helpers]))
    for attack in attacks:
        course.submit(attack.name, attack.make(released))
    with contextlib.closing(start_pool(workers, confined=True)) as pool:
        watch = Watch(pool, looks_inside)
        watch.start()
        course.grade(pool=pool)
        watch.finish()
    assert course.total("honest") == FULL
    costs = {attack.name: watch.costs.get(attack.name, Cost()) for attack in attacks}
    for attack in attacks:
        assert course.total(attack.name) == attack.earns, attack.name
    for student, seconds in course.query("SELECT student, seconds FROM autograder_record WHERE student != 'honest'"):
        costs[student].seconds = seconds
    return course, costs


def look_at_pages(course, attacks, worst):
    """Make the page of each submission, and measure that and its files."""
    about = {"notebook": "pooling", "score": 1, "max_score": 2, "late_penalty": 0}
    for attack in attacks:
        started = time.process_time()
        with peak() as memory:
            exporter = feedback.FeedbackExporter(**feedback.TEMPLATE)
            nb = course.graded(attack.name)
            for cell in nb.cells:
                cell.metadata.get("nbgrader", {}).update(score=0, points=1)  # as nbgrader itself does here
            page = exporter.from_notebook_node(nb, {"nbgrader": about})[0]
        worst.see(PAGE, time.process_time() - started, attack.name)
        worst.see(PAGE_MEMORY, memory[0] / MIB, attack.name)
        kept = sum(path.stat().st_size for path in (course.root / "autograded" / attack.name).rglob("*.*"))
        worst.see(FILES, (kept + len(page.encode())) / MIB, attack.name)


def by_nbgrader(generated, folder, attack, worst):
    """Have `nbgrader autograde` grade one submission at the course's budgets; measure what it adds to a blank one."""
    course, took = copy_of(generated, folder), {}
    released = course.released("pooling")
    for student, nb in (("blank", released), (attack.name, attack.make(released))):
        course.submit(student, nb)
        started = time.monotonic()
        status, said = course.nbgrader("autograde", "pooling", "--student", student)
        assert status == 0, said
        took[student] = time.monotonic() - started
    worst.see(STOCK_ROUTE, took[attack.name] - took["blank"], attack.name)
    assert course.total(attack.name) == attack.earns


def worst_of_all(generated, folder):
    """Return the table of the most that any of them costs."""
    worst = Worst()
    attacks = {attack.name: attack for attack in COSTLY}
    long = [attacks[name] for name in LONG]
    inside = [attack for attack in COSTLY if attack.family == ONE_BY_ONE]
    rest = [attack for attack in COSTLY if attack not in (*long, *inside)]
    other = threading.Thread(target=by_nbgrader, args=(generated, folder / "nbgrader", long[0], worst))
    other.start()
    course, costs = grade(generated, folder / "long", long, Budget(), 2)
    for student, cost in costs.items():
        worst.see(SECONDS, cost.seconds, student)
        worst.see(GRADER, cost.grader, student)
    other.join()
    look_at_pages(course, long, worst)
    for name, some, workers in (("inside", inside, 1), ("rest", rest, 2)):
        course, costs = grade(generated, folder / name, some, SHORT, workers, name == "inside")
        for student, cost in costs.items():
            worst.see(GRADER, cost.grader, student)
            worst.see(SANDBOX, cost.sandbox, student)
        look_at_pages(course, [attack for attack in some if attack.earns], worst)
    assert set(worst.found) == set(BOUNDS), "a measure is missing"
    return worst.table()


def as_markdown(costs, budget, count=10):
    """Write the attacks that come nearest to one of their bounds, the nearest first, beside the bounds."""
    descriptions = {attack.name: attack.description for attack in COSTLY}
    nearest = sorted(costs, key=lambda name: max(costs[name].shares(budget)), reverse=True)[:count]
    seconds = budget.notebook + GRACE
    lines = [
        "| what it does | seconds | of processors | MB of the grader | MB of the sandbox |",
        "|---|---|---|---|---|",
        f"| *at most* | *{seconds:g}* | *{seconds:g}* | *{BOUNDS[GRADER]:,}* | *{BOUNDS[SANDBOX]:,}* |",
    ]
    for name in nearest:
        cost = costs[name]
        lines.append(
            f"| {descriptions[name]} | {cost.seconds:.1f} | {cost.cpu:.1f} | {cost.grader:,.0f} | {cost.sandbox:,.0f} |"
        )
    return "\n".join(lines) + "\n"


def main(arguments=None):
    """Measure, and write a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.worst")
    parser.add_argument("target", type=Path)
    parser.add_argument("--ten", action="store_true", help="the ten worst, one by one")
    options = parser.parse_args(arguments)
    target = options.target.resolve()  # grading goes into the course's folder
    folder = Path(tempfile.mkdtemp(prefix="worst-"))
    os.environ.update(environment())
    generated = CourseUnderTest(folder / "generated")
    generated.generate(ROOT / "course" / "source" / "pooling" / "pooling.ipynb")
    if options.ten:
        table = as_markdown(grade(generated, folder / "ten", COSTLY, SHORT, looks_inside=True)[1], SHORT)
    else:
        table = worst_of_all(generated, folder)
    print(table)
    target.write_text(table, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
