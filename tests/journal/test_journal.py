"""The journal: what is recorded when, and what another run makes of it; in a file and on a server alike."""

import asyncio
import json
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from cometrunway import (
    Event,
    EventKind,
    ImageToVideo,
    JournalReader,
    OutcomeUnknownError,
    PollPolicy,
    RetryPolicy,
    Session,
    Shot,
    TaskFailedError,
    errors,
)
from cometrunway._journal._entry import Entry, State
from cometrunway._journal._journal import Journal
from cometrunway.emulator import Emulator, Fault
from tests.postgres import VARIABLE, Server
from tests.samples import CAT, PNG, yawn

Where = str | Path
SIGNED = "https://example.com/cat.jpg?signature=canary"


@pytest.fixture(params=["file", "server"] if VARIABLE in os.environ else ["file"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Where:
    """Return where a journal is: both forms obey the same laws."""
    if request.param == "file":
        return tmp_path / "shots.db"
    server: Server = request.getfixturevalue("postgres")
    return server.journal()


@pytest.fixture
def session(session: Any, place: Where) -> Callable[..., Session]:
    """Return a maker of sessions on an emulator, with one journal and one folder."""
    return partial(session, journal=place)


def entry(key: str = "shot", fingerprint: str = "f") -> Entry:
    """Return what is recorded of a new submission."""
    return Entry(key=key, route="image_to_video", fingerprint=fingerprint, request={"prompt_text": fingerprint})


def states(place: Where) -> dict[str, str]:
    """Return the state of each key in a journal."""
    return {found.key: found.state.value for found in Journal.read(place)}


async def test_the_callback_secret_is_the_journals(tmp_path: Path, place: Where) -> None:
    """It is random, and the same for every session of one journal."""
    secrets = []
    for opened in (place, place, tmp_path / "other.db"):
        async with Journal(opened) as journal:
            secrets.append(await journal.callback_secret())
    first, second, other = secrets
    assert first == second != other
    assert len(first) == 32


async def test_a_change_is_on_disk_when_its_method_returns(place: Where) -> None:
    """Another reader sees each change as soon as its writer goes on."""
    async with Journal(place) as journal:
        assert await journal.begin(entry()) is None
        assert states(place) == {"shot": "submitting"}
        await journal.accept("shot", task_id="t1", created_at=1.0)
        assert states(place) == {"shot": "accepted"}


async def test_a_key_stands_for_what_was_first_recorded_under_it(place: Where) -> None:
    """Beginning a known key gives what stands there and changes nothing."""
    async with Journal(place) as journal:
        await journal.begin(entry())
        await journal.accept("shot", task_id="t1", created_at=1.0)
        standing = await journal.begin(entry(fingerprint="other"))
    assert standing is not None
    assert (standing.task_id, standing.fingerprint, standing.state) == ("t1", "f", State.ACCEPTED)


async def test_what_was_refused_begins_again(place: Where) -> None:
    """After a proved refusal the key is free, also for a corrected request, and the refused create counts no more."""
    async with Journal(place) as journal:
        await journal.begin(entry())
        await journal.refuse("shot", "no")
        assert await journal.begin(entry(fingerprint="better")) is None
        [found] = [found async for found in journal.entries()]
    assert (found.creates, found.fingerprint, found.reason) == (1, "better", None)


async def test_creates_that_were_refused_count_no_more(place: Where, session: Any) -> None:
    """What was refused and then accepted counts once, and so does a failure whose resubmission was refused."""
    no = Fault.answer(400, {"error": {"message": "no", "type": "invalid_request_error"}})
    failing = ImageToVideo(prompt_image=CAT, prompt_text="[fail INTERNAL]")
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", no, Fault.ok(), Fault.ok(), no)
        with pytest.raises(errors.InvalidRequestError):
            await runway.submit(yawn(), key="cat")
        await (await runway.submit(yawn(), key="cat"))
        with pytest.raises(TaskFailedError):
            await (await runway.submit(failing, key="dog"))
        with pytest.raises(errors.InvalidRequestError):
            await runway.resubmit("dog")
        assert emulator.creates.accepted == 2
    with JournalReader(place) as journal:
        assert journal.creates() == {"image_to_video": 2}


async def test_changes_share_a_commit(place: Where) -> None:
    """A thousand changes made at once take a few commits, and keep their order."""
    async with Journal(place) as journal:
        commits = 0
        commit = journal._writer._commit

        def counted(operations: list[Any]) -> list[Any]:
            nonlocal commits
            commits += 1
            return commit(operations)

        journal._writer._commit = counted  # counts, and does the same
        await asyncio.gather(*(journal.begin(entry(str(number))) for number in range(1000)))
        assert 0 < commits <= 4
        assert [found.key async for found in journal.entries()] == [str(number) for number in range(1000)]


async def test_leaving_in_a_hurry_leaves_nothing_behind(place: Where) -> None:
    """However often it is cancelled on a slow disk: what waits behind the commit under way is on disk, too."""
    is_quick = threading.Event()
    journal = await Journal(place).__aenter__()
    await journal.begin(entry())
    commit = journal._writer._commit

    def slow(operations: list[Any]) -> list[Any]:
        is_quick.wait()
        return commit(operations)

    journal._writer._commit = slow  # waits for the disk, and does the same
    recording = [
        asyncio.create_task(change)
        for change in (journal.begin(entry("other")), journal.accept("shot", task_id="t1", created_at=1.0))
    ]
    leaving = asyncio.create_task(journal.__aexit__())
    for hurried in (*recording, leaving, leaving):
        await asyncio.sleep(0)
        hurried.cancel()
    await asyncio.sleep(0)
    is_quick.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    statuses = {found.key: found.outcome(is_written=False).status for found in Journal.read(place)}
    assert statuses == {"shot": "owed", "other": "in_doubt"}
    async with Journal(place):
        pass


async def test_what_was_left_takes_no_more(place: Where) -> None:
    """A submission after the journal was closed is an error at once."""
    async with Journal(place) as journal:
        pass
    with pytest.raises(errors.JournalError, match="no longer open"):
        await journal.begin(entry())


async def test_a_reported_id_may_be_corrected(place: Where) -> None:
    """An id that the user gave may be given again, until the server's own word stands in its place."""
    async with Journal(place) as journal:
        await journal.begin(entry())
        for task_id in ("t1", "t2"):
            await journal.resolve("shot", task_id=task_id)
            found = await journal.find("shot")
            assert found is not None
            assert (found.task_id, found.has_reported_id) == (task_id, True)
        await journal.resolve("shot", task_id=None)
        await journal.begin(entry())
        await journal.accept("shot", task_id="t3", created_at=1.0)
        with pytest.raises(ValueError, match="nothing is in doubt"):
            await journal.resolve("shot", task_id="t4")


async def test_an_id_that_cannot_be_recorded_is_in_the_error(session: Any) -> None:
    """When the disk fails between the answer and its record, the id reaches the caller, and a token."""
    async with Emulator() as emulator, session(emulator) as runway:
        journal = runway._lifetime.parts.journal

        async def fail(*_: object, **__: object) -> None:
            raise errors.JournalError("disk I/O error")

        journal.accept = fail  # a disk that fails
        with pytest.raises(errors.JournalError) as caught:
            await runway.submit(yawn(), key="shot")
        [task_id] = emulator.tasks
        assert caught.value.task_id == task_id
        assert await runway.attach(caught.value.token or "")


async def test_the_same_key_never_buys_twice(session: Any) -> None:
    """In one process and the next, at once and one after the other: one create, and the same file."""
    async with Emulator() as emulator:
        async with session(emulator) as runway:
            first, second = await asyncio.gather(*(runway.submit(yawn(), key="shot") for _ in range(2)))
            third = await runway.submit(yawn(), key="shot")
            [[one], [two], [three]] = await first, await second, await third
        async with session(emulator) as runway:
            again = await runway.submit(yawn(), key="shot")
            assert again.done()
            [four] = await again
    assert one.path == two.path == three.path == four.path
    assert emulator.creates.received == 1


async def test_another_request_under_a_key_is_an_error_that_shows_the_difference(session: Any) -> None:
    """A key that belongs to another request is refused before anything is sent."""
    async with Emulator() as emulator, session(emulator) as runway:
        await runway.submit(yawn(1), key="shot")
        with pytest.raises(errors.KeyConflictError, match=r"prompt_text.*yawns 1 times.*yawns 2 times"):
            await runway.submit(yawn(2), key="shot")
    assert emulator.creates.received == 1


async def test_a_changed_file_is_another_request(session: Any, tmp_path: Path) -> None:
    """The content of a local file is part of the request."""
    image = tmp_path / "cat.png"
    image.write_bytes(PNG + b"1" * 100)
    async with Emulator() as emulator, session(emulator) as runway:
        await runway.submit(ImageToVideo(prompt_image=image), key="shot")
        await runway.submit(ImageToVideo(prompt_image=image), key="shot")
        image.write_bytes(PNG + b"2" * 100)
        with pytest.raises(errors.KeyConflictError, match="sha256"):
            await runway.submit(ImageToVideo(prompt_image=image), key="shot")


async def test_a_vanished_file_is_fetched_again(session: Any) -> None:
    """A delivered file that is gone or changed is downloaded again, without a create."""
    async with Emulator() as emulator:
        async with session(emulator) as runway:
            [asset] = await (await runway.submit(yawn(), key="shot"))
        asset.path.write_bytes(b"changed")
        asset.path.rename(asset.path.with_name("moved"))
        async with session(emulator) as runway:
            [fetched] = await (await runway.submit(yawn(), key="shot"))
    assert fetched.path == asset.path
    assert fetched.sha256 == asset.sha256
    assert emulator.creates.received == 1


async def test_a_failed_task_is_not_bought_again(session: Any) -> None:
    """A task that failed fails again from the journal; only resubmit() buys it again."""
    request = yawn(extra="[fail INTERNAL]")
    async with Emulator() as emulator:
        for _ in range(2):
            async with session(emulator) as runway:
                with pytest.raises(TaskFailedError, match="INTERNAL"):
                    await (await runway.submit(request, key="shot"))
        assert emulator.creates.received == 1
        async with session(emulator) as runway:
            with pytest.raises(TaskFailedError):
                await (await runway.resubmit("shot"))
    assert emulator.creates.received == 2


async def test_what_is_in_doubt_is_reported_and_never_sent_again(session: Any) -> None:
    """A create whose answer was lost is in doubt, in this run and the next, until the user decides."""
    async with Emulator(not_exist_seconds=0) as emulator:
        emulator.script("create", Fault.drop_after())
        for _ in range(2):
            async with session(emulator) as runway:
                with pytest.raises(OutcomeUnknownError, match=r"billed|resolve"):
                    await runway.submit(yawn(), key="shot")
                assert [found.key for found in await runway.in_doubt()] == ["shot"]
        assert emulator.creates.received == 1
        [task_id] = emulator.tasks
        async with session(emulator) as runway:
            assert await (await runway.resolve("shot", task_id=task_id))
            assert await runway.in_doubt() == ()
    assert emulator.creates.received == 1


async def test_a_doubt_may_be_ended_by_paying_again(session: Any) -> None:
    """resubmit() sends once more, because the user said so; the count of creates tells."""
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", Fault.drop_before())
        with pytest.raises(OutcomeUnknownError):
            await runway.submit(yawn(), key="shot")
        assert await (await runway.resubmit("shot"))
        [found] = [found async for found in runway._lifetime.parts.journal.entries()]
    assert found.creates == 2
    assert emulator.creates.accepted == 1


async def test_two_decisions_at_once_buy_once(session: Any) -> None:
    """Of two resubmissions at the same time one is sent; the other learns that things have changed."""
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", Fault.drop_before())
        with pytest.raises(OutcomeUnknownError):
            await runway.submit(yawn(), key="shot")
        outcomes = await asyncio.gather(*(runway.resubmit("shot") for _ in range(2)), return_exceptions=True)
    assert sum(isinstance(outcome, ValueError) for outcome in outcomes) == 1
    assert emulator.creates.accepted == 1


async def test_what_was_not_sent_is_not_in_doubt(session: Any, place: Where) -> None:
    """A submission that waits after a 429 when the block is left is free to be made by the next run."""
    async with Emulator() as emulator:
        emulator.script("create", Fault.rate_limited(50))
        with pytest.raises(KeyError):
            async with session(emulator) as runway:
                submission = asyncio.ensure_future(runway.submit(yawn(), key="shot"))
                await asyncio.sleep(1)
                raise KeyError
        await asyncio.gather(submission, return_exceptions=True)
        assert states(place) == {"shot": "refused"}
        async with session(emulator) as runway:
            assert await (await runway.submit(yawn(), key="shot"))
    assert emulator.creates.accepted == 1


async def test_only_a_doubt_can_be_ended(session: Any) -> None:
    """resolve() and resubmit() of what is not in doubt, or unknown, are errors."""
    async with Emulator() as emulator, session(emulator) as runway:
        await (await runway.submit(yawn(), key="shot"))
        for attempt in (runway.resolve("shot", task_id="x"), runway.resubmit("shot"), runway.resubmit("nothing")):
            with pytest.raises(ValueError, match=r"shot|nothing"):
                await attempt


async def test_a_digest_is_no_request(session: Any) -> None:
    """Where the journal has only a digest of a signed URL, resubmit() asks for the request."""
    request = ImageToVideo(prompt_image=SIGNED)
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", Fault.drop_before())
        with pytest.raises(OutcomeUnknownError):
            await runway.submit(request, key="shot")
        with pytest.raises(ValueError, match="give the request"):
            await runway.resubmit("shot")
        with pytest.raises(errors.KeyConflictError, match="another request"):
            await runway.resubmit("shot", yawn())
        assert await (await runway.resubmit("shot", request))


async def test_resume_finishes_what_is_owed(session: Any) -> None:
    """A second session takes up every task that was paid for, and buys nothing."""
    async with Emulator(duration=100) as emulator:
        with pytest.raises(KeyError):
            async with session(emulator) as runway:
                for number in range(10):
                    await runway.submit(yawn(number), key=str(number))
                raise KeyError
        async with session(emulator) as runway:
            handles = await runway.resume()
            files = [await handle for handle in handles]
            assert await runway.resume() == ()
    assert sorted(handle.key for handle in handles) == [str(number) for number in range(10)]
    assert all(asset.path.exists() for [asset] in files)
    assert emulator.creates.received == 10


async def test_a_finished_task_is_only_fetched(session: Any) -> None:
    """A task that ended while no session was open, or whose download failed, is downloaded by the next run."""
    async with Emulator() as emulator:
        emulator.script("asset", *[Fault.answer(500)] * 6)
        async with session(emulator) as runway:
            with pytest.raises(errors.DownloadError):
                await (await runway.submit(yawn(), key="shot"))
        async with session(emulator) as runway:
            [handle] = await runway.resume()
            assert await handle
    assert emulator.creates.received == 1


async def test_a_batch_run_again_just_finishes(session: Any) -> None:
    """Shots without keys are known by their content: the second run of a batch buys only what is new."""
    requests = [yawn(number // 2) for number in range(6)]  # each twice, which is meant
    async with Emulator() as emulator:
        for extra in ([], [yawn(7)]):
            async with session(emulator) as runway:
                assert len([await handle async for handle in runway.map([*extra, *requests])]) == 6 + len(extra)
    assert emulator.creates.received == 7


async def test_a_batch_of_shots_run_again_just_finishes(session: Any, place: Where) -> None:
    """Shots with keys are known by these."""
    shots = [Shot(f"shot-{number}", yawn(number)) for number in range(5)]
    async with Emulator(duration=60) as emulator:
        async with session(emulator, poll=PollPolicy(deadline=20)) as runway:
            outcomes = [handle.exception() async for handle in runway.map(shots)]
            assert all(isinstance(outcome, errors.TaskTimeoutError) for outcome in outcomes)
        async with session(emulator) as runway:
            assert len([await handle async for handle in runway.map(shots)]) == 5
    assert emulator.creates.received == 5
    assert set(states(place).values()) == {"delivered"}


async def test_a_single_submission_without_a_key_is_new_each_time(session: Any) -> None:
    """submit() without a key buys what it is asked to, each time."""
    async with Emulator() as emulator, session(emulator) as runway:
        for _ in range(2):
            await (await runway.submit(yawn()))
    assert emulator.creates.accepted == 2


async def test_without_a_journal_its_verbs_say_what_is_missing(tmp_path: Path) -> None:
    """resume() and its kin ask for Session(journal=...)."""
    async with Emulator() as emulator:
        async with Session(emulator.api_key, base_url=emulator.base_url, output_dir=tmp_path) as runway:
            with pytest.raises(errors.JournalRequiredError, match="journal="):
                await runway.resume()


async def test_an_entry_survives_the_way_to_disk_and_back(place: Where) -> None:
    """What is recorded is read again, strange characters included."""
    strange = Entry(key="\x00 'shot'; --", route="r", fingerprint="f", request={"prompt": "\x00 é"})
    async with Journal(place) as journal:
        await journal.begin(strange)
        await journal.refuse(strange.key, "because \udfff")
    [found] = Journal.read(place)
    assert json.dumps(dict(found.request)) == json.dumps(dict(strange.request))


async def test_a_file_with_the_name_of_an_earlier_version_is_not_fetched_again(session: Any, place: Where) -> None:
    """What is delivered is known by the path that the journal has, not by the name that it would get now."""
    async with Emulator() as emulator:
        async with session(emulator) as runway:
            [asset] = await (await runway.submit(yawn(), key="Bär-läuft"))
        earlier = asset.path.rename(asset.path.with_name("B_r-l_uft-de590cde.mp4"))
        async with Journal(place) as journal:
            await journal.deliver("Bär-läuft", (evolve(asset, path=earlier),))
        async with session(emulator) as runway:
            [again] = await (await runway.submit(yawn(), key="Bär-läuft"))
    assert again.path == earlier
    assert len(emulator.requests_of("asset")) == 1


async def test_a_budget_leaves_no_trace_of_what_it_held_back(session: Any, place: Where) -> None:
    """What is over budget is not in the journal; what was bought before costs nothing, and the next run goes on."""
    shots = [Shot(str(number), yawn(number)) for number in range(5)]
    async with Emulator() as emulator:
        for bought in (2, 4, 5):
            async with session(emulator, budget=2) as runway:
                outcomes = [handle.exception() async for handle in runway.map(shots)]
            assert sum(outcome is None for outcome in outcomes) == bought
            assert len(states(place)) == emulator.creates.received == bought
    assert not emulator.creates.repeats


@pytest.mark.parametrize("refusal", ["unauthorized", "unreachable"])
async def test_a_doubt_outlives_a_resubmission_that_bought_nothing(session: Any, refusal: str, place: Where) -> None:
    """Where the second create provably had no effect, the first is as doubtful as before, and is not sent by itself."""
    async with Emulator() as emulator:
        emulator.script("create", Fault.drop_after())
        async with session(emulator) as runway:
            with pytest.raises(OutcomeUnknownError):
                await runway.submit(yawn(), key="a")
        once = RetryPolicy(attempts=1)
        if refusal == "unauthorized":
            again = Session("sk-wrong", base_url=emulator.base_url, journal=place, retry=once)
        else:
            again = Session("sk-x", base_url="http://127.0.0.1:9", journal=place, retry=once)
        async with again as runway:
            with pytest.raises(errors.CometRunwayError):
                await runway.resubmit("a")
            assert [entry.key for entry in await runway.in_doubt()] == ["a"]
        async with session(emulator) as runway:
            with pytest.raises(OutcomeUnknownError):
                await runway.submit(yawn(), key="a")
    assert emulator.creates.accepted == 1


async def test_what_is_known_does_not_wait_for_the_budget(session: Any) -> None:
    """A budget of one buys the one new shot of a batch, however many known ones are looked up beside it."""
    shots = [Shot(str(number), yawn(number)) for number in range(50)]
    async with Emulator() as emulator:
        async with session(emulator) as runway:
            assert len([handle async for handle in runway.map(shots[:49])]) == 49
        async with session(emulator, budget=1) as runway:
            assert [handle.exception() async for handle in runway.map(shots)] == [None] * 50
    assert emulator.creates.accepted == 50


async def test_a_key_that_stands_for_another_request_is_told(session: Any) -> None:
    """A conflict with the journal reaches the observer, with its reason."""
    events: list[Event] = []
    async with Emulator() as emulator, session(emulator, on_event=events.append) as runway:
        await runway.submit(yawn(1), key="a")
        with pytest.raises(errors.KeyConflictError):
            await runway.submit(yawn(2), key="a")
    [refused] = [event for event in events if event.kind is EventKind.REFUSED]
    assert refused.key == "a"
    assert "belongs to another request" in str(refused.error)


@pytest.mark.parametrize("task_id", ["..", "", "a\nb"])
async def test_what_is_no_id_resolves_nothing(session: Any, task_id: str) -> None:
    """A doubt is ended only with something that a task can be called."""
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", Fault.drop_after())
        with pytest.raises(OutcomeUnknownError):
            await runway.submit(yawn(), key="a")
        with pytest.raises(ValueError, match="task_id"):
            await runway.resolve("a", task_id=task_id)
        assert [entry.key for entry in await runway.in_doubt()] == ["a"]


async def test_the_end_of_an_older_task_leaves_a_newer_one_alone(session: Any, place: Where) -> None:
    """A task that was submitted again stands under its key, also after the first one has ended."""
    async with Emulator(duration=60) as emulator:
        with pytest.raises(KeyError):
            async with session(emulator) as runway:
                emulator.script("create", Fault.drop_after())
                with pytest.raises(OutcomeUnknownError):
                    await runway.submit(yawn(), key="shot")
                await asyncio.sleep(30)
                [first] = emulator.tasks
                old = await runway.resolve("shot", task_id=first)
                new = await runway.resubmit("shot")
                await old
                raise KeyError
    [entry] = Journal.read(place)
    assert (entry.task_id, entry.state) == (new.id, State.ACCEPTED)


async def test_the_failure_of_an_older_task_is_not_that_of_a_newer_one(session: Any, place: Where) -> None:
    """It may be recorded while the create of the newer one is under way; that one is delivered by a later session."""
    async with Emulator() as emulator:
        emulator.script("create", Fault.drop_after(), Fault.slow(100))
        failing = ImageToVideo(prompt_image=SIGNED, prompt_text="[seconds 60] [fail INTERNAL]")
        async with session(emulator, close_wait=0) as runway:
            with pytest.raises(OutcomeUnknownError):
                await runway.submit(failing, key="shot")
            await asyncio.sleep(30)
            old = await runway.resolve("shot", task_id=next(iter(emulator.tasks)))
            resubmission = asyncio.ensure_future(runway.resubmit("shot", failing))
            assert (await old.wait()).failure
            new = await resubmission
        [entry] = Journal.read(place)
        assert (entry.task_id, entry.state, entry.failure) == (new.id, State.ACCEPTED, None)
        async with session(emulator) as runway:
            assert [handle.id for handle in await runway.resume()] == [new.id]
            assert runway.owed


async def test_all_that_happens_has_its_time(session: Any, place: Where) -> None:
    """In order: submitted, accepted, ended, delivered; in the journal, on the task, and in the events."""
    events: list[Event] = []
    async with Emulator() as emulator, session(emulator, on_event=events.append) as runway:
        handle = await runway.submit(yawn(), key="shot")
        await handle
        task = handle.task
    [found] = Journal.read(place)
    times: list[Any] = [found.submitted_at, found.created_at, found.ended_at, found.delivered_at]
    assert None not in times
    assert times == sorted(times)
    of_task = [task.submitted_at, task.accepted_at, task.ended_at, task.delivered_at]
    assert [moment.timestamp() for moment in of_task] == pytest.approx(times, abs=1e-5)
    assert task.seconds == pytest.approx(found.seconds, abs=1e-5)
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert (events[0].seconds, events[-1].seconds) == (None, task.seconds)


async def test_the_times_of_a_first_run_are_told_by_the_second(session: Any, place: Where) -> None:
    """A shot that another run took up has the seconds that it took, and a second poll of its end changes none."""
    async with Emulator() as emulator:
        emulator.script("asset", *[Fault.answer(500)] * 6)
        async with session(emulator) as runway:
            with pytest.raises(errors.DownloadError):
                await (await runway.submit(yawn(), key="shot"))
        [ended] = Journal.read(place)
        for _ in range(2):
            async with session(emulator) as runway:
                handle = await runway.submit(yawn(), key="shot")
                await handle
        assert handle.task.accepted_at.timestamp() == pytest.approx(ended.created_at, abs=1e-5)
    [found] = Journal.read(place)
    assert (found.submitted_at, found.created_at) == (ended.submitted_at, ended.created_at)
    assert found.ended_at == ended.ended_at
    assert handle.task.seconds == pytest.approx(ended.seconds, abs=1e-5)
