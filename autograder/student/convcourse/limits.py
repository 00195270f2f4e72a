"""What a hand-in may be, and what it finds. Grading keeps to it; the commands at home name what does not."""

import sys

CELL_SECONDS = 30.0  # of one cell
NOTEBOOK_SECONDS = 120.0  # of a whole notebook, with its checks
MAX_FILE = 32 << 20  # bytes of a notebook file
MAX_CELLS = 2000

# What can be imported where submissions are graded, beside the standard library, or is the notebook's own machinery.
AVAILABLE_MODULES = {
    "__main__", "numpy", "matplotlib", "mpl_toolkits", "convcourse", "IPython", "ipykernel", "ipywidgets", "traitlets",
    "google", "builtins",
}  # fmt: skip


def is_available(module: str) -> bool:
    """Say whether a module can be imported where submissions are graded."""
    return module in AVAILABLE_MODULES or module in sys.stdlib_module_names
