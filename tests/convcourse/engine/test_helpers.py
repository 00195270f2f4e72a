"""A fault in one helper is paid once: whatever builds on it keeps its points, and nobody gains by a wrong helper."""

import ast
import contextlib
import inspect
import itertools
import re

import numpy as np
import pytest

from convcourse import checks
from convcourse.calls.call import LocalFunction
from convcourse.engine import helpers
from convcourse.engine.compare import same
from convcourse.engine.context import current_context, graded_run
from convcourse.engine.trial import Trial
from convcourse.notebook_check import lookup, with_right_helpers
from tests.helpers.courses import ROOT
from tools import answers
from tools.mutation import solved

TOPICS = checks.topics()
KNOWN = {topic: checks.load(topic) for topic in TOPICS}
SOLVED = {topic: solved(ROOT, topic) for topic in TOPICS}
ORDER = {topic: [solution.name for solution in SOLVED[topic][0]] for topic in TOPICS}
BUILT = [(topic, task) for topic in TOPICS for task, check in KNOWN[topic].items() if check.builds_on]
PAIRS = [(topic, task, helper) for topic, task in BUILT for helper in helpers.helper_names(KNOWN[topic], task)]
HELPERS = sorted({(topic, helper) for topic, _, helper in PAIRS})


def named_in(tree):
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def called_by_right_answers(topic):
    """Return which earlier tasks the right answers to a task call, the reference and all styles: {task: names}."""
    found = {solution.name: named_in(ast.parse(solution.code)) for solution in SOLVED[topic][0]}
    for function in ast.parse(answers.path_of(ROOT, topic).read_text()).body:
        task, _, style = getattr(function, "name", "").partition("__")
        if style:
            found.setdefault(task, set()).update(name.partition("__")[0] for name in named_in(function))
    order = ORDER[topic]
    return {task: names.intersection(order[: order.index(task)]) for task, names in found.items() if task in order}


@pytest.mark.parametrize("topic", TOPICS)
def test_a_task_builds_on_what_right_answers_to_it_call(topic):
    for task, names in called_by_right_answers(topic).items():
        declared = set(KNOWN[topic][task].builds_on)
        of_helpers = {name for helper in declared for name in helpers.helper_names(KNOWN[topic], helper)}
        assert declared <= names <= declared | of_helpers, task


@pytest.mark.parametrize(("topic", "task", "helper"), PAIRS)
def test_a_helper_stands_earlier_in_the_notebook_and_has_an_oracle(topic, task, helper):
    assert ORDER[topic].index(helper) < ORDER[topic].index(task)
    assert KNOWN[topic][helper].oracle is not None


# --- right helpers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("topic", "helper"), HELPERS)
def test_a_right_helper_is_called_as_the_students_own_is(topic, helper):
    """By the names of its parameters, with whole numbers, with lists, and with float32, which it keeps."""
    check = KNOWN[topic][helper]
    function, signature = helpers.right_function(check), inspect.signature(SOLVED[topic][1][helper])
    for case in check.cases:
        value = function(*case.args, **case.kwargs)
        outcome = LocalFunction(lambda *a, _value=value, **k: _value).call(case.args, case.kwargs, 2)
        judged = Trial(check, None, current_context()).judge(case, outcome)
        assert judged.failure is None and judged.dtype_kept
        named = signature.bind(*case.args, **case.kwargs).arguments
        assert same(function(**named), value)
        listed = {name: item.tolist() if isinstance(item, np.ndarray) else item for name, item in named.items()}
        with contextlib.suppress(AttributeError):  # of an empty list there is no saying what shape it had
            assert same(function(**listed), value, 1e-4)


def test_whole_numbers_count_as_fractions_but_an_index_stays_one():
    convolve = helpers.right_function(KNOWN["convolution"]["convolve2d"])
    image = np.array([[200, 100]], np.uint8)
    np.testing.assert_array_equal(convolve(image, np.array([[1, 1]], np.uint8)), [[200, 300, 100]])
    permute = helpers.right_function(KNOWN["priors"]["permute_pixels"])
    np.testing.assert_array_equal(permute(np.array([[[[1, 2]]]]), np.array([1, 0])).ravel(), [2, 1])


def test_a_right_helper_hands_out_no_view_of_its_arguments():
    x = np.ones((1, 1, 2, 2))
    assert not np.may_share_memory(helpers.right_function(KNOWN["pooling"]["max_pool2d"])(x, 1), x)


# --- a fault is paid once ------------------------------------------------------------------------------------------


def verdicts(topic, task, space):
    """Judge a task of a notebook with the names in `space` as `check` does; return (the first verdict, the better)."""
    with graded_run(11, print):
        context = current_context()
        first = KNOWN[topic][task].run(lambda name: lookup(name, space), 10.0, context)
        return first, with_right_helpers(KNOWN[topic], first, space, context)


def fails(*args, **kwargs):
    raise RuntimeError("a wrong helper")


def gives_nothing(*args, **kwargs):
    return None


WRONG = {"raises": fails, "gives nothing": gives_nothing, "is not there": None}


def is_of_the_notebook(function):
    return inspect.isfunction(function) and any(function.__globals__ is space for _, space in SOLVED.values())


def without(space, names, wrong):
    """Return a notebook's names in which helpers are wrong: right answers to other tasks find them by their names."""
    space = dict(space)
    for name, function in space.items():
        if is_of_the_notebook(function):
            space[name] = type(function)(function.__code__, space, name, function.__defaults__, function.__closure__)
            space[name].__kwdefaults__ = function.__kwdefaults__
    for name in names:
        space[name] = wrong
        if wrong is None:
            del space[name]
    return space


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(("topic", "task"), BUILT)
@pytest.mark.slow
def test_a_right_answer_keeps_all_points_whatever_is_wrong_with_its_helpers(topic, task, wrong):
    names = helpers.helper_names(KNOWN[topic], task)
    space = without(SOLVED[topic][1], names, WRONG[wrong])
    before = dict(space)
    first, better = verdicts(topic, task, space)
    assert better.passed
    assert first.passed or "in the place of yours" in str(better)
    assert space == before, "the student's own are back"
    for name in names:
        first, better = verdicts(topic, name, space)
        assert first.earned == better.earned == 0, "the helper's own task stays failed"


@pytest.mark.parametrize(("topic", "task", "helper"), PAIRS)
def test_only_what_is_wrong_is_lent_and_named(topic, task, helper):
    first, better = verdicts(topic, task, without(SOLVED[topic][1], [helper], fails))
    named = set(re.findall(r"\w+", " ".join(better.notes))).intersection(ORDER[topic])
    wrong = [name for name in ORDER[topic] if helper in [name, *helpers.helper_names(KNOWN[topic], name)]]
    assert better.passed and (first.passed or (named and named <= set(wrong)))


def spoilt(function):
    """Return a wrong answer that is built on the same helpers as a right one."""

    def wrong(*args, **kwargs):
        return spoil(function(*args, **kwargs))

    return wrong


def spoil(value):
    if isinstance(value, bool | str) or value is None:
        return "something else"
    if isinstance(value, dict):
        return {name: spoil(item) for name, item in value.items()}
    return type(value)(map(spoil, value)) if isinstance(value, tuple | list) else np.full_like(value, 3)


@pytest.mark.parametrize(("topic", "task"), BUILT)
def test_a_wrong_answer_loses_its_points_with_right_helpers_and_with_wrong_ones(topic, task):
    for wrong in (None, fails):
        names = helpers.helper_names(KNOWN[topic], task) if wrong else ()
        space = without(SOLVED[topic][1], names, wrong)
        space[task] = spoilt(space[task])
        first, better = verdicts(topic, task, space)
        assert first.earned == better.earned == 0


@pytest.mark.parametrize(("topic", "task"), BUILT)
@pytest.mark.slow
def test_a_known_mistake_earns_no_more_when_its_helpers_are_wrong(topic, task):
    for mistake in KNOWN[topic][task].mistakes:
        space = without(SOLVED[topic][1], helpers.helper_names(KNOWN[topic], task), fails)
        first, better = verdicts(topic, task, {**space, task: mistake.function})
        assert first.earned == better.earned < 10


# --- no helper gives a task away -----------------------------------------------------------------------------------


def handed_on(check, helper):
    """Yield the answers to a task that call a helper with the task's own arguments and do nothing else."""
    most = max(len(case.args) for case in check.cases)
    needed = [
        p
        for p in inspect.signature(helper.oracle).parameters.values()
        if p.default is p.empty and p.kind == p.POSITIONAL_OR_KEYWORD
    ]
    orders = itertools.permutations(range(most), len(needed))
    helper = helpers.right_function(helper)
    for pick, keeps, item in itertools.product([slice(None), *orders], (True, False), (None, 0, 1)):

        def answer(*args, _pick=pick, _keeps=keeps, _item=item, **kwargs):
            chosen = args[_pick] if isinstance(_pick, slice) else [args[number] for number in _pick]
            value = helper(*chosen, **(kwargs if _keeps else {}))
            return value if _item is None else value[_item]

        yield answer


def holds_a_part(check, function):
    """Say whether a function is right in all cases of some part: then it would earn something."""
    trial = Trial(check, None, current_context())
    for part in check.parts:
        for case in (case for case in check.cases if case.part == part):
            outcome = LocalFunction(function).call(case.args, case.kwargs, 2)
            if trial.judge(case, outcome).failure is not None:
                break
        else:
            return True
    return False


@pytest.mark.parametrize(("topic", "task"), BUILT)
@pytest.mark.slow
def test_no_helper_that_is_lent_by_then_gives_a_task_away(topic, task):
    """What a student's code learned in an earlier second run may still be known in a later one."""
    upto = ORDER[topic][: ORDER[topic].index(task) + 1]
    lent = {helper for other in upto if other in KNOWN[topic] for helper in helpers.helper_names(KNOWN[topic], other)}
    for helper in lent:
        for answer in handed_on(KNOWN[topic][task], KNOWN[topic][helper]):
            assert not holds_a_part(KNOWN[topic][task], answer), helper


def test_what_would_give_a_task_away_is_noticed():
    loops = KNOWN["algorithms"]["loop_convolve2d"]
    check = KNOWN["algorithms"]["fft_convolve2d"]
    assert any(holds_a_part(check, answer) for answer in handed_on(check, loops))
