"""What goes wrong at the server of a simulated world: single answers, and waves in which every answer is wrong."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from unittest.mock import patch

from attrs import frozen

from cometrunway.emulator import Fault
from cometrunway.emulator._epoch import Epoch
from cometrunway.emulator._exchange import Answer, Received
from cometrunway.emulator._gateway import Gateway
from tests.simulation.disk import SimulatedDisk
from tests.simulation.plan import Life

_CREATE_FAULTS = (
    Fault.rate_limited(),
    Fault.rate_limited(3.0),
    Fault.answer(500),
    Fault.answer(500, acts=True),
    Fault.bad_gateway(),
    Fault.bad_gateway(acts=True),
    Fault.html(),
    Fault.answer(504, "", acts=True),
    Fault.drop_after(),
    Fault.drop_before(),
    Fault.slow(100.0),
    Fault.silent(acts=True),
    Fault.cut(),
    Fault.answer(400, {"error": "no"}),
)
_POLL_FAULTS = (
    Fault.rate_limited(),
    Fault.rate_limited(20.0),
    Fault.answer(500),
    Fault.bad_gateway(),
    Fault.html(),
    Fault.answer(200, {}),
    Fault.answer(401, {"error": "who?"}),
    Fault.drop_after(),
    Fault.slow(60.0),
    Fault.cut(),
    Fault.not_found_yet(),
)
_ASSET_FAULTS = (
    Fault.answer(403),
    Fault.answer(404),
    Fault.answer(500),
    Fault.bad_gateway(),
    Fault.drop_after(reset=True),
    Fault.cut(),
    Fault.short(),
    Fault.unframed(),
    Fault.slow(70.0),
    Fault.html(),
)
_BY_OPERATION = {"create": _CREATE_FAULTS, "poll": _POLL_FAULTS, "asset": _ASSET_FAULTS}
_BY_WAVE: dict[str, dict[str, Fault]] = {
    "429": {"create": Fault.rate_limited(), "poll": Fault.rate_limited(2.0), "asset": Fault.answer(503)},
    "5xx": {"create": Fault.answer(500), "poll": Fault.bad_gateway(), "asset": Fault.answer(500)},
    "html": {"create": Fault.html(), "poll": Fault.html(), "asset": Fault.html()},
    "forgets": {"poll": Fault.not_found_yet(), "asset": Fault.answer(404)},
    "expired": {"asset": Fault.answer(403)},
}


class SimulatedServer:
    """Chooses what each request to an emulator meets, in the place of its own choice of faults."""

    def __init__(self, disk: SimulatedDisk) -> None:
        self._loop, self._chance, self._trace, self._disk = disk.loop, disk.chance, disk.trace, disk
        self.rate = 0.0
        """How often a request is answered wrongly."""
        self.wave = ""
        """What every request meets at present."""
        self.expire: Callable[[], None] = lambda: None
        """Lets the URLs of all files expire."""

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """Let the emulator's calendar begin at one moment, and polls be answered from a replica that lags."""
        polled, moment = Gateway._poll, datetime(2026, 11, 1, tzinfo=UTC)

        def poll(gateway: Gateway, received: Received) -> Answer:
            epoch = gateway.epoch
            if self.wave == "stale":
                gateway.epoch = _Lagging(epoch)  # type: ignore[assignment]  # it has all that is used
            try:
                return polled(gateway, received)
            finally:
                gateway.epoch = epoch

        with (
            patch.object(Gateway, "_poll", poll),
            patch("cometrunway.emulator._server.Epoch", lambda loop: Epoch(loop, moment)),
        ):
            yield

    def waiting(self, _operation: str) -> int:
        return 0

    def draw(self, operation: str) -> Fault:
        """The fault of the next request."""
        fault = _BY_WAVE.get(self.wave, {}).get(operation)
        if fault is None and operation in _BY_OPERATION and self._chance.strikes(f"server {operation}", self.rate):
            fault = self._chance.of(f"fault of {operation}").choice(_BY_OPERATION[operation])
        self._trace.note(self._loop.now, "server", operation, fault.name if fault else "ok")
        return fault or Fault.ok()

    def plan_waves(self, life: Life) -> list[asyncio.TimerHandle]:
        """Let the waves of a life come."""
        return [self._loop.call_later(start, self._begin, seconds, kind) for start, seconds, kind in life.waves]

    def _begin(self, seconds: float, kind: str) -> None:
        if self._chance.calm or not self._chance.happens(f"{kind} wave"):
            return
        self._trace.note(self._loop.now, "wave", kind, seconds)
        if kind == "stall":
            self._loop.now += seconds
        elif kind == "clock":
            self._disk.wall_offset += self._chance.of("clock").choice((-90_000.0, -60.0, 60.0, 90_000.0))
        elif kind == "full":
            self._disk.is_full = True
            self._loop.call_later(seconds, partial(setattr, self._disk, "is_full", False))
        else:
            if kind == "expired":
                self.expire()
            self.wave = kind
            self._loop.call_later(seconds, self._end, kind)

    def _end(self, kind: str) -> None:
        if self.wave == kind:
            self.wave = ""


@frozen
class _Lagging:
    """The time at a replica that lags."""

    epoch: Epoch

    def now(self) -> float:
        return self.epoch.now() - 25.0

    def at(self, moment: float) -> datetime:
        return self.epoch.at(moment)
