"""A batch in one session: what is taken, in flight, and yielded."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Entry, ImageToVideo, Journal, RawRequest, Session, Shot, TaskHandle, errors
from cometrunway.emulator import Emulator, Fault
from tests.samples import CAT, yawn

WRONG_ITEMS = [
    ("a cat", "the text 'a cat': a prompt is a field"),
    (("key", yawn()), r"a tuple: write Shot\(key, request\)"),
    (ImageToVideo, r"the class ImageToVideo: write ImageToVideo\(...\)"),
    (None, "NoneType"),
]


@pytest.mark.parametrize(("item", "cure"), WRONG_ITEMS)
async def test_a_wrong_item_of_a_list_is_raised_before_anything_is_sent(session: Any, item: Any, cure: str) -> None:
    """The mistake is raised where it was made, with the place of the item and the cure."""
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(TypeError, match=f"item 1 of map .*{cure}"):
            runway.map([yawn(1), item, yawn(2)])
        with pytest.raises(TypeError, match=cure):
            await runway.submit(item)
    assert emulator.creates.received == 0


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_wrong_item_of_an_iterator_ends_the_taking(session: Any, is_async: bool) -> None:
    """What was submitted before it is delivered, nothing after it is sent, and the mistake is raised at the end."""
    items = [yawn(1), yawn(2), "a cat", yawn(3)]

    async def later() -> AsyncIterator[Any]:
        for item in items:
            yield item

    delivered = []
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(TypeError, match=r"item 2 of map .*a prompt is a field"):
            async for handle in runway.map(later() if is_async else iter(items)):
                delivered.append(await handle)
    assert len(delivered) == emulator.creates.received == 2


@pytest.mark.parametrize(
    ("requests", "cure"),
    [
        ("a cat", "the text 'a cat'"),
        (yawn(), "one ImageToVideo: put it into a list"),
        (Shot("key", yawn()), "one Shot: put it into a list"),
        ({"key": yawn()}, r"write \[Shot\(key, request\)"),
        (lambda: [yawn()], "the function <lambda>: call it"),
        (None, "NoneType"),
        (3, "int"),
    ],
)
async def test_what_is_no_iterable_of_requests_is_raised_at_once(session: Any, requests: Any, cure: str) -> None:
    """Nothing waits for the batch to be read."""
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(TypeError, match=cure):
            runway.map(requests)


async def test_wrong_options_of_a_map_are_raised_at_once(session: Any, tmp_path: Path) -> None:
    """A number is no budget, and what is asked of the journal needs one."""
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(TypeError, match=r"budget must be a Budget, such as Budget\(creates=3\)"):
            runway.map([yawn()], budget=3)
        with pytest.raises(TypeError, match="budget must be a Budget"):
            await runway.submit(yawn(), budget=3)
        with pytest.raises(errors.JournalRequiredError, match="needs a journal"):
            runway.map([yawn()], resubmit=lambda _entry: True)
        async with session(emulator, journal=tmp_path / "shots.db") as other:
            with pytest.raises(TypeError, match="resubmit must be a function"):
                other.map([yawn()], resubmit=True)
    assert emulator.creates.received == 0


async def test_a_wrong_row_of_a_list_is_told_before_anything_is_sent(session: Any) -> None:
    """A list is checked whole; a row of an iterator harms only its handle."""
    rows = [{"route": "image_to_video", "key": "a", "prompt_image": CAT}, {"route": "image_to_video", "key": "b"}]
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(ValueError, match=r"row 1: .*prompt_image: required"):
            runway.map(rows)
        assert emulator.creates.received == 0
        right, wrong = await runway.map(iter(rows))
        assert right.key == "a"
        assert isinstance(wrong.exception(), ValueError)


async def test_a_list_has_one_request_under_each_key(session: Any) -> None:
    """Another one is a mistake where the list is given; of an iterator, the handle of the second tells it."""
    twice = [Shot("cat", yawn(1)), Shot("dog", yawn(3)), yawn(4), Shot("cat", yawn(2))]
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(ValueError, match=r"items 0 and 3 of map are different requests .* key 'cat'.*nothing was"):
            runway.map(twice)
        handles = await runway.map(iter(twice))
    assert emulator.creates.received == 3
    assert isinstance(handles[3].exception(), errors.KeyConflictError)


async def test_a_map_that_is_no_longer_read_keeps_no_session_open(session: Any) -> None:
    """The block ends although a map was left half read."""
    async with Emulator() as emulator:
        async with session(emulator, max_in_flight=2) as runway:
            kept = runway.map([yawn(number) for number in range(10)])
            await anext(kept)
        await kept.aclose()


@pytest.mark.parametrize("fails", [True, False])
async def test_a_map_that_another_task_reads_ends_with_the_session(session: Any, fails: bool) -> None:
    """It says that its input was not taken whole, even where a create is still unanswered."""
    async with Emulator() as emulator:
        if fails:
            emulator.script("create", Fault.silent())
        with pytest.raises(KeyError) if fails else nullcontext():
            async with session(emulator, max_in_flight=2) as runway:
                reading = asyncio.ensure_future(_read_slowly(runway.map([yawn(number) for number in range(10)])))
                await asyncio.sleep(1)
                if fails:
                    raise KeyError
        async with asyncio.timeout(1000):
            with pytest.raises(RuntimeError, match="closed"):
                await reading


async def _read_slowly(handles: AsyncIterator[TaskHandle]) -> None:
    async for _ in handles:
        await asyncio.sleep(100)


async def test_leaving_the_block_ends_the_wait_for_a_place(session: Any) -> None:
    """A submit that waits for a place which a map's unanswered create holds is told that the session was left."""
    async with Emulator() as emulator:
        emulator.script("create", Fault.silent())
        with pytest.raises(KeyError):
            async with session(emulator, max_in_flight=1) as runway:
                reading = asyncio.ensure_future(_read_slowly(runway.map([yawn(0)])))
                await asyncio.sleep(1)
                waiting = asyncio.ensure_future(runway.submit(yawn(1)))
                await asyncio.sleep(1)
                raise KeyError
        async with asyncio.timeout(1000):
            outcomes = await asyncio.gather(reading, waiting, return_exceptions=True)
    assert all(isinstance(outcome, RuntimeError) and "closed" in str(outcome) for outcome in outcomes)
    assert emulator.creates.received == 1


async def test_a_pointless_refusal_ends_a_map_that_waits_for_input(session: Any) -> None:
    """A wrong key ends a map whose input has nothing more to give for now."""

    async def queue() -> AsyncIterator[ImageToVideo]:
        yield yawn()
        await asyncio.sleep(1e6)

    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", Fault.answer(401))
        with pytest.raises(errors.AuthenticationError):
            async for _ in runway.map(queue()):
                pass
    assert asyncio.get_running_loop().time() < 1e5


@pytest.mark.parametrize("is_list", [True, False], ids=["list", "iterator"])
async def test_a_batch_without_a_journal_pays_for_no_file_that_is_there(
    session: Any, tmp_path: Path, is_list: bool
) -> None:
    """A key whose file an earlier run has left ends the taking, and nothing from this key on is sent."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.mp4").touch()
    shots = [yawn(1), Shot("new", yawn(2)), Shot("old", yawn(3)), Shot("late", yawn(4))]
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(errors.KeyUsedError) as caught:
            await runway.map(shots if is_list else iter(shots))
    assert caught.value.keys == ("old",)
    assert emulator.creates.received == (0 if is_list else 2)


async def test_map_yields_in_the_order_of_the_ends(session: Any) -> None:
    """Handles come as their tasks end, whatever the order of the requests."""
    shots = [Shot(str(seconds), yawn(extra=f"[seconds {seconds}]")) for seconds in (90, 60, 30)]
    async with Emulator() as emulator, session(emulator) as runway:
        keys = [handle.key async for handle in runway.map(shots)]
    assert keys == ["30", "60", "90"]


async def test_map_takes_an_endless_input(session: Any) -> None:
    """Only a window of an endless input is taken, and leaving the loop stops the taking."""
    taken = 0

    def endless() -> Iterator[ImageToVideo]:
        nonlocal taken
        while True:
            taken += 1
            yield yawn(taken)

    async with Emulator(duration=10) as emulator, session(emulator, max_in_flight=5) as runway:
        handles = runway.map(endless())
        ended = [await anext(handles) for _ in range(20)]
        await handles.aclose()
    assert len(ended) == 20
    assert taken <= 27
    assert emulator.creates.accepted <= 26


async def test_map_takes_no_more_than_it_can_submit_at_once(session: Any) -> None:
    """An input that ends early, because its owner said stop, ends the buying at that very moment."""
    wanted = True

    def until_stopped() -> Iterator[ImageToVideo]:
        number = 0
        while wanted:
            number += 1
            yield yawn(number)

    async with Emulator(duration=10) as emulator, session(emulator, max_in_flight=5) as runway:
        handles = runway.map(until_stopped())
        await anext(handles)
        wanted, accepted = False, emulator.creates.accepted
        assert len([handle async for handle in handles]) == accepted - 1
        assert emulator.creates.accepted == accepted


async def test_a_shot_of_a_batch_is_one_task(session: Any) -> None:
    """A batch of three whose creates are unanswered has three asyncio tasks of ours more than no batch."""
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", Fault.silent(), Fault.silent(), Fault.silent())
        before = asyncio.all_tasks()
        reading = asyncio.ensure_future(_read_slowly(runway.map([yawn(number) for number in range(3)])))
        await asyncio.sleep(1)
        since = [task.get_name() for task in asyncio.all_tasks() - before]
        reading.cancel()
    assert sum(name.startswith("cometrunway") for name in since) == emulator.creates.received == 3


async def test_map_takes_an_async_input(session: Any) -> None:
    """Requests may come from an async iterable."""

    async def slowly() -> AsyncIterator[ImageToVideo]:
        for number in range(3):
            await asyncio.sleep(100)
            yield yawn(number)

    async with Emulator() as emulator, session(emulator) as runway:
        assert len([handle async for handle in runway.map(slowly())]) == 3


async def test_map_of_nothing_ends(session: Any) -> None:
    """An empty batch yields nothing and returns."""
    async with Emulator() as emulator, session(emulator) as runway:
        assert [handle async for handle in runway.map([])] == []


async def test_a_refused_request_of_a_batch_harms_only_its_handle(session: Any) -> None:
    """One refusal comes as a handle without an id; the others are delivered."""
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", Fault.ok(), Fault.answer(400), Fault.ok())
        outcomes = {}
        async for handle in runway.map([Shot(str(number), yawn(number)) for number in range(3)]):
            try:
                outcomes[handle.key] = await handle
            except errors.APIError as error:
                assert handle.id == ""
                assert handle.request == yawn(int(handle.key or ""))
                outcomes[handle.key] = error
    assert sum(isinstance(outcome, errors.APIError) for outcome in outcomes.values()) == 1
    assert len(outcomes) == 3


async def test_an_empty_balance_stops_a_batch(session: Any) -> None:
    """After the balance ran out no further shot is taken; what was paid for is delivered, then the reason is raised."""
    async with Emulator(balance=5) as emulator, session(emulator, max_creates=1) as runway:
        delivered = 0
        with pytest.raises(errors.InsufficientBalanceError):
            async for handle in runway.map([yawn(number) for number in range(1000)]):
                if handle.id:
                    await handle
                    delivered += 1
    assert delivered == 5
    assert emulator.creates.received <= 7


@pytest.mark.parametrize(("wrong_path", "answer"), [("json", errors.APIError), ("html", errors.OutcomeUnknownError)])
async def test_a_wrong_base_url_stops_a_batch(session: Any, wrong_path: Any, answer: type[Exception]) -> None:
    """An address that has accepted nothing refuses all; the error names it, and that the base URL may be wrong."""
    async with Emulator(wrong_path=wrong_path) as emulator:
        url = f"{emulator.base_url}/api"
        async with Session(emulator.api_key, base_url=url, max_creates=2, output_dir=None) as runway:
            with pytest.raises(answer, match=f"from {url}/runwayml/v1/image_to_video; is the base URL right"):
                await runway.map([yawn(number) for number in range(1000)])
    assert 1 <= len(emulator.requests) <= 4


async def test_a_path_that_is_missing_harms_only_its_shot_where_others_are_accepted(session: Any) -> None:
    """The base URL is right then. A raw request's path is the user's own, and says nothing of the base URL."""
    missing = {"error": {"message": "Invalid URL (POST /runwayml/v1/image_to_video)", "type": "invalid_request_error"}}
    async with Emulator() as emulator, session(emulator, max_creates=1) as runway:
        emulator.script("create", Fault.ok(), Fault.answer(404, missing))
        shots = [RawRequest(route="nothing_here", fields={}), yawn(1), yawn(2), yawn(3)]
        handles = await runway.map(shots)
    assert [bool(handle.id) for handle in handles] == [False, True, False, True]


async def test_an_error_of_the_input_comes_after_what_was_paid(session: Any) -> None:
    """When the user's iterable raises, everything submitted is yielded first."""

    def broken() -> Iterator[ImageToVideo]:
        yield yawn(1)
        yield yawn(2)
        raise KeyError("mine")

    ended = []
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(KeyError, match="mine"):
            async for handle in runway.map(broken()):
                ended.append(await handle)
    assert len(ended) == 2


async def test_what_failed_is_submitted_once_more_only_if_the_user_says_so(session: Any, tmp_path: Path) -> None:
    """The user is asked for each entry that has failed, and for nothing else; a budget counts it."""
    shots = [Shot("good", yawn(1)), Shot("bad", yawn(2, "[fail INTERNAL]")), Shot("unsafe", yawn(3, "[fail SAFETY]"))]
    asked: list[str | None] = []

    def resubmit(entry: Entry) -> bool:
        asked.append(entry.key)
        return bool(entry.failure and entry.failure.retryable)

    choices: list[tuple[dict[str, Any], int]] = [({}, 3), ({}, 3), ({"resubmit": resubmit}, 4)]
    async with Emulator() as emulator:
        options: dict[str, Any] = {"journal": tmp_path / "shots.db"}
        for choice, accepted in choices:
            async with session(emulator, **options) as runway:
                assert len(await runway.map(shots, **choice)) == 3
            assert emulator.creates.accepted == accepted
        assert sorted(map(str, asked)) == ["bad", "unsafe"]
        async with session(emulator, **options, budget=0) as runway:
            errors_by_key = {handle.key: handle.exception() for handle in await runway.map(shots, resubmit=resubmit)}
        assert isinstance(errors_by_key["bad"], errors.BudgetError)
        assert emulator.creates.accepted == 4
    [entry] = [entry for entry in Journal.read(tmp_path / "shots.db") if entry.key == "bad"]
    assert entry.creates == 2
    assert entry.failure is not None
