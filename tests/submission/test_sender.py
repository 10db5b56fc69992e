"""Creates at gateways that limit them: none is lost, none is sent twice, and each wait ends."""

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cometrunway import EventKind, ImageToVideo, RetryPolicy, Session, TextToImage, errors
from cometrunway.emulator import Emulator, Fault
from tests.raw import KEY, Answer, RawRequest, accepting, http, raw_server
from tests.samples import yawn
from tests.simulation.gateways import GATEWAYS, FixedWindows, Gateway, SlidingWindow


def limited(gateway: Gateway) -> Answer:
    """Return answers of a gateway with this limit of creates."""

    def answer(request: RawRequest) -> bytes:
        pause = gateway.admit(asyncio.get_running_loop().time()) if request.method == "POST" else None
        if pause is None:
            return accepting(request)
        headers = [f"Retry-After: {pause:g}"] if pause else []
        return http({"error": {"message": "too many requests"}}, 429, *headers)

    return answer


@pytest.mark.parametrize("journal", [None, "shots.db"])
@pytest.mark.parametrize(
    "gateway",
    [
        lambda: FixedWindows(1, 60),
        lambda: FixedWindows(1, 60, says_when=True),
        lambda: SlidingWindow(2, 10),
        lambda: GATEWAYS["bucket, a tenth's burst"](2, 0, Random(1)),
    ],
    ids=["a minute", "a minute, Retry-After", "ten seconds", "a bucket"],
)
async def test_no_shot_of_a_batch_is_lost_to_a_limit(gateway: Any, journal: str | None, tmp_path: Path) -> None:
    """Whatever is counted, all are accepted in the time that the limit takes, each once."""
    shots = [yawn(number) for number in range(150)]
    async with raw_server(limited(gateway())) as server:
        async with Session(
            KEY, base_url=server.base_url, output_dir=None, journal=journal and tmp_path / journal
        ) as runway:
            ended = [handle.id async for handle in runway.map(shots)]
        assert len(set(ended)) == 150
        assert "" not in ended
        assert asyncio.get_running_loop().time() < 240


async def test_another_models_limit_is_not_waited_for(session: Any) -> None:
    """While one model's creates wait for a minute, another's are accepted at once."""
    async with Emulator() as emulator, session(emulator, output_dir=None) as runway:
        emulator.script("create", Fault.rate_limited(50))
        waiting = [asyncio.ensure_future(runway.submit(yawn(number))) for number in range(3)]
        await asyncio.sleep(1)
        await runway.submit(ImageToVideo(prompt_image="https://example.com/cat.jpg", model="gen4_turbo"))
        await runway.submit(TextToImage(prompt_text="a cat", reference_images=[{"uri": "https://example.com/cat.jpg"}]))
        assert asyncio.get_running_loop().time() < 5
        await asyncio.gather(*waiting)
        assert asyncio.get_running_loop().time() > 50


async def test_stopping_ends_the_waits_for_a_limit(session: Any) -> None:
    """What waits for its turn learns at once that nothing more is submitted."""
    async with Emulator() as emulator, session(emulator, output_dir=None) as runway:
        emulator.script("create", *[Fault.rate_limited(50)] * 100)
        waiting = [asyncio.ensure_future(runway.submit(yawn(number))) for number in range(100)]
        await asyncio.sleep(1)
        runway.stop_submitting()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert asyncio.get_running_loop().time() < 3
    assert {type(outcome) for outcome in outcomes} == {errors.BudgetError}
    assert emulator.creates.accepted == 0


async def test_leaving_ends_the_waits_for_a_limit(session: Any, tmp_path: Path) -> None:
    """What waits for its turn when the block fails is neither sent nor in doubt, also in the journal."""
    async with Emulator() as emulator:
        emulator.script("create", *[Fault.rate_limited(50)] * 100)
        runway = session(emulator, output_dir=None, journal=tmp_path / "shots.db")
        with pytest.raises(KeyError):
            async with runway:
                waiting = [asyncio.ensure_future(runway.submit(yawn(number))) for number in range(100)]
                await asyncio.sleep(1)
                raise KeyError
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {RuntimeError}
        assert asyncio.get_running_loop().time() < 3
        async with runway:
            assert await runway.in_doubt() == ()
    assert emulator.creates.accepted == 0


async def test_a_429_for_ever_is_an_error(session: Any) -> None:
    """After the attempts of the policy and at least a minute; with one attempt, at once."""
    for attempts, least, most in ((6, 60, 80), (1, 0, 1)):
        began = asyncio.get_running_loop().time()
        async with Emulator() as emulator, session(emulator, retry=RetryPolicy(attempts=attempts)) as runway:
            emulator.script("create", *[Fault.rate_limited()] * 1000)
            with pytest.raises(errors.RateLimitedError):
                await runway.submit(yawn())
        assert least <= asyncio.get_running_loop().time() - began < most


async def test_few_creates_are_in_doubt_after_a_crash(tmp_path: Path) -> None:
    """However many wait for a limit, at most `max_creates` are written as being submitted."""
    async with raw_server(limited(FixedWindows(1 / 60, 60, says_when=True))) as server:
        runway = Session(KEY, base_url=server.base_url, output_dir=None, journal=tmp_path / "shots.db", max_creates=5)
        with pytest.raises(KeyError):
            async with runway:
                waiting = [asyncio.ensure_future(runway.submit(yawn(number))) for number in range(50)]
                await asyncio.sleep(5)
                in_doubt = [entry async for entry in runway._lifetime.parts.journal.entries() if entry.is_in_doubt]
                assert 0 < len(in_doubt) <= 5
                raise KeyError
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_limit_is_told(session: Any) -> None:
    """Each refusal is an event, with the error that says why."""
    events: list[EventKind] = []
    async with Emulator() as emulator, session(emulator, on_event=lambda event: events.append(event.kind)) as runway:
        emulator.script("create", Fault.rate_limited(), Fault.rate_limited())
        await runway.submit(yawn())
    assert events[:3] == [EventKind.RETRYING, EventKind.RETRYING, EventKind.SUBMITTED]


async def test_an_urgent_submission_overtakes_what_waits_for_a_limit() -> None:
    """At a gateway that accepts one create per second, with a batch of five minutes before it, it takes seconds."""
    async with raw_server(limited(FixedWindows(1, 1, says_when=True))) as server:
        runway = await Session(KEY, base_url=server.base_url, output_dir=None).open()
        batch = [asyncio.create_task(runway.submit(yawn(number))) for number in range(300)]
        await asyncio.sleep(30)
        began = asyncio.get_running_loop().time()
        await runway.submit(yawn(-1), priority=1)
        assert asyncio.get_running_loop().time() < began + 5
        with pytest.raises(errors.TasksOwedError):
            await runway.close(wait=0)
        await asyncio.gather(*batch, return_exceptions=True)
