"""The list of references names its entries as the text cites them: by authors and year."""

from pybtex.plugin import register_plugin
from pybtex.style.formatting.alpha import Style as AlphabeticStyle
from pybtex.style.labels import BaseLabelStyle


def surname(person):
    """Return a surname with what belongs to it, as in "van Hateren"."""
    return " ".join(str(part) for part in person.rich_prelast_names + person.rich_last_names)


class AuthorYearLabels(BaseLabelStyle):
    """One author or two are named; more are the first "et al."."""

    def format_labels(self, entries):
        for entry in entries:
            first, *others = map(surname, entry.persons["author"])
            more = " et al." if others[1:] else "".join(f" and {other}" for other in others)
            yield f"{first}{more}, {entry.fields['year']}"


class AuthorYearStyle(AlphabeticStyle):
    default_label_style = AuthorYearLabels


def setup(app):
    register_plugin("pybtex.style.formatting", "author_year", AuthorYearStyle)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
