"""What has to be known of an assignment is read off the instructor's cells."""

from convcourse.functional import FUNCTIONS
from convgrader.notebooks.plan import GradingPlan, plain_python

PLAN = GradingPlan(
    locked={
        "setup": '%matplotlib inline\nimport convcourse\n\ncheck = convcourse.checker("layer", needs="0.2")',
        "provided-conv2d": "from convcourse.provided import conv2d, unknown",
        "check-f": 'check("f", points=2)',
        "odd": "this is not Python",
    },
    graded={"check-f": 2.0},
    answers=("f", "written-layer"),
)


def test_topics_and_names():
    assert PLAN.topics == ["layer"]
    assert PLAN.names == ["f"], "names that a check may look for: of functions, and none from other cells"
    assert GradingPlan({"setup": 'check = checker("pooling")'}).topics == ["pooling"]


def test_provided_functions_are_those_that_are_imported_and_exist():
    assert PLAN.provided == {"conv2d": FUNCTIONS["conv2d"]}
    assert GradingPlan({"setup": "from elsewhere import conv2d"}).provided == {}


def test_magics_are_written_as_calls():
    assert plain_python("%matplotlib inline") == "get_ipython().run_line_magic('matplotlib', 'inline')\n"
