"""The metrics: plain numbers, which a metric reader collects at any time. Counting is very fast."""

from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from weakref import WeakKeyDictionary

from attrs import field, frozen
from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation

_SCOPE = "cometrunway"
_SECONDS = tuple(0.01 * 2**step for step in range(20))
"""Boundaries of buckets: those of the GenAI conventions, which end at 82 seconds, and more up to an hour and a half."""


@frozen(eq=False)
class Labels:
    """The attributes of one route and model at one address. Compared by identity, which is fast."""

    attributes: Mapping[str, str | int]


class Tally:
    """A number for each route and model, and for each value of one other attribute."""

    def __init__(self, attribute: str = "") -> None:
        self._attribute = attribute
        self._numbers: dict[tuple[Labels, str], int] = {}
        self._lock = Lock()

    def add(self, labels: Labels, number: int = 1, value: str = "") -> None:
        """Add to one number."""
        with self._lock:
            self._numbers[labels, value] = self._numbers.get((labels, value), 0) + number

    def observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        """Yield every number."""
        with self._lock:
            numbers = list(self._numbers.items())
        for (labels, value), number in numbers:
            more = {self._attribute: value} if value else {}
            yield Observation(number, {**labels.attributes, **more})


@frozen(kw_only=True)
class Instruments:
    """The metrics of all sessions that record to one provider. docs/telemetry.md lists their names."""

    creates: Tally = field(factory=lambda: Tally("cometrunway.outcome"))
    in_flight: Tally = field(factory=Tally)
    polls: Tally = field(factory=Tally)
    poll_errors: Tally = field(factory=lambda: Tally("error.type"))
    downloaded: Tally = field(factory=Tally)
    record_duration: Callable[[float, Mapping[str, str | int]], None]

    @classmethod
    def of(cls, provider: MeterProvider) -> "Instruments":
        """Return the metrics of a provider. The first call makes them."""
        if provider not in _by_provider:
            _by_provider[provider] = cls._made(provider.get_meter(_SCOPE))
        return _by_provider[provider]

    @classmethod
    def _made(cls, meter: Meter) -> "Instruments":
        duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="From the create that was sent to the files that are on disk.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        made = cls(record_duration=duration.record)
        for name, tally, unit, description in (
            ("creates", made.creates, "{create}", "Create requests, by what came of them."),
            ("polls", made.polls, "{poll}", "Polls that were sent."),
            ("poll_errors", made.poll_errors, "{poll}", "Polls that failed; the wait went on."),
            ("downloaded", made.downloaded, "By", "Bytes of files that are whole on disk."),
        ):
            meter.create_observable_counter(f"{_SCOPE}.{name}", [tally.observe], unit, description)
        meter.create_observable_up_down_counter(
            f"{_SCOPE}.in_flight", [made.in_flight.observe], "{task}", "Tasks that are paid for and not done yet."
        )
        return made


_by_provider: WeakKeyDictionary[MeterProvider, Instruments] = WeakKeyDictionary()
