"""The errors of making a request: all faults at once, and the nearest name for an unknown field."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from functools import wraps
from typing import Any

from attrs import AttrsInstance, fields

from cometrunway._requests._names import nearest, own_first, snake_case


def explained(init: Callable[..., None], cls: type[AttrsInstance]) -> Callable[..., None]:
    """Return an `__init__` that says all that is wrong with the fields of a request.

    It raises a `TypeError` for a field that the class does not have, with the nearest name; and one `ValueError` for
    all wrong values, with a line for each.

    Args:
        init: the `__init__` that attrs has made.
        cls: its class.
    """
    names = frozenset(attribute.name for attribute in fields(cls))

    @wraps(init)
    def explaining(self: AttrsInstance, *args: object, **given: object) -> None:
        if args or not given.keys() <= names:
            raise TypeError(_unknown(cls, args, given))
        try:
            init(self, **given)
        except ValueError as error:
            faults = list(dict.fromkeys([*_faults(self), str(error)]))
            if len(faults) == 1:
                raise
            raise ValueError("\n".join(faults)) from None

    return explaining


def _unknown(cls: type[AttrsInstance], args: Collection[object], given: Mapping[str, object]) -> str:
    names = [attribute.name for attribute in own_first(cls)]
    if args:
        return f"{cls.__name__} takes its fields by name, such as {cls.__name__}({names[0]}=...)"
    unknown = (name for name in given if name not in names)
    hints = [f"{name!r}: {nearest(snake_case(name), names)}" for name in unknown]
    return "\n".join(f"{cls.__name__} has no field {hint}" for hint in hints)


def _faults(request: Any) -> Iterator[str]:
    """Yield the message of each field that is set and wrong."""
    for attribute in fields(type(request)):
        if attribute.validator is None or not hasattr(request, attribute.name):
            continue
        try:
            with suppress(TypeError):  # because of another field that is wrong
                attribute.validator(request, attribute, getattr(request, attribute.name))
        except ValueError as error:
            yield str(error)
