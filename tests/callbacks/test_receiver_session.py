"""A session with a receiver, on the emulator: real posts over real sockets, on virtual time."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from attrs import evolve

from cometrunway import (
    CallbackReceiver,
    Event,
    EventKind,
    ImageToVideo,
    Journal,
    OutcomeUnknownError,
    PollPolicy,
    ProActOne,
    ProGenerate,
    ProVideoToVideo,
    Session,
    State,
)
from cometrunway.emulator import Emulator, Fault
from cometrunway.errors import InvalidRequestError
from tests.callbacks.hooks import mounted
from tests.samples import CAT, CLIP, HOOK

SLOW = PollPolicy(rule="fixed", first=1000.0)
"""No poll but those that a callback asks for."""


def cat(number: int = 0) -> ProGenerate:
    """Return a request that no other number shares."""
    return ProGenerate(prompt=f"a cat, {number} times")


def is_in(folder: Path, text: str) -> bool:
    """Whether a file of a folder, or its name, holds a text."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return any(text in str(path) or text.encode() in path.read_bytes() for path in files)


def urls(emulator: Emulator) -> list[str | None]:
    """Return the callback URLs that the gateway was given."""
    return [task.callback_url for task in emulator.tasks.values()]


async def test_a_route_that_demands_a_callback_url_gets_one_of_its_own(session: Callable[..., Session]) -> None:
    """The user's own is sent as it is; the official routes get none; each other submission has its own."""
    requests = [
        *(cat(number) for number in range(20)),
        ProVideoToVideo(video=CLIP, prompt="snow"),
        ProActOne(video=CLIP, image=CAT),
    ]
    async with Emulator() as emulator, mounted() as receiver, session(emulator, callbacks=receiver) as runway:
        for request in requests:
            await runway.submit(request)
        await runway.submit(ProGenerate(prompt="a cat", callback_url=HOOK))
        await runway.submit(ImageToVideo(prompt_image=CAT))
        *own, users, official = urls(emulator)
    assert all(str(url).startswith(f"{receiver.public_url}/") for url in own)
    assert len(set(own)) == len(requests)
    assert (users, official) == (HOOK, None)


@pytest.mark.parametrize("dialect", ["duomi", "flat", "wrapped", "wrapped_plus", "bare", "kling", "luma"])
@pytest.mark.parametrize("callbacks", ["end", "every"])
async def test_the_end_is_known_when_it_is_posted(
    session: Callable[..., Session], dialect: Any, callbacks: Any
) -> None:
    """In every form of a post, with few other polls than those that posts ask for; a failed task as well."""
    async with Emulator(dialect=dialect, callbacks=callbacks) as emulator, mounted() as receiver:
        async with session(emulator, callbacks=receiver, poll=SLOW) as runway:
            loop = asyncio.get_running_loop()
            began = loop.time()
            good = await runway.submit(ProGenerate(prompt="a cat [seconds 60]"))
            bad = await runway.submit(ProGenerate(prompt="a cat [seconds 80] [fail INTERNAL]"))
            await good
            assert loop.time() - began < 61
            assert (await bad.wait()).failure
            assert loop.time() - began < 81
    assert len(emulator.requests_of("poll")) <= (2 if callbacks == "end" else 8)


async def test_a_hundred_lost_answers_are_recovered(session: Callable[..., Session], tmp_path: Path) -> None:
    """A callback supplies the id of each create whose answer was lost: polled, recorded and delivered, bought once."""
    events: list[Event] = []
    async with Emulator(speed=1) as emulator, mounted() as receiver:
        emulator.script("create", *[Fault.drop_after(), Fault.drop_after(reset=True)] * 50)
        async with session(
            emulator, callbacks=receiver, journal=tmp_path / "shots.db", on_event=events.append
        ) as runway:
            outcomes = await asyncio.gather(
                *(runway.submit(cat(number), key=f"shot-{number}") for number in range(100)), return_exceptions=True
            )
            assert all(isinstance(outcome, OutcomeUnknownError) for outcome in outcomes)
            await asyncio.sleep(60)
            handle = await runway.submit(cat(7), key="shot-7")
            [clip] = await handle
            assert await runway.in_doubt() == ()
    assert emulator.creates.accepted == emulator.creates.received == 100
    entries = Journal.read(tmp_path / "shots.db")
    assert {entry.state for entry in entries} == {State.DELIVERED}
    assert {entry.task_id for entry in entries} == set(emulator.tasks)
    assert clip.path
    assert sum(event.kind is EventKind.RESUMED for event in events) >= 100


@pytest.mark.parametrize("moved", [False, True])
async def test_a_restarted_session_takes_the_callbacks_of_its_journal(
    session: Callable[..., Session], tmp_path: Path, *, moved: bool
) -> None:
    """Of tasks and of doubts, with the paths as they were; at another address nothing is bought again either."""
    options: dict[str, Any] = {"journal": tmp_path / "shots.db", "poll": SLOW}
    async with Emulator() as emulator, mounted() as receiver:
        emulator.script("create", *[Fault.drop_after()] * 10)
        async with session(emulator, callbacks=receiver, close_wait=0, **options) as runway:
            for number in range(20):
                try:
                    await runway.submit(ProGenerate(prompt=f"[seconds {60 + number}]"), key=f"shot-{number}")
                except OutcomeUnknownError:
                    continue
        elsewhere = CallbackReceiver("https://me.example/elsewhere")
        async with session(emulator, callbacks=elsewhere if moved else receiver, **options) as runway:
            handles = await runway.resume()
            assert len(handles) == 10
            await asyncio.gather(*handles)
            assert len(await runway.in_doubt()) == (10 if moved else 0)
    assert emulator.creates.received == 20
    lags = [
        (entry.ended_at or 0) - (entry.created_at or 0) for entry in Journal.read(tmp_path / "shots.db") if not moved
    ]
    assert all(lags)


async def test_a_replayed_id_ends_no_doubt(session: Callable[..., Session], tmp_path: Path) -> None:
    """The id of another submission's task is not taken for one's own, also by a later session."""
    async with Emulator(callbacks="none") as emulator, mounted() as receiver:
        journal = tmp_path / "shots.db"
        emulator.script("create", Fault.ok(), Fault.drop_after())
        async with session(emulator, callbacks=receiver, journal=journal) as runway:
            known = await runway.submit(cat(1), key="known")
            await known
            with pytest.raises(OutcomeUnknownError):
                await runway.submit(cat(2), key="doubt")
            hook = str(urls(emulator)[1])
            async with aiohttp.ClientSession() as client:
                await client.post(hook, json={"task_id": known.id, "status": "3"})
                await asyncio.sleep(60)
            assert [entry.key for entry in await runway.in_doubt()] == ["doubt"]
        async with session(emulator, callbacks=receiver, journal=journal) as runway:
            async with aiohttp.ClientSession() as client:
                for task_id in (known.id, "forged"):
                    await client.post(hook, json={"task_id": task_id, "status": "3"})
                    await asyncio.sleep(60)
                assert [entry.key for entry in await runway.in_doubt()] == ["doubt"]
                await client.post(hook, json={"task_id": list(emulator.tasks)[1], "status": "3"})
            await asyncio.sleep(60)
            assert await runway.in_doubt() == ()


@pytest.mark.parametrize("seconds", [50.0, 100_000.0], ids=["late", "never"])
async def test_a_callback_may_come_before_the_answer_to_the_create(
    session: Callable[..., Session], tmp_path: Path, seconds: float
) -> None:
    """The task is recorded and delivered at once; the answer, if it still comes, changes nothing."""
    path = tmp_path / "shots.db"
    async with Emulator() as emulator, mounted() as receiver:
        emulator.script("create", Fault.slow(seconds))
        async with session(emulator, callbacks=receiver, journal=path) as runway:
            submission = asyncio.ensure_future(runway.submit(cat(), key="cat"))
            await asyncio.sleep(30)
            assert not submission.done()
            assert [entry.state for entry in Journal.read(path)] == [State.DELIVERED]
            [clip] = await (await submission)
            assert clip.path
    assert [entry.state for entry in Journal.read(path)] == [State.DELIVERED]
    assert emulator.creates.accepted == 1
    assert len(emulator.requests_of("asset")) == 1


@pytest.mark.parametrize("status", [400, 429])
async def test_a_refusal_after_the_callback_of_its_task_is_none(
    session: Callable[..., Session], tmp_path: Path, status: int
) -> None:
    """The API has confirmed the task, so that whatever the create is answered later, it is not bought again."""
    options: dict[str, Any] = {"journal": tmp_path / "shots.db"}
    late_refusal = evolve(Fault.answer(status, acts=True), seconds=50.0)
    async with Emulator() as emulator, mounted() as receiver:
        emulator.script("create", late_refusal)
        for _ in range(2):
            async with session(emulator, callbacks=receiver, **options) as runway:
                handle = await runway.submit(cat(), key="cat")
                [clip] = await handle
                assert clip.path
    assert emulator.creates.received == 1
    [entry] = Journal.read(tmp_path / "shots.db")
    assert (entry.state, entry.task_id) == (State.DELIVERED, *emulator.tasks)


async def test_a_doubt_outlives_a_resubmission_that_is_refused(session: Callable[..., Session], tmp_path: Path) -> None:
    """The callback of the first create still supplies its id."""
    async with Emulator() as emulator, mounted() as receiver:
        emulator.script("create", Fault.drop_after(), Fault.answer(400))
        async with session(emulator, callbacks=receiver, journal=tmp_path / "shots.db") as runway:
            with pytest.raises(OutcomeUnknownError):
                await runway.submit(cat(), key="doubt")
            with pytest.raises(InvalidRequestError):
                await runway.resubmit("doubt")
            await asyncio.sleep(60)
            assert await runway.in_doubt() == ()
    [entry] = Journal.read(tmp_path / "shots.db")
    assert entry.task_id in emulator.tasks


@pytest.mark.parametrize("later", [False, True], ids=["same_session", "later_session"])
async def test_a_repeated_callback_of_an_earlier_task_ends_no_doubt(
    session: Callable[..., Session], tmp_path: Path, *, later: bool
) -> None:
    """What is submitted once more under its key has a path of its own: its id is not that of the task that failed."""
    options: dict[str, Any] = {"journal": tmp_path / "shots.db", "poll": SLOW}
    async with Emulator(callbacks="none") as emulator, mounted() as receiver, aiohttp.ClientSession() as client:
        emulator.script("create", Fault.ok(), Fault.drop_after())
        async with session(emulator, callbacks=receiver, **options) as runway:
            failed = await runway.submit(ProGenerate(prompt="a cat [fail INTERNAL]"), key="cat")
            hook = {"task_id": failed.id, "status": "3"}
            await asyncio.sleep(60)
            await client.post(str(urls(emulator)[0]), json=hook)
            await failed.wait()
            with pytest.raises(OutcomeUnknownError):
                await runway.resubmit("cat")
            if not later:
                await client.post(str(urls(emulator)[0]), json=hook)
                await asyncio.sleep(60)
                assert [entry.task_id for entry in await runway.in_doubt()] == [None]
        async with session(emulator, callbacks=receiver, **options) as runway:
            await client.post(str(urls(emulator)[0]), json=hook)
            await asyncio.sleep(60)
            assert [entry.task_id for entry in await runway.in_doubt()] == [None]
            await client.post(str(urls(emulator)[1]), json={**hook, "task_id": list(emulator.tasks)[1]})
            await asyncio.sleep(60)
    [entry] = Journal.read(tmp_path / "shots.db")
    assert entry.task_id == list(emulator.tasks)[1]


async def test_nothing_secret_is_logged(
    session: Callable[..., Session], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No path of a callback is in any log, event, error, journal or name of a file."""
    events: list[Event] = []
    with caplog.at_level(logging.DEBUG, "cometrunway"):
        async with Emulator() as emulator, mounted() as receiver:
            emulator.script("create", Fault.ok(), Fault.drop_after(), Fault.answer(400))
            async with session(
                emulator, callbacks=receiver, journal=tmp_path / "shots.db", on_event=events.append
            ) as runway:
                outcomes = await asyncio.gather(*(runway.submit(cat(n)) for n in range(4)), return_exceptions=True)
                await asyncio.sleep(60)
    paths = [str(url).rpartition("/")[2] for url in urls(emulator)]
    said = caplog.text + repr(events) + repr(outcomes) + repr(Journal.read(tmp_path / "shots.db"))
    assert len(paths) == 3
    assert not [path for path in paths if path in said or is_in(tmp_path, path)]


async def test_polls_take_over_where_the_receiver_is_gone(session: Callable[..., Session]) -> None:
    """All tasks are delivered though no post gets through."""
    async with Emulator() as emulator:
        async with mounted() as receiver:
            pass
        async with session(emulator, callbacks=receiver) as runway:
            await asyncio.gather(*[await runway.submit(cat(number)) for number in range(20)])
    assert {posted.status for posted in emulator.callbacks} <= {None}
