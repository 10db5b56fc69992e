"""The captions of files: the shot of a file, and its request."""

from collections.abc import Iterable, Mapping
from typing import Any, Self
from weakref import WeakKeyDictionary

import attrs
from attrs import frozen

from cometrunway._displays import Displayed
from cometrunway._handle import TaskFuture
from cometrunway._journal._entry import Entry
from cometrunway._requests._routes import Request
from cometrunway._tasks import Asset

_PROMPTS = ("prompt_text", "prompt")
_LENGTHS = ("duration", "seconds")


@frozen(kw_only=True)
class Caption:
    """The caption of a file."""

    key: str | None = None
    model: str | None = None
    duration: str | None = None
    """The requested duration of a video."""
    prompt: str | None = None

    @classmethod
    def of(cls, future: TaskFuture) -> Self:
        """Return the caption for the files of a task."""
        return cls._of(future.key, _fields(future.asked))

    @classmethod
    def of_entry(cls, entry: Entry) -> Self:
        """Return the caption for the files of a journal's entry."""
        return cls._of(entry.key, entry.request)

    @classmethod
    def _of(cls, key: str | None, fields: Mapping[str, Any]) -> Self:
        length = _first(fields, _LENGTHS)
        return cls(
            key=key,
            model=_first(fields, ("model",)),
            duration=None if length is None else f"{length} s",
            prompt=_first(fields, _PROMPTS),
        )


class Assets(Displayed, tuple[Asset, ...]):
    """The files of one task, as `await` returns them in a notebook: a tuple whose display shows the files."""

    __slots__ = ()


_captions: "WeakKeyDictionary[Asset, Caption]" = WeakKeyDictionary()


def captioned(assets: Iterable[Asset], future: TaskFuture) -> Assets:
    """Return files of a task with their captions."""
    found = Assets(assets)
    for asset in found:
        _captions[asset] = Caption.of(future)
    return found


def caption_of(asset: Asset) -> Caption:
    """Return the caption of a file."""
    return _captions.get(asset, Caption())


def _fields(asked: Request | Mapping[str, Any] | None) -> Mapping[str, Any]:
    if isinstance(asked, Request):
        return {field.name: getattr(asked, field.name) for field in attrs.fields(type(asked))}
    return asked or {}


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((str(fields[name]) for name in names if fields.get(name) is not None), None)
