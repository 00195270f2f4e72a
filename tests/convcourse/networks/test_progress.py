"""What is seen while a network trains."""

from types import SimpleNamespace

from convcourse.networks.progress import Progress

LOG = {"losses": [2.0, 1.5], "validation": [{"step": 1, "loss": 1.9, "score": 0.25}], "score": 0.25}


def test_in_a_terminal_there_is_a_bar_and_no_curve(capsys):
    with Progress(4, "digits") as show:
        show(SimpleNamespace(log=LOG, step=2, is_done=False))
        assert show.handle is None
    out = capsys.readouterr().out
    assert "digits" in out and "2/4" in out and "loss=1.500" in out and "score=0.250" in out


def test_in_a_notebook_the_curve_has_both_losses():
    axis = Progress(4, "digits")._figure(LOG).axes[0]
    assert [line.get_label() for line in axis.lines] == ["training", "validation"]
    assert axis.lines[1].get_ydata().tolist() == [1.9] and axis.get_ylabel() == "loss (nats)"
