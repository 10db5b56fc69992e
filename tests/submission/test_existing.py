"""Tasks that exist already are taken up, each once."""

import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cometrunway import (
    APIError,
    Event,
    Journal,
    JournalError,
    OutcomeUnknownError,
    PollPolicy,
    Provider,
    RawRequest,
    Session,
    Shot,
    State,
    TaskFailedError,
    TaskStatus,
    TaskTimeoutError,
)
from cometrunway._handle import TaskReference
from cometrunway.emulator import Emulator, Fault
from tests.raw import KEY, http, raw_server, succeeded
from tests.samples import ALL_ROUTES, CAT, yawn


@pytest.mark.parametrize("is_over", [False, True], ids=["under way", "over"])
async def test_of_two_creates_with_one_id_the_second_is_in_doubt(is_over: bool, session: Any, tmp_path: Path) -> None:
    """No file gets a wrong name, neither now nor in the next run, and the message names the other submission."""
    options = {"journal": tmp_path / "shots.db"}
    async with Emulator() as emulator:
        async with session(emulator, **options) as runway:
            first = await runway.submit(yawn(1), key="A")
            if is_over:
                await first
            emulator.script("create", Fault.answer(200, {"id": first.id}, acts=True))
            with pytest.raises(OutcomeUnknownError, match="belongs to the submission 'A'"):
                await runway.submit(yawn(2), key="B")
        for _ in range(2):
            async with session(emulator, **options) as runway:
                assert [entry.key for entry in await runway.in_doubt()] == ["B"]
                assert not await runway.resume()
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["A.mp4"]
    assert emulator.creates.received == 2


async def test_a_delivered_task_is_known_as_the_journal_has_it(session: Any, tmp_path: Path) -> None:
    """A shot that an earlier run has delivered says when, without a request."""
    journal = tmp_path / "shots.db"
    async with Emulator() as emulator:
        async with session(emulator, journal=journal) as runway:
            await (await runway.submit(yawn(1), key="A"))
        requests = len(emulator.requests)
        async with session(emulator, journal=journal) as runway:
            handle = await runway.submit(yawn(1), key="A")
            assert (await handle.wait()).status is TaskStatus.SUCCEEDED
    [entry] = Journal.read(journal)
    assert handle.task is not None
    assert handle.task.delivered_at is not None
    assert handle.task.delivered_at.timestamp() == pytest.approx(entry.delivered_at)
    assert len(emulator.requests) == requests


async def test_a_map_yields_the_doubt(session: Any, tmp_path: Path) -> None:
    """Each of two shots with one id is yielded once: the second as failed."""
    async with raw_server(
        lambda request: http({"id": "one"}) if request.method == "POST" else succeeded(request)
    ) as server:
        async with Session(KEY, base_url=server.base_url, output_dir=None, max_creates=1) as runway:
            ended = {handle.key: handle async for handle in runway.map([Shot("A", yawn(1)), Shot("B", yawn(2))])}
    assert ended["A"].exception() is None
    assert isinstance(ended["B"].exception(), OutcomeUnknownError)


async def test_what_is_resubmitted_may_be_answered_with_its_own_id(session: Any, tmp_path: Path) -> None:
    """A gateway that knows a repeated submission gives the id that it had: that is the same task."""
    async with Emulator() as emulator, session(emulator, journal=tmp_path / "shots.db") as runway:
        first = await runway.submit(yawn(extra="[fail INTERNAL]"), key="A")
        with pytest.raises(TaskFailedError):
            await first
        emulator.script("create", Fault.answer(200, {"id": first.id}, acts=True))
        again = await runway.resubmit("A")
        assert again.id == first.id


async def test_a_task_is_taken_up_by_its_token(session: Any) -> None:
    """After a deadline, a second session attaches by the error's token and delivers, without a second create."""
    async with Emulator(duration=500) as emulator:
        async with session(emulator, poll=PollPolicy(deadline=60)) as runway:
            handle = await runway.submit(yawn(), key="long")
            with pytest.raises(TaskTimeoutError) as caught:
                await handle
        error = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
        async with session(emulator) as runway:
            [asset] = await runway.attach(error.token)
    assert asset.path.name == "long.mp4"
    assert emulator.creates.received == 1


async def test_a_task_is_taken_up_by_its_id_and_route(session: Any) -> None:
    """An id from another tool is attached with its route."""
    async with Emulator(not_exist_seconds=0) as emulator, session(emulator) as runway:
        task_id = (await runway.submit(ALL_ROUTES[5])).id
        async with session(emulator) as other:
            assert await other.attach(task_id, route="pro_generate")


async def test_attaching_twice_polls_once(session: Any) -> None:
    """Two handles on one task share its polls."""
    async with Emulator(duration=100) as emulator, session(emulator) as runway:
        handle = await runway.submit(yawn())
        again = runway.attach(handle.token)
        assert await again == await handle
    assert len(emulator.requests_of("asset")) == 1


async def test_a_bare_id_needs_a_route(session: Any) -> None:
    """attach() of something that is neither a token nor comes with a route says what is missing."""
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(ValueError, match="route"):
            runway.attach("d0658ae1-bbdd-4adc-aaba-fd8070e14d79")
        with pytest.raises(ValueError, match="route"):
            runway.attach("d0658ae1", route="image_to_vdieo")


OTHER = Provider(name="other", origin="https://other.example", key_variable="OTHER_KEY")


async def test_a_token_of_another_provider_is_refused(session: Any) -> None:
    """Its task is asked for nowhere else; a token that names no provider is CometAPI's, as all earlier ones are."""
    async with Emulator() as emulator:
        async with session(emulator, provider=OTHER) as there:
            handle = await there.submit(yawn())
            assert there.attach(handle.token).id == handle.id
            with pytest.raises(ValueError, match=r"belongs to cometapi, .* uses other: .*provider='cometapi'"):
                there.attach(TaskReference(id="t1", route="image_to_video").to_token())
        async with session(emulator) as here:
            with pytest.raises(ValueError, match=r"belongs to other, .* uses cometapi: .*provider='other'"):
                here.attach(handle.token)
            assert here.attach("crt1.WyJ0MSIsImltYWdlX3RvX3ZpZGVvIixudWxsLG51bGxd").provider == "cometapi"


async def test_a_journal_says_whose_its_tasks_are(session: Any, tmp_path: Path) -> None:
    """What is owed by one provider is asked for at no other, which buys nothing in its place; what is on disk is."""
    told: list[Event] = []
    async with Emulator(duration=50) as emulator:

        def opened(**options: Any) -> Session:
            made: Session = session(emulator, journal=tmp_path / "shots.db", on_event=told.append, **options)
            return made

        with pytest.raises(KeyError):
            async with opened(provider=OTHER) as there:
                await there.submit(yawn(1), key="A")
                raise KeyError
        assert {event.provider for event in told} == {"other"}
        async with opened() as here:
            for handle in (*await here.resume(), await here.submit(yawn(1), key="A")):
                with pytest.raises(JournalError, match=r"'A' belongs to other, .*use Session\(provider='other'\) "):
                    await handle
        async with opened(provider=OTHER) as there:
            [[made]] = [await handle for handle in await there.resume()]
        async with opened() as here:
            [known] = await (await here.submit(yawn(1), key="A"))
            assert (known.path, known.sha256) == (made.path, made.sha256)
        assert emulator.creates.received == 1
    [entry] = Journal.read(tmp_path / "shots.db")
    assert (entry.provider, entry.state) == ("other", State.DELIVERED)


async def test_a_submission_is_ended_where_it_was_made(session: Any, tmp_path: Path) -> None:
    """A doubt at one provider is not ended at another; what was refused may be submitted anywhere."""
    journal = tmp_path / "shots.db"
    async with Emulator() as emulator:
        emulator.script("create", Fault.drop_after(), Fault.answer(400))
        async with session(emulator, provider=OTHER, journal=journal) as there:
            with pytest.raises(OutcomeUnknownError):
                await there.submit(yawn(1), key="doubt")
            with pytest.raises(APIError):
                await there.submit(yawn(2), key="refused")
        async with session(emulator, journal=journal) as here:
            for ending in (here.resolve("doubt", task_id="t1"), here.resubmit("doubt")):
                with pytest.raises(JournalError, match="'doubt' belongs to other"):
                    await ending
            await (await here.submit(yawn(2), key="refused"))
        async with session(emulator, provider=OTHER, journal=journal) as there:
            await (await there.resubmit("doubt"))
    assert {entry.key: entry.provider for entry in Journal.read(journal)} == {"doubt": "other", "refused": "cometapi"}


async def test_a_pruned_submission_is_still_its_providers(session: Any, tmp_path: Path) -> None:
    """Its files are gone, and it is not asked for elsewhere."""
    journal = tmp_path / "shots.db"
    async with Emulator() as emulator:
        async with session(emulator, provider=OTHER, journal=journal) as there:
            [asset] = await (await there.submit(yawn(1), key="A"))
        async with Journal(journal) as opened:
            pruned = [await opened.prune(delivered_before=datetime.now(UTC)) for _ in range(2)]
        assert [done.pruned for done in pruned] == [1, 0]
        asset.path.unlink()
        async with session(emulator, journal=journal) as here:
            with pytest.raises(JournalError, match="'A' belongs to other"):
                await (await here.submit(yawn(1), key="A"))
    [entry] = Journal.read(journal)
    assert (entry.is_pruned, entry.provider) == (True, "other")


async def test_a_raw_request_is_polled_recorded_and_delivered(session: Any, tmp_path: Path) -> None:
    """As any other: under its key it is never bought twice, and it is taken up by its token and from the journal."""
    raw = RawRequest(route="image_to_video", fields={"model": "gen4_turbo", "promptImage": CAT})
    async with Emulator() as emulator:
        for _ in range(2):
            async with session(emulator, journal=tmp_path / "shots.db") as runway:
                handle = await runway.submit(raw, key="A")
                [asset] = await handle
        async with session(emulator, output_dir=tmp_path / "again") as runway:
            [again] = await runway.attach(handle.token)
        assert emulator.creates.received == 1
    [entry] = Journal.read(tmp_path / "shots.db")
    assert (entry.state, entry.request["fields"]) == (State.DELIVERED, raw.fields)
    assert asset.path.read_bytes() == again.path.read_bytes()
