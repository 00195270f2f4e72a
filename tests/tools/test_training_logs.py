"""The three logs that students read: each shows what it is said to show, and no other does."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from convcourse.checks.training import JUDGE_LOGS, LOGS
from convcourse.engine.model import Case
from tools.training_logs import CONTROL, RUNS, SHOWS, Run, as_cell, record

TEXT = Path(__file__).parents[2] / "solutions" / "assignments" / "training.md"
COUNT = len(LOGS["A"][0])
PAIRS = list(combinations(range(COUNT), 2))
WEIGHTS = {part: weight / sum(JUDGE_LOGS.parts.values()) for part, weight in JUDGE_LOGS.parts.items()}


def is_evidence(diagnosis, name, pair):
    return JUDGE_LOGS.judge({diagnosis: (name, pair)}, Case(part=diagnosis)) is None


EVIDENCE = {(d, name): {pair for pair in PAIRS if is_evidence(d, name, pair)} for d in SHOWS for name in LOGS}


def in_notebook():
    """Return the logs as the notebook has them, and their cell."""
    cell = re.search(r"^logs = \{.*?^\}$", TEXT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)[0]
    space = {}
    exec(cell, space)
    return space["logs"], cell


def test_the_check_judges_the_logs_of_the_notebook():
    logs, _ = in_notebook()
    assert {name: tuple(map(tuple, log.values())) for name, log in logs.items()} == LOGS
    assert all(list(log) == ["training loss", "validation loss", "validation accuracy"] for log in logs.values())
    assert {len(series) for log in LOGS.values() for series in log} == {COUNT}


def test_the_cell_is_written_by_the_tool():
    logs, cell = in_notebook()
    assert as_cell(logs) == cell
    assert max(map(len, cell.splitlines())) < 80


@pytest.mark.parametrize("diagnosis", SHOWS)
def test_the_log_that_is_meant_has_evidence_and_no_other_has_any(diagnosis):
    for name in LOGS:
        assert bool(EVIDENCE[diagnosis, name]) == (SHOWS[diagnosis] == name), name


def test_no_two_measurements_are_evidence_for_two_diagnoses():
    found = [EVIDENCE[item] for item in SHOWS.items()]
    assert all(one.isdisjoint(other) for one, other in combinations(found, 2))


def test_who_guesses_names_and_measurements_earns_next_to_nothing():
    shares = [WEIGHTS[diagnosis] * len(EVIDENCE[diagnosis, name]) / len(PAIRS) for diagnosis, name in SHOWS.items()]
    assert sum(shares) / len(LOGS) < 0.04
    most = max(sum(WEIGHTS[d] for d, name in SHOWS.items() if pair in EVIDENCE[d, name]) for pair in PAIRS)
    assert most / len(LOGS) < 0.15  # the same two measurements for all, and names at random


def test_no_last_measurement_tells_which_rate_is_too_high():
    for series, best in ((0, np.argmax), (1, np.argmax), (2, np.argmin), (1, np.argmin)):
        last = [LOGS[name][series][-1] for name in LOGS]
        if best is np.argmin and series == 1:  # it even ends with the lowest validation loss
            assert list(LOGS)[best(last)] == SHOWS["rate too high"]
        else:
            assert list(LOGS)[best(last)] != SHOWS["rate too high"]


def test_what_is_known_of_one_log_is_paid_where_nothing_is_said_of_the_others():
    answer = {"overfits": ("B", (8, 20)), "rate too high": None, "shuffled labels": None}
    assert JUDGE_LOGS.judge(answer, Case(part="overfits")) is None
    assert "not of the form" not in str(
        JUDGE_LOGS.judge(answer | {"rate too high": ("B", (4, 5))}, Case(part="overfits"))
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (("D", (1, 2)), "no log of that name"),
        (("B", (20, 8)), "the first comes before the second"),
        (("B", (8, 8)), "the first comes before the second"),
        (("B", (-4, 20)), "numbered 0 to 23"),
        (("B", (8, 24)), "numbered 0 to 23"),
        (("A", (9, 23)), "the training loss does not fall by half"),
    ],
)
def test_what_is_no_evidence_is_told_in_a_sentence(entry, message):
    assert message in JUDGE_LOGS.judge({"overfits": entry}, Case(part="overfits"))


def test_a_run_is_recorded_alike_whenever_it_runs_and_shuffled_labels_are_other_labels():
    first, again, shuffled = (record(Run(40, 0.01, shuffled=s), steps=6, every=2) for s in (False, False, True))
    assert first == again != shuffled
    assert [len(series) for series in first.values()] == [3, 3, 3]


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_training_again_shows_the_same_and_a_lower_rate_does_not_jump():
    for diagnosis, name in SHOWS.items():
        log = list(record(RUNS[name]).values())
        for series, told in zip(log, LOGS[name], strict=True):
            assert np.median(np.abs(np.subtract(series, told))) < 0.1, (diagnosis, name)
    training, validation, _ = record(CONTROL).values()
    assert np.diff(training).max() < 0.1 < np.diff(LOGS["C"][0]).max()
    assert training[-1] < LOGS["C"][0][-1] and validation[-1] < LOGS["C"][1][-1]
