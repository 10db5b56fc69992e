"""Creates at a gateway that limits them, by the package's own pace: `python -m tests.simulation.creates` prints all.

A create needs a short time to the gateway, which accepts or refuses it at once; a refusal comes straight back, an
acceptance when the work behind it is done. There is always another create to send.
"""

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from random import Random

from attrs import define, field, frozen

from cometrunway._submission._pace import Begun, CreatePace
from tests.simulation.gateways import GATEWAYS, Gateway

MOST = 256
RATES, LATENCIES = (2.0, 20.0, 200.0), (0.1, 1.0, 5.0)
_AWAY, _AWAY_JITTER = 0.05, 0.2
"""Seconds to the gateway, or a quarter of the latency, and their jitter (lognormal)."""


@define(eq=False)
class Client:
    """One process, and when its creates were accepted and refused."""

    pace: CreatePace
    accepted: list[float] = field(init=False, factory=list)
    refused: list[float] = field(init=False, factory=list)
    wakes_at: float = field(init=False, default=-math.inf)

    def per_second(self, since: float, until: float) -> float:
        """Return how many creates were accepted per second."""
        return sum(since <= at < until for at in self.accepted) / (until - since)

    def refused_part(self, since: float, until: float) -> float:
        """Return which part of the creates was refused."""
        refused = sum(since <= at < until for at in self.refused)
        return refused / max(1, refused + sum(since <= at < until for at in self.accepted))


class Run:
    """Clients at one gateway, until a time."""

    def __init__(self, gateway: Gateway, *, latency: float, jitter: float = 0.3, seed: int = 1) -> None:
        self.gateway = gateway
        self._latency = latency
        self._jitter = jitter
        self._away = min(_AWAY, latency / 4)
        self._rng = Random(seed)
        self._numbers = count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._now = 0.0

    def client(self, starts_at: float = 0.0) -> Client:
        """Add a client."""
        client = Client(CreatePace(MOST, self._rng))
        self.at(starts_at, lambda: self._send(client))
        return client

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Do something at a time."""
        heapq.heappush(self._events, (when, next(self._numbers), what))

    def until(self, end: float) -> None:
        """Let time pass."""
        while self._events and self._events[0][0] < end:
            self._now, _, what = heapq.heappop(self._events)
            what()

    def _send(self, client: Client) -> None:
        while (when := client.pace.free_at(self._now)) <= self._now:
            begun = client.pace.begin(self._now)
            self.at(self._now + self._leg(), lambda begun=begun: self._arrive(client, begun))  # type: ignore[misc]
        if when < math.inf and not self._now < client.wakes_at <= when:
            client.wakes_at = when
            self.at(when, lambda: self._send(client))

    def _arrive(self, client: Client, begun: Begun) -> None:
        pause = self.gateway.admit(self._now)
        if pause is not None:
            self.at(self._now + self._leg(), lambda: self._refuse(client, begun, pause))
            return
        spread = math.exp(self._jitter * self._rng.gauss(0, 1) - self._jitter**2 / 2)
        self.at(self._now + (self._latency - 2 * self._away) * spread, lambda: self._answer(client, begun))

    def _answer(self, client: Client, begun: Begun) -> None:
        self.gateway.answered()
        self.at(self._now + self._leg(), lambda: self._accept(client, begun))

    def _accept(self, client: Client, begun: Begun) -> None:
        client.accepted.append(self._now)
        client.pace.accepted(begun, self._now)
        self._send(client)

    def _refuse(self, client: Client, begun: Begun, pause: float) -> None:
        client.refused.append(self._now)
        client.pace.refused(begun, self._now, pause)
        self._send(client)

    def _leg(self) -> float:
        return self._away * math.exp(_AWAY_JITTER * self._rng.gauss(0, 1))


@frozen
class Figures:
    """What became of a limit after the first minute."""

    used: float
    """Accepted creates, as a part of the limit."""
    refused: float
    """Refused creates, as a part of all."""

    @property
    def are_good(self) -> bool:
        """Whether at least 90 % of the limit is used, and at most 5 % of the creates are refused."""
        return self.used >= 0.9 and self.refused <= 0.05


def simulate(
    name: str, rate: float, latency: float, *, change: float = 1.0, jitter: float = 0.3, seed: int = 1
) -> Figures:
    """Return the figures of one client, after the limit, if it is to change, has changed after a minute and a half."""
    run = Run(GATEWAYS[name](rate, latency, Random(seed)), latency=latency, jitter=jitter, seed=seed)
    client = run.client()
    since, seconds = 60.0, {2.0: 240.0, 20.0: 140.0}.get(rate, 60.0)
    if change != 1.0:
        since = 150.0
        run.at(90.0, lambda: setattr(run.gateway, "rate", rate * change))
    run.until(since + seconds)
    return Figures(
        client.per_second(since, since + seconds) / (rate * change), client.refused_part(since, since + seconds)
    )


def cases(name: str, *, change: float = 1.0) -> Iterator[tuple[float, float]]:
    """Yield each rate and latency that fits within what may be under way."""
    for rate in RATES:
        for latency in LATENCIES:
            if rate * latency * max(1.0, change) <= MOST and (name != "creates at once" or rate * latency >= 2):
                yield rate, latency


def table(names: Sequence[str] = tuple(GATEWAYS)) -> Iterator[str]:
    """Yield the lines of a table of all figures."""
    columns = [(rate, latency) for rate in RATES for latency in LATENCIES if rate * latency <= MOST]
    yield "| limit | " + " | ".join(f"{rate:g}/s, {latency:g} s" for rate, latency in columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for name in names:
        fitting = set(cases(name))
        cells = []
        for column in columns:
            figures = simulate(name, *column) if column in fitting else None
            cells.append(f"{figures.used:.0%}, {figures.refused:.1%}" if figures else "")
        yield f"| {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
