"""A test is found by the name of what it tests: every module has a test file of its name, in the same place."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACES = {  # where modules lie -> where their tests lie
    "autograder/student/convcourse": "tests/convcourse",
    "autograder/grader/convgrader": "tests/convgrader",
    "solutions/miniconv": "tests/miniconv",
    "tools": "tests/tools",
    "book/_ext": "tests/book/ext",
    "book/experiments": "tests/book/experiments",
}
ELSEWHERE = {
    "autograder/student/convcourse/checks/": "every topic at once, in tests/convcourse/checks/test_every_check.py",
    "autograder/student/convcourse/errors.py": "the tree is tests/test_errors.py's",
    "autograder/student/convcourse/grade_ids.py": "three beginnings of names",
    "autograder/grader/convgrader/errors.py": "the tree is tests/test_errors.py's",
    "autograder/grader/convgrader/jobs.py": "records without code of their own, used by all tests of grading",
    "autograder/grader/convgrader/nbgrader_plugin/patches.py": "with the plug-in that asks for them",
    "tools/benchmarks/": "measurements, looked at",
    "tools/browser.py": "used by every test that needs a browser",
    "tools/calibrate.py": "its controls are tried in tests/convcourse/engine/test_network_check.py",
    "tools/peers.py": "a measurement with checkouts of others",
    "tools/screenshots.py": "pictures, looked at; that their pages exist is tests/site/test_reader.py's",
    "tools/small_course.py": "the course of all tests that grade",
    "book/_ext/webp.py": "that figures are WebP is tests/site/test_reader.py's",
}
MODULES = [
    path.relative_to(ROOT)
    for place in PLACES
    for path in sorted((ROOT / place).rglob("*.py"))
    if not path.stem.startswith("_") and path.stem != "conftest"
]


def is_elsewhere(module):
    return any(module.as_posix().startswith(place) for place in ELSEWHERE)


@pytest.mark.parametrize("module", [module for module in MODULES if not is_elsewhere(module)], ids=str)
def test_every_module_has_a_test_of_its_name(module):
    place = next(place for place in PLACES if module.is_relative_to(place))
    test = ROOT / PLACES[place] / module.relative_to(place).with_name(f"test_{module.name}")
    assert test.is_file(), f"there is no {test.relative_to(ROOT)}"


@pytest.mark.parametrize("place", ELSEWHERE)
def test_what_is_tested_elsewhere_exists(place):
    assert (ROOT / place).exists()
    for test in re.findall(r"tests/[\w/.]+\w", ELSEWHERE[place]):
        assert (ROOT / test).exists(), test


def test_helpers_hold_no_tests_and_every_topic_has_what_a_topic_has():
    assert not list((ROOT / "tests" / "helpers").glob("test_*"))
    for stem in (path.stem for path in (ROOT / "solutions" / "assignments").glob("*.md")):
        for name in (
            f"book/{stem}.md", f"solutions/answers/{stem}.py", f"autograder/student/convcourse/checks/{stem}.py",
            f"exercises/{stem}/{stem}.ipynb",
        ):  # fmt: skip
            assert (ROOT / name).is_file(), f"{stem} has no {name}"


@pytest.mark.parametrize(
    ("folder", "beside"),
    [
        ("autograder/student/convcourse/checks", set()),
        ("book/drawings", {"style"}),
        ("book/experiments", {"recording", "small_network"}),
        ("solutions/miniconv", {"_arguments"}),
        ("solutions/answers", set()),
    ],
)
def test_a_folder_of_topics_holds_topics_alone(folder, beside):
    stems = {path.stem for path in (ROOT / "solutions" / "assignments").glob("*.md")}
    assert {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__"} <= stems | beside
