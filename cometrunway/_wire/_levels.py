"""Where in an answer a task is described: the levels of its nesting."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cometrunway._wire._body import JsonObject, ours_of, parsed_within
from cometrunway._wire._words import words

_NESTING = 5
"""The answer itself and four `data` in one another: a gateway's envelope, twice, around Runway's body."""
_OTHERS = 200
"""Values that are visited where no `data` leads to a task."""
NOT_OURS = frozenset(
    {"error", "errors", "input", "inputs", "param", "parameters", "params", "request", "usage", "user"}
)
"""Words of keys under which nothing is said of the task itself."""


class Level(NamedTuple):
    """One object of an answer."""

    place: str
    """Such as `data.data[0]`; empty for the answer itself."""
    members: JsonObject


def levels(body: JsonObject, task_id: str | None = None) -> list[Level]:
    """Return the answer and what its `data` hold, from the outside in, at most five of them.

    A `data` may be an object, JSON in a text, or a list with ours in it: the one with this id, or the only one.
    """
    found = [Level("", body)]
    inner = body.get("data")
    while inner is not None and len(found) < _NESTING:
        level = _level(inner, join(found[-1].place, "data"), task_id)
        if level is None:
            break
        found.append(level)
        inner = level.members.get("data")
    return found


def other_levels(body: JsonObject, task_id: str | None) -> list[Level]:
    """Return the objects in an answer that no `data` leads to, from the outside in, those with our id first."""
    found: list[Level] = []
    queue: list[tuple[str, Any]] = [("", body)]
    for place, value in queue:  # which grows meanwhile
        level = _level(value, place, task_id)
        if level is None:
            continue
        found.append(level)
        members = [(key, member) for key, member in level.members.items() if not words(key) & NOT_OURS]
        queue += [(join(level.place, key), member) for key, member in members[: _OTHERS - len(queue)]]
    return sorted(found[1:], key=lambda level: task_id not in (level.members.get("task_id"), level.members.get("id")))


def join(place: str, key: str) -> str:
    """Return the place of a member."""
    return f"{place}.{key}" if place else key


def members_of(nest: Sequence[Level]) -> list[JsonObject]:
    """Return the objects without their places."""
    return [level.members for level in nest]


def _level(value: Any, place: str, task_id: str | None) -> Level | None:
    if isinstance(value, str):
        value = parsed_within(value)
    found = ours_of(value, task_id)
    if found is None or found is value:
        return None if found is None else Level(place, found)
    return Level(f"{place}[{value.index(found)}]", found)
