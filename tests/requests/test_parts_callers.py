"""Values of other libraries: taken where their meaning is plain, else refused with the cure, without their content."""

import base64
import io
from array import array
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import urlparse, urlsplit

import httpx
import pytest
from pydantic import HttpUrl
from yarl import URL

from cometrunway import ImageToVideo, MotionVector, ProGenerate, TextToImage, VideoToVideo
from tests.samples import CAT, CLIP, PNG


class Whole:
    """A whole number of another library, such as numpy's int64."""

    def __index__(self) -> int:
        return 7


class Location:
    """A path of another library."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


def test_numbers_of_any_library_are_taken() -> None:
    """They become Python's own, which JSON can hold; a truth value and a fraction do not."""
    whole: Any = Whole()
    made = ImageToVideo(prompt_image=CAT, seed=whole, duration=whole)
    assert (type(made.seed), made.seed, made.duration) == (int, 7, 7)
    half: Any = Fraction(1, 2)
    vector = MotionVector(x=half)
    assert (type(vector.x), vector.x) == (float, 0.5)
    wrong: Any
    for wrong in (True, 5.0, "7", Fraction(7), float("nan")):
        with pytest.raises(ValueError, match="seed"):
            ImageToVideo(prompt_image=CAT, seed=wrong)


def test_urls_paths_and_buffers_of_any_library_are_taken(tmp_path: Path) -> None:
    """Each becomes a text, a path or bytes, wherever a medium is taken."""
    file = tmp_path / "cat.png"
    file.write_bytes(PNG)
    given: list[Any] = [
        *(URL(CAT), httpx.URL(CAT), HttpUrl(CAT), urlsplit(CAT), urlparse(CAT)),
        *(Location(file), PNG, bytearray(PNG), memoryview(PNG)),
    ]
    meant = [CAT] * 5 + [file] + [PNG] * 3
    for medium, wanted in zip(given, meant, strict=True):
        assert ImageToVideo(prompt_image=medium).prompt_image == wanted
        several: Any = ImageToVideo(prompt_image=[medium]).prompt_image
        assert several[0].uri == wanted
        assert TextToImage(prompt_text="a", reference_images=[medium]).reference_images[0].uri == wanted
        assert ProGenerate(prompt="a", callback_url=CAT, image=medium).image == wanted
        made = VideoToVideo(video_uri=CLIP, prompt_text="a", references=[medium])
        assert made.references[0].uri == wanted


class Picture:
    """An image as PIL has it."""

    mode = "RGB"

    def save(self, _target: object, _format: str) -> None:
        """Be there."""


@pytest.mark.parametrize(
    ("medium", "cure"),
    [
        (io.BytesIO(PNG), "pathlib.Path of the file, or what its read"),
        (io.StringIO("secret"), "pathlib.Path of the file, or what its read"),
        (Picture(), r"io.BytesIO, and pass the getvalue\(\)"),
        ([[b"secret"], {"a": b"secret"}], "PromptImage"),
        (array("B", b"secret"), "<array>"),
        ("secret\n" * 10, "give the content of a file as bytes"),
        (base64.b64encode(b"secret" * 100).decode(), "give the content of a file as bytes"),
        (None, "got None"),
    ],
)
def test_what_is_no_medium_is_refused_with_the_cure(medium: Any, cure: str) -> None:
    """The message says what to pass, and shows nothing of the content."""
    with pytest.raises(ValueError, match=cure) as caught:
        ImageToVideo(prompt_image=medium)
    assert "secret" not in str(caught.value)
    assert "115" not in str(caught.value)
    assert "c2Vjc" not in str(caught.value)
