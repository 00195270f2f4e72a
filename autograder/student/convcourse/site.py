"""Where the course's site is published: for the links of verdicts, and for what is built and handed out."""

import os
from importlib import resources
from pathlib import Path
from typing import Any

FILE = "site.txt"  # in the package of a student kit: where the site was when the kit was built


def published(address: str = "") -> str:
    """Return the address of the site with a slash at its end, or "" where nobody has said what it is.

    `address` goes first: a grader knows it. At home the environment's ``COURSE_SITE`` says it, else what the student
    kit was built with. Only the web counts.
    """
    address = address or os.environ.get("COURSE_SITE", "")
    kit = resources.files("convcourse") / FILE
    if not address and kit.is_file():
        address = kit.read_text(encoding="utf-8").strip()
    return address.rstrip("/") + "/" if address.startswith(("https://", "http://")) else ""


def configured(root: str | Path) -> str:
    """Return the address that a clone of the course is to be published at, or "": ``html: baseurl`` in _config.yml.

    The environment's ``COURSE_SITE`` goes first.
    """
    return os.environ.get("COURSE_SITE") or settings(root).get("html", {}).get("baseurl") or ""


def kit(root: str | Path) -> tuple[str, str]:
    """Return (address of the repository of the student kit or "", its branch): ``course_launch`` in _config.yml.

    The environment's ``COURSE_KIT`` and ``COURSE_KIT_BRANCH`` go first.
    """
    launch = settings(root)["sphinx"]["config"]["course_launch"]
    address = os.environ.get("COURSE_KIT") or launch["kit"] or ""
    return address.rstrip("/").removesuffix(".git"), os.environ.get("COURSE_KIT_BRANCH") or launch["branch"]


def settings(root: str | Path) -> dict[str, Any]:
    """Return what ``_config.yml`` in the folder `root` says; nothing where there is no such file."""
    import yaml  # students need it only for what jupyterlab brings along

    path = Path(root) / "_config.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
