"""What is known of a file beside the file: which shot it belongs to, and what was asked for."""

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
    """What a display says of a file."""

    key: str | None = None
    model: str | None = None
    duration: str | None = None
    """How long a video was asked for."""
    prompt: str | None = None

    @classmethod
    def of(cls, future: TaskFuture) -> Self:
        """Return what is known of a task."""
        return cls._of(future.key, _fields(future.asked))

    @classmethod
    def of_entry(cls, entry: Entry) -> Self:
        """Return what a journal knows."""
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
    """The files of one task, as `await` gives them in a notebook: a tuple that is shown as what it holds."""

    __slots__ = ()


_captions: "WeakKeyDictionary[Asset, Caption]" = WeakKeyDictionary()


def captioned(assets: Iterable[Asset], future: TaskFuture) -> Assets:
    """Return files of a task so that each is shown with what is known of the task."""
    found = Assets(assets)
    for asset in found:
        _captions[asset] = Caption.of(future)
    return found


def caption_of(asset: Asset) -> Caption:
    """Return what is known of a file."""
    return _captions.get(asset, Caption())


def _fields(asked: Request | Mapping[str, Any] | None) -> Mapping[str, Any]:
    if isinstance(asked, Request):
        return {field.name: getattr(asked, field.name) for field in attrs.fields(type(asked))}
    return asked or {}


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((str(fields[name]) for name in names if fields.get(name) is not None), None)
