"""``autograder train``."""

import shutil

import torch

from convcourse.cli import main
from tests.helpers.tiny_networks import REFERENCE


def test_the_command_trains_from_a_recipe(tmp_path, capsys):
    shutil.copy(REFERENCE / "scenes.json", tmp_path)
    wanted = ["train", "scenes", "--folder", str(tmp_path), "--steps", "2", "--batch", "4", "--device", "cpu"]
    assert main(wanted) == 0
    assert "scenes: accuracy" in capsys.readouterr().out
    assert main(["train", "digits", "--recipe", str(tmp_path / "scenes.json")]) == 2
    assert "for the task 'scenes'" in capsys.readouterr().err
    if not torch.cuda.is_available():
        assert main([*wanted[:-1], "cuda"]) == 2
        assert "no CUDA device" in capsys.readouterr().err
