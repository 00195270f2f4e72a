"""Experiments over many seeds: run once for all of them, recorded, and run again in part wherever they are shown.

A chapter has seconds to run; networks that are trained out under several seeds take minutes. So ``make experiments``
runs them and keeps what they gave in ``results/``. A page that shows a record runs its first seed anew.
"""

import json
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parent / "results"


def experiment(seeds, within, rerun=True):
    """Make a function of a seed an `Experiment`, that is run under the seeds 0, 1, ... and recorded.

    Parameters
    ----------
    seeds : int
        How many there are.
    within : float
        How far a number may lie from the recorded one: machines differ in the last digit, and training widens that.
    rerun : bool
        Whether a page runs the first seed again. What takes more than a few seconds is left to ``make test-full``.
    """
    return lambda function: Experiment(function, seeds, within, rerun)


class Experiment:
    """A function of a seed that gives {name: numbers}, and what it gave under every seed."""

    def __init__(self, function, seeds, within, rerun=True):
        self.function, self.seeds, self.within, self.rerun = function, seeds, within, rerun
        self.__name__, self.__module__, self.__doc__ = function.__name__, function.__module__, function.__doc__

    def __call__(self, seed):
        """Run it; return {name: array}."""
        return {name: np.asarray(values, float) for name, values in self.function(seed).items()}

    @property
    def path(self):
        """Where the records of its chapter lie."""
        return RESULTS / f"{self.__module__.split('.')[-1]}.json"

    def recorded(self, rerun=None):
        """Return {name: array}, with the seeds along the first axis, after a look whether the first comes out again.

        There is no such look where the experiment is not to be rerun, if `rerun` does not say otherwise.

        Raises
        ------
        ValueError
            If nothing is recorded, or the first seed gives something else than is recorded.
        """
        records = json.loads(self.path.read_text(encoding="utf-8")) if self.path.is_file() else {}
        if self.__name__ not in records:
            raise ValueError(f"nothing is recorded of {self.__name__}: run `make experiments`")
        found = {name: np.array(values, float) for name, values in records[self.__name__]["values"].items()}
        if not (self.rerun if rerun is None else rerun):
            return found
        now = self(0)
        if now.keys() != found.keys():
            raise ValueError(f"{self.__name__} gives {', '.join(now)}, and {', '.join(found)} are recorded")
        for name, values in found.items():
            compared = self.within < np.inf  # else another machine gives other numbers
            if compared and not np.allclose(now[name], values[0], rtol=0, atol=self.within, equal_nan=True):
                raise ValueError(
                    f"{self.__name__}: {name} is {now[name]} here, and {values[0]} is recorded: run `make experiments`"
                )
        return found
