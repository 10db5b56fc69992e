"""Images that are made to fit go through to a create; they change no identity, and nothing is done in silence."""

import base64
import io
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from cometrunway import ImageToVideo, Session, TextToImage
from cometrunway._media._image_limits import ImageLimits
from cometrunway._media._inputs import LocalFile
from cometrunway._submission import _image_fit
from cometrunway._submission._image_fit import ImageFit
from cometrunway.emulator import Emulator
from cometrunway.emulator._input_media import unusable_media
from tests.media.test_shrink import TURNED, assert_upright, quarters, wide_gamut
from tests.pictures import encoded, picture
from tests.raw import raw_server

HEIC = Path(__file__).parent.parent / "media" / "samples" / "still.heic"
WITHOUT_EXTRA = """
import sys
sys.modules.update(dict.fromkeys({missing!r}))
from cometrunway import Session
from cometrunway._media._inputs import LocalFile
from cometrunway._media._image_limits import ImageLimits
from cometrunway._submission._image_fit import ImageFit
from pathlib import Path
try:
    Session("key", fit="shrink")
    ImageFit("shrink").fitted(LocalFile.of(Path({heic!r})), "", ImageLimits(), None)
except ValueError as error:
    print(error)
"""


async def sent(*images: Path | bytes) -> list[bytes]:
    """Submit each image, and return what was sent of it; Runway, as the emulator judges, takes each."""
    async with raw_server() as server:
        async with Session("key", base_url=server.base_url, fit="shrink", output_dir=None) as runway:
            for image in images:
                await runway.submit(ImageToVideo(prompt_image=image, model="gen4_turbo"))
        bodies = [json.loads(create.body) for create in server.creates]
    assert not [fault for body in bodies for fault in unusable_media(body, https_only=True)]
    return [base64.b64decode(body["promptImage"].partition(",")[2]) for body in bodies]


def photo() -> bytes:
    """Return a photo of 9 MB as a phone makes it: on its side, and in a wide colour space."""
    noise = Image.effect_noise((3300, 2475), 70).convert("RGB")
    image = Image.blend(quarters((3300, 2475)), noise, 0.4).transpose(TURNED[6])
    return encoded(image, "JPEG", orientation=6, quality=100, subsampling=0, icc_profile=wide_gamut())


async def test_a_photo_of_nine_megabytes_is_sent_upright(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where it would be refused: the create has the picture as the user sees it, and a warning says what was done."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(photo())
    assert path.stat().st_size > 9_000_000
    first, second = await sent(path, path)
    image = Image.open(io.BytesIO(first))
    assert_upright(image.resize((4, 2), Image.Resampling.BOX).point(lambda value: 255 * (value > 127)))
    assert image.format == "JPEG"
    assert image.width > image.height > 1000
    assert first == second
    [record] = [record for record in caplog.records if record.name == _image_fit.LOGGER]
    assert record.levelno == logging.WARNING
    assert f"Path('{path}') is sent turned upright, its colours converted from Wide to sRGB, scaled: of 3300x2475" in (
        record.getMessage()
    )


async def test_transparency_goes_through() -> None:
    """What is cut out stays cut out."""
    cut_out = quarters((2600, 640)).convert("RGBA")
    cut_out.putalpha(Image.linear_gradient("L").resize(cut_out.size))
    [content] = await sent(encoded(cut_out, "PNG"))
    image = Image.open(io.BytesIO(content))
    assert (image.size, image.mode) == ((1280, 640), "RGBA")
    difference = ImageChops.difference(image.getchannel("A"), cut_out.crop((660, 0, 1940, 640)).getchannel("A"))
    assert ImageStat.Stat(difference).mean < [1]


@pytest.mark.parametrize("form", ["GIF", "AVIF", "BMP", "TIFF", "HEIC"])
async def test_what_is_not_taken_is_converted(form: str, session: Any, tmp_path: Path) -> None:
    """With the option it is bought; without it, the error names the cure, and nothing is sent."""
    content = HEIC.read_bytes() if form == "HEIC" else encoded(quarters(), form)
    (tmp_path / "image").write_bytes(content)
    async with Emulator(duration=0) as emulator:
        async with session(emulator, output_dir=None) as runway:
            with pytest.raises(ValueError, match=r'is image/\w+; JPEG, PNG and .*; Session\(fit="shrink"\)'):
                await runway.submit(ImageToVideo(prompt_image=tmp_path / "image"))
        assert not emulator.tasks
        async with session(emulator, fit="shrink", output_dir=None) as runway:
            await runway.submit(TextToImage(prompt_text="a", ratio="1280:720", reference_images=[content]))
        assert emulator.creates.accepted == 1


async def test_a_batch_of_images_is_bought_once(session: Any, tmp_path: Path) -> None:
    """Rerun with or without the option, it buys nothing: the identity is that of the file that the user gave."""
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(picture((640 + number, 480), "JPEG", orientation=6))
    (tmp_path / "3.jpg").write_bytes(HEIC.read_bytes())
    shots = [ImageToVideo(prompt_image=tmp_path / f"{number}.jpg") for number in range(4)]
    async with Emulator(duration=0, not_exist_seconds=0) as emulator:
        for fit in ("shrink", None, "shrink"):
            given = {"journal": tmp_path / "shots.db", "output_dir": tmp_path / "out", "fit": fit}
            async with session(emulator, **given) as runway:
                assert [await handle async for handle in runway.map(shots)]
            assert emulator.creates.accepted == 4


async def test_what_fits_is_sent_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """To the byte, and nothing is said."""
    content = picture((1280, 720), "JPEG")
    assert await sent(content) == [content]
    assert not [record for record in caplog.records if record.name == _image_fit.LOGGER]


async def test_what_is_too_small_is_refused(session: Any) -> None:
    """In whatever format: nothing is enlarged."""
    async with Emulator(duration=0) as emulator, session(emulator, fit="shrink", output_dir=None) as runway:
        for form in ("PNG", "TIFF"):
            with pytest.raises(ValueError, match="has 1x1 pixels; each side must have at least 2"):
                await runway.submit(ImageToVideo(prompt_image=picture((1, 1), form)))
        assert not emulator.tasks


def test_an_image_is_made_once_and_told_once() -> None:
    """However often it is asked for; another limit makes another file of it."""
    fit, file = ImageFit("shrink"), LocalFile.of(picture((400, 300), "GIF"))
    first, second = (fit.fitted(file, "digest", ImageLimits(), 100_000) for _ in range(2))
    assert first.file.source is second.file.source
    assert "is sent converted to image/png: of 400x300 pixels and" in first.note
    assert second.note == ""
    smaller = fit.fitted(file, "digest", ImageLimits(most_side=100), 100_000)
    assert smaller.file.source != first.file.source
    assert smaller.note == ""


@pytest.mark.parametrize(("missing", "told"), [(["PIL"], "fit="), (["pillow_heif"], "is image/heic, which needs")])
def test_without_the_extra_the_error_names_it(missing: list[str], told: str) -> None:
    """On making the session; of the plug-in alone, for the first image that needs it."""
    program = WITHOUT_EXTRA.format(missing=missing, heic=str(HEIC))
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told in ended.stdout
    assert "pip install 'cometrunway[images]'" in ended.stdout


def test_the_option_is_checked() -> None:
    """Anything but the word is refused at once."""
    with pytest.raises(ValueError, match="fit must be \"shrink\" or None, got 'crop'"):
        ImageFit("crop")  # type: ignore[arg-type]  # what must be refused


def test_the_latest_images_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no more have room, the oldest is made again."""
    monkeypatch.setattr(_image_fit, "_KEPT_BYTES", 1)
    fit = ImageFit("shrink")
    image = LocalFile.of(encoded(quarters((400, 300)), "PNG"))
    older, newer = (fit.fitted(image, digest, ImageLimits(), None).file for digest in ("older", "newer"))
    assert fit.fitted(image, "newer", ImageLimits(), None).file is newer
    assert fit.fitted(image, "older", ImageLimits(), None).file is not older
