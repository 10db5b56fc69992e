"""Where the documentation puts the files of a task, and the files that stand in an answer itself."""

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
"""What a file is by the extension of its name."""
_BETWEEN = re.compile(r"(?<![\s,;|])[\s,;|]++(?=https?://)", re.IGNORECASE)
"""What stands between URLs. Without the first and the second plus, a long run of blanks costs its square."""


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
                return tuple(without_stills([Output(place, url) for url, place in found.items()]))
    return ()


def without_stills(outputs: list[Output]) -> list[Output]:
    """Leave out the pictures that stand beside a video: they are its covers."""
    kinds = [kind_of(output.url) for output in outputs]
    if "video" not in kinds:
        return outputs
    return [output for output, kind in zip(outputs, kinds, strict=True) if kind not in {"image", "animation"}]


def is_url(value: object) -> bool:
    """Whether `value` is an http(s) URL, or one once it is normalised."""
    return isinstance(value, str) and normalised_url(value) is not None


def is_video_url(value: object) -> bool:
    """Whether `value` is the http(s) URL of a file that is a video by its name."""
    return is_url(value) and kind_of(str(value)) == "video"


def extension(url: str) -> str:
    """Return what the last part of a URL's path ends with, such as `mp4`; all of it without a dot."""
    if is_data_url(url):
        return ""
    return re.split("[?#]", url, maxsplit=1)[0].rpartition("/")[2].rpartition(".")[2].strip().lower()


def kind_of(url: str) -> str | None:
    """Return `video`, `image`, `animation` or `audio`, as a URL says; None if it does not say."""
    return url[5:].partition("/")[0].lower() if is_data_url(url) else KINDS.get(extension(url))


def urls_in(text: str) -> Iterator[str]:
    """Yield the files that a text is: one URL, or several with blanks or commas between."""
    if is_data_url(text):
        if url := inline_url(text):
            yield url
        return
    parts = _BETWEEN.split(text.strip())
    for part in parts:
        # A URL alone may have a line break or a comma in it; what stands between several is none of them.
        if url := normalised_url(part if len(parts) == 1 else part.partition("\n")[0].rstrip(" ,;|\r")):
            yield url


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
