"""What the gradebook holds beside nbgrader's own tables, in tables of nbgrader's database.

Of each assignment the secret seed; of each graded notebook a record, the digests of its answers and the verdicts of
its checks; what was graded of tasks that are gone, which `revising` keeps aside; and which marks `groups` handed on to
other members. So a copy of ``gradebook.db`` is
all there is to keep.
"""

import json
import secrets
from dataclasses import asdict, dataclass

from nbgrader.api import Gradebook
from nbgrader.api import SourceCell as Row
from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

from convcourse.grade_ids import CHECK
from convgrader.jobs import NotebookResult, TaskVerdict
from convgrader.notebooks.source import SourceCell, SourceNotebook

_TABLES = (
    "CREATE TABLE IF NOT EXISTS autograder_seed (assignment TEXT PRIMARY KEY, seed INTEGER NOT NULL)",
    """CREATE TABLE IF NOT EXISTS autograder_record (
        student TEXT NOT NULL, assignment TEXT NOT NULL, notebook TEXT NOT NULL, digest TEXT NOT NULL,
        seed INTEGER NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, score REAL NOT NULL, seconds REAL NOT NULL,
        checks TEXT NOT NULL DEFAULT '', PRIMARY KEY (student, assignment, notebook))""",
    """CREATE TABLE IF NOT EXISTS autograder_answer (
        student TEXT NOT NULL, assignment TEXT NOT NULL, notebook TEXT NOT NULL, cell TEXT NOT NULL,
        digest TEXT NOT NULL, PRIMARY KEY (student, assignment, notebook, cell))""",
    """CREATE TABLE IF NOT EXISTS autograder_aside (
        assignment TEXT NOT NULL, notebook TEXT NOT NULL, cell TEXT NOT NULL, kind TEXT NOT NULL, student TEXT NOT NULL,
        content TEXT NOT NULL, PRIMARY KEY (assignment, notebook, cell, kind, student))""",
    """CREATE TABLE IF NOT EXISTS autograder_verdict (
        student TEXT NOT NULL, assignment TEXT NOT NULL, notebook TEXT NOT NULL, cell TEXT NOT NULL, task TEXT NOT NULL,
        points REAL NOT NULL, earned REAL NOT NULL, content TEXT NOT NULL,
        PRIMARY KEY (student, assignment, notebook, cell, task))""",
    """CREATE TABLE IF NOT EXISTS autograder_shared (
        student TEXT NOT NULL, assignment TEXT NOT NULL, notebook TEXT NOT NULL, cell TEXT NOT NULL, kind TEXT NOT NULL,
        content TEXT NOT NULL, PRIMARY KEY (student, assignment, notebook, cell, kind))""",
)
_OF_STUDENTS = ("autograder_record", "autograder_answer", "autograder_aside", "autograder_verdict", "autograder_shared")
_COLUMNS = ("cell", "task", "points", "earned")  # of a TaskVerdict; the rest of it is its content
# When nbgrader removes a submission, of a student who leaves for example, ours of it goes too.
_REMOVAL = f"""CREATE TRIGGER autograder_removal AFTER DELETE ON submitted_assignment BEGIN
    {
    " ".join(
        f"DELETE FROM {table} WHERE student = OLD.student_id "
        "AND assignment = (SELECT name FROM assignment WHERE id = OLD.assignment_id);"
        for table in _OF_STUDENTS
    )
} END"""


@dataclass(frozen=True)
class Record:
    """How the grading of one notebook went.

    `status` is "graded" or "failed"; `digest` is that of the file, `checks` of what judged it
    (`convgrader.fingerprint`; "" where it was graded before that was recorded).
    """

    student: str
    assignment: str
    notebook: str
    digest: str
    seed: int
    status: str
    reason: str
    score: float
    seconds: float
    checks: str = ""


def prepare(gradebook: Gradebook) -> None:
    """Make the tables if they are not there, and commit."""
    make_tables(gradebook.db)
    gradebook.db.commit()


def make_tables(db: Session) -> None:
    """Make the tables if they are not there, and add what a gradebook of an earlier version lacks."""
    for table in _TABLES:
        db.execute(text(table))
    if "checks" not in {column["name"] for column in inspect(db.connection()).get_columns("autograder_record")}:
        db.execute(text("ALTER TABLE autograder_record ADD COLUMN checks TEXT NOT NULL DEFAULT ''"))
    query = text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'autograder_removal'")
    if db.execute(query).scalar() != _REMOVAL:  # there is none, or that of a version with fewer tables
        db.execute(text("DROP TRIGGER IF EXISTS autograder_removal"))
        db.execute(text(_REMOVAL))


def seed_of(gradebook: Gradebook, assignment: str) -> int:
    """Return the assignment's secret seed: drawn once and then kept, so that a regrade gives the same score."""
    prepare(gradebook)
    gradebook.db.execute(
        text("INSERT OR IGNORE INTO autograder_seed VALUES (:name, :seed)"),
        {"name": assignment, "seed": secrets.randbits(62)},
    )
    gradebook.db.commit()
    rows = gradebook.db.execute(text("SELECT seed FROM autograder_seed WHERE assignment = :name"), {"name": assignment})
    return int(rows.scalar_one())


def save(gradebook: Gradebook, record: Record) -> None:
    """Write a record in place of the one before, without committing."""
    gradebook.db.execute(
        text(
            "INSERT OR REPLACE INTO autograder_record "
            "(student, assignment, notebook, digest, seed, status, reason, score, seconds, checks) VALUES "
            "(:student, :assignment, :notebook, :digest, :seed, :status, :reason, :score, :seconds, :checks)"
        ),
        vars(record),
    )


def save_answers(gradebook: Gradebook, student: str, assignment: str, notebook_result: NotebookResult) -> set[str]:
    """Write the digests of a NotebookResult's answers, without committing; return the names of those that changed.

    Where an earlier version graded it and kept no digests, they have all changed if the file has.
    """
    key = {"student": student, "assignment": assignment, "notebook": notebook_result.notebook}
    condition = "WHERE student = :student AND assignment = :assignment AND notebook = :notebook"
    rows = gradebook.db.execute(text(f"SELECT cell, digest FROM autograder_answer {condition}"), key)
    earlier = {row.cell: row.digest for row in rows}
    changed = {cell for cell, digest in notebook_result.answer_digests.items() if earlier.get(cell) != digest}
    for cell in changed:
        gradebook.db.execute(
            text(
                "INSERT OR REPLACE INTO autograder_answer (student, assignment, notebook, cell, digest) "
                "VALUES (:student, :assignment, :notebook, :cell, :digest)"
            ),
            key | {"cell": cell, "digest": notebook_result.answer_digests[cell]},
        )
    file_digest = gradebook.db.execute(text(f"SELECT digest FROM autograder_record {condition}"), key).scalar()
    return set() if not earlier and file_digest == notebook_result.digest else changed


def save_verdicts(gradebook: Gradebook, student: str, assignment: str, notebook_result: NotebookResult) -> None:
    """Write the verdicts of a NotebookResult in place of those before, without committing."""
    key = {"student": student, "assignment": assignment, "notebook": notebook_result.notebook}
    condition = "student = :student AND assignment = :assignment AND notebook = :notebook"
    gradebook.db.execute(text(f"DELETE FROM autograder_verdict WHERE {condition}"), key)
    statement = text(
        "INSERT OR REPLACE INTO autograder_verdict "
        "(student, assignment, notebook, cell, task, points, earned, content) "
        "VALUES (:student, :assignment, :notebook, :cell, :task, :points, :earned, :content)"
    )
    for verdict in notebook_result.verdicts:
        values = asdict(verdict)
        columns = {name: values.pop(name) for name in _COLUMNS}
        gradebook.db.execute(statement, key | columns | {"content": json.dumps(values)})


def verdicts(gradebook: Gradebook, assignment: str) -> dict[tuple[str, str], list[TaskVerdict]]:
    """Return {(student, notebook): its TaskVerdicts} of an assignment; write nothing into the gradebook."""
    if not inspect(gradebook.db.connection()).has_table("autograder_verdict"):
        return {}
    rows = gradebook.db.execute(
        text(
            "SELECT student, notebook, cell, task, points, earned, content FROM autograder_verdict "
            "WHERE assignment = :name ORDER BY rowid"
        ),
        {"name": assignment},
    )
    found: dict[tuple[str, str], list[TaskVerdict]] = {}
    for student, notebook, *columns, content in rows:
        values = json.loads(content)
        values |= {name: tuple(values[name]) for name in ("broken", "mistakes")}
        found.setdefault((student, notebook), []).append(TaskVerdict(*columns, **values))
    return found


def rename_verdicts(db: Session, assignment: str, notebook: str, old: str, new: str) -> None:
    """Give the verdicts on a task the task's new name, without committing."""
    key = {"a": assignment, "n": notebook, "old": old, "new": new, "old_cell": CHECK + old, "new_cell": CHECK + new}
    condition = "WHERE assignment = :a AND notebook = :n AND"
    db.execute(text(f"UPDATE OR REPLACE autograder_verdict SET cell = :new_cell {condition} cell = :old_cell"), key)
    db.execute(text(f"UPDATE OR REPLACE autograder_verdict SET task = :new {condition} task = :old"), key)


def forget(gradebook: Gradebook, student: str, assignment: str) -> None:
    """Remove all that these tables hold of a student's submission, if there is anything."""
    prepare(gradebook)
    key = {"student": student, "assignment": assignment}
    for table in _OF_STUDENTS:
        gradebook.db.execute(text(f"DELETE FROM {table} WHERE student = :student AND assignment = :assignment"), key)
    gradebook.db.commit()


def records(gradebook: Gradebook, assignment: str, status: str = "graded") -> dict[tuple[str, str], Record]:
    """Return {(student, notebook): Record} of all notebooks of an assignment whose grading went so."""
    prepare(gradebook)
    rows = gradebook.db.execute(
        text(
            "SELECT student, assignment, notebook, digest, seed, status, reason, score, seconds, checks "
            "FROM autograder_record WHERE assignment = :name AND status = :status"
        ),
        {"name": assignment, "status": status},
    )
    return {(row.student, row.notebook): Record(*row) for row in rows}


def failed_students(gradebook: Gradebook, assignment: str) -> set[str]:
    """Return the students of whom a notebook could not be graded; write nothing into the gradebook."""
    if not inspect(gradebook.db.connection()).has_table("autograder_record"):
        return set()
    statement = text("SELECT student FROM autograder_record WHERE assignment = :name AND status = 'failed'")
    return set(gradebook.db.execute(statement, {"name": assignment}).scalars())


def source_of(gradebook: Gradebook, notebook: str, assignment: str) -> SourceNotebook:
    """Return an assignment's notebook as the instructor generated it: a `SourceNotebook`."""
    notebook_row = gradebook.find_notebook(notebook, assignment)
    order = text("rowid") if gradebook.engine.dialect.name == "sqlite" else None
    graded = {cell.name: cell for cell in notebook_row.grade_cells}
    tasks = {cell.name: cell for cell in notebook_row.task_cells}
    solutions = {cell.name for cell in notebook_row.solution_cells}
    rows = gradebook.db.query(Row).filter(Row.notebook_id == notebook_row.id).order_by(order).all()
    cells = [
        SourceCell(
            name=row.name,
            cell_type=row.cell_type,
            source=row.source,
            checksum=row.checksum,
            locked=row.locked,
            grade=row.name in graded,
            solution=row.name in solutions,
            task=row.name in tasks,
            points=(graded.get(row.name) or tasks[row.name]).max_score if row.name in graded | tasks else None,
        )
        for row in rows
    ]
    kernelspec = json.loads(notebook_row.kernelspec) if notebook_row.kernelspec else {}
    return SourceNotebook(notebook, tuple(cells), kernelspec)
