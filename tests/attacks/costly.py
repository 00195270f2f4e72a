"""Submissions that try to cost more than they may: the grader's time and memory, the sandbox's, a reader's patience.

As in `submissions`, task 1 is answered rightly and nothing else is. `COSTLY` holds them all; `make test` grades the
`SAMPLE`, `make test-full` all of them.
"""

import nbformat

from tests.attacks.submissions import answer_of, of_cells, of_notebook

COSTLY = []


def _cells(name, family, description, *sources, last=True, **answers):
    COSTLY.append(of_cells(name, family, description, *sources, last=last, stock=False, **answers))


def _notebook(name, family, description, **options):
    def add(function):
        COSTLY.append(of_notebook(name, family, description, function, stock=False, **options))
        return function

    return add


# --- malformed replies: written to the grader's socket in the place of the answer ---------------------------------

M = "malformed replies"
_WIRE = """\
import json, os, socket, stat, struct, sys, time
def channels():
    for fd in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                channel = socket.socket(fileno=os.dup(fd))
                channel.setblocking(True)
                yield channel
        except OSError:
            pass
def asked():
    frame = sys._getframe()
    while frame:
        if 'request' in frame.f_locals:
            return frame.f_locals['request'][0]
        frame = frame.f_back
def send(text, arrays=b'', claims=None):
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    for channel in channels():
        channel.sendall(struct.pack('!IQ', len(text), len(arrays) if claims is None else claims) + text + arrays)
def reply(value, arrays=b'', claims=None):
    outcome = '["t", "ok", %s, "", false, false, false]' % (value if isinstance(value, str) else json.dumps(value))
    send(('["t", "reply", %d, %s]' % (asked(), outcome)).encode(), arrays, claims)
"""


def _reply(name, description, expression, arrays="b''", claims="None"):
    body = f"reply({expression}, {arrays}, {claims})\ntime.sleep(0.2)\nreturn 0"
    _cells(name, M, description, _WIRE, last=False, **answer_of("max_pool2d", body))


_reply(
    "dtype_of_a_million", "an element of a million numbers", "['a', '(1000000,)f8', [9], [8], 0, 8, True]", "bytes(8)"
)
_reply("dtype_of_many_fields", "a type with 100,000 fields", "['a', 'f8,' * 100000, [1], [8], 0, 8, True]", "bytes(8)")
_reply("strides_of_zero", "a gigabyte by strides of zero", "['a', '<f8', [1 << 27], [0], 0, 8, True]", "bytes(8)")
_reply("strides_outside", "strides that lead out of its memory", "['a', '<f8', [4], [-800], 0, 32, True]", "bytes(32)")
_reply("length_below_nothing", "a length below nothing", "['a', '<f8', [1], [8], 0, -8, True]", "bytes(8)")
_reply(
    "empty_and_endless", "an array that is empty and a billion long", "['a', '<f8', [1 << 30, 0], [8, 8], 0, 0, True]"
)
_reply("ten_thousand_axes", "an array of 10,000 axes", "['a', '<f8', [1] * 10000, [8] * 10000, 0, 8, True]", "bytes(8)")
_reply("shape_of_texts", "a shape of texts", "['a', '<f8', ['1', None, 1.5, True], [8] * 4, 0, 8, True]", "bytes(8)")
_reply("arrays_never_sent", "128 MB of arrays, and sends none", "0", claims="128 << 20")
_reply("long_integer", "an integer of a million digits", "'9' * 1000000")
_reply("no_numbers", "NaN and infinity where numbers of JSON belong", "'[\"c\", NaN, Infinity, -Infinity]'")
_reply(
    "colliding_keys",
    "100,000 keys that are stored in one place",
    "['d'] + [[n * (2**61 - 1), 0] for n in range(100000)]",
)
_reply(
    "keys_of_containers",
    "keys that are lists and arrays",
    "['d', [['l', 1], 0], [['t', ['d']], 0], [0.5, 0], [None, 0]]",
)
_reply("long_keys", "keys of 700,000 characters", "['d'] + [['k' * 700000 + str(n), 0] for n in range(10)]")
_reply("deep_reply", "a list nested 100,000 deep", "'[\"l\",' * 100000 + '0' + ']' * 100000")
_reply("wide_reply", "a million lists", "['l'] + [['l']] * 1000000")
_reply("unknown_parts", "tags that nobody knows", "['l', [], [0], ['z', 1], {'a': 1}, ['f', -1], ['f', 'x']]")
_reply("text_of_megabytes", "a text of 7 MB", "'\"' + 'x' * 7000000 + '\"'")
_reply("functions_without_number", "150,000 functions", "['l'] + [['f', n] for n in range(150000)]")
_cells(
    "drop_by_drop",
    M,
    "sends a reply a byte at a time, for ever",
    _WIRE,
    last=False,
    **answer_of(
        "max_pool2d",
        """\
while True:
    for channel in channels():
        channel.sendall(b'\\0')
    time.sleep(0.01)""",
    ),
)
_cells(
    "answers_in_advance",
    M,
    "sends replies to the next 100 requests before they come",
    _WIRE,
    last=False,
    **answer_of(
        "max_pool2d",
        """\
for number in range(asked(), asked() + 100):
    send(['t', 'reply', number, ['t', 'ok', 8.0, '', False, False, False]])
return 0""",
    ),
)
_cells(
    "odd_questions",
    M,
    "asks for functions that were never passed",
    _WIRE,
    last=False,
    **answer_of(
        "max_pool2d",
        """\
for what in (-1, 10**6, True, None, 'x', ['l']):
    send(['t', 'ask', 1, 'callback', what, ['l'], ['d']])
send(['t', 'ask', ['l'], 'provided', 'max_pool2d', 0, 0])
return 0""",
    ),
)

# --- large answers ------------------------------------------------------------------------------------------------

A = "large answers"


def _answer(name, description, body, task="max_pool2d"):
    _cells(name, A, description, "import numpy as np", last=False, **answer_of(task, body))


_answer("list_of_texts", "100,000 texts, one of them long", "return ['x'] * 100000 + ['x' * 100000]")
_answer("small_numbers", "120 million numbers of a byte", "return np.zeros(120 << 20, np.int8)")
_answer("long_doubles", "numbers of 16 bytes", "return np.zeros(4 << 20, np.longdouble)")
_answer("complex_numbers", "complex numbers", "return np.full((1, 1, 1000, 1000), 1j * np.inf)")
_answer("sixty_axes", "an array of 60 axes", "return np.zeros((1,) * 60)")
_answer("ragged", "lists of unequal length", "return [[0.0] * n for n in range(500)]")
_answer("doubled_lists", "a list that doubles 40 times", "a = [1]\nfor _ in range(40):\n    a = [a, a]\nreturn a")
_answer("many_arrays", "9,000 arrays by name", "return {str(n): np.zeros(2) for n in range(9000)}")
_answer("many_functions", "900 functions", "return [lambda: 0 for _ in range(900)]")
_answer(
    "evidence_of_millions", "a picture of 8 million numbers", "return True, np.zeros((1, 1, 2048, 4096))", "claim_shift"
)
_answer("evidence_of_texts", "a million words", "return False, ['max'] * 100000, 'x' * 1000000", "claim_relu")
_answer(
    "evidence_without_end", "pictures of infinity", "return False, np.full((9, 9, 9, 9), np.inf)", "claim_equivariance"
)
_answer(
    "odd_size", "numbers that are too large to square", "return np.full(args[0].shape, 1e308)", "max_pool2d_backward"
)
_cells(
    "slow_to_hand_over",
    A,
    "a dict whose items take a minute each",
    """\
import time
class Slow(dict):
    def items(self):
        time.sleep(60)
        return ()""",
    last=False,
    **answer_of("max_pool2d", "return Slow(a=1)"),
)
_cells(
    "slow_to_look_up",
    A,
    "puts such a dict in the place of a function, which every check looks for",
    "import time\nclass Slow(dict):\n    def items(self):\n        time.sleep(60)\n        return ()",
    last=False,
    max_pool2d="max_pool2d = Slow(a=1)",
)

# --- outputs without number ---------------------------------------------------------------------------------------

O = "outputs without number"
_cells(
    "outputs_of_many_cells", O, "displays 190 things in each of 100 cells", *["for n in range(190): display(n)"] * 100
)
_cells("rows_of_letters", O, "prints a letter at a time, a million times", "for n in range(10**6): print('x', end='')")
_cells(
    "alternating",
    O,
    "prints and displays in turn",
    "for n in range(5000):\n    print(n)\n    display(n)",
)
_cells(
    "helper_thread",
    O,
    "prints in a helper thread that goes on after the cell",
    """\
import threading, time
def talk():
    while True:
        print('x' * 1000)
        time.sleep(0.001)
for _ in range(4):
    threading.Thread(target=talk, daemon=True).start()""",
    last=False,
)
_cells(
    "outputs_put_in",
    O,
    "puts 60,000 outputs past the sandbox's own bound",
    """\
outputs = get_ipython().__class__.keep.__globals__['OUTPUTS']
one = {'output_type': 'display_data', 'data': {'text/plain': 'x'}, 'metadata': {}}
outputs.items.extend(dict(one) for _ in range(60000))""",
)
_cells(
    "long_traceback",
    O,
    "raises an error of 1,000 causes",
    "def f(n):\n    try:\n        1 / 0\n    except Exception:\n        f(n - 1) if n else 1 / 0\nf(300)",
)
_cells(
    "pictures_of_blanks",
    O,
    "shows pictures of a million blanks",
    *["display({'image/png': ' ' * 1_000_000}, raw=True)"] * 20,
)
_cells(
    "page_in_pieces",
    O,
    "prints what opens a rule of style, and closes it in the last cell",
    "print('@font-face{' * 80_000)",
    "print('}')",
)
_cells("quotes", O, "prints what becomes six times as long on a page", *["print('\"\"<>' * 250_000)"] * 16)
_cells(
    "turned_writing", O, "prints what turns the writing around", "print('\\u202e' * 1000 + '\\u2066\\x9b2J\\r' * 1000)"
)

# --- time ---------------------------------------------------------------------------------------------------------

T = "time"
_DEAF = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\nwhile True:\n    pass"
_cells("deaf_cells", T, "has ten cells that never end and listen to nothing", *[_DEAF] * 10)
_cells(
    "slow_replays",
    T,
    "ends its process in every call, and takes long until all cells have run again",
    *["import time\ntime.sleep(1.5)"] * 4,
    last=False,
    **answer_of("max_pool2d", "import os\nos._exit(0)"),
    **answer_of("avg_pool2d", "import os\nos._exit(0)"),
    **answer_of("lp_pool2d", "import os\nos._exit(0)"),
)
_cells(
    "endless_replays",
    T,
    "has a definition that never ends when it is made again",
    "import time\ndef later(function):\n    time.sleep(3600)",
    "import os\nif True:\n    os._exit(0)\n@later\ndef g():\n    pass",
    last=True,
)
_cells(
    "late_calls",
    T,
    "sleeps in every call of every function",
    "import time",
    last=False,
    **{
        name: source
        for task in ("max_pool2d", "avg_pool2d", "lp_pool2d", "adaptive_avg_pool2d", "channel_max_pool", "claim_shift")
        for name, source in answer_of(task, "time.sleep(3600)").items()
    },
)
_cells("waits_for_a_word", T, "waits for somebody to type", "input('password: ')", "import sys\nsys.stdin.read()")
_cells(
    "shell_commands",
    T,
    "runs programs and magics",
    "!sleep 3600",
    "%timeit -n 1000000000 sum(range(10))",
    "%%bash\nsleep 3600",
)
_cells("slow_magic", T, "hands in a million empty lines", "\n" * 500_000 + "1?")
_cells(
    "figures",
    T,
    "draws 300 figures and closes none",
    "import matplotlib.pyplot as plt\nfor n in range(300):\n    plt.figure()\n    plt.plot([n])",
)
_cells(
    "slow_farewell",
    T,
    "takes an hour to end",
    """\
import atexit, signal, time
for number in set(range(1, 64)) - {9, 19, 32, 33}:
    signal.signal(number, lambda *a: time.sleep(3600))
atexit.register(time.sleep, 3600)
raise SystemExit""",
)

# --- processes and memory ----------------------------------------------------------------------------------------

P = "processes and memory"
_cells(
    "outlives",
    P,
    "leaves a process that keeps the socket, in a session of its own, and asks not to die with its parent",
    """\
import ctypes, os, signal, time
ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))
        time.sleep(600)
    os._exit(0)
os._exit(0)""",
)
_cells(
    "forks_of_memory",
    P,
    "spreads 3 GB over 15 processes",
    """\
import os, time
for _ in range(15):
    if os.fork() == 0:
        held = bytearray(b'x') * (200 << 20)
        time.sleep(60)
        os._exit(0)
time.sleep(3)""",
)
_cells(
    "programs_of_memory",
    P,
    "spreads 3 GB over 12 programs that were started afresh",
    """\
import subprocess, sys, time
hold = "import time; held = bytearray(b'x') * (250 << 20); time.sleep(60)"
for _ in range(12):
    subprocess.Popen([sys.executable, '-S', '-c', hold])
time.sleep(3)""",
)
_cells(
    "shared_memory",
    P,
    "holds 1.5 GB in memory that its processes share",
    """\
import mmap, os, time
held = mmap.mmap(-1, 1500 << 20)
for n in range(0, len(held), 4096):
    held[n] = 1
os.fork()""",
)
_cells(
    "full_pipes",
    P,
    "fills pipes, whose memory is the kernel's",
    """\
import fcntl, os
for _ in range(50):
    ends = os.pipe()
    try:
        fcntl.fcntl(ends[1], 1031, 1 << 20)
    except OSError:
        pass
    os.set_blocking(ends[1], False)
    try:
        os.write(ends[1], bytes(1 << 20))
    except OSError:
        pass""",
)
_cells(
    "stopped",
    P,
    "stops itself and all of its children",
    """\
import os, signal, time
for _ in range(4):
    if os.fork() == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
os.kill(os.getpid(), signal.SIGSTOP)""",
)
_cells(
    "many_files",
    P,
    "makes files in /tmp until it may not",
    "import os\nfor n in range(10000):\n    open(f'/tmp/{n}', 'w').write('x')",
)


# --- what is read of a file, and shown of it --------------------------------------------------------------------

N = "notebooks that cost"


def _add(nb, *cells):
    nb.cells += cells
    return nb


@_notebook("formulas", N, "writes 500 formulas that take long to set")
def _formulas(nb):
    formula = r"$\frac{" * 60 + "x" + r"}{y}$" * 60
    return _add(nb, *[nbformat.v4.new_markdown_cell(f"{formula} ${'{' * 400}$ $$\\sqrt{{x}}$$") for _ in range(500)])


@_notebook("expanding_formulas", N, "writes formulas that double with every letter")
def _expanding(nb):
    macros = "".join(rf"\def\{a}{{\{b}\{b}}}" for a, b in zip("abcdefghij", "bcdefghijk"))
    return _add(nb, nbformat.v4.new_markdown_cell(rf"${macros}\a$ $\sideset{{_a}}{{_b}}{{{'x' * 900}}}$"))


@_notebook("brackets", N, "writes Markdown that takes long to take apart")
def _brackets(nb):
    texts = ("[" * 19_000, "![" * 9000, "[a](<b" * 3000, "a|b\n-|-\n" * 2000, "> " * 9000, "*_" * 9000)
    return _add(nb, *[nbformat.v4.new_markdown_cell(text) for text in texts * 10])


@_notebook("long_code", N, "hands in code that takes long to colour")
def _long_code(nb):
    return _add(nb, *[nbformat.v4.new_code_cell("'" + unit * 9000) for unit in ("a.", "\\N{", '"""\n', "f'{")])


@_notebook("many_attachments", N, "attaches 20,000 pictures to a cell")
def _many_attachments(nb):
    cell = nbformat.v4.new_markdown_cell("![x](attachment:1.png)")
    cell["attachments"] = {f"{n}.png": {"image/png": "aGk="} for n in range(20_000)}
    return _add(nb, cell)


@_notebook("much_metadata", N, "hands in metadata of 8 MB, nested 400 deep")
def _much_metadata(nb):
    deep = {}
    for _ in range(400):
        deep = {"a": deep}
    nb.metadata["deep"], nb.metadata["long"] = deep, "x" * (8 << 20)
    return nb


@_notebook("much_text", N, "hands in 20 MB of text in 1,000 cells")
def _much_text(nb):
    return _add(nb, *[nbformat.v4.new_markdown_cell("<&\"'" * 5000) for _ in range(1000)])


@_notebook("long_numbers", N, "hands in a number of 200,000 digits", earns=0.0)
def _long_numbers(nb):
    return '{"cells": [], "nbformat": ' + "4" * 200_000 + "}"


@_notebook("outputs_handed_in", N, "hands in 30,000 outputs of its own")
def _outputs_handed_in(nb):
    shown = [nbformat.v4.new_output("display_data", {"text/html": "<script>1</script>"}) for _ in range(30_000)]
    return _add(nb, nbformat.v4.new_code_cell("", outputs=shown))


_SAMPLE = {
    "dtype_of_a_million", "strides_of_zero", "colliding_keys", "deep_reply", "evidence_of_millions", "helper_thread",
    "outputs_put_in", "outlives", "turned_writing", "much_text",
}  # fmt: skip
SAMPLE = [attack for attack in COSTLY if attack.name in _SAMPLE]
