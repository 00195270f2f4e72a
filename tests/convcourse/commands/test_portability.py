"""What is not there where submissions are graded is said at home: modules, helper files, data."""

import pytest
from nbformat import v4

from convcourse.commands.portability import differences


def said(folder, *sources):
    return list(differences(v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources]), folder))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "helpers.py").write_text("x = 1")
    (tmp_path / "data").mkdir()
    for name in ("numbers.npy", "data/more.csv", "digits.json", "digits.safetensors", "pooling.ipynb"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\nfrom matplotlib import pyplot as plt\nimport math, collections.abc",
        "from convcourse.provided import conv2d\n%matplotlib inline\n!ls\n    %time x = 1",
        "from . import nothing\nx = 'no_such_file.npy'\ny = 'digits.json'\nz = open('digits.safetensors')",
        "import numpy = 3",
        "text = '''import torch'''  # import scipy",
        "f = 'a' * 3, '', 'x\\0y', '.', '..'",
    ],
)
def test_what_grading_has_is_not_mentioned(folder, source):
    assert said(folder, source) == []


def test_a_module_is_found_wherever_it_is_imported(folder):
    (message,) = said(folder, "%%time\nimport torch", "def f():\n    from scipy.signal import convolve2d\n    return 1")
    assert message.startswith("scipy, torch: imported here, and not there where submissions are graded")


@pytest.mark.parametrize("before", ["%matplotlib inline\n", "print('a %d'\n      % 3)\n"], ids=["magic", "operator"])
def test_a_module_is_found_beside_magics_and_the_operator_that_looks_like_one(folder, before):
    assert "scipy: imported here" in str(said(folder, before + "import scipy"))


def test_a_helper_file_and_data_are_said_to_stay_at_home(folder):
    helper, *files = said(folder, "import helpers", "np.load('numbers.npy')\nopen('data/more.csv')")
    assert "trained networks aside: copy what you need of helpers into a cell" in helper
    assert ["numbers.npy is named" in files[1], "data/more.csv is named" in files[0]] == [True, True]
