"""The names of fields: their two spellings, and the nearest to a misspelt one."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from attrs import Attribute, AttrsInstance, fields

from cometrunway._media._urls import shown


def unknown(names: Iterable[object], known: Iterable[str]) -> Iterator[str]:
    """Yield each unknown name with the nearest known one. The list of all known names comes once at most."""
    known, told = list(known), set()
    for name in names:
        if snake_case(str(name)) in known:
            continue
        hint = nearest(snake_case(str(name)), known)
        yield shown(name) if hint in told else f"{shown(name)}; {hint}"
        told.add(hint)


def own_first(cls: type[AttrsInstance]) -> "list[Attribute[Any]]":
    """Return the fields of a class; those that it inherits, such as `extra`, come last."""
    return sorted(fields(cls), key=lambda attribute: bool(attribute.inherited))


def snake_case(name: str) -> str:
    """Return the snake_case of a name in either spelling."""
    return re.sub(r"(?<=[a-z0-9])[A-Z]|(?<=[A-Z])[A-Z](?=[a-z])", lambda capital: "_" + capital[0].lower(), name)


def camel_case(name: str) -> str:
    """Return the camelCase of a name in either spelling."""
    return re.sub(r"_([a-z])", lambda letter: letter[1].upper(), name)


def nearest(name: str, known: Iterable[str], *, most: int | None = None) -> str:
    """Return a text that suggests the nearest known name; if none is near, it lists the names, at most `most`."""
    words = list(known)
    if close := get_close_matches(name, words, n=1):
        return f"did you mean {close[0]}?"
    more = f" and {len(words) - most} more" if most is not None and len(words) > most else ""
    return f"known are {', '.join(words[:most])}{more}"
