"""Images as cameras and programs make them, for tests that send them."""

import io
from typing import Any

from PIL import ExifTags, Image


def encoded(image: Image.Image, form: str, *, orientation: int = 1, **options: Any) -> bytes:
    """Return an image as a file, with Exif that says how it is turned."""
    file, exif = io.BytesIO(), Image.Exif()
    if orientation != 1:
        exif[ExifTags.Base.Orientation] = orientation
    image.save(file, form, exif=exif, **options)
    return file.getvalue()


def picture(size: tuple[int, int] = (640, 480), form: str = "PNG", *, orientation: int = 1, **options: Any) -> bytes:
    """Return an image of one colour as a file."""
    return encoded(Image.new("RGB", size, "teal"), form, orientation=orientation, **options)
