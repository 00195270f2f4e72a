"""What nbgrader is told to run, and that all of it can be found."""

import importlib
import os

from nbgrader.converters import base
from traitlets.config import Config

from convgrader.nbgrader_plugin import patches
from convgrader.nbgrader_plugin.preprocessors import leave_out_links, use_convgrader


def find(name):
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def test_every_name_in_the_configuration_exists():
    config = Config()
    use_convgrader(config, unconfined=True)
    names = [*config.Autograde.sanitize_preprocessors, *config.Autograde.autograde_preprocessors]
    names += [config.Autograde.pre_convert_hook, *config.HTMLExporter.filters.values()]
    assert all(map(find, [*names, config.GenerateFeedback.exporter_class]))
    assert config.GradeCells.unconfined is True
    assert "nbgrader.preprocessors.Execute" not in names, "nbgrader itself runs nothing"


def test_links_and_pipes_are_left_out(tmp_path):
    paths = [str(tmp_path / name) for name in ("pooling.ipynb", "link.ipynb", "pipe.ipynb")]
    (tmp_path / "pooling.ipynb").write_text("{}")
    os.symlink(paths[0], paths[1])
    os.mkfifo(paths[2])
    found = list(paths)
    leave_out_links(found, course="x")
    assert found == paths[:1]
    patches.copy_regular_files_alone()
    assert base.find_all_files(str(tmp_path)) == paths[:1]
