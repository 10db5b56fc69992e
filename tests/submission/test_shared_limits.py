"""Limits that several sessions share: each create and each poll waits for its turn, and gives its place back once."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from cometrunway import Session, errors
from cometrunway._submission._shared_limits import ANY_TIME, Turn
from cometrunway.emulator import Emulator, Fault, Faults
from tests.samples import yawn

Make = Callable[..., Session]


class Counted:
    """Limits that count, with so many places; each turn takes a second."""

    def __init__(self, places: int = 1000) -> None:
        self.places = asyncio.Semaphore(places)
        self.under_way = self.most = self.creates = self.polls = 0
        self.refusals: list[tuple[str, float]] = []

    async def create(self) -> Turn:
        """Wait for a place, and a second."""
        await self.places.acquire()
        self.creates += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            self.created()
            raise
        return ANY_TIME

    def created(self) -> None:
        """Give a place back."""
        self.under_way -= 1
        self.places.release()

    async def poll(self) -> None:
        """Count a poll."""
        self.polls += 1

    def refused(self, what: str, pause: float) -> None:
        """Note a 429."""
        self.refusals.append((what, pause))


async def test_a_create_waits_for_its_place(session: Make) -> None:
    """Of twenty submissions no more than two are under way, and each place is given back."""
    limits = Counted(places=2)
    async with Emulator() as emulator, session(emulator, shared_limits=limits) as runway:
        await asyncio.gather(*(runway.submit(yawn(number)) for number in range(20)))
        assert (limits.creates, limits.most, limits.under_way) == (20, 2, 0)


async def test_what_is_known_takes_no_place(session: Make, tmp_path: Any) -> None:
    """A key that the journal has needs no create, and none of the turns that others wait for."""
    limits = Counted()
    async with Emulator() as emulator, session(emulator, shared_limits=limits, journal=tmp_path / "a.db") as runway:
        for _ in range(3):
            await runway.submit(yawn(), key="cat")
    assert limits.creates == 1


async def test_a_request_that_is_sent_again_waits_again(session: Make) -> None:
    """A 429 is told with the pause that it asks for, and the next request needs a turn of its own."""
    limits = Counted()
    faults = Faults(create={Fault.rate_limited(3): 0.5})
    async with Emulator(faults=faults, seed=1) as emulator, session(emulator, shared_limits=limits) as runway:
        await asyncio.gather(*(runway.submit(yawn(number)) for number in range(10)))
        assert limits.creates == emulator.creates.received > 10
        assert {*limits.refusals} == {("creates", 3.0)}
        assert limits.under_way == 0


class Timed(Counted):
    """Limits with a turn at each of these seconds, which is good for a second."""

    def __init__(self, *seconds: float) -> None:
        super().__init__()
        self.turns = iter(seconds)

    async def create(self) -> Turn:
        """Return the next turn, which may have passed."""
        await super().create()
        at = next(self.turns)
        return Turn(at, at + 1)


async def test_a_create_is_sent_at_the_time_of_its_turn(session: Make) -> None:
    """However little its record takes, it waits: so that the creates of all workers are apart."""
    begun = asyncio.get_running_loop().time()
    async with Emulator() as emulator, session(emulator, shared_limits=Timed(begun + 30)) as runway:
        submitted = asyncio.ensure_future(runway.submit(yawn()))
        await asyncio.sleep(29)
        assert emulator.creates.received == 0
        await submitted
        assert asyncio.get_running_loop().time() - begun >= 30


async def test_a_turn_that_has_passed_is_taken_again(session: Make) -> None:
    """A create whose record took too long is not sent together with others; its place is given back once."""
    begun = asyncio.get_running_loop().time()
    limits = Timed(begun - 5, begun + 30)
    async with Emulator() as emulator, session(emulator, shared_limits=limits) as runway:
        await runway.submit(yawn())
        assert asyncio.get_running_loop().time() - begun >= 30
        assert (limits.creates, limits.under_way, emulator.creates.received) == (2, 0, 1)


@pytest.mark.parametrize("limits", [lambda: Counted(places=0), lambda: Timed(1e9)], ids=["place", "time"])
async def test_closing_ends_the_wait_for_a_place_and_for_its_time(limits: Callable[[], Counted], session: Make) -> None:
    """What waits when the session is closed is not sent, and gives back what it has."""
    shared = limits()
    async with Emulator() as emulator:
        runway = await session(emulator, shared_limits=shared).open()
        waiting = asyncio.ensure_future(runway.submit(yawn()))
        await asyncio.sleep(5)
        await runway.close(wait=0)
        with pytest.raises(RuntimeError, match="nothing was submitted"):
            await waiting
        assert (shared.under_way, emulator.creates.received) == (0, 0)


async def test_each_poll_waits_for_its_turn(session: Make) -> None:
    """The limits are asked before each poll, and told of each that was refused."""
    limits = Counted()
    faults = Faults(poll={Fault.rate_limited(2): 0.5})
    async with Emulator(faults=faults, seed=1) as emulator, session(emulator, shared_limits=limits) as runway:
        await (await runway.submit(yawn()))
        assert limits.polls > 1
        assert ("polls", 2.0) in limits.refusals


async def test_an_error_of_the_limits_is_that_of_the_submission(session: Make) -> None:
    """Nothing is sent when the store of the limits cannot be asked."""

    class Away(Counted):
        async def create(self) -> Turn:
            raise errors.JournalUnavailableError("the database is away")

    async with Emulator() as emulator, session(emulator, shared_limits=Away()) as runway:
        with pytest.raises(errors.JournalUnavailableError):
            await runway.submit(yawn())
        assert emulator.creates.received == 0


async def test_a_place_is_given_back_wherever_the_session_ends(session: Make) -> None:
    """At whatever moment the session is cut short, as many places are given back as were taken."""
    for turns in range(0, 60, 3):
        limits = Counted(places=1)
        async with Emulator() as emulator:
            runway = await session(emulator, shared_limits=limits).open()
            waiting = asyncio.gather(*(runway.submit(yawn(n)) for n in range(3)), return_exceptions=True)
            for _ in range(turns):
                await asyncio.sleep(0.05)
            with suppress(errors.TasksOwedError):
                await runway.close(wait=0, grace=0)
            await waiting
        assert limits.under_way == 0
