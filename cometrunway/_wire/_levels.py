"""Finds the levels of an answer that describe a task."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from cometrunway._wire._body import TASK_ID_KEYS, JsonObject, is_named, ours_of, parsed_within
from cometrunway._wire._words import shortened, word_set, words

_NESTING = 5
"""The answer and four nested `data`: two envelopes of gateways around Runway's body."""
_OTHERS = 200
"""The largest number of values that are visited if no `data` contains a task."""
NOT_OURS = word_set("error errors input inputs param parameters params req request usage user")
"""Words in keys whose values do not describe the task."""
_NOT_THE_TASK = NOT_OURS | word_set(
    "attempt attempts billing callback charge child children dependencies depends events history log logs next parent "
    "payment prev previous queue refund related retries retry siblings source sources stage stages step steps sub "
    "subtask subtasks timeline webhook webhooks"
)
"""Words in keys whose values are another task, or a part of a task, with its own status."""
_THE_TASK = word_set(
    "answer body content data detail details generation generations info item items job jobs operation output outputs "
    "payload prediction predictions record records resp response result results row rows run runs task tasks video "
    "videos"
)
"""Words in keys whose values add to the description of the same task."""
STATUS_KEYS = ("status", "state", "task_status")
"""Keys of a status in their usual spelling."""
_OF_A_TASK = (*TASK_ID_KEYS, "progress")


class Level(NamedTuple):
    """One object of an answer."""

    place: str
    """Its place, such as `data.data[0]`; empty for the answer itself."""
    members: JsonObject


def levels(body: JsonObject, task_id: str | None = None, place: str = "") -> list[Level]:
    """Return an object of an answer and its nested `data`, from the outside in; at most five levels.

    A `data` may be an object, JSON in a text, or a list. From a list, the object with this id is used, or the only one.
    """
    level = Level(place, body)
    found = [level]
    while (inner := level.members.get("data")) is not None and len(found) < _NESTING:
        place = f"{level.place}.data" if level.place else "data"
        ours = _level(inner, place, task_id)
        if ours is None or any(_are_others(inner, outer, task_id) for outer in found):
            break
        level = ours
        found.append(level)
    return found


def plain_levels(body: JsonObject) -> list[JsonObject] | None:
    """Return the same as `levels`, without places, if each `data` is an object (the usual case); else None."""
    found = [body]
    while (inner := found[-1].get("data")) is not None and len(found) < _NESTING:
        if not isinstance(inner, dict):
            return None
        found.append(inner)
    return found


def other_levels(body: JsonObject, task_id: str | None) -> list[Level]:
    """Return the objects outside of the nested `data`, from the outside in. Those with `task_id` come first.

    In an object that has an id or a status, only the keys of a task and its result are followed. Its other members are
    parts of the task, or other tasks.
    """
    found: list[Level] = []
    queue: list[tuple[str, Any]] = [("", body)]
    for place, value in queue:  # the queue grows during the loop
        level = _level(value, place, task_id)
        if level is not None:
            found.append(level)
            queue += islice(_members(level, task_id), max(0, _OTHERS - len(queue)))
    return sorted(found[1:], key=lambda level: not is_named(level.members, task_id))


def join(place: str, key: str) -> str:
    """Return the place of a member."""
    return f"{place}.{shortened(key)}" if place else shortened(key)


def members_of(nest: Sequence[Level]) -> list[JsonObject]:
    """Return the objects without their places."""
    return [level.members for level in nest]


def says_more(key: str) -> bool:
    """Whether the value of a key adds to the description of the same task."""
    return bool(words(key) & _THE_TASK)


def _members(level: Level, task_id: str | None) -> Iterator[tuple[str, Any]]:
    is_a_task = any(key in level.members for key in (*TASK_ID_KEYS, *STATUS_KEYS))
    for key, member in level.members.items():
        is_followed = key == task_id or says_more(key) or not is_a_task
        if not is_followed or words(key) & _NOT_THE_TASK or not isinstance(member, dict | list | str):
            continue
        if not _are_others(member, level, task_id):
            yield join(level.place, key), member


def _level(value: Any, place: str, task_id: str | None) -> Level | None:
    if isinstance(value, str):
        value = parsed_within(value)
    found = ours_of(value, task_id)
    if found is None or found is value:
        return None if found is None else Level(place, found)
    return Level(f"{place}[{value.index(found)}]", found)


def _are_others(value: Any, around: Level, task_id: str | None) -> bool:
    """Whether a list within a task contains other tasks, such as its parts. The list may have only one row."""
    if not isinstance(value, list):
        return False
    outer, rows = around.members, [row for row in value if isinstance(row, dict)]
    states_itself = any(key in outer for key in STATUS_KEYS) and any(outer.get(key) for key in _OF_A_TASK)
    has_ids = is_named(outer, task_id) and any(key in row for row in rows for key in TASK_ID_KEYS)
    return (states_itself or has_ids) and not any(is_named(row, task_id) for row in rows)
