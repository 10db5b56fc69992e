"""A key that a function returns: asked for when the session opens, and again when it is refused."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cometrunway import PollPolicy, Session, errors
from cometrunway.emulator import Emulator, Fault
from tests.samples import yawn


class Keys:
    """A function that returns one key after the other, and the last one for ever."""

    def __init__(self, *keys: Any) -> None:
        self.left = list(keys)
        self.calls = 0

    def __call__(self) -> Any:
        self.calls += 1
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


async def by_coroutine(keys: Keys) -> str:
    """Return the key later, as a secrets manager does."""
    await asyncio.sleep(1)
    return str(keys())


def opened(emulator: Emulator, keys: Any, **options: Any) -> Session:
    """Return a session that downloads nothing."""
    return Session(keys, base_url=emulator.base_url, output_dir=None, **options)


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_function_gives_the_key(is_async: bool) -> None:
    """Plain or async, it is called once for a whole session."""
    async with Emulator() as emulator:
        keys = Keys(emulator.api_key)
        async with opened(emulator, (lambda: by_coroutine(keys)) if is_async else keys) as runway:
            await (await runway.submit(yawn()))
    assert keys.calls == 1


@pytest.mark.parametrize("is_borrowed", [False, True])
async def test_a_create_that_met_an_old_key_is_sent_with_the_new_one(is_borrowed: bool) -> None:
    """The refused one bought nothing; many at once ask once; a borrowed session's own headers stay as they are."""
    async with Emulator() as emulator, aiohttp.ClientSession(headers={"Authorization": "theirs"}) as http:
        keys = Keys("sk-old", emulator.api_key)
        async with opened(emulator, keys, http=http if is_borrowed else None) as runway:
            await asyncio.gather(*(runway.submit(yawn(number)) for number in range(10)))
        assert http.headers["Authorization"] == "theirs"
    assert keys.calls == 2
    assert emulator.creates.accepted == 10
    assert 10 < emulator.creates.received <= 20


async def test_a_poll_that_met_an_old_key_is_sent_with_the_new_one() -> None:
    """So that no wait sees the change."""
    async with Emulator(not_exist_seconds=0) as emulator, opened(emulator, emulator.api_key) as runway:
        handle = await runway.submit(yawn())
        async with opened(emulator, Keys("sk-old", emulator.api_key)) as other:
            assert (await other.attach(handle.token).wait()).id == handle.id
            assert not other.attach(handle.token).poll_errors


@pytest.mark.parametrize(
    "call",
    [
        lambda runway: runway.balance(),
        lambda runway: runway.usage(),
        lambda runway: runway._lifetime.parts.api.cancel("text_to_video", "a-task-that-is-gone"),
    ],
    ids=["balance", "usage", "cancel"],
)
async def test_any_other_call_that_met_an_old_key_is_sent_with_the_new_one(call: Any) -> None:
    """Once more, and no oftener."""
    async with Emulator() as emulator:
        keys = Keys("sk-old", emulator.api_key)
        async with opened(emulator, keys, provider="runway") as runway:
            await call(runway)
    assert (keys.calls, len(emulator.requests)) == (2, 2)


async def test_a_key_that_stays_refused_is_an_error() -> None:
    """Where the function has no other key, the refusal is raised as that of any key."""
    async with Emulator() as emulator:
        keys = Keys("sk-old", "sk-older")
        async with opened(emulator, keys) as runway:
            with pytest.raises(errors.AuthenticationError):
                await runway.submit(yawn())
    assert (keys.calls, emulator.creates.received) == (2, 2)


def one_that_fails() -> Iterator[Any]:
    """Return a key, and then fail with it in the text."""
    yield "sk-secret-of-mine"
    raise OSError("sk-secret-of-mine")


async def test_a_function_that_fails_later_leaves_the_refusal(caplog: pytest.LogCaptureFixture) -> None:
    """That it failed is logged, without its text; no key is in any log or repr."""
    caplog.set_level(logging.DEBUG)
    async with Emulator() as emulator, opened(emulator, one_that_fails().__next__) as runway:
        with pytest.raises(errors.AuthenticationError) as caught:
            await runway.submit(yawn())
    assert "OSError" in caplog.text
    for shown in (caplog.text, repr(runway), str(caught.value), repr(vars(runway._composition))):
        assert "sk-secret" not in shown


@pytest.mark.parametrize("key", ["", None, 7, "sk with blanks"])
async def test_what_is_no_key_is_refused_on_opening(key: Any) -> None:
    """And what the function raises then is raised as it is."""
    async with Emulator() as emulator:
        with pytest.raises(ValueError, match="key"):
            await opened(emulator, lambda: key).open()
        with pytest.raises(ZeroDivisionError):
            await opened(emulator, lambda: 1 / 0).open()


async def test_old_and_new_keys_are_removed_from_answers() -> None:
    """Whichever of them a gateway repeats."""
    async with Emulator() as emulator:
        keys = Keys("sk-the-old-one-of-us", emulator.api_key)
        async with opened(emulator, keys, poll=PollPolicy(first=1)) as runway:
            await runway.submit(yawn(1))
            emulator.script("create", Fault.answer(400, b'{"error": "sk-the-old-one-of-us, sk-emulator"}'))
            with pytest.raises(errors.APIError) as caught:
                await runway.submit(yawn(2))
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize(
    ("origin", "given"),
    [
        ("the environment variable COMETAPI_KEY", {}),
        ("the option api_key", {"api_key": "sk-mistyped"}),
        ("the function api_key", {"api_key": lambda: "sk-mistyped"}),
    ],
)
async def test_a_refusal_of_the_key_says_where_the_key_came_from(
    origin: str, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A create and a poll name the variable or the option, and never the key."""
    monkeypatch.setenv("COMETAPI_KEY", "sk-mistyped")
    async with Emulator() as emulator:
        async with Session(base_url=emulator.base_url, output_dir=tmp_path, **given) as runway:
            for refused in (runway.submit(yawn(), key="cat"), runway.retrieve("t-1")):
                with pytest.raises(errors.AuthenticationError) as caught:
                    await refused
                assert caught.value.key_origin == origin
                assert f"the key came from {origin}" in str(caught.value)
                assert "takes the key sk-emulator" in str(caught.value)
                assert "sk-mistyped" not in str(caught.value)
