"""What is seen while a network trains: a bar everywhere, and in a notebook the curve of the loss as well."""

import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convcourse.networks.trainer import Log, Trainer


class Progress:
    """A progress bar with the last loss and score; in a notebook a curve that is redrawn every few seconds.

    Parameters
    ----------
    steps : int
    name : str
    """

    every = 3.0  # seconds between two drawings of the curve

    def __init__(self, steps: int, name: str) -> None:
        self.steps, self.name = steps, name

    def __enter__(self) -> "Progress":
        from tqdm.auto import tqdm

        self.bar = tqdm(total=self.steps, desc=self.name, unit="step", file=sys.stdout, mininterval=0.5)
        self.handle = self._display()
        self.drawn = time.monotonic()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()

    def __call__(self, trainer: "Trainer") -> None:
        log = trainer.log
        if self.bar.n == 0 and trainer.step > 1:
            self.bar.initial = trainer.step - 1  # it goes on after an interruption
        self.bar.n = trainer.step - 1
        self.bar.set_postfix(loss=f"{log['losses'][-1]:.3f}", score=f"{log['score']:.3f}", refresh=False)
        self.bar.update(1)
        if self.handle is not None and (time.monotonic() - self.drawn > self.every or trainer.is_done):
            self.drawn = time.monotonic()
            self.handle.update(self._figure(log))

    def _display(self) -> Any:
        """Return a place for the curve, or None where there is no notebook."""
        try:
            from IPython import get_ipython
            from IPython.display import display
        except ImportError:
            return None
        shell = get_ipython()
        if shell is None or not hasattr(shell, "kernel"):
            return None
        return display({"text/plain": "the curve of the loss"}, raw=True, display_id=True)

    def _figure(self, log: "Log") -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(5, 2.4), layout="constrained")
        axis = figure.subplots()
        axis.plot(log["losses"], lw=0.5, color="#999999", label="training")
        measured = log["validation"]
        axis.plot([m["step"] for m in measured], [m["loss"] for m in measured], "o-", ms=3, label="validation")
        axis.set(xlabel="step", ylabel="loss (nats)", ylim=(0, None))
        axis.legend(frameon=False)
        return figure
