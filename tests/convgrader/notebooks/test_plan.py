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
    points={"check-f": 2.0},
    solution_ids=("f", "written-layer"),
)


def test_topics_and_names():
    assert PLAN.topics == ["layer"]
    assert PLAN.names == ["f"], "names that a check may look for: of functions, and none from other cells"
    assert GradingPlan({"setup": 'check = checker("pooling")'}).topics == ["pooling"]


def test_provided_functions_are_those_that_are_imported_and_exist():
    assert PLAN.provided == {"conv2d": FUNCTIONS["conv2d"]}
    assert GradingPlan({"setup": "from elsewhere import conv2d"}).provided == {}


def test_helpers_are_graded_tasks_that_stand_earlier_in_the_notebook():
    def plan(*tasks):
        cells = {f"check-{task}": f'check("{task}", points=2)' for task in tasks}
        return GradingPlan({"setup": 'check = checker("convolution")', **cells}, dict.fromkeys(cells, 2.0))

    graded_plan = plan("mode_padding", "output_size", "convolve1d", "cross_correlate1d")
    assert graded_plan.tasks["check-convolve1d"] == ["convolve1d"]
    assert graded_plan.helpers("check-mode_padding") == []
    assert graded_plan.helpers("check-cross_correlate1d") == ["convolve1d", "mode_padding", "output_size"]
    assert plan("convolve1d", "mode_padding", "cross_correlate1d").helpers("check-convolve1d") == []
    assert plan("cross_correlate1d", "convolve1d").helpers("check-cross_correlate1d") == []


def test_an_instructors_own_check_has_no_helpers():
    plan = GradingPlan({"setup": "x = 1", "check-f": "assert f(1) == 2"}, {"check-f": 1.0})
    assert plan.tasks == {"check-f": []} and plan.helpers("check-f") == []


def test_magics_are_written_as_calls():
    assert plain_python("%matplotlib inline") == "get_ipython().run_line_magic('matplotlib', 'inline')\n"
