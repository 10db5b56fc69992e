"""Creates on the wire: on which connection they go out, and what is known of one that fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any

import aiohttp
import pytest

from cometrunway import RetryPolicy, Session, errors
from tests.raw import KEY, RawRequest, RawServer, http, link, raw_server
from tests.samples import yawn

ONCE = RetryPolicy(attempts=1)


@asynccontextmanager
async def opened(
    server: RawServer, *, borrows: aiohttp.ClientSession | None = None, **options: Any
) -> AsyncIterator[Session]:
    """Open a session that downloads nothing."""
    options.setdefault("base_url", server.base_url)
    async with Session(KEY, output_dir=None, http=borrows, **options) as runway:
        yield runway


async def entries(runway: Session, state: str) -> int:
    """Return how many entries of the journal are in this state."""
    return len([None async for entry in runway._lifetime.parts.journal.entries() if entry.state.value == state])


@pytest.mark.parametrize("is_borrowed", [False, True], ids=["own", "borrowed"])
async def test_a_create_never_goes_out_on_a_connection_that_has_idled(is_borrowed: bool) -> None:
    """Of 22 creates, each about to meet a connection that the server closes meanwhile, none is in doubt."""
    pauses = Random(3)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(raw_server(idle=2.0))
        port = await stack.enter_async_context(link(server.port, 0.06))
        http = await stack.enter_async_context(aiohttp.ClientSession()) if is_borrowed else None
        runway = await stack.enter_async_context(opened(server, borrows=http, base_url=f"http://127.0.0.1:{port}"))
        for number in range(22):
            await runway.submit(yawn(number))
            await asyncio.sleep(pauses.uniform(1.8, 2.2))
    assert len(server.creates) == 22


@pytest.mark.parametrize("is_borrowed", [False, True], ids=["own", "borrowed"])
async def test_a_burst_of_creates_shares_connections(is_borrowed: bool) -> None:
    """A thousand creates at once take as many connections as may be under way, and few more."""

    def answer(request: RawRequest) -> bytes:
        return http({"id": f"task-{request.number}"}) if request.method == "POST" else http({"status": "RUNNING"})

    async with raw_server(answer) as server, aiohttp.ClientSession() as client:
        with pytest.raises(TimeoutError):
            borrowed = client if is_borrowed else None
            async with opened(server, borrows=borrowed, max_creates=16) as runway, asyncio.timeout(3):
                await asyncio.gather(*(runway.submit(yawn(number)) for number in range(1000)))
                after = server.connections
                await asyncio.sleep(10)
    assert len(server.creates) == 1000
    assert after <= 40


async def fail(*_: object) -> None:
    """Be a hook of tracing with a bug."""
    raise KeyError("a bug of the user's")


def hook(name: str) -> aiohttp.TraceConfig:
    """Return a tracing whose hook of this name raises."""
    config = aiohttp.TraceConfig()
    getattr(config, name).append(fail)
    return config


@pytest.mark.parametrize(
    "options",
    [
        {"trace_configs": [hook("on_request_start")]},
        {"trace_configs": [hook("on_connection_create_end")]},
        {"trace_configs": [hook("on_request_headers_sent")]},
        {"trace_configs": [hook("on_request_chunk_sent")]},
        {"headers": {"X-Team": "a\nb"}},
    ],
    ids=lambda options: str(next(iter(options))),
)
async def test_what_is_raised_before_the_first_byte_was_not_sent(options: dict[str, Any], tmp_path: Any) -> None:
    """Whatever a borrowed session raises before a create begins, nothing was created, and a later run may submit it."""
    async with raw_server() as server, aiohttp.ClientSession(**options) as client:
        async with opened(server, borrows=client, retry=ONCE, journal=tmp_path / "shots.db") as runway:
            with pytest.raises(errors.TransportError) as caught:
                await runway.submit(yawn())
            assert not isinstance(caught.value, errors.OutcomeUnknownError)
            assert not caught.value.may_have_been_sent
            assert await entries(runway, "refused") == 1
        assert not server.requests
        async with opened(server, journal=tmp_path / "shots.db") as runway:
            await runway.submit(yawn())


@pytest.mark.parametrize("moment", ["on_request_start", "on_connection_create_start", "on_request_headers_sent"])
async def test_a_create_that_is_cancelled_before_its_first_byte_was_not_sent(moment: str, tmp_path: Any) -> None:
    """The journal says that nothing was created, not that it may have been."""
    reached = asyncio.Event()

    async def pause(*_: object) -> None:
        reached.set()
        await asyncio.sleep(1e6)

    config = aiohttp.TraceConfig()
    getattr(config, moment).append(pause)
    async with raw_server() as server, aiohttp.ClientSession(trace_configs=[config]) as client:
        with pytest.raises(ZeroDivisionError):
            async with opened(server, borrows=client, journal=tmp_path / "shots.db") as runway:
                submission = asyncio.ensure_future(runway.submit(yawn()))
                await reached.wait()
                raise ZeroDivisionError
        await asyncio.gather(submission, return_exceptions=True)
        async with opened(server, journal=tmp_path / "shots.db") as runway:
            assert await entries(runway, "refused") == 1


@pytest.mark.parametrize("stops", [False, True], ids=["left", "stopped"])
async def test_a_create_whose_connection_comes_too_late_is_not_sent(stops: bool, tmp_path: Any) -> None:
    """What is still connecting when the session is left, or when submitting is stopped, is not bought."""
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def pause(*_: object) -> None:
        reached.set()
        await go_on.wait()

    config = aiohttp.TraceConfig()
    config.on_connection_create_end.append(pause)
    async with raw_server() as server, aiohttp.ClientSession(trace_configs=[config]) as client:
        with pytest.raises(ZeroDivisionError):
            async with opened(server, borrows=client, journal=tmp_path / "shots.db") as runway:
                submission = asyncio.ensure_future(runway.submit(yawn()))
                await reached.wait()
                if stops:
                    runway.stop_submitting()
                    go_on.set()
                    with pytest.raises(errors.BudgetError):
                        await submission
                asyncio.get_running_loop().call_later(1, go_on.set)
                raise ZeroDivisionError
        await asyncio.gather(submission, return_exceptions=True)
        assert not server.creates
        async with opened(server, journal=tmp_path / "shots.db") as runway:
            assert await entries(runway, "refused") == 1


async def test_a_create_that_was_begun_stays_in_doubt() -> None:
    """A connection that breaks after the request was taken proves nothing."""
    async with raw_server(lambda _request: b"") as server, opened(server) as runway:
        with pytest.raises(errors.OutcomeUnknownError):
            await runway.submit(yawn())
    assert len(server.creates) == 1


async def twice(request: Any, handler: Any) -> Any:
    """Be a middleware that repeats what failed."""
    response = await handler(request)
    return await handler(request) if response.status >= 500 else response


def between() -> aiohttp.ClientSession:
    """Return a session with that middleware."""
    return aiohttp.ClientSession(middlewares=[twice])


def around() -> aiohttp.ClientSession:
    """Return a session of a class that repeats what failed."""
    with pytest.warns(DeprecationWarning, match="Inheritance"):

        class Twice(aiohttp.ClientSession):
            async def _request(self, *args: Any, **options: Any) -> aiohttp.ClientResponse:
                response = await super()._request(*args, **options)
                return await super()._request(*args, **options) if response.status >= 500 else response

    return Twice()


@pytest.mark.parametrize("status", [502, 504, 500])
@pytest.mark.parametrize("make", [between, around])
async def test_a_borrowed_session_that_repeats_by_itself_pays_once(make: Any, status: int) -> None:
    """No middleware and no subclass can send a create twice."""
    async with raw_server(lambda _request: http({"error": "no"}, status)) as server, make() as client:
        async with opened(server, borrows=client) as runway:
            with pytest.raises(errors.OutcomeUnknownError):
                await runway.submit(yawn())
    assert len(server.creates) == 1


def test_what_is_no_session_cannot_be_borrowed() -> None:
    """A wrapper such as a RetryClient is refused before anything is sent, with the cure."""

    class RetryClient:
        """Looks like the one of aiohttp_retry."""

    with pytest.raises(TypeError, match=r"RetryClient.*pass the ClientSession"):
        Session(KEY, http=RetryClient())  # type: ignore[arg-type]
