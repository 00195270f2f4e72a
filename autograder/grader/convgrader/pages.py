"""What all pages of reports have in common: texts are escaped, and have no characters that move or hide others."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from convcourse.engine.display import printable


def environment() -> Environment:
    """Return an environment for the templates in ``convgrader/templates``; a page extends ``report.html.j2``."""
    return Environment(
        loader=PackageLoader("convgrader"),
        autoescape=True,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )


def _harmless(value: object) -> object:
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
