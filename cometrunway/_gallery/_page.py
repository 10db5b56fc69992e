"""The page: one HTML file that holds its style, its script and its data, and asks for nothing but the media."""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote

from cometrunway._gallery._cards import Link, MediaFile
from cometrunway._gallery._sources import GalleryError, Source

_PAGE = files("cometrunway._gallery") / "page"
_SCRIPTS = (
    "elements",
    "words",
    "batch",
    "query",
    "media",
    "card",
    "grid",
    "viewer",
    "theme",
    "live",
    "main",
)
"""The parts of the script in the order in which they stand: they are one module, for a file cannot import another."""
_MARK = '<meta name="generator" content="cometrunway gallery">'
_MARK_WITHIN = 1024


def write_page(source: Source, output: Path) -> int:
    """Write a source's shots as a page, and return how many. A gallery that is there already is replaced.

    Raises:
        GalleryError: something else is there, or the page cannot be written.
        JournalError: the journal cannot be read.
    """
    _check_output(output)
    link = linked_from(output)
    batch = source.read()
    shots = [card.to_json(number, link) for number, card in enumerate(batch.cards)]
    # It stays as it is, also while another process writes.
    content = render(source.title, {"shots": shots, "isWritten": False, "problem": batch.problem})
    part = output.with_name(f".{token_hex(8)}.part")  # nobody's; with the permissions that any file gets
    try:
        with part.open("x", encoding="utf-8") as file:
            file.write(content)
        part.replace(output)
    except OSError as error:
        raise GalleryError(f"cannot write {output}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            part.unlink()
    return len(shots)


def render(title: str, state: Mapping[str, Any]) -> str:
    """Return the page. A state with a version makes it a live one, which asks its server for what comes after."""
    page = _asset("page.html")
    holes = {
        "policy": policy(is_live="version" in state),
        "style": _style(),
        "script": _script(),
        "data": as_script_data({"title": title, **state}),
    }
    for name, content in holes.items():
        page = page.replace(f"{{{{{name}}}}}", content, 1)
    return page


def policy(*, is_live: bool) -> str:
    """Return the page's Content-Security-Policy: its own style and script by their hashes, media from beside it."""
    media, connections = ("'self'", "'self'") if is_live else ("'self' file:", "'none'")
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(_script())}'",
            f"style-src '{_hash(_style())}'",
            f"img-src data: {media}",
            f"media-src {media}",
            f"connect-src {connections}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def as_script_data(data: Any) -> str:
    """Return JSON that no HTML parser takes for markup: ASCII only, without angle brackets and ampersands."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def linked_from(page: Path) -> Link:
    """Return what makes the URLs of files as a page sees them: relative, so that a folder can be moved whole."""
    folder = os.path.abspath(page.parent)  # noqa: PTH100 - as a browser does it: `..` without following links

    def link(_number: int, _index: int, file: MediaFile) -> str:
        try:
            relative = os.path.relpath(file.path, folder)
        except ValueError:  # on another drive of Windows
            return file.path.absolute().as_uri()
        return "/".join(quote(os.fsencode(part), safe="") for part in Path(relative).parts)

    return link


def _check_output(output: Path) -> None:
    if output.is_fifo():
        raise GalleryError(f"cannot write {output}: it is a pipe")
    try:
        with output.open("rb") as file:
            if _MARK.encode() not in file.read(_MARK_WITHIN):
                raise GalleryError(f"{output} is there already and is no gallery; choose another name with -o")
    except FileNotFoundError:
        return
    except OSError as error:
        raise GalleryError(f"cannot write {output}: {error.strerror}") from error


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _script() -> str:
    return "\n" + "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)


@cache
def _style() -> str:
    return "\n" + _asset("style.css")


@cache
def _asset(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")
