"""All errors of this package, and what they are for.

::

    GraderError
    ├── AssignmentError               a cell of the assignment itself fails: nothing can be graded
    ├── MalformedNotebookError        what was handed in is no notebook; also a ValueError
    ├── ArchiveError                  nothing can be collected from what was handed in
    ├── StudentNotFoundError          nobody of the class, or more than one, is meant
    ├── DatabaseError                 the gradebook cannot be read or written
    ├── PoolError                     workers cannot be started
    ├── IsolationError                this machine cannot lock a process away
    ├── SandboxError                  there is no sandbox to be had
    │   ├── TimeUpError               the time for the whole notebook is used up
    │   └── ZygoteEndedError          the process that forks sandboxes is gone
    └── ProtocolError                 what came, or is to go, does not fit the language of sandbox and grader
        ├── ConnectionClosedError     the other side is gone
        ├── MalformedReplyError       what the other side reports is not what it was asked for
        └── ReplyTimeoutError         the other side did not answer in time
"""


class GraderError(Exception):
    """Something keeps the grader from its work; the message says what, in one sentence."""


class AssignmentError(GraderError):
    """A cell of the assignment itself fails: nothing can be graded."""


class MalformedNotebookError(GraderError, ValueError):
    """The file is not a notebook."""


class ArchiveError(GraderError):
    """Nothing can be collected from an archive, or from a file in it; the message says why, without a full stop."""


class StudentNotFoundError(GraderError):
    """Whom a platform means is nobody of the class, or not one alone; the message says why, without a full stop."""


class DatabaseError(GraderError):
    """The database cannot be read or written; the message names it."""


class PoolError(GraderError):
    """Workers cannot be started."""


class IsolationError(GraderError):
    """This machine cannot lock a process away."""


class SandboxError(GraderError):
    """There is no sandbox to be had."""


class TimeUpError(SandboxError):
    """The time for the whole notebook is used up; the message says by what."""


class ZygoteEndedError(SandboxError):
    """The process that forks sandboxes is gone."""


class ProtocolError(GraderError):
    """What came, or is to go, does not fit the language."""


class ConnectionClosedError(ProtocolError):
    """The other side is gone."""


class MalformedReplyError(ProtocolError):
    """What the other side reports is not what it was asked for."""


class ReplyTimeoutError(ProtocolError):
    """The other side did not answer in time."""
