"""Who is in the sample class, and what each of them hands in: sixteen stories told by hand, and others by a seed.

The stories decide the scores of the sixteen. Of the others each has a skill; a task that goes wrong gets one of the
slips of `tools.sample_slips`, is left out, or is not Python. Who copies, who is late, who hands in twice and who falls
behind stands in `HABITS`.
"""

import math
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import nbformat
import numpy as np
from nbformat import NotebookNode

from tools.sample_slips import SLIPS, Edit

STEMS = ("shapes", "pooling")  # in the order of the course
SEED = 2026
SIZE = 120
FIRST = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)  # when the first of the sixteen hands in, the others after her
DUE = {"shapes": datetime(2026, 9, 14, 22, tzinfo=UTC), "pooling": datetime(2026, 9, 28, 22, tzinfo=UTC)}


@dataclass(frozen=True)
class Work:
    """What one student hands in to one assignment.

    Parameters
    ----------
    name : str
        The student.
    story : str
        What it is, in a few words.
    style : int or mapping, optional
        In which style of answers; or in which to each task. None: the woven solution.
    edits : tuple of Edit
    change : function, optional
        What happens to the finished notebook.
    loses : tuple of str
        The tasks that earn nothing.
    left_out : tuple of str
        The tasks without an answer, which earn nothing either.
    blank, unreadable : bool
    words : str
        The answer to the question that is graded by hand; "" is drawn while it is written.
    hand : int, optional
        Who wrote it: see `tools.handwriting`. None: as it stands in the file of answers.
    moment : datetime, optional
        When it was handed in.
    draft : Work, optional
        What was handed in before.
    """

    name: str
    story: str
    style: int | Mapping[str, int] | None = None
    edits: tuple[Edit, ...] = ()
    change: Callable[[NotebookNode], None] | None = None
    loses: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    blank: bool = False
    unreadable: bool = False
    words: str = ""
    hand: int | None = None
    moment: datetime | None = None
    draft: "Work | None" = None

    @property
    def kind(self) -> str:
        """What is counted of those who have no story of their own."""
        return self.story.partition(" from ")[0]


# --- the sixteen -------------------------------------------------------------------------------------------------


def cells(notebook: NotebookNode, *names: str) -> list[NotebookNode]:
    """Return the cells of these names, as far as the assignment has them."""
    return [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") in names]


def replace_cells(**texts: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        for name, text in texts.items():
            for cell in cells(notebook, name):
                cell.source = text

    return change


def _delete(name: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        for cell in cells(notebook, name):
            notebook.cells.remove(cell)

    return change


def _noisy(notebook: NotebookNode) -> None:
    for cell in cells(notebook, "avg_pool2d", "lp_pool2d"):
        head, _, body = cell.source.rpartition("def ")
        first, rest = body.split("):\n", 1)
        loud = "    import warnings\n\n    warnings.warn('large')\n    print(x.shape)\n"
        cell.source = f"{head}def {first}):\n{loud}{rest}"


def _own_cells(notebook: NotebookNode) -> None:
    """Helper functions in a cell of their own, another order of cells, a plot."""
    helper = nbformat.v4.new_code_cell("def biggest(window):\n    return window.max(axis=(-2, -1))", id="own-helper")
    plot = nbformat.v4.new_code_cell(
        "import matplotlib.pyplot as plt\n\nplt.plot(np.arange(3))\nplt.show()", id="own-plot"
    )
    notebook.cells.insert(1, helper)
    notebook.cells.append(plot)


BARE = {
    "claim_restored": "def claim_restored(n, k, s, p):\n    return True",
    "claim_half_padding": "def claim_half_padding():\n    return False",
    "claim_shift": "def claim_shift():\n    return False",
    "claim_equivariance": "def claim_equivariance(shift, stride):\n    return True",
    "claim_relu": "def claim_relu():\n    return False",
    "claim_trainable": "def claim_trainable(x, p):\n    return True",
}
STORIES = (
    Work("ada", "right, the woven solution"),
    Work("bela", "right, in plain loops", style=0),
    Work("chen", "right, by views of windows", style=1),
    Work("dana", "right, in a third style", style=2),
    Work("emil", "max pooling pads with zeros", style=1, edits=(
        Edit("max_pool2d", "windows", "np.pad(x, widths, constant_values=lowest(x))", "np.pad(x, widths)", 5 / 8),
    )),
    Work("fay", "the gradient is assigned where windows overlap", style=0, edits=(
        Edit("max_pool2d_backward", "loops", "gx[b, c, row, column] +=", "gx[b, c, row, column] =", 2 / 7),
    )),
    Work("gus", "always counts the padding", style=0, edits=(
        Edit("avg_pool2d", "loops", "(area if count_include_pad else seen)", "area", 5 / 7),
        Edit("avg_pool2d_backward", "slices", "(area if count_include_pad else seen)", "area", 4 / 5),
    )),
    Work("hana", "never drops the window that starts past the input; forgets the root", style=2, edits=(
        Edit("pool_output_shape", "formula", "size -= 1", "pass", 3 / 5),
        Edit("lp_pool2d", "windows", "(powers ** (1 / norm_type))", "powers", 0),
    )),
    Work("ivo", "hands in a blank notebook", blank=True),
    Work("jun", "one cell is not Python, one function raises", style=0, change=replace_cells(
        max_pool2d="def max_pool2d(x, kernel_size, stride=None:\n    return x",
        lp_pool2d="def lp_pool2d(*args, **kwargs):\n    raise ValueError('I give up')",
    ), loses=("max_pool2d", "lp_pool2d")),
    Work("kim", "an endless loop in one function", style=1, loses=("lp_pool2d",), change=replace_cells(
        lp_pool2d="def lp_pool2d(*args, **kwargs):\n    while True:\n        pass",
    )),
    Work("lena", "hands in something that is not a notebook", blank=True, unreadable=True),
    Work("max", "deleted the cell of a task", style=2, change=_delete("max_pool2d"), loses=("max_pool2d",)),
    Work("nora", "judges the claims without evidence", style=1, change=replace_cells(**BARE), loses=tuple(BARE)),
    Work("olga", "right, but prints and warns", style=0, change=_noisy),
    Work("pete", "right, with helper cells and a plot of their own", style=2, change=_own_cells),
)  # fmt: skip
EARLIER = {  # what some of them did in the assignment before, where all others were right
    "emil": ("adds the padding once", (Edit("conv_output_shape", "formula", "n + 2 * p -", "n + p -", 1 / 6),)),
    "hana": ("never drops the window that starts past the input", (STORIES[7].edits[0],)),
}


def told(stem: str) -> list[Work]:
    """Return what the sixteen hand in."""
    works = []
    for number, work in enumerate(STORIES):
        moment = FIRST + timedelta(minutes=10 * number)
        if stem != "pooling":
            story, edits = EARLIER.get(work.name, ("right", ()))
            work = Work(work.name, story, work.style, edits)
            moment -= DUE["pooling"] - DUE[stem]
        works.append(replace(work, moment=moment))
    return works


# --- the others --------------------------------------------------------------------------------------------------

FULL_NAMES = """
Amara Okafor, Mateo Álvarez, Yuki Tanaka, Priya Raghavan, Łukasz Żak, Fatima Zahra El Idrissi, Liam O'Brien,
Sofía Herrera, Anouk de Vries, Kwame Mensah, Ingrid Solberg, Thiago Moreira, Zeynep Yılmaz, Minh Nguyễn,
Aisha Bello, Jakub Novák, Mei-Ling Wu, Oluwaseun Adeyemi, Clara Baumann, Rahul Deshmukh, Noor Haddad,
Viktor Petrov, Camille Lefèvre, Tomás Ribeiro, Hye-jin Park, Samuel Osei, Elif Demir, Giulia Rinaldi, Arjun Nair,
Freya Nielsen, Pablo Quispe, Leila Hosseini, Bram Janssens, Chiara Conti, Dmitri Volkov, Esi Asante,
Felix Brunner, Gabriela Nowak, Hamza Qureshi, Isla MacLeod, Jorge Ramírez, Kavya Iyer, Lars Eriksson,
Maya Goldberg, Nikos Papadopoulos, Oksana Shevchenko, Pedro Carvalho, Qing Zhao, Rosa Jiménez, Sven Lindqvist,
Tala Mansour, Uma Krishnan, Valentina Rossi, Wei Zhang, Xiomara Vargas, Yusuf Abdi, Zofia Kowalska,
Abebe Tesfaye, Birgit Hofer, Cem Kaya, Delphine Girard, Enzo Moretti, Farah Siddiqui, Goran Horvat, Hugo Martins,
Irina Popescu, Jamal Washington, Katarína Kováčová, Linh Trần, Marek Dvořák, Nadia Rahman, Omar Farouk,
Paula Schneider, Quentin Dubois, Ren Fujimoto, Selma Kovačević, Tariq Aziz, Ulrike Vogel, Vera Smirnova,
William Turner, Ximena Castro, Yara Nasser, Zoltán Kiss, Aroha Ngata, Beatriz Souza, Chidi Eze, Dóra Szabó,
Emre Şahin, Frida Johansson, Grace Wanjiru, Hiroshi Mori, Ioana Stan, Joana Pinto, Kofi Boateng, Lucía Torres,
Matti Virtanen, Nina Weber, Otto Keller, Petra Zupan, Rania Khoury, Siddharth Menon, Tuan Phạm, Vusi Dlamini,
Youssef Benali
"""
COPIES = {5: 1, 23: 12, 37: 20, 52: 51, 71: 64, 90: 71}  # who copies from whom, by their places in the list above
TWICE = (3, 46)  # who hand in twice
ONCE = (8,)  # who hands in the first assignment alone
BEHIND = (2, 19, 33, 48, 66, 80, 97)  # whom the second assignment finds unprepared
UNFINISHED = (7, 28, 55, 77, 101)  # who stop somewhere
UNPROVEN = (4, 30, 44, 60, 85, 99)  # who judge claims without evidence
BROKEN = (9, 62, 93)  # in whose notebook one cell is not Python
LATE = {6: "minutes", 25: "minutes", 58: "minutes", 88: "minutes", 9: "hours", 41: "hours", 63: "hours", 10: "days"}
LATE |= {94: "hours", 35: "days", 74: "days"}
HARD = {  # how much harder than others tasks are
    "trace_shapes": 2.0, "conv_input_range": 1.6, "same_padding_strided": 1.4, "max_pool2d": 1.8,
    "max_pool2d_backward": 2.0, "avg_pool2d_backward": 1.5, "claim_trainable": 1.5, "channel_max_pool": 0.5,
}  # fmt: skip
WORDS = {
    "shapes": (
        (
            "TensorFlow adds one zero at the end for an even size, PyTorch's padding=1 adds one at both ends. So all "
            "windows are shifted by one pixel. For odd sizes both are the same. Use F.pad with (0, 1, 0, 1)."
        ),
        "Padding is placed differently: after the image in TensorFlow, on both sides in PyTorch. Pad by hand.",
        "The sizes agree but the windows do not start at the same pixel. Happens for even inputs only.",
        "I think the weights are stored in another order in TensorFlow, so they have to be transposed.",
        "PyTorch rounds the output size differently. One should use ceil_mode.",
        "Even input: the total padding is 1, and it goes right/bottom. Mend: pad (0, 1) first, then padding=0.",
    ),
    "pooling": (
        "Where the shapes are is lost, only that they are there is kept. Keep a larger map, or feed coordinates too.",
        "Pooling everything makes the network blind to left and right. Use strided convolutions, or pool less.",
        "The max over the whole map forgets the position. Read the last layer from the unpooled map instead.",
        "Pooling makes it invariant to shifts, and the task is about a shift. Add two channels with x and y.",
        "Too much information is thrown away. A bigger network and more data would help.",
        "It overfits because of the pooling, so I would add dropout and train longer.",
    ),
}


def full_name(number: int) -> tuple[str, str]:
    """Return the first and the last name of the student at a place of the list."""
    first, _, last = FULL_NAMES.replace("\n", " ").split(", ")[number].strip().partition(" ")
    return first, last


def name_of(number: int) -> str:
    """Return the name under which a student hands in: the first name, in letters from a to z."""
    first = full_name(number)[0].translate(str.maketrans("Łłı", "Lli"))
    return unicodedata.normalize("NFKD", first).encode("ascii", "ignore").decode().lower()


def students(size: int = SIZE) -> dict[str, tuple[str, str]]:
    """Return the class: {student: (first name, last name)}, the sixteen first."""
    told_of = {work.name: (work.name.title(), "") for work in STORIES}
    return told_of | {name_of(number): full_name(number) for number in range(size - len(STORIES))}


def works(stem: str, size: int = SIZE, seed: int = SEED) -> list[Work]:
    """Return what a class of `size` students hands in to an assignment, those first whose stories are told."""
    numbers = [number for number in range(size - len(STORIES)) if stem == STEMS[0] or number not in ONCE]
    return told(stem) + [drawn(stem, number, seed) for number in numbers]


def drawn(stem: str, number: int, seed: int = SEED) -> Work:
    """Return what the student at a place of the list hands in, drawn by the seed."""
    rng = np.random.default_rng([seed, STEMS.index(stem), number])
    hand = int(rng.integers(1 << 31))
    if number in COPIES and (stem == STEMS[-1] or number % 2):
        other = drawn(stem, COPIES[number], seed)
        moment = other.moment and other.moment + timedelta(minutes=int(rng.integers(20, 300)))
        return replace(
            other, name=name_of(number), story=f"copied from {other.name}", hand=hand, moment=moment, draft=None
        )
    skill = float(np.random.default_rng([seed, number]).beta(6, 1.3))
    if number in BEHIND and stem == STEMS[-1]:
        skill *= 0.45
    work = _attempt(stem, number, skill, rng)
    work = replace(work, hand=hand, moment=_moment(stem, number, rng), words=str(rng.choice(WORDS[stem])))
    if number in TWICE and work.moment:
        tasks = _tasks(stem)
        first = replace(work, left_out=tuple(tasks[len(tasks) // 2 :]), moment=work.moment - timedelta(hours=19))
        work = replace(work, story="handed in twice", draft=first)
    return work


def _tasks(stem: str) -> list[str]:
    """List the tasks of an assignment that slips are known of, in their order."""
    return list(dict.fromkeys(edit.task for edit in SLIPS[stem]))


def _attempt(stem: str, number: int, skill: float, rng: np.random.Generator) -> Work:
    """Draw what goes wrong for somebody of this skill, and how the rest is written."""
    tasks = _tasks(stem)
    styles = {task: int(rng.choice(3, p=[0.16, 0.42, 0.42])) for task in tasks}
    edits, left_out = [], []
    for task in tasks:
        if rng.random() < skill ** HARD.get(task, 1.0):
            continue
        if rng.random() < 0.25 + 0.3 * (skill < 0.5):
            left_out.append(task)
        else:
            slips = [edit for edit in SLIPS[stem] if edit.task == task]
            weights = 1 / np.arange(1, len(slips) + 1)
            edits.append(slips[int(rng.choice(len(slips), p=weights / weights.sum()))])
    story = "with slips" if edits or left_out else "right"
    work = Work(name_of(number), story, styles, tuple(edits), left_out=tuple(left_out))
    if number in BEHIND and stem == STEMS[-1]:
        work = replace(work, story="fell behind")
    if number in UNFINISHED:
        rest = tasks[int(rng.integers(3, len(tasks) - 2)) :]
        work = replace(work, story="stopped somewhere", left_out=(*left_out, *rest))
    if number in UNPROVEN:
        work = replace(work, story="claims without evidence", change=replace_cells(**BARE), loses=tuple(BARE))
    if number in BROKEN:
        task = tasks[int(rng.integers(len(tasks)))]
        work = replace(work, story="one cell is not Python", change=_cut_off(task), loses=(task,))
    return work


def _cut_off(task: str) -> Callable[[NotebookNode], None]:
    """Leave a bracket open at the end of a cell."""

    def change(notebook: NotebookNode) -> None:
        for cell in cells(notebook, task):
            cell.source += "\n    print("

    return change


def _moment(stem: str, number: int, rng: np.random.Generator) -> datetime:
    """Draw when somebody hands in: most do on the last evenings."""
    late = LATE.get(number) if stem == STEMS[-1] or number % 2 else None
    hours = {
        None: -math.ceil(min(float(rng.exponential(22)), 160) * 60) / 60,
        "minutes": float(rng.uniform(0.02, 0.4)),
        "hours": float(rng.uniform(2, 11)),
        "days": float(rng.uniform(26, 75)),
    }
    return (DUE[stem] + timedelta(hours=hours[late])).replace(microsecond=0)
