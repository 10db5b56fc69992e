"""What an option may be: checks that name the option in their message."""

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, get_args

from cometrunway.emulator._routes import ROUTE_NAMES
from cometrunway.emulator._task_maker import Duration, as_duration

Check = Callable[[Any, Any, Any], None]


def one_of(literal: Any) -> Check:
    """One of the strings of a `Literal`."""

    def check(_instance: object, attribute: Any, value: object) -> None:
        if value not in get_args(literal):
            raise ValueError(f"{attribute.name} must be one of {', '.join(get_args(literal))}, not {value!r}")

    return check


def within(low: float, high: float, *, above: bool = False) -> Check:
    """A number from `low` to `high`; with `above`, not `low` itself."""

    def check(_instance: object, attribute: Any, value: float) -> None:
        if not low <= value <= high or (above and value == low):
            bounds = f"above {low:g}" if above else f"from {low:g} to {high:g}"
            raise ValueError(f"{attribute.name} must be {bounds}, not {value!r}")

    return check


def loopback(_instance: object, attribute: Any, value: str) -> None:
    """An address that no other machine can reach."""
    try:
        known = ipaddress.ip_address(value).is_loopback
    except ValueError:
        known = False
    if not known:
        raise ValueError(f"{attribute.name} must be a loopback address such as 127.0.0.1, not {value!r}")


def by_route(durations: Mapping[str, Duration | float]) -> Mapping[str, Duration]:
    """Durations of single routes."""
    unknown = set(durations) - set(ROUTE_NAMES)
    if unknown:
        raise ValueError(f"durations names no route {min(unknown)!r}: use {', '.join(ROUTE_NAMES)}")
    return {route: as_duration(duration) for route, duration in durations.items()}


ANY_PORT = within(0, 65535)
