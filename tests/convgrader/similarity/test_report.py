"""A class's answers in, pairs of students out."""

from convgrader.similarity import report
from convgrader.similarity.report import TaskAnswers, groups_of, make_report, marked_lines

ANSWER = """\
def f(x, k):
    rows = (x.shape[0] - k) // 2 + 1
    out = np.empty((rows, x.shape[1]))
    for i in range(rows):
        out[i] = x[2 * i : 2 * i + k].max(axis=0) - x.mean()
    return np.sqrt(out) + k
"""
RENAMED = ANSWER.replace("rows", "count").replace("out[", "y[").replace("out)", "y)").replace("out =", "y =")
OTHER = """\
def f(x, k):
    view = np.lib.stride_tricks.sliding_window_view(x, k, axis=0)[::2]
    best = np.sort(view, axis=-1)[..., -1]
    centred = best - np.sum(x) / x.size
    if np.any(centred < 0):
        centred = np.where(centred < 0, 0.0, centred).astype(x.dtype)
    return np.power(centred, 0.5) + k
"""
WORDS = "Pooling to one number keeps that a shape is there and forgets where it was, so left and right look the same."


def task(answers, is_code=True, name="f", **more):
    return TaskAnswers("pooling", "pooling", name, is_code, answers, **more)


def pairs(*tasks, **options):
    return {pair.names: pair for pair in make_report(tasks, **options).pairs}


def test_a_renamed_copy_is_found_and_an_independent_answer_is_not():
    found = pairs(task({"ada": ANSWER, "bob": RENAMED, "eve": OTHER}))
    assert list(found) == [("ada", "bob")] and found["ada", "bob"].tasks[0].likeness == 1.0


def test_answers_in_words_are_compared_by_their_words():
    others = "The network sees the whole map, and no neuron knows on which side of the picture its edge has been found."
    found = pairs(task({"ada": WORDS, "bob": WORDS.upper(), "eve": others}, is_code=False))
    assert list(found) == [("ada", "bob")]


def test_what_is_no_python_is_compared_by_its_text():
    broken = ANSWER.replace("def f(x, k):", "def f(x, k:")
    found = pairs(task({"ada": broken, "bob": ANSWER, "eve": OTHER}))
    assert list(found) == [("ada", "bob")]


def test_what_was_handed_out_does_not_count():
    found = make_report([task({"ada": ANSWER, "bob": RENAMED}, given=(ANSWER,))])
    assert found.pairs == () and found.tasks[0].likeness.short == ("ada", "bob")


def test_an_answer_that_is_a_text_that_was_handed_out_is_no_answer():
    assert make_report([task({"ada": WORDS}, is_code=False, given=(WORDS,))]).tasks[0].likeness.short == ("ada",)


def test_who_is_alike_in_several_tasks_comes_first():
    two = {"ada": ANSWER, "bob": RENAMED, "cem": OTHER, "dan": OTHER}
    words = {"ada": WORDS, "bob": WORDS, "cem": "No.", "dan": "Yes."}
    found = make_report([task(two), task(words, is_code=False, name="written")])
    assert [(pair.names, len(pair.tasks)) for pair in found.pairs] == [(("ada", "bob"), 2), (("cem", "dan"), 1)]


def test_groups_are_three_and_more():
    found = make_report([task({"ada": ANSWER, "bob": RENAMED, "cem": ANSWER, "dan": OTHER, "eve": OTHER})])
    assert list(groups_of(found.tasks)) == [("ada", "bob", "cem")]


def test_the_lines_that_are_alike_are_marked_and_what_was_handed_out_is_not():
    added = ANSWER.replace("    return", "    x = {'own': x}['own'].copy().swapaxes(0, 1)[::-1]\n    return")
    ((one, other),) = marked_lines([(task({"ada": ANSWER, "bob": added}), ("ada", "bob"))])
    assert {2, 4, 5} <= one and {2, 4, 5} <= other
    ((one, other),) = marked_lines([(task({"ada": ANSWER, "bob": added}, given=(ANSWER,)), ("ada", "bob"))])
    assert one == other == set()


def test_a_text_that_many_handed_in_is_parsed_once(monkeypatch):
    asked = []
    trees = report.parser_process.trees
    monkeypatch.setattr(
        report.parser_process, "trees", lambda codes, workers=1: asked.append(len(codes)) or trees(codes)
    )
    make_report([task(dict.fromkeys("abcdefgh", ANSWER))])
    assert asked == [1]
