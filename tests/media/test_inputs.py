"""Local files and URLs are judged before anything is sent, and read only as it is sent."""

import base64
import os
from pathlib import Path

import pytest

from cometrunway._media._inputs import DATA_URI_LIMITS, UPLOAD_LIMIT, check, data_uri
from cometrunway._media._kinds import Kind, sniff
from cometrunway._media._urls import scheme, shown
from tests.samples import MP4, PNG

IMAGES: tuple[Kind, ...] = ("image",)
BOTH: tuple[Kind, ...] = ("image", "video")


def refusal(media: object, *kinds: Kind) -> str:
    """Return the message with which a field refuses the medium."""
    with pytest.raises(ValueError, match=r"Shot\.media: ") as refused:
        check(media, field="Shot.media", kinds=kinds or BOTH)
    return str(refused.value)


@pytest.mark.parametrize(
    ("first_bytes", "media_type", "extension", "kind"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg", ".jpg", "image"),
        (PNG, "image/png", ".png", "image"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp", ".webp", "image"),
        (MP4, "video/mp4", ".mp4", "video"),
        (b"\x00\x00\x00\x20ftypmp42", "video/mp4", ".mp4", "video"),
        (b"\x00\x00\x00\x14ftypqt  ", "video/quicktime", ".mov", "video"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webmB\x87\x81\x04", "video/webm", ".webm", "video"),
    ],
)
def test_a_type_is_told_by_the_first_bytes(first_bytes: bytes, media_type: str, extension: str, kind: str) -> None:
    """Each format that Runway takes is known by its content, whatever the file is called."""
    found = sniff(first_bytes)
    assert found is not None
    assert (media_type, extension, kind) == (found.media_type, found.extension, found.kind)


@pytest.mark.parametrize(
    "first_bytes",
    [
        b"",
        b"<!doctype html>",
        b"\x00\x00\x00\x18ftypM4A ",
        b"\x00\x00\x00\x18ftyp",
        b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska",
    ],
)
def test_what_runway_does_not_take_has_no_type(first_bytes: bytes) -> None:
    """A container's relatives (M4A, Matroska) are not taken for it."""
    assert sniff(first_bytes) is None


@pytest.mark.parametrize(
    ("first_bytes", "media_type"),
    [
        (b"GIF89a\x01\x00\x01\x00", "image/gif"),
        (b"\x00\x00\x00\x18ftypavif", "image/avif"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"II*\x00\x08\x00\x00\x00", "image/tiff"),
        (b"MM\x00*\x00\x00\x00\x08", "image/tiff"),
        (b"BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00", "image/bmp"),
    ],
)
def test_what_has_to_be_converted_is_known(first_bytes: bytes, media_type: str) -> None:
    """A request may have it; whether it can be sent is judged as it is submitted."""
    found = sniff(first_bytes)
    assert found is not None
    assert (found.media_type, found.kind, found.is_taken) == (media_type, "image", False)
    assert sniff(b"BMW is a maker of cars, and II* is no number.") is None


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.com/cat.jpg?signature=1",
        "http://example.com/cat.jpg",
        "HTTPS://EXAMPLE.COM/",
        "https://例え.jp/猫.png",
        "runway://abc123",
    ],
)
def test_a_url_does_not_tell_its_kind(uri: str) -> None:
    """URLs pass, and the server is the judge of what is behind them."""
    assert check(uri, field="Shot.media", kinds=IMAGES) is None


@pytest.mark.parametrize(
    ("media", "part"),
    [
        ("", "is not a URL"),
        ("cat.png", "pathlib.Path('cat.png')"),
        ("C:\\cats\\cat.png", "pathlib.Path("),
        ("/home/cat.png", "pathlib.Path("),
        ("ftp://example.com/cat.png", "must begin with https://"),
        ("https:///cat.png", "with a host"),
        ("https://[::1/cat.png", "with a host"),
        ("https://example.com:99999/", "with a host"),
        ("https://example.com/my cat.png", "no spaces"),
        ("https://example.com/cat.png\n", "no spaces"),
        ("https://example.com/\ud800.png", "no spaces"),
        ("runway://", "must begin with"),
        ("https://example.com/" + "a" * 2029, "at most 2048 characters, got 2049"),
        (None, "must be a URL"),
        (bytearray(PNG), "must be a URL"),
    ],
)
def test_what_is_no_url_is_refused_with_the_cure(media: object, part: str) -> None:
    """A string that the wire cannot take says what it should have been."""
    assert part in refusal(media)


def test_the_longest_url_passes() -> None:
    """2048 characters are within the limit."""
    assert check("https://example.com/".ljust(2048, "a"), field="Shot.media", kinds=BOTH) is None


@pytest.mark.parametrize(
    ("uri", "kind"), [("data:image/jpeg;base64,/9j/4AAQ", "image"), ("DATA:video/mp4;codecs=avc1;base64,AAAA", "video")]
)
def test_a_data_uri_tells_its_kind(uri: str, kind: Kind) -> None:
    """The media type of a data URI says whether it is an image or a video."""
    assert check(uri, field="Shot.media", kinds=BOTH) == kind


@pytest.mark.parametrize(
    ("uri", "part"),
    [
        ("data:image/png,abc", "begin with data:image/TYPE;base64"),
        ("data:application/octet-stream;base64,AAAA", "begin with data:image/TYPE;base64"),
        ("data:image/gif;base64,R0lG", "must not be gif"),
        ("data:image/png;base64,", "plain base64"),
        ("data:image/png;base64,AAAA\nAAAA", "plain base64"),
        ("data:video/mp4;base64,AAAA", "must be of kind image"),
        ("data:image/png;base64," + "A" * DATA_URI_LIMITS["image"], "at most 5000000 characters"),
    ],
)
def test_a_data_uri_that_cannot_be_right_is_refused(uri: str, part: str) -> None:
    """Wrong types, wrong kinds, line breaks and oversize are found here, and the content is not repeated."""
    message = refusal(uri, "image")
    assert part in message
    assert len(message) < 250


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    """The name of a file says nothing."""
    path = tmp_path / "film.mp4"
    path.write_bytes(PNG)
    assert check(path, field="Shot.media", kinds=IMAGES) == "image"
    assert "must be of kind video, but this is of kind image" in refusal(path, "video")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty"),
        (
            b"\x00\x00\x00\x18ftypM4A ",
            "is audio/mp4 by its first bytes, and must be one of JPEG, PNG, WebP (no GIF), MP4, MOV, WebM; convert it",
        ),
        (b"\xff\xfb\x90\x64", "must be of kind image or video, but this is of kind audio"),
        (b"%PDF-1.7", "is application/pdf by its first bytes"),
        (b"\x01\x02\x03", "is of an unknown type by its first bytes"),
        (b"a cat", "is text by its first bytes"),
    ],
)
def test_a_file_that_is_no_medium_is_refused(tmp_path: Path, content: bytes, part: str) -> None:
    """Files and bytes are refused alike, a file by its name."""
    path = tmp_path / "cat.png"
    path.write_bytes(content)
    assert part in refusal(path)
    assert str(path) in refusal(path)
    assert part in refusal(content)


def test_a_text_for_an_image_is_told_what_the_field_takes() -> None:
    """The message says what the file is, and names the formats of the field and no others."""
    refused = refusal(b"a cat", "image")
    assert refused.endswith(
        "is text by its first bytes, and must be one of JPEG, PNG, WebP (no GIF); give another file"
    )


SAMPLES = Path(__file__).parent / "samples"
TAKEN = sorted(path for path in SAMPLES.iterdir() if path.suffix in {".jpg", ".png", ".webp", ".mp4", ".mov", ".webm"})


@pytest.mark.parametrize("sample", TAKEN, ids=lambda path: path.name)
def test_a_file_that_was_cut_is_refused(tmp_path: Path, sample: Path) -> None:
    """Files and bytes alike, with the cure; a whole file passes, also with bytes after its end."""
    whole = sample.read_bytes()
    assert check(sample, field="Shot.media", kinds=BOTH) in BOTH
    assert check(whole + bytes(1023), field="Shot.media", kinds=BOTH) in BOTH
    path = tmp_path / sample.name
    path.write_bytes(whole[: len(whole) // 2])
    for media in (path, path.read_bytes()):
        assert "cut off or damaged; copy or export it again" in refusal(media)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Missing files, directories, pipes, impossible names, and URLs given as a Path."""
    os.mkfifo(tmp_path / "pipe")
    assert "does not exist" in refusal(tmp_path / "cat.png")
    assert "is a directory" in refusal(tmp_path)
    assert "not a regular file" in refusal(tmp_path / "pipe")
    assert "cannot be read" in refusal(Path("\0"))
    assert "a URL is given as a str" in refusal(Path("https://example.com/cat.png"))


def test_a_file_of_any_size_passes_for_its_provider_judges_that(tmp_path: Path) -> None:
    """What no data URI holds may be uploaded; of what no upload takes only the first bytes are read."""
    path = tmp_path / "cat.png"
    path.write_bytes(PNG + bytes(6_000_000))
    assert check(path, field="Shot.media", kinds=IMAGES) == "image"
    assert check(path.read_bytes(), field="Shot.media", kinds=IMAGES) == "image"
    with path.open("r+b") as file:
        file.truncate(40)
        file.truncate(UPLOAD_LIMIT)
        assert "cut off or damaged" in refusal(path)
        file.truncate(10**12)
    assert check(path, field="Shot.media", kinds=IMAGES) == "image"


def test_a_data_uri_holds_the_file(tmp_path: Path) -> None:
    """What is sent is the file, with the type that its content has."""
    path = tmp_path / "cat"
    path.write_bytes(PNG)
    header, _, payload = data_uri(path).partition(",")
    assert header == "data:image/png;base64"
    assert base64.b64decode(payload) == PNG
    assert data_uri(PNG) == data_uri(path)


@pytest.mark.parametrize("content", [None, b"", b"text", PNG[:-1]])
def test_a_file_that_changed_is_not_sent(tmp_path: Path, content: bytes | None) -> None:
    """What was gone, emptied, replaced or cut after the check is an error that names the file."""
    path = tmp_path / "cat.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cat\.png"):
        data_uri(path)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [("https://example.com", "https"), ("DATA:,", "data"), ("C:\\cat.png", None), ("cats/cat.png", None), ("", None)],
)
def test_a_drive_letter_is_no_scheme(uri: str, expected: str | None) -> None:
    """A path is told from a URL on every platform."""
    assert scheme(uri) == expected


def test_nothing_long_or_secret_is_shown() -> None:
    """Bytes, data URIs, signatures and long texts are cut short."""
    assert shown(bytes(1000)) == "<1000 bytes>"
    assert shown("data:image/png;base64," + "A" * 1000) == "<data:image/png;base64, 1022 characters>"
    assert shown("https://example.com/cat.png?signature=secret") == "'https://example.com/cat.png'"
    assert len(shown("x" * 10_000)) <= 90
    assert len(shown([["x" * 10_000] * 100] * 100)) <= 160
