"""When to try again: frozen values, and the one place that decides transient or fatal.

The only importer of `backoff`, and only of its generators, which are pure.
"""

import math
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice
from random import Random
from typing import Any, Literal, TypeVar

import backoff
from attrs import Attribute, define, field, frozen
from attrs.validators import in_

from cometrunway.errors import (
    AuthenticationError,
    CometRunwayError,
    PermissionDeniedError,
    RateLimitedError,
)

_WIDEST = 2.0
"""How many times the first pause of a backoff its longest is."""
_RULES = ("learned", "backoff", "fixed")
_RETRY_AFTER_CEILING = 60.0
_T = TypeVar("_T")


def _steps(*, first: float, growth: float, ceiling: float) -> tuple[float, ...]:
    """Return the rising delays from `first` to `ceiling`, which is the last and stands for all that follow."""
    delays = backoff.expo(base=growth, factor=first, max_value=ceiling)
    delays.send(None)
    rising = []
    for delay in delays:
        rising.append(float(delay))
        if delay >= ceiling:
            break
    return tuple(rising)


def _above_floor(instance: "PollPolicy", attribute: "Attribute[float]", value: float) -> None:
    if value < instance.floor:
        raise ValueError(f"PollPolicy.{attribute.name} must be at least floor ({instance.floor} s), got {value}")


def _number(wanted: str, holds: Callable[[float], bool], *, or_none: bool = False) -> Callable[..., None]:
    def check(instance: object, attribute: "Attribute[Any]", value: Any) -> None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (or_none and value is None) and not (is_number and holds(value)):
            raise ValueError(f"{type(instance).__name__}.{attribute.name} must be {wanted}, got {value!r}")

    return check


_seconds = _number("more than 0 seconds", lambda value: value > 0)


@define(kw_only=True, frozen=True, slots=False)
class PollPolicy:
    """How often to poll a task, and for how long. All times are seconds.

    With the rule `learned`, the session learns from its polls how long tasks of a route and model take. The next poll
    comes after d seconds, with `integral over x from 0 to d of h(age + x) * (d - x) = price`, where h is the learnt
    hazard: the expected lag without the poll has then grown to the price of a poll. With the rule `backoff` the n-th
    pause (from 0) is drawn evenly from the upper half of `min(ceiling, 2 * first, first * growth ** n)`. The rule
    `learned` does the same until a task of a kind has ended, and never polls later than such a pause after the age
    that ten tasks of the kind are known to have reached unfinished. With the rule `fixed` every pause is `first`. With
    the other two a poll may come a sixth of its pause earlier or later, so that several polls share a moment; no pause
    is below `floor` or above `ceiling`. Where callbacks announce the ends of tasks, pauses are up to ten times as long,
    and the poll of an announced end comes at once.
    """

    rule: Literal["learned", "backoff", "fixed"] = field(default="learned", validator=in_(_RULES))
    price: float = field(default=0.3, validator=_number("0.001 seconds or more", lambda value: value >= 0.001))
    """How many seconds of lag one poll is worth: less means more polls, and an earlier answer."""
    first: float = field(default=6.0, validator=_seconds)
    growth: float = field(default=1.5, validator=_number("more than 1", lambda value: value > 1))
    floor: float = field(default=1.0, validator=_seconds)
    ceiling: float = field(default=30.0, validator=[_seconds, _above_floor])
    grace: float = field(default=60.0, validator=_number("0 seconds or more", lambda value: value >= 0))
    """How long `task_not_exist` means "not yet" for a task that we created, from the answer to its create."""
    output_grace: float = field(default=60.0, validator=_number("0 seconds or more", lambda value: value >= 0))
    """How long a success that names no file yet is waited for: some gateways set the status first."""
    key_grace: float = field(default=60.0, validator=_number("0 seconds or more", lambda value: value >= 0))
    """How long every answer must be the API's 401 or 403 before a wait ends: a gateway in trouble refuses any key."""
    deadline: float | None = field(
        default=3600.0, validator=_number("more than 0 seconds, or None", lambda value: value > 0, or_none=True)
    )
    """When to stop waiting, from the create; None never stops. The task stays resumable."""
    per_second: float = field(default=250.0, validator=_number("more than 0", lambda value: value > 0))
    """Polls per second of the whole session, half a second's worth at once; a key's documented ceiling is 500."""
    answer_limit: int = field(
        default=64 * 1024 * 1024, validator=_number("1,024 bytes or more", lambda value: value >= 1024)
    )
    """Bytes of an answer to a poll, uncompressed: a gateway may repeat the request in it, or put an image into it."""

    @cached_property
    def _delays(self) -> tuple[float, ...]:
        return _steps(first=self.first, growth=self.growth, ceiling=min(self.ceiling, _WIDEST * self.first))

    def pause(self, polls: int, chance: float) -> float:
        """Return the seconds to wait after so many polls (0: before the first); `chance` is drawn from 0 to 1."""
        if self.rule == "fixed":
            return self.first
        half = self._delays[min(polls, len(self._delays) - 1)] / 2
        return max(self.floor, half + half * chance)

    def pause_while_behind(self, waited: float, rng: Random) -> float:
        """Return the seconds to wait after an answer that lags behind what is known for `waited` seconds already."""
        return max(self.floor, min(self.ceiling, 1.0 + waited / 2)) * rng.uniform(0.75, 1.0)

    def pause_while_unknown(self, rng: Random) -> float:
        """Return the seconds to wait after a `task_not_exist`: three to five, as the API's documentation asks."""
        return rng.uniform(3.0, 5.0)

    def pause_while_refused(self, refusals: int, rng: Random) -> float:
        """Return the seconds to wait after so many refusals of the key in a row: twice as long after each."""
        return max(self.floor, min(self.ceiling, 2.0 ** min(refusals, 10))) * rng.uniform(1.0, 1.25)


@frozen(kw_only=True)
class RetryPolicy:
    """How often to repeat what is free or was refused, and how long to wait between. All times are seconds.

    The n-th pause (from 0) is `min(ceiling, 2 ** n) + random(0, 1)`, or what the server asked for in Retry-After, at
    most 60 seconds (API documentation, "Error codes"). A create is repeated only after an answer that proves refusal,
    or where the connection was never made.
    """

    attempts: int = field(default=6, validator=_number("1 or more", lambda value: value >= 1))
    ceiling: float = field(default=30.0, validator=_seconds)
    asset_grace: float = field(default=60.0, validator=_number("0 seconds or more", lambda value: value >= 0))
    """How long 401, 403, 404 or 410 for a file means "not yet", from the first such answer. Object stores and content
    delivery networks are consistent only eventually. Each time the task is polled for a fresh URL."""
    slowest: float = field(default=1024.0, validator=_number("0 or more", lambda value: value >= 0))
    """Bytes per second that a download must bring, on average over a minute of waiting for the host; below that it is
    broken off and tried again."""

    def pauses(self, rng: Random) -> Iterator[float]:
        """Yield the pauses between the attempts: one fewer than there are attempts."""
        return islice(self.growing_pauses(rng), self.attempts - 1)

    def growing_pauses(self, rng: Random) -> Iterator[float]:
        """Yield pauses without end, for what is limited by time."""
        delays = backoff.expo(max_value=self.ceiling)
        delays.send(None)
        for delay in delays:
            yield delay + rng.uniform(0, 1)


def of_type(name: str, value: object, wanted: type[_T]) -> _T:
    """Return an option of the session that must be a policy; `TypeError` names one that is none."""
    if not isinstance(value, wanted):
        raise TypeError(f"{name} must be a {wanted.__name__}, got {value!r}")
    return value


def at_least_zero(name: str, value: object, *, or_infinite: bool = False) -> float:
    """Return an option in seconds; `ValueError` names one that is no number of at least 0, or is infinite."""
    most = math.inf if or_infinite else sys.float_info.max
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ValueError(f"{name} must be a number of seconds of at least 0, got {value!r}")
    return value


def whole(name: str, value: object, *, at_least: float = -math.inf) -> int:
    """Return an option that must be a whole number; `ValueError` names one that is none, or too small."""
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        least = "" if at_least == -math.inf else f" of at least {at_least}"
        raise ValueError(f"{name} must be a whole number{least}, got {value!r}")
    return value


def is_transient(error: CometRunwayError) -> bool:
    """Whether the same free call may succeed on its next attempt."""
    return error.retryable


def refuses_the_key(error: Exception) -> bool:
    """Whether the API itself refuses the key: no page, no empty answer, and no word of a proxy in front of it."""
    if not isinstance(error, AuthenticationError | PermissionDeniedError):
        return False
    return error.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def asked_pause(error: CometRunwayError) -> float | None:
    """Return how many seconds a 429 asks us to wait, at most 60; None where it names none."""
    if not isinstance(error, RateLimitedError) or error.retry_after is None:
        return None
    return min(error.retry_after, _RETRY_AFTER_CEILING)
