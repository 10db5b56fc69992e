"""The local files of a request, as they are sent: their identity stays that of the user's files."""

from hashlib import sha256
from pathlib import Path

import pytest
from attrs import evolve

from cometrunway import ImageToVideo, Provider, Request
from cometrunway._media._image_limits import Fit
from cometrunway._media._inputs import LocalFile
from cometrunway._submission._image_fit import ImageFit
from cometrunway._submission._local_files import digests, is_unfit, prepared
from cometrunway._submission._prepared_file import Prepared
from cometrunway._wire._provider import COMETAPI, RUNWAY
from tests.pictures import picture
from tests.samples import MP4, PNG

ROUTE, MODEL = "image_to_video", "gen4_turbo"
BRIEF = evolve(RUNWAY, name="brief", key_variable="BRIEF_KEY", inline_limits={"image": 100})
"""A provider whose data URIs are short, and which takes uploads."""


def request(*images: Path | bytes) -> ImageToVideo:
    """Return a request with these images."""
    return ImageToVideo(prompt_image=list(images), model=MODEL)


def ready(made: Request, provider: Provider = COMETAPI, *, fit: Fit | None = None) -> Prepared:
    """Prepare the files of a request."""
    return prepared(made, provider, digests=digests(made), image_fit=ImageFit(fit))


def test_each_file_has_the_digest_of_its_content(tmp_path: Path) -> None:
    """Whether it is given as a path or as bytes."""
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    assert digests(request(path, PNG + b" ")) == {
        path: sha256(PNG).hexdigest(),
        PNG + b" ": sha256(PNG + b" ").hexdigest(),
    }


def test_a_file_that_is_changed_keeps_its_digest() -> None:
    """The digest is part of the identity: with or without `fit`, the submission is the same, and is paid for once."""
    image = picture((400, 300), "GIF")
    [file] = ready(request(image), fit="shrink").values()
    assert file.sent.type.media_type == "image/png"
    assert file.digest == sha256(image).hexdigest()
    assert file.sent_digest == sha256(file.sent.source).hexdigest() != file.digest  # type: ignore[arg-type]  # bytes
    assert "converted" in file.note


@pytest.mark.parametrize("fit", ["shrink", None])
def test_a_file_that_fits_is_sent_as_it_is(fit: Fit | None) -> None:
    """And without the option, any file is."""
    image = picture((640, 480)) if fit else picture((400, 300), "GIF")
    [file] = ready(request(image), fit=fit).values()
    assert (file.sent.source, file.sent_digest, file.note) == (image, file.digest, "")


def test_a_file_that_no_data_uri_holds_is_uploaded(tmp_path: Path) -> None:
    """If the provider has uploads; one that was cut off since it was given is not, for that would be for nothing."""
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    made = request(path)
    [inline] = ready(made, RUNWAY).values()
    [uploaded] = ready(made, BRIEF).values()
    assert (inline.is_uploaded, uploaded.is_uploaded) == (False, True)
    path.write_bytes(PNG[:-20])
    with pytest.raises(ValueError, match=r"^ImageToVideo: local file .*cat\.png'\) ends too early"):
        ready(made, BRIEF)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    """With the class of its request, and before anything is sent."""
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    made = request(path)
    path.unlink()
    with pytest.raises(ValueError, match=r"^ImageToVideo: .*cat\.png cannot be read any more: No such file"):
        digests(made)


def test_what_cannot_be_made_to_fit_is_refused() -> None:
    """With the reason: nothing is enlarged."""
    with pytest.raises(ValueError, match=r"^ImageToVideo: .* cannot be made to fit: it has 1x1 pixels"):
        ready(request(picture((1, 1), "GIF")), RUNWAY, fit="shrink")


def test_only_an_image_is_made_to_fit() -> None:
    """If its format is refused, or its size; what else is too large is told, and not changed."""
    fitting, film = LocalFile.of(PNG), LocalFile.of(MP4)
    assert not is_unfit(fitting, COMETAPI, ROUTE, MODEL)
    assert is_unfit(LocalFile.of(picture((640, 480), "GIF")), COMETAPI, ROUTE, MODEL)
    assert is_unfit(evolve(fitting, size=10_000_000), COMETAPI, ROUTE, MODEL)
    assert not is_unfit(evolve(film, size=10_000_000_000), COMETAPI, ROUTE, MODEL)
