"""The way of a submission, whatever becomes of its create."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cometrunway import (
    Event,
    EventKind,
    ImageToVideo,
    Journal,
    OutcomeUnknownError,
    ProGenerate,
    Session,
    TaskHandle,
    errors,
)
from cometrunway.emulator import Emulator, Fault
from tests.callbacks.hooks import mounted
from tests.samples import PNG, yawn

LOST = {
    "answer lost": Fault.drop_after(),
    "reset after": Fault.drop_after(reset=True),
    "never answers": Fault.silent(acts=True),
    "dropped before": Fault.drop_before(),
    "408": Fault.answer(408, acts=True),
    "409": Fault.answer(409, acts=True),
    "425": Fault.answer(425, acts=True),
    "500": Fault.answer(500, acts=True),
    "502": Fault.bad_gateway(acts=True),
    "503": Fault.answer(503, {"error": {"message": "overloaded"}}, acts=True),
    "504": Fault.answer(504, acts=True),
    "524": Fault.answer(524, acts=True),
    "200 without id": Fault.answer(200, {}, acts=True),
    "200 HTML": Fault.html(acts=True),
    "truncated": Fault.cut(),
    "307": Fault.redirect("/runwayml/v1/image_to_video", acts=True),
}


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
async def test_a_create_whose_answer_is_lost_is_sent_once(session: Any, fault: Fault) -> None:
    """Whatever happens to a create's answer, the server sees one create, and the caller learns that it is in doubt."""
    events: list[Event] = []
    async with Emulator() as emulator, session(emulator, on_event=events.append) as runway:
        emulator.script("create", fault)
        with pytest.raises(OutcomeUnknownError, match="billed") as caught:
            await runway.submit(yawn(), key="shot")
        await asyncio.sleep(300)
    assert emulator.creates.received == 1
    assert caught.value.key == "shot"
    assert caught.value.__cause__ is not None
    assert [event.kind for event in events] == [EventKind.IN_DOUBT]


REFUSED = {
    "400": (Fault.answer(400), errors.APIError),
    "401": (Fault.answer(401), errors.AuthenticationError),
    "403": (Fault.answer(403), errors.APIError),
    "422": (Fault.answer(422), errors.InvalidRequestError),
    "500 invalid_request": (
        Fault.answer(500, {"error": {"message": "bad", "code": "invalid_request"}}),
        errors.InvalidRequestError,
    ),
    "503 model_not_found": (
        Fault.answer(503, {"error": {"message": "no channel", "code": "model_not_found"}}),
        errors.ModelUnavailableError,
    ),
    "quota inside 200": (
        Fault.answer(200, {"code": "quota_not_enough", "message": "user quota is not enough", "data": None}),
        errors.InsufficientBalanceError,
    ),
}


@pytest.mark.parametrize(("fault", "expected"), REFUSED.values(), ids=REFUSED)
async def test_a_refusal_is_raised_at_once(session: Any, fault: Fault, expected: type[errors.APIError]) -> None:
    """An answer that proves refusal is the error that it names, and is not tried again."""
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", fault)
        with pytest.raises(expected):
            await runway.submit(yawn())
    assert emulator.creates.received == 1
    assert emulator.creates.accepted == 0


async def test_a_limited_create_is_sent_again_when_it_may(session: Any) -> None:
    """A 429 proves refusal, so the create is repeated, not before Retry-After has passed."""
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", Fault.rate_limited(20))
        await runway.submit(yawn())
        first, second = emulator.requests_of("create")
        assert second.time >= first.time + 20
    assert emulator.creates.accepted == 1
    assert not emulator.creates.repeats


async def test_one_limited_create_holds_back_the_others(session: Any) -> None:
    """No create leaves while the server has asked for a pause."""
    async with Emulator() as emulator, session(emulator, max_creates=1) as runway:
        emulator.script("create", Fault.rate_limited(30))
        await asyncio.gather(*(runway.submit(yawn(number)) for number in range(5)))
        times = [entry.time for entry in emulator.requests_of("create")]
    assert min(times[1:]) >= times[0] + 30


async def test_a_connection_that_is_never_made_is_tried_again(session: Any, tmp_path: Path) -> None:
    """Nothing listens: the create is tried until patience ends, and the error says that nothing was sent."""
    async with Emulator() as emulator:
        closed = emulator.base_url
    async with Session("sk-x", base_url=closed, output_dir=tmp_path) as runway:
        with pytest.raises(errors.TransportError) as caught:
            await runway.submit(yawn())
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert caught.value.may_have_been_sent is False
    assert asyncio.get_running_loop().time() > 20


async def test_a_cancelled_submit_loses_no_id(session: Any, tmp_path: Path) -> None:
    """Who gives up on submit() does not stop the create: its task is waited for and its file is downloaded."""
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", Fault.slow(30))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await runway.submit(yawn(), key="kept")
        assert emulator.creates.received == 1
    assert len(list((tmp_path / "out").glob("kept.mp4"))) == 1


async def test_an_id_that_comes_home_late_is_still_owed(session: Any) -> None:
    """A create that answers within two seconds of the block's failure is known to be owed."""
    async with Emulator() as emulator:
        runway = session(emulator)
        emulator.script("create", Fault.slow(1))
        with pytest.raises(KeyError):
            async with runway:
                submission = asyncio.ensure_future(runway.submit(yawn(), key="late"))
                await asyncio.sleep(0.5)
                raise KeyError
        assert (await submission).key == "late"
    assert [owed.key for owed in runway.owed] == ["late"]


async def test_a_create_left_hanging_is_in_doubt(session: Any) -> None:
    """A create that is still unanswered when the block must end is told as in doubt."""
    events: list[Event] = []
    async with Emulator() as emulator:
        runway = session(emulator, on_event=events.append)
        emulator.script("create", Fault.silent(acts=True))
        with pytest.raises(KeyError):
            async with runway:
                submission = asyncio.ensure_future(runway.submit(yawn(), key="hanging"))
                await asyncio.sleep(0.5)
                raise KeyError
        with pytest.raises(asyncio.CancelledError):
            await submission
    assert [(event.kind, event.key) for event in events] == [(EventKind.IN_DOUBT, "hanging")]
    assert isinstance(events[0].error, OutcomeUnknownError)


async def test_no_queued_create_is_sent_after_the_block_failed(session: Any) -> None:
    """Creates that wait for their turn when the block fails are never sent, and say so."""
    async with Emulator() as emulator:
        runway = session(emulator, max_creates=1)
        emulator.script("create", Fault.slow(1))
        with pytest.raises(KeyError):
            async with runway:
                submissions = [asyncio.ensure_future(runway.submit(yawn(number))) for number in range(3)]
                await asyncio.sleep(0.5)
                raise KeyError
        outcomes = await asyncio.gather(*submissions, return_exceptions=True)
    assert emulator.creates.received == 1
    assert isinstance(outcomes[0], TaskHandle)
    assert all(
        isinstance(outcome, RuntimeError) and "nothing was submitted" in str(outcome) for outcome in outcomes[1:]
    )


async def test_nothing_more_is_paid_for_while_the_block_is_left(session: Any) -> None:
    """A create that waits to be sent again after a 429 is not sent once the block has failed, and is not in doubt."""
    events: list[Event] = []
    async with Emulator() as emulator:
        runway = session(emulator, on_event=events.append)
        emulator.script("create", Fault.rate_limited(), Fault.rate_limited(50))
        with pytest.raises(KeyError):
            async with runway:
                submissions = [asyncio.ensure_future(runway.submit(yawn(number))) for number in range(2)]
                await asyncio.sleep(0.5)
                raise KeyError
        await asyncio.gather(*submissions, return_exceptions=True)
    assert emulator.creates.accepted == 0
    assert EventKind.IN_DOUBT not in [event.kind for event in events]


async def test_a_strange_error_after_sending_is_a_doubt(session: Any) -> None:
    """Whatever a borrowed session's hooks raise once the create was sent, its outcome is unknown."""

    async def broken(*_: object) -> None:
        raise RuntimeError("hook")

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(broken)
    async with Emulator() as emulator, aiohttp.ClientSession(trace_configs=[trace]) as http:
        with pytest.raises(OutcomeUnknownError):
            async with session(emulator, http=http) as runway:
                await runway.submit(yawn())


async def test_who_waited_in_a_session_that_was_left_buys_nothing_in_the_next(session: Any) -> None:
    """A Session may be opened again, and then owes nothing to those who waited for a turn in it before."""
    async with Emulator() as emulator:
        emulator.script("create", Fault.silent())
        runway = session(emulator, max_in_flight=1)
        with pytest.raises(KeyError):
            async with runway:
                submissions = [asyncio.ensure_future(runway.submit(yawn(number))) for number in range(20)]
                await asyncio.sleep(1)
                raise KeyError
        async with runway:
            outcomes = await asyncio.gather(*submissions, return_exceptions=True)
    assert emulator.creates.received == 1
    assert all("closed" in str(outcome) for outcome in outcomes[1:])


async def test_a_local_file_that_vanishes_harms_only_its_own_submission(session: Any, tmp_path: Path) -> None:
    """A file that can no longer be read is a ValueError of its submission and an event, and nothing else."""
    events: list[Event] = []
    picture = tmp_path / "cat.png"
    picture.write_bytes(PNG)
    request = ImageToVideo(prompt_image=picture)
    picture.unlink()
    for journal in (None, tmp_path / "shots.db"):
        async with Emulator() as emulator, session(emulator, journal=journal, on_event=events.append) as runway:
            good = await runway.submit(yawn())
            with pytest.raises(ValueError, match=r"cat\.png"):
                await runway.submit(request, key="gone")
            assert await good
    assert [event.key for event in events if event.kind is EventKind.REFUSED] == ["gone", "gone"]


async def test_a_host_that_refuses_connections_is_said_at_once(tmp_path: Path) -> None:
    """Each create that could not be sent is an event before the pause, and then sent again; nothing is in doubt."""
    events: list[tuple[float, Event]] = []
    loop = asyncio.get_running_loop()

    def observe(event: Event) -> None:
        events.append((loop.time(), event))

    began = loop.time()
    for base_url, host in (
        ("http://127.0.0.1:9", "127.0.0.1"),
        ("https://no-such-host.invalid", "no-such-host.invalid"),
    ):
        events.clear()
        began = loop.time()
        async with Session("sk-1", base_url=base_url, output_dir=tmp_path, on_event=observe) as runway:
            with pytest.raises(errors.TransportError, match=f"no connection to {host}") as caught:
                await runway.submit(yawn(), key="cat")
        assert not caught.value.may_have_been_sent
        assert [event.kind for _, event in events] == [EventKind.RETRYING] * 5 + [EventKind.REFUSED]
        first_at, first = events[0]
        assert first_at - began < 3
        assert (first.key, first.task_id) == ("cat", None)
        assert isinstance(first.error, errors.TransportError)
        assert first.error.host == host
        assert loop.time() - began > 30


async def test_a_create_that_is_refused_for_the_moment_is_an_event(session: Any) -> None:
    """A 429 is told, and then the create is accepted."""
    events: list[Event] = []
    async with Emulator() as emulator, session(emulator, on_event=events.append) as runway:
        emulator.script("create", Fault.rate_limited(), Fault.ok())
        await (await runway.submit(yawn(), key="cat"))
    assert [event.kind for event in events][:2] == [EventKind.RETRYING, EventKind.SUBMITTED]
    assert isinstance(events[0].error, errors.RateLimitedError)


async def test_a_callback_is_expected_only_while_it_matters(session: Any) -> None:
    """Neither of a create that was refused nor of a task that has ended."""
    async with Emulator() as emulator, mounted() as receiver, session(emulator, callbacks=receiver) as runway:
        expected = runway._lifetime.parts.expected
        emulator.script("create", Fault.answer(400))
        with pytest.raises(errors.InvalidRequestError):
            await runway.submit(ProGenerate(prompt="a boat"))
        assert len(expected) == 0
        handle = await runway.submit(ProGenerate(prompt="a boat"))
        assert len(expected) == 1
        await handle
        assert len(expected) == 0


async def test_few_creates_hold_local_files_in_memory(session: Any, tmp_path: Path) -> None:
    """However many are submitted, sixteen of one kind are begun at once."""
    journal = tmp_path / "shots.db"
    async with Emulator() as emulator, session(emulator, journal=journal) as runway:
        emulator.script("create", *[Fault.slow(10)] * 40)
        requests = [ImageToVideo(prompt_image=PNG, prompt_text=f"yawn {number}") for number in range(40)]
        waiting = [asyncio.ensure_future(runway.submit(request)) for request in requests]
        await asyncio.sleep(5)
        assert len(Journal.read(journal)) == 16
        await asyncio.gather(*waiting)
