"""Releases of an assignment of two tasks, and student kits that bring them."""

import shutil

from tools import weave

HEAD = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# Pooling

"""
TASKS = [("pool_output_shape", 2), ("avg_pool2d", 4)]


def weave_tasks(root, tasks):
    """Weave the assignment of a project from functions of pooling and their points."""
    text = HEAD + "".join(
        f"```{{code-cell}}\n#: solve {name}\n```\n\n```{{code-cell}}\n#: check {name} {points}\n```\n\n"
        for name, points in tasks
    )
    (root / "solutions/assignments/pooling.md").write_text(text)
    weave.write(root, "pooling")


def write_release(project, folder, tasks):
    """Release the assignment anew, with these tasks, into `folder`; the project is as it was afterwards."""
    weave_tasks(project, tasks)
    shutil.copytree(project / "exercises", folder / "exercises", dirs_exist_ok=True)
    weave_tasks(project, TASKS)


def name_wheel(folder, version):
    """Write requirements that name a wheel, as a kit has them, and a file of its name; return that."""
    wheel = folder / f"convcourse-{version}-py3-none-any.whl"
    wheel.write_bytes(b"")
    (folder / "requirements.txt").write_text(f"numpy==2.0\n./{wheel.name}\n")
    return wheel
