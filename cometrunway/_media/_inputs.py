"""Images, videos and sounds as a request takes them: a URL, a data URI, a local file or its bytes."""

import base64
import io
import os
import re
import stat
from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import ParseResult, SplitResult

from cometrunway._media._containers import is_whole
from cometrunway._media._kinds import BEGINNING, InputType, Kind, recognise, sniff
from cometrunway._media._urls import check_form, check_web_url, scheme, shown

Media = str | Path | bytes
"""A URL or data URI as `str`, a local file as `pathlib.Path`, or the content of one as `bytes`."""

DATA_URI_LIMITS: dict[Kind, int] = {"image": 5_000_000, "video": 16_000_000, "audio": 16_000_000}
"""Characters of a whole data URI. Runway's page says 5 MB and 16 MB; of the two readings of MB this is the stricter."""

FILE_LIMITS: dict[Kind, int] = {kind: (limit - 32) // 4 * 3 for kind, limit in DATA_URI_LIMITS.items()}
"""Bytes of a file whose data URI is within its limit: 4 characters for 3 bytes, and a header."""

_LONGEST_PATH = 300
"""Characters of a text that is shown because it may have been meant as a path; a longer one may be a file's content."""
_CURE = "make it smaller, or host it and pass its URL"
_TAKEN = "JPEG, PNG, WebP (no GIF), MP4, MOV, WebM, MP3, WAV and Ogg"

_DATA_HEADER = re.compile(r"data:(image|video|audio)/([a-z0-9.+-]+)(?:;[^;,]+)*;base64", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def check(media: object, *, field: str, kinds: Collection[Kind]) -> Kind | None:
    """Make sure that the wire can take it. A local file must be whole, which is read off its container.

    That takes about 2 milliseconds for the largest image, and less for a video, of which only headers are read.

    Args:
        media: what the user gave.
        field: what the user calls it, such as `ImageToVideo.prompt_image`.
        kinds: what the field takes.

    Returns:
        What it is; None for a URL, which does not tell.

    Raises:
        ValueError: it cannot be sent; the message names field, limit, value and cure.
    """
    if isinstance(media, str):
        return _check_uri(media, field, kinds)
    if isinstance(media, Path | bytes):
        return _check_content(media, field, kinds).kind
    raise ValueError(f"{field}: must be a URL (str), a local file (pathlib.Path) or bytes, {_cure_of(media)}")


def plain(value: Any) -> Any:
    """Return media in one of its three forms: a URL of another library as `str`, a path as `Path`, a buffer as bytes.

    Anything else is returned as it is, for a validator to refuse.
    """
    if isinstance(value, str | Path | bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, os.PathLike):
        return Path(os.fsdecode(value))
    if isinstance(value, SplitResult | ParseResult):
        return value.geturl()
    # Each library has a class of its own: yarl's URL, httpx's URL, pydantic's HttpUrl.
    is_url = type(value).__name__.lower().endswith("url") and hasattr(value, "scheme") and hasattr(value, "host")
    return str(value) if is_url else value


def data_uri(source: Path | bytes) -> str:
    """Read and encode a local file; up to 16 MB and some time, so not for the event loop's thread.

    Raises:
        ValueError: the file is no longer what it was when it was checked.
    """
    name = f"local file {shown(source)}"
    if isinstance(source, Path):
        _check_size(_size(source, name), name, DATA_URI_LIMITS)
        source = _read(source, name, max(FILE_LIMITS.values()) + 1)
    found = _check_content(source, name, DATA_URI_LIMITS)
    return f"data:{found.media_type};base64,{base64.b64encode(source).decode()}"


def data_uri_size(source: Path | bytes) -> tuple[Kind, int]:
    """Return the kind of a local file, and how many characters its data URI has; reads its first bytes only.

    Raises:
        ValueError: the file cannot be read, or is of no kind that is taken.
    """
    name = f"local file {shown(source)}"
    size = _size(source, name) if isinstance(source, Path) else len(source)
    first_bytes = _read(source, name, BEGINNING) if isinstance(source, Path) else source[:BEGINNING]
    found = _input_type(first_bytes, name)
    return found.kind, len(f"data:{found.media_type};base64,") + (size + 2) // 3 * 4


def _cure_of(media: object) -> str:
    """Say what was given instead of media, and what to give; nothing of its content."""
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
                f"{field}: a text of {len(uri)} characters is no URL; the content of a file is given as bytes"
            )
        case None:
            raise ValueError(f"{field}: {shown(uri)} is no URL; for a local file pass pathlib.Path({shown(uri)})")
        case _:
            raise ValueError(f"{field}: must begin with https://, http://, data: or runway://, got {shown(uri)}")
    return None


def _check_data_uri(uri: str, field: str, kinds: Collection[Kind]) -> Kind:
    header, _, payload = uri.partition(",")
    match = _DATA_HEADER.fullmatch(header)
    if match is None or match[2].lower() == "gif":
        raise ValueError(
            f"{field}: a data URI begins with data:image/TYPE;base64, or data:video or data:audio, and TYPE is not "
            f"gif, got {shown(uri)}"
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


def _check_content(source: Path | bytes, field: str, kinds: Collection[Kind]) -> InputType:
    name = f"{field}: {shown(source)}"
    size = len(source) if isinstance(source, bytes) else _size(source, name)
    if size == 0:
        raise ValueError(f"{name} is empty")
    _check_size(size, name, kinds)
    try:
        with _opened(source) as file:
            found = _input_type(file.read(BEGINNING), name)
            _check_kind(found.kind, field, kinds, source)
            _check_size(size, name, {found.kind})
            whole = is_whole(file, found.media_type)
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from error
    if not whole:
        raise ValueError(
            f"{name} ends too early: it is {found.media_type}, cut off or damaged; copy or export it again"
        )
    return found


def _input_type(first_bytes: bytes, name: str) -> InputType:
    found = sniff(first_bytes)
    if found is not None:
        return found
    other = recognise(first_bytes)
    if other is None:
        raise ValueError(f"{name} is none of {_TAKEN} by its first bytes; convert it")
    raise ValueError(f"{name} is {other.media_type} by its first bytes; Runway takes {_TAKEN}: convert it")


def _check_kind(kind: Kind, field: str, kinds: Collection[Kind], media: Media) -> None:
    if kind not in kinds:
        raise ValueError(f"{field}: must be of kind {' or '.join(kinds)}, but this is of kind {kind}: {shown(media)}")


def _check_size(size: int, name: str, kinds: Collection[Kind]) -> None:
    kind = max(kinds, key=FILE_LIMITS.__getitem__)
    if size > FILE_LIMITS[kind]:
        raise ValueError(f"{name} has {size} bytes; the limit for kind {kind} is {FILE_LIMITS[kind]} bytes; {_CURE}")


def _size(path: Path, name: str) -> int:
    try:
        status = path.stat()
    except FileNotFoundError:
        cure = (
            "a URL is given as a str, not as a Path"
            if scheme(str(path))
            else "check its name and the working directory"
        )
        raise ValueError(f"{name} does not exist; {cure}") from None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise ValueError(f"{name} cannot be read: {error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{name} is {'a directory' if stat.S_ISDIR(status.st_mode) else 'no regular file'}")
    return status.st_size


def _opened(source: Path | bytes) -> AbstractContextManager[BinaryIO]:
    return source.open("rb") if isinstance(source, Path) else io.BytesIO(source)


def _read(path: Path, name: str, length: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(length)
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from error
