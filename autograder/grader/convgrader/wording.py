"""How the numbers of a report are written, in the terminal and on a page."""

from rich.console import Console
from rich.markup import escape

from convcourse.engine.display import page_of, printable
from convcourse.engine.outcomes import BLANK, ERROR, NOT_CALLED, RIGHT, WRONG

OUTCOMES = {RIGHT: "right", WRONG: "wrong", ERROR: "an error", BLANK: "blank", NOT_CALLED: "not tried"}


def print_line(console: Console, line: str) -> None:
    """Print a text as it is, whatever a student wrote into it."""
    console.print(escape(printable(line)), highlight=False, soft_wrap=True)


def counted(number: float, what: str) -> str:
    """Write how many there are of something.

    Examples
    --------
    >>> counted(1, "student"), counted(2.5, "point")
    ('1 student', '2.5 points')
    """
    return f"{number:,.10g} {what}{'' if number == 1 else 's'}"


def number(value: float | None) -> str:
    """Write a number with two digits behind the point, and a dash where there is none.

    Examples
    --------
    >>> number(-0.001), number(None)
    ('0.00', '-')
    """
    return "-" if value is None else f"{round(value, 2) + 0.0:.2f}"


def percent(value: float | None) -> str:
    """Write a share.

    Examples
    --------
    >>> percent(0.25), percent(None)
    ('25 %', '-')
    """
    return "-" if value is None else f"{100 * value:.0f} %"


def page(section: str, address: str) -> str:
    """Return where a section of the book is, below the `address` of the site."""
    return address + page_of(section) if section else ""


def outcomes(letters: str) -> str:
    """Say in words what an answer gave on the table of a check; "" where it has none.

    Examples
    --------
    >>> outcomes("rrwe")
    'Of 4 cases: 2 right, 1 wrong, 1 an error.'
    """
    counts = [f"{letters.count(letter)} {word}" for letter, word in OUTCOMES.items() if letter in letters]
    return f"Of {counted(len(letters), 'case')}: {', '.join(counts)}." if letters else ""
