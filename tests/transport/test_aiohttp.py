"""Connections: what they carry, and what comes of their faults."""

import asyncio
from typing import Any

import aiohttp
import pytest

from cometrunway import (
    Event,
    EventKind,
    PollPolicy,
    Session,
    errors,
)
from cometrunway.emulator import Emulator, Fault
from tests.samples import yawn


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
    """A base URL that is empty or none at all, or would send the key in the clear, is an error."""
    monkeypatch.delenv("COMETRUNWAY_BASE_URL", raising=False)
    with pytest.raises(ValueError, match="base_url"):
        Session("sk-x", base_url=url)


@pytest.mark.parametrize("key", ["sk x", "sk-é", "sk-\n-x"])
def test_a_mangled_key_is_refused(key: str) -> None:
    """A key with spaces or strange characters is refused, and is not in the message."""
    with pytest.raises(ValueError, match="characters") as caught:
        Session(key)
    assert key not in str(caught.value)


async def test_a_borrowed_connection_that_raises_for_status_changes_nothing(session: Any) -> None:
    """A refusal is a refusal, and a 429 is repeated, whatever the borrowed session makes of statuses."""
    async with Emulator() as emulator, aiohttp.ClientSession(raise_for_status=True) as http:
        async with session(emulator, http=http) as runway:
            emulator.script("create", Fault.rate_limited(), Fault.answer(400))
            with pytest.raises(errors.InvalidRequestError):
                await runway.submit(yawn())


async def test_polls_that_are_never_answered_are_given_up(session: Any) -> None:
    """After thirty seconds each of them has failed, whenever it began, and its task is polled again."""
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


async def test_a_short_key_is_removed_as_a_word_only(session: Any) -> None:
    """A key of one letter does not change the words of an error that it is a part of."""
    async with Emulator(api_key="k") as emulator, session(emulator) as runway:
        emulator.script("create", Fault.answer(401, {"error": {"message": "token k is unknown, like k-2"}}))
        with pytest.raises(errors.AuthenticationError, match=r"token \*\*\* is unknown, like k-2"):
            await runway.submit(yawn())


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


async def test_a_borrowed_connection_is_left_open(session: Any) -> None:
    """http= is used for API calls, never for assets, and is not closed."""
    async with Emulator() as emulator, aiohttp.ClientSession(headers={"User-Agent": "mine"}) as http:
        async with session(emulator, http=http) as runway:
            await (await runway.submit(yawn()))
        assert not http.closed
        agents = {entry.operation: entry.headers["user-agent"] for entry in emulator.requests}
    assert agents["create"] == agents["poll"] == "mine"
    assert agents["asset"] != "mine"
