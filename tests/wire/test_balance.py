"""What an account has left, where the provider tells."""

from datetime import date
from typing import Any

import pytest

from cometrunway import TextToVideo, Usage, errors
from cometrunway._wire._balance import balance_request, decode_balance, decode_usage, usage_request
from cometrunway._wire._http import HttpResponse
from cometrunway._wire._provider import RUNWAY
from cometrunway.emulator import Emulator


def answer(body: bytes, status: int = 200) -> HttpResponse:
    """Return an answer of the API."""
    return HttpResponse(status=status, headers={}, body=body)


async def test_the_balance_and_the_usage_are_told(session: Any) -> None:
    """A create takes from the one and adds to the other; where nothing is left, the refusal says so."""
    boat = TextToVideo(model="gen4.5", prompt_text="a boat", ratio="1280:720", duration=5)
    async with Emulator(balance=1) as emulator, session(emulator, provider="runway") as runway:
        assert (await runway.balance()).credits == 1
        await runway.submit(boat)
        balance = await runway.balance()
        assert (balance.credits, balance.daily_left["gen4.5"]) == (0, 1000)
        [used] = await runway.usage()
        assert (used.model, used.credits) == ("gen4.5", 1)
        with pytest.raises(errors.InsufficientBalanceError, match="not have enough credits"):
            await runway.submit(boat)


async def test_a_provider_that_does_not_tell_is_not_asked(session: Any) -> None:
    """The error says so."""
    async with Emulator() as emulator, session(emulator) as runway:
        for asking in (runway.balance(), runway.usage()):
            with pytest.raises(errors.BalanceNotSupportedError, match="cometapi has no request"):
                await asking
        assert not emulator.requests


def test_what_an_answer_lacks_is_told() -> None:
    """Models without limits are left out; an answer without a balance, or a refusal, is an error."""
    some = decode_balance(
        answer(b'{"creditBalance": 7, "tier": {"models": {"a": {"maxDailyGenerations": 5}, "b": {}}}}')
    )
    assert (some.credits, some.daily_left) == (7, {"a": 5})
    day = b'{"results": [{"date": "2026-11-30", "usedCredits": [{"model": "a", "amount": 3}]}]}'
    assert decode_usage(answer(day)) == (Usage(day=date(2026, 11, 30), model="a", credits=3),)
    for body in (b"{}", b'{"results": [{}]}', b"<html>"):
        for decode in (decode_balance, decode_usage):
            with pytest.raises(errors.ProtocolError):
                decode(answer(body))
    with pytest.raises(errors.AuthenticationError):
        decode_balance(answer(b'{"error": "no"}', 401))


def test_runway_tells_its_balance_and_its_usage() -> None:
    """At the paths of its own API."""
    assert balance_request(RUNWAY).path == "/v1/organization"
    assert usage_request(RUNWAY).path == "/v1/organization/usage"
