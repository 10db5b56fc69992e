"""The images, videos and sounds of a request: a URL, a data URI, a local file or its bytes."""

import base64
import hashlib
import io
import os
import re
import stat
from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import ParseResult, SplitResult

from attrs import field, frozen

from cometrunway._media._containers import is_whole
from cometrunway._media._kinds import BEGINNING, InputType, Kind, is_text, recognise, sniff
from cometrunway._media._urls import check_form, check_web_url, scheme, shown

Media = str | Path | bytes
"""A URL or data URI as `str`, a local file as `pathlib.Path`, or the content of one as `bytes`."""

DATA_URI_LIMITS: dict[Kind, int] = {"image": 5_000_000, "video": 16_000_000, "audio": 16_000_000}
"""The number of characters of a whole data URI. Runway's page says 5 MB and 16 MB. MB is read in the stricter way."""

UPLOAD_LIMIT = 200_000_000
"""The number of bytes of an uploaded file. Runway's page says 200 MB. MB is read in the stricter way."""

_LONGEST_PATH = 300
"""A text of at most this many characters is shown in errors, because it may be a path. A longer text may be content."""
_TAKEN: dict[Kind, str] = {
    "image": "JPEG, PNG, WebP (no GIF)",
    "video": "MP4, MOV, WebM",
    "audio": "MP3, WAV, Ogg",
}
_CURE = "make it smaller, or host it and pass its URL"

_DATA_HEADER = r"data:(image|video|audio)/([a-z0-9.+-]+)(?:;[^;,]+)*;base64"
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


@frozen
class LocalFile:
    """The present type and size of a file. It holds only the path, or the bytes that were given."""

    source: Path | bytes = field(repr=shown)
    type: InputType
    size: int
    """Bytes."""

    @classmethod
    def of(cls, source: Path | bytes, name: str = "", *, kinds: Collection[Kind] = tuple(_TAKEN)) -> Self:
        """Inspect a file. Reads its first bytes only.

        Args:
            source: its path, or its content.
            name: its name in messages.
            kinds: the kinds whose formats a message names.

        Raises:
            ValueError: the file cannot be read, is empty, or has a type that is not accepted.
        """
        name = name or f"local file {shown(source)}"
        size = len(source) if isinstance(source, bytes) else _size(source, name)
        if size == 0:
            raise ValueError(f"{name} is empty")
        try:
            with _opened(source) as file:
                first_bytes = file.read(BEGINNING)
        except OSError as error:
            raise ValueError(f"{name} cannot be read: {error.strerror}") from error
        return cls(source, _input_type(first_bytes, name, kinds), size)

    @property
    def kind(self) -> Kind:
        """Whether it is an image, a video or a sound."""
        return self.type.kind

    @property
    def data_uri_size(self) -> int:
        """The number of characters of its data URI: 4 for each 3 bytes, and a header."""
        return len(f"data:{self.type.media_type};base64,") + (self.size + 2) // 3 * 4

    def opened(self) -> AbstractContextManager[BinaryIO]:
        """Open the file for reading.

        Raises:
            OSError: the file can no longer be read.
        """
        return _opened(self.source)


def check(media: object, *, field: str, kinds: Collection[Kind]) -> Kind | None:
    """Check that media can be sent to any provider. A local file must be whole, as its container declares.

    The check takes about 2 milliseconds for an image of 5 MB. It is faster for a video, because only headers are
    read. A file that is too large for any upload is not read further: its size is checked when it is submitted.

    Args:
        media: the value that the user gave.
        field: the name of the field, such as `ImageToVideo.prompt_image`.
        kinds: the kinds that the field accepts.

    Returns:
        The kind; None for a URL, which does not show its kind.

    Raises:
        ValueError: it cannot be sent. The message names field, limit, value and cure.
    """
    if isinstance(media, str):
        return _check_uri(media, field, kinds)
    if isinstance(media, Path | bytes):
        file = LocalFile.of(media, f"{field}: {shown(media)}", kinds=kinds)
        _check_kind(file.kind, field, kinds, media)
        check_whole(file, f"{field}: {shown(media)}")
        return file.kind
    raise ValueError(f"{field}: must be a URL (str), a local file (pathlib.Path) or bytes, {_cure_of(media)}")


def plain(value: Any) -> Any:
    """Convert media to one of three types: a URL of another library to `str`, a path to `Path`, a buffer to bytes.

    Any other value is returned unchanged. A validator refuses it later.
    """
    if isinstance(value, str | Path | bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, os.PathLike):
        return Path(os.fsdecode(value))
    if isinstance(value, SplitResult | ParseResult):
        return value.geturl()
    # Each library has its own class: yarl's URL, httpx's URL, pydantic's HttpUrl.
    is_url = type(value).__name__.lower().endswith("url") and hasattr(value, "scheme") and hasattr(value, "host")
    return str(value) if is_url else value


def data_uri(source: Path | bytes) -> str:
    """Read and encode a local file. It blocks and reads the whole file: call it in a worker thread.

    Raises:
        ValueError: the file has changed since it was checked.
    """
    name = f"local file {shown(source)}"
    if isinstance(source, Path):
        source = _read(LocalFile.of(source, name), name)
    file = LocalFile.of(source, name)
    check_whole(file, name)
    return f"data:{file.type.media_type};base64,{base64.b64encode(source).decode()}"


def digest_of(source: Path | bytes) -> str:
    """Return the SHA-256 of a file in hexadecimal. Reads the whole file in pieces.

    Raises:
        ValueError: the file cannot be read.
    """
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    try:
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"{source} cannot be read any more: {error.strerror}") from error


def check_whole(file: LocalFile, name: str = "") -> None:
    """Check that a file reaches the end that its container declares; else `ValueError`.

    A file that is too large for any upload is not checked.
    """
    name = name or f"local file {shown(file.source)}"
    try:
        with file.opened() as content:
            whole = file.size > UPLOAD_LIMIT or is_whole(content, file.type.media_type)
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from error
    if not whole:
        raise ValueError(
            f"{name} ends too early: it is {file.type.media_type}, cut off or damaged; copy or export it again"
        )


def _cure_of(media: object) -> str:
    """Say what was given instead of media, without its content, and what to give."""
    if callable(getattr(media, "read", None)):
        return "got an open file: pass the pathlib.Path of the file, or what its read() returns in binary mode"
    if callable(getattr(media, "save", None)) and hasattr(media, "mode"):
        return "got an image in memory: save it as PNG to an io.BytesIO, and pass the getvalue() of that"
    return f"got {shown(media)}"


def _check_uri(uri: str, field: str, kinds: Collection[Kind]) -> Kind | None:
    match scheme(uri):
        case "data":
            return _check_data_uri(uri, field, kinds)
        case "http" | "https":
            check_web_url(uri, field=field)
        case "runway" if uri[:9].lower() == "runway://" and len(uri) > 9:
            check_form(uri, field)
        case None if not uri.isprintable() or len(uri) > _LONGEST_PATH:
            raise ValueError(
                f"{field}: a text of {len(uri)} characters is not a URL; give the content of a file as bytes"
            )
        case None:
            raise ValueError(f"{field}: {shown(uri)} is not a URL; for a local file pass pathlib.Path({shown(uri)})")
        case _:
            raise ValueError(f"{field}: must begin with https://, http://, data: or runway://, got {shown(uri)}")
    return None


def _check_data_uri(uri: str, field: str, kinds: Collection[Kind]) -> Kind:
    header, _, payload = uri.partition(",")
    match = re.fullmatch(_DATA_HEADER, header, re.IGNORECASE)
    if match is None or match[2].lower() == "gif":
        raise ValueError(
            f"{field}: a data URI must begin with data:image/TYPE;base64, (or data:video/ or data:audio/), and TYPE "
            f"must not be gif, got {shown(uri)}"
        )
    kind = next(kind for kind in DATA_URI_LIMITS if kind == match[1].lower())
    _check_kind(kind, field, kinds, uri)
    if len(uri) > DATA_URI_LIMITS[kind]:
        raise ValueError(
            f"{field}: {kind} data URIs have at most {DATA_URI_LIMITS[kind]} characters, got {len(uri)}; {_CURE}"
        )
    if not _BASE64.fullmatch(payload):
        raise ValueError(f"{field}: the content is not plain base64 (no line breaks, no - or _), got {shown(uri)}")
    return kind


def _check_kind(kind: Kind, field: str, kinds: Collection[Kind], media: Media) -> None:
    if kind not in kinds:
        raise ValueError(f"{field}: must be of kind {' or '.join(kinds)}, but this is of kind {kind}: {shown(media)}")


def _read(file: LocalFile, name: str) -> bytes:
    try:
        with file.opened() as content:
            return content.read(file.size)
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from error


def _opened(source: Path | bytes) -> AbstractContextManager[BinaryIO]:
    return source.open("rb") if isinstance(source, Path) else io.BytesIO(source)


def _size(path: Path, name: str) -> int:
    try:
        status = path.stat()
    except FileNotFoundError:
        cure = (
            "a URL is given as a str, not as a Path"
            if scheme(str(path))
            else "check its name and the working directory; a URL begins with https://"
        )
        raise ValueError(f"{name} does not exist; {cure}") from None
    except (OSError, ValueError) as error:  # ValueError: no file can have this name
        raise ValueError(f"{name} cannot be read: {error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{name} is {'a directory' if stat.S_ISDIR(status.st_mode) else 'not a regular file'}")
    return status.st_size


def _input_type(first_bytes: bytes, name: str, kinds: Collection[Kind]) -> InputType:
    found = sniff(first_bytes)
    if found is not None:
        return found
    other, cure = recognise(first_bytes), "convert it"
    if other is not None:
        what = other.media_type
    elif first_bytes.startswith(b"%PDF-"):
        what = "application/pdf"
    elif is_text(first_bytes):
        what, cure = "text", "give another file"
    else:
        what = "of an unknown type"
    taken = ", ".join(_TAKEN[kind] for kind in kinds)
    raise ValueError(f"{name} is {what} by its first bytes, and must be one of {taken}; {cure}")
