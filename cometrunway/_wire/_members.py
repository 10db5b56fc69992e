"""Makes the members of a request's JSON object. Fields that were not set are left out."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

_T = TypeVar("_T")
_UNSET: tuple[Any, ...] = (None, [], {})


@cache
def _converter(spelled: Callable[[str], str]) -> Converter:
    """Return a converter from requests to JSON members. Local files are not converted."""
    made = Converter()
    made.register_unstructure_hook(Path, _as_it_is)
    made.register_unstructure_hook(bytes, _as_it_is)

    def hook(cls: type[attrs.AttrsInstance]) -> Callable[[Any], dict[str, Any]]:
        names = {attribute.name: override(rename=spelled(attribute.name)) for attribute in attrs.fields(cls)}
        all_members = make_dict_unstructure_fn(cls, made, **names)  # type: ignore[arg-type]  # `names` has no switches
        return lambda value: {name: member for name, member in all_members(value).items() if member not in _UNSET}

    made.register_unstructure_hook_factory(attrs.has, hook)
    return made


def members(request: attrs.AttrsInstance, spelled: Callable[[str], str]) -> dict[str, Any]:
    """Return the members of the request that were set. A local file remains a `Path` or bytes.

    Args:
        request: the request.
        spelled: returns the name of the member for the name of a field.
    """
    said: dict[str, Any] = _converter(spelled).unstructure(request)
    return said


def with_files(value: Any, said: Callable[[Path | bytes], Any]) -> Any:
    """Return the members with each local file replaced by the result of `said`."""
    if isinstance(value, Path | bytes):
        return said(value)
    if isinstance(value, dict):
        return {name: with_files(member, said) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [with_files(item, said) for item in value]
    return value


def _as_it_is(file: _T) -> _T:
    return file
