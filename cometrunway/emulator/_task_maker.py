"""Makes tasks: how long each takes, when it may start, and how it ends."""

import heapq
import math
import re
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from attrs import define, field, frozen, validators

from cometrunway.emulator._keywords import hints_keywords
from cometrunway.emulator._routes import Route
from cometrunway.emulator._tasks import EmulatedTask, Outcome

FAILURES = {
    "SAFETY.INPUT.TEXT": "Content moderation",
    "SAFETY.INPUT.IMAGE": "The input image did not pass moderation.",
    "SAFETY.OUTPUT.VIDEO": "The generated output did not pass moderation.",
    "INPUT_PREPROCESSING.INTERNAL": "The input could not be processed.",
    "INTERNAL.BAD_OUTPUT.CODE01": "The generated output was unusable.",
    "INTERNAL": "An unexpected error occurred.",
    "ASSET.INVALID": "An input file is unusable.",
}
"""Runway's failure codes, and a text for each."""

_PENDING_PART = 0.15
_SWITCH = re.compile(r"\[(fail|seconds|cancel|stuck)(?: ([\w.]+))?\]")
_SOUND_SUFFIXES = {"wav": ".wav", "ogg_opus": ".ogg"}
_LONG = 256
_MOST_FILES = 10


@hints_keywords
@frozen(kw_only=True)
class LogNormal:
    """Durations as of real generation services: most are near the median, a few are much longer.

    Args:
        median: Seconds, above 0.
        sigma: Standard deviation of the logarithm, at least 0. With 0.35, nine of ten are between 0.56 and 1.8 medians.
    """

    median: float = field(default=8.0, validator=validators.gt(0))
    sigma: float = field(default=0.35, validator=validators.ge(0))

    def draw(self, rng: Random) -> float:
        """Seconds that one task takes."""
        return self.median * math.exp(self.sigma * rng.gauss(0.0, 1.0))


@hints_keywords
@frozen(kw_only=True)
class Uniform:
    """Durations with a uniform distribution between two bounds.

    Args:
        low: Seconds, at least 0.
        high: Seconds, at least `low`.
    """

    low: float = field(validator=validators.ge(0))
    high: float = field()

    @high.validator
    def _check_high(self, _attribute: object, value: float) -> None:
        if value < self.low:
            raise ValueError(f"high must be at least low ({self.low}), not {value}")

    def draw(self, rng: Random) -> float:
        """Seconds that one task takes."""
        drawn = rng.uniform(self.low, self.high)
        return self.low if self.low == self.high else drawn  # between two infinities lies no number


Duration = LogNormal | Uniform
"""A distribution of the seconds from admission to end."""


def as_duration(value: Duration | float) -> Duration:
    """A number of seconds is the duration of every task."""
    return Uniform(low=value, high=value) if isinstance(value, int | float) else value


@frozen(kw_only=True)
class Fate:
    """How a task ends, as far as it is decided before it is made. What is None is decided by chance.

    Attributes:
        outcome: How it ends.
        failure_code: Such as `SAFETY.INPUT.TEXT`, if it fails.
        seconds: How long it takes, divided by the emulator's speed; with `math.inf` it never ends.
        progress: The progress in polls while it runs, 0..1.
    """

    outcome: Outcome | None = None
    failure_code: str | None = None
    seconds: float | None = field(default=None, validator=validators.optional(validators.ge(0)))
    progress: float | None = field(default=None, validator=validators.optional([validators.ge(0), validators.le(1)]))

    @classmethod
    def of(
        cls, *, fails: str | None, cancelled: bool, seconds: float | None = None, progress: float | None = None
    ) -> "Fate":
        """Return the fate with a failure code, a cancellation, or neither; ValueError for both."""
        if fails is not None and cancelled:
            raise ValueError(f"a task fails or is cancelled, not both: leave out fails={fails!r} or cancelled=True")
        outcome: Outcome | None = "CANCELLED" if cancelled else None if fails is None else "FAILED"
        return cls(outcome=outcome, failure_code=fails, seconds=seconds, progress=progress)


@frozen(kw_only=True)
class Order:
    """An accepted creation: its route, its whole body, the body's digest and the ids that the dialect gives it."""

    route: Route
    body: Mapping[str, Any]
    digest: str
    id: str
    upstream_id: str


@define(kw_only=True, eq=False)
class TaskMaker:
    """Makes tasks. It has its own random generator, so that faults do not change how long tasks take.

    Attributes:
        id_mask: 128 bits that differ between emulators, or 0. They change the ids and nothing else.
    """

    rng: Random
    id_mask: int
    duration: Duration
    durations: Mapping[str, Duration]
    speed: float
    not_exist_seconds: float
    failure_rate: float
    max_running: int | None
    fates: deque[Fate]
    _running: list[float] = field(init=False, factory=list)
    _made: int = field(init=False, default=0)

    def mint_id(self) -> str:
        """A fresh random UUID."""
        return str(uuid.UUID(int=self.rng.getrandbits(128) ^ self.id_mask, version=4))

    def make(self, order: Order, now: float) -> EmulatedTask:
        """Return a task that is created at the moment `now`. All its later states are decided here."""
        fate = self.fates.popleft() if self.fates else _written_fate(order.body)
        seconds = self._seconds(order.route.name, fate)
        outcome, code = self._outcome(fate)
        admitted = self._admit(now, seconds)
        runs_at_once = math.isinf(seconds) or fate.progress is not None
        self._made += 1
        return EmulatedTask(
            id=order.id,
            upstream_id=order.upstream_id,
            number=self._made - 1,
            route=order.route.name,
            action=order.route.action_of(order.body),
            body=_shortened(order.body),
            digest=order.digest,
            media=order.route.media,
            file_count=_count(order.body),
            suffix=_suffix(order.route.media, order.body),
            ratio=_ratio(order.body.get("ratio")),
            tint=int(order.digest[:8], 16) % 12,
            created_at=now,
            visible_at=now + self._hidden(order.route),
            admitted_at=admitted,
            started_at=admitted + (0.0 if runs_at_once else _PENDING_PART * seconds),
            completed_at=admitted + seconds,
            outcome=outcome,
            failure=FAILURES.get(code, "The task failed.") if code else None,
            failure_code=code,
            callback_url=order.body.get("callback_url"),
            fixed_progress=fate.progress,
        )

    def _hidden(self, route: Route) -> float:
        """Return for how long a new task is answered as unknown. Only gateways do that."""
        return 0.0 if route.family == "runway" else self.not_exist_seconds / self.speed

    def _seconds(self, route: str, fate: Fate) -> float:
        drawn = self.durations.get(route, self.duration).draw(self.rng)
        return (drawn if fate.seconds is None else fate.seconds) / self.speed

    def _outcome(self, fate: Fate) -> tuple[Outcome, str | None]:
        is_unlucky = self.rng.random() < self.failure_rate
        code = self.rng.choice(tuple(FAILURES))
        if fate.outcome is not None:
            return fate.outcome, fate.failure_code
        return ("FAILED", code) if is_unlucky else ("SUCCEEDED", None)

    def _admit(self, now: float, seconds: float) -> float:
        """Return when a task begins: at once, or when a running task ends. Tasks begin in the order of creation."""
        if self.max_running is None:
            return now
        full = len(self._running) == self.max_running
        start = max(now, heapq.heappop(self._running)) if full else now
        heapq.heappush(self._running, start + seconds)
        return start


def _written_fate(body: Mapping[str, Any]) -> Fate:
    """Return what `[fail CODE]`, `[seconds N]`, `[cancel]` and `[stuck]` in the short strings of a body decide."""
    found = (match for text in _strings(body) if len(text) < 10_000 for match in _SWITCH.finditer(text))
    switches = {match[1]: match[2] or "" for match in found}
    is_cancelled = "cancel" in switches
    fails = (switches["fail"] or "INTERNAL") if "fail" in switches and not is_cancelled else None
    written = switches.get("seconds")
    seconds = math.inf if "stuck" in switches else float(written) if written else None
    return Fate.of(fails=fails, cancelled=is_cancelled, seconds=seconds)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from _strings(member)


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONG:
        return f"{value[:_LONG]}... ({len(value)} characters)"
    if isinstance(value, Mapping):
        return {name: _shortened(member) for name, member in value.items()}
    return [_shortened(member) for member in value] if isinstance(value, list) else value


def _count(body: Mapping[str, Any]) -> int:
    count = body.get("outputCount", body.get("numVariants", 1))
    return count if type(count) is int and 1 <= count <= _MOST_FILES else 1


def _suffix(media: str, body: Mapping[str, Any]) -> str:
    if media != "audio":
        return ".mp4" if media == "video" else ".png"
    return _SOUND_SUFFIXES.get(str(body.get("outputFormat", body.get("format"))), ".mp3")


def _ratio(value: object) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5}):(\d{1,5})", value) if isinstance(value, str) else None
    return (int(match[1]), int(match[2])) if match else (1280, 720)
