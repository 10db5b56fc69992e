"""Where the documentation puts the files of a task, and the files that stand in an answer itself."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from cometrunway._media._urls import normalised_url
from cometrunway._wire._body import JsonObject
from cometrunway._wire._inline import inline_file
from cometrunway._wire._levels import Level, join


class Output(NamedTuple):
    """One file that an answer names or holds."""

    place: str
    """Such as `data.output[0]`."""
    url: str
    """An http(s) URL as a browser would send it, or a `data:` URL of a file that is in the answer itself."""


def documented(nest: Sequence[Level], is_ours: Callable[[str], bool] = lambda _url: True) -> tuple[Output, ...]:
    """Return the outputs of a task that succeeded, from the documented places, in the server's order, each once.

    The first key that holds one wins, in the order of the documentation: Runway's `output`, the gateway's
    `result_url`, duomi's `video_url` and `raw_video_url`, Luma's `video` and `video_raw`, Kling's `task_result`, and
    last the gateway's `fail_reason`, where it keeps the result's URL once there is nothing to complain about.

    Args:
        nest: the level that states the success, and those within it.
        is_ours: whether a URL may be taken at all: not one that was sent.
    """
    for path, source in _SOURCES:
        for level in nest:
            found = {
                url: place for place, url in _files(join(level.place, path), source(level.members)) if is_ours(url)
            }
            if found:
                return tuple(Output(place, url) for url, place in found.items())
    return ()


def is_url(value: object) -> bool:
    """Whether `value` is an http(s) URL, or one once it is normalised."""
    return isinstance(value, str) and normalised_url(value) is not None


def urls_in(text: str) -> Iterator[str]:
    """Yield the files that a text is: one URL, or several with blanks or commas between."""
    if text[:5].lower() == "data:":
        if url := inline_file(text):
            yield url
        return
    for part in _split(text):
        if url := normalised_url(part):
            yield url


def _split(text: str) -> list[str]:
    parts = [text.strip()]
    for mark in (" http", "\nhttp", ",http", ", http"):
        parts = [piece for part in parts for piece in _cut(part, mark)]
    return parts


def _cut(text: str, mark: str) -> list[str]:
    first, *rest = text.split(mark)
    return [first.rstrip(" ,\r\n"), *(f"http{piece}".rstrip(" ,\r\n") for piece in rest)]


def _files(place: str, value: object) -> Iterator[Output]:
    """Yield the files in a URL, in an object that has one, or in a list of those."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _file(f"{place}[{number}]", item)
    else:
        yield from _file(place, value)


def _file(place: str, item: object) -> Iterator[Output]:
    if isinstance(item, str):
        yield from (Output(place, url) for url in urls_in(item))
    elif isinstance(item, dict) and (file := inline_file(item)):
        yield Output(place, file)
    elif isinstance(item, dict) and isinstance(item.get("url"), str):
        yield from (Output(join(place, "url"), url) for url in urls_in(item["url"]))


def _at(*path: str) -> tuple[str, Callable[[JsonObject], object]]:
    def source(members: JsonObject) -> object:
        value: Any = members
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    return ".".join(path), source


def _lone_url(members: JsonObject) -> object:
    reason = members.get("fail_reason")
    return reason if isinstance(reason, str) and len(reason.split()) == 1 else None


_SOURCES = (
    _at("output"),
    _at("result_url"),
    _at("video_url"),
    _at("raw_video_url"),
    _at("video", "url"),
    _at("video", "download_url"),
    _at("video_raw", "url"),
    _at("task_result", "videos"),
    _at("task_result", "images"),
    ("fail_reason", _lone_url),
)
