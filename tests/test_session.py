"""The session, end to end on virtual time: real sockets, real files, and an emulator as the other side."""

import asyncio
import hashlib
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import nullcontext
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cometrunway import (
    Event,
    EventKind,
    ImageToVideo,
    OutcomeUnknownError,
    PollPolicy,
    Session,
    Shot,
    Task,
    TaskHandle,
    TaskStatus,
    TaskTimeoutError,
    errors,
)
from cometrunway.emulator import Emulator, Fault, Faults
from tests.samples import ALL_ROUTES, PNG, yawn


@pytest.fixture
def session(tmp_path: Path) -> Callable[..., Session]:
    """Return a maker of sessions on an emulator, whose files go to a fresh folder."""

    def make(emulator: Emulator, **options: Any) -> Session:
        options.setdefault("output_dir", tmp_path / "out")
        return Session(emulator.api_key, base_url=emulator.base_url, **options)

    return make


@pytest.mark.parametrize("dialect", ["flat", "wrapped", "wrapped_plus", "bare", "duomi", "kling", "luma"])
async def test_every_route_delivers_in_every_dialect(session: Any, dialect: Any) -> None:
    """Whatever the generation of the gateway, each route's request becomes a whole file."""
    async with Emulator(dialect=dialect) as emulator, session(emulator) as runway:
        handles = [await runway.submit(request) for request in ALL_ROUTES]
        for handle in handles:
            [asset] = await handle
            assert asset.path.stat().st_size == asset.size
            assert hashlib.sha256(asset.path.read_bytes()).hexdigest() == asset.sha256
            assert asset.path.suffix == {"image/png": ".png", "video/mp4": ".mp4"}[asset.media_type]
    assert emulator.creates.accepted == len(ALL_ROUTES)
    assert not emulator.creates.repeats
    assert not emulator.leaked_credentials


async def test_a_file_is_named_after_its_key_or_its_task(session: Any, tmp_path: Path) -> None:
    """The name comes from the key, else from the task's id, and never from the URL."""
    async with Emulator() as emulator, session(emulator) as runway:
        keyed = await runway.submit(yawn(1), key="shot 1/final")
        bare = await runway.submit(yawn(2))
        [first], [second] = await keyed, await bare
    assert first.path.parent == second.path.parent == tmp_path / "out"
    assert first.path.name.startswith("shot_1_final-")
    assert second.path.name == f"{bare.id}.mp4"


@pytest.mark.parametrize("item", [{"route": "image_to_video"}, "a cat", ("key", 1), None])
async def test_what_is_no_request_harms_nobody(session: Any, item: Any) -> None:
    """One wrong item of a batch comes as a handle that says what is wrong; the others are delivered."""
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(TypeError, match="request_from_dict"):
            await runway.submit(item)
        handles = [handle async for handle in runway.map([yawn(1), item, yawn(2)])]
        outcomes = [handle.exception() for handle in handles]
    assert sum(isinstance(outcome, TypeError) for outcome in outcomes) == 1
    assert emulator.creates.accepted == 2


def test_a_shot_is_a_key_and_a_request() -> None:
    """What could only fail once it is paid for is refused as it is made."""
    with pytest.raises(ValueError, match="key"):
        Shot(1, yawn())  # type: ignore[arg-type]  # the point
    with pytest.raises(TypeError, match="request"):
        Shot("1", {"route": "image_to_video"})  # type: ignore[arg-type]  # the point


async def test_a_folder_that_cannot_be_is_known_before_anything_is_paid(session: Any, tmp_path: Path) -> None:
    """A file in the place of output_dir stops the session as it opens."""
    (tmp_path / "out").touch()
    async with Emulator() as emulator:
        with pytest.raises(ValueError, match="output_dir"):
            await session(emulator).__aenter__()


async def test_a_handle_of_a_session_that_was_left_says_how_to_go_on(session: Any) -> None:
    """Awaiting what was still running when the block failed raises the error with the token."""
    async with Emulator(duration=1000) as emulator:
        with pytest.raises(KeyError):
            async with session(emulator) as runway:
                handle = await runway.submit(yawn(), key="shot")
                raise KeyError
        with pytest.raises(TaskTimeoutError, match="attach") as caught:
            await handle
    assert caught.value.token == handle.token


@pytest.mark.parametrize("key", ["", "\ud800", "x" * 501, 7])
async def test_a_key_is_text(session: Any, key: Any) -> None:
    """A key that could not be written down is refused before anything is sent."""
    async with Emulator() as emulator, session(emulator) as runway:
        with pytest.raises(ValueError, match="key"):
            await runway.submit(yawn(), key=key)
    assert not emulator.creates.received


async def test_a_failed_task_raises_its_reason(session: Any) -> None:
    """A task that the server gives up raises, with the code, and wait() still returns it."""
    async with Emulator() as emulator, session(emulator) as runway:
        handle = await runway.submit(yawn(extra="[fail SAFETY.INPUT.TEXT]"))
        with pytest.raises(errors.ModerationError) as caught:
            await handle
        assert (await handle.wait()).status is TaskStatus.FAILED
    assert caught.value.task.failure is not None
    assert caught.value.task.failure.code == "SAFETY.INPUT.TEXT"
    assert handle.id in str(caught.value)


async def test_an_unopened_session_says_how_to_open_it() -> None:
    """Used outside `async with`, a session is an error with the cure in it."""
    with pytest.raises(RuntimeError, match="async with"):
        await Session("sk-x").submit(yawn())


def test_a_session_without_a_key_says_where_keys_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key anywhere is an error before anything is sent."""
    monkeypatch.delenv("COMETAPI_KEY", raising=False)
    with pytest.raises(ValueError, match="COMETAPI_KEY"):
        Session()


@pytest.mark.parametrize(
    "url",
    [
        "api.cometapi.com",
        "http://api.cometapi.com",
        "ftp://x",
        "https://u:p@x",
        "https://x/v1",
        "http://127.0.0.1:99999",
        "",
    ],
)
def test_a_bad_base_url_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base URL that is none, or would send the key in the clear, is an error; an empty one is the default."""
    monkeypatch.delenv("COMETRUNWAY_BASE_URL", raising=False)
    if url:
        with pytest.raises(ValueError, match="base_url"):
            Session("sk-x", base_url=url)
    else:
        Session("sk-x", base_url=url)


@pytest.mark.parametrize("options", [{"max_in_flight": 0}, {"max_creates": 0}, {"max_in_flight": True}])
def test_limits_are_whole_numbers(options: dict[str, int]) -> None:
    """A limit that would let nothing through is refused by name."""
    with pytest.raises(ValueError, match=next(iter(options))):
        Session("sk-x", **options)  # type: ignore[arg-type]  # a bool is an int to mypy


@pytest.mark.parametrize("key", ["sk x", "sk-é", "sk-\n-x"])
def test_a_mangled_key_is_refused(key: str) -> None:
    """A key with spaces or strange characters is refused, and is not in the message."""
    with pytest.raises(ValueError, match="characters") as caught:
        Session(key)
    assert key not in str(caught.value)


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


async def test_a_users_error_leaves_the_block_bare(session: Any) -> None:
    """A KeyError in the block leaves as that KeyError, and what is owed is known."""
    async with Emulator(duration=1000) as emulator:
        runway = session(emulator)
        with pytest.raises(KeyError, match="mine"):
            async with runway:
                handle = await runway.submit(yawn())
                raise KeyError("mine")
    assert [owed.id for owed in runway.owed] == [handle.id]


async def test_a_cancelled_submit_loses_no_id(session: Any) -> None:
    """Who gives up on submit() does not stop the create: its task is waited for and its file comes home."""
    async with Emulator() as emulator, session(emulator) as runway:
        emulator.script("create", Fault.slow(30))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await runway.submit(yawn(), key="kept")
        assert emulator.creates.received == 1
    assert len(list(runway._output_dir.glob("kept.mp4"))) == 1


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


async def test_one_odd_url_harms_nobody(session: Any) -> None:
    """An output whose host cannot be looked up fails its own task; creates under way and other tasks go on."""
    async with Emulator(not_exist_seconds=0) as emulator, session(emulator) as runway:
        odd = await runway.submit(yawn(0))
        body = {"id": odd.id, "status": "SUCCEEDED", "output": ["http://a..b/x.mp4"]}
        emulator.script("poll", Fault.answer(200, body))
        with pytest.raises(errors.DownloadError):
            await odd
        assert await (await runway.submit(yawn(1)))
    assert [owed.id for owed in runway.owed] == [odd.id]


async def test_a_borrowed_connection_that_raises_for_status_changes_nothing(session: Any) -> None:
    """A refusal is a refusal, and a 429 is repeated, whatever the borrowed session makes of statuses."""
    async with Emulator() as emulator, aiohttp.ClientSession(raise_for_status=True) as http:
        async with session(emulator, http=http) as runway:
            emulator.script("create", Fault.rate_limited(), Fault.answer(400))
            with pytest.raises(errors.InvalidRequestError):
                await runway.submit(yawn())


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


async def test_looks_that_are_never_answered_are_given_up(session: Any) -> None:
    """After thirty seconds each of them has failed, whenever it began, and its task is looked at again."""
    failed: list[tuple[float, str]] = []

    def observe(event: Event) -> None:
        if event.kind is EventKind.POLL_FAILED:
            failed.append((asyncio.get_running_loop().time(), str(event.error)))

    at_five = PollPolicy(rule="fixed", first=5)
    async with Emulator(duration=60) as emulator, session(emulator, poll=at_five, on_event=observe) as runway:
        emulator.script("poll", Fault.ok(), Fault.silent(), Fault.silent())
        began, handles = asyncio.get_running_loop().time(), []
        for number in range(3):
            handles.append(await runway.submit(yawn(number)))
            await asyncio.sleep(2)
        await asyncio.gather(*handles)
    assert [when - began for when, _ in failed] == pytest.approx([7 + 30, 9 + 30], abs=1)
    assert all("no answer in time" in told for _, told in failed)


async def test_the_servers_echo_of_the_key_is_not_shown(session: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A key that the server repeats is in no error and no log."""
    async with Emulator(api_key="sk-canary-123") as emulator, session(emulator) as runway:
        emulator.script("create", Fault.answer(401, {"error": {"message": "wrong key sk-canary-123"}}))
        with pytest.raises(errors.AuthenticationError) as caught:
            await runway.submit(yawn())
    assert "canary" not in f"{caught.value!r} {caught.value.body!r} {caplog.text}"


async def test_an_answer_that_is_too_large_does_not_show_the_key(session: Any) -> None:
    """The beginning of a body that was refused for its size is kept without the key."""
    async with Emulator() as emulator, session(emulator) as runway:
        echo = f"wrong key {emulator.api_key}"
        emulator.script("create", Fault.answer(200, {"error": echo, "filler": " " * 2**20}))
        with pytest.raises(errors.OutcomeUnknownError) as caught:
            await runway.submit(yawn())
    too_large = caught.value.__cause__
    assert isinstance(too_large, errors.ProtocolError)
    assert b"wrong key ***" in too_large.body


async def test_two_creates_with_one_id_are_one_task(session: Any) -> None:
    """A server that answers two creates with the same id leaves no waiter hanging."""
    async with Emulator() as emulator, session(emulator) as runway:
        first = await runway.submit(yawn(1))
        emulator.script("create", Fault.answer(200, {"id": first.id}, acts=True))
        second = await runway.submit(yawn(2))
        assert await first == await second


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
            with pytest.raises(RuntimeError, match="left"):
                await reading


async def _read_slowly(handles: AsyncIterator[TaskHandle]) -> None:
    async for _ in handles:
        await asyncio.sleep(100)


async def test_leaving_the_block_reaches_whoever_waits_for_a_place(session: Any) -> None:
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
    assert all(isinstance(outcome, RuntimeError) and "left" in str(outcome) for outcome in outcomes)
    assert emulator.creates.received == 1


async def test_who_waited_in_a_session_that_was_left_buys_nothing_in_the_next(session: Any) -> None:
    """A Session may be opened again, and then owes nothing to those who waited for a place in it before."""
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
    assert all("left" in str(outcome) for outcome in outcomes[1:])


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


async def test_nothing_is_taken_up_in_a_session_that_is_left(session: Any) -> None:
    """Another task's submit or attach that comes as the block ends is an error, and nothing is bought."""
    async with Emulator(duration=5) as emulator:
        for steps in range(60):
            async with session(emulator) as runway:
                handle = await runway.submit(yawn(steps))
                late = asyncio.ensure_future(_when_done(handle, steps, partial(runway.submit, yawn(1000 + steps))))
            outcome = (await asyncio.gather(late, return_exceptions=True))[0]
            assert isinstance(outcome, TaskHandle | RuntimeError)
            assert not isinstance(outcome, TaskHandle) or outcome.done()


async def _when_done(handle: TaskHandle, steps: int, act: Callable[[], Any]) -> Any:
    await handle
    for _ in range(steps):
        await asyncio.sleep(0)
    return await act()


async def test_submit_waits_for_a_place(session: Any) -> None:
    """With max_in_flight=3 there are never more than three unfinished tasks."""
    async with Emulator(duration=20) as emulator, session(emulator, max_in_flight=3) as runway:
        for number in range(12):
            await runway.submit(yawn(number))
            now = asyncio.get_running_loop().time()
            assert sum(task.completed_at > now for task in emulator.tasks.values()) <= 3
    assert emulator.creates.accepted == 12


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


async def test_a_budget_is_never_exceeded(session: Any) -> None:
    """With budget=5 an endless batch buys five and then ends with the reason, also if the session is opened anew."""
    outcomes = []
    async with Emulator() as emulator:
        runway = session(emulator, budget=5)
        async with runway:
            with pytest.raises(errors.BudgetError, match="budget of 5"):
                async for handle in runway.map(yawn(number) for number in count()):
                    outcomes.append(handle.exception())
        async with runway:
            with pytest.raises(errors.BudgetError, match="budget of 5"):
                await runway.submit(yawn(-1))
    assert sum(outcome is None for outcome in outcomes) == 5
    assert all(outcome is None or isinstance(outcome, errors.BudgetError) for outcome in outcomes)
    assert emulator.creates.received == 5


async def test_what_is_stopped_buys_nothing_more(session: Any) -> None:
    """After stop_submitting not even a create that was refused for the moment is sent again; the others come home."""
    events: list[Event] = []
    async with Emulator(duration=10) as emulator, session(emulator, on_event=events.append) as runway:
        bought = await runway.submit(yawn(1))
        emulator.script("create", *[Fault.rate_limited(5)] * 3)
        late = [asyncio.ensure_future(runway.submit(yawn(number))) for number in (2, 3, 4)]
        await asyncio.sleep(1)
        runway.stop_submitting()
        outcomes = await asyncio.gather(*late, return_exceptions=True)
        assert all(isinstance(outcome, errors.BudgetError) for outcome in outcomes)
        assert [asset.path.exists() for asset in await bought] == [True]
    assert emulator.creates.accepted == 1
    assert sum(event.kind is EventKind.REFUSED for event in events) == 3


async def test_a_local_file_that_vanishes_harms_only_its_own_submission(session: Any, tmp_path: Path) -> None:
    """What cannot be read any more is a ValueError for whoever submits it, an event, and nothing else."""
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


async def test_a_refusal_costs_nothing_of_the_budget(session: Any) -> None:
    """What the server refused is not counted; what is in doubt is."""
    async with Emulator() as emulator, session(emulator, budget=2) as runway:
        emulator.script("create", Fault.answer(400), Fault.ok(), Fault.drop_after())
        with pytest.raises(errors.InvalidRequestError):
            await runway.submit(yawn(1))
        await runway.submit(yawn(2))
        with pytest.raises(OutcomeUnknownError):
            await runway.submit(yawn(3))
        with pytest.raises(errors.BudgetError):
            await runway.submit(yawn(4))


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{route}/{key}", "image_to_video/a_b-c14cddc0.mp4"),
        ("{number}/{id}", "1/ID.mp4"),
        ("batch {key}", "batch a_b-c14cddc0.mp4"),
    ],
)
async def test_a_template_names_the_files(session: Any, tmp_path: Path, template: str, name: str) -> None:
    """Its fields are filled in harmlessly, and its slashes are folders."""
    async with Emulator() as emulator, session(emulator, template=template) as runway:
        handle = await runway.submit(yawn(), key="a/b")
        [asset] = await handle
    assert asset.path == tmp_path / "out" / name.replace("ID", handle.id)


@pytest.mark.parametrize("budget", [-1, 1.5, True, "5"])
def test_a_wrong_budget_is_refused(budget: Any) -> None:
    """A budget is a whole number of creates, or None."""
    with pytest.raises(ValueError, match="budget"):
        Session("sk-x", budget=budget)


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
    """Two handles on one task share its looks."""
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


async def test_retrieve_looks_once(session: Any) -> None:
    """retrieve() gives the task as it is now, and an unknown id is TaskNotFoundError at once."""
    async with Emulator(not_exist_seconds=0) as emulator, session(emulator) as runway:
        handle = await runway.submit(yawn())
        assert isinstance(await runway.retrieve(handle.id), Task)
        with pytest.raises(errors.TaskNotFoundError, match="nope"):
            await runway.retrieve("nope")


@pytest.mark.parametrize("form", ["200", "400", "404", "status", "duomi"])
async def test_a_young_task_may_be_unknown_in_every_form(session: Any, form: Any) -> None:
    """task_not_exist in any of its wire forms loses no wait while the task is young."""
    async with Emulator(not_exist_seconds=3, not_exist_form=form) as emulator:
        async with session(emulator, poll=PollPolicy(first=0.5, floor=0.2)) as runway:
            handles = [await runway.submit(request) for request in ALL_ROUTES]
            for handle in handles:
                assert await handle


async def test_without_a_folder_assets_are_urls(session: Any, tmp_path: Path) -> None:
    """With output_dir=None nothing is downloaded until download() is asked to, to exactly the path given."""
    async with Emulator() as emulator, session(emulator, output_dir=None) as runway:
        [asset] = await (await runway.submit(yawn()))
        assert asset.path is None
        assert not emulator.requests_of("asset")
        fetched = await runway.download(asset, tmp_path / "deep" / "clip.bin")
        assert fetched.path == tmp_path / "deep" / "clip.bin"
        with pytest.raises(FileExistsError):
            await runway.download(asset, fetched.path)


async def test_a_borrowed_connection_is_left_open(session: Any) -> None:
    """http= is used for API calls, never for assets, and is not closed."""
    async with Emulator() as emulator, aiohttp.ClientSession(headers={"User-Agent": "mine"}) as http:
        async with session(emulator, http=http) as runway:
            await (await runway.submit(yawn()))
        assert not http.closed
        agents = {entry.operation: entry.headers["user-agent"] for entry in emulator.requests}
    assert agents["create"] == agents["poll"] == "mine"
    assert agents["asset"] != "mine"


async def test_a_success_without_output_is_told_apart(session: Any) -> None:
    """SUCCEEDED with no URL anywhere is a ProtocolError that carries the body."""
    async with Emulator(not_exist_seconds=0) as emulator, session(emulator) as runway:
        handle = await runway.submit(yawn())
        emulator.script("poll", Fault.answer(200, {"id": handle.id, "status": "SUCCEEDED", "output": []}))
        with pytest.raises(errors.ProtocolError, match="no output") as caught:
            await handle
    assert b"SUCCEEDED" in caught.value.body
    assert caught.value.token == handle.token


async def test_an_observer_that_raises_harms_nobody(session: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An error in on_event is logged, and the batch goes on."""

    def broken(_event: Event) -> None:
        raise KeyError("mine")

    async with Emulator() as emulator, session(emulator, on_event=broken) as runway:
        assert await (await runway.submit(yawn()))
    assert "on_event failed" in caplog.text


def test_two_runs_of_one_session(session: Any, tmp_path: Path) -> None:
    """A second asyncio.run with a Session of the same settings works."""

    async def once(number: int) -> None:
        async with Emulator(duration=0, not_exist_seconds=0) as emulator:
            async with session(emulator, poll=PollPolicy(first=0.1, floor=0.1)) as runway:
                await (await runway.submit(yawn(number), key=str(number)))

    for number in range(2):
        asyncio.run(once(number))
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize(
    "faults",
    [
        Faults(poll={Fault.bad_gateway(): 0.3}),
        Faults(poll={Fault.bad_gateway(): 0.02, Fault.drop_before(reset=True): 0.01}),
        Faults(poll={Fault.rate_limited(2): 0.2}),
        Faults(asset={Fault.cut(): 0.2, Fault.unframed(): 0.1, Fault.short(): 0.1, Fault.html(): 0.1}),
    ],
    ids=["30 % 502", "2 % 502, 1 % reset", "20 % 429", "bad downloads"],
)
async def test_no_wait_is_lost(session: Any, faults: Faults) -> None:
    """A hundred waits under faults that make other clients lose up to all of theirs: none is lost."""
    async with Emulator(faults=faults, duration=40) as emulator, session(emulator) as runway:
        handles = [await runway.submit(yawn(number)) for number in range(100)]
        for handle in handles:
            [asset] = await handle
            assert asset.path.exists()
    assert emulator.creates.accepted == 100


@pytest.mark.parametrize("refreshes", [True, False])
async def test_an_expired_url_is_asked_for_afresh_once(session: Any, refreshes: bool) -> None:
    """When the URL has expired the task is looked at again for a fresh one; where there is none, that is the error."""
    async with Emulator(refresh_urls=refreshes) as emulator:

        def expire(event: Event) -> None:
            if event.kind is EventKind.ENDED:
                emulator.expire_assets()

        async with session(emulator, on_event=expire) as runway:
            outcome = (await asyncio.gather(await runway.submit(yawn()), return_exceptions=True))[0]
    assert isinstance(outcome, tuple if refreshes else errors.AssetExpiredError)
    assert len(emulator.requests_of("asset")) == (2 if refreshes else 1)
