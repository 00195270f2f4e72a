"""Honest submissions get what they earn, whatever honest students do in a notebook."""

import re
import sys
import time
from dataclasses import replace

import nbformat
import pytest

from convgrader import grade
from convgrader.grade import NotebookGrader
from convgrader.jobs import Budget
from convgrader.notebooks import reader
from convgrader.sandbox.clock import GRACE
from tests.helpers.courses import ROOT, answer
from tools import weave

pytestmark = pytest.mark.slow

FULL = 48.0  # all but the answer in words


def total(scores):
    return sum(score or 0.0 for score in scores.values())


def cells_of(nb, name):
    return next(cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name)


def test_right_answers_earn_everything_and_words_wait_for_a_person(examine, released, answers):
    right, helpers = answers
    scores, nb = examine(answer(released, {**right, "written-pooling": "It keeps what, not where."}, [helpers]))
    assert total(scores) == FULL and scores["written-pooling"] is None
    shown = cells_of(nb, "check-max_pool2d").outputs
    assert [output.output_type for output in shown] == ["display_data", "execute_result"]
    assert shown[1].data["text/plain"] == "8.0" and "8 of 8 points" in shown[0].data["text/plain"]
    nbformat.validate(nb)


def test_an_untouched_notebook_earns_nothing(examine, released):
    scores, _ = examine(released)
    assert set(scores.values()) == {0.0}


def test_the_seed_is_not_shown(examine, released):
    _, nb = examine(released, seed=918273645)
    assert "918273645" not in nbformat.writes(nb)


def test_two_gradings_give_the_same(examine, released, answers):
    right, helpers = answers
    wrong = {**right, "avg_pool2d": "avg_pool2d = lambda x, *a, **k: np.random.rand(*x.shape)"}
    first, second = (examine(answer(released, wrong, [helpers]))[0] for _ in range(2))
    assert first == second


HABITS = {
    "warns": "import warnings\nwarnings.warn('careful')\nnp.array([1.0]) / 0",
    "prints": "print('hello ' * 100)\nimport sys\nprint('to stderr', file=sys.stderr)",
    "plots": "import matplotlib.pyplot as plt\nplt.imshow(np.eye(3))\nplt.colorbar()\nplt.show()",
    "plots_inline": "%matplotlib inline\nimport matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2]);",
    "times": "%timeit -n 1 -r 1 np.zeros(3)\n%time x = 1",
    "cell_magic": "%%time\ny = 2",
    "type_hints": "from typing import Optional\ndef helper(x: Optional[int] = None) -> list[int]:\n    return [x or 1]",
    "class": "from dataclasses import dataclass\n@dataclass\nclass Window:\n    size: int = 2\nWindow(3)",
    "generator": "def windows(n):\n    yield from range(n)\nlist(windows(3))",
    "cache": "import functools\n@functools.lru_cache\ndef cached(n):\n    return n\ncached(1)",
    "asks_for_help": "np.pad?\nhelp(np.pad)",
    "imports_torch": "import torch",
    "fails": "1 / 0",
    "does_not_parse": "def broken(:",
    "awaits": "import asyncio\nawait asyncio.sleep(0)",
    "checks_itself": "check('pool_output_shape', points=5)\nfrom convcourse import checker\nchecker('pooling')",
    "shell": "!ls\n!pip list",
    "shell_line_by_line": "!ls\n" * 600,
    "html": "from IPython.display import HTML, Math\ndisplay(HTML('<b>bold</b>'), Math('x'))",
    "deletes": "x = 3\ndel x\n%reset_selective -f nothing",
    "asserts": "assert True\nnp.testing.assert_allclose(1.0, 1.0)",
    "seeds": "np.random.seed(1)\nrng = np.random.default_rng(2)\nimport random\nrandom.seed(3)",
    "logs": "import logging\nlogging.basicConfig(level=logging.DEBUG)\nlogging.getLogger().warning('loud')",
    "multiprocesses": "from concurrent.futures import ThreadPoolExecutor\n"
    "with ThreadPoolExecutor(4) as pool:\n    list(pool.map(abs, [1, -2]))",
}


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.sample(8)
def test_habits_cost_nothing(examine, released, answers, habit):
    right, helpers = answers
    scores, _ = examine(answer(released, right, [helpers, HABITS[habit]]))
    assert total(scores) == FULL


WITHIN = {
    "warns": "import warnings\nwarnings.warn('x')\nnp.log(0.0)",
    "prints": "import sys\nprint('x' * 10_000)\nprint('y', file=sys.stderr)",
    "plots": "import matplotlib.pyplot as plt\nplt.figure()\nplt.plot([1, 2])\nplt.show()",
    "caches": "global calls\ncalls = globals().get('calls', 0) + 1",
    "changes_settings": "np.set_printoptions(precision=2)\nnp.seterr(all='raise')",
}


@pytest.mark.parametrize("habit", WITHIN)
def test_habits_within_a_graded_function_cost_nothing(examine, released, answers, habit):
    right, helpers = answers
    body = WITHIN[habit].replace("\n", "\n    ")
    wrapped = f"right = {right['avg_pool2d'].split(' = ')[1]}\ndef avg_pool2d(*args, **kwargs):\n    {body}\n"
    wrapped += "    return right(*args, **kwargs)"
    scores, _ = examine(answer(released, {**right, "avg_pool2d": wrapped}, [helpers]))
    assert scores["check-avg_pool2d"] == 5.0


def test_plots_are_kept(examine, released):
    _, nb = examine(answer(released, {}, [HABITS["plots"]]))
    pictures = [o for c in nb.cells if c.cell_type == "code" for o in c.outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == 1


def test_what_ran_before_a_failing_line_counts(examine, released, answers):
    right, helpers = answers
    scores, _ = examine(answer(released, {**right, "avg_pool2d": right["avg_pool2d"] + "\n1 / 0"}, [helpers]))
    assert total(scores) == FULL


def test_helpers_may_stand_anywhere(examine, released, answers):
    right, helpers = answers
    nb = answer(released, right)
    nb.cells.append(nbformat.v4.new_code_cell(helpers))
    for cell in nb.cells:  # every answer is a function that looks its helper up when it is called
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in right:
            cell.source = f"def {name}(*args, **kwargs):\n    return {right[name].split(' = ')[1]}(*args, **kwargs)"
    scores, _ = examine(nb)
    assert total(scores) == FULL


def test_cells_may_be_moved(examine, released, answers):
    right, helpers = answers
    nb = answer(released, right, [helpers])
    nb.cells = nb.cells[::-1]
    nb.cells.sort(key=lambda cell: cell.source != helpers)
    assert total(examine(nb)[0]) == FULL


def test_deleted_cells_of_the_instructor_come_back(examine, released, answers):
    right, helpers = answers
    nb = answer(released, right, [helpers])
    nb.cells = [c for c in nb.cells if not c.metadata.get("nbgrader", {}).get("locked")]
    scores, graded = examine(nb)
    assert total(scores) == FULL
    assert "check-max_pool2d" in [c.metadata.get("nbgrader", {}).get("grade_id") for c in graded.cells]


def test_a_loop_costs_its_own_task_alone(examine, released, answers):
    right, helpers = answers
    loop = "def lp_pool2d(*args, **kwargs):\n    while True:\n        pass"
    scores, nb = examine(answer(released, {**right, "lp_pool2d": loop}, [helpers]))
    assert scores["check-lp_pool2d"] == 0 and total(scores) == FULL - 3
    assert "did not finish" in cells_of(nb, "check-lp_pool2d").outputs[0].data["text/plain"]


def test_a_submission_has_a_time_budget_as_a_whole(examine, released, answers):
    right, helpers = answers
    slow = "import time\ntime.sleep(5)"
    nb = answer(released, right, [helpers])
    nb.cells[5:5] = [nbformat.v4.new_code_cell(slow) for _ in range(10)]
    scores, graded = examine(nb, Budget(cell=1, notebook=3))
    assert total(scores) < FULL  # what came after the time was used up
    assert any("used up" in str(cell.get("outputs")) for cell in graded.cells)


def test_older_formats_are_read(examine, released, answers):
    right, helpers = answers
    nb = answer(released, right, [helpers])
    sheet = [
        {"cell_type": c.cell_type, "metadata": c.metadata, ("input" if c.cell_type == "code" else "source"): c.source}
        for c in nb.cells
    ]
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": sheet, "metadata": {}}]}
    assert total(examine(old)[0]) == FULL


DEAF = "    import signal\n    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\n    while True:\n        pass\n"
ENDS = "    import os\n    os._exit(0)\n"
BUSY = 3.0  # seconds by which a busy machine may be late
SLEEPS = "import time\ntime.sleep(0.8)"
NEVER_SLEEPS = "import threading\nthreading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()"
WORST = {  # cells before the first answer, and what is in a function that is called
    "cells that are deaf": (["if True:\n" + DEAF] * 20, ""),
    "cells that end their process": ([*[SLEEPS] * 3, *["if True:\n" + ENDS] * 20], ""),
    "functions that are deaf": ([], DEAF),
    "functions that end their process": ([SLEEPS] * 2, ENDS),
    "a late answer when cells are run again": ([f"import time\nif time.time() > MOMENT:\n{DEAF}", *[SLEEPS] * 3], ENDS),
    "threads that never sleep": ([NEVER_SLEEPS] * 3, DEAF),
}


@pytest.mark.parametrize("kind", WORST)
@pytest.mark.sample(2)
def test_no_submission_takes_longer_than_its_time_and_one_grace(examine, released, answers, kind):
    right, helpers = answers
    cells, body = WORST[kind]
    broken = {name: f"def {name}(*args, **kwargs):\n{body or '    return 0'}" for name in right if name.endswith("2d")}
    nb = answer(released, broken, [helpers, *cells])
    start = time.monotonic()
    for cell in nb.cells:
        cell.source = cell.source.replace("MOMENT", str(time.time() + 2))
    scores, _ = examine(nb, Budget(cell=1, notebook=6))
    assert time.monotonic() - start < 6 + GRACE + BUSY
    assert scores["check-max_pool2d"] == 0


def test_a_check_that_is_not_reached_says_so_and_which_cell_took_the_time(examine, released, answers):
    right, helpers = answers
    nb = answer(released, right, [helpers])
    where = nb.cells.index(cells_of(nb, "check-pool_output_shape")) + 1
    nb.cells[where:where] = [nbformat.v4.new_code_cell("import time\ntime.sleep(20)")]
    scores, graded = examine(nb, Budget(cell=20, notebook=6))
    assert total(scores) == scores["check-pool_output_shape"] == 5
    (shown,) = cells_of(graded, "check-max_pool2d").outputs
    code = [cell for cell in graded.cells if cell.cell_type == "code"]
    number = next(n for n, cell in enumerate(code, 1) if "time.sleep(20)" in cell.source)
    assert re.fullmatch(
        r"This check was not reached\. The time for the whole notebook, 6 s, is used up; "
        rf"cell \[{number}\] took most of it, [3-6] s\.",
        shown["evalue"],
    )
    assert "There is no function" not in str(graded)


BEFORE = {  # what stands above a function in its cell, and what the verdict says of it
    "slow": ("import time\ntime.sleep(60)", "which was stopped: The cell did not finish in time."),
    "torch": ("import torch", "which failed with ModuleNotFoundError: No module named 'torch'"),
    "helper file": ("from helpers import windows", "which failed with ModuleNotFoundError: No module named 'helpers'"),
    "data file": ("open('numbers.npy')", "which failed with FileNotFoundError: [Errno 2] No such file or directory"),
}


@pytest.mark.parametrize(("above", "message"), BEFORE.values(), ids=BEFORE)
def test_a_verdict_on_a_missing_function_names_the_cell_that_did_not_get_there(
    examine, released, answers, above, message
):
    right, helpers = answers
    nb = answer(released, {**right, "avg_pool2d": f"{above}\n{right['avg_pool2d']}"}, [helpers])
    scores, graded = examine(nb, Budget(cell=2, notebook=60))
    assert total(scores) == FULL - 5
    code = [cell for cell in graded.cells if cell.cell_type == "code"]
    number = code.index(cells_of(graded, "avg_pool2d")) + 1
    shown = cells_of(graded, "check-avg_pool2d").outputs[0].data["text/plain"]
    reason = f"avg_pool2d should come from cell [{number}], avg_pool2d, {message}"
    assert reason in " ".join(shown.split())


def test_a_verdict_names_the_cell_of_its_task_even_if_nothing_is_defined_in_it(examine, released, answers):
    """A loop without end in the place of the function."""
    right, helpers = answers
    nb = answer(released, {**right, "avg_pool2d": "while True:\n    pass"}, [helpers])
    _, graded = examine(nb, Budget(cell=2, notebook=60))
    shown = " ".join(cells_of(graded, "check-avg_pool2d").outputs[0].data["text/plain"].split())
    assert "avg_pool2d should come from cell [" in shown and "was stopped: The cell did not finish in time." in shown


def test_a_verdict_names_the_cell_that_a_helper_should_have_come_from(examine, released, answers):
    right, helpers = answers
    late = {**right, "avg_pool2d": "def avg_pool2d(x, *a, **k):\n    return shared(x)"}
    nb = answer(released, late, [helpers, "import scipy\nshared = abs"])
    _, graded = examine(nb)
    shown = cells_of(graded, "check-avg_pool2d").outputs[0].data["text/plain"]
    assert "which failed with ModuleNotFoundError: No module named 'scipy'" in " ".join(shown.split())
    assert "should come from" not in str(cells_of(graded, "check-max_pool2d").outputs)


def test_what_a_student_wrote_is_parsed_in_the_sandbox_alone(examine, released, answers, monkeypatch):
    parsed, parse = [], grade.plain_python
    monkeypatch.setattr(grade, "plain_python", lambda source: parsed.append(source) or parse(source))
    right, helpers = answers
    grade._compiled.cache_clear()
    examine(answer(released, right, [helpers, "1 / 0", "%time x = 1"]))
    released_sources = {cell.source for cell in released.cells}
    assert parsed and set(parsed) <= released_sources


@pytest.fixture
def examine_with(source, zygote, released, answers):
    """Grade right answers with another check of `avg_pool2d`; return ({grade_id: score}, what that check shows)."""

    def examine(check, budget):
        right, helpers = answers
        plan = replace(source.plan, locked={**source.plan.locked, "check-avg_pool2d": check})
        nb = reader.compose(reader.submitted_cells(answer(released, right, [helpers])), source)
        scores = NotebookGrader(plan, zygote, 1, budget).run(nb.cells)
        return scores, cells_of(nb, "check-avg_pool2d").outputs[-1]["evalue"]

    return examine


def test_a_check_that_computes_for_ever_is_a_failed_check(examine_with):
    start, before = time.monotonic(), (sys.stdout, sys.stderr)
    scores, message = examine_with("while True:\n    pass", Budget(cell=1, notebook=4))
    assert (sys.stdout, sys.stderr) == before and sys.exc_info()[0] is None, "the next submission prints as before"
    assert time.monotonic() - start < 4 + GRACE + BUSY
    assert scores["check-avg_pool2d"] == 0 and scores["check-max_pool2d"] == 8
    assert message.startswith("This check was ended. The time for the whole notebook, 4 s, is used up; cell [")
    assert "check-avg_pool2d, took most of it" in message


def test_a_check_that_takes_all_memory_is_a_failed_check(examine_with, monkeypatch):
    monkeypatch.setattr(grade, "MAX_CHECK_MEMORY", 100 << 20)
    scores, message = examine_with("len(bytearray(200 << 20)) * 0 + 5", Budget(cell=3, notebook=30))
    assert scores["check-avg_pool2d"] == 0 and sum(scores.values()) == FULL - 5
    assert message == "The check needed more memory than a check may take."


BUILDS_ON_WHAT_IS_WRONG = {
    "pool_output_shape": "def pool_output_shape(*args, **kwargs):\n    return defined_below(*args, **kwargs)",
    "max_pool2d": "def max_pool2d(*args, **kwargs):\n    return pool_output_shape(*args, **kwargs)",
    "avg_pool2d": "def avg_pool2d(*args, **kwargs):\n    return pool_output_shape(*args, **kwargs)",
}


def test_helpers_are_lent_when_all_checks_have_run_and_in_the_notebooks_order(examine, released, monkeypatch):
    ran, check = [], NotebookGrader._run_check
    monkeypatch.setattr(
        NotebookGrader, "_run_check", lambda self, *args: ran.append((args[0], *args[2:])) or check(self, *args)
    )
    nb = answer(released, BUILDS_ON_WHAT_IS_WRONG)
    nb.cells.append(nbformat.v4.new_code_cell("def defined_below(*args, **kwargs):\n    return 0"))
    scores, _ = examine(nb)
    assert total(scores) == 0
    number = next(number for number, run in enumerate(ran) if len(run) == 2)
    assert {name for name, *_ in ran[12:number]} >= {f"check-{name}" for name in BUILDS_ON_WHAT_IS_WRONG}
    tasks = ["max_pool2d", "avg_pool2d", "lp_pool2d", "max_pool2d_backward", "avg_pool2d_backward"]
    assert [name for name, lent in ran[number:]] == [f"check-{task}" for task in tasks]
    assert [sorted(lent) for _, lent in ran[number:]] == [["pool_output_shape"]] * 3 + [
        ["max_pool2d", "pool_output_shape"], ["pool_output_shape"]
    ]  # fmt: skip


def test_a_fault_in_a_helper_is_paid_once_and_its_page_says_so(examine, released):
    reference = {solution.name: solution.code for solution in weave.woven(ROOT, "pooling").solutions}
    wrong = "def pool_output_shape(*args, **kwargs):\n    return 1, 1"
    scores, nb = examine(answer(released, {**reference, "pool_output_shape": wrong}))
    assert scores["check-pool_output_shape"] == 0 and total(scores) == FULL - 5
    message = "This counts with a right pool_output_shape in the place of yours, which fails its own check."
    shown = [cell.metadata.nbgrader.grade_id for cell in nb.cells if message in str(cell.get("outputs"))]
    calls_it = ["max_pool2d", "avg_pool2d", "lp_pool2d", "avg_pool2d_backward"]
    assert shown == [f"check-{name}" for name in calls_it]


CHANNELS = """\
def channel_max_pool(x, pool_size):
    return x.reshape(len(x), -1, pool_size, *x.shape[2:]).max(2)"""


def test_second_runs_take_from_the_time_of_the_notebook(examine, released):
    """Two would wait for ever with what is lent to them: what was earned before stands."""
    answers = {"pool_output_shape": "def pool_output_shape(*a):\n    return 0\nmine = pool_output_shape"}
    for name in ("max_pool2d", "avg_pool2d"):
        waits = f"import time\ndef {name}(*args, **kwargs):\n    while pool_output_shape is not mine:\n        "
        answers[name] = waits + "time.sleep(1)"
    nb = answer(released, {**answers, "channel_max_pool": CHANNELS})
    start = time.monotonic()
    scores, _ = examine(nb, Budget(cell=2, notebook=5))
    assert time.monotonic() - start < 5 + GRACE + BUSY
    assert total(scores) == scores["check-channel_max_pool"] == 3
