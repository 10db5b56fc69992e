"""Readers of events, on a session and an emulator."""

import asyncio
import gc
import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Event, EventKind, PollPolicy, Session, errors
from cometrunway.emulator import Emulator, Fault
from tests.samples import yawn


async def kinds(session: Session, *followed: Any) -> list[EventKind]:
    """Read events to their end."""
    return [event.kind async for event in session.events(*followed)]


async def test_a_reader_follows_one_task_to_its_end(session: Any) -> None:
    """The events of another task do not come, the times grow, and the last event has the files."""
    async with Emulator() as emulator, session(emulator) as runway:
        handle = await runway.submit(yawn(1), key="one")
        await runway.submit(yawn(2), key="two")
        events = [event async for event in runway.events(handle)]
        assert events[0].kind is EventKind.SUBMITTED
        assert [event.kind for event in events[-2:]] == [EventKind.ENDED, EventKind.DOWNLOADED]
        assert {event.key for event in events} == {"one"}
        assert events[-1].assets == await handle
        times = [event.at for event in events]
        assert times == sorted(times)


async def test_a_key_can_be_followed_before_it_is_submitted(session: Any) -> None:
    """A reader that waits for a key hears of its create, too."""
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", Fault.answer(429, {}))
        stream = runway.events("later")
        await runway.submit(yawn(), key="later")
        read = [event.kind async for event in stream]
    assert read[:2] == [EventKind.RETRYING, EventKind.SUBMITTED]
    assert read[-1] is EventKind.DOWNLOADED


async def test_several_tasks_are_followed_until_the_last_has_ended(session: Any) -> None:
    """Handles and keys may be mixed; one end of each comes."""
    async with Emulator() as emulator, session(emulator) as runway:
        followed = [await runway.submit(yawn(number), key=f"shot {number}") for number in range(5)]
        failing = await runway.submit(yawn(9, extra="[fail INTERNAL]"))
        read = await kinds(runway, *followed[:3], "shot 3", "shot 4", failing)
    assert Counter(read)[EventKind.DOWNLOADED] == 5
    assert read.count(EventKind.FAILED) == 1


async def test_a_batch_is_followed_to_its_end(session: Any) -> None:
    """Every shot of it is told of, also one that is refused or fails, and no other task of the session."""
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", Fault.answer(400, {"error": "no"}))
        await asyncio.gather(runway.submit(yawn(1)), return_exceptions=True)
        emulator.script("create", *[Fault.ok()] * 3, Fault.answer(400, {"error": "no"}))
        other = await runway.submit(yawn(2))
        batch = runway.map([*map(yawn, range(10, 18)), yawn(18, extra="[fail INTERNAL]")])
        reader, late = asyncio.ensure_future(_read(runway.events(batch))), runway.events(batch)
        await batch
        told = Counter(event.kind for event in await reader)
        assert (told[EventKind.DOWNLOADED], told[EventKind.FAILED], told[EventKind.REFUSED]) == (7, 1, 1)
        assert {event.task_id for event in await _read(late)} == {handle.id or None for handle in await batch}
        after = Counter(event.kind for event in await _read(runway.events(batch)))
        assert after == {EventKind.DOWNLOADED: 7, EventKind.FAILED: 1, EventKind.REFUSED: 1}
        await other
        assert not runway._lifetime.parts.events.has_readers


async def test_a_reader_of_a_batch_that_goes_away_is_forgotten(session: Any) -> None:
    """The batch goes on, and keeps nothing of it."""
    async with Emulator() as emulator, session(emulator) as runway:
        batch = runway.map(map(yawn, range(3)))
        async for _handle in batch:
            async for _event in runway.events(batch):
                break
        gc.collect()
        await asyncio.sleep(0)
        assert not batch.futures._followers
        assert not runway._lifetime.parts.events.has_readers


async def test_a_reader_that_comes_late_is_told_how_the_task_stands(session: Any, tmp_path: Path) -> None:
    """Also in a later process, and without a create, a poll or an event for anybody else."""
    told: list[Event] = []
    async with Emulator() as emulator:
        async with session(emulator, journal=tmp_path / "j.db") as runway:
            handle = await runway.submit(yawn(), key="shot")
            await handle
            failed = await runway.submit(yawn(2, extra="[fail INTERNAL]"), key="bad")
            await failed.wait()
            assert await kinds(runway, handle) == [EventKind.DOWNLOADED]
        async with session(emulator, journal=tmp_path / "j.db", on_event=told.append) as runway:
            [event] = [event async for event in runway.events("shot")]
            assert await kinds(runway, "bad") == [EventKind.FAILED]
    assert event.kind is EventKind.DOWNLOADED
    assert event.assets[0].path is not None
    assert event.at == event.task.delivered_at.timestamp()
    assert not told


async def test_a_refusal_ends_the_reader_of_its_key(session: Any, tmp_path: Path) -> None:
    """What was refused, now or in an earlier process, is told as that; so is a doubt."""
    async with Emulator() as emulator:
        async with session(emulator, journal=tmp_path / "j.db") as runway:
            stream = runway.events("refused")
            emulator.script("create", Fault.answer(400, {"error": "no"}))
            with pytest.raises(errors.APIError):
                await runway.submit(yawn(), key="refused")
            assert [event.kind async for event in stream] == [EventKind.REFUSED]
            emulator.script("create", Fault.answer(502, {}))
            with pytest.raises(errors.OutcomeUnknownError):
                await runway.submit(yawn(), key="doubtful")
        async with session(emulator, journal=tmp_path / "j.db") as runway:
            assert await kinds(runway, "refused") == [EventKind.REFUSED]
            assert await kinds(runway, "doubtful") == [EventKind.IN_DOUBT]


async def test_a_slow_reader_loses_only_progress(session: Any) -> None:
    """It holds one event of progress of each task, the newest, and all ends."""
    policy = PollPolicy(floor=1.0, ceiling=2.0)
    async with Emulator(duration=60) as emulator:
        async with session(emulator, poll=policy) as runway:
            slow, fast = runway.events(), runway.events()
            handles = [await runway.submit(yawn(number)) for number in range(20)]
            follower = asyncio.ensure_future(_read(fast))
            await asyncio.gather(*handles)
        everything, read = await follower, await _read(slow)
    assert Counter(map(_task_and_kind, read)).most_common(1)[0][1] == 1
    for kind in (EventKind.SUBMITTED, EventKind.ENDED, EventKind.DOWNLOADED):
        assert [event for event in read if event.kind is kind] == [event for event in everything if event.kind is kind]
    newest = {event.task_id: event for event in everything if event.kind is EventKind.CHANGED}
    assert {event.task_id: event for event in read if event.kind is EventKind.CHANGED} == newest
    assert len(everything) > 2 * len(read)


async def _read(stream: Any) -> list[Event]:
    return [event async for event in stream]


def _task_and_kind(event: Event) -> tuple[str | None, EventKind]:
    return event.task_id, event.kind


async def test_leaving_the_session_ends_its_readers(session: Any) -> None:
    """A reader of all events ends with the session, and one of a task that goes on, too."""
    async with Emulator(duration=1000) as emulator:
        with pytest.raises(KeyError):
            async with session(emulator) as runway:
                handle = await runway.submit(yawn())
                readers = [asyncio.ensure_future(kinds(runway, *followed)) for followed in ([], [handle])]
                await asyncio.sleep(0)
                raise KeyError
        assert await asyncio.gather(*readers) == [[], [EventKind.SUBMITTED]]


async def test_a_signal_ends_readers_before_the_session(session: Any) -> None:
    """So that a web server, which waits for its responses, is not kept; who had the signal before has it still."""
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        async with Emulator(duration=1000) as emulator:
            with pytest.raises(KeyError):
                async with session(emulator) as runway:
                    runway.end_events_on(signal.SIGTERM)
                    handle = await runway.submit(yawn())
                    reader = asyncio.ensure_future(kinds(runway, handle))
                    await asyncio.sleep(0)
                    signal.raise_signal(signal.SIGTERM)
                    assert await reader == [EventKind.SUBMITTED]
                    assert await kinds(runway, handle) == [EventKind.SUBMITTED]
                    assert not handle.done()
                    raise KeyError
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM] * 2


async def test_a_session_that_is_opened_again_has_readers_again(session: Any) -> None:
    """What ended the readers of before does not end the new ones."""
    async with Emulator() as emulator:
        runway = session(emulator)
        for number in range(2):
            async with runway:
                handle = await runway.submit(yawn(number))
                assert (await kinds(runway, handle))[-1] is EventKind.DOWNLOADED


async def test_a_reader_that_goes_away_leaves_nothing_behind(session: Any) -> None:
    """Cancelled, dropped or broken out of, it is forgotten, and the others read on."""
    async with Emulator(duration=20) as emulator, session(emulator) as runway:
        events = runway._lifetime.parts.events
        handle = await runway.submit(yawn())
        cancelled = asyncio.ensure_future(kinds(runway, handle))
        stays = asyncio.ensure_future(kinds(runway, handle))
        runway.events("dropped")
        async for _event in runway.events():
            break
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        del cancelled
        gc.collect()
        await asyncio.sleep(0)
        assert len(events._by_topic) == 1
        assert not events._of_all
        assert (await stays)[-1] is EventKind.DOWNLOADED
        assert not events.has_readers


async def test_events_are_sent_to_a_browser(session: Any, tmp_path: Path) -> None:
    """As JSON without a path or a URL; a comment breaks each silence of fifteen seconds."""
    async with Emulator(duration=100, progress="none") as emulator, session(emulator) as runway:
        handle = await runway.submit(yawn(), key="shot")
        sent = [lines async for lines in runway.events(handle).sse()]
    assert all(lines.endswith(b"\n\n") and lines.count(b"\n") == 2 for lines in sent)
    told = [json.loads(lines.removeprefix(b"data: ")) for lines in sent if lines.startswith(b"data: ")]
    assert [event["event"] for event in told] == ["submitted", "changed", "changed", "ended", "downloaded"]
    assert {"key": "shot", "status": "SUCCEEDED", "task_id": handle.id}.items() <= told[-1].items()
    assert 4 <= sent.count(b":\n\n") <= 7
    assert str(tmp_path).encode() not in b"".join(sent)
    assert b"http" not in b"".join(sent)


async def test_a_copy_of_a_handle_says_what_to_do(session: Any) -> None:
    """A handle of another session has no events here."""
    async with Emulator() as emulator:
        async with session(emulator) as runway:
            token = (await runway.submit(yawn())).token
        async with session(emulator) as runway:
            attached = runway.attach(token)
            assert (await kinds(runway, attached))[-1] is EventKind.DOWNLOADED
