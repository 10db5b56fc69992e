"""Images are made to fit: what is sent is the picture that the user sees, within the limits."""

import io
from pathlib import Path
from random import Random

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat

from cometrunway._media._image_limits import ImageLimits
from cometrunway._media._inputs import LocalFile
from cometrunway._media._shrink import Fitted, shrunk
from tests.pictures import encoded, picture

SAMPLES = Path(__file__).parent / "samples"
LIMITS = ImageLimits(ratio=(0.4, 4), usual_ratio=(0.5, 2), most_side=500)
CORNERS = {"red": (0, 0), "lime": (1, 0), "blue": (0, 1), "white": (1, 1)}
"""The colours of the quarters of the picture, by column and row."""
COLOURS = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


def quarters(size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Return a picture whose orientation shows."""
    image = Image.new("RGB", (2, 2))
    for colour, place in CORNERS.items():
        image.putpixel(place, COLOURS[colour])
    return image.resize(size, Image.Resampling.NEAREST)


def fitted(content: bytes, most_bytes: int | None = 3_749_982, limits: ImageLimits = LIMITS) -> Fitted:
    """Make a file fit."""
    return shrunk(LocalFile.of(content), limits, most_bytes=most_bytes)


def opened(made: Fitted) -> Image.Image:
    """Return what was made."""
    return Image.open(io.BytesIO(made.content))


def assert_upright(image: Image.Image) -> None:
    """Make sure that each quarter has its colour."""
    plain = image.convert("RGB")
    for colour, (column, row) in CORNERS.items():
        place = ((2 * column + 1) * image.width // 4, (2 * row + 1) * image.height // 4)
        found = plain.getpixel(place)
        assert isinstance(found, tuple)
        assert max(abs(one - other) for one, other in zip(found, COLOURS[colour], strict=True)) < 12, colour


TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a picture is stored that each orientation of Exif turns upright."""


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_picture_on_its_side_is_turned(form: str, orientation: int) -> None:
    """Of each orientation and format; Exif is not sent, and with it no place where a photo was taken."""
    made = fitted(encoded(quarters().transpose(TURNED[orientation]), form, orientation=orientation))
    image = opened(made)
    assert ("turned upright" in made.done) is (form != "TIFF")  # Pillow itself turns those
    assert made.was == made.size == image.size == (320, 240)
    assert_upright(image)
    assert not image.getexif()


@pytest.mark.parametrize("name", ["still.heic", "still.avif", "animated.gif", "two-images.jpg", "lossless.webp"])
def test_what_phones_and_programs_make(name: str) -> None:
    """HEIC, AVIF, the first frame of a GIF: as JPEG or PNG, and it looks as the sample does."""
    made = fitted((SAMPLES / name).read_bytes())
    image = opened(made)
    assert image.format in {"JPEG", "PNG"}
    assert "converted to image/jpeg" in made.done or "converted to image/png" in made.done or name.endswith(".jpg")
    assert (made.done[0] == "reduced to the first of its 5 frames") is (name == "animated.gif")
    still = Image.open(SAMPLES / "still.png").convert("RGB").resize(image.size)
    if name != "two-images.jpg":
        assert ImageStat.Stat(ImageChops.difference(still, image.convert("RGB"))).mean < [20, 20, 20]


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "LA", "RGBA", "I;16", "LAB"])
def test_each_kind_of_colours(mode: str) -> None:
    """Of TIFF; each becomes grey or RGB, with its transparency."""
    image = Image.new(mode, (64, 48)) if mode in {"I;16", "LAB"} else quarters((64, 48)).convert(mode)
    found = opened(fitted(encoded(image, "TIFF")))
    assert found.mode in {"L", "RGB"}
    if mode in {"P", "CMYK", "RGBA"}:
        assert_upright(found)


def test_a_photo_of_nine_megabytes() -> None:
    """On its side, in another colour space: upright, in sRGB, scaled, below the limit, and the same bytes each time."""
    noise = Image.effect_noise((1600, 1200), 90).convert("RGB")
    stored = Image.blend(quarters((1600, 1200)), noise, 0.05).transpose(TURNED[6])
    content = encoded(stored, "JPEG", orientation=6, quality=100, subsampling=0, icc_profile=wide_gamut()) + bytes(10)
    content += bytes(9_000_000 - len(content))
    made = fitted(content)
    image = opened(made)
    assert made.done[:2] == ("turned upright", "its colours converted from Wide to sRGB")
    assert made.was == (1600, 1200)
    assert image.format == "JPEG"
    assert "icc_profile" not in image.info
    assert len(made.content) <= 3_749_982
    assert image.width / image.height == pytest.approx(4 / 3, abs=0.01)
    assert fitted(content) == made


def wide_gamut() -> bytes:
    """Return the profile of a colour space with the primaries of Adobe RGB, which is described as Wide."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert b"s\0R\0G\0B" in profile
    return bytes(profile.replace(b"s\0R\0G\0B\0 \0b\0u\0i\0l\0t\0-\0i\0n", b"W\0i\0d\0e\0 \0 \0 \0 \0 \0 \0 \0 \0 "))


def test_colours_are_converted() -> None:
    """A profile that exchanges red and green is applied, not dropped."""
    profile = bytearray(wide_gamut())
    entries = {bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * profile[131], 12)}
    red, green = entries[b"rXYZ"], entries[b"gXYZ"]
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    made = fitted(encoded(Image.new("RGB", (300, 300), "red"), "TIFF", icc_profile=bytes(profile)))
    assert opened(made).getpixel((9, 9)) == (0, 255, 0)
    assert "its colours converted from Wide to sRGB" in made.done


def test_a_profile_that_cannot_be_applied_is_kept() -> None:
    """The profile is kept unchanged, because another program may be able to apply it."""
    made = fitted(encoded(quarters(), "TIFF", icc_profile=b"no profile"))
    assert opened(made).info["icc_profile"] == b"no profile"


@pytest.mark.parametrize(("most", "form"), [(None, "PNG"), (20_000, "WEBP")])
def test_transparency_stays(most: int | None, form: str) -> None:
    """In a PNG, or where that is too large in a WebP; a channel of nothing transparent is none."""
    image = Image.merge("RGB", [Image.effect_noise((400, 300), 90) for _ in "RGB"]).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    found = opened(fitted(encoded(image, "TIFF"), most))
    assert (found.format, found.mode) == (form, "RGBA")
    alpha = found.getchannel("A").resize(image.size)
    assert ImageStat.Stat(ImageChops.difference(alpha, image.getchannel("A"))).mean < [3]
    assert opened(fitted(encoded(quarters().convert("RGBA"), "TIFF"))).mode == "RGB"


@pytest.mark.parametrize(
    ("size", "made", "done"),
    [
        ((4000, 100), (200, 100), ("cropped",)),
        ((2250, 375), (500, 250), ("cropped", "scaled")),
        ((100, 1000), (100, 200), ("cropped",)),
        ((525, 525), (500, 500), ("scaled",)),
        ((500, 250), (500, 250), ("compressed",)),
    ],
)
def test_shapes(size: tuple[int, int], made: tuple[int, int], done: tuple[str, ...]) -> None:
    """What is too wide or too tall loses both ends alike, what is too large is scaled."""
    found = fitted(picture(size))
    assert (found.was, found.size) == (size, made)
    assert set(done) <= set(found.done)
    assert opened(found).size == made


def test_the_middle_is_kept() -> None:
    """Of a strip, the ends go."""
    strip = Image.new("RGB", (1200, 100), "red")
    strip.paste("lime", (500, 0, 700, 100))
    assert opened(fitted(encoded(strip, "PNG"))).getcolors() == [(20_000, (0, 255, 0))]


@pytest.mark.parametrize("most", [5_000, 20_000, 100_000])
def test_no_more_bytes_than_may_be(most: int) -> None:
    """In as many pixels as that allows."""
    noise = Image.effect_noise((750, 500), 90).convert("RGB")
    made = fitted(encoded(noise, "JPEG", quality=95), most, ImageLimits())
    assert most / 3 < len(made.content) <= most
    assert "scaled" in made.done


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (picture((12_000, 9_000), "PNG"), "12000x9000 pixels; at most 89478485 are opened"),
        (picture((400, 300), "JPEG")[:700], "cannot be opened as image/jpeg: image file is truncated"),
        (b"II*\0" + bytes(100), "cannot be opened as image/tiff"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "cannot be opened as image/heic"),
        (encoded(Image.new("F", (9, 9)), "TIFF"), "has colours in floating point"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_cannot_be_opened(content: bytes, part: str) -> None:
    """Bombs, damaged files: the error names the file and the reason."""
    with pytest.raises(ValueError, match=r"local file <\d+ bytes> ") as refused:
        fitted(content)
    assert part in str(refused.value)


def test_a_limit_that_nothing_fits_into() -> None:
    """It ends, with an error."""
    with pytest.raises(ValueError, match="cannot be made to fit into 100 bytes"):
        fitted(picture((640, 480), "JPEG"), 100)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # of damaged files
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_no_change_of_a_file_does_harm(form: str) -> None:
    """Cut, or with wrong bytes, a file makes an image or a ValueError, and nothing else."""
    rng, whole, limits = Random(form), picture((40, 30), form), ImageLimits()
    for number in range(60):
        spoiled = bytearray(whole if number % 2 else whole[: rng.randrange(30, len(whole))])
        for _ in range(rng.randint(0, 3)):
            spoiled[rng.randrange(12, len(spoiled))] = rng.randrange(256)
        try:
            made = fitted(bytes(spoiled), 10_000, limits)
        except ValueError:
            continue
        assert len(made.content) <= 10_000
        opened(made).load()
