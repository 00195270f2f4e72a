"""Code in colours with few elements: a chapter has thousands of tokens, and a browser pays for each that it wraps."""

from pygments.formatters import HtmlFormatter
from pygments.styles import get_style_by_name
from pygments.token import Text, Token
from sphinx.highlighting import PygmentsBridge


class SparseFormatter(HtmlFormatter):
    """Wraps a token only where it looks otherwise than what stands around it, in every style of the site."""

    styles = ()

    def _get_css_classes(self, ttype):
        """Return the class of the largest kind of tokens that looks like this one; "" where plain code does."""
        return super()._get_css_classes(kind_of_looks(ttype, self.styles))


def kind_of_looks(ttype, styles):
    """Return the most general kind of tokens that looks in all styles as `ttype` does: `Token` for plain code.

    Examples
    --------
    >>> from pygments.token import Name, String
    >>> styles = [get_style_by_name("a11y-high-contrast-light")]
    >>> kind_of_looks(String.Interpol, styles), kind_of_looks(Name, styles)
    (Token.Literal.String, Token)
    """

    def looks(kind):
        return [style.style_for_token(kind) for style in styles]

    own = looks(ttype)
    if own == looks(Text):  # whose colour the block has
        return Token
    while ttype.parent is not None and own == looks(ttype.parent):
        ttype = ttype.parent
    return ttype


def set_styles(app, config):
    """Tell the formatter the styles that a reader may choose."""
    options = config.html_theme_options
    names = [options[name] for name in ("pygments_light_style", "pygments_dark_style") if name in options]
    SparseFormatter.styles = [get_style_by_name(name) for name in names]
    PygmentsBridge.html_formatter = SparseFormatter if names else HtmlFormatter


def setup(app):
    app.connect("config-inited", set_styles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
