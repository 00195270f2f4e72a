"""Serve the figures that chapters draw as WebP: the same pixels in half the bytes of PNG."""

from pathlib import Path

from PIL import Image
from sphinx.transforms.post_transforms.images import BaseImageConverter

LARGE = 100_000  # bytes; what is larger without loss, a photograph, is compressed with a little


class WebP(BaseImageConverter):
    """Replaces the PNG that a cell drew, in the HTML only."""

    default_priority = 190  # before Sphinx's own converters

    def match(self, node):
        """Say whether a picture is a cell's PNG."""
        return self.app.builder.format == "html" and node["uri"].endswith(".png") and node["uri"] in self.env.images

    def handle(self, node):
        """Convert it, unless that has been done, and point to the result."""
        source = Path(self.app.srcdir) / node["uri"]
        target = Path(self.imagedir) / f"{source.stem}.webp"
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            convert(source, target)
        node["uri"] = str(target)
        node["candidates"] = {"*": str(target)}
        self.env.images.add_file(self.env.docname, str(target))


def convert(source, target):
    """Write a picture as WebP."""
    with Image.open(source) as image:
        image.save(target, lossless=True)
        if target.stat().st_size > LARGE:
            image.save(target, quality=92)


def setup(app):
    app.add_post_transform(WebP)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
