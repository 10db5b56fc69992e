"""The members of a request's JSON object, without those that nobody set."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from cometrunway._media._inputs import data_uri

_UNSET: tuple[Any, ...] = (None, [], {})


def converter(spelled: Callable[[str], str], file: Callable[[Path | bytes], Any] = data_uri) -> Converter:
    """Return what turns our values into JSON members: each field `spelled`, each local `file` converted."""
    made = Converter()
    made.register_unstructure_hook(Path, file)
    made.register_unstructure_hook(bytes, file)

    def hook(cls: type[attrs.AttrsInstance]) -> Callable[[Any], dict[str, Any]]:
        names = {attribute.name: override(rename=spelled(attribute.name)) for attribute in attrs.fields(cls)}
        all_members = make_dict_unstructure_fn(cls, made, **names)  # type: ignore[arg-type]  # these are no switches
        return lambda value: {name: member for name, member in all_members(value).items() if member not in _UNSET}

    made.register_unstructure_hook_factory(attrs.has, hook)
    return made


def members(request: attrs.AttrsInstance, by: Converter) -> dict[str, Any]:
    """Return the request's members, without those that nobody set; local files are read and encoded now.

    Raises:
        ValueError: a local file cannot be read any more.
    """
    try:
        said: dict[str, Any] = by.unstructure(request)
    except ValueError as error:
        raise ValueError(f"{type(request).__name__}: {error}") from error
    return said
