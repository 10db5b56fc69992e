"""Where an answer names the files of a task, and nowhere else: a request echoed in it has URLs too."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from cometrunway._wire._body import JsonObject


def outputs(nest: Sequence[JsonObject]) -> tuple[str, ...]:
    """Return the URLs of a task that succeeded, in the server's order, each once.

    `nest` is the level that states the success and those within it. The first key that holds a URL wins, in the
    order of the documentation: Runway's `output`, the gateway's `result_url`, duomi's `video_url` and `raw_video_url`,
    Luma's `video` and `video_raw`, Kling's `task_result`, and last the gateway's `fail_reason`, where it keeps the
    result's URL once there is nothing to complain about. Posters, thumbnails and last frames are no outputs.
    """
    for source in _SOURCES:
        for level in nest:
            found = tuple(dict.fromkeys(_urls(source(level))))
            if found:
                return found
    return ()


def is_url(value: object) -> bool:
    """Whether `value` is an http(s) URL with a host."""
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _urls(value: object) -> Iterator[str]:
    """Yield the URLs in a URL, in an object that has one, or in a list of those."""
    for item in value if isinstance(value, list) else [value]:
        url = item.get("url") if isinstance(item, dict) else item
        trimmed = url.strip() if isinstance(url, str) else url
        if isinstance(trimmed, str) and is_url(trimmed):
            yield trimmed


def _at(*path: str) -> Callable[[JsonObject], object]:
    def source(level: JsonObject) -> object:
        value: Any = level
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    return source


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
    _at("fail_reason"),
)
