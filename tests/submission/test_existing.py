"""Tasks that exist already are taken up, each once."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from cometrunway import OutcomeUnknownError, PollPolicy, Session, Shot, TaskFailedError, TaskTimeoutError
from cometrunway.emulator import Emulator, Fault
from tests.raw import KEY, http, raw_server, succeeded
from tests.samples import ALL_ROUTES, yawn


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
            with pytest.raises(OutcomeUnknownError, match="that of the submission 'A'"):
                await runway.submit(yawn(2), key="B")
        for _ in range(2):
            async with session(emulator, **options) as runway:
                assert [entry.key for entry in await runway.in_doubt()] == ["B"]
                assert not await runway.resume()
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["A.mp4"]
    assert emulator.creates.received == 2


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
