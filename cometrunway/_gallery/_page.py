"""The page: one HTML file with its style, its script and its data. It loads only media."""

import base64
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain, islice
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote

from cometrunway._gallery._cards import Card, Link, MediaFile
from cometrunway._gallery._data_folder import DataFolder
from cometrunway._gallery._data_scripts import Tally, as_script_data
from cometrunway._gallery._data_writer import DataWriter
from cometrunway._gallery._errors import GalleryError
from cometrunway._gallery._source import Snapshot, Source

_PAGE = files("cometrunway._gallery") / "page"
_SCRIPTS = (
    "elements",
    "words",
    "data",
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
"""The parts of the script in their order. They form one module, because a page that is a file cannot import modules."""
_MARK = '<meta name="generator" content="cometrunway gallery">'
_MARK_WITHIN = 1024
_MOST_IN_ONE_FILE = 500
_FOLDERS_KEPT = 1000
"""The number of folders whose URLs are cached."""


def write_page(source: Source, output: Path) -> int:
    """Write the shots of a source as a page, and return their number. An existing gallery is replaced.

    A page of up to 500 shots is one file. With more shots, their data are in a folder beside the page, which loads them
    when it needs them. Only a few shots are in memory at once.

    Raises:
        GalleryError: the path has another file, or the page cannot be written.
        JournalError: the journal cannot be read.
    """
    _check_output(output)
    data_folder = DataFolder(output)
    with source.reading() as snapshot:
        cards = iter(snapshot.cards)
        first = list(islice(cards, _MOST_IN_ONE_FILE + 1))
        if len(first) <= _MOST_IN_ONE_FILE:
            _replace(output, _whole(source.title, first, snapshot, linked_from(output)))
            data_folder.remove()
            return len(first)
        with _told(data_folder.path), data_folder.new_build() as build:
            writer = DataWriter(build, linked_from(output), data_folder.url_of(build))
            writer.write(chain(first, cards))
            _replace(output, render(source.title, {**writer.state(), **_still(snapshot)}))
            return writer.total


def _whole(title: str, cards: list[Card], snapshot: Snapshot, link: Link) -> str:
    tally = Tally()
    for card in cards:
        tally.add(card)
    shots = [card.to_json(number, link) for number, card in enumerate(cards)]
    return render(title, {**tally.to_json(), "total": len(shots), "shots": shots, **_still(snapshot)})


def _still(snapshot: Snapshot) -> dict[str, Any]:
    return {"isWritten": False, "problem": snapshot.problem}  # the page does not change, even if another process writes


def _replace(output: Path, content: str) -> None:
    part = output.with_name(f".{token_hex(8)}.part")  # a new name; with the usual permissions
    try:
        with _told(output), part.open("x", encoding="utf-8") as file:
            file.write(content)
        with _told(output):
            part.replace(output)
    finally:
        with suppress(OSError):
            part.unlink()


def render(title: str, state: Mapping[str, Any]) -> str:
    """Return the page. If the state has a version, the page is live and gets later versions from its server."""
    page = _asset("page.html")
    holes = {
        "policy": policy(is_live="version" in state, has_data=state.get("data") is not None),
        "style": _style(),
        "script": _script(),
        "data": as_script_data({"title": title, **state}),
    }
    for name, content in holes.items():
        page = page.replace(f"{{{{{name}}}}}", content, 1)
    return page


def policy(*, is_live: bool, has_data: bool) -> str:
    """Return the page's Content-Security-Policy. It allows the page's style and script by their hashes, and its media.

    If some data are outside of the page, its script, but not its markup, may load further scripts (`strict-dynamic`).
    """
    loaded = " 'strict-dynamic'" * has_data
    media, connections = ("'self'", "'self'") if is_live else ("'self' file:", "'none'")
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(_script())}'{loaded}",
            f"style-src '{_hash(_style())}'",
            f"img-src data: {media}",
            f"media-src {media}",
            f"connect-src {connections}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def linked_from(page: Path) -> Link:
    """Return a function that makes the URLs of files. They are relative to the page, so that a folder can be moved."""
    start = os.path.abspath(page.parent)  # noqa: PTH100 - like a browser: resolves `..` without following links

    @lru_cache(_FOLDERS_KEPT)
    def folder_url(folder: Path) -> str:
        try:
            relative = os.path.relpath(folder, start)
        except ValueError:  # on another drive of Windows
            return f"{folder.absolute().as_uri()}/"
        return "".join(f"{quote(os.fsencode(part), safe='')}/" for part in Path(relative).parts)

    def link(_number: int, _index: int, file: MediaFile) -> str:
        return folder_url(file.path.parent) + quote(os.fsencode(file.path.name), safe="")

    return link


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise GalleryError(f"cannot write {path}: {error.strerror}") from error


def _check_output(output: Path) -> None:
    if output.is_fifo():
        raise GalleryError(f"cannot write {output}: it is a pipe")
    try:
        with output.open("rb") as file:
            if _MARK.encode() not in file.read(_MARK_WITHIN):
                raise GalleryError(f"{output} exists and is not a gallery; choose another name with -o")
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
