"""What nbgrader runs in the place of its own steps, set in ``nbgrader_config.py``::

    c.Autograde.sanitize_preprocessors = [
        "convgrader.nbgrader_plugin.preprocessors.Normalise", "nbgrader.preprocessors.ClearOutput", ...
    ]
    c.Autograde.autograde_preprocessors = ["convgrader.nbgrader_plugin.preprocessors.GradeCells", ...]

``use_convgrader(c)`` sets both, and has feedback made into pages that run nothing. nbgrader does all the rest: its
database, late penalties, manual grades, folders.
"""

from nbformat import from_dict
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Float, Unicode

from convgrader.grade import NotebookGrader
from convgrader.jobs import Budget
from convgrader.nbgrader_plugin import feedback, grading_log, patches
from convgrader.notebooks import files, reader
from convgrader.sandbox.zygote import warm_zygote

_HERE = "convgrader.nbgrader_plugin.preprocessors"


def use_convgrader(config, unconfined=False):
    """Have ``nbgrader autograde`` and formgrader's button grade with a sandbox."""
    theirs = "nbgrader.preprocessors"
    config.Autograde.sanitize_preprocessors = [
        f"{_HERE}.Normalise",
        *(f"{theirs}.{n}" for n in ("ClearOutput", "DeduplicateIds", "OverwriteKernelspec", "OverwriteCells")),
        f"{theirs}.CheckCellMetadata",
    ]
    config.Autograde.autograde_preprocessors = [
        f"{_HERE}.GradeCells",
        *(f"{theirs}.{n}" for n in ("LimitOutput", "SaveAutoGrades", "AssignLatePenalties", "CheckCellMetadata")),
    ]
    config.Autograde.pre_convert_hook = f"{_HERE}.leave_out_links"
    patches.copy_regular_files_alone()
    patches.read_times_as_we_do()
    patches.show_pages_as_we_do()
    patches.release_all_or_nothing()
    here = feedback.__name__
    config.HTMLExporter.filters = {
        name: f"{here}.{f.__name__}" for name, f in feedback.FILTERS.items()
    }  # formgrader's too
    config.GenerateFeedback.exporter_class = "convgrader.nbgrader_plugin.feedback.FeedbackExporter"
    config.FeedbackExporter.update(feedback.TEMPLATE)
    config.ExportApp.plugin_class = "convgrader.nbgrader_plugin.exporting.PlainCsvExport"
    config.GradeCells.unconfined = unconfined


def leave_out_links(notebooks, **context):
    """Take from the list of a submission's notebooks what is no file: a link to somebody else's, a pipe."""
    notebooks[:] = filter(files.is_regular, notebooks)


class _OfAnAssignment(NbGraderPreprocessor):
    """Knows the instructor's cells."""

    def source(self, resources):
        """Return the assignment's notebook and its secret seed, from the database."""
        where = resources["nbgrader"]
        with Gradebook(where["db_url"]) as gradebook:
            found = grading_log.source_of(gradebook, where["notebook"], where["assignment"])
            return found, grading_log.seed_of(gradebook, where["assignment"])

    def forget(self, resources):
        """Take away what is recorded of an earlier grading: ``autograder grade --resume`` must not rely on it."""
        where = resources["nbgrader"]
        with Gradebook(where["db_url"]) as gradebook:
            grading_log.forget(gradebook, where["student"], where["assignment"], where["notebook"])


class Normalise(_OfAnAssignment):
    """Takes over of a submission what students may write, and puts it into the instructor's frame."""

    def preprocess(self, nb, resources):
        """Return a notebook with the instructor's cells, ids and metadata."""
        return from_dict(reader.compose(reader.parts_of(nb), self.source(resources)[0])), resources


class GradeCells(_OfAnAssignment):
    """Runs the student's cells in a sandbox and the instructor's checks here."""

    unconfined = Bool(
        False,
        help="Run students' code with your own rights: it can read and change all that you can. For machines that "
        "cannot confine a process, and for submissions that you trust.",
    ).tag(config=True)
    cell_seconds = Float(Budget.cell, help="How long one cell may take.").tag(config=True)
    site = Unicode("", help="Where the course's site is published: verdicts link to its sections.").tag(config=True)
    notebook_seconds = Float(Budget.notebook, help="How long one submission may take as a whole.").tag(config=True)

    def preprocess(self, nb, resources):
        """Write the outputs of all code cells."""
        source, seed = self.source(resources)
        self.forget(resources)
        budget = Budget(self.cell_seconds, self.notebook_seconds)
        folder = resources.get("metadata", {}).get("path", ".")
        import torch

        torch.set_num_threads(1)  # as workers have it: more would take memory that a check is then refused
        zygote = warm_zygote(not self.unconfined)
        zygote.wait()
        NotebookGrader(source.plan, zygote, seed, budget, folder, self.site).run(nb.cells)
        return from_dict(nb), resources
