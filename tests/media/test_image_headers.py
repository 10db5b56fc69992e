"""Headers of images: the size and the orientation that Pillow finds, without it."""

import io
from pathlib import Path
from random import Random

import pytest
from PIL import ExifTags, Image

from cometrunway._media._image_headers import ImageHeader, image_header
from tests.samples import PNG

SAMPLES = Path(__file__).parent / "samples"
FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


def encoded(name: str, size: tuple[int, int] = (40, 30), orientation: int = 1, **options: object) -> bytes:
    """Return an image of a format, with Exif."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "a maker"
    exif[ExifTags.Base.Orientation] = orientation
    made = io.BytesIO()
    Image.new("RGB", size, "teal").save(made, name, exif=exif, **options)
    return made.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", FORMATS)
def test_size_and_orientation(name: str, orientation: int) -> None:
    """Of each format; an image that lies on its side is shown with width and height exchanged."""
    header = image_header(io.BytesIO(encoded(name, orientation=orientation)), FORMATS[name])
    assert header == ImageHeader(40, 30, orientation)
    assert header.shown_size == ((30, 40) if orientation > 4 else (40, 30))


@pytest.mark.parametrize(
    ("name", "options"),
    [("JPEG", {"progressive": True}), ("PNG", {"optimize": True}), ("WEBP", {"lossless": True}), ("WEBP", {})],
)
def test_the_kinds_of_each_format(name: str, options: dict[str, object]) -> None:
    """Progressive, optimised, lossless; of a size that needs two bytes."""
    made = io.BytesIO()
    Image.new("RGB", (1001, 3)).save(made, name, **options)
    assert image_header(made, FORMATS[name]) == ImageHeader(1001, 3)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of faults of the writers
@pytest.mark.parametrize("path", [path for path in SAMPLES.iterdir() if path.suffix in {".jpg", ".png", ".webp"}])
def test_files_of_other_writers(path: Path) -> None:
    """With a thumbnail, with several images, with restarts: the size is that of the first image."""
    with Image.open(path) as image, path.open("rb") as file:
        header = image_header(file, "image/jpeg" if path.suffix == ".jpg" else f"image/{path.suffix[1:]}")
        assert header is not None
        assert (header.width, header.height) == image.size


def test_what_has_no_size() -> None:
    """Another type, no pixels, a size of nothing."""
    assert image_header(io.BytesIO(b"GIF89a"), "image/gif") is None
    without_pixels = PNG[:33] + PNG[-12:]
    assert image_header(io.BytesIO(without_pixels), "image/png") is None
    assert image_header(io.BytesIO(PNG[:16] + bytes(8) + PNG[24:]), "image/png") is None
    assert image_header(io.BytesIO(b"\xff\xd8" + b"\xff" * 100_000), "image/jpeg") is None
    assert image_header(io.BytesIO(b"\xff\xd8" + b"\xff\xe2\0\2" * 20_000), "image/jpeg") is None


@pytest.mark.parametrize("name", FORMATS)
def test_no_change_of_a_file_breaks_it(name: str) -> None:
    """Cut anywhere, or with wrong bytes, it has a size or none, and nothing is raised."""
    rng, whole = Random(1), encoded(name, orientation=6)
    for length in range(12, len(whole)):
        image_header(io.BytesIO(whole[:length]), FORMATS[name])
    for _ in range(2000):
        spoiled = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            spoiled[rng.randrange(2, len(spoiled))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
        header = image_header(io.BytesIO(spoiled), FORMATS[name])
        assert header is None or (header.width > 0 and header.height > 0 and 1 <= header.orientation <= 8)
