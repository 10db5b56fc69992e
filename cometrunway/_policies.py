"""When to poll and when to retry: frozen values, and the function that tells transient from fatal errors.

This module alone imports `backoff`. It uses the generators of `backoff` only, which are pure.
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

from cometrunway._keywords import hints_keywords
from cometrunway.errors import (
    AuthenticationError,
    CometRunwayError,
    PermissionDeniedError,
    RateLimitedError,
)

_WIDEST = 2.0
"""The longest pause of a backoff, as a multiple of its first pause."""
_RULES = ("learned", "backoff", "fixed")
_RETRY_AFTER_CEILING = 60.0
_T = TypeVar("_T")


def _steps(*, first: float, growth: float, ceiling: float) -> tuple[float, ...]:
    """Return the rising delays from `first` to `ceiling`. The last one is repeated for all later delays."""
    delays = backoff.expo(base=growth, factor=first, max_value=ceiling)
    delays.send(None)
    rising = []
    for delay in delays:
        rising.append(float(delay))
        if delay >= ceiling:
            break
    return tuple(rising)


def _is_rule(_policy: "PollPolicy", _attribute: "Attribute[str]", value: object) -> None:
    if value not in _RULES:
        raise ValueError(f"PollPolicy.rule must be learned, backoff or fixed, got {value!r}")


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


@hints_keywords
@define(kw_only=True, frozen=True, slots=False)
class PollPolicy:
    """How often to poll a task, and for how long. All times are seconds.

    The field `rule` says how the pause before the next poll is found:

    - `learned`: the session learns from its polls how long the tasks of each route and model take. The pause is d
      seconds, with `integral over x from 0 to d of h(age + x) * (d - x) = price`. Here h is the learned hazard: after
      d seconds, the expected lag has grown to the price of a poll. Until the first task of a route and model has ended,
      the rule is `backoff`. Beyond the age that ten unfinished tasks of this route and model have reached, no pause is
      longer than one of `backoff`.
    - `backoff`: the n-th pause, from 0, is drawn evenly from the upper half of
      `min(ceiling, 2 * first, first * growth ** n)`.
    - `fixed`: every pause is `first`.

    With `learned` and `backoff`, a poll may come earlier or later by a sixth of its pause, so that several polls happen
    at the same moment. No pause is below `floor` or above `ceiling`. If callbacks announce the ends of tasks, pauses
    are up to ten times as long, and an announced end is polled at once.
    """

    rule: Literal["learned", "backoff", "fixed"] = field(default="learned", validator=_is_rule)
    price: float = field(default=0.3, validator=_number("0.001 seconds or more", lambda value: value >= 0.001))
    """The lag, in seconds, that one poll is worth. A lower price gives more polls and an earlier answer."""
    first: float = field(default=6.0, validator=_seconds)
    growth: float = field(default=1.5, validator=_number("more than 1", lambda value: value > 1))
    floor: float = field(default=1.0, validator=_seconds)
    ceiling: float = field(default=30.0, validator=[_seconds, _above_floor])
    grace: float = field(default=60.0, validator=_number("0 seconds or more", lambda value: value >= 0))
    """For so long after the answer to a create, `task_not_exist` means that the task is not known yet."""
    output_grace: float = field(default=60.0, validator=_number("0 seconds or more", lambda value: value >= 0))
    """How long to wait for the files of a task that has succeeded: some gateways set the status first."""
    key_grace: float = field(default=60.0, validator=_number("0 seconds or more", lambda value: value >= 0))
    """A wait ends after so long in which every answer is the API's 401 or 403. A failing gateway may refuse any key."""
    deadline: float | None = field(
        default=3600.0, validator=_number("more than 0 seconds, or None", lambda value: value > 0, or_none=True)
    )
    """How long to wait for a task, from its create; None waits without limit. The task can be attached again later."""
    per_second: float = field(default=250.0, validator=_number("more than 0", lambda value: value > 0))
    """Polls per second of the whole session, in bursts of at most half a second's worth. The documented limit of a key
    is 500."""
    answer_limit: int = field(
        default=64 * 1024 * 1024, validator=_number("1,024 bytes or more", lambda value: value >= 1024)
    )
    """The largest answer to a poll, in bytes, uncompressed. Some gateways repeat the request in it, or add an image."""

    @cached_property
    def _delays(self) -> tuple[float, ...]:
        return _steps(first=self.first, growth=self.growth, ceiling=min(self.ceiling, _WIDEST * self.first))

    def pause(self, polls: int, chance: float) -> float:
        """Return the seconds to wait after `polls` polls (0: before the first). `chance` is a random number, 0 to 1."""
        if self.rule == "fixed":
            return self.first
        half = self._delays[min(polls, len(self._delays) - 1)] / 2
        return max(self.floor, half + half * chance)

    def pause_while_behind(self, waited: float, rng: Random) -> float:
        """Return the seconds to wait after an answer that is out of date, and has been for `waited` seconds."""
        return max(self.floor, min(self.ceiling, 1.0 + waited / 2)) * rng.uniform(0.75, 1.0)

    def pause_while_unknown(self, rng: Random) -> float:
        """Return the seconds to wait after a `task_not_exist`: three to five, as the API's documentation says."""
        return rng.uniform(3.0, 5.0)

    def pause_while_refused(self, refusals: int, rng: Random) -> float:
        """Return the seconds to wait after `refusals` refusals of the key in a row. Each doubles the wait."""
        return max(self.floor, min(self.ceiling, 2.0 ** min(refusals, 10))) * rng.uniform(1.0, 1.25)


@hints_keywords
@frozen(kw_only=True)
class RetryPolicy:
    """How often to repeat requests that are free or were refused, and how long to wait. All times are seconds.

    The n-th pause, from 0, is `min(ceiling, 2 ** n) + random(0, 1)`, or the server's Retry-After, at most 60 seconds
    (API documentation, "Error codes"). A create is repeated only if the answer proves refusal, or if the connection was
    never made.
    """

    attempts: int = field(default=6, validator=_number("1 or more", lambda value: value >= 1))
    ceiling: float = field(default=30.0, validator=_seconds)
    asset_grace: float = field(default=60.0, validator=_number("0 seconds or more", lambda value: value >= 0))
    """For so long after the first 401, 403, 404 or 410 for a file, the download is tried again, because object stores
    and content delivery networks are consistent only eventually. Before each try the task is polled for a new URL."""
    slowest: float = field(default=1024.0, validator=_number("0 or more", lambda value: value >= 0))
    """The lowest rate of a download, in bytes per second, averaged over one minute of waiting for the host. A slower
    download is stopped and tried again."""

    def pauses(self, rng: Random) -> Iterator[float]:
        """Yield the pauses between the attempts: `attempts - 1` of them."""
        return islice(self.growing_pauses(rng), self.attempts - 1)

    def growing_pauses(self, rng: Random) -> Iterator[float]:
        """Yield pauses without end, for retries that are limited by time."""
        delays = backoff.expo(max_value=self.ceiling)
        delays.send(None)
        for delay in delays:
            yield delay + rng.uniform(0, 1)


def of_type(name: str, value: object, wanted: type[_T]) -> _T:
    """Return the value of a session's option; `TypeError` if it is not of the wanted type."""
    if not isinstance(value, wanted):
        raise TypeError(f"{name} must be a {wanted.__name__}, got {value!r:.200}")
    return value


def flag(name: str, value: object) -> bool:
    """Return an option that must be True or False; `TypeError` names one that is neither."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return value


def at_least_zero(name: str, value: object, *, or_infinite: bool = False) -> float:
    """Return the value of an option in seconds; `ValueError` if it is no number, negative, or infinite."""
    most = math.inf if or_infinite else sys.float_info.max
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ValueError(f"{name} must be a number of seconds of at least 0, got {value!r}")
    return value


def whole(name: str, value: object, *, at_least: float = -math.inf, at_most: float = math.inf) -> int:
    """Return the value of an option; `ValueError` if it is no whole number, too small, or too large."""
    if isinstance(value, bool) or not isinstance(value, int) or not at_least <= value <= at_most:
        least = "" if at_least == -math.inf else f" of at least {at_least}"
        limits = least if at_most == math.inf else f" from {at_least} to {at_most}"
        raise ValueError(f"{name} must be a whole number{limits}, got {value!r}")
    return value


def is_transient(error: CometRunwayError) -> bool:
    """Whether the same free call may succeed on its next attempt."""
    return error.retryable


def refuses_the_key(error: Exception) -> bool:
    """Whether the API itself refuses the key. An HTML page or an empty answer may come from a proxy in front of it."""
    if not isinstance(error, AuthenticationError | PermissionDeniedError):
        return False
    return error.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def asked_pause(error: CometRunwayError) -> float | None:
    """Return the seconds that a 429 asks to wait, at most 60; None if it names none."""
    if not isinstance(error, RateLimitedError) or error.retry_after is None:
        return None
    return min(error.retry_after, _RETRY_AFTER_CEILING)
