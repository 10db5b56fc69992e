"""Reads the progress and the time of creation of a task, in every form that gateways use."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import isfinite

from cometrunway._wire._body import JsonObject

_RUNWAY_STATUSES = ("PENDING", "THROTTLED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED")
_CREATION_KEYS = ("createdAt", "created_at", "create_time", "submit_time")
_FIRST_MILLISECONDS = 1e11
"""Read as seconds, this is in the year 5138. Read as milliseconds, it is in 1973."""


def progress(nest: Sequence[JsonObject]) -> float | None:
    """Return the outermost readable progress, from 0 to 1."""
    for level in nest:
        if "progress" in level:
            share = _share(level["progress"], is_runway=level.get("status") in _RUNWAY_STATUSES)
            if share is not None:
                return share
    return None


def created_at(nest: Sequence[JsonObject]) -> datetime | None:
    """Return the outermost readable time of creation, in UTC."""
    for level in nest:
        for key in _CREATION_KEYS:
            if key in level and (moment := instant(level[key])):
                return moment
    return None


def _share(value: object, *, is_runway: bool) -> float | None:
    """Read `"30%"`, 0.3, 30 or `"30"`. The integer 1 means 100 % in Runway's body, and 1 % in other bodies."""
    if isinstance(value, str):
        text = value.strip()
        if text.endswith("%"):
            return _clamped(_number(text[:-1]), whole=100.0)
        value = int(text) if text.isdecimal() and len(text) < 10 else _number(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    is_percentage = value > 1 or (value == 1 and isinstance(value, int) and not is_runway)
    return _clamped(value, whole=100.0 if is_percentage else 1.0)


def _clamped(value: float | None, *, whole: float) -> float | None:
    return None if value is None else max(0.0, min(value, whole)) / whole


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def instant(value: object) -> datetime | None:
    """Return a time in UTC from epoch seconds, epoch milliseconds, a string of either, or ISO 8601.

    Return None for 0 and the empty string, which mean "not yet", and for invalid times. A time without a zone is UTC.
    """
    if isinstance(value, str):
        number = None if ":" in value else _number(value)  # nearly every poll has a time: avoid an exception
        return _from_iso(value.strip()) if number is None else _from_epoch(number)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _from_epoch(value)
    return None


def _from_epoch(value: float) -> datetime | None:
    seconds = value / 1000 if _FIRST_MILLISECONDS < value < _FIRST_MILLISECONDS * 1000 else value
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def _from_iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is UTC:
            return moment
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
