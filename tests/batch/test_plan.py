"""What a batch would send: each shot is judged before any is sent, and what is doubtful is told once."""

import json
from pathlib import Path

import pytest

from cometrunway._batch._files import BatchFile, BatchFileError, read_batch
from cometrunway._batch._plan import check_provider, planned
from cometrunway._wire._provider import COMETAPI
from tests.pictures import picture

API = "api.example.com"


@pytest.fixture
def file(tmp_path: Path) -> BatchFile:
    """Return a batch of two images that have to be converted, and one that is turned by its Exif."""
    (tmp_path / "a.tif").write_bytes(picture((640, 480), "TIFF"))
    (tmp_path / "b.jpg").write_bytes(picture((640, 480), "JPEG", orientation=6))
    row = '{{"route": "image_to_video", "key": "{}", "promptImage": "{}", "seed": {}}}\n'
    rows = (row.format(key, name, key) for key, name in ((1, "a.tif"), (2, "a.tif"), (3, "b.jpg")))
    (tmp_path / "shots.jsonl").write_text("".join(rows))
    return read_batch(tmp_path / "shots.jsonl")


def test_what_is_refused_is_told_once_for_each_cause(file: BatchFile) -> None:
    """With the lines that have it; what was sent before is not judged again."""
    with pytest.raises(BatchFileError, match=r"is image/tiff; .* makes it fit \[2 rows: lines 1, 2\]$"):
        check_provider(file, COMETAPI, api_host=API, strict=False)
    doubtful = check_provider(file, COMETAPI, api_host=API, strict=False, sent_before={"1", "2"})
    assert "shots.jsonl:3: ImageToVideo: local file" in doubtful
    assert "is turned by its Exif (orientation 6)" in doubtful
    with pytest.raises(BatchFileError, match="is turned by its Exif"):
        check_provider(file, COMETAPI, api_host=API, strict=True, sent_before={"1", "2"})


def test_all_that_is_wrong_with_a_shot_is_told(tmp_path: Path) -> None:
    """A large image does not wait until the other fields are right: each has a line."""
    (tmp_path / "large.png").write_bytes(picture((640, 480), "PNG") + bytes(4_000_000))
    row = {"route": "text_to_image", "promptText": "a cat", "referenceImages": [{"uri": "large.png"}] * 4}
    (tmp_path / "shots.jsonl").write_text(json.dumps(row))
    with pytest.raises(BatchFileError) as refused:
        check_provider(read_batch(tmp_path / "shots.jsonl"), COMETAPI, api_host=API, strict=False)
    fields, image = str(refused.value).splitlines()
    assert "at most 3" in fields
    assert "no uploads" in image
    (tmp_path / "shots.jsonl").write_text(json.dumps({**row, "seed": -1, "ratio": "wide!"}))
    with pytest.raises(BatchFileError, match=r"shots.jsonl:1: .*ratio.*\n.*shots.jsonl:1: .*seed"):
        read_batch(tmp_path / "shots.jsonl")


def test_what_is_made_to_fit_is_told_in_a_few_words(file: BatchFile) -> None:
    """Nothing is wrong then, and the plan says what each image is."""
    assert check_provider(file, COMETAPI, api_host=API, strict=True, fit="shrink") == ""
    images = [plan["body"]["promptImage"] for plan in planned(file.shots, COMETAPI, fit="shrink")]
    tiff, jpeg = (f"<what is made of {kind}, {size} bytes>" for kind, size in _sizes(file))
    assert images == [tiff, tiff, jpeg]


def _sizes(file: BatchFile) -> list[tuple[str, int]]:
    sources = [source for shot in file.shots for source in shot.request.local_files if isinstance(source, Path)]
    return [(kind, sources[at].stat().st_size) for kind, at in (("image/tiff", 0), ("image/jpeg", 2))]
