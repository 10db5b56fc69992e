"""Finds the files of a task in the documented places of an answer, and the files within the answer."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from cometrunway._media._urls import is_data_url, normalised_url
from cometrunway._wire._body import JsonObject
from cometrunway._wire._inline import inline_member, inline_url
from cometrunway._wire._levels import Level, join

_EXTENSIONS = {
    "video": "3gp avi m4v mkv mov mp4 ogv webm",
    "image": "avif bmp heic jpeg jpg png svg tiff webp",
    "audio": "aac flac m4a mp3 ogg opus wav",
    "animation": "gif",
}
KINDS = {extension: kind for kind, extensions in _EXTENSIONS.items() for extension in extensions.split()}
"""The kind of a file by the extension of its name."""
_BETWEEN = r"(?<![\s,;|])[\s,;|]++(?=https?://)"
"""Separators of URLs. Without the first and the second plus, a long run of blanks needs quadratic time."""


class Output(NamedTuple):
    """One file that an answer names or contains."""

    place: str
    """Such as `data.output[0]`."""
    url: str
    """A normalised http(s) URL, or the `data:` URL of a file within the answer."""


def documented(nest: Sequence[Level], is_ours: Callable[[str], bool] = lambda _url: True) -> tuple[Output, ...]:
    """Return the outputs of a successful task from the documented places, in the server's order, without duplicates.

    Only the first key that contains an output is used. The order is that of the documentation: Runway's `output`, the
    gateway's `result_url`, duomi's `video_url` and `raw_video_url`, Luma's `video` and `video_raw`, Kling's
    `task_result`, and last the gateway's `fail_reason`, which contains the result's URL after a success.

    Args:
        nest: the level that states the success, and the levels within it.
        is_ours: whether a URL may be an output; False for a URL that was sent.
    """
    for path, source in _SOURCES:
        for level in nest:
            found = {
                url: place for place, url in _files(join(level.place, path), source(level.members)) if is_ours(url)
            }
            if found:
                return tuple(without_stills([Output(place, url) for url, place in found.items()]))
    return ()


def without_stills(outputs: list[Output]) -> list[Output]:
    """Remove the pictures if there is also a video. They are covers of the video."""
    kinds = [kind_of(output.url) for output in outputs]
    if "video" not in kinds:
        return outputs
    return [output for output, kind in zip(outputs, kinds, strict=True) if kind not in {"image", "animation"}]


def is_url(value: object) -> bool:
    """Whether `value` is an http(s) URL, directly or after normalisation."""
    return isinstance(value, str) and normalised_url(value) is not None


def is_video_url(value: object) -> bool:
    """Whether `value` is an http(s) URL with the file name of a video."""
    return is_url(value) and kind_of(str(value)) == "video"


def extension(url: str) -> str:
    """Return the extension in a URL's path, such as `mp4`; the whole last segment if it has no dot."""
    if is_data_url(url):
        return ""
    return re.split("[?#]", url, maxsplit=1)[0].rpartition("/")[2].rpartition(".")[2].strip().lower()


def kind_of(url: str) -> str | None:
    """Return `video`, `image`, `animation` or `audio` if a URL shows the kind of its file; else None."""
    return url[5:].partition("/")[0].lower() if is_data_url(url) else KINDS.get(extension(url))


def urls_in(text: str) -> Iterator[str]:
    """Yield the URLs in a text: one URL, or several with blanks or commas between them."""
    if is_data_url(text):
        if url := inline_url(text):
            yield url
        return
    parts = re.split(_BETWEEN, text.strip(), flags=re.IGNORECASE)
    for part in parts:
        # A single URL may contain a line break or a comma. Between several URLs, these are separators.
        if url := normalised_url(part if len(parts) == 1 else part.partition("\n")[0].rstrip(" ,;|\r")):
            yield url


def _files(place: str, value: object) -> Iterator[Output]:
    """Yield the files of a URL, of an object with a URL, or of a list of these."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _file(f"{place}[{number}]", item)
    else:
        yield from _file(place, value)


def _file(place: str, item: object) -> Iterator[Output]:
    if isinstance(item, str):
        yield from (Output(place, url) for url in urls_in(item))
    elif isinstance(item, dict) and (found := inline_member(item)):
        yield Output(place, found.url)
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
