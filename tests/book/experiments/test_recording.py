"""A record is what an experiment gives, and a page that shows it would notice if it were not."""

import json

import pytest

from experiments import recording
from experiments.recording import experiment


@experiment(seeds=3, within=0.01)
def doubled(seed):
    """Two numbers."""
    return {"number": 2 * seed, "both": [seed, seed + 0.5]}


@pytest.fixture
def records(tmp_path, monkeypatch):
    """Write records and return where they lie."""
    monkeypatch.setattr(recording, "RESULTS", tmp_path)

    def write(number):
        values = {"number": [number, 2, 4], "both": [[0, 0.5], [1, 1.5], [2, 2.5]]}
        doubled.path.write_text(json.dumps({"doubled": {"values": values}}))

    return write


def test_it_is_called_with_a_seed():
    assert doubled(2)["number"] == 4 and list(doubled(2)["both"]) == [2, 2.5]
    assert doubled.__doc__ == "Two numbers."


def test_seeds_stand_along_the_first_axis(records):
    records(0.005)
    assert doubled.recorded()["number"].tolist() == [0.005, 2, 4]
    assert doubled.recorded()["both"].shape == (3, 2)


def test_another_number_than_the_recorded_one_is_noticed(records):
    records(0.02)
    with pytest.raises(ValueError, match=r"number is 0.0 here, and 0.02 is recorded"):
        doubled.recorded()


def test_what_takes_long_is_rerun_when_asked_alone(records):
    records(0.02)
    long = recording.Experiment(doubled.function, 3, 0.01, rerun=False)
    assert long.recorded()["number"][0] == 0.02
    with pytest.raises(ValueError, match="is recorded"):
        long.recorded(rerun=True)


def test_where_machines_give_other_numbers_nothing_is_compared_and_nothing_warns(records):
    records(99)
    other = recording.Experiment(doubled.function, 3, float("inf"))
    assert other.recorded()["number"][0] == 99


def test_what_is_not_recorded_is_told(records):
    with pytest.raises(ValueError, match="run `make experiments`"):
        doubled.recorded()
