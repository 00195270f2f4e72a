"""What a task lacks is said in a sentence: each thing that may be missing, and nothing when nothing is."""

import textwrap
from dataclasses import replace

import numpy as np
import pytest

from convcourse.engine.check import Check
from convcourse.engine.model import Case, Mistake
from tools import draft
from tools.draft import AuthorError, Draft, Places

TEXT = """\
# Sound

## 1. Energy

```{code-cell}
#: answer energy
# the energy of each sample
```

## 2. Another

TODO: of another task
"""
CHECKS = (
    '# --- energy ---\nENERGY = Check(\n    "energy",\n)\n\n# --- other ---\n# TODO: of another task\nCHECKS = ()\n'
)
ANSWERS = "import numpy as np\n\n# --- energy ---\n\n\ndef energy__loops(x):\n    return x * x\n"


def energy(x):
    """Return the energy of every sample.

    Parameters
    ----------
    x : (n,) float
        The signal.

    Examples
    --------
    >>> energy(np.array([1.0, -2.0]))
    array([1., 4.])
    """
    return x**2


def magnitude(x):
    return np.abs(x)


X = np.array([0.5, -1.25, 2.0, 3.5, -0.75, 1.5, -2.25, 4.0])
MISTAKE = Mistake("no square", "You returned the size of each sample; square it.", magnitude)
CHECK = Check(
    "energy",
    section="sound#sound-energy",
    oracle=np.square,
    cases=(Case((np.array([0.5, -2.0, 3.0]),)), Case((X,)), Case((X[:5].astype(np.float32),))),
    draw_case=lambda sampler: Case((sampler.array(sampler.integer(3, 7)),)),
    mistakes=(MISTAKE,),
)


@pytest.fixture
def places(tmp_path):
    """The files of an assignment with one task, which is finished, and another, which is not."""
    found = Places(tmp_path, "sound")
    chapter = "# Sound\n\n(sound-energy)=\n## Energy\n"
    texts = {found.text: TEXT, found.checks: CHECKS, found.answers: ANSWERS, found.chapter: chapter}
    for path, text in texts.items():
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return found


def lacking(places, check=CHECK, function=energy, given=lambda x: x * x):
    space, styles = {"energy": function}, {"energy": {"loops": given}} if given else {}
    return draft.lacking(Draft(places, ["energy"], {"energy": check}, styles, space), "energy")


def test_from_a_finished_task_nothing_is_missing_whatever_another_task_lacks(places):
    assert lacking(places) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mistakes": ()}, "The check knows no mistake"),
        ({"mistakes": (replace(MISTAKE, function=np.square),)}, "accepts the mistake 'no square'"),
        ({"mistakes": (replace(MISTAKE, share=0.5),)}, "earns 0 of the points, and its share is 0.5"),
        ({"mistakes": (MISTAKE, Mistake("twin", "Square it.", magnitude))}, "is rejected and not named"),
        ({"oracle": lambda x: x**3}, "The check rejects the right answer in the assignment: "),
        ({"oracle": lambda x: x**3}, "The check rejects energy__loops: "),
        ({"oracle": lambda x: x.nothing}, "this cannot be run: AttributeError"),
        ({"section": "sound#sound-noise"}, "has no label (sound-noise)= for the check's section; it has sound-energy."),
        ({"section": ""}, "name a page and a label"),
        ({"section": "noise#loud"}, "name a page and a label"),
        (
            {"cases": (Case((np.array([0.0, 1.0]),)),), "draw_case": None},
            "An answer that returns its first argument earns 0.",
        ),
    ],
)
def test_a_check_that_is_not_right_is_told_of(places, change, message):
    found = " ".join(lacking(places, replace(CHECK, **change)))
    assert message in found


def test_a_damage_to_a_right_answer_that_no_case_shows_is_told_of(places):
    def half(x):
        return x / 2

    half.__doc__ = energy.__doc__.replace("array([1., 4.])", "array([ 0.5, -1. ])")
    for numbers, expected in (([2.0, -4.0, 6.0], 1), ([0.5, 1.1, 2.1], 0)):
        check = replace(CHECK, oracle=lambda x: x / 2, cases=(Case((np.array(numbers),)),))
        found = lacking(places, check, half, half)
        assert len(found) == expected, found
        assert all("damaged: store results in arrays of the first array's dtype." in sentence for sentence in found)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("array([1., 4.])", "array([1., 5.])", "gives array([1., 5.]); it gives array([1., 4.])."),
        (">>> energy", ">>> energie", "it gives NameError"),
        ("x : (n,) float", "y : (n,) float", "does not say under Parameters what x is."),
        (energy.__doc__.partition("    Examples")[2], "", "The docstring has no example"),
    ],
)
def test_a_docstring_that_is_not_right_is_told_of(places, old, new, message):
    def other(x):
        return x**2

    other.__doc__ = energy.__doc__.replace(old, new)
    assert message in " ".join(lacking(places, function=other))


def test_an_example_by_hand_in_the_text_will_do(places):
    def other(x):
        return x**2

    other.__doc__ = energy.__doc__.partition("    Examples")[0]
    places.text.write_text(TEXT.replace("## 1. Energy", "## 1. Energy\n\n*By hand:* 3 gives 9."))
    assert lacking(places, function=other) == []


def test_a_second_right_answer_is_asked_for(places):
    assert lacking(places, given=None) == [
        f"{places.answers} has no energy__loops, or of another style: a second right answer."
    ]


@pytest.mark.parametrize(
    ("name", "old", "line"),
    [("text", "of each sample", 7), ("checks", '    "energy",\n', 4), ("answers", "return x * x", 7)],
)
def test_a_hidden_todo_is_found_with_its_line(places, name, old, line):
    path = getattr(places, name)
    path.write_text(path.read_text().replace(old, f"{old}  # TODO: say more"))
    assert lacking(places) == [f"{path}:{line}: say more."]


def test_a_task_that_no_list_names_is_told_of(places):
    found = draft.lacking(Draft(places, [], {}, {}, {}), "energy")
    assert found == [
        f"{places.text} does not ask for it.",
        f"CHECKS at the end of {places.checks} does not list its check.",
    ]


def test_what_cannot_be_run_is_told_of_with_its_line(tmp_path):
    path = tmp_path / "sound.py"

    def read(text):
        path.write_text(textwrap.dedent(text))
        exec(compile(path.read_text(), str(path), "exec"), {})

    for text, line in (("x = 1\ny = z\n", 2), ("x = 1\n\ny = (\n", 3)):
        with pytest.raises(AuthorError, match=rf"sound\.py:{line}: this cannot be run: (Name|Syntax)Error"):
            draft._run(path, lambda text=text: read(text))


def test_what_make_test_asks_for_is_said_of_a_finished_task(places):
    read = Draft(
        places,
        ["energy"],
        {"energy": replace(CHECK, draw_case=None)},
        {"energy": {"loops": energy}},
        {"energy": energy},
    )
    found = " ".join(draft.kept_also(read, "energy"))
    assert "4 known mistakes; it has 1." in found and "3 right answers" in found and "(draw_case)" in found
