"""The data of one shot on the page."""

import math
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from attrs import evolve, field, frozen
from attrs.validators import instance_of, optional

from cometrunway._journal._entry import Entry
from cometrunway._tasks import Asset

MEDIA_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".avif": "image/avif",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".mkv": "video/x-matroska",
    ".3gp": "video/3gpp",
    ".ogv": "video/ogg",
    ".ogg": "audio/ogg",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".m4a": "audio/mp4",
    ".flac": "audio/flac",
    ".zip": "application/zip",
    ".bin": "application/octet-stream",
}
"""The only files that a page shows, links or serves. SVG is excluded: it can contain scripts, and no task makes it."""

_PROMPTS = ("prompt_text", "prompt")
_LENGTHS = ("duration", "seconds")
_LONGEST_TEXT = 4000
"""The number of characters of a shot that are searched in a large gallery."""
_SAID_ELSEWHERE = {"route", "model", "seed", "ratio", *_PROMPTS, *_LENGTHS}


@frozen(kw_only=True)
class MediaFile:
    """One file of a shot."""

    path: Path
    media_type: str
    size: int | None
    """In bytes; None if there is no regular file. A link is not followed, because its target may be anywhere."""
    modified: float | None = None
    """Wall-clock seconds since 1970."""
    verified: bool = True
    """The media type of the asset in the journal."""

    @classmethod
    def at(cls, path: Path) -> "MediaFile | None":
        """Return a file for a page; None for a file that pages do not show."""
        media_type = MEDIA_TYPES.get(path.suffix.lower())
        if media_type is None:
            return None
        try:
            found = path.lstat()
        except OSError:
            found = None
        if found is None or not stat.S_ISREG(found.st_mode):
            return cls(path=path, media_type=media_type, size=None)
        return cls(path=path, media_type=media_type, size=found.st_size, modified=found.st_mtime)


@frozen(kw_only=True)
class Card:
    """One shot. Its types are checked, because its values come from a disk."""

    key: str = field(validator=instance_of(str))
    status: str
    """The status that `cometrunway status` counts; `file` if only a file is known."""
    files: tuple[MediaFile, ...] = ()
    route: str | None = field(default=None, validator=optional(instance_of(str)))
    task_id: str | None = field(default=None, validator=optional(instance_of(str)))
    created_at: float | None = field(default=None, validator=optional(instance_of((int, float))))
    """Wall-clock seconds since 1970."""
    reason: str | None = field(default=None, validator=optional(instance_of(str)))
    request: dict[str, Any] = field(factory=dict, validator=instance_of(dict))

    @classmethod
    def of_entry(cls, entry: Entry, status: str, reason: str) -> "Card":
        """Return the card of a journal's entry."""
        return cls(
            key=entry.key,
            status=status,
            files=tuple(_files(entry.assets)),
            route=entry.route,
            task_id=entry.task_id,
            created_at=entry.created_at,
            reason=reason or None,
            request=dict(entry.request),
        )

    @property
    def kind(self) -> "Kind":
        """The values by which the shot is counted and filtered."""
        model = _plain(self.request.get("model"))
        return self.status, self.route, None if model is None else str(model)

    @property
    def created(self) -> float | None:
        """The time of its creation as a JSON number; None if it is not known."""
        return self.created_at if self.created_at is not None and math.isfinite(self.created_at) else None

    @property
    def seconds(self) -> float | None:
        """The requested duration of a video, if it is a number."""
        value = _plain(_first(self.request, _LENGTHS))
        return None if isinstance(value, str) else value

    @property
    def known(self) -> frozenset[str]:
        """Which of `created` and `seconds` are known. Shots can be sorted by known values."""
        values = {"created": self.created, "seconds": self.seconds}
        return frozenset(name for name, value in values.items() if value is not None)

    @property
    def text(self) -> str:
        """The searchable text. The page's script makes the same text (`textOf`)."""
        _status, route, model = self.kind
        prompt, seed = _plain(_first(self.request, _PROMPTS)), _plain(self.request.get("seed"))
        words = route and route.replace("_", " ")
        names = [file.path.name for file in self.files]
        told = (self.key, prompt, self.task_id, model, route, words, seed, self.reason, *names)
        return "\n".join(str(value) for value in told if value is not None)[:_LONGEST_TEXT]

    def to_json(self, number: int, link: "Link") -> dict[str, Any]:
        """Return the JSON for the page's script; `link` makes the URL of a file."""
        request = self.request
        status, route, model = self.kind
        return {
            "n": number,
            "key": self.key,
            "status": status,
            "route": route,
            "model": model,
            "prompt": _plain(_first(request, _PROMPTS)),
            "seed": _plain(request.get("seed")),
            "seconds": _plain(_first(request, _LENGTHS)),
            "ratio": _plain(request.get("ratio")),
            "id": self.task_id,
            "created": self.created,
            "reason": self.reason,
            "more": [[name, _shown(value)] for name, value in request.items() if name not in _SAID_ELSEWHERE],
            "files": [
                {
                    "url": None if file.size is None else link(number, index, file),
                    "name": file.path.name,
                    "type": file.media_type,
                    "size": file.size,
                    "verified": file.verified,
                }
                for index, file in enumerate(self.files)
            ],
        }


Link = Callable[[int, int, MediaFile], str]
Kind = tuple[str, str | None, str | None]
"""Status, route and model."""


def _files(assets: tuple[Asset, ...]) -> Iterator[MediaFile]:
    for asset in assets:
        file = asset.path and MediaFile.at(asset.path)
        if file:
            yield evolve(file, verified=asset.verified)


def _first(request: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((request[name] for name in names if request.get(name) is not None), None)


def _plain(value: Any) -> str | float | None:
    """Return a value as text or a number, as the page's script expects it. JSON has no infinity."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if isinstance(value, str | int | float) else _shown(value)


def _shown(value: Any) -> str:
    """Return a field's value as text. A local file becomes its name only, because others may see the page."""
    if isinstance(value, Mapping):
        if "sha256" in value:
            return PurePath(str(value.get("path") or "")).name or f"{str(value['sha256'])[:12]}…"
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(_shown, value))
    return str(value)
